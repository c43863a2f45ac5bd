"""What a parameter has an effect on, so that nothing is said of those that have none on what is differentiated."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from spaic.Dynamics.tape import Tape


@lru_cache(maxsize=1024)
def reached(tape: Tape, states: Sequence[str], slot: int) -> frozenset[str]:
    """Outputs of `tape` that depend on a slot, in the same step or, through `states`, in a later one.

    Parameters
    ----------
    tape : Tape
        Of a step.
    states : tuple of str
        Outputs that are inputs of the next step.
    slot : int
        Where to begin.
    """
    found, size = {slot}, 0
    while len(found) > size:
        size = len(found)
        for op in tape.body:
            if not found.isdisjoint(op.args):
                found.add(op.out)
        found.update(tape.inputs[s] for s in states if s in tape.inputs and tape.outputs[s] in found)
    return frozenset(name for name, out in tape.outputs.items() if out in found)
