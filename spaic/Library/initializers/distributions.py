"""Distributions that do not depend on the number of connections, or only on the fan-in, and constants."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from spaic.Library.initializers.base import BaseInitializer, demand_fan
from spaic.Library.ranges import demand_number, demand_positive
from spaic.registry import initializers


@initializers.register("uniform")
@dataclass(frozen=True)
class uniform(BaseInitializer):
    """Uniform on [`a`, `b`)."""

    a: float = 0.0
    b: float = 1.0

    def __post_init__(self) -> None:
        demand_number("uniform.a", self.a)
        demand_number("uniform.b", self.b, low=self.a)

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
        return rng.uniform(self.a, self.b, shape)


@initializers.register("normal")
@dataclass(frozen=True)
class normal(BaseInitializer):
    """Normal with mean `mean` and standard deviation `std`."""

    mean: float = 0.0
    std: float = 1.0

    def __post_init__(self) -> None:
        demand_number("normal.mean", self.mean)
        demand_number("normal.std", self.std, low=0.0)

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
        return rng.normal(self.mean, self.std, shape)


@initializers.register("fan_in_normal")
@dataclass(frozen=True)
class fan_in_normal(BaseInitializer):
    """Normal with mean ``mean / fan_in`` and standard deviation ``std / sqrt(fan_in)``.

    One unit from each of a neuron's afferents then adds up to `mean`, with a spread of `std`, whatever their number.
    """

    mean: float
    std: float

    def __post_init__(self) -> None:
        demand_number("fan_in_normal.mean", self.mean)
        demand_number("fan_in_normal.std", self.std, low=0.0)

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
        demand_fan("fan_in_normal", fan_in)
        return rng.normal(self.mean / fan_in, self.std / math.sqrt(fan_in), shape)


@initializers.register("constant")
@dataclass(frozen=True)
class constant(BaseInitializer):
    """`constant_value` everywhere."""

    constant_value: float = 0.0

    def __post_init__(self) -> None:
        demand_number("constant.constant_value", self.constant_value)

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
        return np.full(shape, self.constant_value, dtype=np.float64)


@initializers.register("sparse")
@dataclass(frozen=True)
class sparse(BaseInitializer):
    """Normal with mean 0 and deviation `std`, where a share `sparsity` (rounded up) along the first axis is 0.

    Notes
    -----
    Source: Martens 2010, Deep learning via Hessian-free optimization, *ICML*, 735-742.
    """

    sparsity: float = 0.1
    std: float = 0.01

    def __post_init__(self) -> None:
        demand_number("sparse.sparsity", self.sparsity, 0.0, 1.0)
        demand_number("sparse.std", self.std, low=0.0)

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
        values = rng.normal(0.0, self.std, shape)
        order = rng.permuted(np.broadcast_to(np.arange(shape[0]).reshape(-1, *[1] * (len(shape) - 1)), shape), axis=0)
        values[order < math.ceil(self.sparsity * shape[0])] = 0.0
        return values


@initializers.register("trunc_normal")
@dataclass(frozen=True)
class trunc_normal(BaseInitializer):
    """Normal with mean `mean` and deviation `std`, of which only what lies in [`a`, `b`] is taken."""

    mean: float = 0.0
    std: float = 1.0
    a: float = -2.0
    b: float = 2.0

    def __post_init__(self) -> None:
        demand_number("trunc_normal.mean", self.mean)
        demand_positive("trunc_normal.std", self.std)
        demand_number("trunc_normal.a", self.a)
        demand_number("trunc_normal.b", self.b, low=self.a)

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
        from scipy.special import ndtr, ndtri  # SciPy is loaded when it is needed

        low, high = (self.a - self.mean) / self.std, (self.b - self.mean) / self.std
        side = -1.0 if low > 0 else 1.0  # the left tail is the one that floating-point numbers resolve
        low, high = sorted((side * low, side * high))
        values = side * ndtri(rng.uniform(ndtr(low), ndtr(high), shape))
        return np.clip(self.mean + self.std * values, self.a, self.b)


@initializers.register("ones")
@dataclass(frozen=True)
class ones(BaseInitializer):
    """1 everywhere."""

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
        return np.ones(shape)


@initializers.register("zeros")
@dataclass(frozen=True)
class zeros(BaseInitializer):
    """0 everywhere."""

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
        return np.zeros(shape)
