"""Time for event-driven runs: the grid is there for recordings only, delays and refractory periods need not lie on it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spaic.clock import Clock
from spaic.errors import DeclarationError


@dataclass(frozen=True)
class EventClock(Clock):
    """The grid on which an event-driven run is recorded and its sampled inputs are given.

    Parameters
    ----------
    dt : float
        Distance of the samples in ms.
    """

    is_continuous: ClassVar[bool] = True

    def wait(self, duration: float | str, path: str = "delay") -> int:
        """The fewest steps that hold `duration`, which need not lie on the grid: exact events use it as it is stated."""
        if isinstance(duration, (int, float)) and math.isfinite(duration) and duration > 0:
            return self.steps(self.dt * math.ceil(duration / self.dt * (1 - 1e-12)), path)
        return super().wait(duration, path)

    def waits(self, durations: np.ndarray, path: str = "delay", is_drawn: bool = False) -> np.ndarray:
        """As :meth:`wait` for each of many, drawn ones included."""
        if not np.isfinite(durations).all():
            raise DeclarationError(f"{path}: {durations[~np.isfinite(durations)][0]} is not finite; give delays in ms")
        return np.ceil(durations / self.dt * (1 - 1e-12)).astype(np.int64)
