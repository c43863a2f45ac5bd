"""Learning from rewards: an agent that acts, and what learners are told about it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from spaic.errors import DeclarationError, NetworkError, StateError
from spaic.Learning.plasticity import PlasticityLearner
from spaic.Network.network import Network
from spaic.Network.readers import Action, Decoder
from spaic.Network.sources import Encoder


class Experience(NamedTuple):
    """One step of all copies of an environment.

    Attributes
    ----------
    observation, next_observation : ndarray
        ``[copies, *shape]``; the second is the last of its episode where that is over.
    action : ndarray
        ``[copies]`` whole numbers, or ``[copies, num]`` values.
    reward : ndarray
        ``[copies]``.
    terminated, truncated : ndarray
        ``[copies]`` truth values: whether the episode came to its end, or was broken off for lack of time.
    """

    observation: np.ndarray
    action: np.ndarray
    reward: np.ndarray
    next_observation: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray

    @property
    def done(self) -> np.ndarray:
        """Whether each episode is over."""
        return np.asarray(self.terminated | self.truncated)


@dataclass(frozen=True)
class Agent:
    """A network that acts.

    Attributes
    ----------
    net : Network
        The network.
    encoder : Encoder
        Takes the observations.
    actor : Action or Decoder
        Says what to do.
    time : float
        Duration of a run in ms.
    copies : int
        How many environments it acts in at once.
    seed : int
        Of what learners draw.
    carries_on : bool
        Whether the state of the network goes on from step to step of an episode.
    random_share : float
        Share of actions that are not those of the network, but drawn.
    """

    net: Network
    encoder: Encoder
    actor: Action | Decoder
    time: float
    copies: int
    seed: int
    carries_on: bool = False
    random_share: float = 0.0

    def run(self, observations: np.ndarray, goes_on: bool = False) -> None:
        """Show the network observations ``[batch, *shape]``, from its initial state or from where it is."""
        self.encoder(observations.astype(np.float32))
        if goes_on:
            self.net.run_continue(self.time)
        else:
            self.net.run(self.time)


class RewardLearner(ABC):
    """What learns from rewards while an agent acts; write `observe`, and what else it needs."""

    agent: Agent | None = None
    #: Names of the attributes that have to be the same for a training to go on as it would have.
    hyperparameters: ClassVar[tuple[str, ...]] = ()

    def start(self, agent: Agent) -> None:
        """Take the agent that is going to act, in new episodes; refuse one that cannot be learned by."""
        self.agent = agent

    @abstractmethod
    def observe(self, experience: Experience) -> None:
        """Learn from a step. The results of the run in which the action was chosen are those of the network at this moment."""

    @property
    def facts(self) -> dict[str, float]:
        """Numbers for the progress bar."""
        return {}

    def state(self) -> dict[str, Any]:
        """What it has to remember besides the network, as plain data and arrays."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state` gave."""
        if state:
            raise StateError(f"{type(self).__name__}: it has no state, saved are {sorted(state)}; resume with the same learner")

    def settings(self) -> dict[str, Any]:
        """Its :attr:`hyperparameters`, as plain data."""
        return {name: getattr(self, name) for name in self.hyperparameters}

    def demand_same(self, saved: Any) -> None:
        """StateError unless these are its :meth:`settings`."""
        name, own = type(self).__name__, self.settings()
        if not isinstance(saved, Mapping) or set(saved) != set(own):
            raise StateError(f"{name}: the state is not that of this kind of learner; resume with the same learner")
        for key, value in own.items():
            if saved[key] != value:
                raise StateError(f"{name}.{key}: it was {saved[key]!r} there, here it is {value!r}; declare the same")

    def _agent(self) -> Agent:
        if self.agent is None:
            raise StateError(f"{type(self).__name__}: nobody acts; give it to spaic.RLPipeline(..., learner=...)")
        return self.agent


class DirectReward(RewardLearner):
    """Hands every reward to the plasticity rules that use one.

    The change is that of the rule itself: a reward of 1 in every step strengthens whatever was done. Where rewards are mostly equal,
    :class:`TemporalDifference` says what was better than expected.
    """

    def start(self, agent: Agent) -> None:
        super().start(agent)
        rewarded(agent.net, type(self).__name__)

    def observe(self, experience: Experience) -> None:
        give(self._agent().net, experience.reward)


def rewarded(net: Network, where: str) -> list[PlasticityLearner]:
    """The plasticity learners of a network that use rewards; NetworkError if there are none."""
    found = [k for k in net.members(PlasticityLearner) if "on_reward" in k.declaration.statements]
    if not found:
        raise NetworkError(f'{where}: no rule of the network uses a reward; add one, such as spaic.PlasticityLearner(link, "mstdpet")')
    return found


def give(net: Network, reward: np.ndarray) -> None:
    """Give a reward ``[copies]`` to all rules that use one."""
    for learner in rewarded(net, "reward"):
        learner.reward(reward)


def demand(where: str, name: str, value: Any, low: float, high: float, is_whole: bool = False) -> None:
    """DeclarationError unless `value` is a number of this kind in [`low`, `high`]."""
    kinds: Any = (int, np.integer) if is_whole else (int, float, np.number)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        what = "whole number" if is_whole else "number"
        raise DeclarationError(f"{where}.{name}: {value!r} is no {what} from {low:g} to {high:g}; give one")


def running_mean(values: np.ndarray, window: int) -> np.ndarray:
    """For each of the values ``[N]`` the mean of the `window` up to it, ``[N]``; of fewer at the start.

    Examples
    --------
    >>> running_mean(np.array([1.0, 2.0, 6.0]), 2).tolist()
    [1.0, 1.5, 4.0]
    """
    sums = np.concatenate([[0.0], np.cumsum(values)])
    last = np.arange(1, len(values) + 1)
    first = np.maximum(last - window, 0)
    return np.asarray((sums[last] - sums[first]) / (last - first))
