"""What all copies of an environment did in one step, and the rewards of it that come late."""

from __future__ import annotations

from typing import Any

import numpy as np

from spaic.errors import InputError
from spaic.IO.reinforcement.checks import as_numbers

#: What an environment did in a step: ``[copies, *shape]``, ``[copies]``, ``[copies]``.
Step = tuple[np.ndarray, np.ndarray, np.ndarray]


def checked_step(result: Any, shape: tuple[int, ...]) -> Step:
    """`result` as (next_state, reward, done) for observations ``[copies, *shape]`` of this shape, or InputError."""
    where = "RLPipeline.update_step"
    if not isinstance(result, (tuple, list)) or len(result) != 3:
        raise InputError(f"{where}: the result is {result!r}; give (next_state, reward, done) as env_step() returned them")
    found = []
    for name, given, needed in zip(("next_state", "reward", "done"), result, (shape, shape[:1], shape[:1]), strict=True):
        values = as_numbers(given)
        if values is None or not np.isfinite(values).all():
            raise InputError(f"{where}: {name} is {given!r}; give finite numbers of shape {needed}")
        if values.size != np.prod(needed):
            raise InputError(f"{where}: {name} has shape {values.shape}, needed {needed}; give one for each of the copies")
        found.append(values.reshape(needed))
    following, reward, done = found
    if not np.isin(done, (0, 1)).all():
        raise InputError(f"{where}: done is {done.tolist()}; give True or False for each of the copies")
    return following, reward, done.astype(bool)


class Late:
    """Rewards on their way.

    Parameters
    ----------
    copies : int
        Of the environment.
    delay : int
        By how many steps rewards come late; those still due when an episode ends come with its last step.
    """

    def __init__(self, copies: int, delay: int) -> None:
        self.delay = delay
        self.due: list[list[float]] = [[] for _ in range(copies)]

    def __call__(self, reward: np.ndarray, done: np.ndarray) -> np.ndarray:
        """The rewards that come now, ``[copies]``."""
        if not self.delay:
            return reward
        found = np.zeros(len(self.due))
        for copy, due in enumerate(self.due):
            due.append(float(reward[copy]))
            if done[copy]:
                found[copy] = sum(due)
                due.clear()
            elif len(due) > self.delay:
                found[copy] = due.pop(0)
        return found
