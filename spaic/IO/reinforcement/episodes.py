"""Several copies of an environment, each in an episode of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from spaic.errors import StateError
from spaic.IO.reinforcement.checks import another, checked_action, checked_observation, checked_outcome
from spaic.IO.reinforcement.environment import BaseEnvironment, Outcome
from spaic.seeds import Key

_KEYS = ("started", "seeds", "actions", "totals", "lengths", "observations")


class Ended(NamedTuple):
    """An episode that is over.

    Attributes
    ----------
    copy : int
        In which copy.
    number : int
        Its number, in the order in which they were started.
    total : float
        Its return: the sum of the rewards as the environment gave them.
    length : int
        Its number of steps.
    """

    copy: int
    number: int
    total: float
    length: int


class Episodes:
    """Copies of an environment, stepped together; a copy whose episode is over starts the next one.

    The n-th episode is started with a seed that belongs to (seed, purpose, n), so that it does not depend on what else happens.

    Parameters
    ----------
    environment : BaseEnvironment
        The first copy.
    copies : int
        How many there are.
    seed : int
        Of all episodes.
    purpose : str
        Other purposes have other episodes: ``"train"``, ``"evaluate"``.

    Attributes
    ----------
    observations : ndarray
        ``[copies, *shape]``, of this moment.
    """

    def __init__(self, environment: BaseEnvironment, copies: int, seed: int, purpose: str) -> None:
        self.environments = [environment, *(another(environment) for _ in range(copies - 1))]
        self.name, self.seed, self.purpose = environment.name, seed, purpose
        self.observations = np.zeros((copies, *environment.shape))
        self.started = 0
        self._numbers = [0] * copies
        self._totals = [0.0] * copies
        self._actions: list[list[Any]] = [[] for _ in range(copies)]

    def __len__(self) -> int:
        return len(self.environments)

    def start(self) -> None:
        """Start a new episode in every copy."""
        for copy in range(len(self)):
            self.restart(copy)

    def restart(self, copy: int) -> None:
        """Start the next episode in a copy."""
        self._numbers[copy] = self.started
        self.started += 1
        self._totals[copy], self._actions[copy] = 0.0, []
        self.observations[copy] = self._reset(copy)

    def _reset(self, copy: int) -> np.ndarray:
        environment = self.environments[copy]
        key = Key(self.seed, "environment", self.purpose, self._numbers[copy])
        return checked_observation(self.name, environment.reset(seed=key.entropy() % 2**31), environment.shape)

    def step(self, copy: int, action: Any) -> Outcome:
        """Act in one copy; its episode goes on from there, unless it is over."""
        environment = self.environments[copy]
        chosen = checked_action(environment, action)
        outcome = checked_outcome(environment, environment.step(chosen))
        self._totals[copy] += outcome.raw_reward
        self._actions[copy].append(chosen)
        self.observations[copy] = outcome.observation
        return outcome

    def ended(self, copy: int) -> Ended:
        """The episode of a copy, once it is over."""
        return Ended(copy, self._numbers[copy], self._totals[copy], len(self._actions[copy]))

    def close(self) -> None:
        """Close all copies but the first, which is the user's."""
        for environment in self.environments[1:]:
            environment.close()

    # --- saved and resumed

    def state(self) -> dict[str, Any]:
        """All of it as plain data and arrays: an episode is its number and what was done in it."""
        return {
            "started": self.started,
            "seeds": list(self._numbers),
            "actions": [np.asarray(actions) for actions in self._actions],
            "totals": list(self._totals),
            "lengths": [len(actions) for actions in self._actions],
            "observations": self.observations.copy(),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state` gave: every episode is started again, and led to where it was.

        Raises
        ------
        StateError
            If the environment does not get there, as it depends on more than its seed and the actions, or is another one.
        """
        if not isinstance(state, Mapping) or set(state) != set(_KEYS) or len(state["seeds"]) != len(self):
            raise StateError(f"{self.name}: the state is not that of {len(self)} episodes; declare the same number of copies")
        self.started = int(state["started"])
        self._numbers, self._totals = [int(n) for n in state["seeds"]], [float(t) for t in state["totals"]]
        for copy, environment in enumerate(self.environments):
            self._actions[copy] = _listed(state["actions"][copy])
            self.observations[copy] = self._reset(copy)
            for action in self._actions[copy]:
                self.observations[copy] = checked_outcome(environment, environment.step(action)).observation
        if not np.array_equal(self.observations, state["observations"]):
            raise StateError(
                f"{self.name}: with the same seeds and actions it is not where it was; resume with the same environment, one without "
                "randomness of its own"
            )


def _listed(actions: Any) -> list[Any]:
    values = np.asarray(actions)
    return [int(a) for a in values] if values.ndim == 1 and values.dtype.kind in "iu" else list(values)
