"""A link that mixes all steps of a run."""

from __future__ import annotations

from dataclasses import dataclass

from spaic.Graph.transforms import OverTime, Transform
from spaic.Graph.values import Value
from spaic.Library.initializers import uniform
from spaic.Library.links.weights import WeightedLink
from spaic.Library.ranges import demand_count
from spaic.registry import links
from spaic.seeds import Key

Shape = tuple[int, ...]


@dataclass(frozen=True)
class OverTimeLink(WeightedLink):
    """Every neuron to itself, where each step brings a mixture of all steps of the run, those to come too.

    Parameters
    ----------
    steps : int
        Of the run: it works for runs of this length only.
    order : int, optional
        Of how many steps each one is a mixture: itself and those just before; at most `steps`. Without it, of all.
    weight : array of shape (steps, steps), number or initializer, optional
        Initial weights, a row for each step of the result; by default uniform between ``-1 / sqrt(steps)`` and ``1 / sqrt(steps)``.
    bias : array of shape (steps,), number, initializer or bool, optional
        Added in each step; 0 by default.
    w_mean, w_std : float, optional
        Mean and standard deviation of normal initial weights.

    Notes
    -----
    Source: Fang et al. 2023, NeurIPS (Parallel spiking neurons), eqs. 4-8.
    """

    steps: int = 1
    order: int | None = None

    def __post_init__(self) -> None:
        demand_count("Connection(over_time).steps", self.steps)
        if self.order is not None:
            demand_count("Connection(over_time).order", self.order)

    def usual(self) -> Value:
        spread = float(self.steps) ** -0.5
        return uniform(-spread, spread)

    def transforms(self, pre: Shape, post: Shape, path: str, key: Key) -> tuple[Transform, ...]:
        weight, bias = self.initial_weight(path), self.initial_bias(path)
        return (OverTime(self.steps, weight, 0.0 if bias is None else bias, self.order),)


links.add("over_time", OverTimeLink)
