"""What a connection is held to: the sign of its weights, their sum, the range of its delays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import inf, isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from spaic.errors import DeclarationError, NetworkError
from spaic.Graph.constraints import Mirrored, has_norm
from spaic.Graph.transforms import Sparse, Transform
from spaic.Graph.values import Draw, Value

if TYPE_CHECKING:
    from spaic.Network.connection import Connection

Bounds = tuple[float, float]


def check_kinds(syn_kwargs: Any, is_parameter: Any, pre_var_name: Any, post_var_name: Any) -> None:
    """Refuse what is no mapping, truth value or name."""
    if not isinstance(syn_kwargs, (Mapping, type(None))):
        raise DeclarationError(f"Connection.syn_kwargs: {syn_kwargs!r} is no mapping; give parameters such as {{'tau': 5.0}}")
    if not isinstance(is_parameter, (bool, np.bool_)):
        raise DeclarationError(f"Connection.is_parameter: {is_parameter!r} is no truth value; use True or False")
    for key, name in (("pre_var_name", pre_var_name), ("post_var_name", post_var_name)):
        if not isinstance(name, str) and not (name is None and key == "post_var_name"):
            raise DeclarationError(f"Connection.{key}: {name!r} is no name; give that of a variable, such as 'O'")


def delay_limit(is_trainable: Any, max_delay: Any, where: str) -> float | None:
    """The longest delay that may be learned, in ms; None where none is."""
    if not isinstance(is_trainable, bool):
        raise DeclarationError(f"{where}.delay_trainable: {is_trainable!r} is no truth value; use True or False")
    if not is_trainable:
        return None
    if isinstance(max_delay, bool) or not isinstance(max_delay, (int, float)) or not 0 < max_delay < inf:
        raise DeclarationError(f"{where}.max_delay: {max_delay!r} is no time above 0; a delay that is learned needs one, in ms")
    return float(max_delay)


def signed(bounds: Bounds | None, sign: Any, where: str) -> Bounds | None:
    """Bounds that also keep a sign."""
    if sign is None:
        return bounds
    if sign not in ("+", "-"):
        raise DeclarationError(f"{where}.sign: {sign!r} is no sign; use '+' or '-'")
    low, high = bounds or (-inf, inf)
    low, high = (max(low, 0.0), high) if sign == "+" else (low, min(high, 0.0))
    if low > high:
        raise DeclarationError(f"{where}.sign: no weight between w_min and w_max has the sign {sign!r}; change one of them")
    return low, high


def norm(value: Any, where: str) -> float | None:
    """The sum of the weights that enter a neuron, if it is given."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float)) or not (isfinite(value) and value > 0)):
        raise DeclarationError(f"{where}.w_norm: {value!r} is not above 0; give what the weights of a neuron add up to")
    return None if value is None else float(value)


def held(connection: Connection, transforms: tuple[Transform, ...]) -> tuple[Transform, ...]:
    """The transforms of a connection with drawn weights of its sign; what has no weights to hold is refused."""
    path = connection.path
    weighted = [t for t in transforms if "weight" in t.parameters()]
    if not weighted and (connection.sign is not None or connection.w_norm is not None):
        raise NetworkError(f"{path}: sign and w_norm are about weights, and {connection.link_type!r} has none; leave them out")
    if connection.w_norm is not None and not has_norm(weighted[0]):
        raise NetworkError(f"{path}.w_norm: the weights that enter a neuron of {connection.link_type!r} are not apart; leave it out")
    if getattr(connection.link, "allow_self", True) is False and connection.pre is not connection.post:
        raise NetworkError(
            f"{path}.allow_self: {connection.pre.path!r} is not {connection.post.path!r}, so no neuron meets itself; leave it out"
        )
    return tuple(_mirrored(t, connection.sign) for t in transforms)


def delays(connection: Connection, transforms: tuple[Transform, ...]) -> Value | None:
    """The delay; of a matrix of delays only those of the synapses that are stored."""
    value = connection.delay
    if isinstance(value, np.ndarray) and isinstance(transforms[0], Sparse):
        t = transforms[0]
        is_fixed = connection.delay_limit is None  # learned ones stay as many as they are
        whole = (t.post, t.pre)
        if value.shape == whole or (is_fixed and value.ndim == 2 and all(n in (1, s) for n, s in zip(value.shape, whole, strict=True))):
            return np.asarray(np.broadcast_to(value, whole)[t.targets, t.sources])
    return value


def _mirrored(transform: Transform, sign: str | None) -> Transform:
    if sign is None or "weight" not in transform.parameters():
        return transform
    weight = transform.parameters()["weight"][0]
    if not isinstance(weight, Draw):
        return transform
    return replace(transform, weight=Mirrored(weight, 1 if sign == "+" else -1))  # type: ignore[call-arg]
