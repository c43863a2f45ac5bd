"""What weights are held to besides bounds: a sign, and the sum of what enters a neuron."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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
