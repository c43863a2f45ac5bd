"""Connections between groups, and what a link type is."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from spaic.errors import DeclarationError, reject_unknown
from spaic.Graph.transforms import Transform
from spaic.Graph.values import Value, as_value
from spaic.Network.element import Element
from spaic.registry import links, synapses
from spaic.seeds import Key

Shape = tuple[int, ...]

#: Spellings of ports and variables that SPAIC's users know.
_DEFAULT_PORT = ("isyn", "wgtsum", "input")


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
    syn_type : str, optional
        A registered synapse that shapes what arrives, after the link.
    syn_kwargs : mapping, optional
        Its parameters.
    pre_var_name : str
        Variable of `pre` that is transmitted.
    post_var_name : str, optional
        Port of `post` that receives; its first one by default.
    is_parameter : bool
        False keeps the weights out of training.
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
        **options: Any,
    ) -> None:
        super().__init__(name)
        for side, end in (("pre", pre), ("post", post)):
            if not isinstance(end, Element):
                raise DeclarationError(f"Connection: {side} is {end!r}, not a part of a network; give a group or node")
        self.pre, self.post = pre, post
        self.link_type, self.link = _link(link_type, options)
        self.delay = _delay(delay, max_delay, min_delay)
        self.pre_var_name = pre_var_name
        self.post_var_name = None if post_var_name is None or post_var_name.lower() in _DEFAULT_PORT else post_var_name
        self.synapse, self.synapse_values = _synapse(syn_type, dict(syn_kwargs or {}))
        self.is_parameter = is_parameter

    def parts(self) -> tuple[Element, ...]:
        return self.pre, self.post


def _link(link_type: str | LinkType, options: Mapping[str, Any]) -> tuple[str, LinkType]:
    if isinstance(link_type, LinkType):
        reject_unknown("Connection", options, (), "keyword besides a link type object")
        return type(link_type).__name__, link_type
    name = links.canonical(link_type)
    kind = links[name]
    where = f"Connection({name})"
    reject_unknown(where, options, [f.name for f in dataclasses.fields(kind)])
    made: LinkType = kind(**{k: _plain(v, f"{where}.{k}") for k, v in options.items()})
    return name, made


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


def _synapse(syn_type: str | Iterable[str] | None, values: dict[str, Any]) -> tuple[Any, dict[str, Value]]:
    names = [syn_type] if isinstance(syn_type, str) else list(syn_type or ())
    names = [n for n in names if n.lower() not in ("basic", "basic_synapse", "conv", "conv_synapse")]  # the link itself
    if not names:
        reject_unknown("Connection.syn_kwargs", values, ())
        return None, {}
    if len(names) > 1:
        raise DeclarationError(f"Connection: chains of synapses {names} are not supported yet; give one")
    model = synapses[names[0]]
    reject_unknown(f"Connection({model.name})", values, model.parameters, "synapse parameter")
    return model, {k: as_value(v, f"Connection({model.name}).{k}") for k, v in values.items()}
