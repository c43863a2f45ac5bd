"""Compiled code: back through the records of neurons that do not feed back on each other."""

from typing import Any

import numpy as np

from spaic.Backend.Event.compiled.entries import AFTER, CROSSING, MARK, RELEASE
from spaic.Backend.Event.compiled.motion import MODES, advance, dot

# --- kernels (the text from here on follows that of motion.py)

KERNELS = ("adjoint",)


def adjoint(
    lo: Any,
    hi: Any,
    batch: Any,
    chunk: Any,
    is_own: Any,
    is_shared: Any,
    with_times: Any,
    least: Any,
    events: Any,
    decays: Any,
    weights: Any,
    back: Any,
    population: Any,
    tables: Any,
    record: Any,
    given: Any,
    d_weights: Any,
    d_times: Any,
    d_delays: Any,
) -> Any:
    """Gradients of a loss with respect to weights and arrival times, from those with respect to the times of spikes.

    The adjoint of the modes goes back through the record; ``given[offset[u] + n]`` is the gradient of the n-th entry. Chunks `lo` to
    `hi` - 1 of `chunk` neurons each have a row of `d_times` of their own, indexed by the source of an event. `back` has the weights by
    which errors go back to the sources, and whether they are those by which spikes came; not `with_times`, only weights have gradients.
    """
    starts, times, where, stride, amounts, ports, sources = events
    kind, t_ref = population
    T, size, rows, is_plain, reset, reset_to, release, jump, drift = tables
    offset, count, what, place, when, modes = record
    by, is_same = back
    neurons = len(kind)
    lam, z, before, after = np.empty(MODES), np.empty(MODES), np.empty(MODES), np.empty(MODES)
    f0, f1 = np.empty(MODES), np.empty(MODES)
    for part in range(lo, hi):
        for j in range(part * chunk, min(part * chunk + chunk, neurons)):
            c = kind[j]
            for b in range(batch):
                u = b * neurons + j
                first = starts[u] if is_own else starts[b]
                n = offset[u] + count[u] - 1
                if n < offset[u]:
                    continue
                phase = 1 if what[n] != RELEASE and t_ref[j] > 0.0 else 0
                for k in range(MODES):
                    lam[k] = 0.0
                t, carry, i = when[n], 0.0, place[n] - 1
                exact = -1  # event whose instant the adjoint is at
                while n >= offset[u] or i >= first:
                    if n >= offset[u] and place[n] > i:
                        if when[n] < t:
                            q = 2 * c + phase
                            advance(T[q], size[q], lam, t - when[n], True, z)
                            for k in range(MODES):
                                lam[k] = z[k]
                        t, exact = when[n], -1
                        q, event = 2 * c, what[n]
                        for k in range(MODES):
                            before[k] = modes[n, k]
                        old, new = (q + 1, q) if event == RELEASE else (q, q + phase)
                        for k in range(MODES):
                            after[k] = dot(release[c, k], before) if event == RELEASE else dot(reset[c, k], before) + reset_to[c, k]
                        shift = 0.0
                        for k in range(MODES):
                            f0[k] = dot(T[old, k], before)
                            f1[k] = dot(T[new, k], after)
                        for k in range(MODES):
                            moved = dot(release[c, k], f0) if event == RELEASE else dot(reset[c, k], f0)
                            shift += lam[k] * (moved - f1[k])
                        for k in range(MODES):
                            total = 0.0
                            for m in range(MODES):
                                total += lam[m] * (release[c, m, k] if event == RELEASE else reset[c, m, k])
                            z[k] = total
                        if event == RELEASE:
                            carry += shift
                            phase = 1
                        else:
                            shift += given[n] + carry
                            carry = 0.0
                            phase = 0
                            if event == CROSSING:
                                slope = max(dot(rows[q, 1], before), least)
                                for k in range(MODES):
                                    z[k] -= rows[q, 0, k] * shift / slope
                            elif event == AFTER:
                                carry = shift
                            else:
                                at = place[n] - 1
                                own = where[at] + j * stride[at]
                                if sources[at] >= 0 and is_same[own]:
                                    d_times[part, sources[at]] += shift
                                if len(d_delays) > 0:
                                    d_delays[own] += shift
                        for k in range(MODES):
                            lam[k] = z[k]
                        n -= 1
                        continue
                    if ports[i] != MARK:
                        q = 2 * c + phase
                        if exact == i + 1 and is_shared and is_plain[q]:
                            for k in range(MODES):
                                lam[k] *= decays[i + 1, q, k]
                        elif times[i] < t:
                            advance(T[q], size[q], lam, t - times[i], True, z)
                            for k in range(MODES):
                                lam[k] = z[k]
                        t, exact = times[i], i
                        grown = 0.0
                        for k in range(MODES):
                            grown += lam[k] * jump[q, ports[i], k]
                        at = where[i] + j * stride[i]
                        d_weights[at] += amounts[i] * grown
                        if with_times:
                            moved = 0.0
                            for k in range(MODES):
                                moved -= lam[k] * drift[q, ports[i], k]
                            moved *= amounts[i]
                            if sources[i] >= 0:
                                d_times[part, sources[i]] += moved * by[at]
                            if len(d_delays) > 0:
                                d_delays[at] += moved * weights[at]
                    i -= 1
