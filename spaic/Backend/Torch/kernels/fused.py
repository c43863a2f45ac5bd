"""An element run over all time by one compiled kernel, and back by another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from spaic.Backend.element import Element
from spaic.Backend.Kernels.compiling import jit
from spaic.Backend.Kernels.text import numba_text, triton_text
from spaic.Backend.Kernels.text.layer import Layer
from spaic.Backend.Kernels.text.passes import Pass, Value
from spaic.Backend.Kernels.threads.team import spread
from spaic.Backend.Torch.firing.spikes import Spikes, carrier
from spaic.Backend.Torch.kernels import fused_cuda
from spaic.Backend.Torch.kernels.prepared import Prepared, Times, numpy_name
from spaic.Backend.Torch.kernels.reach import reached
from spaic.Backend.Torch.steps.tape import BoundTape


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
