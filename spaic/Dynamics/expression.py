"""Text to expression: Python's ``ast`` under a white list checks it, SymPy holds it. Nothing is ever evaluated."""

from __future__ import annotations

import ast
import keyword
import math
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from spaic.Dynamics.constants import CONSTANTS, constant
from spaic.errors import DeclarationError, nearest
from spaic.units import is_unit

if TYPE_CHECKING:
    import sympy

#: Functions of the language and their number of arguments.
FUNCTIONS = {
    "exp": 1, "expm1": 1, "exprel": 1, "log": 1, "sqrt": 1, "sin": 1, "cos": 1, "tan": 1, "tanh": 1, "sigmoid": 1,
    "abs": 1, "sign": 1, "floor": 1, "min": 2, "max": 2, "clip": 3, "where": 3,
}  # fmt: skip
#: Names with a meaning of their own; no state, value or parameter may take them.
RESERVED = frozenset({*FUNCTIONS, *CONSTANTS, "t", "dt", "w", "O", "refractory"})

#: What to do about a unit in an equation.
UNITS = "units belong to parameters, such as spaic.Parameter(10.0, 'ms')"

_BINARY = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}
_COMPARE = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


@dataclass(frozen=True)
class Expression:
    """A checked expression of the equation language.

    Parameters
    ----------
    text : str
        For example ``"(-(V - V_rest) + R * I) / tau_m"``.
    where : str
        The place of declaration, for messages.
    may_be_condition : bool
        True where a comparison such as ``"V > V_th"`` may stand, which is no number.

    Raises
    ------
    DeclarationError
        If the text is not an arithmetic expression of the language.

    Examples
    --------
    >>> sorted(Expression("exp(-dt / tau) * V", "demo").symbols)
    ['V', 'dt', 'tau']
    """

    text: str
    where: str = "expression"
    may_be_condition: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise DeclarationError(f"{self.where}: an expression must be text, got {self.text!r}; write it as a string")
        try:
            kind = _check(self._tree, self)
        except RecursionError:
            raise DeclarationError(f"{self.where}: an expression is nested too deeply; split it into values") from None
        if kind == "condition" and not self.may_be_condition:
            raise self.refuse("there is a condition where a number is needed", "use where(condition, a, b)")

    @cached_property
    def _tree(self) -> ast.expr:
        if len(self.text) > 20_000:
            raise DeclarationError(f"{self.where}: an expression of {len(self.text)} characters is too long; split it into values")
        try:
            return ast.parse(self.text.strip(), mode="eval").body
        except SyntaxError as error:
            raise DeclarationError(
                f"{self.where}: cannot read {self.text!r}, {_spot(self.text.strip(), error)}; {_way_out(self.text)}"
            ) from None
        except (ValueError, RecursionError, MemoryError) as error:
            raise DeclarationError(f"{self.where}: cannot read {self.text!r} ({error}); write it as in Python") from None

    @cached_property
    def symbols(self) -> frozenset[str]:
        """Names that the expression reads, without functions and constants."""
        called = {id(n.func) for n in ast.walk(self._tree) if isinstance(n, ast.Call)}
        names = {n.id for n in ast.walk(self._tree) if isinstance(n, ast.Name) and id(n) not in called}
        return frozenset(names - set(CONSTANTS))

    @cached_property
    def sympy(self) -> sympy.Expr:
        """The expression as SymPy holds it; all symbols are real."""
        try:
            return _to_sympy(self._tree)
        except (TypeError, ValueError, ArithmeticError) as error:
            raise self.refuse(f"SymPy finds no real number ({error})", "correct the expression") from None

    def refuse(self, problem: str, way_out: str) -> DeclarationError:
        """An error about this expression."""
        return DeclarationError(f"{self.where}: {problem} in {self.text.strip()!r}; {way_out}")


@dataclass(frozen=True)
class Comparison:
    """A spike condition ``left > right`` as the residual ``left - right`` and its strictness."""

    text: str
    where: str

    @cached_property
    def _parts(self) -> tuple[str, bool]:
        tree = Expression(self.text, self.where, may_be_condition=True)._tree
        if not isinstance(tree, ast.Compare) or len(tree.ops) != 1 or type(tree.ops[0]) not in _COMPARE:
            raise DeclarationError(f"{self.where}: a condition must be one comparison, got {self.text!r}; write for example 'V > V_th'")
        left, right = ast.unparse(tree.left), ast.unparse(tree.comparators[0])
        sign = _COMPARE[type(tree.ops[0])]
        if sign.startswith("<"):
            left, right = right, left
        return f"({left}) - ({right})", "=" not in sign

    @property
    def residual(self) -> Expression:
        """Positive where the condition holds."""
        return Expression(self._parts[0], self.where)

    @property
    def is_strict(self) -> bool:
        """False if equality also fires."""
        return self._parts[1]


def _spot(text: str, error: SyntaxError) -> str:
    """Where Python gave up, and why."""
    rest = text[error.offset - 1 :].strip() if error.offset else ""
    return f"{error.msg} at {rest!r}" if rest else f"{error.msg} at its end"


def _way_out(text: str) -> str:
    """What to write instead; a unit after a colon is how Brian ends an equation."""
    before, colon, unit = text.rpartition(":")
    if colon and before.strip() and all(is_unit(word) or word == "1" for word in re.split(r"[\s*/]+", unit.strip())):
        return f"leave out {':' + unit!r}, {UNITS}"
    return "write it as in Python"


def is_name(text: str) -> bool:
    """True if `text` can name a state, value or parameter."""
    return text.isidentifier() and not keyword.iskeyword(text) and not text.startswith("__")


def _check(node: ast.expr, source: Expression) -> str:
    """Refuse every construct that is not on the white list; the kind of what is left, ``number`` or ``condition``."""
    match node:
        case ast.Constant(value=value) if isinstance(value, (int, float)) and not isinstance(value, bool):
            _demand_finite(node, source)
            return "number"
        case ast.Name(id=name):
            if name in FUNCTIONS:
                raise source.refuse(f"{name!r} is a function", f"call it with {FUNCTIONS[name]} argument(s)")
            return "number"
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            _demand(source, "number", left, right)
            _demand_finite(node, source)
            return "number"
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            _demand(source, "number", operand)
            return "number"
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            _demand(source, "condition", operand)
            return "condition"
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARE:
            _demand(source, "number", left, right)
            return "condition"
        case ast.BoolOp(values=values):
            _demand(source, "condition", *values)
            return "condition"
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            _check_call(name, args, source)
            _demand_finite(node, source)
            return "number"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor):
        raise source.refuse(f"{ast.unparse(node)!r} is no power", "write ** for ^")
    raise source.refuse(
        f"{ast.unparse(node)!r} is not part of the equation language",
        f"use numbers, names, + - * / **, comparisons and {', '.join(sorted(FUNCTIONS))}",
    )


def _check_call(name: str, args: list[ast.expr], source: Expression) -> None:
    if name not in FUNCTIONS:
        raise source.refuse(f"unknown function {name!r}", nearest(name, FUNCTIONS))
    if len(args) != FUNCTIONS[name]:
        raise source.refuse(f"{name} takes {FUNCTIONS[name]} argument(s), got {len(args)}", "give them all")
    if name == "where":
        _demand(source, "condition", args[0])
        args = args[1:]
    _demand(source, "number", *args)


def _demand(source: Expression, kind: str, *nodes: ast.expr) -> None:
    for node in nodes:
        found = _check(node, source)
        if found != kind:
            raise source.refuse(f"{ast.unparse(node)!r} is a {found} where a {kind} is needed", "use where(condition, a, b)")


def _demand_finite(node: ast.expr, source: Expression) -> None:
    """Refuse a number that is too large; its parts have been looked at before."""
    value = constant(node)
    if value is not None and not math.isfinite(value):
        raise source.refuse(f"the number {ast.unparse(node)[:40]!r} is not finite", "write a finite number")


def _to_sympy(node: ast.expr) -> Any:
    import sympy

    from spaic.Dynamics.functions import SYMPY_FUNCTIONS

    match node:
        case ast.Constant(value=value):
            return sympy.Integer(value) if isinstance(value, int) else sympy.Float(value)
        case ast.Name(id="pi"):
            return sympy.pi
        case ast.Name(id=name):
            return sympy.Symbol(name, real=True)
        case ast.BinOp(left=left, op=op, right=right):
            a, b = _to_sympy(left), _to_sympy(right)
            match op:
                case ast.Add():
                    return a + b
                case ast.Sub():
                    return a - b
                case ast.Mult():
                    return a * b
                case ast.Div():
                    return a / b
                case _:
                    return a**b
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_to_sympy(operand)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return sympy.Not(_to_sympy(operand))
        case ast.UnaryOp(operand=operand):
            return _to_sympy(operand)
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            relation = {"<": sympy.Lt, "<=": sympy.Le, ">": sympy.Gt, ">=": sympy.Ge}[_COMPARE[type(op)]]
            return relation(_to_sympy(left), _to_sympy(right))
        case ast.BoolOp(op=op, values=values):
            parts = [_to_sympy(v) for v in values]
            return sympy.And(*parts) if isinstance(op, ast.And) else sympy.Or(*parts)
        case ast.Call(func=ast.Name(id=name), args=args):
            return SYMPY_FUNCTIONS[name](*[_to_sympy(a) for a in args])
    raise DeclarationError(f"expression: unexpected {ast.dump(node)}; report this as a bug")
