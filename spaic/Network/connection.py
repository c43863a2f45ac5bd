"""Connections between groups, and what a link type is."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from spaic import spellings
from spaic.errors import DeclarationError, StateError, UnknownName, nearest, reject_unknown
from spaic.Graph.transforms import Transform
from spaic.Graph.values import Value, as_value
from spaic.Network.container import Container
from spaic.Network.element import Element
from spaic.registry import links, synapses
from spaic.seeds import Key

Shape = tuple[int, ...]

#: Stages of `syn_type` that stand for the link itself, and those around it: name -> (link type, its fixed keywords).
_ITSELF = ("basic", "conv")
_STAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "avgpool": ("pool", {"mode": "avg"}),
    "maxpool": ("pool", {"mode": "max"}),
    "dropout": ("dropout", {}),
}
_NOTHING = ("flatten", "directpass")  # groups of any shape are connected as they are


class LinkType(ABC):
    """A kind of connection: a frozen dataclass whose fields are its keywords."""

    @abstractmethod
    def transforms(self, pre: Shape, post: Shape, path: str, key: Key) -> tuple[Transform, ...]:
        """What the link does to its input.

        Parameters
        ----------
        pre, post : tuple of int
            Shapes of the two groups.
        path : str
            Path of the connection, for messages.
        key : Key
            For random patterns.
        """


class Connection(Element):
    """A connection from one group or node to another.

    Parameters
    ----------
    pre, post : NeuronGroup, Node
        The presynaptic and the postsynaptic side.
    link_type : str or LinkType
        full, one_to_one, sparse, conv, pool (docs/models.md lists all).
    delay : float, array or initializer, optional
        In ms: one for all, or one per synapse. Without it 0, and one step inside a loop.
    max_delay : float, optional
        SPAIC's way: delays per synapse drawn uniformly between `min_delay` and this, in ms.
    min_delay : float
        Lower end of the drawn delays in ms.
    syn_type : str or list of str, optional
        What happens around the link, in order: ``basic`` (or ``conv``) is the link itself, ``dropout``, ``avgpool`` and ``maxpool``
        stand before or after it, and a registered synapse that shapes what arrives may come last.
    syn_kwargs : mapping, optional
        Their parameters, such as ``{"p": 0.6}``.
    pre_var_name : str
        Variable of `pre` that is transmitted.
    post_var_name : str, optional
        Port of `post` that receives; its first one by default.
    is_parameter : bool
        False keeps the weights out of training.
    w_min, w_max : float, optional
        Bounds of the weights, kept at the start of every run and after every step of a learner. Drawn weights are clipped to them.
    name : str, optional
        Name where it is not assigned to an attribute.
    **options
        Keywords of the link type: weight, bias, w_mean, w_std, density, kernel_size, ...

    Raises
    ------
    DeclarationError
        For an unknown link type or keyword, with the nearest name.

    Examples
    --------
    >>> import spaic
    >>> a, b = spaic.NeuronGroup(3, model="lif"), spaic.NeuronGroup(2, model="lif")
    >>> spaic.Connection(a, b, link_type="full", weigth=0.5)
    Traceback (most recent call last):
        ...
    spaic.errors.DeclarationError: Connection(full): unknown keyword 'weigth'; did you mean 'weight'?
    """

    kind = "connection"
    refers = ("pre", "post")

    @classmethod
    def meant(cls, args: tuple[Any, ...], options: Mapping[str, Any]) -> Callable[..., Any] | None:
        ends = dict(zip(("pre", "post"), args, strict=False)) | dict(options)
        if not any(isinstance(ends.get(side), Container) for side in ("pre", "post")):
            return None
        return lambda *args, **options: cls.pattern(*args, **options).as_projection()

    @property
    def weight(self) -> Any:
        """The weights as they are now, ``[post, pre]`` or as the link type has them: the tensor that is trained."""
        return self._parameter("weight")

    @property
    def bias(self) -> Any:
        """The biases as they are now."""
        return self._parameter("bias")

    def _parameter(self, name: str) -> Any:
        tensors = self._top._tensors(f"{self.path}.{name}")
        if f"{self.path}.{name}" not in tensors:
            raise StateError(f"{self.path}: it has no {name} in the last build; build the network, or look at net.state_dict()")
        return tensors[f"{self.path}.{name}"]

    @classmethod
    def pattern(cls, *args: Any, **options: Any) -> Connection:
        """A connection that belongs to nothing, from which a projection makes its own."""
        made: Connection = object.__new__(cls)
        made.__init__(*args, **options)  # type: ignore[misc]
        made.__dict__["_is_finished"] = True
        return made

    def as_projection(self) -> Any:
        """This connection between assemblies as a projection between the groups at their boundaries."""
        from spaic.Network.projection import boundary_projection

        return boundary_projection(self)

    def __init__(
        self,
        pre: Any,
        post: Any,
        name: str | None = None,
        link_type: str | LinkType = "full",
        syn_type: str | Iterable[str] | None = None,
        max_delay: float | None = None,
        *,
        delay: Any = None,
        min_delay: float = 0.0,
        syn_kwargs: Mapping[str, Any] | None = None,
        pre_var_name: str = "O",
        post_var_name: str | None = None,
        is_parameter: bool = True,
        w_min: float | None = None,
        w_max: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(name)
        for side, end in (("pre", pre), ("post", post)):
            if not isinstance(end, Element):
                raise DeclarationError(f"Connection: {side} is {end!r}, not a part of a network; give a group or node")
        self.pre, self.post = pre, post
        around, synapse_names = _stages(syn_type)
        values = dict(syn_kwargs or {})
        self.link_type, self.link = _link(*_pooled(link_type, around, options, values))
        self.chain = _chain(self.link, around, options, values)
        self.delay = _delay(delay, max_delay, min_delay)
        self.pre_var_name = pre_var_name
        port = None if post_var_name is None else spellings.name("port", post_var_name)
        self.post_var_name = None if port in (None, "isyn", "input") else post_var_name
        self.synapse, self.synapse_values = _synapse(synapse_names, values)
        self.is_parameter = is_parameter
        self.bounds = _bounds(w_min, w_max, self.link_type)


def _link(link_type: str | LinkType, options: Mapping[str, Any]) -> tuple[str, LinkType]:
    if isinstance(link_type, LinkType):
        reject_unknown("Connection", options, (), "keyword besides a link type object")
        return type(link_type).__name__, link_type
    if not isinstance(link_type, str):
        raise DeclarationError(f"Connection: link_type is {link_type!r}; give a name or a link type, {nearest('', links)}")
    name = links.canonical(link_type)
    kind = links[name]
    where = f"Connection({name})"
    reject_unknown(where, options, [f.name for f in dataclasses.fields(kind)] + ["w_min", "w_max"])
    made: LinkType = kind(**{k: _plain(v, f"{where}.{k}") for k, v in options.items()})
    return name, made


def _stages(syn_type: str | Iterable[str] | None) -> tuple[tuple[list[str], list[str]], list[str]]:
    """Stages before and after the link, and the synapses behind them."""
    given = [syn_type] if isinstance(syn_type, str) else list(syn_type or ())
    names = [spellings.name("synapse", str(n)) for n in given]
    known = [*_ITSELF, *_STAGES, *_NOTHING]
    for name in names:
        if name not in known and name not in synapses:
            raise UnknownName(f"Connection: unknown synapse model {name!r}; {nearest(name, [*known, *synapses])}")
    itself = [i for i, n in enumerate(names) if n in _ITSELF]
    if len(itself) > 1:
        raise DeclarationError(f"Connection: syn_type {given} names the link itself twice; a connection has one link")
    place = itself[0] if itself else -1
    before, after = names[: max(place, 0)], names[place + 1 :]
    own = [n for n in after if n in synapses]
    if any(n in synapses for n in before) or after[len(after) - len(own) :] != own:
        raise DeclarationError(f"Connection: syn_type {given} has a synapse before another stage; put it last")
    return ([n for n in before if n in _STAGES], [n for n in after if n in _STAGES]), own


def _pooled(link_type: Any, around: Any, options: dict[str, Any], values: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The link type and its own keywords; ``link_type='pool', syn_type='maxpool'`` is one stage, not two."""
    is_pool = isinstance(link_type, str) and link_type in links and links.canonical(link_type) == "pool"
    for side in around if is_pool else ():
        for name in [n for n in side if n in ("avgpool", "maxpool")]:
            side.remove(name)
            options.setdefault("mode", _STAGES[name][1]["mode"])
    belonging = {key for side in around for name in side for key in _fields(name)}
    own = {k: v for k, v in options.items() if k not in belonging}
    values.update({k: v for k, v in options.items() if k in belonging and k not in values})
    return link_type, own


def _chain(link: LinkType, around: tuple[list[str], list[str]], options: Any, values: dict[str, Any]) -> tuple[LinkType, ...]:
    """The link with the stages before and after it; their parameters are taken out of `values`."""
    names = [*around[0], *around[1]]
    given = {name: {k: values[k] for k in _fields(name) if k in values} for name in names}
    for key in {k for name in names for k in _fields(name)} & set(values):
        del values[key]
    made = [links[_STAGES[n][0]](**_STAGES[n][1], **given[n]) for n in names]
    return (*made[: len(around[0])], link, *made[len(around[0]) :])


def _fields(stage: str) -> list[str]:
    """Keywords that a stage takes."""
    kind, fixed = _STAGES[stage]
    return [f.name for f in dataclasses.fields(links[kind]) if f.name not in fixed]


def _bounds(w_min: float | None, w_max: float | None, link_type: str) -> tuple[float, float] | None:
    if w_min is None and w_max is None:
        return None
    low = float("-inf") if w_min is None else float(as_value(w_min, f"Connection({link_type}).w_min"))  # type: ignore[arg-type]
    high = float("inf") if w_max is None else float(as_value(w_max, f"Connection({link_type}).w_max"))  # type: ignore[arg-type]
    if not low <= high:
        raise DeclarationError(f"Connection({link_type}): w_min {low:g} is above w_max {high:g}; exchange them")
    return low, high


def _plain(value: Any, path: str) -> Any:
    """Arrays and tensors as checked values; everything else as it is."""
    return as_value(value, path) if hasattr(value, "__array__") or hasattr(value, "detach") else value


def _delay(delay: Any, max_delay: float | None, min_delay: float) -> Value | None:
    if max_delay is None or max_delay == 0:
        if min_delay:
            raise DeclarationError(f"Connection: min_delay {min_delay} is given without max_delay; give both, or delay")
        return None if delay is None else as_value(delay, "Connection.delay")
    if delay is not None:
        raise DeclarationError("Connection: both delay and max_delay are given; give one of them")
    if not 0 <= min_delay <= max_delay:
        raise DeclarationError(f"Connection: delays between {min_delay} and {max_delay} ms make no sense; use 0 <= min_delay <= max_delay")
    from spaic.registry import initializers

    drawn: Value = initializers["uniform"](min_delay, max_delay)
    return drawn


def _synapse(names: list[str], values: dict[str, Any]) -> tuple[Any, dict[str, Value]]:
    if not names:
        reject_unknown("Connection.syn_kwargs", values, ())
        return None, {}
    if len(names) > 1:
        raise DeclarationError(f"Connection: {names} are several synapses in a row, which is not supported yet; give one")
    model = synapses[names[0]]
    reject_unknown(f"Connection({model.name})", values, model.parameters, "synapse parameter")
    return model, {k: as_value(v, f"Connection({model.name}).{k}") for k, v in values.items()}
