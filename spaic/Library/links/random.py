"""Random links: each pair with a probability, or a fixed number of partners."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod, sqrt

import numpy as np

from spaic.errors import DeclarationError, GraphError
from spaic.Library.links.pattern import Pairs, PatternLink
from spaic.registry import links
from spaic.seeds import Key

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Random(PatternLink):
    """Random pairs: each with a probability, or so that every neuron has a fixed number of partners. One of the three is given.

    Parameters
    ----------
    probability : float, optional
        Of each pair, in [0, 1]; 0.1 if none of the three is given.
    fan_in : int, optional
        Number of different presynaptic neurons of every postsynaptic one.
    fan_out : int, optional
        Number of different postsynaptic neurons of every presynaptic one.
    allow_self : bool
        False leaves out the connection of a neuron to itself; only where a group is connected with itself.
    storage : str
        ``"dense"``, ``"sparse"`` or ``"auto"``: as a masked matrix, as a list of synapses, or as the list if there are at least a million
        pairs of which at most one in ten is connected.
    weight, bias, w_mean, w_std
        As for a full link; an array of weights has shape (post, pre).
    """

    probability: float | None = None
    fan_in: int | None = None
    fan_out: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        given = [n for n in ("probability", "fan_in", "fan_out") if getattr(self, n) is not None]
        if len(given) > 1:
            raise DeclarationError(f"{self.label}: {' and '.join(given)} are given; give one of them")
        if self.probability is not None:
            demand_probability(self.probability, f"{self.label}.probability")
        for name in ("fan_in", "fan_out"):
            demand_whole(getattr(self, name), f"{self.label}.{name}", least=0)

    def pairs(self, pre: Shape, post: Shape, path: str, key: Key) -> Pairs:
        pres, posts, rng = prod(pre), prod(post), key.generator()
        if self.fan_in is None and self.fan_out is None:
            return each_with(0.1 if self.probability is None else self.probability, pres, posts, rng)
        name, number = ("fan_in", self.fan_in) if self.fan_in is not None else ("fan_out", self.fan_out)
        rows, others = (posts, pres) if name == "fan_in" else (pres, posts)
        available = others - (not self.allow_self)
        if number is None or number > available:
            raise GraphError(
                f"{path}.{name}: {number} different neurons out of {available} cannot be chosen (the groups have shapes {pre} and {post}"
                f"{'' if self.allow_self else ', a neuron is not connected to itself'}); make it smaller"
            )
        chosen = different(rows, number, available, rng)
        if not self.allow_self:
            chosen += chosen >= np.arange(rows)[:, None]
        own = np.repeat(np.arange(rows), number)
        return (chosen.ravel(), own) if name == "fan_in" else (own, chosen.ravel())


def each_with(probability: float, pres: int, posts: int, rng: np.random.Generator) -> Pairs:
    """Every pair with the same probability; drawn are the distances from one to the next, so that it costs what there is."""
    if probability == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    parts, last, total = [], -1, pres * posts
    while last < total:
        expected = (total - last) * probability
        places = last + np.cumsum(rng.geometric(probability, int(expected + 4 * sqrt(expected) + 16)))
        parts.append(places)
        last = int(places[-1])
    flat = np.concatenate(parts)
    return tuple(np.divmod(flat[flat < total], posts))  # type: ignore[return-value]


def different(rows: int, number: int, of: int, rng: np.random.Generator) -> np.ndarray:
    """`number` different ones of `of` in each row, every choice as likely as any other: drawn anew where one came twice."""
    if number > of // 2:  # what is left out is the smaller choice
        left_out = different(rows, of - number, of, rng)
        is_in = np.ones((rows, of), bool)
        np.put_along_axis(is_in, left_out, False, axis=1)
        return np.nonzero(is_in)[1].reshape(rows, number)
    chosen = np.sort(rng.integers(0, max(1, of), (rows, number)), axis=1)
    while True:
        twice = np.zeros(chosen.shape, bool)
        twice[:, 1:] = chosen[:, 1:] == chosen[:, :-1]
        if not twice.any():
            return chosen
        chosen[twice] = rng.integers(0, of, int(twice.sum()))
        chosen.sort(axis=1)


def demand_probability(value: object, path: str) -> None:
    """Refuse what is no number in [0, 1]."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise DeclarationError(f"{path}: {value!r} is outside [0, 1]; give a probability")


def demand_whole(value: object, path: str, least: int) -> None:
    """Refuse what is neither None nor a whole number of at least `least`."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least):
        raise DeclarationError(f"{path}: {value!r} is not a whole number of at least {least}; give one")


links.add("random", Random, ("random_connection", "random_connect", "random_connection_sparse"))
