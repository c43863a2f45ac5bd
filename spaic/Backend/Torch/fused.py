"""An element run over all time by one compiled kernel, and back by another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from spaic.Backend.element import Element
from spaic.Backend.Kernels import jit, numba_text, triton_text
from spaic.Backend.Kernels.layer import Layer, Pass, Value, plan
from spaic.Backend.Kernels.team import spread
from spaic.Backend.Torch import fused_cuda
from spaic.Backend.Torch.reach import reached
from spaic.Backend.Torch.spikes import Spikes, carrier
from spaic.Backend.Torch.tape import BoundTape
from spaic.Backend.Torch.workspace import empty


@dataclass(frozen=True)
class Times:
    """When a run happens: its first step, the number of steps, and dt in ms."""

    first: int
    steps: int
    dt: float


def advance(
    element: Element,
    bound: BoundTape,
    arriving: Mapping[str, Tensor],
    normals: Tensor | None,
    states: Mapping[str, Tensor],
    times: Times,
    batch: int,
) -> tuple[dict[str, Tensor | Spikes], dict[str, Tensor]]:
    """Run an element over all steps of a run.

    Parameters
    ----------
    element : Element
        Population or synapse.
    bound : BoundTape
        Its step with parameters filled in.
    arriving : mapping of str to Tensor
        Port -> what arrives, ``[steps, batch, *shape]``, or ``[1, batch, *shape]`` where it is the same in every step.
    normals : Tensor or None
        ``[steps, noises, batch, *shape]``.
    states : mapping of str to Tensor
        State -> its value before the first step, ``[batch, *shape]``.
    times : Times
        When.
    batch : int
        Number of samples.

    Returns
    -------
    results : dict
        Variable that someone reads -> its values ``[steps, batch, *shape]``.
    states : dict of str to Tensor
        The states after the last step.
    """
    involved = (*arriving.values(), *states.values(), *(v for v in bound.slots if isinstance(v, Tensor)))
    is_differentiated = torch.is_grad_enabled() and any(x.requires_grad for x in involved)
    constant = frozenset(p for p, x in arriving.items() if len(x) == 1 and times.steps > 1)
    device = next((x.device for x in (*states.values(), *arriving.values())), torch.device("cpu"))
    prepared = Prepared(element, bound, normals, batch, is_differentiated, constant, device=device)
    sources = prepared.sources(states, arriving)
    call = _Call(prepared, sources, times)
    recorded = prepared.layer.recorded
    if not is_differentiated:
        call.forward(tuple(sources.values()))
        ends, floats = call.ends(), {v: call.over_time(v) for v in recorded}
    else:
        outputs = iter(_Fused.apply(call, *sources.values()))
        ends = {s: next(outputs) for s in prepared.layer.states}
        floats = {v: next(outputs) for v in recorded}
    is_byte = {v: prepared.result(v).is_byte for v in recorded}
    return {v: Spikes(call.over_time(v), floats[v] if is_differentiated else None) if is_byte[v] else floats[v] for v in recorded}, ends


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


class _Call:
    """One call of a kernel: its arrays, and what is kept for the way back."""

    def __init__(self, prepared: Prepared, sources: Mapping[Value, Tensor], times: Times) -> None:
        self.prepared, self.sources, self.times = prepared, tuple(sources), times
        self.module = kernels(prepared.layer, prepared.dtype, prepared.device)
        self.made: dict[Value, Tensor] = {}

    def forward(self, given: Sequence[Tensor]) -> None:
        """Run the way forward."""
        known = {v: self.prepared.flat(x) for v, x in zip(self.sources, given, strict=True)} | self.prepared.normals
        self.made = self.run(self.module.forward, self.prepared.layer.forward, known)

    def run(self, kernel: Any, way: Pass, known: Mapping[Value, Tensor]) -> dict[Value, Tensor]:
        """Call a kernel; `known` and what it wrote."""
        made = dict(known)
        for value in way.values:
            if value not in made:
                made[value] = self.prepared.empty(value, self.times.steps)
        if self.prepared.device.type == "cuda":
            scalars, times = self.prepared.scalars, self.times
            fused_cuda.run(kernel, way, made, scalars, times.steps, times.first, times.dt, self.prepared.width)
            return made
        arrays = tuple(made[v].numpy() if v.over_time else made[v].numpy()[0] for v in way.values)
        threads, scalars = torch.get_num_threads(), self.prepared.scalars
        scratch = [np.empty((threads, self.module.block), numpy_name(self.prepared.dtype)) for _ in way.carried]
        args = (self.times.steps, self.times.first, self.times.dt, scalars, arrays)
        spread(kernel, self.prepared.width, args, numba_text.GRAIN, threads=threads, scratch=scratch)
        return made

    def over_time(self, variable: str) -> Tensor:
        """The values of a variable that someone reads."""
        return self.made[self.prepared.result(variable)].reshape(self.times.steps, *self.prepared.size)

    def ends(self) -> dict[str, Tensor]:
        """The states after the last step."""
        return {s: self.made[Value("end", s, False)].reshape(self.prepared.size) for s in self.prepared.layer.states}


def kernels(layer: Layer, dtype: torch.dtype, device: torch.device) -> Any:
    """The compiled module of a layer."""
    if device.type == "cuda":
        return fused_cuda.kernels(layer, dtype)
    return jit.load(text(layer, numpy_name(dtype)), layer.name.partition(" ")[0], layer.name)


@lru_cache(maxsize=1024)
def text(layer: Layer, dtype: str, device: str = "cpu") -> str:
    """The generated code of a layer; made once."""
    return (triton_text if device == "cuda" else numba_text).source(layer, dtype)


def numpy_name(dtype: torch.dtype) -> str:
    """The name by which NumPy knows a type."""
    return str(dtype).rpartition(".")[2]


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, call: _Call, *given: Tensor) -> tuple[Tensor, ...]:
        call.forward(given)
        prepared, layer = call.prepared, call.prepared.layer
        ctx.set_materialize_grads(False)
        ctx.call = call
        ctx.kept = [v for v in layer.backward.values if v in call.made]
        ctx.save_for_backward(*(call.made[v] for v in ctx.kept))
        results = []
        for variable in layer.recorded:
            values = call.over_time(variable)
            results.append(carrier(values.shape, prepared.dtype, values.device) if prepared.result(variable).is_byte else values)
        ends = tuple(call.ends().values())
        names = zip((*layer.states, *layer.recorded), (*ends, *results), strict=True)
        ctx.mark_non_differentiable(*(x for name, x in names if name not in layer.seeds))
        call.made = {v: x for v, x in call.made.items() if v.role == "result" and v.is_byte}
        return (*ends, *results)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        call, prepared = ctx.call, ctx.call.prepared
        count = len(prepared.layer.states)
        known = dict(zip(ctx.kept, ctx.saved_tensors, strict=True)) | prepared.seeds(gradients[:count], gradients[count:])
        made = call.run(call.module.backward, prepared.layer.backward, known)
        layer, found = prepared.layer, list[Tensor | None]()
        asked = {name for name, g in zip((*layer.states, *layer.recorded), gradients, strict=True) if g is not None}
        for source in call.sources:
            if source.role == "parameter" and asked.isdisjoint(reached(layer.tape, tuple(layer.states), int(source.name))):
                found.append(None)  # as in plain torch: it has no effect on what is differentiated, whoever watches the rest
                continue
            gradient = made.get(Value(f"to_{source.role}", source.name, source.over_time))
            shape = (-1, *prepared.size) if source.role == "arrival" else prepared.size
            found.append(None if gradient is None else gradient.reshape(shape))
        return (None, *found)
