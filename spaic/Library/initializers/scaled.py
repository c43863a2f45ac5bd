"""Distributions whose variance is divided by the number of connections: Glorot, He, LeCun."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from spaic.errors import DeclarationError, nearest
from spaic.Library.initializers.base import BaseInitializer, demand_fan
from spaic.Library.ranges import demand_number
from spaic.registry import initializers


@dataclass(frozen=True)
class _Xavier(BaseInitializer):
    """Variance ``2 gain^2 / (fan_in + fan_out)``.

    Notes
    -----
    Source: Glorot and Bengio 2010, *AISTATS*, PMLR 9, 249-256.
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        demand_number(f"{type(self).__name__}.gain", self.gain, low=0.0)

    def _std(self, fan_in: int, fan_out: int) -> float:
        demand_fan(type(self).__name__, fan_in + fan_out)
        return self.gain * math.sqrt(2.0 / (fan_in + fan_out))


@initializers.register("xavier_normal")
@dataclass(frozen=True)
class xavier_normal(_Xavier):
    """Normal with mean 0 and variance ``2 gain^2 / (fan_in + fan_out)`` (Glorot and Bengio 2010)."""

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
        return rng.normal(0.0, self._std(fan_in, fan_out), shape)


@initializers.register("xavier_uniform")
@dataclass(frozen=True)
class xavier_uniform(_Xavier):
    """Uniform around 0 with variance ``2 gain^2 / (fan_in + fan_out)`` (Glorot and Bengio 2010)."""

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
        bound = math.sqrt(3.0) * self._std(fan_in, fan_out)
        return rng.uniform(-bound, bound, shape)


#: Factor by which a nonlinearity asks for larger weights; that of ``leaky_relu`` depends on its slope.
_GAINS = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5.0 / 3.0, "relu": math.sqrt(2.0), "selu": 0.75, "leaky_relu": math.nan}


@dataclass(frozen=True)
class _Kaiming(BaseInitializer):
    """Variance ``gain^2 / fan``.

    Notes
    -----
    Source: He, Zhang, Ren and Sun 2015, *ICCV*, 1026-1034, doi:10.1109/ICCV.2015.123.
    """

    a: float = 0.0
    mode: str = "fan_in"
    nonlinearity: str = "leaky_relu"

    def __post_init__(self) -> None:
        path = type(self).__name__
        demand_number(f"{path}.a", self.a)
        if self.mode not in ("fan_in", "fan_out"):
            raise DeclarationError(f"{path}.mode: unknown mode {self.mode!r}; choose 'fan_in' or 'fan_out'")
        if not isinstance(self.nonlinearity, str) or self.nonlinearity not in _GAINS:
            raise DeclarationError(f"{path}.nonlinearity: unknown {self.nonlinearity!r}; {nearest(self.nonlinearity, _GAINS)}")

    def _std(self, fan_in: int, fan_out: int) -> float:
        fan = fan_in if self.mode == "fan_in" else fan_out
        demand_fan(type(self).__name__, fan)
        leaky = self.nonlinearity == "leaky_relu"
        gain = math.sqrt(2.0 / (1.0 + self.a**2)) if leaky else _GAINS[self.nonlinearity]
        return gain / math.sqrt(fan)


@initializers.register("kaiming_normal")
@dataclass(frozen=True)
class kaiming_normal(_Kaiming):
    """Normal with mean 0 and variance ``gain^2 / fan`` (He et al. 2015).

    Parameters
    ----------
    a : float
        Negative slope of a leaky ReLU.
    mode : {"fan_in", "fan_out"}
        Which number of connections is `fan`.
    nonlinearity : str
        Name of the nonlinearity that sets `gain`.
    """

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
        return rng.normal(0.0, self._std(fan_in, fan_out), shape)


@initializers.register("kaiming_uniform")
@dataclass(frozen=True)
class kaiming_uniform(_Kaiming):
    """Uniform around 0 with variance ``gain^2 / fan`` (He et al. 2015).

    Parameters
    ----------
    a, mode, nonlinearity
        As for :class:`kaiming_normal`.
    """

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
        bound = math.sqrt(3.0) * self._std(fan_in, fan_out)
        return rng.uniform(-bound, bound, shape)


@initializers.register("lecun_normal")
@dataclass(frozen=True)
class lecun_normal(BaseInitializer):
    """Normal with mean 0 and variance ``1 / fan_in``.

    Notes
    -----
    Source: LeCun, Bottou, Orr and Mueller 1998, Efficient BackProp, *Neural Networks: Tricks of the Trade*, section 4.6.
    """

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
        demand_fan("lecun_normal", fan_in)
        return rng.normal(0.0, 1.0 / math.sqrt(fan_in), shape)
