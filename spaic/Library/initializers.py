"""Distributions of initial weights and biases. The classes keep the lower-case names under which SPAIC exports them."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from spaic.errors import DeclarationError, nearest
from spaic.Graph.values import Draw
from spaic.Library.ranges import demand_number
from spaic.registry import initializers


class BaseInitializer(Draw):
    """A distribution: a frozen dataclass whose fields are its parameters, with one method."""

    @abstractmethod
    def sample(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
        """Draw an array.

        Parameters
        ----------
        rng : numpy.random.Generator
            Where the random numbers come from.
        shape : tuple of int
            Shape of the array.
        fan_in, fan_out : int
            Number of connections that enter and leave a neuron.

        Returns
        -------
        numpy.ndarray
            float64 array of shape `shape`.
        """


def _demand_fan(path: str, fan: float) -> None:
    if not fan > 0:
        raise DeclarationError(f"{path}: it scales with the number of connections, which is {fan!r} here; connect something first")


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
        _demand_fan("fan_in_normal", fan_in)
        return rng.normal(self.mean / fan_in, self.std / math.sqrt(fan_in), shape)


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
        _demand_fan(type(self).__name__, fan_in + fan_out)
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
        if self.nonlinearity not in _GAINS:
            raise DeclarationError(f"{path}.nonlinearity: unknown {self.nonlinearity!r}; {nearest(self.nonlinearity, _GAINS)}")

    def _std(self, fan_in: int, fan_out: int) -> float:
        fan = fan_in if self.mode == "fan_in" else fan_out
        _demand_fan(type(self).__name__, fan)
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
