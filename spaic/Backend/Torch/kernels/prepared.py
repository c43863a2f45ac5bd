"""An element made ready for a kernel: its plan, and its parameters as the kernel takes them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from spaic.Backend.element import Element
from spaic.Backend.Kernels.text.layer import Layer, plan
from spaic.Backend.Kernels.text.passes import Value
from spaic.Backend.Torch.steps.tape import BoundTape
from spaic.Backend.Torch.workspace import empty


@dataclass(frozen=True)
class Times:
    """When a run happens: its first step, the number of steps, and dt in ms."""

    first: int
    steps: int
    dt: float


class Prepared:
    """An element made ready for a kernel: its plan, and its parameters as the kernel takes them.

    Parameters
    ----------
    element : Element
        Population or synapse.
    bound : BoundTape
        Its step with parameters filled in.
    normals : Tensor or None
        ``[steps, noises, batch, *shape]``.
    batch : int
        Number of samples.
    is_differentiated : bool
        Whether there will be a way back.
    constant : frozenset of str
        Ports at which the same arrives in every step.
    is_inside : bool
        Whether it is part of a loop.
    """

    def __init__(
        self,
        element: Element,
        bound: BoundTape,
        normals: Tensor | None,
        batch: int,
        is_differentiated: bool,
        constant: frozenset[str] = frozenset(),
        is_inside: bool = False,
        device: torch.device = torch.device("cpu"),  # noqa: B008  immutable
    ) -> None:
        self.size, self.dtype, self.device = (batch, *element.shape), bound.dtype, device
        self.width = math.prod(self.size)
        arrays = {slot: value for slot, value in enumerate(bound.slots) if isinstance(value, Tensor)}
        learned = {slot for slot, value in arrays.items() if value.requires_grad} if is_differentiated else ()
        step = element.step
        self.layer: Layer = plan(
            f"{element.model.name} ({element.integrator})", element.tape, step.states, step.ports, step.noises,
            tuple(sorted(v for v in element.tape.outputs if v in element.recorded)), frozenset(arrays), frozenset(learned), constant,
            element.surrogate, is_differentiated, is_inside,
        )  # fmt: skip
        self.scalars = np.array([bound.slots[s] for s in self.layer.scalars], dtype=np.float64)
        self.parameters = {s: arrays[s].to(self.dtype).expand(self.size) for s in self.layer.arrays}
        self.normals = {
            Value("normal", x, True): self.flat(normals[:, k])
            for k, x in enumerate(step.noises if normals is not None else ())
            if normals is not None
        }

    def flat(self, x: Tensor) -> Tensor:
        """Rows as the kernel takes them."""
        return x.detach().reshape(-1, self.width).contiguous()

    def sources(self, states: Mapping[str, Tensor], arriving: Mapping[str, Tensor]) -> dict[Value, Tensor]:
        """What gradient may flow to: what arrives, parameters of neurons, states at the start."""
        found = {Value("arrival", p, p not in self.layer.constant): arriving[p].to(self.dtype) for p in self.layer.ports if p in arriving}
        found |= {Value("parameter", str(s), False): x for s, x in self.parameters.items()}
        return found | {Value("start", s, False): states[s] for s in self.layer.states}

    def empty(self, value: Value, steps: int) -> Tensor:
        """Memory for a value that a kernel writes."""
        size = (steps, self.width) if value.over_time else (1, self.width)
        return empty(size, torch.uint8 if value.is_byte else self.dtype, self.device)

    def result(self, variable: str) -> Value:
        """A variable that someone reads, as the kernel knows it."""
        return next(v for v in self.layer.forward.values if (v.role, v.name) == ("result", variable))

    def seeds(self, ends: Sequence[Tensor | None], results: Sequence[Tensor | None]) -> dict[Value, Tensor]:
        """Gradients that come in, with one row of zeros where there is none."""
        names = [Value("gradient_end", s, False) for s in self.layer.states] + [Value("gradient", v, True) for v in self.layer.recorded]
        given = zip(names, (*ends, *results), strict=True)
        nothing = torch.zeros((1, self.width), dtype=self.dtype, device=self.device)
        return {value: nothing if g is None else self.flat(g.to(self.dtype)) for value, g in given}


def numpy_name(dtype: torch.dtype) -> str:
    """The name by which NumPy knows a type."""
    return str(dtype).rpartition(".")[2]
