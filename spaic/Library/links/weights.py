"""What weights and biases a link starts from."""

from __future__ import annotations

from typing import Any

from spaic.errors import DeclarationError
from spaic.Graph.values import Value, as_value
from spaic.Library.initializers import constant, fan_in_normal, normal

#: Default of every weight matrix: N(MEAN / fan_in, SPREAD / sqrt(fan_in)); docs/semantics.md says how it was chosen.
MEAN, SPREAD = 6.0, 1.0


def initial_weight(weight: Any, w_mean: float | None, w_std: float | None, path: str) -> Value:
    """The weight that a user gave, a normal distribution from `w_mean` and `w_std`, or the default."""
    if weight is not None:
        if w_mean is not None or w_std is not None:
            raise DeclarationError(f"{path}.weight: weight is given and w_mean or w_std too; give one of them")
        return as_value(weight, f"{path}.weight")
    if w_mean is None and w_std is None:
        return fan_in_normal(MEAN, SPREAD)
    return constant(w_mean or 0.0) if not w_std else normal(w_mean or 0.0, w_std)


def initial_bias(bias: Any, path: str) -> Value | None:
    """The bias that a user gave; True is a bias that starts at 0."""
    if bias is None or bias is False:
        return None
    return 0.0 if bias is True else as_value(bias, f"{path}.bias")
