"""What plasticity needs of a kind of arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from spaic.Dynamics.primitives import PRIMITIVES
from spaic.Graph.transforms import Transform


class Arithmetic(ABC):
    """Operations on one kind of arrays; both kinds share slicing, broadcasting, ``sum`` and ``reshape``."""

    #: Primitive operations of tapes.
    table: Mapping[str, Any]

    @abstractmethod
    def full(self, shape: tuple[int, ...], value: float) -> Any:
        """An array of one value."""

    @abstractmethod
    def array(self, values: np.ndarray) -> Any:
        """`values` as an array of this kind: numbers in its own precision, indices and masks as they are."""

    @abstractmethod
    def copy(self, array: Any) -> Any:
        """A copy that later changes leave alone."""

    @abstractmethod
    def real(self, array: Any) -> Any:
        """`array` in numbers, cut off from what computed it; spikes may come as bytes."""

    @abstractmethod
    def joined(self, parts: list[Any]) -> Any:
        """Recordings of consecutive steps as one."""

    @abstractmethod
    def linear_adjoint(self, transform: Transform, pre: Any, post: Any, weight: Any) -> Any:
        """Sum over samples of what each weight contributes to ``post * transform(pre)``: its gradient."""

    def frozen(self) -> AbstractContextManager[Any]:
        """Nothing in here is differentiated."""
        return nullcontext()


class NumpyArithmetic(Arithmetic):
    """NumPy in float64."""

    table = PRIMITIVES

    def full(self, shape: tuple[int, ...], value: float) -> np.ndarray:
        return np.full(shape, value, dtype=np.float64)

    def array(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(values)

    def copy(self, array: np.ndarray) -> np.ndarray:
        return np.array(array)

    def real(self, array: np.ndarray) -> np.ndarray:
        return np.asarray(array, dtype=np.float64)

    def joined(self, parts: list[np.ndarray]) -> np.ndarray:
        return np.concatenate(parts)

    def linear_adjoint(self, transform: Transform, pre: np.ndarray, post: np.ndarray, weight: np.ndarray) -> np.ndarray:
        from spaic.Backend.Reference.transforms import apply

        found = np.zeros_like(weight)
        unit = np.zeros_like(weight)
        for place in np.ndindex(*weight.shape):  # one weight after the other: slow, and right by definition
            unit[place] = 1.0
            found[place] = np.sum(post.reshape(len(post), -1) * apply(transform, pre, {"weight": unit}).reshape(len(post), -1))
            unit[place] = 0.0
        return found
