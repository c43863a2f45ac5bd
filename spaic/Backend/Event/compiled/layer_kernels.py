"""Compiled code: neurons that do not feed back on each other, run side by side through all events that they receive."""

import math
from typing import Any

import numpy as np

from spaic.Backend.Event.compiled.entries import MARK
from spaic.Backend.Event.compiled.motion import LATER, MODES
from spaic.Backend.Event.compiled.one_neuron import ENTRIES, INSTANT_OF, PHASE, STATUS, TIME, UNTIL, until_event

# --- kernels (the text from here on follows that of motion.py)

#: Numbers of neurons that go through shared events side by side.
LANES = (8, 16, 24, 32, 40, 48)
KERNELS = ("forward",)


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
