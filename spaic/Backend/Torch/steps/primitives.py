"""The primitive operations of a tape in torch. Operands are tensors or Python floats."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import torch
from torch import Tensor

from spaic.Dynamics.primitives import EXPREL_NEAR_ZERO, EXPREL_SLOPE_SERIES, SERIES_BELOW

Operand = Tensor | float


def tensor(x: Operand, like: Tensor | None = None) -> Tensor:
    """`x` as a tensor; numbers become float64 scalars, or of the type of `like`."""
    if isinstance(x, Tensor):
        return x
    return torch.tensor(x, dtype=torch.float64 if like is None else like.dtype, device="cpu" if like is None else like.device)


def _unary(function: Any, number: Any) -> Any:
    """`function` of tensors, `number` of numbers, which get what a tensor would hold where Python knows no answer."""

    def operation(x: Operand) -> Any:
        if isinstance(x, Tensor):
            return function(x)
        try:
            return number(x)
        except (ArithmeticError, ValueError):
            return function(tensor(x)).item()

    return operation


def _exprel(x: Operand) -> Any:
    x = tensor(x)
    near = x.abs() < EXPREL_NEAR_ZERO
    safe = torch.where(near, torch.ones_like(x), x)
    return torch.where(near, 1.0 + x / 2 + x * x / 6, torch.expm1(safe) / safe)


def _exprel_slope(x: Operand) -> Any:
    x = tensor(x)
    near = x.abs() < SERIES_BELOW
    safe = torch.where(near, torch.ones_like(x), x)
    series = torch.zeros_like(x)
    for coefficient in EXPREL_SLOPE_SERIES:
        series = series * x + coefficient
    return torch.where(near, series, (torch.exp(safe) * (safe - 1) + 1) / (safe * safe))


def _pow(a: Operand, b: Operand) -> Any:
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        return torch.pow(a, b)  # type: ignore[arg-type]
    try:
        return math.pow(a, b)
    except (ArithmeticError, ValueError):
        return torch.pow(tensor(a), tensor(b)).item()


def _div(a: Operand, b: Operand) -> Any:
    try:
        return a / b
    except ZeroDivisionError:
        return torch.div(tensor(a), tensor(b)).item()


def _minimum(a: Operand, b: Operand) -> Any:
    if isinstance(a, Tensor):
        return torch.minimum(a, b) if isinstance(b, Tensor) else a.clamp(max=b)
    return b.clamp(max=a) if isinstance(b, Tensor) else min(a, b)


def _maximum(a: Operand, b: Operand) -> Any:
    if isinstance(a, Tensor):
        return torch.maximum(a, b) if isinstance(b, Tensor) else a.clamp(min=b)
    return b.clamp(min=a) if isinstance(b, Tensor) else max(a, b)


def _where(condition: Any, a: Operand, b: Operand, dtype: torch.dtype = torch.float64) -> Any:
    if not isinstance(condition, Tensor):
        return a if condition else b
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        return torch.where(condition, a, b)
    return torch.where(condition, *(torch.tensor(x, dtype=dtype, device=condition.device) for x in (a, b)))


def primitives(dtype: torch.dtype) -> dict[str, Any]:
    """The table for numbers of this type."""
    return {**PRIMITIVES, "where": partial(_where, dtype=dtype)}


def _select(o: Tensor, a: Operand, b: Operand) -> Any:
    """Exact for o = 0 and o = 1 and linear in o, so that the reset passes gradient to the spike."""
    if not isinstance(a, Tensor) and a == 0.0:
        return b * (1.0 - o)
    if not o.requires_grad:
        return torch.where(o > 0, a, b)
    return torch.lerp(tensor(b, o), tensor(a, o), o)


def _matrix_exp(*cells_and_size: Any) -> Tensor:
    *cells, size = cells_and_size
    device = next((c.device for c in cells if isinstance(c, Tensor) and c.device.type != "cpu"), torch.device("cpu"))
    parts = torch.broadcast_tensors(*(tensor(c).to(device, torch.float64) for c in cells))
    flat = torch.stack(parts, dim=-1)
    return matrix_exponential(flat.reshape(*flat.shape[:-1], size, size))


def matrix_exponential(matrix: Tensor) -> Tensor:
    """Exponential of small matrices by scaling, Taylor series and squaring, to rounding (torch's own is good to 3e-12 only)."""
    largest = float(matrix.detach().abs().sum(-1).max())
    halvings = max(0, math.ceil(math.log2(largest)) + 1) if largest > 0 else 0
    scaled = matrix / 2.0**halvings
    unit = torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
    result = unit
    for order in range(18, 0, -1):  # 0.5**19 / 19! is far below rounding
        result = unit + scaled @ result / order
    for _ in range(halvings):
        result = result @ result
    return result


def _sigmoid(x: float) -> float:
    e = math.exp(-abs(x))
    return 1 / (1 + e) if x >= 0 else e / (1 + e)


PRIMITIVES: dict[str, Any] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": _div,
    "neg": lambda a: -a,
    "pow": _pow,
    "exp": _unary(torch.exp, math.exp),
    "expm1": _unary(torch.expm1, math.expm1),
    "exprel": _exprel,
    "exprel_slope": _exprel_slope,
    "log": _unary(torch.log, math.log),
    "sqrt": _unary(torch.sqrt, math.sqrt),
    "sin": _unary(torch.sin, math.sin),
    "cos": _unary(torch.cos, math.cos),
    "tan": _unary(torch.tan, math.tan),
    "tanh": _unary(torch.tanh, math.tanh),
    "sigmoid": _unary(torch.sigmoid, _sigmoid),
    "abs": _unary(torch.abs, abs),
    "sign": _unary(torch.sign, lambda x: float((x > 0) - (x < 0))),
    "floor": _unary(torch.floor, math.floor),
    "min": _minimum,
    "max": _maximum,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "not": _unary(torch.logical_not, lambda x: not x),
    "where": _where,
    "select": _select,
    "detach": _unary(torch.Tensor.detach, lambda x: x),
    "matrix_exp": _matrix_exp,
    "entry": lambda matrix, i, j: matrix[..., i, j],
}
