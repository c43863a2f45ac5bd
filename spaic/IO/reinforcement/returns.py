"""How a training by reward went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from spaic.errors import StateError, UnknownName, nearest
from spaic.Learning.reinforcement import running_mean
from spaic.Library.ranges import demand_count

#: Fields and what their values are.
_KINDS: dict[str, tuple[type, ...]] = {"returns": (int, float), "lengths": (int,), "steps": (int,)}


@dataclass
class Returns(Mapping[str, list[float]]):
    """What each episode brought, in the order in which they ended.

    Attributes
    ----------
    returns : list of float
        Sum of the rewards of an episode, as the environment gave them.
    lengths : list of int
        Its number of steps.
    steps : list of int
        Steps of all copies together when it ended.

    Examples
    --------
    >>> history = Returns([1.0, 3.0], [1, 3], [1, 4])
    >>> history.mean(), history["returns"]
    (2.0, [1.0, 3.0])
    """

    returns: list[float] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)

    def add(self, value: float, length: int, steps: int) -> None:
        """Add an episode."""
        self.returns.append(float(value))
        self.lengths.append(int(length))
        self.steps.append(int(steps))

    @property
    def episodes(self) -> int:
        """How many there were."""
        return len(self.returns)

    def mean(self, window: int | None = None) -> float:
        """Mean return of the last `window` episodes, of all by default; NaN without any."""
        if window is not None:
            demand_count("Returns.mean.window", window)
        values = self.returns if window is None else self.returns[-window:]
        return float(np.mean(values)) if values else float("nan")

    def running_mean(self, window: int = 100) -> np.ndarray:
        """For each episode the mean return of the `window` up to it, ``[episodes]``; of fewer at the start."""
        demand_count("Returns.running_mean.window", window)
        return running_mean(np.array(self.returns), window)

    def __getitem__(self, name: str) -> list[Any]:
        if name not in _KINDS:
            raise UnknownName(f"history: it has no curve {name!r}; {nearest(name, _KINDS)}")
        curve: list[Any] = getattr(self, name)
        return curve

    def __iter__(self) -> Iterator[str]:
        return iter(_KINDS)

    def __len__(self) -> int:
        return len(_KINDS)

    def state(self) -> dict[str, list[Any]]:
        """All of it as plain data."""
        return {f.name: list(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def from_state(cls, state: Any) -> Returns:
        """The history that :meth:`state` gave."""
        if not isinstance(state, Mapping) or set(state) != set(_KINDS):
            raise StateError("history: the state is not that of returns; give what state() gave")
        for name, kinds in _KINDS.items():
            values = state[name]
            if not isinstance(values, (list, tuple)) or not all(isinstance(v, kinds) and not isinstance(v, bool) for v in values):
                raise StateError(f"history: {name} is {str(values)[:60]}, not a list of numbers; give what state() gave")
        if len({len(values) for values in state.values()}) != 1:
            raise StateError("history: its lists have different lengths; give what state() gave")
        return cls(**{name: list(values) for name, values in state.items()})
