"""Codes in which the time of spikes carries the value: relative latency, and regular trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from spaic.clock import Clock
from spaic.Graph.stream import Stream
from spaic.Library.encoders import Encoding
from spaic.Library.ranges import demand_number, demand_positive, demand_values
from spaic.Library.streams import TimedSpikes, WindowedStream
from spaic.registry import encoders
from spaic.seeds import Key


@encoders.register("relative_latency")
@dataclass(frozen=True)
class RelativeLatency(Encoding):
    """Latency relative to the largest value of the sample: with ``e = exp(-amp * x)`` the only spike comes ``e - min(e)`` of the run late.

    The spike comes at step ``floor((steps - 1) * scale * (e - min(e)))``, so that the largest value of a sample fires at once; what would
    come in the last part of the sample's own range of steps, `keep` and later, is left out.

    Parameters
    ----------
    amp : float
        Steepness: the larger, the earlier all but the smallest values.
    scale : float
        Share of the run, in (0, 1], in which the spikes fall.
    keep : float
        Share of the range of steps, in (0, 1], from which on there are no spikes.
    """

    continues: ClassVar[bool] = False

    amp: float = 1.0
    scale: float = 1.0
    keep: float = 0.8

    def __post_init__(self) -> None:
        demand_positive("relative_latency.amp", self.amp)
        demand_positive("relative_latency.scale", self.scale, high=1.0)
        demand_positive("relative_latency.keep", self.keep, high=1.0)

    def encode(self, source: torch.Tensor, clock: Clock, steps: int, key: Key) -> Stream:
        demand_values(key.path, "relative_latency", source, fix="shift the data")
        late = torch.exp(-self.amp * source.detach().double().flatten(1))
        late = late - late.amin(1, keepdim=True)
        step = ((steps - 1) * self.scale * late).floor()
        first, last = step.aminmax(dim=1, keepdim=True)
        is_late = (step >= first + self.keep * (last - first)) & (last > first)
        return TimedSpikes(step.masked_fill(is_late, -1).to(torch.int32).view(source.shape), steps)


class RegularSpikes(WindowedStream):
    """A spike after every period.

    Parameters
    ----------
    period : torch.Tensor
        ``[B, *shape]`` int64, in steps; 0 for no spikes.
    last : int
        End of the run in steps.
    """

    is_spiking = True

    def __init__(self, period: torch.Tensor, last: int) -> None:
        super().__init__(period, 0, last)
        self._period = torch.where(period > 0, period, torch.iinfo(torch.int64).max)

    def _inside(self, start: int, stop: int) -> torch.Tensor:
        return ((self._steps(start, stop, torch.int64) + 1) % self._period == 0).view(torch.uint8)


@encoders.register("uniform")
@dataclass(frozen=True)
class RegularEncoding(Encoding):
    """Rate code by regular trains: the larger the value x in its sample, the shorter the time between its spikes.

    The period is ``amp * max_time * (bias + max - x) / (bias + max - min)`` ms, rounded up to the grid, with the largest and smallest
    value of the sample; the first spike comes after one period.

    Parameters
    ----------
    amp : float
        Factor on all periods.
    bias : float
        Keeps the period of the largest value above 0.
    max_time : float, optional
        Period in ms of the smallest value, before `amp`; the length of the run by default.
    """

    continues: ClassVar[bool] = False

    amp: float = 1.0
    bias: float = 0.05
    max_time: float | None = None

    def __post_init__(self) -> None:
        demand_positive("uniform.amp", self.amp)
        demand_positive("uniform.bias", self.bias)
        if self.max_time is not None:
            demand_number("uniform.max_time", self.max_time, low=0.0)

    def encode(self, source: torch.Tensor, clock: Clock, steps: int, key: Key) -> Stream:
        demand_values(key.path, "uniform", source, low=-torch.inf)
        value = source.detach().double().flatten(1)
        low, high = value.aminmax(dim=1, keepdim=True)
        longest = clock.time(steps) if self.max_time is None else self.max_time
        period = self.amp * longest * (self.bias + high - value) / (self.bias + high - low)
        return RegularSpikes((period / clock.dt - 1e-9).ceil().clamp(min=1).long().view(source.shape), steps)
