"""Gradients with respect to the slots of a tape, as code in the making; SymPy differentiates single operations."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import sympy

from spaic.Dynamics import functions as f
from spaic.Dynamics.lowering import Lowering
from spaic.Dynamics.surrogate import Surrogate
from spaic.Dynamics.tape import Op, Tape
from spaic.errors import UnsupportedError


class Gradients:
    """The gradients that are known so far, and the code that computes them.

    Parameters
    ----------
    tape : Tape
        One step.
    surrogate : Surrogate or None
        Stands for the derivative of the spike.
    numbers : iterable of int
        Slots that are one number for all neurons.
    """

    def __init__(self, tape: Tape, surrogate: Surrogate | None, numbers: Iterable[int]) -> None:
        self.tape, self.surrogate = tape, surrogate
        self.numbers = {*numbers, *tape.constants}
        for op in tape.body:
            if self.numbers.issuperset(op.args):
                self.numbers.add(op.out)
        self.code = Lowering.after(tape)
        self.gradients: dict[int, int] = {}
        self.moves: set[int] = set()  # slots that depend on something whose gradient is wanted

    def add(self, slot: int, gradient: int) -> None:
        """Add to the gradient with respect to `slot`, if it leads anywhere."""
        if slot in self.moves:
            before = self.gradients.get(slot)
            self.gradients[slot] = gradient if before is None else self.code.emit("add", before, gradient)

    def derived(self, op: Op, place: int) -> int:
        """SymPy's partial derivative of an operation, where it is now."""
        derivative = _partial(op.name, place)
        if derivative is None:
            raise UnsupportedError(f"adjoint: the operation {op.name!r} has no derivative within a step; plain torch operations have it")
        return self.at(derivative, {_operand(k): a for k, a in enumerate(op.args)} | {_RESULT: op.out})

    def at(self, expression: Any, places: dict[Any, int]) -> int:
        """`expression` with its symbols standing for slots."""
        named = {symbol: sympy.Symbol(f"slot {slot}", real=True) for symbol, slot in places.items()}
        self.code.slots.update({named[symbol]: slot for symbol, slot in places.items()})
        return self.code.slot(expression.xreplace(named))


def _operand(place: int) -> Any:
    return sympy.Symbol(f"operand {place}", real=True)


#: The value of the operation itself, for derivatives that are written with it.
_RESULT = sympy.Symbol("result", real=True)
_MEANINGS: dict[str, Callable[..., Any]] = {
    "log": sympy.log, "sqrt": sympy.sqrt, "sin": sympy.sin, "cos": sympy.cos, "tan": sympy.tan, "abs": sympy.Abs,
    "exprel": f.exprel, "exprel_slope": f.exprel_slope, "expm1": f.expm1, "exp": sympy.exp, "tanh": sympy.tanh, "sigmoid": f.sigmoid,
}  # fmt: skip


@lru_cache(maxsize=64)
def _partial(name: str, place: int) -> Any:
    """The derivative of an operation with respect to one of its operands; its own value is used again where it occurs."""
    if name not in _MEANINGS:
        return None
    meaning = _MEANINGS[name]
    whole = meaning(_operand(0))
    return sympy.diff(whole, _operand(place)).xreplace({whole: _RESULT})
