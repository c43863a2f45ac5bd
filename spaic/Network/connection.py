"""Connections between groups, and what a link type is."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from spaic import spellings
from spaic.Dynamics.models import SynapseModel
from spaic.errors import DeclarationError, StateError, nearest, reject_unknown
from spaic.Graph.schedule import delay_in_ms
from spaic.Graph.transforms import Transform
from spaic.Graph.values import Value, as_value
from spaic.Network import constraints, stages
from spaic.Network.container import Container
from spaic.Network.element import Element
from spaic.registry import links
from spaic.seeds import Key
from spaic.units import in_unit

Shape = tuple[int, ...]


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

    def closed(self) -> LinkType:
        """The same where it leads from a group to itself, which may call for other weights to start from."""
        return self


class Connection(Element):
    """A connection from one group or node to another.

    Parameters
    ----------
    pre, post : NeuronGroup, Node
        The presynaptic and the postsynaptic side.
    link_type : str or LinkType
        full, one_to_one, sparse, conv, pool (docs/models.md lists all).
    delay : float, str, array or initializer, optional
        In ms, or text with a unit (``"2 ms"``): one for all, or one per synapse, in an array of the shape of the weights (sizes may be 1):
        for a convolution that is one per weight of the kernel, for pooling, ``(channels, *kernel)``, one per tap. Or one per channel of the
        source, in all links with channels, or per value of the source where a link has neither weights nor taps. Without it 0, and one
        step inside a loop.
    max_delay : float or str, optional
        SPAIC's way: delays per synapse drawn uniformly between `min_delay` and this, in ms.
    min_delay : float or str
        Lower end of the drawn delays in ms.
    syn_type : str, SynapseModel or list of them, optional
        What happens from the presynaptic to the postsynaptic side, in order. ``basic`` (or ``conv``) is the link itself. Stages such as
        ``dropout``, ``batchnorm``, ``avgpool``, ``maxpool`` and ``upsample``, and synapses (registered ones, or a
        :class:`~spaic.Dynamics.models.SynapseModel`), stand before or after it; without it, all but presynaptic synapses stand after.
        ``electrical`` makes a gap junction.
    syn_kwargs : mapping, optional
        Their parameters, such as ``{"p": 0.6}``; where several have one of that name, ``{"first_order": {"tau": 3.0}}``.
    pre_var_name : str
        Variable of `pre` that is transmitted.
    post_var_name : str, optional
        Port of `post` that receives; its first one by default.
    is_parameter : bool
        False keeps the weights out of training.
    delay_trainable : bool
        Whether a learner changes the delay. It then need be no whole number of steps, and stays between 0 and `max_delay`, which says how
        far back is remembered and has to be given; `delay` is where it starts, of any shape as above, otherwise it is drawn from
        `min_delay` to `max_delay`, one for each synapse. Not in loops.
    sign : str, optional
        ``"+"`` or ``"-"``: of all weights, always (Dale's law). Drawn weights are mirrored.
    w_norm : float, optional
        What the absolute weights that enter a neuron (a channel of a convolution) add up to, kept where bounds are.
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
    def synapse(self) -> SynapseModel | None:
        """The synapse that shapes what arrives last of all, if there is one."""
        last = self.chain[-1]
        return last.model if isinstance(last, stages.Shaping) else None

    @property
    def synapse_values(self) -> Mapping[str, Value]:
        """The parameters of that synapse that were given."""
        last = self.chain[-1]
        return last.values if isinstance(last, stages.Shaping) else {}

    @property
    def is_electrical(self) -> bool:
        """Whether it is a gap junction."""
        return any(getattr(stage, "is_junction", False) for stage in self.chain)

    def place(self, variable: str) -> str:
        """Path of one of its variables in the graph: several synapses in a row are populations of their own.

        Parameters
        ----------
        variable : str
            ``"current"`` is what it delivers in the end. A name that several synapses have means that of the last one;
            ``"first_order.I_syn"`` names another.
        """
        return stages.place(self, variable)

    @property
    def weight(self) -> Any:
        """The weights as they are now, ``[post, pre]`` or as the link type has them: the tensor that is trained."""
        return self._parameter("weight")

    @weight.setter
    def weight(self, value: Any) -> None:
        raise StateError(
            f"{self.path}.weight: weights belong to the built network; change them in place, "
            f"`with torch.no_grad(): net.{self.path}.weight.copy_(values)`, load them with net.load_state_dict, or give weight= to a new "
            "connection"
        )

    @property
    def bias(self) -> Any:
        """The biases as they are now."""
        return self._parameter("bias")

    @property
    def delays(self) -> Any:
        """The delays of the last build in ms, drawn ones as they were drawn: a number, or one for each synapse (or value of the source).

        Learned ones are the tensor that is trained; the others an array that nothing is changed by.

        Examples
        --------
        >>> import spaic
        >>> net = spaic.Network(seed=1)
        >>> net.a, net.b = spaic.NeuronGroup(3, model="lif"), spaic.NeuronGroup(2, model="lif")
        >>> net.wire = spaic.Connection(net.a, net.b, weight=0.1, min_delay=1.0, max_delay=5.0)
        >>> net.wire.delays.round(1)
        array([[2.1, 2.8, 3.7],
               [4.1, 2.3, 4.4]])
        """
        if self.delay_limit is not None:
            return self._parameter("delay")
        self._top._tensors(f"{self.path}.delays")  # builds the network
        return delay_in_ms(self._top._simulation.graph, self.path)

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
        syn_type: str | SynapseModel | Iterable[str | SynapseModel] | None = None,
        max_delay: float | str | None = None,
        *,
        delay: Any = None,
        min_delay: float | str = 0.0,
        syn_kwargs: Mapping[str, Any] | None = None,
        pre_var_name: str = "O",
        post_var_name: str | None = None,
        is_parameter: bool = True,
        w_min: float | None = None,
        w_max: float | None = None,
        delay_trainable: bool = False,
        sign: str | None = None,
        w_norm: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(name)
        for side, end in (("pre", pre), ("post", post)):
            if not isinstance(end, Element):
                raise DeclarationError(f"Connection: {side} is {end!r}, not a part of a network; give a group or node")
        self.pre, self.post = pre, post
        constraints.check_kinds(syn_kwargs, is_parameter, pre_var_name, post_var_name)
        around = stages.named(syn_type)
        values = dict(syn_kwargs or {})
        self.link_type, self.link = _link(*stages.pooled(link_type, around, options, values))
        self.chain = stages.chain(self.link, around, values)
        where = f"Connection({self.link_type})"
        longest, shortest = in_unit(max_delay, "ms", f"{where}.max_delay"), in_unit(min_delay, "ms", f"{where}.min_delay")
        delay = in_unit(delay, "ms", f"{where}.delay")
        self.delay_limit = constraints.delay_limit(delay_trainable, longest, where)
        self.delay = _delay(delay, None if delay_trainable and delay is not None else longest, shortest)
        self.pre_var_name = pre_var_name
        port = None if post_var_name is None else spellings.name("port", post_var_name)
        self.post_var_name = None if port in (None, "isyn", "input") else post_var_name
        self.is_parameter = is_parameter
        self.bounds = constraints.signed(_bounds(w_min, w_max, self.link_type), sign, where)
        self.sign, self.w_norm = sign, constraints.norm(w_norm, where)
        if self.is_electrical and self.delay is not None:
            raise DeclarationError("Connection: a gap junction has no delay; leave delay and max_delay out")


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


def _bounds(w_min: float | None, w_max: float | None, link_type: str) -> tuple[float, float] | None:
    if w_min is None and w_max is None:
        return None
    found = [as_value(v, f"Connection({link_type}).{k}") for k, v in (("w_min", w_min), ("w_max", w_max)) if v is not None]
    if not all(isinstance(v, float) for v in found):
        raise DeclarationError(
            f"Connection({link_type}): w_min {w_min!r} and w_max {w_max!r} are not two numbers; give one for all weights"
        )
    low = float("-inf") if w_min is None else float(found[0])  # type: ignore[arg-type]
    high = float("inf") if w_max is None else float(found[-1])  # type: ignore[arg-type]
    if not low <= high:
        raise DeclarationError(f"Connection({link_type}): w_min {low:g} is above w_max {high:g}; exchange them")
    return low, high


def _plain(value: Any, path: str) -> Any:
    """Arrays and tensors as checked values; everything else as it is."""
    return as_value(value, path) if hasattr(value, "__array__") or hasattr(value, "detach") else value


def _delay(delay: Any, max_delay: float | None, min_delay: float) -> Value | None:
    for name, time in (("max_delay", max_delay), ("min_delay", min_delay)):
        if isinstance(time, bool) or not isinstance(time, (int, float, np.number, type(None))):
            raise DeclarationError(f"Connection.{name}: {time!r} is no time; give a number of ms")
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
