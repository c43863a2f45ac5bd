"""Compiled code: one neuron on its way from event to event, and the record of what it does."""

import math
from typing import Any

from spaic.Backend.Event.compiled.entries import AFTER, AT_ARRIVAL, BURST, CROSSING, INSTANT, LOST, MANY, RELEASE
from spaic.Backend.Event.compiled.motion import LATER, MODES, move, next_crossing, turn

# --- kernels (the text from here on follows that of motion.py)

#: Places of what is known of a neuron: phase, entries, spikes, spikes in this instant, status; time, end of refractoriness, last entry.
PHASE, ENTRIES, SPIKES, SAME, STATUS = 0, 1, 2, 3, 4
TIME, UNTIL, INSTANT_OF = 0, 1, 2

MORE_PARTS = ("note", "until_event")


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
