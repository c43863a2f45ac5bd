"""The way back through a step: from the gradients of its results to those of what it read.

SymPy differentiates each operation; the chain rule runs over the tape from its end, so that the code grows with the number of
operations and not, as the derivative of the whole expression would, much faster. Where an operation has no derivative (ties of min
and max, the jump of a spike), the rule is that of plain torch, so that both ways give the same gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy

from spaic.Dynamics import functions as f
from spaic.Dynamics.lowering import Lowering
from spaic.Dynamics.surrogate import Surrogate
from spaic.Dynamics.tape import Op, Tape
from spaic.errors import UnsupportedError


@dataclass(frozen=True, eq=False)
class Adjoint:
    """The adjoint of one step.

    Attributes
    ----------
    tape : Tape
        Its slots go on where those of the step end. Inputs are slots of the step and, under the name of an output of the step,
        the gradient with respect to it; outputs are ``str(slot)`` -> gradient with respect to that slot of the step.
    needs : frozenset of int
        Slots of the step that it reads.
    """

    tape: Tape
    needs: frozenset[int]

    def gradient(self, slot: int) -> int | None:
        """The slot that holds the gradient with respect to `slot` of the step; None where it is 0."""
        return self.tape.outputs.get(str(slot))


def adjoint(
    tape: Tape, results: Iterable[str], sources: Iterable[int], surrogate: Surrogate | None, numbers: Iterable[int] = ()
) -> Adjoint:
    """Reverse-mode derivative of the body of `tape`.

    Parameters
    ----------
    tape : Tape
        One step.
    results : iterable of str
        Outputs through which gradient comes in.
    sources : iterable of int
        Slots whose gradient is wanted: inputs of the body, and results of the prelude.
    surrogate : Surrogate or None
        What stands for the derivative of the spike; None: no gradient passes it.
    numbers : iterable of int
        Slots that are one number for all neurons; plain torch treats ties of min and max with these differently.

    Raises
    ------
    UnsupportedError
        If an operation that has no adjoint here, such as a matrix exponential, is done in every step.
    """
    return _Reverse(tape, surrogate, numbers).run(tuple(results), tuple(sources))


class _Reverse:
    def __init__(self, tape: Tape, surrogate: Surrogate | None, numbers: Iterable[int]) -> None:
        self.tape, self.surrogate = tape, surrogate
        self.numbers = {*numbers, *tape.constants}
        for op in tape.body:
            if self.numbers.issuperset(op.args):
                self.numbers.add(op.out)
        self.code = Lowering.after(tape)
        self.gradients: dict[int, int] = {}
        self.moves: set[int] = set()

    def run(self, results: tuple[str, ...], sources: tuple[int, ...]) -> Adjoint:
        self.moves = set(sources)
        for op in self.tape.body:
            if any(a in self.moves for a in op.args) and op.name not in _FLAT:
                self.moves.add(op.out)
        self.code.inputs, named = {}, self.tape.names | {slot: name for name, slot in self.tape.inputs.items()}
        for name in results:
            slot = self.tape.outputs[name]
            if slot in self.moves:
                seed = self.code.inputs[name] = self.code.new()
                self.code.names[seed] = f"gradient_{name}"
                self.add(slot, seed)
        for op in reversed(self.tape.body):
            if op.out in self.gradients:
                self.pass_on(op, self.gradients[op.out])
        for slot, gradient in self.gradients.items():
            if slot in named:
                self.code.names.setdefault(gradient, f"d_{named[slot]}")
        return self.finish(sources)

    def finish(self, sources: tuple[int, ...]) -> Adjoint:
        known = {op.out for op in self.tape.body}
        self.code.ops = [op for op in self.code.ops if op.out not in known]
        made = self.code.tape({str(s): self.gradients[s] for s in sources if s in self.gradients})
        computed = {op.out for op in (*made.prelude, *made.body)} | set(made.constants) | set(made.inputs.values())
        read = {a for op in (*made.prelude, *made.body) for a in op.args} | set(made.outputs.values())
        return Adjoint(made, frozenset(read - computed))

    def pass_on(self, op: Op, gradient: int) -> None:
        if op.name in _FLAT:
            return
        if op.name in _RULES:
            _RULES[op.name](self, op, gradient)
            return
        for place, argument in enumerate(op.args):
            if argument in self.moves:
                self.add(argument, self.code.emit("mul", gradient, self.derived(op, place)))

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
#: Operations through which no gradient passes.
_FLAT = frozenset({"sign", "floor", "gt", "ge", "lt", "le", "and", "or", "not", "detach"})
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


def _add(reverse: _Reverse, op: Op, gradient: int) -> None:
    for argument in op.args:
        reverse.add(argument, gradient)


def _sub(reverse: _Reverse, op: Op, gradient: int) -> None:
    reverse.add(op.args[0], gradient)
    if op.args[1] in reverse.moves:
        reverse.add(op.args[1], reverse.code.emit("neg", gradient))


def _neg(reverse: _Reverse, op: Op, gradient: int) -> None:
    reverse.add(op.args[0], reverse.code.emit("neg", gradient))


def _mul(reverse: _Reverse, op: Op, gradient: int) -> None:
    a, b = op.args
    for argument, other in ((a, b), (b, a)):
        if argument in reverse.moves:
            reverse.add(argument, reverse.code.emit("mul", gradient, other))


def _div(reverse: _Reverse, op: Op, gradient: int) -> None:
    a, b = op.args
    share = reverse.code.emit("div", gradient, b)
    reverse.add(a, share)
    if b in reverse.moves:
        reverse.add(b, reverse.code.emit("neg", reverse.code.emit("mul", share, op.out)))


def _pow(reverse: _Reverse, op: Op, gradient: int) -> None:
    """``b x**(b - 1)``, and where base or exponent are 0 the 0 that plain torch has."""
    base, exponent = op.args
    code, zero = reverse.code, reverse.code.constant(0.0)
    if base in reverse.moves:
        lower = code.emit("pow", base, code.emit("sub", exponent, code.constant(1.0)))
        is_flat = code.emit("and", code.emit("ge", exponent, zero), code.emit("le", exponent, zero))
        share = code.emit("mul", gradient, code.emit("mul", exponent, lower))
        reverse.add(base, share if exponent in code.constants else code.emit("where", is_flat, zero, share))
    if exponent in reverse.moves:
        is_zero = code.emit("and", code.emit("ge", base, zero), code.emit("le", base, zero))
        share = code.emit("mul", gradient, code.emit("mul", op.out, code.emit("log", base)))
        reverse.add(exponent, code.emit("where", is_zero, zero, share))


def _extreme(reverse: _Reverse, op: Op, gradient: int) -> None:
    """At a tie two operands share the gradient; of an operand and a number for all, the operand gets it."""
    a, b = op.args
    code, zero = reverse.code, reverse.code.constant(0.0)
    wins, may_win = ("lt", "le") if op.name == "min" else ("gt", "ge")
    both = a not in reverse.numbers and b not in reverse.numbers
    half = code.emit("mul", gradient, code.constant(0.5)) if both else zero
    for argument, other in ((a, b), (b, a)):
        if argument not in reverse.moves:
            continue
        if both:
            tied = code.emit("where", code.emit(may_win, argument, other), half, zero)
            reverse.add(argument, code.emit("where", code.emit(wins, argument, other), gradient, tied))
        else:
            reverse.add(argument, code.emit("where", code.emit(may_win, argument, other), gradient, zero))


def _where(reverse: _Reverse, op: Op, gradient: int) -> None:
    condition, a, b = op.args
    zero = reverse.code.constant(0.0)
    if a in reverse.moves:
        reverse.add(a, reverse.code.emit("where", condition, gradient, zero))
    if b in reverse.moves:
        reverse.add(b, reverse.code.emit("where", condition, zero, gradient))


def _select(reverse: _Reverse, op: Op, gradient: int) -> None:
    """The value is that of `a` or `b`; for the spike it counts as the mix ``o a + (1 - o) b``."""
    spike, a, b = op.args
    code = reverse.code
    fired, zero = code.emit("gt", spike, code.constant(0.0)), code.constant(0.0)
    if a in reverse.moves:
        reverse.add(a, code.emit("where", fired, gradient, zero))
    if b in reverse.moves:
        reverse.add(b, code.emit("where", fired, zero, gradient))
    if spike in reverse.moves:
        reverse.add(spike, code.emit("mul", gradient, code.emit("sub", a, b)))


def _spike(reverse: _Reverse, op: Op, gradient: int) -> None:
    if reverse.surrogate is not None:
        slope = reverse.at(reverse.surrogate.sympy, {sympy.Symbol("x", real=True): op.args[0]})
        reverse.add(op.args[0], reverse.code.emit("mul", gradient, slope))


_RULES: dict[str, Callable[[_Reverse, Op, int], None]] = {
    "add": _add, "sub": _sub, "neg": _neg, "mul": _mul, "div": _div, "min": _extreme, "max": _extreme,
    "pow": _pow, "where": _where, "select": _select, "spike": _spike,
}  # fmt: skip
