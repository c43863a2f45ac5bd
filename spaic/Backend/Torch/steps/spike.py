"""The spike: a step on the way forward, a surrogate derivative on the way back."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from spaic.Backend.Torch.steps.primitives import primitives
from spaic.Dynamics.surrogate import Surrogate


class _SurrogateSpike(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, residual: Tensor, is_strict: int, derivative: Callable[[Tensor], Tensor]) -> Tensor:
        ctx.save_for_backward(residual)
        ctx.derivative = derivative
        return _heaviside(residual, is_strict)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (residual,) = ctx.saved_tensors
        return gradients[0] * ctx.derivative(residual), None, None


def _heaviside(residual: Any, is_strict: int) -> Any:
    if not isinstance(residual, Tensor):  # it depends on nothing but the time
        return float(residual > 0 if is_strict else residual >= 0)
    fired = residual > 0 if is_strict else residual >= 0
    return fired.to(residual.dtype)


def spike_function(surrogate: Surrogate | None) -> Callable[[Tensor, int], Tensor]:
    """The ``spike`` primitive with this surrogate; without one no gradient passes."""
    if surrogate is None:
        return lambda residual, is_strict: _heaviside(residual.detach() if isinstance(residual, Tensor) else residual, is_strict)
    derivative = derivative_function(surrogate)

    def spike(residual: Tensor, is_strict: int) -> Tensor:
        if not (isinstance(residual, Tensor) and residual.requires_grad):
            return _heaviside(residual, is_strict)
        return _SurrogateSpike.apply(residual, is_strict, derivative)

    return spike


@lru_cache(maxsize=256)
def derivative_function(surrogate: Surrogate) -> Callable[[Tensor], Tensor]:
    """The surrogate derivative as a function of x = V - V_th."""
    from spaic.Dynamics.lowering import lower  # SymPy is loaded when it is needed

    tape = lower([("derivative", surrogate.sympy)], {"derivative": "derivative"}, ())

    def derivative(x: Tensor) -> Tensor:
        with torch.no_grad():
            value = tape.run(primitives(x.dtype), {"x": x})["derivative"]
            return value.to(x.dtype) if isinstance(value, Tensor) else torch.full_like(x, value)

    return derivative
