"""The value of those parts of an expression that read no names."""

from __future__ import annotations

import ast
import math
import operator
from typing import Any

import numpy as np

CONSTANTS = {"pi": math.pi}
_ARITHMETIC: dict[type, Any] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.Pow: operator.pow,
}  # fmt: skip


def constant(node: ast.expr) -> float | None:
    """The value of a part without names, None otherwise; infinity if it is too large for a float."""
    try:
        match node:
            case ast.Constant(value=value) if isinstance(value, (int, float)):
                result = float(value)
            case ast.Name(id=name) if name in CONSTANTS:
                result = CONSTANTS[name]
            case ast.BinOp(left=left, op=op, right=right):
                a, b = constant(left), constant(right)
                if a is None or b is None:
                    return None
                value = _ARITHMETIC[type(op)](a, b)
                result = value if isinstance(value, float) else 0.0  # a root of a negative number, which SymPy will refuse
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = constant(operand)
                return None if inner is None else -inner
            case ast.Call(func=ast.Name(id=name), args=args) if name != "where":
                numbers = [a for a in (constant(arg) for arg in args) if a is not None]
                if len(numbers) < len(args):
                    return None
                result = _function(name, numbers)
            case _:
                return None
    except (OverflowError, ZeroDivisionError):
        return math.inf
    return result


def _function(name: str, numbers: list[float]) -> float:
    """A function of numbers; 0 where it has no real value, which SymPy will refuse."""
    from spaic.Dynamics.primitives import PRIMITIVES

    with np.errstate(all="ignore"):
        if name == "clip":
            return min(max(numbers[0], numbers[1]), numbers[2])
        value = float(PRIMITIVES[name](*numbers))
    return 0.0 if math.isnan(value) else value
