"""What a link with many delays, or with learned ones, brings at one step, in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from spaic.Backend.Reference.images import at_tap
from spaic.Backend.Reference.transforms import apply
from spaic.Graph.delays import of_link
from spaic.Graph.links import Link
from spaic.Graph.transforms import Pool, Transform

#: The source so many steps ago, ``[batch, *source]``.
Late = Callable[[int], np.ndarray]
Own = Mapping[str, Any]


def shares(steps: Any, most: int) -> list[tuple[int, np.ndarray]]:
    """Whole steps, and which part of each synapse or value comes so late: a delay of k + f steps is 1 - f of k and f of k + 1.

    Parameters
    ----------
    steps : array
        Delays.
    most : int
        The longest of them that there may be.
    """
    delay = np.asarray(steps, dtype=np.float64)
    whole = np.minimum(np.floor(delay), max(0, most - 1))
    part = delay - whole
    found = [(int(d), (whole == d) * (1 - part) + (whole == d - 1) * part) for d in np.unique([whole, whole + 1])]
    return [(d, share) for d, share in found if share.any()] or [(0, np.zeros_like(delay))]


def delivered(link: Link, source: tuple[int, ...], steps: Any, most: int, own: Own, late: Late) -> np.ndarray:
    """What arrives, before the synapse of the link.

    Parameters
    ----------
    link : Link
        The link.
    source : tuple of int
        Shape of its source.
    steps : array
        Its delays in steps, whole or not.
    most : int
        The longest of them that there may be.
    own : mapping of str to array
        Its parameters.
    late : callable
        As above.
    """
    parts, first, rest = shares(steps, most), link.transforms[0], link.transforms[1:]
    if np.ndim(steps) == 0:
        return _through(link.transforms, mixed(parts, late), own)
    found = of_link(link, source, np.shape(steps))
    parts = [(d, share.reshape(found.aligned(share.shape))) for d, share in parts]
    if found.is_by_source:
        return _through(link.transforms, mixed(parts, late), own)
    if isinstance(first, Pool):
        return _through(rest, _pooled(first, parts, late), own)
    y: Any = 0.0
    for i, (d, share) in enumerate(parts):
        bias = {"bias": own["bias"]} if i == 0 and "bias" in own else {}
        y = y + apply(first, late(d), {"weight": own["weight"] * share, **bias})
    return _through(rest, y, own)


def mixed(parts: list[tuple[int, np.ndarray]], late: Late) -> np.ndarray:
    """The source, each value as late as it is."""
    total: Any = 0.0
    for d, share in parts:
        total = total + late(d) * share
    return np.asarray(total)


def _pooled(transform: Pool, parts: list[tuple[int, np.ndarray]], late: Late) -> np.ndarray:
    """Mean or maximum over the taps of a window, ``[channels, *kernel]``, each as late as it is."""
    places = (1,) * len(transform.kernel)
    taps = []
    for tap in np.ndindex(*transform.kernel):
        own = [(d, share[(slice(None), *(min(t, n - 1) for t, n in zip(tap, share.shape[1:], strict=True)))]) for d, share in parts]
        taps.append(at_tap(transform, mixed([(d, s.reshape(-1, *places)) for d, s in own], late), tap))
    return np.max(taps, axis=0) if transform.is_max else np.mean(taps, axis=0)


def _through(transforms: tuple[Transform, ...], x: np.ndarray, own: Own) -> np.ndarray:
    for transform in transforms:
        x = apply(transform, x, own)
    return x
