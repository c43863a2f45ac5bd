"""Text to expression: Python's ``ast`` under a white list checks it, SymPy holds it. Nothing is ever evaluated."""

from __future__ import annotations

import ast
import keyword
import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from spaic.errors import DeclarationError, nearest

if TYPE_CHECKING:
    import sympy

#: Functions of the language and their number of arguments.
FUNCTIONS = {
    "exp": 1, "expm1": 1, "exprel": 1, "log": 1, "sqrt": 1, "sin": 1, "cos": 1, "tan": 1, "tanh": 1, "sigmoid": 1,
    "abs": 1, "sign": 1, "min": 2, "max": 2, "clip": 3, "where": 3,
}  # fmt: skip
CONSTANTS = {"pi": math.pi}
#: Names with a meaning of their own; no state, value or parameter may take them.
RESERVED = frozenset({*FUNCTIONS, *CONSTANTS, "t", "dt", "w", "O", "refractory"})

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

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise DeclarationError(f"{self.where}: an expression must be text, got {self.text!r}; write it as a string")
        try:
            _check(self._tree, self)
        except RecursionError:
            raise DeclarationError(f"{self.where}: an expression is nested too deeply; split it into values") from None

    @cached_property
    def _tree(self) -> ast.expr:
        if len(self.text) > 20_000:
            raise DeclarationError(f"{self.where}: an expression of {len(self.text)} characters is too long; split it into values")
        try:
            return ast.parse(self.text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
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
        return _to_sympy(self._tree)

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
        tree = Expression(self.text, self.where)._tree
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


def is_name(text: str) -> bool:
    """True if `text` can name a state, value or parameter."""
    return text.isidentifier() and not keyword.iskeyword(text) and not text.startswith("__")


def _check(node: ast.expr, source: Expression) -> None:
    """Refuse every construct that is not on the white list."""
    match node:
        case ast.Constant(value=value) if isinstance(value, (int, float)) and not isinstance(value, bool):
            if not math.isfinite(value):
                raise source.refuse(f"the number {value!r} is not finite", "write a finite number")
        case ast.Name(id=name):
            if name in FUNCTIONS:
                raise source.refuse(f"{name!r} is a function", f"call it with {FUNCTIONS[name]} argument(s)")
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            _check(left, source)
            _check(right, source)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() | ast.Not(), operand=operand):
            _check(operand, source)
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARE:
            _check(left, source)
            _check(right, source)
        case ast.BoolOp(values=values):
            for value in values:
                _check(value, source)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            if name not in FUNCTIONS:
                raise source.refuse(f"unknown function {name!r}", nearest(name, FUNCTIONS))
            if len(args) != FUNCTIONS[name]:
                raise source.refuse(f"{name} takes {FUNCTIONS[name]} argument(s), got {len(args)}", "give them all")
            for arg in args:
                _check(arg, source)
        case _:
            raise source.refuse(
                f"{ast.unparse(node)!r} is not part of the equation language",
                f"use numbers, names, + - * / **, comparisons and {', '.join(sorted(FUNCTIONS))}",
            )


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
