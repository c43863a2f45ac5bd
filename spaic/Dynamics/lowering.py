"""From expressions to a tape: primitive operations, common sub-expressions once, constant ones in the prelude."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import sympy

from spaic.Dynamics import functions as f
from spaic.Dynamics.tape import Op, Tape
from spaic.errors import UnsupportedError

_UNARY = {
    sympy.exp: "exp", sympy.log: "log", sympy.sin: "sin", sympy.cos: "cos", sympy.tan: "tan", sympy.tanh: "tanh",
    sympy.Abs: "abs", sympy.sign: "sign", sympy.floor: "floor", sympy.Not: "not", f.floor: "floor", f.sigmoid: "sigmoid", f.expm1: "expm1",
    f.exprel: "exprel", f.exprel_slope: "exprel_slope", f.detach: "detach",
}  # fmt: skip
_ARITHMETIC: dict[str, Callable[..., float]] = {"add": operator.add, "sub": operator.sub, "mul": operator.mul, "neg": operator.neg}
_FOLDED = {sympy.Min: "min", sympy.Max: "max", sympy.And: "and", sympy.Or: "or"}
_RELATIONS = {
    sympy.StrictGreaterThan: "gt", sympy.GreaterThan: "ge", sympy.StrictLessThan: "lt", sympy.LessThan: "le",
}  # fmt: skip


def lower(
    assignments: Iterable[tuple[str, Any]], outputs: Mapping[str, str], invariant: Iterable[str], wanted: Iterable[str] | None = None
) -> Tape:
    """Lower assignments to a tape.

    Parameters
    ----------
    assignments : iterable of (name, expression)
        Each may read free symbols and names assigned before it.
    outputs : mapping of str to str
        Public name -> assigned name (or a free symbol).
    invariant : iterable of str
        Free symbols that are constant over a run.
    wanted : iterable of str, optional
        Outputs to keep; operations that serve none of them are dropped.
    """
    lowering = Lowering(dict(assignments), frozenset(invariant))
    # all outputs are lowered, always in the same order, so that what is recorded does not change how anything is computed
    slots = {name: lowering.slot(sympy.Symbol(source, real=True)) for name, source in outputs.items()}
    return lowering.tape(slots if wanted is None else {name: slots[name] for name in wanted})


class Lowering:
    """A tape in the making.

    Parameters
    ----------
    assignments : dict of str to Expr
        What names stand for.
    invariant : frozenset of str
        Free symbols that are constant over a run.
    """

    def __init__(self, assignments: dict[str, Any], invariant: frozenset[str]) -> None:
        self.assigned, self.invariant = assignments, invariant
        self.slots: dict[Any, int] = {}
        self.constants: dict[int, float] = {}
        self.inputs: dict[str, int] = {}
        self.names: dict[int, str] = {}
        self.ops: list[Op] = []
        self.varies: set[int] = set()
        self.size = 0

    @classmethod
    def after(cls, tape: Tape) -> Lowering:
        """Goes on where `tape` ends: what it has computed is found, not computed again."""
        new = cls({}, frozenset())
        new.size, new.constants, new.inputs, new.names = tape.size, dict(tape.constants), dict(tape.inputs), dict(tape.names)
        new.slots = {("constant", value): slot for slot, value in tape.constants.items()}
        there = {a for op in tape.body for a in op.args} | set(tape.outputs.values())  # other results of the prelude are gone
        new.slots |= {(op.name, op.args, op.static): op.out for op in (*tape.prelude, *tape.body) if op.out in there or op in tape.body}
        new.varies = set(range(tape.size)) - set(tape.constants)
        return new

    def tape(self, outputs: dict[str, int]) -> Tape:
        """What `outputs` need, and nothing else."""
        needed = set(outputs.values())
        for op in reversed(self.ops):
            if op.out in needed:
                needed.update(op.args)
        ops = [op for op in self.ops if op.out in needed]
        prelude = tuple(op for op in ops if op.out not in self.varies)
        body = tuple(op for op in ops if op.out in self.varies)
        constants = {slot: value for slot, value in self.constants.items() if slot in needed}
        inputs = {name: s for name, s in self.inputs.items() if s in needed}
        return Tape(self.size, constants, inputs, prelude, body, outputs, {s: name for s, name in self.names.items() if s in needed})

    def slot(self, node: Any) -> int:
        """The slot of the value of an expression."""
        if node not in self.slots:
            self.slots[node] = self._lower(node)
        return self.slots[node]

    def new(self) -> int:
        """A slot for what comes from outside."""
        self.size += 1
        return self.size - 1

    def emit(self, name: str, *args: int, static: tuple[int, ...] = ()) -> int:
        """The slot of an operation's result."""
        if name in _ARITHMETIC and all(a in self.constants for a in args):
            return self.constant(_ARITHMETIC[name](*(self.constants[a] for a in args)))
        key = (name, args, static)
        if key not in self.slots:
            out = self.new()
            self.slots[key] = out
            self.ops.append(Op(name, args, static, out))
            if any(a in self.varies for a in args):
                self.varies.add(out)
        return self.slots[key]

    def _lower(self, node: Any) -> int:
        if node.is_Symbol:
            return self._symbol(node)
        if node is sympy.true or node is sympy.false or (node.is_number and not node.args) or node.is_Rational or node is sympy.pi:
            return self.constant(float(bool(node)) if node in (sympy.true, sympy.false) else float(node))
        if node.is_Add:
            return self._sum(node)
        if node.is_Mul:
            return self._product(node)
        if node.is_Pow:
            return self._power(node)
        if type(node) in _UNARY:
            return self.emit(_UNARY[type(node)], self.slot(node.args[0]))
        if type(node) in _RELATIONS:
            return self.emit(_RELATIONS[type(node)], *(self.slot(a) for a in node.args))
        if type(node) in _FOLDED:
            return self._fold(_FOLDED[type(node)], [self.slot(a) for a in node.args])
        return self._special(node)

    def _symbol(self, node: Any) -> int:
        if node.name in self.assigned:
            slot = self.slot(self.assigned[node.name])
            self.names.setdefault(slot, node.name.partition(":")[0])
            return slot
        slot = self.inputs[node.name] = self.new()
        if node.name not in self.invariant:
            self.varies.add(slot)
        return slot

    def constant(self, value: float) -> int:
        """The slot of a number."""
        key = ("constant", value)
        if key not in self.slots:
            self.slots[key] = self.new()
            self.constants[self.slots[key]] = value
        return self.slots[key]

    def _fold(self, name: str, slots: Sequence[int]) -> int:
        """Left fold, invariant operands first so that they combine in the prelude."""
        ordered = [s for s in slots if s not in self.varies] + [s for s in slots if s in self.varies]
        total = ordered[0]
        for s in ordered[1:]:
            total = self.emit(name, total, s)
        return total

    def _sum(self, node: Any) -> int:
        plus = [a for a in node.args if not a.could_extract_minus_sign()]
        minus = [-a for a in node.args if a.could_extract_minus_sign()]
        if not plus:
            return self.emit("neg", self._fold("add", [self.slot(a) for a in minus]))
        total = self._fold("add", [self.slot(a) for a in plus])
        for slot in (self.slot(a) for a in minus):
            total = self.emit("sub", total, slot)
        return total

    def _product(self, node: Any) -> int:
        numerator, denominator = [], []
        sign = 1
        for factor in node.args:
            if factor == -1:
                sign = -1
            elif factor.is_Pow and factor.exp.is_Rational and factor.exp < 0:
                denominator.append(self.slot(factor.base ** (-factor.exp)))
            else:
                numerator.append(self.slot(factor))
        fixed = self._quotient([s for s in numerator if s not in self.varies], [s for s in denominator if s not in self.varies])
        moving_up = [s for s in numerator if s in self.varies]
        moving_down = [s for s in denominator if s in self.varies]
        top = (
            self._fold("mul", ([fixed] if fixed is not None else []) + moving_up) if fixed is not None or moving_up else self.constant(1.0)
        )
        result = self.emit("div", top, self._fold("mul", moving_down)) if moving_down else top
        return result if sign == 1 else self.emit("neg", result)

    def _quotient(self, up: list[int], down: list[int]) -> int | None:
        if not up and not down:
            return None
        top = self._fold("mul", up) if up else self.constant(1.0)
        return self.emit("div", top, self._fold("mul", down)) if down else top

    def _power(self, node: Any) -> int:
        base, exponent = node.args
        if exponent == sympy.Rational(1, 2):
            return self.emit("sqrt", self.slot(base))
        if exponent.is_Rational and exponent < 0:
            return self.emit("div", self.constant(1.0), self.slot(base ** (-exponent)))
        if exponent.is_Integer and 2 <= int(exponent) <= 8:
            return self._integer_power(self.slot(base), int(exponent))
        return self.emit("pow", self.slot(base), self.slot(exponent))

    def _integer_power(self, base: int, exponent: int) -> int:
        if exponent == 1:
            return base
        half = self._integer_power(base, exponent // 2)
        square = self.emit("mul", half, half)
        return self.emit("mul", square, base) if exponent % 2 else square

    def _special(self, node: Any) -> int:
        if isinstance(node, sympy.Piecewise):
            *branches, last = node.args
            otherwise = self.slot(last[0])
            if last[1] != True:  # noqa: E712  SymPy's own truth value
                branches, otherwise = [*branches, last], self.constant(float("nan"))
            for value, condition in reversed(branches):
                otherwise = self.emit("where", self.slot(condition), self.slot(value), otherwise)
            return otherwise
        if isinstance(node, sympy.ITE):
            condition, yes, no = node.args
            return self.slot(sympy.Or(sympy.And(condition, yes), sympy.And(sympy.Not(condition), no)))
        if isinstance(node, (sympy.re, sympy.conjugate)):  # all values are real, also where SymPy cannot know it
            return self.slot(node.args[0])
        if isinstance(node, sympy.im):
            return self.constant(0.0)
        if isinstance(node, sympy.Heaviside):  # the slope of min and max
            return self.emit("where", self.emit("gt", self.slot(node.args[0]), self.constant(0.0)), self.constant(1.0), self.constant(0.0))
        if isinstance(node, sympy.DiracDelta):  # the slope of a jump, 0 but for one point
            return self.constant(0.0)
        if isinstance(node, f.select):
            return self.emit("select", *(self.slot(a) for a in node.args))
        if isinstance(node, f.spike):
            return self.emit("spike", self.slot(node.args[0]), static=(int(node.args[1]),))
        if isinstance(node, f.matrix_exp):
            size, *cells = node.args
            return self.emit("matrix_exp", *(self.slot(c) for c in cells), static=(int(size),))
        if isinstance(node, f.entry):
            return self.emit("entry", self.slot(node.args[0]), static=tuple(int(a) for a in node.args[1:]))
        raise UnsupportedError(f"expression: {node} has no primitive operation; write it with {', '.join(sorted(f.SYMPY_FUNCTIONS))}")
