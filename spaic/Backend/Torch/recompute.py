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

#: Parameters, state and number of steps -> what a program's run gives.
Runner = Callable[[Mapping[str, Any], State, int], tuple[State, Recordings]]


def chunk_length(choice: int | str, steps: int) -> int:
    """Steps of a chunk; ``"sqrt"`` makes chunks and their number equally large."""
    return max(1, math.isqrt(steps)) if choice == "sqrt" else int(choice)


def in_chunks(run: Runner, parameters: Mapping[str, Any], state: State, steps: int, length: int) -> tuple[State, Recordings]:
    """Run chunk by chunk, keeping only the states between them.

    Parameters
    ----------
    run : callable
        Runs a number of steps; called again for each chunk on the way back. It must be pure.
    parameters : mapping of str to Tensor or float
        By path.
    state : State
        Where to start.
    steps : int
        Of the whole run.
    length : int
        Steps of a chunk.
    """
    parts: list[Recordings] = []
    for start in range(0, steps, length):
        state, seen = _one(run, parameters, state, min(length, steps - start))
        parts.append(seen)
    return state, {path: torch.cat([part[path] for part in parts]) for path in parts[0]}


def _one(run: Runner, parameters: Mapping[str, Any], state: State, steps: int) -> tuple[State, Recordings]:
    tensors = {k: v for k, v in parameters.items() if isinstance(v, Tensor)}
    shape: dict[str, Any] = {}

    def compute(*given: Tensor) -> tuple[Tensor, ...]:
        own, arrays = given[: len(tensors)], given[len(tensors) :]
        after, seen = run(
            {**parameters, **dict(zip(tensors, own, strict=True))},
            replace(state, arrays=dict(zip(state.arrays, arrays, strict=True))),
            steps,
        )
        shape.update(after=after, seen=tuple(seen))
        return (*after.arrays.values(), *seen.values())

    outputs = _Again.apply(compute, *tensors.values(), *state.arrays.values())
    names = tuple(shape["after"].arrays)
    after = replace(shape["after"], arrays=dict(zip(names, outputs[: len(names)], strict=True)))
    return after, dict(zip(shape["seen"], outputs[len(names) :], strict=True))


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
