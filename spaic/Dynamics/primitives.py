"""The primitive operations of a tape in NumPy: what each of them means."""

from __future__ import annotations

from math import factorial
from typing import Any

import numpy as np

#: Below this, exprel and its slope are taken from their series.
EXPREL_NEAR_ZERO = 1e-5
#: The closed form of exprel's slope cancels to second order; below this its series is used, highest power first.
SERIES_BELOW = 0.5
EXPREL_SLOPE_SERIES = tuple((k + 1) / factorial(k + 2) for k in range(15, -1, -1))
#: That of its second derivative, lowest power first.
EXPREL_CURVATURE_SERIES = tuple((k + 1) * (k + 2) / factorial(k + 3) for k in range(14))


def exprel(x: Any) -> Any:
    """``(exp(x) - 1) / x``, 1 at 0."""
    x = np.asarray(x, dtype=np.float64)
    near = np.abs(x) < EXPREL_NEAR_ZERO
    safe = np.where(near, 1.0, x)
    return np.where(near, 1.0 + x / 2 + x * x / 6, np.expm1(safe) / safe)


def exprel_slope(x: Any) -> Any:
    """Derivative of :func:`exprel`, 1/2 at 0."""
    x = np.asarray(x, dtype=np.float64)
    near = np.abs(x) < SERIES_BELOW
    safe = np.where(near, 1.0, x)
    series = np.polyval(EXPREL_SLOPE_SERIES, np.where(near, x, 0.0))
    return np.where(near, series, (np.exp(safe) * (safe - 1) + 1) / (safe * safe))


def sigmoid(x: Any) -> Any:
    """``1 / (1 + exp(-x))`` without overflow."""
    e = np.exp(-np.abs(x))
    return np.where(np.asarray(x) >= 0, 1 / (1 + e), e / (1 + e))


def spike(residual: Any, is_strict: int) -> Any:
    """1 where the residual is positive (or not negative), else 0."""
    return np.asarray(residual > 0 if is_strict else residual >= 0, dtype=np.float64)


def matrix_exp(*cells_and_size: Any) -> Any:
    """Exponential of the matrix with these cells, row by row; the last argument is its size."""
    from scipy.linalg import expm

    *cells, size = cells_and_size
    shape = np.broadcast_shapes(*(np.shape(c) for c in cells))
    flat = np.stack([np.broadcast_to(np.asarray(c, dtype=np.float64), shape) for c in cells], axis=-1)
    return expm(flat.reshape(*shape, size, size))


def entry(matrix: Any, i: int, j: int) -> Any:
    """One element of each matrix."""
    return matrix[..., i, j]


PRIMITIVES: dict[str, Any] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "neg": np.negative, "pow": np.power,
    "exp": np.exp, "expm1": np.expm1, "exprel": exprel, "exprel_slope": exprel_slope, "log": np.log, "sqrt": np.sqrt,
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "tanh": np.tanh, "sigmoid": sigmoid, "abs": np.abs, "sign": np.sign,
    "floor": np.floor, "min": np.minimum, "max": np.maximum, "gt": np.greater, "ge": np.greater_equal, "lt": np.less,
    "le": np.less_equal, "and": np.logical_and, "or": np.logical_or, "not": np.logical_not, "where": np.where,
    "select": lambda o, a, b: np.where(o > 0, a, b), "spike": spike, "detach": lambda x: x, "matrix_exp": matrix_exp,
    "entry": entry,
}  # fmt: skip
