"""What is learned is held to this besides the bounds of weights: a sign, the sum of what enters a neuron, the range of a parameter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from spaic.Dynamics.model import Model
from spaic.Dynamics.parameter import Parameter
from spaic.Graph.graph import Graph
from spaic.Graph.transforms import Conv, Dense, Sparse, Transform
from spaic.Graph.values import Draw


@dataclass(frozen=True)
class Mirrored(Draw):
    """What another rule draws, all with one sign.

    Parameters
    ----------
    rule : Draw
        The other rule.
    sign : int
        1 or -1.
    """

    rule: Draw
    sign: int

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
        return self.sign * np.abs(self.rule.sample(rng, shape, fan_in, fan_out))


def trained_ranges(graph: Graph, values: Mapping[str, np.ndarray]) -> dict[str, tuple[float, float]]:
    """Least and largest value that training may give to the parameters of neurons and synapses, from their declared ranges.

    An end that is not part of its range, such as 0 for a time constant, is kept away from by a thousandth of its distance to the default,
    or by less where the parameter began closer to it.

    Parameters
    ----------
    graph : Graph
        Says what is trained.
    values : mapping of str to ndarray
        Path -> value at the start.

    Returns
    -------
    dict of str to (float, float)
        Path -> both ends, where there is one.
    """
    owners: list[tuple[str, Model, frozenset[str]]] = [(n.name, n.model, n.trainable) for n in graph.populations]
    owners += [(k.name, k.synapse.model, k.trainable & frozenset(k.synapse.model.parameters)) for k in graph.links if k.synapse is not None]
    found = {}
    for owner, model, trained in owners:
        for name in sorted(trained):
            low, high = _ends(model.parameter(name), values[f"{owner}.{name}"])
            if (low, high) != (-np.inf, np.inf):
                found[f"{owner}.{name}"] = low, high
    return found


def _ends(declared: Parameter, start: np.ndarray) -> tuple[float, float]:
    low, high, has_low, has_high = declared.bounds
    default = declared.default if isinstance(declared.default, float | int) else float(np.mean(start))
    if not has_low:
        low = min(low + 1e-3 * abs(default - low), float(np.min(start, initial=np.inf))) if np.isfinite(low) else low
    if not has_high:
        high = max(high - 1e-3 * abs(high - default), float(np.max(start, initial=-np.inf))) if np.isfinite(high) else high
    return low, high


def has_norm(transform: Transform) -> bool:
    """Whether the weights that enter one neuron (one channel of a convolution) can be told from the others."""
    return isinstance(transform, (Dense, Sparse, Conv))


def normalised(transform: Transform, weight: np.ndarray, norm: float) -> np.ndarray:
    """Weights of which the absolute values that enter a neuron add up to `norm`; a neuron whose weights are all 0 keeps them.

    Examples
    --------
    >>> normalised(Dense(2, 2, 1.0), np.array([[1.0, -3.0], [0.0, 0.0]]), 2.0)
    array([[ 0.5, -1.5],
           [ 0. ,  0. ]])
    """
    if isinstance(transform, Sparse):
        sums = np.bincount(transform.targets, np.abs(weight), minlength=transform.post)
        return weight * _factors(sums, norm)[transform.targets]
    sums = np.abs(weight).sum(axis=tuple(range(1, weight.ndim)), keepdims=True)
    return weight * _factors(sums, norm)


def _factors(sums: np.ndarray, norm: float) -> np.ndarray:
    return norm / np.where(sums == 0, norm, sums)
