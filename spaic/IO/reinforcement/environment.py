"""What an environment is: something that is observed, acted on, and that rewards."""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import prod
from typing import Any, NamedTuple

import numpy as np

from spaic.errors import InputError, UnsupportedError


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
        """One more of the same kind, for several copies at once."""
        return type(self)()

    @property
    def is_discrete(self) -> bool:
        """Whether actions are whole numbers from 0."""
        return self.low is None

    @property
    def num(self) -> int:
        """Number of values of an observation."""
        return prod(self.shape)


def checked_observation(name: str, given: Any, shape: tuple[int, ...]) -> np.ndarray:
    """`given` as a float array of this shape, or InputError."""
    try:
        values = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name}: the observation is a {type(given).__name__}, not an array of numbers; return an array") from None
    if values.shape != tuple(shape):
        raise InputError(f"{name}: the observation has shape {values.shape}, declared is {tuple(shape)}; make them equal")
    if not np.isfinite(values).all():
        wrong = values[~np.isfinite(values)].reshape(-1)[0]
        raise InputError(f"{name}: the observation holds {wrong}; end the episode before that, or correct the environment")
    return values


def checked_reward(name: str, given: Any) -> float:
    """`given` as a finite number, or InputError."""
    if isinstance(given, (bool, np.bool_)) or np.size(given) != 1 or not np.isfinite(np.asarray(given, dtype=np.float64)).all():
        raise InputError(f"{name}: the reward is {given!r}; return one finite number")
    return float(np.asarray(given, dtype=np.float64).reshape(()))


def checked_action(environment: BaseEnvironment, action: Any) -> Any:
    """An int within the number of actions, or values clipped to the bounds; anything else is an InputError."""
    name, number = environment.name, environment.action_num
    values = np.asarray(action.detach().cpu() if hasattr(action, "detach") else action)
    if environment.is_discrete:
        if values.size != 1 or values.dtype.kind not in "iu" or not 0 <= int(values.reshape(())) < number:
            raise InputError(f"{name}: the action is {action!r}; give a whole number from 0 to {number - 1}")
        return int(values.reshape(()))
    if values.size != number or values.dtype.kind not in "fiu" or not np.isfinite(values).all():
        raise InputError(f"{name}: the action is {action!r}; give {number} finite values")
    return np.clip(values.reshape(number).astype(np.float64), environment.low, environment.high)
