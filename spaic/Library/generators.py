"""Input that needs no data set: spikes at a rate, constant currents and waveforms."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from spaic.clock import Clock
from spaic.errors import InputError
from spaic.Graph.stream import Stream
from spaic.Library.ranges import demand_number, demand_positive, demand_values
from spaic.Library.streams import TIMES, Constant, RandomSpikes, Waveform, window
from spaic.registry import generators
from spaic.seeds import Key


class Generation(ABC):
    """A generator: a frozen dataclass whose fields are its parameters, with one method."""

    #: Parameter -> its unit, of those that have one: they may be given as text (``"5 ms"``).
    units: ClassVar[Mapping[str, str]] = TIMES

    @abstractmethod
    def generate(
        self, source: object, shape: tuple[int, ...], batch: int, clock: Clock, steps: int, key: Key, device: torch.device | str
    ) -> Stream:
        """Make the input of a node.

        Parameters
        ----------
        source : number, array or tensor
            The value given to the generator: one for all neurons, ``[*shape]`` or ``[B, *shape]``. Python numbers are
            held as float64, so that nothing is lost before the backend rounds to its own type.
        shape : tuple of int
            Shape of the node.
        batch : int
            Number of samples, B.
        clock : Clock
            The time grid.
        steps : int
            Length of the run in steps.
        key : Key
            The random numbers to use; its path names the node in messages.
        device : torch.device or str
            Where the values are made.

        Raises
        ------
        InputError
            If `source` has a wrong shape or value.
        """


def _tensor(source: object, key: Key, device: torch.device | str) -> torch.Tensor:
    try:
        value = source if isinstance(source, torch.Tensor) else torch.from_numpy(np.array(source))
    except (TypeError, ValueError):
        way_out = f"call it with one before the run, such as net.{key.path}(0.5)" if source is None else "give the generator a value"
        raise InputError(f"{key.path}: expected a number or an array, got {source!r}; {way_out}") from None
    return value.to(device) if value.is_floating_point() else value.to(device, torch.float64)


def spread(source: object, shape: tuple[int, ...], batch: int, key: Key, device: torch.device | str) -> torch.Tensor:
    """`source` as a tensor ``[batch, *shape]``."""
    value = _tensor(source, key, device)
    if value.numel() != 1 and tuple(value.shape) not in (shape, (batch, *shape)):
        raise InputError(
            f"{key.path}: a value of shape {tuple(value.shape)} does not fit {batch} sample(s) of shape {shape}; "
            f"give a number, shape {shape} or shape {(batch, *shape)}"
        )
    return (value.reshape(()) if value.numel() == 1 else value).broadcast_to((batch, *shape))


@generators.register("poisson_generator", "poisson", "poisson_spike_train")
@dataclass(frozen=True)
class PoissonGenerator(Generation):
    """Poisson spike trains, with at most one spike per step; the value is the rate.

    Parameters
    ----------
    unit_conversion : float
        Rate in spikes per ms of a value of 1. A step has a spike with probability ``min(1, value * unit_conversion * dt)``.
    start_time : float
        Start of the trains in ms.
    end_time : float, optional
        End of the trains in ms; the end of the run by default.
    """

    unit_conversion: float = 1.0
    start_time: float = 0.0
    end_time: float | None = None

    def __post_init__(self) -> None:
        demand_number("poisson_generator.unit_conversion", self.unit_conversion, low=0.0)

    def generate(
        self, source: object, shape: tuple[int, ...], batch: int, clock: Clock, steps: int, key: Key, device: torch.device | str
    ) -> Stream:
        rate = spread(source, shape, batch, key, device)
        demand_values(key.path, "poisson_generator", rate, fix="give rates in spikes per ms")
        first, last = window("poisson_generator", clock, steps, self.start_time, self.end_time)
        probability = rate.double() * (self.unit_conversion * clock.dt)
        return RandomSpikes(probability.clamp(max=1.0), key, first, last)


@generators.register("constant_current", "cc_generator")
@dataclass(frozen=True)
class ConstantCurrent(Generation):
    """The value itself at every step; gradients flow back to it."""

    def generate(
        self, source: object, shape: tuple[int, ...], batch: int, clock: Clock, steps: int, key: Key, device: torch.device | str
    ) -> Stream:
        value = spread(source, shape, batch, key, device)
        demand_values(key.path, "constant_current", value, low=-torch.inf)
        return Constant(value, steps)


@generators.register("sin", "sin_generator")
@dataclass(frozen=True)
class Sine(Generation):
    """``amplitude * sin(2 pi t / period)``, the same for every neuron, with t the start of the step.

    Parameters
    ----------
    amplitude : float, optional
        Amplitude of the wave.
    period : float, optional
        Period in ms. Amplitude and period are given either here, with None as the value of the generator, or there as
        ``[amplitude, period]``.
    """

    amplitude: float | None = None
    period: float | None = None

    def __post_init__(self) -> None:
        if self.amplitude is not None:
            demand_number("sin.amplitude", self.amplitude)
        if self.period is not None:
            demand_positive("sin.period", self.period)

    def generate(
        self, source: object, shape: tuple[int, ...], batch: int, clock: Clock, steps: int, key: Key, device: torch.device | str
    ) -> Stream:
        amplitude, period = self._wave(source, key)

        def wave(time: torch.Tensor) -> torch.Tensor:
            return amplitude * torch.sin(2 * math.pi / period * torch.remainder(time, period))

        like = torch.empty((), dtype=torch.float64, device=device).expand(batch, *shape)
        return Waveform(wave, like, clock, steps)

    def _wave(self, source: object, key: Key) -> tuple[float, float]:
        fields = [self.amplitude, self.period]
        if source is not None and fields != [None, None]:
            raise InputError(f"{key.path}: sin has amplitude and period set to {fields} and was given {source!r}; keep one of the two")
        given = np.array(fields if source is None else _tensor(source, key, "cpu").numpy(force=True), dtype=np.float64)  # None -> NaN
        if given.shape != (2,) or not np.isfinite(given).all() or given[1] <= 0:
            raise InputError(
                f"{key.path}: sin needs a finite amplitude and a positive period in ms, got {fields if source is None else source!r}; "
                "give [amplitude, period]"
            )
        return float(given[0]), float(given[1])


@generators.register("square_pulse", "square", "pulse")
@dataclass(frozen=True)
class SquarePulse(Generation):
    """A current step, once or again and again: the value of the generator from `start_time` to `end_time`, 0 otherwise.

    Parameters
    ----------
    start_time : float
        Start of the pulse in ms.
    end_time : float, optional
        End of the pulse in ms; the end of the run, or of the period, by default.
    period : float, optional
        Time in ms after which all repeats.
    """

    start_time: float = 0.0
    end_time: float | None = None
    period: float | None = None

    def __post_init__(self) -> None:
        demand_number("square_pulse.start_time", self.start_time, low=0.0)
        if self.end_time is not None:
            demand_number("square_pulse.end_time", self.end_time, low=self.start_time)
        if self.period is not None:
            demand_positive("square_pulse.period", self.period)
            demand_number("square_pulse.period", self.period, low=self.end_time or self.start_time)

    def generate(
        self, source: object, shape: tuple[int, ...], batch: int, clock: Clock, steps: int, key: Key, device: torch.device | str
    ) -> Stream:
        value = spread(source, shape, batch, key, device)
        demand_values(key.path, "square_pulse", value, low=-torch.inf)
        period = max(steps, 1) if self.period is None else clock.steps(self.period, "square_pulse.period")
        first, last = window("square_pulse", clock, period, self.start_time, self.end_time)

        def pulse(time: torch.Tensor) -> torch.Tensor:
            phase = torch.remainder(torch.round(time / clock.dt), period)
            return value * ((phase >= first) & (phase < last))

        return Waveform(pulse, value, clock, steps)


@generators.register("ramp", "ramp_generator")
@dataclass(frozen=True)
class Ramp(Generation):
    """``amp * (slope * t + base)``, where the value of the generator is the slope per ms and t the start of the step.

    Parameters
    ----------
    amp : float
        Factor on the whole ramp.
    base : float
        Value at t = 0, before the factor.
    end_time : float, optional
        End of the ramp in ms, after which the input is 0; the end of the run by default.
    """

    amp: float = 0.001
    base: float = 0.0
    end_time: float | None = None

    def __post_init__(self) -> None:
        demand_number("ramp.amp", self.amp)
        demand_number("ramp.base", self.base)

    def generate(
        self, source: object, shape: tuple[int, ...], batch: int, clock: Clock, steps: int, key: Key, device: torch.device | str
    ) -> Stream:
        slope = spread(source, shape, batch, key, device)
        demand_values(key.path, "ramp", slope, low=-torch.inf)
        last = window("ramp", clock, steps, 0.0, self.end_time)[1]
        return Waveform(lambda time: self.amp * (slope * time + self.base), slope, clock, last)
