"""Noisy currents: white noise and the Ornstein-Uhlenbeck process."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from spaic.clock import Clock
from spaic.Graph.stream import Stream
from spaic.Library.generators import Generation, spread
from spaic.Library.ranges import demand_number, demand_positive, demand_values
from spaic.Library.streams import WindowedStream
from spaic.registry import generators
from spaic.seeds import Key, Noise


class WhiteNoise(WindowedStream):
    """Independent normal numbers around a mean in every step.

    Parameters
    ----------
    mean : torch.Tensor
        ``[B, *shape]``.
    spread : float
        Standard deviation of a step.
    key : Key
        The random numbers.
    last : int
        End of the run in steps.
    """

    def __init__(self, mean: torch.Tensor, spread: float, key: Key, last: int) -> None:
        super().__init__(mean, 0, last)
        self._mean, self._spread = mean, spread
        self._noise = Noise(key, tuple(mean.shape))

    def _inside(self, start: int, stop: int) -> torch.Tensor:
        return self._mean + torch.from_numpy(self._values(start, stop)).to(self._mean)

    def _values(self, start: int, stop: int) -> np.ndarray:
        return self._spread * self._noise.steps(start, stop)


class ColouredNoise(WhiteNoise):
    """A stationary process around a mean whose value falls by `decay` per step and is refreshed by noise of that step.

    Parameters
    ----------
    mean, spread, key, last
        As of :class:`WhiteNoise`; `spread` is the standard deviation of the process.
    decay : float
        What is left of a deviation after a step, in [0, 1).
    """

    def __init__(self, mean: torch.Tensor, spread: float, key: Key, last: int, decay: float) -> None:
        super().__init__(mean, spread, key, last)
        self._decay = decay
        # A block can only be made from the end of the one before: those ends are kept, in units of `spread`.
        self._ends = [key.generator(-1).standard_normal(tuple(mean.shape))]

    def _values(self, start: int, stop: int) -> np.ndarray:
        size = Noise.BLOCK
        first, last = start // size, (stop - 1) // size
        while len(self._ends) <= first:
            self._ends.append(self._block(len(self._ends) - 1)[-1].copy())
        blocks = []
        for number in range(first, last + 1):
            blocks.append(self._block(number))
            if len(self._ends) == number + 1:
                self._ends.append(blocks[-1][-1].copy())
        return self._spread * np.concatenate(blocks)[start - first * size : stop - first * size]

    def _block(self, number: int) -> np.ndarray:
        from scipy.signal import lfilter  # takes a while to import

        fresh = self._noise.steps(number * Noise.BLOCK, (number + 1) * Noise.BLOCK)
        carried = self._decay * self._ends[number][None]
        values: np.ndarray = lfilter([math.sqrt(1 - self._decay**2)], [1.0, -self._decay], fresh, axis=0, zi=carried)[0]
        return values


@generators.register("white_noise", "noise")
@dataclass(frozen=True)
class WhiteNoiseCurrent(Generation):
    """A current with white noise; the value of the generator is its mean.

    In a step of dt it is ``value + sigma / sqrt(dt) * N(0, 1)``, so that the charge brought in a time T has the variance
    ``sigma**2 * T``, whatever dt is.

    Parameters
    ----------
    sigma : float
        Strength of the noise, in units of the current times the root of a ms.

    Notes
    -----
    Source: Gerstner et al. 2014, *Neuronal Dynamics*, section 8.1.
    """

    sigma: float = 1.0

    def __post_init__(self) -> None:
        demand_number("white_noise.sigma", self.sigma, low=0.0)

    def generate(
        self, source: object, shape: tuple[int, ...], batch: int, clock: Clock, steps: int, key: Key, device: torch.device | str
    ) -> Stream:
        mean = spread(source, shape, batch, key, device)
        demand_values(key.path, "white_noise", mean, low=-torch.inf)
        return WhiteNoise(mean, self.sigma / math.sqrt(clock.dt), key, steps)


@generators.register("ornstein_uhlenbeck", "ou")
@dataclass(frozen=True)
class OrnsteinUhlenbeck(Generation):
    """A current with coloured noise; the value of the generator is its mean.

    A stationary process of standard deviation `sigma` whose autocorrelation is ``exp(-t / tau)``, taken from its exact solution at the
    start of each step.

    Parameters
    ----------
    sigma : float
        Standard deviation, in units of the current.
    tau : float
        Correlation time in ms.

    Notes
    -----
    Source: Uhlenbeck and Ornstein 1930, *Physical Review* 36, 823; exact update as in Gillespie 1996, *Physical Review E* 54, 2084.
    """

    sigma: float = 1.0
    tau: float = 5.0

    def __post_init__(self) -> None:
        demand_number("ornstein_uhlenbeck.sigma", self.sigma, low=0.0)
        demand_positive("ornstein_uhlenbeck.tau", self.tau)

    def generate(
        self, source: object, shape: tuple[int, ...], batch: int, clock: Clock, steps: int, key: Key, device: torch.device | str
    ) -> Stream:
        mean = spread(source, shape, batch, key, device)
        demand_values(key.path, "ornstein_uhlenbeck", mean, low=-torch.inf)
        return ColouredNoise(mean, self.sigma, key, steps, math.exp(-clock.dt / self.tau))
