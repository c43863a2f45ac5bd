"""Dopamine: the error of a critic is the reward of plasticity rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from spaic.errors import DeclarationError, InputError, StateError
from spaic.Learning.reinforcement import Agent, Experience, RewardLearner, demand, give, rewarded


class TemporalDifference(RewardLearner):
    """Actor and critic: plasticity rules act, and learn from the error of a linear critic.

    The critic predicts the discounted return from features of what is observed, ``V = u . f``. Its error::

        d = reward + discount * V(next) - V(now)

    moves its own weights along a trace of the features, ``e <- discount * trace * e + f``, ``u <- u + lr * d * e / |f|^2``, and is
    given to all rules of the network that use a reward (``mstdpet``, ``rstdp``, ...) as their dopamine.

    Parameters
    ----------
    features : callable, optional
        From observations ``[copies, *shape]`` to features ``[copies, F]``; the observations themselves by default.
    discount : float
        What the next step counts, in [0, 1].
    trace : float
        How far an error reaches back to earlier features, in [0, 1].
    lr : float
        Share of the error that a step takes away, in (0, 1].
    initial : float
        What each of the critic's weights starts from. ``1 / (1 - discount)`` expects the best of rewards of 1: only failure surprises then.
    limit : float, optional
        The error that is handed on stays within [-limit, limit]; the critic itself learns from all of it.

    Notes
    -----
    Source: Barto, Sutton & Anderson 1983, IEEE Trans. Syst. Man Cybern. 13:834; the trace and the error: Sutton 1988, Mach. Learn. 3:9.
    Dopamine as that error, with spikes: Fremaux, Sprekeler & Gerstner 2013, PLoS Comput. Biol. 9:e1003024.
    """

    hyperparameters = ("discount", "trace", "lr", "initial", "limit")

    def __init__(
        self,
        features: Callable[[np.ndarray], Any] | None = None,
        *,
        discount: float = 0.95,
        trace: float = 0.8,
        lr: float = 0.1,
        initial: float = 0.0,
        limit: float | None = None,
    ) -> None:
        if features is not None and not callable(features):
            raise DeclarationError(f"TemporalDifference.features: {features!r} cannot be called; give a function of observations")
        for name, value, low, high in (("discount", discount, 0, 1), ("trace", trace, 0, 1), ("lr", lr, 1e-9, 1)):
            demand("TemporalDifference", name, value, low, high)
        demand("TemporalDifference", "initial", initial, -1e9, 1e9)
        if limit is not None:
            demand("TemporalDifference", "limit", limit, 1e-9, 1e9)
        self.features, self.discount, self.trace, self.lr = features, float(discount), float(trace), float(lr)
        self.initial = float(initial)
        self.limit = None if limit is None else float(limit)
        self.weights: np.ndarray | None = None
        self.error = np.zeros(0)
        self._trace: np.ndarray | None = None

    def start(self, agent: Agent) -> None:
        super().start(agent)
        rewarded(agent.net, type(self).__name__)
        self._trace = None  # of other episodes, and maybe of another number of copies

    def value(self, observations: np.ndarray) -> np.ndarray:
        """What the critic expects, ``[copies]``."""
        features = self._features(observations)
        return self.initial * features.sum(1) if self.weights is None else features @ self.weights

    def observe(self, experience: Experience) -> None:
        features = self._features(experience.observation)
        if self.weights is None:
            self.weights = np.full(features.shape[1], self.initial)
        if self._trace is None:
            self._trace = np.zeros_like(features)
        following = np.where(experience.terminated, 0.0, self.value(experience.next_observation))
        self.error = experience.reward + self.discount * following - features @ self.weights
        self._trace = self.discount * self.trace * self._trace + features
        size = np.maximum(np.square(features).sum(1), 1e-12)
        self.weights = self.weights + self.lr * np.mean(self.error[:, None] * self._trace / size[:, None], axis=0)
        self._trace[experience.done] = 0.0
        give(self._agent().net, self.error if self.limit is None else np.clip(self.error, -self.limit, self.limit))

    def _features(self, observations: np.ndarray) -> np.ndarray:
        given = observations if self.features is None else self.features(observations)
        found = np.asarray(given, dtype=np.float64)
        if self.features is None:
            found = found.reshape(len(observations), -1)
        if found.ndim != 2 or len(found) != len(observations) or not np.isfinite(found).all():
            raise InputError(
                f"TemporalDifference.features: they have shape {found.shape} for {len(observations)} observations, or are not finite; "
                "return finite values [copies, features]"
            )
        if self.weights is not None and found.shape[1] != len(self.weights):
            raise InputError(f"TemporalDifference.features: there are {found.shape[1]}, before there were {len(self.weights)}; keep them")
        return found

    # --- shown, saved and resumed

    @property
    def facts(self) -> dict[str, float]:
        return {"dopamine": float(self.error.mean())} if self.error.size else {}

    def state(self) -> dict[str, Any]:
        return {"settings": self.settings(), "weights": self.weights, "trace": self._trace}

    def load_state(self, state: Mapping[str, Any]) -> None:
        if not isinstance(state, Mapping) or set(state) != {"settings", "weights", "trace"}:
            raise StateError("TemporalDifference: the state is not that of a critic; resume with the same learner")
        self.demand_same(state["settings"])
        weights, trace = (_finite(name, state[name], axes) for name, axes in (("weights", 1), ("trace", 2)))
        if trace is not None and (weights is None or trace.shape[1] != len(weights)):
            raise StateError("TemporalDifference: weights and trace are of different features; give what state() gave")
        self.weights, self._trace = weights, trace


def _finite(name: str, given: Any, axes: int) -> np.ndarray | None:
    try:
        found = None if given is None else np.array(given, dtype=np.float64)
    except (TypeError, ValueError):
        found = np.full(axes * (1,), np.nan)
    if found is not None and (found.ndim != axes or not np.isfinite(found).all()):
        raise StateError(f"TemporalDifference: {name} is {str(given)[:60]}, no finite array of {axes} axes; give what state() gave")
    return found
