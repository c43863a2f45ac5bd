"""Neurons that feed back on each other, run together from one queue, and the gradients of their spike times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spaic.Backend.Event.arrivals import Afferent
from spaic.Backend.Event.compiled import island_adjoint, island_kernels
from spaic.Backend.Event.compiled.entries import AFTER, BURST, FINE, INSTANT
from spaic.Backend.Event.compiled.kernels import compiled
from spaic.Backend.Event.layer import Limits, Population, Start, moving
from spaic.Backend.Event.rules.learning import Learning
from spaic.Backend.Event.rules.ways_back import Back
from spaic.errors import NumericalError


@dataclass(frozen=True, eq=False)
class _Synapses:
    """All synapses of a loop in packets: ranges with one presynaptic neuron, one link and one delay."""

    arrays: tuple[np.ndarray, ...]
    packet_from: np.ndarray
    packet_to: np.ndarray
    delay: np.ndarray
    first: np.ndarray
    of_outer: dict[int, np.ndarray]
    rule: np.ndarray
    pre: np.ndarray


@dataclass(frozen=True, eq=False)
class Record:
    """What happened in all samples; `time`, `sample` and `neuron` are the spikes, ordered by sample, neuron and time."""

    time: np.ndarray
    sample: np.ndarray
    neuron: np.ndarray
    order: np.ndarray
    bounds: np.ndarray
    logs: list[tuple[np.ndarray, ...]]
    phases: list[np.ndarray]
    synapses: _Synapses
    weights: np.ndarray
    modes: np.ndarray
    spikes: np.ndarray


def run(
    population: Population, start: Start, afferents: Sequence[Afferent], inner: Sequence[int], firsts: np.ndarray, weights: np.ndarray,
    batch: int, end: float, marks: np.ndarray, limits: Limits, learning: Learning | None = None,
) -> tuple[Record, Start, np.ndarray]:  # fmt: skip
    """As :func:`spaic.Backend.Event.layer.run`, for neurons of a loop; ``inner[k]`` is the population that afferent k comes from, or -1.

    With `learning`, for one sample, `weights` and the arrays of `learning` are changed.
    """
    tables, neurons = population.tables, len(population.kind)
    synapses = _kept_synapses(population.wired, afferents, inner, firsts, neurons)
    outer = _outer(afferents, inner, synapses, batch, start.time, end)
    samples = np.zeros((len(marks), batch, neurons, tables.modes + 1))
    kernel = compiled(island_kernels, tables.modes, "" if learning is None else learning.text).simulate
    rules = () if learning is None else learning.given(synapses.rule, synapses.pre)
    shape = (batch, neurons, tables.modes)
    begin = (start.modes.reshape(shape), start.phase.reshape(batch, -1), start.until.reshape(batch, -1))
    ended = Start(np.zeros(shape), np.zeros(shape[:2], np.int64), np.zeros(shape[:2]), end)
    weights = weights if len(weights) else np.zeros(1)
    logs, phases, found = [], [], []
    packets = (synapses.first, synapses.packet_from, synapses.packet_to, synapses.delay)
    for b in range(batch):
        own = np.zeros((len(marks), neurons, tables.modes + 1))
        state = tuple(x[b].copy() for x in begin)
        facts, time, times, who, *log = kernel(
            start.time, end, limits.spikes, (population.kind, population.t_ref), moving(tables), state, outer[b], packets, synapses.arrays,
            weights, marks, own, rules,
        )  # fmt: skip
        _demand_fine(population, facts, time, b)
        y, phase, until = state
        times, who, log = times[: facts[3]].copy(), who[: facts[3], 0].copy(), [x[: facts[4]].copy() for x in log]
        samples[:, b], ended.modes[b], ended.phase[b], ended.until[b] = own, y, phase, until
        logs.append(tuple(log))
        phases.append(phase)
        found.append((times, who))
    record = _record(found, logs, phases, synapses, weights)
    return record, Start(ended.modes.reshape(-1, tables.modes), ended.phase.ravel(), ended.until.ravel(), end), samples


def gradients(
    population: Population, record: Record, given: np.ndarray, events: int, limits: Limits, back: Back | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients with respect to weights, times of the events that were sent, and delays by the place of the weight.

    Errors go back by the weights of `back`, where some are others.
    """
    tables, synapses = population.tables, record.synapses
    kernel = compiled(island_adjoint, tables.modes).adjoint
    every = np.zeros(len(given))
    every[record.order] = given
    weights = record.weights if len(record.weights) else np.zeros(1)
    back = Back.of(weights) if back is None else back
    d_weights, d_times, d_delays = np.zeros(len(weights)), np.zeros(max(events, 1)), np.zeros(len(weights))
    static = (tables.T, tables.size, tables.rows, tables.reset, tables.reset_to, tables.release, tables.jump)
    for b, (log, times, amounts, modes) in enumerate(record.logs):
        kernel(
            limits.slope, (population.kind, population.t_ref), static, record.phases[b].copy(), log, times, amounts, modes,
            (synapses.packet_from, synapses.packet_to), synapses.arrays, weights, (back.weights, back.is_same),
            every[record.bounds[b] : record.bounds[b + 1]], d_weights, d_times, d_delays,
        )  # fmt: skip
    return d_weights[: len(record.weights)], d_times[:events], d_delays[: len(record.weights)]


def _kept_synapses(kept: list[Any], afferents: Sequence[Afferent], inner: Sequence[int], firsts: np.ndarray, neurons: int) -> _Synapses:
    """As :func:`_synapses`; those of the last run if the links are the same."""
    key = tuple((a.port, a.offset, a.target, a.rule, k) for a, k in zip(afferents, inner, strict=True))
    wirings = [a.wiring for a in afferents]
    if not (kept and kept[0] == key and all(old is new for old, new in zip(kept[1], wirings, strict=True))):
        kept[:] = key, wirings, _synapses(afferents, inner, firsts, neurons)
    found: _Synapses = kept[2]
    return found


def _synapses(afferents: Sequence[Afferent], inner: Sequence[int], firsts: np.ndarray, neurons: int) -> _Synapses:
    """Synapses in packets; those of inner sources come first, by neuron, then those of each afferent from outside, by its neurons."""
    rows = []
    for k, a in enumerate(afferents):
        wiring = a.wiring.listed()
        starts = wiring.starts if wiring.starts is not None else np.zeros(1, np.int64)
        pre = np.repeat(np.arange(wiring.pre), np.diff(starts))
        key = pre + firsts[inner[k]] if inner[k] >= 0 else pre + neurons
        count = len(pre)
        rows.append(
            (
                np.full(count, -1 if inner[k] >= 0 else k),
                key,
                np.full(count, k),
                np.broadcast_to(wiring.delay, (count,)),
                wiring.targets + a.target,
                wiring.index + a.offset,
                wiring.factor,
                np.full(count, a.port),
            )  # fmt: skip
        )
    outside, key, link, delay, target, where, factor, port = (np.concatenate(c) for c in zip(*rows, strict=True))
    order = np.lexsort((target, delay, link, key, outside))
    outside, key, link, delay = outside[order], key[order], link[order], delay[order]
    changes = np.flatnonzero(np.diff(outside) | np.diff(key) | np.diff(link) | (np.diff(delay) != 0)) + 1
    begins = np.concatenate([[0], changes]).astype(np.int64) if len(order) else np.zeros(0, np.int64)
    ends = np.append(begins[1:], len(order)).astype(np.int64) if len(order) else begins
    is_inner = outside[begins] == -1
    first = np.searchsorted(key[begins][is_inner], np.arange(neurons + 1)).astype(np.int64)
    rule, population = (np.array(x, np.int64)[link[begins]] if len(begins) else begins for x in ([a.rule for a in afferents], inner))
    pre = key[begins] - np.where(is_inner, firsts[population], neurons)
    of_outer = {int(k): np.flatnonzero(outside[begins] == k) for k in np.unique(outside[begins]) if k >= 0}
    arrays = (target[order].astype(np.int64), where[order].astype(np.int64), factor[order].astype(np.float64), port[order].astype(np.int64))
    found = _Synapses(arrays, begins, ends, delay[begins].astype(np.float64), first, of_outer, rule, pre)
    for k, packets in of_outer.items():
        pre = key[begins[packets]] - neurons
        found.of_outer[k] = np.stack([packets, pre])
    return found


def _outer(
    afferents: Sequence[Afferent], inner: Sequence[int], synapses: _Synapses, batch: int, begin: float, end: float
) -> list[tuple[np.ndarray, ...]]:
    """Arrivals from outside for every sample: times, packets, amounts, sources, in order."""
    parts = [(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64))]
    for k, a in enumerate(afferents):
        if inner[k] >= 0 or k not in synapses.of_outer:
            continue
        packets, pre = synapses.of_outer[k]
        starts = np.searchsorted(pre, np.arange(a.wiring.pre + 1))
        place = np.argsort(a.sent.neuron, kind="stable")
        many = (starts[1:] - starts[:-1])[a.sent.neuron[place]]
        event = np.repeat(place, many)
        within = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
        packet = packets[within + np.repeat(starts[a.sent.neuron[place]], many)]
        parts.append(
            (a.sent.sample[event], a.sent.time[event] + synapses.delay[packet], packet, a.sent.amount[event], a.sent.first + event)
        )
    sample, time, packet, amount, source = (np.concatenate(c) for c in zip(*parts, strict=True))
    inside = np.flatnonzero((time > begin) & (time <= end))
    order = inside[np.lexsort((time[inside], sample[inside]))]
    bounds = np.searchsorted(sample[order], np.arange(batch + 1))
    return [tuple(c[order[bounds[b] : bounds[b + 1]]] for c in (time, packet, amount, source)) for b in range(batch)]


def _record(
    found: list[tuple[np.ndarray, np.ndarray]], logs: list[tuple[np.ndarray, ...]], phases: list[np.ndarray], synapses: _Synapses,
    weights: np.ndarray,
) -> Record:  # fmt: skip
    times = np.concatenate([t for t, _ in found])
    who = np.concatenate([w for _, w in found])
    bounds = np.cumsum([0, *(len(t) for t, _ in found)])
    sample = np.repeat(np.arange(len(found)), np.diff(bounds))
    order = np.lexsort((np.arange(len(times)), who, sample))
    spikes = [m[log[:, 0] <= AFTER] for log, _, _, m in logs]
    modes = np.concatenate(spikes) if spikes else np.zeros((0, 1))
    return Record(
        times[order], sample[order], who[order], order, bounds, logs, phases, synapses, weights, modes[order], np.arange(len(order))
    )


def _demand_fine(population: Population, facts: np.ndarray, time: float, sample: int) -> None:
    if facts[0] == FINE:
        return
    what = f"spikes, more than {INSTANT} of them in one instant" if facts[0] == BURST else "spikes"
    raise NumericalError(
        f"{population.path}[{facts[1]}], sample {sample}: activity without end, {facts[2]} {what}, at {time:.9g} ms; lower the weights, "
        "add delays or a refractory period, or a reset that ends below the threshold"
    )
