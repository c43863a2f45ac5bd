"""What has to be kept of a step for the way back: the cheapest set of values from which all the others can be computed again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from spaic.Dynamics.kinds import NUMBER, kinds
from spaic.Dynamics.tape import Tape

_ENDLESS = 1 << 20
#: What it costs, in bytes, to read again what is kept anyway, and to keep a number and a value of 0 or 1; in tenths.
_THERE, _NUMBER, _BYTE = 1, 40, 10


def kept(tape: Tape, needs: Iterable[int], known: Iterable[int], there: Iterable[int]) -> tuple[int, ...]:
    """Slots to keep: a minimum vertex cut between what a step reads and what its adjoint needs.

    Parameters
    ----------
    tape : Tape
        The step.
    needs : iterable of int
        Slots that are needed later.
    known : iterable of int
        Slots that are the same in every step, or that cost nothing to know.
    there : iterable of int
        Slots that are recorded anyway.

    Returns
    -------
    tuple of int
        In increasing order. Where several sets are equally cheap, the one that leaves least to compute again.
    """
    kind = kinds(tape)
    made = {op.out: op.args for op in tape.body}
    still = {op.out for op in tape.prelude} | set(tape.constants) | set(known)
    needed, recorded = set(needs) - still, set(there)
    varying = sorted(_ancestors(made, needed) - still)
    place = {slot: k for k, slot in enumerate(varying)}
    source, sink = 2 * len(varying), 2 * len(varying) + 1
    edges: dict[tuple[int, int], int] = {}
    for slot, k in place.items():
        edges[2 * k, 2 * k + 1] = _THERE if slot in recorded else _NUMBER if kind.get(slot, NUMBER) == NUMBER else _BYTE
        if slot not in made:
            edges[source, 2 * k] = _ENDLESS
        for argument in made.get(slot, ()):
            if argument in place:
                edges[2 * place[argument] + 1, 2 * k] = _ENDLESS
    for slot in needed:
        edges[2 * place[slot] + 1, sink] = _ENDLESS
    reaches = _reaches_sink(edges, source, sink)
    return tuple(slot for slot, k in place.items() if 2 * k + 1 in reaches and 2 * k not in reaches)


def _ancestors(made: Mapping[int, tuple[int, ...]], needs: Iterable[int]) -> set[int]:
    found: set[int] = set()
    waiting = list(needs)
    while waiting:
        slot = waiting.pop()
        if slot not in found:
            found.add(slot)
            waiting.extend(made.get(slot, ()))
    return found


def _reaches_sink(edges: Mapping[tuple[int, int], int], source: int, sink: int) -> set[int]:
    """Nodes from which the sink is still reached when the maximum flow has filled the edges."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_flow

    size = sink + 1
    (rows, columns), capacities = np.array(list(edges)).reshape(-1, 2).T, np.array(list(edges.values()), dtype=np.int32)
    flow = maximum_flow(csr_array((capacities, (rows, columns)), shape=(size, size)), source, sink).flow.todok()
    before: dict[int, list[int]] = {}
    for (a, b), capacity in edges.items():
        used = int(flow.get((a, b), 0))
        if used < capacity:
            before.setdefault(b, []).append(a)
        if used > 0:
            before.setdefault(a, []).append(b)
    found, waiting = {sink}, [sink]
    while waiting:
        for node in before.get(waiting.pop(), ()):
            if node not in found:
                found.add(node)
                waiting.append(node)
    return found
