"""Spaces of gymnasium as shapes and arrays: what is observed, and what can be done."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

import numpy as np

from spaic.errors import DeclarationError, UnsupportedError
from spaic.Library.ranges import demand_sizes


class Observed(NamedTuple):
    """How an observation becomes an array.

    Attributes
    ----------
    shape : tuple of int
        Shape of the array.
    encode : callable
        From an observation to the array.
    """

    shape: tuple[int, ...]
    encode: Callable[[Any], np.ndarray]


def observed(name: str, space: Any, max_prob: float | None) -> Observed:
    """The array for a space: whole numbers as one-hot, boxes scaled to [0, `max_prob`], or as they are if that is None.

    A value of a box with two finite bounds is scaled linearly; one without goes through ``(1 + x / (1 + |x|)) / 2`` first, which maps
    all numbers into [0, 1].
    """
    factor = 1.0 if max_prob is None else max_prob
    kind = type(space).__name__
    if kind == "Discrete":
        return Observed((int(space.n),), lambda x: factor * _one_hot([int(x) - int(space.start)], [int(space.n)]))
    if kind == "MultiDiscrete":
        sizes = [int(n) for n in np.ravel(space.nvec)]
        start = np.ravel(space.start)
        return Observed((sum(sizes),), lambda x: factor * _one_hot((np.ravel(x) - start).tolist(), sizes))
    if kind == "MultiBinary":
        return Observed(tuple(space.shape), lambda x: factor * np.asarray(x, dtype=np.float64))
    if kind == "Box":
        return Observed(tuple(space.shape), _as_is if max_prob is None else _scaled(space.low, space.high, factor))
    raise UnsupportedError(
        f"{name}: observations of the space {kind} are no array of one shape; wrap the environment in "
        "gymnasium.wrappers.FlattenObservation, or give a transform= that makes one"
    )


def actions(name: str, space: Any) -> tuple[int, int, np.ndarray | None, np.ndarray | None]:
    """Number of actions or values, the first action, and the bounds of continuous ones."""
    kind = type(space).__name__
    if kind == "Discrete":
        return int(space.n), int(space.start), None, None
    if kind == "Box":
        low, high = np.ravel(space.low).astype(np.float64), np.ravel(space.high).astype(np.float64)
        return low.size, 0, low, high
    raise UnsupportedError(f"{name}: actions of the space {kind} cannot be chosen here; use an environment with Discrete or Box actions")


def shaped(name: str, shape: tuple[int, ...], wanted: Any, flatten: bool) -> tuple[int, ...]:
    """The shape in which observations are handed on."""
    if wanted is not None:
        sizes = demand_sizes(f"{name}.shape", (wanted,) if np.ndim(wanted) == 0 and not isinstance(wanted, str) else wanted)
        if prod(sizes) != prod(shape):
            raise DeclarationError(f"{name}: observations have shape {shape}, which does not fit into {sizes}; give as many values")
        return sizes
    return (prod(shape),) if flatten else shape


def _as_is(value: Any) -> np.ndarray:
    return np.asarray(value, dtype=np.float64)


def _scaled(low: np.ndarray, high: np.ndarray, factor: float) -> Callable[[Any], np.ndarray]:
    low, high = low.astype(np.float64), high.astype(np.float64)
    is_bounded = np.isfinite(low) & np.isfinite(high) & (np.abs(low) < 1e30) & (np.abs(high) < 1e30)
    least = np.where(is_bounded, low, 0.0)
    span = np.where(is_bounded & (high > low), high - least, 1.0)

    def encode(value: Any) -> np.ndarray:
        x = np.asarray(value, dtype=np.float64)
        linear = np.clip((x - least) / span, 0.0, 1.0)
        squashed = 0.5 * (1.0 + x / (1.0 + np.abs(x)))
        return factor * np.asarray(np.where(is_bounded, linear, squashed))

    return encode


def _one_hot(values: list[int], sizes: list[int]) -> np.ndarray:
    return np.concatenate([np.eye(size)[value] for value, size in zip(values, sizes, strict=True)])
