"""Whether the saved state of a simulation, from anywhere, can be one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from spaic.errors import StateError

#: Steps and runs that are counted without loss.
_MOST = 1 << 53
#: Steps for which data may be encoded at once.
_LONGEST = 10**8


@dataclass(frozen=True)
class Snapshot:
    """What :meth:`Simulation.snapshot` gave, checked as far as it can be without the network.

    Attributes
    ----------
    runs, step, batch, run : int
        Runs so far; step, samples and number of the last one.
    arrays : dict of str to ndarray
        Path of a variable -> value, or None if there was no run.
    starts, lengths : dict of str to int
        Node -> first step and number of steps of its input.
    """

    runs: int
    step: int
    batch: int
    run: int
    arrays: dict[str, np.ndarray] | None
    starts: dict[str, int]
    lengths: dict[str, int]

    @classmethod
    def of(cls, tree: Any, sources: Iterable[str]) -> Snapshot:
        """Read it; StateError if it cannot be meant."""
        runs, saved = _whole(tree, "runs"), tree.get("state")
        if saved is None:
            return cls(runs, 0, 1, 0, None, {}, {})
        step, batch, run = (_whole(saved, name) for name in ("step", "batch", "run"))
        arrays = {path: _array(path, value) for path, value in _mapping(saved, "arrays").items()}
        if batch < 1 or batch > max((array.size for array in arrays.values()), default=batch):
            raise StateError(f"net: the saved state is of a batch of {batch}, which its arrays do not hold; it is damaged")
        starts, lengths = ({path: _whole(_mapping(tree, key), path) for path in tree[key]} for key in ("starts", "lengths"))
        known = set(sources)
        if set(starts) != set(lengths) or not set(starts) <= known:
            raise StateError(
                f"net: the saved state has inputs from {sorted({*starts, *lengths})}, the network {sorted(known)}; it is damaged"
            )
        if any(start > step for start in starts.values()) or max(lengths.values(), default=0) > _LONGEST:
            raise StateError(f"net: inputs of {lengths} steps from {starts} do not fit a saved state of {step} steps; it is damaged")
        return cls(runs, step, batch, run, arrays, starts, lengths)


def _mapping(tree: Any, key: str) -> Mapping[str, Any]:
    found = tree.get(key) if isinstance(tree, Mapping) else None
    if not isinstance(found, Mapping):
        raise StateError(f"net: {key!r} of the saved state is missing or no mapping; it is damaged")
    return found


def _whole(tree: Any, key: str) -> int:
    value = tree.get(key) if isinstance(tree, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST:
        raise StateError(f"net: {key!r} of the saved state is {str(value)[:40]}, a whole number from 0 is needed; it is damaged")
    return value


def _array(path: str, value: Any) -> np.ndarray:
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or not np.isfinite(value).all():
        raise StateError(f"{path}: the saved state is not made of finite floating-point numbers; it is damaged")
    return value
