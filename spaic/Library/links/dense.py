"""Links with a weight matrix, and one-to-one links."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from spaic import spellings
from spaic.errors import DeclarationError, GraphError
from spaic.Graph.transforms import Dense, OneToOne, Transform
from spaic.Graph.values import Value
from spaic.Library.links.pattern import LARGE, Pairs, PatternLink
from spaic.Library.links.random import each_with
from spaic.Library.links.weights import WeightedLink
from spaic.registry import links
from spaic.seeds import Key

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Full(WeightedLink):
    """Every neuron to every neuron.

    Parameters
    ----------
    weight : array of shape (post, pre), number or initializer, optional
        Initial weights; by default normal with a mean and spread that depend on the fan-in.
    bias : array of shape (post,), number, initializer or bool, optional
        Added in every step.
    w_mean, w_std : float, optional
        Mean and standard deviation of normal initial weights.
    """

    def transforms(self, pre: Shape, post: Shape, path: str, key: Key) -> tuple[Transform, ...]:
        weight = self.initial_weight(path)
        return (Dense(prod(pre), prod(post), weight, self.initial_bias(path)),)


@dataclass(frozen=True)
class Sparse(PatternLink):
    """A random part of all pairs.

    Parameters
    ----------
    density : float
        Probability of a synapse, in (0, 1].
    mask : array of bool or SciPy sparse matrix of shape (post, pre), optional
        Where the synapses are, instead of a random pattern.
    allow_self : bool
        False leaves out the connection of a neuron to itself; only where a group is connected with itself.
    storage : str
        ``"dense"``, ``"sparse"`` or ``"auto"``: as a masked matrix, as a list of synapses, or as the list if there are at least a million
        pairs of which at most one in ten is connected. The weights of a list have shape (synapses,), ordered by presynaptic neuron.
    weight, bias, w_mean, w_std
        As for a full link.
    """

    density: float = 0.1
    mask: Any = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.density, bool) or not isinstance(self.density, (int, float)) or not 0 < self.density <= 1:
            raise DeclarationError(f"Connection(sparse).density: {self.density!r} is outside (0, 1]; give a probability")
        if hasattr(self.mask, "tocoo"):
            object.__setattr__(self, "mask", self.mask.toarray())

    def pairs(self, pre: Shape, post: Shape, path: str, key: Key) -> Pairs:
        shape = (prod(post), prod(pre))
        if self.mask is None and prod(shape) >= LARGE:
            return each_with(self.density, shape[1], shape[0], key.generator())
        mask = key.generator().random(shape) < self.density if self.mask is None else np.asarray(self.mask) != 0
        if mask.shape != shape:
            raise GraphError(f"{path}.mask: its shape is {mask.shape}, needed (post, pre) = {shape}; reshape it")
        targets, sources = np.nonzero(mask)
        return sources, targets


@dataclass(frozen=True)
class OneToOneLink(WeightedLink):
    """Neuron i to neuron i.

    Parameters
    ----------
    weight : array of shape (num,), number or initializer
        Initial weights.
    bias : array of shape (num,), number, initializer or bool, optional
        Added in every step.
    w_mean, w_std : float, optional
        Mean and standard deviation of normal initial weights.
    """

    def usual(self) -> Value:
        return 1.0

    def transforms(self, pre: Shape, post: Shape, path: str, key: Key) -> tuple[Transform, ...]:
        weight = self.initial_weight(path)
        return (OneToOne(prod(pre), weight, self.initial_bias(path)),)


links.add("full", Full, spellings.aliases("link type", "full"))
links.add("sparse", Sparse, spellings.aliases("link type", "sparse"))
links.add("one_to_one", OneToOneLink, spellings.aliases("link type", "one_to_one"))
