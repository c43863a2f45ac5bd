"""Rewards: how what a group did in a run is judged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F  # noqa: N812

from spaic.clock import Clock
from spaic.errors import InputError, NetworkError
from spaic.Library.ranges import demand_count, demand_number
from spaic.registry import rewards

#: Spikes of each window and population so far, ``[W, B, N]``, and the number of the last window.
Windows = tuple[torch.Tensor, int]


@dataclass(frozen=True)
class Judgement(ABC):
    """A way to judge: a frozen dataclass whose fields are its parameters, with one method to write.

    Parameters
    ----------
    reward_signal : float
        What is given for doing right.
    punish_signal : float
        What is given for doing wrong.
    pop_size : int
        Number of consecutive neurons that belong to one class.
    dec_sample_step : int, optional
        Length in steps of the windows that are judged, each by its own spikes; then the result has one more axis, ``[windows, ...]``. By
        default the run is judged as a whole.

    Attributes
    ----------
    reads : str or None
        The variable it reads; None if it needs no group.
    """

    reads: ClassVar[str | None] = "O"

    reward_signal: float = 1.0
    punish_signal: float = -1.0
    pop_size: int = 1
    dec_sample_step: int | None = None

    def __post_init__(self) -> None:
        name = type(self).__name__
        demand_number(f"{name}.reward_signal", self.reward_signal)
        demand_number(f"{name}.punish_signal", self.punish_signal)
        demand_count(f"{name}.pop_size", self.pop_size)
        if self.dec_sample_step is not None:
            demand_count(f"{name}.dec_sample_step", self.dec_sample_step)

    def check(self, neurons: int, path: str) -> None:
        """Refuse a number of neurons that cannot be judged."""
        if neurons % self.pop_size:
            raise NetworkError(
                f"{path}.pop_size: {neurons} neurons cannot be split into populations of {self.pop_size}; choose one that divides {neurons}"
            )

    def fold(self, carry: Windows | None, record: object, first_step: int, clock: Clock) -> Windows:
        """Take in the record ``[T, B, *shape]`` of the next steps."""
        spikes = torch.as_tensor(record, device=getattr(record, "device", "cpu")).detach().float().flatten(2)
        pooled = spikes.reshape(*spikes.shape[:2], -1, self.pop_size).sum(3)
        window = self._window(first_step + torch.arange(len(pooled)))
        last = int(window[-1])
        before = pooled.new_zeros(0, *pooled.shape[1:]) if carry is None else carry[0]
        sums = torch.cat([before, pooled.new_zeros(last + 1 - len(before), *pooled.shape[1:])])
        return sums.index_add_(0, window.to(pooled.device), pooled), last

    def _window(self, step: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(step) if self.dec_sample_step is None else step // self.dec_sample_step

    def judged(self, carry: Windows | None, label: object, path: str) -> torch.Tensor:
        """The rewards of a run."""
        if carry is None:
            raise NetworkError(f"{path}: it has read nothing; give it a group as dec_target")
        spikes = carry[0]
        result = self.judge(spikes, _labels(label, spikes.shape[1], max(2, spikes.shape[2]), path).to(spikes.device))
        return result[0] if self.dec_sample_step is None else result

    @abstractmethod
    def judge(self, spikes: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        """Judge each window and sample.

        Parameters
        ----------
        spikes : torch.Tensor
            ``[W, B, N]`` spikes of each window, sample and population.
        label : torch.Tensor
            ``[B]`` int64, in [0, N), or 0 and 1 if there is one population.
        """

    def _signal(self, is_right: torch.Tensor) -> torch.Tensor:
        return torch.where(is_right, float(self.reward_signal), float(self.punish_signal))


def _labels(label: object, batch: int, classes: int, path: str) -> torch.Tensor:
    value = torch.as_tensor(label, device=getattr(label, "device", "cpu"))
    if value.is_floating_point() and bool((value != value.round()).any()):
        raise InputError(f"{path}: the labels {value.flatten()[:4].tolist()} are not whole numbers; give the number of each sample's class")
    value = value.long().reshape(-1)
    if len(value) != batch:
        raise InputError(f"{path}: there are {len(value)} labels and {batch} samples; give one label per sample")
    wrong = next((v for v in value.tolist() if not 0 <= v < classes), None)
    if wrong is not None:
        raise InputError(f"{path}: the label {wrong} is outside 0 to {classes - 1}; give labels of the populations that are read")
    return value


def _wins(spikes: torch.Tensor) -> torch.Tensor:
    """Where a population fired more than every other one, ``[W, B, N]``; nowhere in a silent or undecided sample."""
    is_most = spikes == spikes.amax(2, keepdim=True)
    return is_most & (is_most.sum(2, keepdim=True) == 1) & (spikes > 0)


@rewards.register("global_reward", "global")
@dataclass(frozen=True)
class GlobalReward(Judgement):
    """`reward_signal` if the population of the label fired most, else `punish_signal`: one number per sample, ``[B]``.

    A sample in which nothing fires, or in which the label has to share the first place, is punished.

    Parameters
    ----------
    reward_signal, punish_signal, pop_size, dec_sample_step
        See :class:`Judgement`.
    """

    def judge(self, spikes: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        own = label.view(1, -1, 1).expand(len(spikes), -1, 1)
        return self._signal(_wins(spikes).gather(2, own)[..., 0])


@rewards.register("da_reward", "dopamine_reward")
@dataclass(frozen=True)
class DopamineReward(Judgement):
    """`reward_signal` for the population of the label if it fired most, 0 for all others: ``[B, N]``.

    Parameters
    ----------
    reward_signal, pop_size, dec_sample_step
        See :class:`Judgement`.
    punish_signal : float
        Given to a population that fired most and should not have; 0 as in SPAIC.
    """

    punish_signal: float = 0.0

    def judge(self, spikes: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        wins = _wins(spikes)
        is_own = F.one_hot(label, spikes.shape[2]).bool()
        return torch.where(wins, self._signal(is_own.expand_as(wins)), 0.0)


@rewards.register("xor_reward")
@dataclass(frozen=True)
class XorReward(Judgement):
    """For one output that should fire if the label is 1: each of its spikes is right or wrong; silence is neither. ``[B]``.

    Parameters
    ----------
    reward_signal, punish_signal, pop_size, dec_sample_step
        See :class:`Judgement`; `reward_signal` if there are spikes and the label is 1, `punish_signal` if it is 0.
    """

    def check(self, neurons: int, path: str) -> None:
        super().check(neurons, path)
        if neurons != self.pop_size:
            raise NetworkError(f"{path}: xor_reward judges one population, there are {neurons // self.pop_size}; use global_reward")

    def judge(self, spikes: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        return torch.where(spikes[..., 0] > 0, self._signal(label == 1), 0.0)


@rewards.register("classify_reward")
@dataclass(frozen=True)
class ClassifyReward(Judgement):
    """The error of the softmax of the spike counts, ``onehot(label) - softmax(spikes)``: ``[B, N]``.

    Parameters
    ----------
    reward_signal : float
        Factor on the error.
    punish_signal
        Not used.
    pop_size, dec_sample_step
        See :class:`Judgement`.
    """

    def judge(self, spikes: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        return self.reward_signal * (F.one_hot(label, spikes.shape[2]) - spikes.softmax(2))


@rewards.register("environment_reward")
@dataclass(frozen=True)
class EnvironmentReward:
    """The reward that was given, as a tensor: ``net.reward(value)`` takes it from an environment."""

    reads: ClassVar[str | None] = None

    def check(self, neurons: int, path: str) -> None:
        """Any group will do."""

    def fold(self, carry: Any, record: object, first_step: int, clock: Clock) -> Any:
        """Nothing is read."""
        return carry

    def judged(self, carry: Any, given: object, path: str) -> torch.Tensor:
        """The reward that was given."""
        return torch.as_tensor(given, dtype=torch.float32, device=getattr(given, "device", "cpu"))
