"""Arithmetic of the figures: medians, spreads and ratios of interleaved rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

#: The peer libraries; the rest are yardsticks.
LIBRARIES = ("snntorch", "spikingjelly", "norse", "sinabs", "spyx")


class Spread(NamedTuple):
    """Median and quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of some numbers, at least one."""
        median, low, high = np.quantile(np.asarray(values, dtype=float), [0.5, 0.25, 0.75])
        return cls(float(median), float(low), float(high))


def ratio(above: Sequence[float], below: Sequence[float]) -> Spread:
    """Spread of the ratios within each round, which is steadier than the ratio of medians while the load of the machine drifts.

    Where the two were measured in different numbers of rounds (a peer too slow for all of them), the ratio of medians, with no spread.
    """
    if len(above) == len(below):
        return Spread.of([a / b for a, b in zip(above, below, strict=True)])
    middle = float(np.median(above) / np.median(below))
    return Spread(middle, middle, middle)


def best_library(seconds: Mapping[str, Sequence[float]]) -> str | None:
    """The library with the smallest median time; None if none was measured."""
    measured = [name for name in LIBRARIES if seconds.get(name)]
    return min(measured, key=lambda name: Spread.of(seconds[name]).median) if measured else None


def agreement(found: np.ndarray, reference: np.ndarray) -> dict[str, Any]:
    """How the output spike counts of a peer compare with those of the plain loop."""
    if found.shape != reference.shape:
        return {"equal": False, "differing": 1.0, "mean_difference": None}
    difference = np.abs(found - reference)
    return {
        "equal": bool((difference == 0).all()),
        "differing": float((difference > 0).mean()),
        "mean_difference": float(difference.mean()),
    }


def relative_error(found: Sequence[np.ndarray], reference: Sequence[np.ndarray]) -> float:
    """Norm of the difference of all gradients over the norm of the reference."""
    off = sum(float(np.square(f - r, dtype=np.float64).sum()) for f, r in zip(found, reference, strict=True))
    return float(np.sqrt(off / sum(float(np.square(r, dtype=np.float64).sum()) for r in reference)))
