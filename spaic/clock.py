"""Time: milliseconds outside, an integer step counter inside."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from spaic.errors import DeclarationError
from spaic.units import in_unit

#: A duration may miss the grid by this much, relative to its number of steps, through rounding alone.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Clock:
    """A fixed grid of time steps; step n covers ``(n * dt, (n + 1) * dt]``.

    Parameters
    ----------
    dt : float or str
        Length of a step in ms, or text with its unit.

    Examples
    --------
    >>> Clock(0.1).steps(20.0)
    200
    >>> Clock(0.5).steps(1.2, "net.run")
    Traceback (most recent call last):
        ...
    spaic.errors.DeclarationError: net.run: 1.2 ms is not a whole number of steps of 0.5 ms; the nearest are 1 ms and 1.5 ms
    """

    dt: float = 0.1
    #: Whether delays and refractory periods may lie between steps.
    is_continuous: ClassVar[bool] = False

    def __post_init__(self) -> None:
        dt = milliseconds(self.dt, "dt")
        if not (math.isfinite(dt) and dt > 0):
            raise DeclarationError(f"dt: a time step must be positive and finite, got {self.dt!r}; give it in ms, such as 0.1")
        object.__setattr__(self, "dt", dt)

    def steps(self, duration: float | str, path: str = "duration", minimum: int = 1) -> int:
        """Number of steps in `duration` ms; one that is not on the grid is refused."""
        value = milliseconds(duration, path)
        if not math.isfinite(value) or value < 0:
            raise DeclarationError(f"{path}: a duration must be finite and not negative, got {duration!r}; give it in ms")
        exact = value / self.dt
        steps = round(exact)
        if abs(exact - steps) > _ROUNDING * max(1.0, exact):
            low, high = math.floor(exact) * self.dt, math.ceil(exact) * self.dt
            raise DeclarationError(
                f"{path}: {value:g} ms is not a whole number of steps of {self.dt:g} ms; the nearest are {low:g} ms and {high:g} ms"
            )
        if steps < minimum:
            raise DeclarationError(
                f"{path}: {value:g} ms is shorter than {minimum} step(s) of {self.dt:g} ms; the shortest is {minimum * self.dt:g} ms"
            )
        return steps

    def wait(self, duration: float | str, path: str = "delay") -> int:
        """Number of steps that a delay or refractory period of `duration` ms fills; 0 is allowed."""
        return self.steps(duration, path, minimum=0)

    def waits(self, durations: np.ndarray, path: str = "delay", is_drawn: bool = False) -> np.ndarray:
        """As :meth:`wait` for each of many; those that are `is_drawn` at random are rounded to the grid."""
        steps = np.rint(durations / self.dt)
        wrong = durations[~np.isclose(steps * self.dt, durations, rtol=_ROUNDING, atol=_ROUNDING * self.dt)]
        if wrong.size and not is_drawn:
            raise DeclarationError(f"{path}: {wrong[0]:g} ms is not a whole number of steps of {self.dt:g} ms; round it to the grid")
        return steps.astype(np.int64)

    def time(self, step: int) -> float:
        """Time in ms at the end of `step` - 1, which is the start of `step`."""
        return step * self.dt


def milliseconds(value: object, path: str) -> float:
    """A time as a number of ms, from a number or from text with a unit (``"0.5 s"``)."""
    value = in_unit(value, "ms", path)
    if isinstance(value, bool):
        raise DeclarationError(f"{path}: expected a number of ms, got {value!r}; give one, or text such as '10 ms'")
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise DeclarationError(f"{path}: expected a number of ms, got {value!r}; give one, or text such as '10 ms'") from None
