"""The environments of gymnasium."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from spaic import spellings
from spaic.errors import DeclarationError, StateError, UnknownName, UnsupportedError, nearest
from spaic.IO.reinforcement import spaces
from spaic.IO.reinforcement.checks import as_numbers, checked_action, checked_observation, checked_reward, demand_seed
from spaic.IO.reinforcement.environment import BaseEnvironment, Outcome
from spaic.Library.ranges import demand_flag, demand_positive


class GymEnvironment(BaseEnvironment):
    """An environment of gymnasium, with observations as arrays that an encoder takes.

    Parameters
    ----------
    name : str or gymnasium.Env
        Its name, such as ``"CartPole-v1"``, or one that was made.
    shape : int or tuple of int, optional
        Shape in which observations are handed on.
    binary : bool
        Whether what is above the middle of its range becomes `max_prob`, and everything else 0.
    flatten : bool
        Whether observations are handed on as one axis, unless `shape` says otherwise.
    max_prob : float or None
        Observations are scaled to [0, `max_prob`], as codes of rates need them; None leaves them as they are. Values without finite bounds
        go through ``(1 + x / (1 + |x|)) / 2`` first. Whole numbers become one-hot.
    clip_rewards : bool
        Whether learners get the sign of the reward only; the history has the reward itself.
    transform : callable, optional
        From an observation to an array, instead of the scaling: :class:`spaic.IO.Boxes`, or a function of your own.
    render_mode : str, optional
        ``"rgb_array"`` makes pictures, ``"human"`` opens a window.
    options : mapping, optional
        Keywords of ``gymnasium.make``, such as ``{"max_episode_steps": 200}``.

    Attributes
    ----------
    environment : gymnasium.Env
        The environment itself.

    Raises
    ------
    UnsupportedError
        Without gymnasium, which ``pip install gymnasium`` adds, and for spaces of observations or actions that are not arrays or numbers.
    UnknownName
        For a name that gymnasium does not have.
    """

    def __init__(
        self,
        name: Any,
        shape: Any = None,
        binary: bool = False,
        flatten: bool = True,
        max_prob: float | None = 1.0,
        clip_rewards: bool = True,
        *,
        transform: Callable[[Any], Any] | None = None,
        render_mode: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        for keyword, value in (("binary", binary), ("flatten", flatten), ("clip_rewards", clip_rewards)):
            demand_flag(f"GymEnvironment.{keyword}", value)
        if max_prob is not None:
            demand_positive("GymEnvironment.max_prob", max_prob, 1.0)
        if transform is not None and not callable(transform):
            raise DeclarationError(f"GymEnvironment.transform: {transform!r} cannot be called; give a function of an observation")
        if transform is not None and (binary or max_prob not in (None, 1.0)):
            raise DeclarationError("GymEnvironment: transform= replaces the scaling, binary and max_prob have no effect; leave them out")
        self._made_with = (name, dict(options or {}))
        self.environment = _made(name, render_mode, dict(options or {}))
        self.name = self.environment.spec.id if self.environment.spec is not None else type(self.environment.unwrapped).__name__
        self.clip_rewards, self._transform = clip_rewards, transform
        self._threshold = 0.5 * max_prob if binary and max_prob is not None else None
        if binary and max_prob is None:
            raise DeclarationError("GymEnvironment.binary: values as they are have no middle; give max_prob, or a transform=")
        self.action_num, self._first, self.low, self.high = spaces.actions(self.name, self.environment.action_space)
        self._encode = self._encoder(max_prob)
        self.shape = spaces.shaped(self.name, self._inner_shape, shape, flatten)
        self._next_seed: int | None = None
        self._is_running = False

    def _encoder(self, max_prob: float | None) -> Callable[[Any], np.ndarray]:
        space = self.environment.observation_space
        if self._transform is None:
            found = spaces.observed(self.name, space, max_prob)
            self._inner_shape = found.shape
            return found.encode
        made = self._transform(space.sample())
        sample = as_numbers(made)
        if sample is None:
            raise DeclarationError(f"{self.name}.transform: it made {made!r} of an observation; return an array of numbers")
        self._inner_shape = sample.shape
        return self._transform

    # --- an episode

    def reset(self, seed: int | None = None) -> np.ndarray:
        """Start an episode and return the first observation; the seed is that of :meth:`seed` where none is given."""
        chosen = self._next_seed if seed is None else demand_seed(f"{self.name}.reset", seed, 0)
        self._next_seed = None
        observation, _ = self.environment.reset(seed=chosen)
        self._is_running = True
        return self._observed(observation)

    def seed(self, seed: int) -> None:
        """Set the seed of the next reset."""
        self._next_seed = demand_seed(f"{self.name}.seed", seed, 0)

    def step(self, action: Any) -> Outcome:
        """Act, and see what comes of it."""
        chosen = checked_action(self, action)
        if not self._is_running:
            raise StateError(f"{self.name}: there is no episode under way; call reset() first")
        if self.is_discrete:
            given: Any = chosen + self._first
        else:
            given = chosen.reshape(self.environment.action_space.shape).astype(self.environment.action_space.dtype)
        observation, reward, terminated, truncated, info = self.environment.step(given)
        raw = checked_reward(self.name, reward)
        self._is_running = not (terminated or truncated)
        facts = {**info, "truncated": bool(truncated and not terminated), "raw_reward": raw}
        worth = float(np.sign(raw)) if self.clip_rewards else raw
        return Outcome(self._observed(observation), worth, bool(terminated or truncated), facts)

    def _observed(self, observation: Any) -> np.ndarray:
        raw = np.asarray(observation)
        if raw.dtype.kind == "f" and self._transform is not None:
            checked_observation(self.name, raw, raw.shape)  # a transform may hide what is not finite
        values = checked_observation(self.name, self._encode(observation), self._inner_shape).reshape(self.shape)
        return values if self._threshold is None else np.where(values > self._threshold, 2 * self._threshold, 0.0)

    # --- around it

    def render(self, mode: str | None = None) -> Any:
        """The picture ``[height, width, 3]`` of this moment, or the window brought up to date."""
        own = self.environment.render_mode
        if own is None or (mode is not None and mode != own):
            wanted = mode or "rgb_array"
            raise UnsupportedError(f"{self.name}: it was made with render_mode={own!r}; make it with render_mode={wanted!r} to see it so")
        return self.environment.render()

    def close(self) -> None:
        """Close windows and whatever else it holds."""
        self._is_running = False
        self.environment.close()

    def another(self) -> GymEnvironment:
        """One more of the same kind, which is not shown."""
        name, options = self._made_with
        if not isinstance(name, str):
            if self.environment.spec is None:
                raise UnsupportedError(f"{self.name}: it was made elsewhere and cannot be made again; give its name, or use copies=1")
            name = self.environment.spec
        found = self._copy({id(self.environment): _made(name, None, options)})  # all but what may hold a window
        found._next_seed, found._is_running = None, False
        return found

    def __getattr__(self, name: str) -> Any:
        ours = spellings.attribute(["GymEnvironment"], name)
        if ours is None or ours not in self.__dict__:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return self.__dict__[ours]

    def __repr__(self) -> str:
        return f"GymEnvironment({self.name!r})"


def _made(name: Any, render_mode: str | None, options: dict[str, Any]) -> Any:
    """The environment of gymnasium that is meant."""
    gymnasium = _gymnasium()
    if isinstance(name, gymnasium.Env):
        if render_mode is not None or options:
            raise DeclarationError(f"GymEnvironment: {name!r} is made already; give render_mode and options when it is made")
        return name
    if not isinstance(name, (str, gymnasium.envs.registration.EnvSpec)):
        raise DeclarationError(f"GymEnvironment: {name!r} is no environment; give a name such as 'CartPole-v1'")
    errors = gymnasium.error
    try:
        return gymnasium.make(name, render_mode=render_mode, **options)
    except (errors.UnregisteredEnv, errors.VersionNotFound, errors.DeprecatedEnv, errors.NameNotFound, errors.NamespaceNotFound):
        raise UnknownName(f"GymEnvironment: unknown environment {name!r}; {nearest(name, gymnasium.registry)}") from None
    except (errors.DependencyNotInstalled, ModuleNotFoundError) as error:
        raise UnsupportedError(f"GymEnvironment: {name!r} needs more than gymnasium itself ({error}); install that") from error
    except (TypeError, errors.Error) as error:
        raise DeclarationError(f"GymEnvironment: {name!r} cannot be made ({error}); change options= or render_mode=") from error


def _gymnasium() -> Any:
    try:
        import gymnasium
    except ImportError:
        raise UnsupportedError("GymEnvironment: gymnasium is not installed; run pip install gymnasium") from None
    return gymnasium
