"""The firing threshold of the group that a monitor watches."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from spaic.Network.element import Element
from spaic.Network.network import Network
from spaic.Plot.canvas import as_array
from spaic.Plot.recording import Recording

#: A spike condition that compares a state with one parameter or number.
_PLAIN = re.compile(r"^\s*(\w+)\s*>=?\s*(-?[\w.+-]+)\s*$")


def level(record: Recording) -> float | None:
    """The value of the recorded variable above which its neurons fire; None where that is not one number.

    It is known for conditions such as ``"V > V_th"``, with the value of ``V_th`` that was given or learned.
    """
    model = getattr(record.target, "model", None)
    match = _PLAIN.match(getattr(model, "spike", ""))
    if match is None or match[1] != record.variable.removesuffix("_before_reset"):
        return None
    if match[2] not in model.parameters:  # type: ignore[union-attr]
        return _number(match[2])
    values = np.unique(as_array(_value(record.target, match[2]), "traces: threshold"))
    return float(values[0]) if values.size == 1 else None


def network_of(element: Element) -> Network | None:
    """The network that an element belongs to."""
    above: Any = element
    while above.parent is not None:
        above = above.parent
    return above if isinstance(above, Network) else None


def _value(group: Any, name: str) -> Any:
    """What a parameter is now: learned, given, or the default of the model."""
    declared = group.parameters.get(name, group.model.parameters[name].default)
    network = network_of(group)
    is_fixed = isinstance(declared, (int, float)) and name not in group.trainable
    if is_fixed or network is None:
        return declared if isinstance(declared, (int, float, np.ndarray)) else []
    return network.state_dict().get(f"{group.path}.{name}", [])


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:  # a state or value, which changes in time
        return None
