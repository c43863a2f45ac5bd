"""Compiled code: functions that the text of plasticity rules calls."""

import math
from typing import Any

import numpy as np

# --- kernels (the text from here on is part of that of rules)

MORE_PARTS = ("exp", "expm1", "tanh", "sigmoid", "exprel", "least", "greatest", "sign")
#: What a number of a rule is.
number = np.float64


def exp(x: Any) -> Any:
    """Exponential of a number."""
    return math.exp(x)


def expm1(x: Any) -> Any:
    """``exp(x) - 1``."""
    return math.expm1(x)


def tanh(x: Any) -> Any:
    """Hyperbolic tangent of a number."""
    return math.tanh(x)


def sigmoid(x: Any) -> Any:
    """``1 / (1 + exp(-x))``."""
    return 1.0 / (1.0 + math.exp(-x))


def exprel(x: Any) -> Any:
    """``(exp(x) - 1) / x``, which is 1 at 0."""
    return 1.0 + 0.5 * x if abs(x) < 1e-8 else math.expm1(x) / x


def least(a: Any, b: Any) -> Any:
    """The smaller one, nan if one is."""
    return a if a <= b or a != a else b


def greatest(a: Any, b: Any) -> Any:
    """The larger one, nan if one is."""
    return a if a >= b or a != a else b


def sign(a: Any) -> Any:
    """-1, 0 or 1."""
    return float(a > 0.0) - float(a < 0.0)
