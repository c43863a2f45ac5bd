"""Spikes given by their times: as a generator, and as codes for samples.

An event of time t belongs to the step that covers it, ``(n * dt, (n + 1) * dt]``, so that the spikes which a monitor gives can be fed in
again. An event at time 0 belongs to the first step.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np
import torch

from spaic.clock import Clock
from spaic.errors import InputError
from spaic.Graph.stream import Stream
from spaic.Library.encoders import Encoding
from spaic.Library.generators import Generation
from spaic.Library.ranges import demand_flag, demand_values
from spaic.Library.streams import TimedSpikes, WindowedStream
from spaic.registry import encoders, generators
from spaic.seeds import Key

#: A time may lie this much after the end of a step, relative to its number, and still belong to it: what rounding to float32 may add.
_ROUNDING = 2.5e-7


def steps_of(times: np.ndarray, clock: Clock) -> np.ndarray:
    """Number of the step that each time (ms, at least 0) belongs to, int64."""
    exact = times / clock.dt
    steps: np.ndarray = np.ceil(exact - _ROUNDING * np.maximum(exact, 1.0)).astype(np.int64) - 1
    return steps.clip(min=0)


class EventSpikes(WindowedStream):
    """Spikes at given steps and places; memory grows with their number, not with time.

    Parameters
    ----------
    step, place : ndarray
        int64: step of each spike, and its place in the flattened ``[B, *shape]``.
    batch : int
        Number of samples.
    shape : tuple of int
        Shape of a sample.
    last : int
        End of the run in steps.
    like : torch.Tensor
        Device, and type of the stream where spikes that fall together make numbers above 1.
    clips : bool
        True makes one spike of those that fall together.
    """

    def __init__(
        self, step: np.ndarray, place: np.ndarray, batch: int, shape: tuple[int, ...], last: int, like: torch.Tensor, clips: bool
    ) -> None:
        self._size = batch * prod(shape)
        flat, count = np.unique(step * self._size + place, return_counts=True)
        self._step = flat // self._size
        self._flat = flat
        self.is_spiking = clips or not len(count) or int(count.max()) == 1
        super().__init__(like.new_empty(()).expand(batch, *shape), 0, last)
        self._count = torch.from_numpy(np.minimum(count, 1) if clips else count).to(like.device, self.dtype)

    def _inside(self, start: int, stop: int) -> torch.Tensor:
        low, high = np.searchsorted(self._step, [start, stop])
        values = torch.zeros((stop - start) * self._size, dtype=self.dtype, device=self.device)
        values[torch.from_numpy(self._flat[low:high] - start * self._size).to(self.device)] = self._count[low:high]
        return values.view(stop - start, self.batch, *self.shape)


def checked_events(times: Any, neurons: Any, number: int, path: str) -> tuple[np.ndarray, np.ndarray]:
    """Times (float64 ms) and neuron numbers (int64) of events, or InputError."""
    try:
        found = [np.asarray(part, dtype=np.float64).reshape(-1) for part in (times, neurons)]
    except (TypeError, ValueError):
        raise InputError(f"{path}: events are two lists of numbers, the times in ms and the neurons; give these") from None
    time, neuron = found
    if len(time) != len(neuron):
        raise InputError(f"{path}: there are {len(time)} times and {len(neuron)} neurons; give one time and one neuron per event")
    if not (np.isfinite(time).all() and (time >= 0).all()):
        wrong = time[~(np.isfinite(time) & (time >= 0))][0]
        raise InputError(f"{path}: an event has the time {wrong:g} ms; give finite times of at least 0")
    outside = ~((neuron >= 0) & (neuron < number) & (neuron == np.floor(neuron)))
    if outside.any():
        raise InputError(f"{path}: an event has the neuron {neuron[outside][0]:g}; give whole numbers from 0 to {number - 1}")
    return time, neuron.astype(np.int64)


def _is_pair(sample: Any) -> bool:
    try:
        return len(sample) == 2
    except TypeError:  # a number, or a tensor of one
        return False


@generators.register("spike_list", "spike_times", "spike_generator")
@dataclass(frozen=True)
class SpikeList(Generation):
    """Spikes of given neurons at given times; the value is the pair ``(neurons, times in ms)``, in any order.

    All samples get the same spikes. Those beyond the end of a run come when it is continued.

    Parameters
    ----------
    clip : bool
        Several spikes of a neuron within one step count as one; otherwise they add up.
    """

    clip: bool = False

    def __post_init__(self) -> None:
        demand_flag("spike_list.clip", self.clip)

    def generate(
        self, source: object, shape: tuple[int, ...], batch: int, clock: Clock, steps: int, key: Key, device: torch.device | str
    ) -> Stream:
        if not isinstance(source, (Sequence, np.ndarray, torch.Tensor)) or isinstance(source, str) or len(source) != 2:
            raise InputError(f"{key.path}: spike_list needs the pair (neurons, times in ms), got {source!r}; give two lists")
        time, neuron = checked_events(source[1], source[0], prod(shape), key.path)
        step = np.tile(steps_of(time, clock), batch)
        place = (neuron + prod(shape) * np.arange(batch)[:, None]).reshape(-1)
        stream = EventSpikes(step, place, batch, shape, steps, torch.empty((), dtype=torch.float64, device=device), self.clip)
        stream.exact = np.repeat(np.arange(batch), len(time)), np.tile(neuron, batch), np.tile(time, batch)
        return stream


@encoders.register("mstb", "events", "spike_trains")
@dataclass(frozen=True)
class EventEncoding(Encoding):
    """Samples that are lists of events already: for each sample ``[times in ms, neurons]``.

    Events beyond the end of a run come when it is continued.

    Parameters
    ----------
    clip : bool
        Several events of a neuron within one step count as one; otherwise they add up.
    """

    takes_events: ClassVar[bool] = True

    clip: bool = False

    def __post_init__(self) -> None:
        demand_flag("mstb.clip", self.clip)

    def checked(self, data: Any, shape: tuple[int, ...], path: str) -> list[np.ndarray]:
        """`data` as a list of ``[2, events]`` float64 arrays: times and neurons of each sample."""
        if not isinstance(data, Iterable):
            raise InputError(f"{path}: a list of events per sample is needed, got {data!r}; give [times, neurons] for each")
        samples = []
        for i, sample in enumerate(data):
            where = f"{path}[{i}]"
            if not _is_pair(sample):
                raise InputError(f"{where}: a sample is a pair of lists, got {sample!r}; give [times in ms, neurons]")
            samples.append(np.stack(checked_events(sample[0], sample[1], prod(shape), where)))
        if not samples:
            raise InputError(f"{path}: the batch is empty; give at least one sample")
        return samples

    def stream(self, source: Any, clock: Clock, steps: int, key: Key, device: str, dtype: str) -> Stream:
        samples, shape = source
        size = prod(shape)
        step = np.concatenate([steps_of(time, clock) for time, _ in samples])
        place = np.concatenate([neuron.astype(np.int64) + i * size for i, (_, neuron) in enumerate(samples)])
        like = torch.empty((), dtype=getattr(torch, dtype), device=device)
        stream = EventSpikes(step, place, len(samples), shape, steps, like, self.clip)
        time = np.concatenate([time for time, _ in samples])
        stream.exact = place // size, place % size, time
        return stream

    def encode(self, source: torch.Tensor, clock: Clock, steps: int, key: Key) -> Stream:
        raise InputError(f"{key.path}: mstb encodes lists of events, got a tensor of shape {tuple(source.shape)}; give [times, neurons]")


@encoders.register("sstb", "spike_time")
@dataclass(frozen=True)
class SpikeTimeEncoding(Encoding):
    """The values are times in ms: each neuron spikes once, at its time; a negative time is no spike."""

    def encode(self, source: torch.Tensor, clock: Clock, steps: int, key: Key) -> Stream:
        demand_values(key.path, "sstb", source, low=-torch.inf)
        time = source.detach().double()
        exact = time / clock.dt
        step = (torch.ceil(exact - _ROUNDING * exact.clamp(min=1.0)) - 1).clamp(0, steps).to(torch.int32)
        stream = TimedSpikes(step.masked_fill_(time < 0, -1), steps)
        flat = source.double().reshape(len(source), -1)
        sample, neuron = np.nonzero(flat.detach().cpu().numpy() >= 0)
        stream.exact = sample, neuron, flat[sample, neuron]
        return stream
