"""What streams bring, as events: spikes at the end of their steps, piecewise constant values at their starts."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from spaic.Backend.Event.spikes import Spikes
from spaic.Backend.Torch import exact
from spaic.clock import Clock
from spaic.errors import UnsupportedError
from spaic.Graph.stream import Later, Stream

#: Values of a stream that are held at a time.
_AT_ONCE = 1 << 22


def spikes(path: str, stream: Stream, clock: Clock, first: int, steps: int) -> Spikes:
    """Events of steps `first` to ``first + steps - 1``: slot n of a grid comes at (n + 1) dt; a stream with exact times gives these."""
    end = (first + steps) * clock.dt
    known = _exact(stream, clock)
    if known is not None:
        sample, neuron, times = known
        values = exact.numpy_of(times)
        begin = first * clock.dt
        mine = np.flatnonzero(((values > begin) | ((values == 0.0) & (first == 0))) & (values <= end))
        times = times[exact.as_tensor(mine)] if hasattr(times, "detach") else exact.as_tensor(values[mine])
        return _ordered(Spikes(path, stream.shape, stream.batch, sample[mine], neuron[mine], times, np.ones(len(mine)), end))
    parts = []
    for start, stop in _chunks(stream, first, steps):
        places, amount = exact.entries(_plain(stream.chunk(start, stop), path))
        neuron = np.ravel_multi_index(tuple(places[:, 2:].T), stream.shape) if stream.shape else np.zeros(len(places), np.int64)
        parts.append((places[:, 1], neuron, (places[:, 0] + start + 1) * clock.dt, amount))
    sample, neuron, times, amount = (np.concatenate(p) for p in zip(*parts, strict=True))
    return _ordered(Spikes(path, stream.shape, stream.batch, sample, neuron, exact.as_tensor(times), amount, end))


def currents(path: str, stream: Stream, clock: Clock, first: int, steps: int) -> Spikes:
    """The steps of a piecewise constant function: value n acts from n dt on; the first counts from 0."""
    size, batch = prod(stream.shape), stream.batch
    before = np.zeros((1, batch, size))
    parts = []
    for start, stop in _chunks(stream, first, 1 if stream.is_constant else steps):
        values = exact.numpy_of(_plain(stream.chunk(start, stop), path)).reshape(stop - start, batch, size)
        places, amount = exact.entries(np.diff(np.concatenate([before, values]), axis=0))
        parts.append((places[:, 1], places[:, 2], (places[:, 0] + start) * clock.dt, amount))
        before = values[-1:]
    sample, neuron, times, amount = (np.concatenate(p) for p in zip(*parts, strict=True))
    end = (first + steps) * clock.dt
    return _ordered(Spikes(path, stream.shape, batch, sample, neuron, exact.as_tensor(times), amount, end))


def _exact(stream: Stream, clock: Clock) -> tuple[Any, Any, Any] | None:
    """Sample, neuron and time of every spike of a stream that knows them."""
    if isinstance(stream, Later):
        known = _exact(stream.stream, clock)
        return None if known is None else (known[0], known[1], known[2] + stream.first_step * clock.dt)
    return getattr(stream, "exact", None)


def _plain(values: Any, path: str) -> Any:
    """Values of a grid; their gradient is refused, as only times have one."""
    if exact.carries_gradient(values):
        raise UnsupportedError(
            f"{path}: the values of the input require a gradient; exact events have those of times, weights and delays: "
            "detach it, code it by times (sstb), or use Torch_Backend"
        )
    return values


def _chunks(stream: Stream, first: int, steps: int) -> list[tuple[int, int]]:
    length = max(1, _AT_ONCE // max(1, stream.batch * prod(stream.shape)))
    return [(n, min(n + length, first + steps)) for n in range(first, first + steps, length)]


def _ordered(found: Spikes) -> Spikes:
    order = np.lexsort((exact.numpy_of(found.times), found.neuron, found.sample))
    sample, neuron, amount = (np.ascontiguousarray(a[order]) for a in (found.sample, found.neuron, found.amount))
    times = found.times[exact.as_tensor(order)]
    return Spikes(found.path, found.shape, found.batch, sample.astype(np.int64), neuron.astype(np.int64), times, amount, found.end)
