"""Values of parameters as declared: a number, an array, or a rule that draws one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from spaic.errors import DeclarationError
from spaic.seeds import Key


class Draw(ABC):
    """A rule that draws an array: an initializer."""

    @abstractmethod
    def sample(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
        """An array of `shape`, float64, for a link of the given fan-in and fan-out."""


#: A number, an array or a rule.
Value = float | np.ndarray | Draw


def materialise(value: Value, shape: tuple[int, ...], key: Key, fan_in: int = 1, fan_out: int = 1) -> np.ndarray:
    """The array behind `value`: float64, a scalar or of `shape`."""
    if not isinstance(value, Draw):
        return np.asarray(value, dtype=np.float64)
    array = np.asarray(value.sample(key.generator(), shape, fan_in, fan_out), dtype=np.float64)
    if array.shape != shape:
        raise DeclarationError(f"{key.path}.{key.purpose}: {value!r} drew shape {array.shape}, needed {shape}; return the shape asked for")
    return array


def as_value(value: Any, path: str) -> Value:
    """Check a value that a user gave: finite numbers, arrays, tensors, lists, or a rule."""
    if isinstance(value, Draw):
        return value
    if isinstance(value, bool):
        raise DeclarationError(f"{path}: expected a number, an array or an initializer, got {value!r}; give one of these")
    if hasattr(value, "detach"):  # a tensor, without importing torch
        value = value.detach().cpu().numpy()
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise DeclarationError(f"{path}: expected a number, an array or an initializer, got {value!r}; give one of these") from None
    if not np.isfinite(array).all():
        raise DeclarationError(f"{path}: {array[~np.isfinite(array)].flat[0]} is not finite; give finite values")
    array.setflags(write=False)
    return float(array) if array.ndim == 0 else array
