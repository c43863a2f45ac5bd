"""What kind of value each slot of a tape holds: a number, one that is always 0 or 1, or a truth value."""

from __future__ import annotations

from collections.abc import Iterable

from spaic.Dynamics.tape import Op, Tape

NUMBER, BINARY, TRUTH = "number", "binary", "truth"
_TRUTHS = frozenset({"gt", "ge", "lt", "le", "and", "or", "not"})


def kinds(tape: Tape, more: Iterable[Op] = ()) -> dict[int, str]:
    """Slot -> kind, for the slots of `tape` and of operations that go on from there."""
    found = {slot: BINARY if value in (0.0, 1.0) else NUMBER for slot, value in tape.constants.items()}
    for op in (*tape.prelude, *tape.body, *more):
        found[op.out] = _kind(op, found)
    return found


def _kind(op: Op, found: dict[int, str]) -> str:
    if op.name in _TRUTHS:
        return TRUTH
    if op.name == "spike":
        return BINARY
    if op.name == "detach":
        return found.get(op.args[0], NUMBER)
    if op.name in ("where", "select") and all(found.get(a) == BINARY for a in op.args[1:]):
        return BINARY
    return NUMBER
