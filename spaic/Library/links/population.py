"""The link from a population of spiking neurons to what knows only its mean."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from spaic import spellings
from spaic.Graph.transforms import Dense, Pool, Reshape, Transform
from spaic.Graph.values import Value
from spaic.Library.links.weights import WeightedLink
from spaic.registry import links
from spaic.seeds import Key

Shape = tuple[int, ...]


@dataclass(frozen=True)
class PopulationMean(WeightedLink):
    """The mean over all presynaptic neurons to every postsynaptic one: what a mean-field model takes from a spiking population.

    With ``syn_type='first_order'`` the current follows the mean rate, smoothed.

    Parameters
    ----------
    weight : array of shape (post, 1), number or initializer, optional
        Initial weights; 1 by default.
    bias : array of shape (post,), number, initializer or bool, optional
        Added in every step.
    w_mean, w_std : float, optional
        Mean and standard deviation of normal initial weights.
    """

    def usual(self) -> Value:
        return 1.0

    def transforms(self, pre: Shape, post: Shape, path: str, key: Key) -> tuple[Transform, ...]:
        size = prod(pre)
        weight = self.initial_weight(path)
        return Reshape((1, size)), Pool((size,), (size,), (0,)), Reshape((1,)), Dense(1, prod(post), weight, self.initial_bias(path))


links.add("population_mean", PopulationMean, spellings.aliases("link type", "population_mean"))
