"""Neurons that stand for places: a few numbers become the activity of many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from typing import Any

import numpy as np

from spaic.errors import DeclarationError, InputError
from spaic.IO.reinforcement.checks import as_numbers


class Boxes:
    """One neuron for each box of a grid over the observations: 1 where the observation is, 0 elsewhere.

    Parameters
    ----------
    edges : sequence of sequence of float
        For each value of an observation the borders between its intervals, rising; n borders make n + 1 intervals.

    Notes
    -----
    Source: Barto, Sutton & Anderson 1983, *IEEE Transactions on Systems, Man, and Cybernetics* 13:834, who divide the states of a cart
    and pole into 162 boxes.

    Examples
    --------
    >>> boxes = Boxes([[0.0], [-1.0, 1.0]])
    >>> boxes.num, boxes([0.5, -3.0]).tolist()
    (6, [0.0, 0.0, 0.0, 1.0, 0.0, 0.0])
    """

    def __init__(self, edges: Sequence[Sequence[float]]) -> None:
        self.edges = [_rising(f"Boxes.edges[{place}]", values) for place, values in enumerate(_list("Boxes.edges", edges))]

    @property
    def num(self) -> int:
        """Number of boxes."""
        return prod(len(borders) + 1 for borders in self.edges)

    def __call__(self, observation: Any) -> np.ndarray:
        """``[num]`` of an observation."""
        values = _values("Boxes", observation, len(self.edges))
        place = 0
        for value, borders in zip(values, self.edges, strict=True):
            place = place * (len(borders) + 1) + int(np.searchsorted(borders, value, side="right"))
        found = np.zeros(self.num)
        found[place] = 1.0
        return found


class GaussianFields:
    """Neurons with overlapping receptive fields: for each value of an observation a row of bells, or a grid of them over all values.

    Parameters
    ----------
    centres : sequence of sequence of float
        For each value of an observation where its bells have their maxima, rising.
    width : float
        Standard deviation of a bell in units of the distance between the centres (their mean distance, where it varies).
    grid : bool
        Whether there is a neuron for each combination of centres, the product of their bells; else the rows stand one after the other.

    Examples
    --------
    >>> fields = GaussianFields([[-1.0, 0.0, 1.0]], width=0.5)
    >>> fields([0.0]).round(3).tolist()
    [0.135, 1.0, 0.135]
    """

    def __init__(self, centres: Sequence[Sequence[float]], width: float = 0.5, grid: bool = False) -> None:
        self.centres = [_rising(f"GaussianFields.centres[{k}]", row) for k, row in enumerate(_list("GaussianFields.centres", centres))]
        if isinstance(width, bool) or not isinstance(width, (int, float)) or not 0 < width < float("inf"):
            raise DeclarationError(f"GaussianFields.width: {width!r} is no width; give a number above 0")
        if not isinstance(grid, bool):
            raise DeclarationError(f"GaussianFields.grid: expected True or False, got {grid!r}; give one of the two")
        for place, row in enumerate(self.centres):
            if len(row) < 2:
                raise DeclarationError(f"GaussianFields.centres[{place}]: {row.tolist()} has no distances; give two centres or more")
        self.width, self.grid = float(width), grid
        self._sigma = [self.width * float(np.diff(row).mean()) for row in self.centres]

    @property
    def num(self) -> int:
        """Number of neurons."""
        return prod(map(len, self.centres)) if self.grid else sum(map(len, self.centres))

    def __call__(self, observation: Any) -> np.ndarray:
        """``[num]`` of an observation, in [0, 1]."""
        values = _values("GaussianFields", observation, len(self.centres))
        held = [np.clip(v, row[0], row[-1]) for v, row in zip(values, self.centres, strict=True)]  # the outermost stand for all beyond
        rows = [np.exp(-0.5 * ((v - row) / s) ** 2) for v, row, s in zip(held, self.centres, self._sigma, strict=True)]
        if not self.grid:
            return np.concatenate(rows)
        found = rows[0]
        for row in rows[1:]:
            found = np.multiply.outer(found, row).reshape(-1)
        return found


def _list(path: str, given: Any) -> list[Any]:
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise DeclarationError(f"{path}: {given!r} is no list; give a list of numbers for each value of an observation")
    found = list(given)
    if not found:
        raise DeclarationError(f"{path}: it is empty; give a list of numbers for each value of an observation")
    return found


def _rising(path: str, given: Any) -> np.ndarray:
    try:
        row = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise DeclarationError(f"{path}: {given!r} is no list of numbers; give one") from None
    if row.ndim != 1 or not row.size or not np.isfinite(row).all() or (np.diff(row) <= 0).any():
        raise DeclarationError(f"{path}: {row.tolist()} does not rise; give finite numbers, each above the one before")
    return row


def _values(name: str, observation: Any, number: int) -> np.ndarray:
    found = as_numbers(observation)
    if found is None:
        raise InputError(f"{name}: the observation is {observation!r}; give {number} numbers")
    values = found.reshape(-1)
    if values.size != number:
        raise InputError(f"{name}: the observation has {values.size} values, declared are {number}; give as many")
    if np.isnan(values).any():
        raise InputError(f"{name}: the observation holds nan; end the episode before that, or correct the environment")
    return values
