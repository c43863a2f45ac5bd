"""A layer of neurons that do not feed back on each other, run through its events, and the gradients of its spike times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spaic.Backend.Event.arrivals import Afferent, Arrivals, arrivals, often_read
from spaic.Backend.Event.compiled import layer_adjoint, layer_kernels
from spaic.Backend.Event.compiled.entries import BURST, FINE, INSTANT, LOST, RELEASE
from spaic.Backend.Event.compiled.kernels import compiled
from spaic.Backend.Event.compiled.layer_kernels import LANES
from spaic.Backend.Event.equations.tables import Tables
from spaic.Backend.Event.rules.ways_back import Back
from spaic.Backend.Kernels.threads.team import spread
from spaic.errors import NumericalError

#: Entries of a record for which there is room at first, per neuron and sample.
_ROOM = 8
#: Classes up to which the decays of all events are computed once for all neurons.
_FEW = 4
#: What an event costs for all neurons side by side, in what it costs for one of them.
_OVERHEAD = 12
#: Neurons whose gradients of arrival times are added up together; part of the result to the last bit, so not a matter of threads.
_CHUNK = 32


@dataclass(frozen=True, eq=False)
class Limits:
    """When a run is stopped.

    Attributes
    ----------
    spikes : int
        Most spikes of one neuron in one run.
    slope : float
        Least slope of the residual at a crossing, in 1/ms, that gradients divide by.
    """

    spikes: int = 1_000_000
    slope: float = 1e-9


@dataclass(frozen=True, eq=False)
class Population:
    """Neurons of a layer: their class, refractory period in ms, and the path that errors name.

    `room` holds one array: how many entries there is room for in the record of each neuron, learned from the last run. `wired` holds what a
    loop has made of its links, for the next run.
    """

    path: str
    kind: np.ndarray
    t_ref: np.ndarray
    tables: Tables
    room: list[np.ndarray] = field(default_factory=list)
    wired: list[Any] = field(default_factory=list)


@dataclass(eq=False)
class Start:
    """Where a run starts: modes ``[units, n]``, phase and end of refractory period of every unit (sample times neuron), and the time."""

    modes: np.ndarray
    phase: np.ndarray
    until: np.ndarray
    time: float


@dataclass(frozen=True, eq=False)
class Record:
    """What happened: unit u has entries ``offset[u]`` to ``offset[u] + count[u] - 1``; see the kernels for the columns."""

    offset: np.ndarray
    count: np.ndarray
    what: np.ndarray
    place: np.ndarray
    when: np.ndarray
    modes: np.ndarray
    arrivals: Arrivals
    decays: np.ndarray
    weights: np.ndarray
    spikes: np.ndarray
    sample: np.ndarray
    neuron: np.ndarray

    @property
    def time(self) -> np.ndarray:
        """Times of the spikes in ms, ordered by sample, neuron and time."""
        return self.when[self.spikes]


def run(
    layer: Population, start: Start, afferents: Sequence[Afferent], weights: np.ndarray, batch: int, end: float, marks: np.ndarray,
    threads: int, limits: Limits,
) -> tuple[Record, Start, np.ndarray]:  # fmt: skip
    """Run a layer from ``start.time`` to `end`.

    Returns
    -------
    record : Record
        All spikes.
    start : Start
        Where the run ended.
    samples : ndarray
        Modes at the times `marks`, ``[marks, batch, neurons, n + 1]``; the last is 1 for a refractory neuron.
    """
    tables, neurons = layer.tables, len(layer.kind)
    found = arrivals(afferents, batch, neurons, start.time, end, marks)
    decays = _decays(found, tables, start.time)
    slots = often_read(found)
    samples = np.zeros((len(marks), batch, neurons, tables.modes + 1))
    units = batch * neurons
    room = np.tile(layer.room[0], batch) if layer.room else np.full(units, _ROOM, np.int64)
    offset = np.cumsum(room) - room
    memory = _room(int(room.sum()), tables.modes)
    count, status = np.zeros(units, np.int64), np.zeros(units, np.int64)
    ended = Start(np.zeros((units, tables.modes)), np.zeros(units, np.int64), np.zeros(units), end)
    kernel = compiled(layer_kernels, tables.modes).forward
    weights = weights if len(weights) else np.zeros(1)
    wide = _wide(neurons) if tables.is_plain.all() else LANES[0]
    width = 1 if found.is_own else wide
    chosen = np.arange(-(-neurons // width))
    while True:
        args = (
            chosen, batch, wide, found.is_own, len(decays) > 0, start.time, limits.spikes,
            (found.starts, found.stops, found.times, found.where, found.stride, found.amounts, found.ports, *slots),
            decays, weights, (layer.kind, layer.t_ref), moving(tables), (start.modes, start.phase, start.until),
            (offset, room, *memory, count), status, (ended.modes, ended.phase, ended.until), samples,
        )  # fmt: skip
        spread(kernel, len(chosen), args, threads=threads)
        _demand_fine(layer, status, count, room, offset, memory[2], neurons)
        over = np.flatnonzero(count > room)
        if not len(over):
            break
        # run once more, with room for what there is to record
        offset[over] = len(memory[0]) + np.cumsum(count[over]) - count[over]
        room[over] = count[over]
        memory = tuple(np.concatenate(pair) for pair in zip(memory, _room(int(count[over].sum()), tables.modes), strict=True))
        chosen = np.unique(over % neurons // width)
    layer.room[:] = [_ROOM + count.reshape(batch, neurons).max(axis=0) * 9 // 8]
    what, place, when, modes = memory
    spikes = _spikes(offset, count, what)
    unit = np.repeat(np.arange(units), count)[what[_entries(offset, count)] != RELEASE]
    record = Record(offset, count, what, place, when, modes, found, decays, weights, spikes, unit // neurons, unit % neurons)
    return record, ended, samples


def _room(entries: int, modes: int) -> tuple[np.ndarray, ...]:
    """Memory for entries of a record: what, place, when, modes."""
    return np.zeros(entries, np.int8), np.zeros(entries, np.int64), np.zeros(entries), np.zeros((entries, modes))


def gradients(
    layer: Population,
    record: Record,
    given: np.ndarray,
    events: int,
    with_delays: bool,
    batch: int,
    threads: int,
    limits: Limits,
    back: Back | None = None,
    with_times: bool = True,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients with respect to weights, times of the events that were sent, and delays (by the place of the weight).

    Parameters
    ----------
    given : ndarray
        Gradient with respect to each spike time of `record`.
    events : int
        How many events were sent.
    back : Back, optional
        Weights by which errors go back, where some are others.
    with_times : bool
        Whether the times of events have gradients.
    """
    tables, found, neurons = layer.tables, record.arrivals, len(layer.kind)
    every = np.zeros(len(record.when))
    every[record.spikes] = given
    parts = -(-neurons // _CHUNK)
    d_weights, d_times = np.zeros(len(record.weights)), np.zeros((parts, max(events, 1)))
    d_delays = np.zeros(len(record.weights) if with_delays else 0)
    is_shared = found.is_own and len(np.unique(found.where)) < len(found.where)  # two neurons may add to one weight
    back = Back.of(record.weights) if back is None else back
    args = (
        batch, _CHUNK, found.is_own, len(record.decays) > 0, with_times or with_delays, limits.slope,
        (found.starts, found.times, found.where, found.stride, found.amounts, found.ports, found.sources),
        record.decays, record.weights, (back.weights, back.is_same), (layer.kind, layer.t_ref),
        (tables.T, tables.size, tables.rows, tables.is_plain, tables.reset, tables.reset_to, tables.release, tables.jump, tables.drift),
        (record.offset, record.count, record.what, record.place, record.when, record.modes), every, d_weights, d_times, d_delays,
    )  # fmt: skip
    spread(compiled(layer_adjoint, tables.modes).adjoint, parts, args, threads=1 if is_shared else threads)
    return d_weights, d_times.sum(axis=0)[:events], d_delays


def moving(tables: Tables) -> tuple[np.ndarray, ...]:
    """The tables in the order in which kernels that run forward take them."""
    return (
        tables.T, tables.size, tables.growth, tables.rows, tables.level, tables.is_strict, tables.how, tables.is_plain, tables.longest,
        tables.reset, tables.reset_to, tables.release, tables.jump,
    )  # fmt: skip


def _decays(found: Arrivals, tables: Tables, begin: float) -> np.ndarray:
    """Factor of every mode from one event to the next, ``[events, Q, n]``; nothing where neurons have lists of their own."""
    if found.is_own or len(tables.T) > 2 * _FEW:
        return np.zeros((0, 1, 1))
    gaps = np.diff(found.times, prepend=begin)
    gaps[found.starts] = found.times[found.starts] - begin
    rates = np.diagonal(tables.T, axis1=1, axis2=2)
    with np.errstate(invalid="ignore"):
        return np.where(rates == 0.0, 1.0, np.exp(gaps[:, None, None] * rates))


def _wide(neurons: int) -> int:
    """How many neurons go side by side: as many as cost least with those that are missing in the last group."""
    return min(LANES, key=lambda n: -(-neurons // n) * (n + _OVERHEAD))


def _entries(offset: np.ndarray, count: np.ndarray) -> np.ndarray:
    return np.arange(count.sum()) - np.repeat(np.cumsum(count) - count - offset, count)


def _spikes(offset: np.ndarray, count: np.ndarray, what: np.ndarray) -> np.ndarray:
    entries = _entries(offset, count)
    return entries[what[entries] != RELEASE]


def _demand_fine(
    layer: Population, status: np.ndarray, count: np.ndarray, room: np.ndarray, offset: np.ndarray, when: np.ndarray, neurons: int
) -> None:
    wrong = np.flatnonzero(status != FINE)
    if not len(wrong):
        return
    u = wrong[0]
    place = f"{layer.path}[{u % neurons}], sample {u // neurons}"
    time = f"{when[offset[u] + min(count[u], room[u]) - 1]:.9g} ms" if count[u] else "the start"
    if status[u] == LOST:
        raise NumericalError(f"{place}: the search for the next crossing after {time} did not end; report this with the model")
    what = f"spikes, more than {INSTANT} of them in one instant" if status[u] == BURST else "spikes"
    raise NumericalError(
        f"{place}: a burst without end, {count[u]} {what}, around {time}; lower the weights, add a refractory period, "
        "or a reset that ends below the threshold"
    )
