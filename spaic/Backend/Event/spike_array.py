"""Spikes as two arrays: who, and when."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from spaic.errors import InputError

#: Coarsest spacing of float32 times, relative to the shortest time constant, that still says when a spike was.
_COARSE = 1e-3


class Spike(NamedTuple):
    """One spike: the number of the neuron and the time."""

    index: int  # type: ignore[assignment]  # hides that of tuples
    time: float


class SpikeArray:
    """Spikes in the order of time, ties in the order of neurons.

    Parameters
    ----------
    indices : array_like of int
        Numbers of neurons, in any order.
    times : array_like of float
        Times, at least 0, in the unit of the time constants.

    Examples
    --------
    >>> a = SpikeArray([3, 1], [2.0, 0.5])
    >>> a.indices, a.times
    (array([1, 3]), array([0.5, 2. ]))
    """

    def __init__(self, indices: Any = (), times: Any = ()) -> None:
        self.indices, self.times = checked(indices, times, "SpikeArray")

    def add(self, indices: Any, times: Any) -> None:
        """Put spikes in: two numbers, or two arrays."""
        more = checked(np.atleast_1d(indices), np.atleast_1d(times), "SpikeArray.add")
        joined = (np.concatenate([a, b]) for a, b in zip((self.indices, self.times), more, strict=True))
        self.indices, self.times = ordered(*joined)

    def clear(self) -> None:
        """Take all spikes out."""
        self.__init__()  # type: ignore[misc]

    @property
    def n_spikes(self) -> int:
        """Number of spikes."""
        return len(self.times)

    def counts(self, neurons: int) -> np.ndarray:
        """Number of spikes of each of `neurons` neurons."""
        return np.bincount(self.indices, minlength=neurons)

    def __len__(self) -> int:
        return len(self.times)

    def __iter__(self) -> Iterator[Spike]:
        return (Spike(int(i), float(t)) for i, t in zip(self.indices, self.times, strict=True))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SpikeArray):
            return NotImplemented
        return np.array_equal(self.indices, other.indices) and np.array_equal(self.times, other.times)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = [f"Index: {s.index}, Time: {s.time:g}" for s, _ in zip(self, range(20), strict=False)]
        return "\n".join([*shown, *([f"... {len(self) - 20} more"] if len(self) > 20 else [])]) or "SpikeArray()"


def checked(
    indices: Any, times: Any, path: str, neurons: int | None = None, shortest: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of neurons (int64) and times (float64), in order of time, or InputError.

    Parameters
    ----------
    indices, times : array_like
        One number and one time for each spike.
    path : str
        For messages.
    neurons : int, optional
        Numbers must be below it.
    shortest : float, optional
        Shortest time constant: float32 times whose spacing is not far below it are refused.
    """
    given = np.asarray(times)
    try:
        who, when = np.asarray(indices, dtype=np.float64), given.astype(np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{path}: spikes are numbers of neurons and times; give two arrays of numbers") from None
    if who.ndim != 1 or who.shape != when.shape:
        raise InputError(f"{path}: indices have shape {who.shape}, times {when.shape}; give two lists of the same length")
    bad = ~(np.isfinite(when) & (when >= 0))
    if bad.any():
        raise InputError(f"{path}: a spike has the time {when[bad][0]:g}; give finite times of at least 0")
    limit = np.inf if neurons is None else neurons
    bad = ~((who >= 0) & (who < limit) & (who == np.floor(who)))
    if bad.any():
        raise InputError(f"{path}: a spike has the index {who[bad][0]:g}; give whole numbers from 0 up to {limit:g} (exclusive)")
    if given.dtype == np.float32 and shortest is not None and len(when) and np.spacing(given.max()) > _COARSE * shortest:
        raise InputError(
            f"{path}: float32 times around {given.max():g} are {np.spacing(given.max()):g} apart, too coarse for a time constant of "
            f"{shortest:g}; give float64 times, or times relative to the first"
        )
    return ordered(who.astype(np.int64), when)


def ordered(who: np.ndarray, when: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Neurons and times in order of time, then of neurons."""
    order = np.argsort(when)
    times = when[order]
    if (times[1:] == times[:-1]).any():
        order = np.lexsort((who, when))
    return who[order], when[order]
