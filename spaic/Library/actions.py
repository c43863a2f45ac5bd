"""Actions: how the activity of a group becomes a choice, one whole number per sample."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from spaic.clock import Clock
from spaic.errors import UnsupportedError
from spaic.Library.decoders import Carry, Decoding, FinalVoltage, FirstSpike, SpikeCounts
from spaic.Library.ranges import demand_number, demand_positive
from spaic.registry import actions
from spaic.seeds import Key


class Choice(ABC):
    """A way to choose: a frozen dataclass whose fields are its parameters, with one method to write.

    Attributes
    ----------
    readout : Decoding
        What a run is reduced to, one number per neuron.
    pooling : str
        How the numbers of the neurons of one action become one: ``"sum"``, ``"mean"`` or ``"amin"``.
    """

    readout: ClassVar[Decoding] = SpikeCounts()
    pooling: ClassVar[str] = "sum"

    @property
    def reads(self) -> str:
        """The variable it reads."""
        return self.readout.reads

    def add(self, carry: Carry | None, record: object, first_step: int, clock: Clock) -> Carry:
        """Take in the record of the next steps."""
        return self.readout.add(carry, record, first_step, clock)

    def chosen(self, carry: Carry, steps: int, clock: Clock, number: int, key: Key) -> torch.Tensor:
        """The actions of a run, ``[B]`` int64, each in [0, `number`)."""
        values = self.scores(carry, steps, clock, number).detach().double().cpu()
        return torch.from_numpy(self.choose(values.numpy(), key.generator(), key.run))

    def scores(self, carry: Carry, steps: int, clock: Clock, number: int) -> torch.Tensor:
        """What each action got in a run, ``[B, number]``, differentiable."""
        values = self.readout.finish(carry, steps, clock)
        return getattr(values.reshape(len(values), number, -1), self.pooling)(2)

    def best(self, scores: torch.Tensor) -> torch.Tensor:
        """The action that the scores ``[B, actions]`` speak for, ``[B]``, with nothing left to chance."""
        return scores.argmax(1)

    def log_probabilities(self, scores: torch.Tensor) -> torch.Tensor:
        """Logarithm of the probability of each action, ``[B, actions]``, differentiable.

        Raises
        ------
        UnsupportedError
            If the choice has no probabilities with a gradient.
        """
        raise UnsupportedError(
            f"{type(self).__name__}: its choices have no probabilities with a gradient; use softmax_action or softmax_voltage_action"
        )

    @abstractmethod
    def choose(self, values: np.ndarray, rng: np.random.Generator, run: int) -> np.ndarray:
        """Choose for each sample.

        Parameters
        ----------
        values : ndarray
            ``[B, actions]`` float64.
        rng : numpy.random.Generator
            Where random choices come from.
        run : int
            Number of the run, for choices that become bolder with time.

        Returns
        -------
        ndarray
            ``[B]`` int64.
        """


def _drawn(share: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One index per row, with probabilities proportional to the row."""
    rising = np.cumsum(share, axis=1)
    point = rng.random((len(share), 1)) * rising[:, -1:]
    return (rising <= point).sum(1).clip(max=share.shape[1] - 1).astype(np.int64)


def _best(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Index of the largest value of each row; one of them at random if several are equal."""
    return _drawn((values == values.max(1, keepdims=True)).astype(float), rng)


@dataclass(frozen=True)
class Greedy(Choice):
    """The best action, or, with probability epsilon, any of them.

    Parameters
    ----------
    epsilon : float
        Probability of a random action in the first run.
    epsilon_end : float, optional
        Probability that is approached with the number of runs; `epsilon` itself by default.
    decay : float
        Number of runs in which the difference between the two falls to 1/e.
    """

    epsilon: float = 0.0
    epsilon_end: float | None = None
    decay: float = 200.0

    def __post_init__(self) -> None:
        demand_number(f"{type(self).__name__}.epsilon", self.epsilon, 0.0, 1.0)
        if self.epsilon_end is not None:
            demand_number(f"{type(self).__name__}.epsilon_end", self.epsilon_end, 0.0, 1.0)
        demand_positive(f"{type(self).__name__}.decay", self.decay)

    def choose(self, values: np.ndarray, rng: np.random.Generator, run: int) -> np.ndarray:
        end = self.epsilon if self.epsilon_end is None else self.epsilon_end
        epsilon = end + (self.epsilon - end) * math.exp(-(run - 1) / self.decay)
        explores = rng.random(len(values)) < epsilon
        return np.where(explores, rng.integers(values.shape[1], size=len(values)), _best(values, rng))


@actions.register("highest_spikes_action", "highest_spikes", "epsilon_greedy_action", "epsilon_greedy")
@dataclass(frozen=True)
class HighestSpikes(Greedy):
    """The action whose neurons fired most; among equals one at random.

    Parameters
    ----------
    epsilon, epsilon_end, decay
        Random actions: with probability `epsilon` in the first run, falling to `epsilon_end` within some `decay` runs; none by default.
    """


@actions.register("highest_voltage_action", "highest_voltage")
@dataclass(frozen=True)
class HighestVoltage(Greedy):
    """The action whose neurons end with the highest membrane voltage (mean over them).

    Parameters
    ----------
    epsilon, epsilon_end, decay
        Random actions: with probability `epsilon` in the first run, falling to `epsilon_end` within some `decay` runs.
    """

    readout: ClassVar[Decoding] = FinalVoltage()
    pooling: ClassVar[str] = "mean"


@actions.register("pop_rate_action", "pop_rate")
@dataclass(frozen=True)
class PopulationRate(Choice):
    """An action drawn with its neurons' share of all spikes; any of them if there were none."""

    def choose(self, values: np.ndarray, rng: np.random.Generator, run: int) -> np.ndarray:
        return _drawn(np.where(values.any(1, keepdims=True), values, 1.0), rng)


@actions.register("softmax_action", "softmax")
@dataclass(frozen=True)
class Softmax(Choice):
    """An action drawn with probability proportional to ``exp(spikes / temperature)``.

    Parameters
    ----------
    temperature : float
        The lower, the more often the best one, above 0.
    """

    temperature: float = 1.0

    def __post_init__(self) -> None:
        demand_positive(f"{type(self).__name__}.temperature", self.temperature)

    def choose(self, values: np.ndarray, rng: np.random.Generator, run: int) -> np.ndarray:
        return _drawn(np.exp((values - values.max(1, keepdims=True)) / self.temperature), rng)

    def log_probabilities(self, scores: torch.Tensor) -> torch.Tensor:
        return torch.log_softmax(scores / self.temperature, 1)


@actions.register("softmax_voltage_action", "softmax_voltage")
@dataclass(frozen=True)
class SoftmaxVoltage(Softmax):
    """An action drawn with probability proportional to ``exp(voltage / temperature)``, of the membrane at the end (mean over its neurons).

    Parameters
    ----------
    temperature : float
        The lower, the more often the best one, above 0.
    """

    readout: ClassVar[Decoding] = FinalVoltage()
    pooling: ClassVar[str] = "mean"


@actions.register("first_spike_action")
@dataclass(frozen=True)
class FirstSpikeChoice(Choice):
    """The action of the neuron that fires first; among equals one at random."""

    readout: ClassVar[Decoding] = FirstSpike()
    pooling: ClassVar[str] = "amin"

    def choose(self, values: np.ndarray, rng: np.random.Generator, run: int) -> np.ndarray:
        return _best(-values, rng)

    def best(self, scores: torch.Tensor) -> torch.Tensor:
        return scores.argmin(1)


@actions.register("random_action")
@dataclass(frozen=True)
class RandomChoice(Choice):
    """Any action, whatever the neurons do."""

    def choose(self, values: np.ndarray, rng: np.random.Generator, run: int) -> np.ndarray:
        return rng.integers(values.shape[1], size=len(values))
