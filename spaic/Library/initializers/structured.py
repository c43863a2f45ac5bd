"""Initializers that see the weights as a matrix: one row for each output, the rest in its columns."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from spaic.Library.initializers.base import BaseInitializer
from spaic.Library.ranges import demand_count, demand_number
from spaic.registry import initializers


@initializers.register("eye")
@dataclass(frozen=True)
class eye(BaseInitializer):
    """`gain` where row and column are equal, 0 elsewhere; one weight per neuron is `gain`."""

    gain: float = 1.0

    def __post_init__(self) -> None:
        demand_number("eye.gain", self.gain)

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
        if len(shape) < 2:
            return np.full(shape, float(self.gain))
        return self.gain * np.eye(shape[0], prod(shape[1:])).reshape(shape)


@initializers.register("dirac")
@dataclass(frozen=True)
class dirac(BaseInitializer):
    """A convolution that passes on as many channels as it can, in each of `groups` parts: 1 in the middle of the kernel, 0 elsewhere."""

    groups: int = 1

    def __post_init__(self) -> None:
        demand_count("dirac.groups", self.groups)

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
        if len(shape) < 2:
            return np.ones(shape)
        values = np.zeros(shape)
        middle = tuple(n // 2 for n in shape[2:])
        for row in range(shape[0]):
            channel = row % max(1, shape[0] // self.groups)
            if channel < shape[1]:
                values[(row, channel, *middle)] = 1.0
        return values


@initializers.register("orthogonal")
@dataclass(frozen=True)
class orthogonal(BaseInitializer):
    """`gain` times a matrix with orthonormal rows, or columns where there are fewer of them.

    Notes
    -----
    Source: Saxe, McClelland and Ganguli 2014, Exact solutions to the nonlinear dynamics of learning in deep linear neural networks, *ICLR*.
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        demand_number("orthogonal.gain", self.gain)

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
        rows, columns = (1, prod(shape)) if len(shape) < 2 else (shape[0], prod(shape[1:]))
        drawn = rng.normal(size=(max(rows, columns), min(rows, columns)))
        q, r = np.linalg.qr(drawn)
        q *= np.where(np.diagonal(r) < 0, -1.0, 1.0)  # makes every orthogonal matrix as likely as any other
        return self.gain * (q.T if rows < columns else q).reshape(shape)
