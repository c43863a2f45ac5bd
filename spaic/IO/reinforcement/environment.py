"""What an environment is: something that is observed, acted on, and that rewards."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from math import prod
from typing import Any, NamedTuple, TypeVar

import numpy as np

from spaic.errors import UnsupportedError


class Outcome(NamedTuple):
    """What an action led to.

    Attributes
    ----------
    observation : ndarray
        What is observed now.
    reward : float
        What the action is worth.
    done : bool
        Whether the episode is over.
    info : dict
        ``"truncated"``: whether it is over for lack of time only, so that what would have followed is still worth something.
        ``"raw_reward"``: the reward before it was clipped. And what else the environment says.
    """

    observation: np.ndarray
    reward: float
    done: bool
    info: dict[str, Any]

    @property
    def truncated(self) -> bool:
        """Whether the episode is over for lack of time only."""
        return self.done and bool(self.info.get("truncated", False))

    @property
    def raw_reward(self) -> float:
        """The reward before it was clipped."""
        return float(self.info.get("raw_reward", self.reward))


Own = TypeVar("Own", bound="BaseEnvironment")


class BaseEnvironment(ABC):
    """An environment of your own: set the attributes, write `reset` and `step`.

    Given the same seed and the same actions it must do the same; then a training that is resumed goes on bit for bit.

    Attributes
    ----------
    name : str
        For messages.
    shape : tuple of int
        Shape of an observation.
    action_num : int
        Number of actions; of values of an action, where these are continuous.
    low, high : ndarray or None
        Bounds ``[action_num]`` of continuous actions; None where actions are whole numbers from 0.

    Examples
    --------
    >>> class Coin(BaseEnvironment):
    ...     name, shape, action_num = "coin", (1,), 2
    ...     def reset(self, seed=None):
    ...         self.side = np.random.default_rng(seed).integers(2)
    ...         return np.array([self.side], dtype=float)
    ...     def step(self, action):
    ...         return Outcome(np.array([self.side], dtype=float), float(action == self.side), True, {})
    >>> coin = Coin()
    >>> side = coin.reset(seed=3)
    >>> coin.step(int(side[0])).reward
    1.0
    """

    name: str = "environment"
    shape: tuple[int, ...]
    action_num: int
    low: np.ndarray | None = None
    high: np.ndarray | None = None

    @abstractmethod
    def reset(self, seed: int | None = None) -> np.ndarray:
        """Start an episode, which the seed decides, and return the first observation."""

    @abstractmethod
    def step(self, action: Any) -> Outcome:
        """Act: a whole number from 0, or ``[action_num]`` values."""

    def render(self, mode: str | None = None) -> Any:
        """A picture ``[height, width, 3]``, or whatever the environment shows itself by."""
        raise UnsupportedError(f"{self.name}: it draws no pictures; write render(), or leave render_interval out")

    def close(self) -> None:  # noqa: B027  most have nothing to give back
        """Give back what it holds: windows, files."""

    def another(self) -> BaseEnvironment:
        """One more of the same kind, for several copies at once and for evaluation: a deep copy, unless you write it.

        Raises
        ------
        UnsupportedError
            If it cannot be copied.
        """
        return self._copy({})

    def _copy(self: Own, instead: dict[int, Any]) -> Own:
        """A deep copy; `instead` has what takes the place of parts, by their id."""
        try:
            return copy.deepcopy(self, instead)
        except Exception as error:  # noqa: BLE001  it may hold anything, and so lead to any error
            what = f"{type(error).__name__}: {error}"
            raise UnsupportedError(f"{self.name}: it cannot be copied ({what}); write another(), which returns one more") from error

    @property
    def is_discrete(self) -> bool:
        """Whether actions are whole numbers from 0."""
        return self.low is None

    @property
    def num(self) -> int:
        """Number of values of an observation."""
        return prod(self.shape)
