"""Which events a layer receives: lists in order of time, one for each sample where all neurons share them, else one for each neuron."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spaic.Backend.Event.compiled.entries import MARK
from spaic.Backend.Event.compiled.motion import LATER
from spaic.Backend.Event.wiring import Wiring

#: Times that a weight has to be read for it to be worth putting it beside those of other neurons.
_OFTEN = 2


@dataclass(frozen=True, eq=False)
class Sent:
    """Spikes or other events of a source, of all samples, in any order.

    Attributes
    ----------
    sample, neuron : ndarray of int64
        Which.
    time : ndarray
        In ms.
    amount : ndarray
        1 for a spike; the height of a step for a current.
    first : int
        Number of the first of them among all events that reach a layer.
    """

    sample: np.ndarray
    neuron: np.ndarray
    time: np.ndarray
    amount: np.ndarray
    first: int = 0


@dataclass(frozen=True, eq=False)
class Afferent:
    """A link into a layer: what is sent, the synapses, the port, where the weights and the neurons of the target begin, and the number of
    the rule by which it learns, -1 if it does not."""

    sent: Sent
    wiring: Wiring
    port: int
    offset: int
    target: int = 0
    rule: int = -1


@dataclass(frozen=True, eq=False)
class Arrivals:
    """Events in order; see :func:`spaic.Backend.Event.compiled.layer_kernels.forward` for what the arrays mean."""

    is_own: bool
    starts: np.ndarray
    stops: np.ndarray
    times: np.ndarray
    where: np.ndarray
    stride: np.ndarray
    amounts: np.ndarray
    ports: np.ndarray
    sources: np.ndarray


def arrivals(afferents: Sequence[Afferent], batch: int, neurons: int, begin: float, end: float, marks: np.ndarray) -> Arrivals:
    """What arrives in (`begin`, `end`], in order of time, then of links, then of presynaptic neurons.

    Parameters
    ----------
    afferents : sequence of Afferent
        In order of the paths of the links.
    batch, neurons : int
        Numbers of samples and of neurons in the layer.
    begin, end : float
        In ms; `end` may be infinite.
    marks : ndarray
        Times of samples in ms, which come after all that happens at their instant.
    """
    is_own = any(a.wiring.starts is not None for a in afferents)
    parts = [_listed(a, neurons) if is_own else _shared(a) for a in afferents]
    columns = list(zip(*parts, strict=True)) if parts else [[np.zeros(0)]] * 7
    unit, time, where, stride, amount, port, source = (np.concatenate(c) for c in columns)
    inside = np.flatnonzero((time > begin) & (time <= end))
    units = batch * neurons if is_own else batch
    ends, samples = np.append(marks, end), np.append(np.arange(len(marks)), -1)
    unit = np.concatenate([unit[inside], np.repeat(np.arange(units), len(ends))]).astype(np.int64)
    time = np.concatenate([time[inside], np.tile(ends, units)])
    port = np.concatenate([port[inside], np.full(units * len(ends), MARK)]).astype(np.int64)
    filler = np.zeros(units * len(ends))
    where = np.concatenate([where[inside], np.tile(samples, units)]).astype(np.int64)
    order, time = _ordered(unit, time)
    bounds = np.searchsorted(unit[order], np.arange(units + 1))
    return Arrivals(
        is_own,
        bounds[:-1],
        bounds[1:],
        time[order],
        where[order],
        np.concatenate([stride[inside], filler]).astype(np.int64)[order],
        np.concatenate([amount[inside], filler])[order],
        port[order],
        np.concatenate([source[inside], filler - 1]).astype(np.int64)[order],
    )


def often_read(found: Arrivals) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row of each event among the weights that are read, and place and stride of each row; nothing where few are read twice."""
    none = np.zeros(0, np.int64)
    real = found.ports != MARK
    if found.is_own or not real.any():
        return none, none, none
    places, first, row = np.unique(found.where[real], return_index=True, return_inverse=True)
    if len(row) < _OFTEN * len(places):
        return none, none, none
    slots = np.zeros(len(found.where), np.int64)
    slots[real] = row
    return slots, places, found.stride[real][first]


def _ordered(unit: np.ndarray, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order of events by unit and instant, and the times of their instants; links, neurons and at last marks stay in order."""
    order = _sorted(unit, time)
    instants = _instants(time[order])
    if np.array_equal(instants, time[order]):
        return order, time
    together = np.empty_like(time)
    together[order] = instants
    return _sorted(unit, together), together


def _sorted(unit: np.ndarray, time: np.ndarray) -> np.ndarray:
    order = np.argsort(time, kind="stable")
    return order[_by_number(unit[order])]


def _by_number(numbers: np.ndarray) -> np.ndarray:
    """Places in ascending order of numbers from 0 up, ties as they come."""
    is_short = numbers.max(initial=0) < 1 << 16  # for which NumPy has a faster way
    return np.argsort(numbers.astype(np.uint16) if is_short else numbers, kind="stable")


def _instants(times: np.ndarray) -> np.ndarray:
    """Times that differ by rounding only, as sums of delays on a grid do, made the same: the first of each such instant."""
    gaps = np.diff(times, prepend=-np.inf)
    with np.errstate(invalid="ignore"):
        begins = ~((gaps >= 0) & (gaps <= LATER * np.abs(times)))
    begins |= np.isinf(times)
    return times[np.maximum.accumulate(np.where(begins, np.arange(len(times)), 0))]


def _shared(a: Afferent) -> tuple[np.ndarray, ...]:
    count = len(a.sent.time)
    place = _by_number(a.sent.neuron)
    s = a.sent
    numbers = s.first + np.arange(count)
    return (
        s.sample[place],
        s.time[place] + a.wiring.delay,
        a.offset + s.neuron[place],
        np.full(count, a.wiring.pre),
        s.amount[place],
        np.full(count, a.port),
        numbers[place],
    )


def _listed(a: Afferent, neurons: int) -> tuple[np.ndarray, ...]:
    wiring, s = a.wiring.listed(), a.sent
    starts = wiring.starts if wiring.starts is not None else np.zeros(1, np.int64)
    place = _by_number(s.neuron)
    first, many = starts[s.neuron[place]], starts[s.neuron[place] + 1] - starts[s.neuron[place]]
    event = np.repeat(place, many)
    synapse = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many) + np.repeat(first, many)
    delay = wiring.delay[synapse] if isinstance(wiring.delay, np.ndarray) else wiring.delay
    return (
        s.sample[event] * neurons + wiring.targets[synapse] + a.target,
        s.time[event] + delay,
        a.offset + wiring.index[synapse],
        np.zeros(len(event), np.int64),
        s.amount[event] * wiring.factor[synapse],
        np.full(len(event), a.port),
        s.first + event,
    )
