"""Compiled code: neurons that do not feed back on each other, each run by itself through all events that it receives."""

import math
from typing import Any

import numpy as np

from spaic.Backend.Event.entries import AFTER, AT_ARRIVAL, BURST, CROSSING, INSTANT, LOST, MANY, MARK, RELEASE
from spaic.Backend.Event.motion import LATER, MODES, move, next_crossing, turn

# --- kernels (the text from here on follows that of motion.py)

#: Numbers of neurons that go through shared events side by side.
LANES = (8, 16, 24, 32, 40, 48)
#: Places of what is known of a neuron: phase, entries, spikes, spikes in this instant, status; time, end of refractoriness, last entry.
PHASE, ENTRIES, SPIKES, SAME, STATUS = 0, 1, 2, 3, 4
TIME, UNTIL, INSTANT_OF = 0, 1, 2

MORE_PARTS = ("note", "until_event")
KERNELS = ("forward",)


def note(record: Any, u: Any, event: Any, i: Any, t: Any, y: Any, whole: Any) -> Any:
    """Put an entry into the record of unit `u`; what does not fit is counted only."""
    offset, room, what, place, when, modes, count = record
    n = whole[ENTRIES]
    if n < room[u]:
        at = offset[u] + n
        what[at], place[at], when[at] = event, i, t
        for k in range(MODES):
            modes[at, k] = y[k]
    whole[ENTRIES] = n + 1


def until_event(
    tables: Any, c: Any, t_ref: Any, u: Any, i: Any, is_after: Any, stop: Any, most: Any, record: Any, y: Any, z: Any, whole: Any, real: Any
) -> Any:
    """Bring one neuron to the time `stop` of event `i`, with all spikes and releases on the way; `is_after` tells that one came before."""
    reset, reset_to, release = tables[9], tables[10], tables[11]
    reached = real[TIME]
    while True:
        t = real[TIME]
        if whole[PHASE] == 1:
            if real[UNTIL] > stop:
                move(tables, 2 * c + 1, y, stop - t, z)
                break
            move(tables, 2 * c + 1, y, real[UNTIL] - t, z)
            t = real[UNTIL]
            note(record, u, RELEASE, i, t, y, whole)
            turn(release, c, y, z)
            real[TIME] = real[INSTANT_OF] = t
            whole[PHASE] = whole[SAME] = 0
            continue
        s = next_crossing(tables, 2 * c, y, (stop - t) + LATER * abs(stop), z)
        if s == -2.0:
            whole[STATUS] = LOST
        if s < 0.0:
            if stop > t and stop < math.inf:
                move(tables, 2 * c, y, stop - t, z)
            break
        event = CROSSING
        if s == 0.0:  # by what has just happened: an arrival, or else the entry before or the start
            event = AT_ARRIVAL if is_after and t == reached and t != real[INSTANT_OF] else AFTER
        else:
            move(tables, 2 * c, y, s, z)
            t = min(t + s, stop)
        whole[SAME] = whole[SAME] + 1 if t == real[INSTANT_OF] else 1
        note(record, u, event, i, t, y, whole)
        real[TIME] = real[INSTANT_OF] = t
        whole[SPIKES] += 1
        turn(reset, c, y, z)
        for k in range(MODES):
            y[k] += reset_to[c, k]
        if t_ref > 0.0:
            whole[PHASE], real[UNTIL] = 1, (t + t_ref) + LATER * abs(t + t_ref)
        if whole[SAME] > INSTANT or whole[SPIKES] > most:
            whole[STATUS] = BURST if whole[SAME] > INSTANT else MANY
            break
    real[TIME] = stop


def forward(
    lo: Any,
    hi: Any,
    chosen: Any,
    batch: Any,
    wide: Any,
    is_own: Any,
    is_shared: Any,
    begin: Any,
    most: Any,
    events: Any,
    decays: Any,
    weights: Any,
    population: Any,
    tables: Any,
    start: Any,
    record: Any,
    status: Any,
    end: Any,
    samples: Any,
) -> Any:
    """Groups ``chosen[lo]`` to ``chosen[hi - 1]`` of neurons in all samples; unit ``u = sample * neurons + neuron``.

    Events ``starts[u] .. stops[u] - 1`` (of the sample, where lists are shared) have a time, a place of the weight (plus `stride` times the
    neuron), an amount and a port. ``kind[neuron]`` is the class of its parameters; row ``2 * class`` of the tables is the neuron at large,
    the next row the refractory one. The record of a unit begins at ``offset[u]`` and has ``room[u]`` entries; what does not fit is counted.
    A group is one neuron where lists are its own, else `wide` of them, whose weights are put side by side where events read them often:
    event i then reads row ``slots[i]``, of the place ``slot_where`` and its stride.
    """
    starts, stops, times, where, stride, amounts, ports, slots, slot_where, slot_stride = events
    kind, t_ref = population
    T, size, growth, rows, level, is_strict, how, is_plain, longest, reset, reset_to, release, jump = tables
    y0, phase0, until0 = start
    offset, room, what, place, when, modes, count = record
    y1, phase1, until1 = end
    neurons = len(kind)
    width = 1 if is_own else wide
    y, z = np.empty(MODES), np.empty(MODES)
    Y, kept = np.zeros((MODES, wide)), np.empty((MODES, wide))
    top, bound = np.zeros(wide), np.zeros(wide)
    whole, real = np.zeros((wide, 5), np.int64), np.zeros((wide, 3))
    near = np.zeros((len(slot_where), wide))
    for at in range(lo, hi):
        j0 = chosen[at] * width
        lanes = min(width, neurons - j0)
        c = kind[j0]
        is_alike = is_shared and is_plain[2 * c] and is_plain[2 * c + 1]
        for lane in range(lanes):
            is_alike = is_alike and kind[j0 + lane] == c
        for lane in range(wide):
            is_there = lane < lanes
            bound[lane] = 0.0
            for k in range(MODES):
                Y[k, lane] = 0.0
            for s in range(len(slot_where)):
                near[s, lane] = weights[slot_where[s] + (j0 + lane) * slot_stride[s]] if is_there else 0.0
        for b in range(batch):
            first, last = (starts[b * neurons + j0], stops[b * neurons + j0]) if is_own else (starts[b], stops[b])
            for lane in range(lanes):
                u = b * neurons + j0 + lane
                whole[lane, :] = 0
                whole[lane, PHASE] = phase0[u]
                real[lane, TIME], real[lane, UNTIL], real[lane, INSTANT_OF] = begin, until0[u], -math.inf
                for k in range(MODES):
                    Y[k, lane] = y0[u, k]
            waiting = 0
            for lane in range(lanes):
                waiting += whole[lane, PHASE]
            for i in range(first, last):
                stop, port, base, step, amount = times[i], ports[i], where[i], stride[i], amounts[i]
                if i == first or stop > times[i - 1] or port == MARK:  # all that arrives in an instant is received before the test
                    q = 2 * c
                    if is_alike:
                        rest = stop - (begin if i == first else times[i - 1]) + LATER * abs(stop)
                        for lane in range(wide):
                            r, slope, bend = level[q], 0.0, 0.0
                            for k in range(MODES):
                                r += rows[q, 0, k] * Y[k, lane]
                                slope += rows[q, 1, k] * Y[k, lane]
                                bend += max(rows[q, 2, k] * Y[k, lane], 0.0)
                            top[lane] = r + rest * (max(slope, 0.0) + 0.5 * bend * rest)
                            bound[lane] = 1e-9 * r
                        loud = 0
                        for lane in range(wide):
                            loud += 0 if top[lane] < bound[lane] else 1
                        if loud > 0 or waiting > 0:
                            loud = 0
                            for lane in range(lanes):
                                if whole[lane, PHASE] == 1 and real[lane, UNTIL] > stop:
                                    loud += 1
                                    top[lane] = 1.0
                                    bound[lane] = 0.0
                                    for k in range(MODES):
                                        kept[k, lane] = Y[k, lane] * decays[i, q + 1, k]
                                elif whole[lane, PHASE] == 1 or not top[lane] < bound[lane]:
                                    loud += 1
                                    for k in range(MODES):
                                        y[k] = Y[k, lane]
                                    u = b * neurons + j0 + lane
                                    real[lane, TIME] = begin if i == first else times[i - 1]
                                    until_event(
                                        tables, c, t_ref[j0 + lane], u, i, i > first, stop, most, record, y, z, whole[lane], real[lane]
                                    )
                                    top[lane] = 1.0
                                    bound[lane] = 0.0
                                    for k in range(MODES):
                                        kept[k, lane] = y[k]
                        for k in range(MODES):
                            factor = decays[i, q, k]
                            for lane in range(wide):
                                Y[k, lane] *= factor
                        if loud > 0:
                            waiting = 0
                            for lane in range(lanes):
                                waiting += whole[lane, PHASE]
                                if not top[lane] < bound[lane]:
                                    for k in range(MODES):
                                        Y[k, lane] = kept[k, lane]
                    else:
                        for lane in range(lanes):
                            for k in range(MODES):
                                y[k] = Y[k, lane]
                            own_kind, u = kind[j0 + lane], b * neurons + j0 + lane
                            until_event(
                                tables, own_kind, t_ref[j0 + lane], u, i, i > first, stop, most, record, y, z, whole[lane], real[lane]
                            )
                            for k in range(MODES):
                                Y[k, lane] = y[k]
                if port == MARK:
                    if base >= 0:
                        for lane in range(lanes):
                            for k in range(MODES):
                                samples[base, b, j0 + lane, k] = Y[k, lane]
                            samples[base, b, j0 + lane, MODES] = whole[lane, PHASE]
                elif is_alike:
                    if len(slot_where) > 0:
                        row = slots[i]
                        for lane in range(wide):
                            bound[lane] = amount * near[row, lane]
                    else:
                        for lane in range(lanes):
                            bound[lane] = amount * weights[base + (j0 + lane) * step]
                        for lane in range(lanes, wide):
                            bound[lane] = 0.0
                    if waiting > 0:
                        for lane in range(lanes):
                            if whole[lane, PHASE] == 1:
                                for k in range(MODES):
                                    kept[k, lane] = Y[k, lane] + jump[2 * c + 1, port, k] * bound[lane]
                    for k in range(MODES):
                        factor = jump[2 * c, port, k]
                        for lane in range(wide):
                            Y[k, lane] += factor * bound[lane]
                    if waiting > 0:
                        for lane in range(lanes):
                            if whole[lane, PHASE] == 1:
                                for k in range(MODES):
                                    Y[k, lane] = kept[k, lane]
                else:
                    for lane in range(lanes):
                        q = 2 * kind[j0 + lane] + whole[lane, PHASE]
                        added = amount * weights[base + (j0 + lane) * step]
                        for k in range(MODES):
                            Y[k, lane] += added * jump[q, port, k]
            for lane in range(lanes):
                u = b * neurons + j0 + lane
                count[u], status[u] = whole[lane, ENTRIES], whole[lane, STATUS]
                phase1[u], until1[u] = whole[lane, PHASE], real[lane, UNTIL]
                for k in range(MODES):
                    y1[u, k] = Y[k, lane]
