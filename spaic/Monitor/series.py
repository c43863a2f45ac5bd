"""How recordings are read, wherever they are kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from types import MappingProxyType
from typing import Any

import numpy as np

from spaic.errors import InputError, StateError
from spaic.Monitor.store import Store
from spaic.units import in_unit

#: Steps by which a time may miss the grid through rounding alone.
_ROUNDING = 1e-6


class Series:
    """Samples of a variable over time: what a monitor recorded, a part of it, or what a file holds.

    Parameters
    ----------
    path : str
        Path of the monitor, for messages.
    store : Store
        Where the samples are.
    dt : float
        Time step of the network in ms.
    index : sequence of int, optional
        Which neurons were recorded, counted over the flattened shape; all by default.
    span : (int, int), optional
        First and last (exclusive) of the samples meant; all by default.
    facts : mapping, optional
        What else is known of the recording.
    """

    index: list[int] | None
    #: What the file of a recording says about it: variable, unit, shape and so on; empty for a monitor.
    facts: Mapping[str, Any] = MappingProxyType({})
    _store: Store
    _dt: float
    _span: tuple[int, int] | None = None

    def __init__(
        self,
        path: str,
        store: Store,
        dt: float,
        index: list[int] | None = None,
        span: tuple[int, int] | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        self._path, self._store, self._dt, self.index = path, store, dt, index
        self._span, self.facts = span, MappingProxyType(dict(facts or {}))

    @property
    def path(self) -> str:
        """Path of the monitor."""
        return self._path

    @property
    def values(self) -> np.ndarray:
        """Recorded values with time last: ``[batch, *shape, samples]``, weights ``[post, pre, samples]``."""
        return np.moveaxis(self._samples(), 0, -1)

    @property
    def times(self) -> np.ndarray:
        """Times of the samples in ms, ``[samples]``; the first step ends at dt."""
        return self._steps() * self._dt

    @property
    def time(self) -> np.ndarray:
        """As :attr:`times`."""
        return self.times

    def between(self, start_ms: float | str = 0.0, stop_ms: float | str = np.inf) -> Series:
        """The samples of a window of time; only they are read.

        Parameters
        ----------
        start_ms, stop_ms : float or str
            The window (start_ms, stop_ms] in ms, so that windows in a row share no sample: that at `stop_ms` is in, that at
            `start_ms` is not.
        """
        return Series(self.path, self._store, self._dt, self.index, self._window(start_ms, stop_ms), self.facts)

    def _window(self, start_ms: float | str, stop_ms: float | str) -> tuple[int, int]:
        try:
            low, high = (float(in_unit(time, "ms", f"{self.path}.between")) for time in (start_ms, stop_ms))
        except (TypeError, ValueError):
            low = high = np.nan
        if not low <= high:
            raise InputError(
                f"{self.path}: between({start_ms!r}, {stop_ms!r}) is no window of time; give start and stop in ms, the start first"
            )
        self._require()
        first, _ = self._bounds()
        edges = np.array([low, high]) / self._dt + _ROUNDING
        found = np.searchsorted(self._steps(), edges, side="right")
        return first + int(found[0]), first + int(found[1])

    def _bounds(self) -> tuple[int, int]:
        return self._span if self._span is not None else (0, len(self._store.steps()))

    def _steps(self) -> np.ndarray:
        first, stop = self._bounds()
        return self._store.steps()[first:stop]

    def _samples(self) -> np.ndarray:
        """``[samples, batch, *shape]``."""
        self._require()
        return self._store.read(*self._bounds())

    def _require(self) -> tuple[int, ...]:
        """Shape of a sample, if there is a recording."""
        shape = self._store.shape
        if shape is None:
            raise StateError(f"{self.path}: nothing is recorded yet; call net.run(T), and monitor_on() if it was off")
        return shape


class SpikeTrains(Series):
    """Spikes over time. A long recording is gone through part by part, and never held in memory as a whole."""

    def between(self, start_ms: float | str = 0.0, stop_ms: float | str = np.inf) -> SpikeTrains:
        """The spikes of the window (start_ms, stop_ms] in ms; only they are read."""
        return SpikeTrains(self.path, self._store, self._dt, self.index, self._window(start_ms, stop_ms), self.facts)

    @property
    def spk_index(self) -> list[np.ndarray]:
        """For each sample of the batch, the neuron of every spike (over the flattened shape), neuron by neuron."""
        found = [neurons for neurons, _ in self._events()]
        return found if self.index is None else [np.asarray(self.index)[positions] for positions in found]

    @property
    def spk_times(self) -> list[np.ndarray]:
        """For each sample of the batch, the time in ms of every spike, in the order of :attr:`spk_index`."""
        times = self.times
        return [times[rows] for _, rows in self._events()]

    @property
    def spk_count(self) -> np.ndarray:
        """Number of spikes, ``[batch, neurons]``."""
        batch, size = self._widths()
        kept = self._store.events(*self._bounds())
        if kept is not None:
            return np.stack([np.bincount(kept.lists[sample][1], minlength=size) for sample in range(batch)])
        total = np.zeros((batch, size), np.int64)
        for _, trains in self._trains():
            total += np.count_nonzero(trains, axis=0)
        return total

    @property
    def spk_rate(self) -> np.ndarray:
        """Mean firing rate in Hz, ``[batch, neurons]``."""
        return self.spk_count / (len(self._steps()) * self._dt * 1e-3)

    @property
    def time_spk_rate(self) -> np.ndarray:
        """Fraction of samples of the batch that spike, ``[neurons, samples]``."""
        return np.concatenate([trains.mean(1) for _, trains in self._trains()]).T

    @property
    def time_pop_rate(self) -> np.ndarray:
        """Fraction of neurons that spike, ``[batch, samples]``."""
        return np.concatenate([trains.mean(2) for _, trains in self._trains()]).T

    def _widths(self) -> tuple[int, int]:
        """Size of the batch and number of neurons."""
        batch, *shape = self._require()
        return batch, prod(shape)

    def _trains(self) -> Iterator[tuple[int, np.ndarray]]:
        """Parts ``[samples, batch, neurons]`` with the number of their first sample, counted from the first one meant."""
        self._require()
        first, stop = self._bounds()
        for start, block in self._store.blocks(first, stop):
            yield start - first, block.reshape(*block.shape[:2], prod(block.shape[2:]))

    def _events(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each sample of the batch, neuron and sample of every spike, neuron by neuron."""
        batch, neurons = self._widths()
        kept = self._store.events(*self._bounds())
        if kept is not None:
            return [_by_neuron(*kept.steps_and_neurons(sample)) for sample in range(batch)]
        found = [(np.zeros(0, np.int64), np.zeros(0, np.int64))]
        for start, trains in self._trains():
            rows, cells = np.nonzero(trains.reshape(len(trains), batch * neurons))
            found.append((cells, rows + start))
        cells, rows = (np.concatenate(parts) for parts in zip(*found, strict=True))
        order = np.argsort(cells, kind="stable")  # within a neuron they stay in the order of time
        cells, rows = cells[order], rows[order]
        cuts = np.searchsorted(cells, np.arange(1, batch) * neurons)
        parts = zip(np.split(cells, cuts), np.split(rows, cuts), strict=True)
        return [(own % neurons, when) for own, when in parts]


def _by_neuron(steps: np.ndarray, neurons: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Neuron and step of every spike, neuron by neuron."""
    order = np.argsort(neurons, kind="stable")
    return neurons[order].astype(np.int64), steps[order]
