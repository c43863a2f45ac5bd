"""How a gradient passes an operation, where that is not its partial derivative times what comes in."""

from __future__ import annotations

from collections.abc import Callable

import sympy

from spaic.Dynamics.gradients import Gradients
from spaic.Dynamics.tape import Op

#: Operations through which no gradient passes.
FLAT = frozenset({"sign", "floor", "gt", "ge", "lt", "le", "and", "or", "not", "detach"})


def _add(known: Gradients, op: Op, gradient: int) -> None:
    for argument in op.args:
        known.add(argument, gradient)


def _sub(known: Gradients, op: Op, gradient: int) -> None:
    known.add(op.args[0], gradient)
    if op.args[1] in known.moves:
        known.add(op.args[1], known.code.emit("neg", gradient))


def _neg(known: Gradients, op: Op, gradient: int) -> None:
    known.add(op.args[0], known.code.emit("neg", gradient))


def _mul(known: Gradients, op: Op, gradient: int) -> None:
    a, b = op.args
    for argument, other in ((a, b), (b, a)):
        if argument in known.moves:
            known.add(argument, known.code.emit("mul", gradient, other))


def _div(known: Gradients, op: Op, gradient: int) -> None:
    a, b = op.args
    share = known.code.emit("div", gradient, b)
    known.add(a, share)
    if b in known.moves:
        known.add(b, known.code.emit("neg", known.code.emit("mul", share, op.out)))


def _pow(known: Gradients, op: Op, gradient: int) -> None:
    """``b x**(b - 1)``, and where base or exponent are 0 the 0 that plain torch has."""
    base, exponent = op.args
    code, zero = known.code, known.code.constant(0.0)
    if base in known.moves:
        lower = code.emit("pow", base, code.emit("sub", exponent, code.constant(1.0)))
        is_flat = code.emit("and", code.emit("ge", exponent, zero), code.emit("le", exponent, zero))
        share = code.emit("mul", gradient, code.emit("mul", exponent, lower))
        known.add(base, share if exponent in code.constants else code.emit("where", is_flat, zero, share))
    if exponent in known.moves:
        is_zero = code.emit("and", code.emit("ge", base, zero), code.emit("le", base, zero))
        share = code.emit("mul", gradient, code.emit("mul", op.out, code.emit("log", base)))
        known.add(exponent, code.emit("where", is_zero, zero, share))


def _extreme(known: Gradients, op: Op, gradient: int) -> None:
    """At a tie two operands share the gradient; of an operand and a number for all, the operand gets it."""
    a, b = op.args
    code, zero = known.code, known.code.constant(0.0)
    wins, may_win = ("lt", "le") if op.name == "min" else ("gt", "ge")
    both = a not in known.numbers and b not in known.numbers
    half = code.emit("mul", gradient, code.constant(0.5)) if both else zero
    for argument, other in ((a, b), (b, a)):
        if argument not in known.moves:
            continue
        if both:
            tied = code.emit("where", code.emit(may_win, argument, other), half, zero)
            known.add(argument, code.emit("where", code.emit(wins, argument, other), gradient, tied))
        else:
            known.add(argument, code.emit("where", code.emit(may_win, argument, other), gradient, zero))


def _where(known: Gradients, op: Op, gradient: int) -> None:
    condition, a, b = op.args
    zero = known.code.constant(0.0)
    if a in known.moves:
        known.add(a, known.code.emit("where", condition, gradient, zero))
    if b in known.moves:
        known.add(b, known.code.emit("where", condition, zero, gradient))


def _select(known: Gradients, op: Op, gradient: int) -> None:
    """The value is that of `a` or `b`; for the spike it counts as the mix ``o a + (1 - o) b``."""
    spike, a, b = op.args
    code = known.code
    fired, zero = code.emit("gt", spike, code.constant(0.0)), code.constant(0.0)
    if a in known.moves:
        known.add(a, code.emit("where", fired, gradient, zero))
    if b in known.moves:
        known.add(b, code.emit("where", fired, zero, gradient))
    if spike in known.moves:
        known.add(spike, code.emit("mul", gradient, code.emit("sub", a, b)))


def _spike(known: Gradients, op: Op, gradient: int) -> None:
    if known.surrogate is not None:
        slope = known.at(known.surrogate.sympy, {sympy.Symbol("x", real=True): op.args[0]})
        known.add(op.args[0], known.code.emit("mul", gradient, slope))


#: Operation -> what adds to the gradients of its operands.
RULES: dict[str, Callable[[Gradients, Op, int], None]] = {
    "add": _add, "sub": _sub, "neg": _neg, "mul": _mul, "div": _div, "min": _extreme, "max": _extreme,
    "pow": _pow, "where": _where, "select": _select, "spike": _spike,
}  # fmt: skip
