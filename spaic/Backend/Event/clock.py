"""Time for event-driven runs: the grid is there for recordings only, delays and refractory periods need not lie on it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from spaic.clock import Clock


@dataclass(frozen=True)
class EventClock(Clock):
    """The grid on which an event-driven run is recorded and its sampled inputs are given.

    Parameters
    ----------
    dt : float
        Distance of the samples in ms.
    """

    #: Delays are kept as they are stated.
    is_continuous = True

    def steps(self, duration: float, path: str = "duration", minimum: int = 1) -> int:
        """As :meth:`Clock.steps`; a delay or refractory period (`minimum` of 0) off the grid counts as the next whole number of steps."""
        if minimum == 0 and isinstance(duration, (int, float)) and math.isfinite(duration) and duration > 0:
            return super().steps(self.dt * math.ceil(duration / self.dt * (1 - 1e-12)), path, minimum)
        return super().steps(duration, path, minimum)
