"""A tape bound to parameters, ready to be stepped in plain torch operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from spaic.Backend.element import Element
from spaic.Backend.Torch.steps.primitives import PRIMITIVES, primitives
from spaic.Backend.Torch.steps.spike import spike_function


class BoundTape:
    """One element's step with its parameters filled in.

    Parameters
    ----------
    element : Element
        Population or synapse.
    parameters : mapping of str to Tensor or float
        By their own names, as they are now.
    dt : float
        Time step in ms.
    dtype : torch.dtype
        Of the states; what depends on parameters alone is computed in float64 first.
    """

    def __init__(self, element: Element, parameters: Mapping[str, Any], dt: float, dtype: torch.dtype) -> None:
        self.tape, self.dtype = element.tape, dtype
        self.slots: list[Any] = [None] * self.tape.size
        for slot, number in self.tape.constants.items():
            self.slots[slot] = number
        given = {**{k: _double(v) for k, v in parameters.items()}, "dt": dt}
        for name, slot in self.tape.inputs.items():
            self.slots[slot] = given.get(name)
        for op in self.tape.prelude:
            self.slots[op.out] = PRIMITIVES[op.name](*[self.slots[a] for a in op.args], *op.static)
        self.slots = [_settled(v, dtype) for v in self.slots]
        table = {**primitives(dtype), "spike": spike_function(element.surrogate)}
        self.body = [(table[op.name], op.args, op.static, op.out) for op in self.tape.body]
        self.reads = {name: slot for name, slot in self.tape.inputs.items() if name not in given}

    def step(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """One step: `values` holds states, arrivals, normals and ``t``; the result states and what is read."""
        slots = self.slots
        for name, slot in self.reads.items():
            slots[slot] = values[name]
        for function, args, static, out in self.body:
            slots[out] = function(*[slots[a] for a in args], *static)
        return {name: slots[slot] for name, slot in self.tape.outputs.items()}


def _double(value: Any) -> Any:
    return value.to(torch.float64) if isinstance(value, Tensor) else value


def _settled(value: Any, dtype: torch.dtype) -> Any:
    """Numbers that need no gradient become Python floats, which torch combines fastest."""
    if not isinstance(value, Tensor):
        return value
    if value.ndim == 0 and not value.requires_grad:
        return value.item()
    return value if value.dtype == torch.bool else value.to(dtype)
