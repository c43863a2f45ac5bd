"""Time in chunks that are computed again on the way back, so that memory holds one chunk and not the whole run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from spaic.Graph.program import Recordings, State
from spaic.Graph.stream import Stream

Inputs = Mapping[str, Stream]
#: Parameters, state, streams and number of steps -> what a program's run gives.
Runner = Callable[[Mapping[str, Any], State, Inputs, int], tuple[State, Recordings]]


def chunk_length(choice: int | str, steps: int) -> int:
    """Steps of a chunk; ``"sqrt"`` makes chunks and their number equally large."""
    return max(1, math.isqrt(steps)) if choice == "sqrt" else int(choice)


def needs_gradient(parameters: Mapping[str, Any], state: State, inputs: Inputs, steps: int, length: int) -> bool:
    """Whether gradient may flow to anything that a run depends on; streams are asked for `length` steps at a time."""
    involved = (*parameters.values(), *state.arrays.values())
    if any(isinstance(x, Tensor) and x.requires_grad for x in involved):
        return True
    return any(_given(inputs, n, min(n + length, state.step + steps)) for n in range(state.step, state.step + steps, length))


def in_chunks(
    run: Runner, parameters: Mapping[str, Any], state: State, inputs: Inputs, steps: int, length: int
) -> tuple[State, Recordings]:
    """Run chunk by chunk, keeping only the states between them.

    Parameters
    ----------
    run : callable
        Runs a number of steps; called again for each chunk on the way back. It must be pure.
    parameters : mapping of str to Tensor or float
        By path.
    state : State
        Where to start.
    inputs : mapping of str to Stream
        By input node. Gradient flows to what their values depend on.
    steps : int
        Of the whole run.
    length : int
        Steps of a chunk.
    """
    parts: list[Recordings] = []
    for start in range(0, steps, length):
        state, seen = _one(run, parameters, state, inputs, min(length, steps - start))
        parts.append(seen)
    return state, {path: torch.cat([part[path] for part in parts]) for path in parts[0]}


class _Given(Stream):
    """The values of a stream in one chunk, which are there already."""

    def __init__(self, stream: Stream, values: Tensor, first_step: int) -> None:
        self.values, self.first_step = values, first_step
        self.batch, self.shape, self.is_constant = stream.batch, stream.shape, stream.is_constant

    def chunk(self, start: int, stop: int) -> Tensor:
        if self.is_constant:
            return self.values.expand(stop - start, *self.values.shape[1:])
        return self.values[start - self.first_step : stop - self.first_step]


def _given(inputs: Inputs, start: int, stop: int) -> dict[str, Tensor]:
    """The values of those streams that depend on something that requires a gradient; one row if all steps are the same."""
    found: dict[str, Tensor] = {}
    for name, stream in inputs.items():
        if stream.is_spiking:  # bytes carry no gradient, and drawing them may take long
            continue
        values = stream.chunk(start, start + 1 if stream.is_constant else stop)
        if isinstance(values, Tensor) and values.requires_grad:
            found[name] = values
    return found


def _one(run: Runner, parameters: Mapping[str, Any], state: State, inputs: Inputs, steps: int) -> tuple[State, Recordings]:
    tensors = {k: v for k, v in parameters.items() if isinstance(v, Tensor)}
    data = _given(inputs, state.step, state.step + steps)
    start, read, starts = replace(state, arrays={}), tuple(data), tuple(state.arrays)  # what is below holds names, not arrays
    form: list[tuple[State, tuple[str, ...], tuple[str, ...]]] = []

    def compute(*given: Tensor) -> tuple[Tensor, ...]:
        each = iter(given)
        own = {k: next(each) for k in tensors}
        streams = {k: _Given(inputs[k], next(each), start.step) for k in read}
        before = replace(start, arrays={k: next(each) for k in starts})
        after, seen = run({**parameters, **own}, before, {**inputs, **streams}, steps)
        if not form:  # names only, and once: arrays would live as long as the graph
            form.append((replace(after, arrays={}), tuple(after.arrays), tuple(seen)))
        return (*after.arrays.values(), *seen.values())

    outputs = iter(_Again.apply(compute, *tensors.values(), *data.values(), *state.arrays.values()))
    after, states, recorded = form[0]
    return replace(after, arrays={k: next(outputs) for k in states}), {k: next(outputs) for k in recorded}


class _Again(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, compute: Callable[..., tuple[Tensor, ...]], *given: Tensor) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        ctx.compute = compute
        ctx.save_for_backward(*given)
        outputs = tuple(x.clone() if any(x is g for g in given) else x for x in compute(*given))
        ctx.mark_non_differentiable(*(x for x in outputs if not x.is_floating_point()))
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        given = [x.detach().requires_grad_(n) for x, n in zip(ctx.saved_tensors, ctx.needs_input_grad[1:], strict=True)]
        with torch.enable_grad():
            outputs = ctx.compute(*given)
        pairs = [(x, g) for x, g in zip(outputs, gradients, strict=True) if g is not None and x.requires_grad]
        wanted = [x for x in given if x.requires_grad]
        if not pairs:
            return (None, *(None for _ in given))
        found = torch.autograd.grad([x for x, _ in pairs], wanted, [g for _, g in pairs], allow_unused=True)
        by_input = iter(found)
        return (None, *(next(by_input) if x.requires_grad else None for x in given))
