"""Compiled code: neurons that feed back on each other, run together from one queue of events."""

import math
from typing import Any

import numpy as np

from spaic.Backend.Event.compiled.entries import AFTER, ARRIVAL, AT_ARRIVAL, BURST, CROSSING, FINE, INSTANT, MANY, RELEASE
from spaic.Backend.Event.compiled.heap import longer, longer_rows, longer_whole, pop, push
from spaic.Backend.Event.compiled.motion import LATER, MODES, advance, dot, safe_step

# --- kernels (the text from here on follows that of motion.py)

#: What waits in the queue, in the order in which it is done within an instant.
RELEASES, CHECKS, ARRIVES, TESTS, MARKS, ENDS = 0, 1, 2, 3, 4, 5

# --- rules (what takes the place of this part where links learn: see rule_text.py)

RULE_PARTS = ("up_to", "watch", "before_arrival", "after_arrival", "after_spike")


def up_to(learning: Any, weights: Any, t: Any) -> Any:
    """Bring all weights that change to time `t`."""


def watch(learning: Any, weights: Any, n: Any, t: Any) -> Any:
    """Weights as they are at the n-th sample."""


def before_arrival(learning: Any, weights: Any, packet: Any, places: Any, first: Any, last: Any, t: Any) -> Any:
    """Bring the weights of a packet to the time at which it arrives."""


def after_arrival(learning: Any, weights: Any, packet: Any, places: Any, first: Any, last: Any, t: Any, amount: Any) -> Any:
    """What an arrival does to the synapses of its packet."""


def after_spike(learning: Any, weights: Any, neuron: Any, t: Any) -> Any:
    """What a spike does to all synapses of its neuron."""


# --- end of rules

MORE_PARTS = ("moved_to", "blur", *RULE_PARTS)
KERNELS = ("simulate",)


def moved_to(tables: Any, kind: Any, j: Any, t: Any, y: Any, since: Any, phase: Any, z: Any) -> Any:
    """Bring a neuron to time `t`."""
    if since[j] < t:
        q = 2 * kind[j] + phase[j]
        advance(tables[0][q], tables[1][q], y[j], t - since[j], False, z)
        for k in range(MODES):
            y[j, k] = z[k]
        since[j] = t


def blur(rows: Any, level: Any, longest: Any, y: Any, t: Any) -> Any:
    """Width of the instant of a crossing: that of all instants, and how far rounding of the residual moves this one."""
    scale, slope = abs(level), dot(rows[1], y)
    for k in range(MODES):
        scale += abs(rows[0, k] * y[k])
    return LATER * abs(t) + 4e-16 * scale / max(slope, 1e-8 * scale / longest + 1e-300)


def simulate(
    begin: Any,
    end: Any,
    most: Any,
    population: Any,
    tables: Any,
    start: Any,
    outer: Any,
    packets: Any,
    synapses: Any,
    weights: Any,
    marks: Any,
    samples: Any,
    learning: Any,
) -> Any:
    """All neurons of a loop in one sample; `start` becomes the end, and `weights` change where `learning` says how.

    ``outer`` holds times, packets, amounts and sources of arrivals from outside; a packet is a range of synapses with one delay. Neuron j
    sends packets ``packets[0][j]`` to ``packets[0][j + 1] - 1``. The log has a row (type, neuron or packet, source or number of the
    spike, arrival that caused it, place of its weight), a time, an amount and the modes. Sources from outside count from 0 up, spike k is
    source -1 - k.
    """
    kind, t_ref = population
    T, size, growth, rows, level, is_strict, how, is_plain, longest, reset, reset_to, release, jump = tables
    outer_time, outer_packet, outer_amount, outer_source = outer
    first_packet, packet_from, packet_to, packet_delay = packets
    targets, where, factors, ports = synapses
    neurons = len(kind)
    y, phase, until = start
    z = np.empty(MODES)
    since = np.full(neurons, begin)
    version, cause, cause_at = np.zeros(neurons, np.int64), np.zeros(neurons, np.int64), np.zeros(neurons, np.int64)
    tested, entered, fired = np.zeros(neurons, np.bool_), np.full(neurons, -math.inf), np.full(neurons, -math.inf)
    spikes_of, same = np.zeros(neurons, np.int64), np.zeros(neurons, np.int64)
    outers = len(outer_time)
    when, what, waiting = np.empty(64 + 2 * neurons), np.empty((64 + 2 * neurons, 3), np.int64), 0
    arrival, arrival_amount, arrivals = np.empty((64, 2), np.int64), np.empty(64), 0
    log, log_time, log_amount, log_modes, logged = np.empty((64, 5), np.int64), np.empty(64), np.empty(64), np.empty((64, MODES)), 0
    spike_time, spike_neuron, spikes = np.empty(64), np.empty((64, 1), np.int64), 0
    status, culprit, t = FINE, 0, begin
    for j in range(neurons):
        push(when, what, waiting, until[j] if phase[j] == 1 else begin, RELEASES if phase[j] == 1 else CHECKS, j, 0)
        waiting += 1
    next_outer = next_mark = 0
    while True:
        # what comes next: from the queue, from outside, or a sample; samples and the end come after all that happens in their instant
        t, do, number, mark = end + 2.0 * LATER * abs(end), ENDS, 0, 0
        if next_mark < len(marks) and marks[next_mark] <= end:
            t, do = marks[next_mark] + 2.0 * LATER * abs(marks[next_mark]), MARKS
        if next_outer < outers and outer_time[next_outer] <= t:
            t, do, number = outer_time[next_outer], ARRIVES, next_outer
        if waiting > 0 and (when[0] < t or (when[0] == t and what[0, 0] < do)):
            t, do, number, mark = when[0], what[0, 0], what[0, 1], what[0, 2]
            pop(when, what, waiting)
            waiting -= 1
        elif do == ARRIVES:
            next_outer += 1
            mark = -1
        elif do == MARKS:
            t = marks[next_mark]
            for j in range(neurons):
                moved_to(tables, kind, j, t, y, since, phase, z)
                for k in range(MODES):
                    samples[next_mark, j, k] = y[j, k]
                samples[next_mark, j, MODES] = phase[j]
            watch(learning, weights, next_mark, t)
            next_mark += 1
            continue
        else:
            break
        # room for what an event may add
        room = 2
        j = number
        if do == ARRIVES:
            packet = outer_packet[number] if mark == -1 else arrival[number, 0]
            room += packet_to[packet] - packet_from[packet]
        else:
            room += first_packet[j + 1] - first_packet[j]
        while waiting + room > len(when):
            when, what = longer(when), longer_whole(what)
        while arrivals + room > len(arrival):
            arrival, arrival_amount = longer_whole(arrival), longer(arrival_amount)
        if logged + 2 > len(log):
            log, log_time, log_amount, log_modes = longer_whole(log), longer(log_time), longer(log_amount), longer_rows(log_modes)
        if spikes + 2 > len(spike_time):
            spike_time, spike_neuron = longer(spike_time), longer_whole(spike_neuron)
        if do == ARRIVES:
            amount = outer_amount[number] if mark == -1 else arrival_amount[number]
            source = outer_source[number] if mark == -1 else arrival[number, 1]
            log[logged, 0], log[logged, 1], log[logged, 2] = ARRIVAL, packet, source
            log_time[logged], log_amount[logged] = t, amount
            before_arrival(learning, weights, packet, where, packet_from[packet], packet_to[packet], t)
            for s in range(packet_from[packet], packet_to[packet]):
                j = targets[s]
                moved_to(tables, kind, j, t, y, since, phase, z)
                q = 2 * kind[j] + phase[j]
                added = amount * factors[s] * weights[where[s]]
                for k in range(MODES):
                    y[j, k] += added * jump[q, ports[s], k]
                cause[j], cause_at[j] = logged, where[s]
                version[j] += 1
                if phase[j] == 0 and not tested[j]:  # once all that arrives in this instant is there
                    tested[j] = True
                    push(when, what, waiting, t + LATER * abs(t), TESTS, j, 0)
                    waiting += 1
            after_arrival(learning, weights, packet, where, packet_from[packet], packet_to[packet], t, amount)
            logged += 1
            continue
        if do == RELEASES:
            moved_to(tables, kind, j, t, y, since, phase, z)
            log[logged, 0], log[logged, 1], log_time[logged] = RELEASE, j, t
            for k in range(MODES):
                log_modes[logged, k] = y[j, k]
                z[k] = dot(release[kind[j], k], y[j])
            for k in range(MODES):
                y[j, k] = z[k]
            logged += 1
            phase[j], entered[j] = 0, t
            version[j] += 1
            push(when, what, waiting, t, CHECKS, j, version[j])
            waiting += 1
            continue
        if do == TESTS:
            tested[j] = False
            if phase[j] == 1:
                continue
            version[j] += 1
            t = since[j]
        elif mark != version[j] or phase[j] == 1:
            continue  # something else happened to the neuron since
        moved_to(tables, kind, j, t, y, since, phase, z)
        q = 2 * kind[j]
        step = safe_step(T[q], size[q], growth[q], rows[q], level[q], is_strict[q], y[j])
        near = blur(rows[q], level[q], longest[q], y[j], t)
        if step > 1e-15 * longest[q] + 2.0 * near:
            if t + step < math.inf:  # early by the width of an instant, as a crossing comes before what arrives in its instant
                push(when, what, waiting, t + step - near, CHECKS, j, version[j])
                waiting += 1
            continue
        # a spike
        event = CROSSING
        if step > 0.0:
            t = min(t + step, max(t, end))
            moved_to(tables, kind, j, t, y, since, phase, z)
        elif entered[j] == t or t == begin:
            event = AFTER
        elif do == TESTS:
            event = AT_ARRIVAL
        log[logged, 0], log[logged, 1], log[logged, 2], log[logged, 3], log[logged, 4] = event, j, spikes, cause[j], cause_at[j]
        log_time[logged] = t
        for k in range(MODES):
            log_modes[logged, k] = y[j, k]
            z[k] = dot(reset[kind[j], k], y[j]) + reset_to[kind[j], k]
        for k in range(MODES):
            y[j, k] = z[k]
        logged += 1
        same[j] = same[j] + 1 if fired[j] == t else 1
        entered[j] = fired[j] = t
        spikes_of[j] += 1
        version[j] += 1
        if t_ref[j] > 0.0:
            phase[j], until[j] = 1, (t + t_ref[j]) + LATER * abs(t + t_ref[j])
            push(when, what, waiting, until[j], RELEASES, j, 0)
        else:
            push(when, what, waiting, t, CHECKS, j, version[j])
        waiting += 1
        for p in range(first_packet[j], first_packet[j + 1]):
            if t + packet_delay[p] <= end:
                arrival[arrivals, 0], arrival[arrivals, 1], arrival_amount[arrivals] = p, -1 - spikes, 1.0
                push(when, what, waiting, t + packet_delay[p], ARRIVES, arrivals, 0)
                waiting += 1
                arrivals += 1
        after_spike(learning, weights, j, t)
        spike_time[spikes], spike_neuron[spikes, 0] = t, j
        spikes += 1
        if same[j] > INSTANT or spikes_of[j] > most:
            status, culprit = BURST if same[j] > INSTANT else MANY, j
            break
    if end < math.inf and status == FINE:
        for j in range(neurons):
            moved_to(tables, kind, j, end, y, since, phase, z)
        up_to(learning, weights, end)
    return (status, culprit, spikes_of[culprit], spikes, logged), t, spike_time, spike_neuron, log, log_time, log_amount, log_modes
