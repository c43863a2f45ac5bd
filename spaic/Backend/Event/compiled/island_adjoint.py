"""Compiled code: back through the log of neurons that feed back on each other."""

from typing import Any

import numpy as np

from spaic.Backend.Event.compiled.entries import AFTER, ARRIVAL, CROSSING, RELEASE
from spaic.Backend.Event.compiled.motion import MODES, advance, dot

# --- kernels (the text from here on follows that of motion.py)

KERNELS = ("adjoint",)


def adjoint(
    least: Any,
    population: Any,
    tables: Any,
    phase: Any,
    log: Any,
    times: Any,
    amounts: Any,
    modes: Any,
    packets: Any,
    synapses: Any,
    weights: Any,
    back: Any,
    given: Any,
    d_weights: Any,
    d_times: Any,
    d_delays: Any,
) -> Any:
    """Back through the log of one sample: adds to the gradients of weights, times from outside, and delays (by the place of the weight).

    `back` has the weights by which errors go back to the sources, and whether they are those by which spikes came.
    """
    kind, t_ref = population
    T, size, rows, reset, reset_to, release, jump = tables
    packet_from, packet_to = packets
    targets, where, factors, ports = synapses
    by, is_same = back
    neurons = len(kind)
    lam, since, carry = np.zeros((neurons, MODES)), np.zeros(neurons), np.zeros(neurons)
    moves = np.zeros(neurons, np.bool_)  # whether its adjoint is not 0
    z, after, f0, f1 = np.empty(MODES), np.empty(MODES), np.empty(MODES), np.empty(MODES)
    g = given.copy()
    for n in range(len(log) - 1, -1, -1):
        t, event = times[n], log[n, 0]
        if event == ARRIVAL:
            total = 0.0
            for s in range(packet_from[log[n, 1]], packet_to[log[n, 1]]):
                j = targets[s]
                if not moves[j]:
                    continue
                q = 2 * kind[j] + phase[j]
                if t < since[j]:
                    advance(T[q], size[q], lam[j], since[j] - t, True, z)
                    for k in range(MODES):
                        lam[j, k] = z[k]
                    since[j] = t
                grown, moved = 0.0, 0.0
                for k in range(MODES):
                    grown += lam[j, k] * jump[q, ports[s], k]
                    moved += lam[j, k] * dot(T[q, k], jump[q, ports[s]])
                amount = amounts[n] * factors[s]
                d_weights[where[s]] += amount * grown
                moved *= -amount
                total += moved * by[where[s]]
                if len(d_delays) > 0:
                    d_delays[where[s]] += moved * weights[where[s]]
            if log[n, 2] < 0:
                g[-1 - log[n, 2]] += total
            else:
                d_times[log[n, 2]] += total
            continue
        j = log[n, 1]
        c, q = kind[j], 2 * kind[j]
        if moves[j] and t < since[j]:
            advance(T[q + phase[j]], size[q + phase[j]], lam[j], since[j] - t, True, z)
            for k in range(MODES):
                lam[j, k] = z[k]
        since[j], moves[j] = t, True
        is_release = event == RELEASE
        old, new = (q + 1, q) if is_release else (q, q + phase[j])
        for k in range(MODES):
            after[k] = dot(release[c, k], modes[n]) if is_release else dot(reset[c, k], modes[n]) + reset_to[c, k]
        shift = 0.0
        for k in range(MODES):
            f0[k] = dot(T[old, k], modes[n])
            f1[k] = dot(T[new, k], after)
        for k in range(MODES):
            shift += lam[j, k] * ((dot(release[c, k], f0) if is_release else dot(reset[c, k], f0)) - f1[k])
        for k in range(MODES):
            total = 0.0
            for m in range(MODES):
                total += lam[j, m] * (release[c, m, k] if is_release else reset[c, m, k])
            z[k] = total
        if is_release:
            carry[j] += shift
            phase[j] = 1
        else:
            shift += g[log[n, 2]] + carry[j]
            carry[j] = 0.0
            phase[j] = 0
            if event == CROSSING:
                slope = max(dot(rows[q, 1], modes[n]), least)
                for k in range(MODES):
                    z[k] -= rows[q, 0, k] * shift / slope
            elif event == AFTER:
                carry[j] = shift
            else:
                source, own = log[log[n, 3], 2], log[n, 4]
                if source < 0 and is_same[own]:
                    g[-1 - source] += shift
                elif is_same[own]:
                    d_times[source] += shift
                if len(d_delays) > 0:
                    d_delays[own] += shift
        for k in range(MODES):
            lam[j, k] = z[k]
