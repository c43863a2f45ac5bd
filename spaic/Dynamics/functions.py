"""The functions of the equation language as SymPy knows them, with their derivatives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import sympy
from sympy import Function, Integer, Piecewise, S

from spaic.Dynamics import primitives


class Real(Function):
    """A real function of real numbers; of a number it is a number."""

    is_real = True
    numeric: Any = None

    @classmethod
    def eval(cls, *args: Any) -> Any:
        if cls.numeric is not None and len(args) == 1 and args[0].is_number and args[0].is_real:
            return sympy.Float(float(cls.numeric(float(args[0]))))
        return None


class sigmoid(Real):  # noqa: N801
    """``1 / (1 + exp(-x))``."""

    numeric = staticmethod(primitives.sigmoid)

    def fdiff(self, argindex: int = 1) -> Any:
        return self * (1 - self)

    def _latex(self, printer: Any) -> str:
        return rf"\sigma\left({printer._print(self.args[0])}\right)"


class expm1(Real):  # noqa: N801
    """``exp(x) - 1``, accurate near 0."""

    numeric = staticmethod(math.expm1)

    def fdiff(self, argindex: int = 1) -> Any:
        return sympy.exp(self.args[0])

    def _latex(self, printer: Any) -> str:
        return rf"e^{{{printer._print(self.args[0])}}} - 1"


class exprel(Real):  # noqa: N801
    """``(exp(x) - 1) / x``, which is 1 at 0: the removable singularity of gating rates and of propagators."""

    numeric = staticmethod(primitives.exprel)

    @classmethod
    def eval(cls, *args: Any) -> Any:
        return S.One if args[0] == 0 else super().eval(*args)

    def fdiff(self, argindex: int = 1) -> Any:
        return exprel_slope(self.args[0])

    def _latex(self, printer: Any) -> str:
        return rf"\operatorname{{exprel}}\left({printer._print(self.args[0])}\right)"


class exprel_slope(Real):  # noqa: N801
    """Derivative of :class:`exprel`, which is 1/2 at 0."""

    numeric = staticmethod(primitives.exprel_slope)

    @classmethod
    def eval(cls, *args: Any) -> Any:
        return S.Half if args[0] == 0 else super().eval(*args)

    def fdiff(self, argindex: int = 1) -> Any:
        x = self.args[0]
        series = sum(sympy.Float(c) * x**k for k, c in enumerate(primitives.EXPREL_CURVATURE_SERIES))
        return Piecewise((series, sympy.Abs(x) < primitives.SERIES_BELOW), ((sympy.exp(x) - 2 * self) / x, True))


class floor(Real):  # noqa: N801
    """The largest whole number that is not above x; SymPy's own looks for the exact digits of any constant, however large."""

    numeric = staticmethod(np.floor)

    def fdiff(self, argindex: int = 1) -> Any:
        return S.Zero

    def _latex(self, printer: Any) -> str:
        return rf"\left\lfloor{{{printer._print(self.args[0])}}}\right\rfloor"


class select(Real):  # noqa: N801
    """``select(o, a, b)``: `a` where the spike `o` is 1, else `b`; in a gradient `o` counts as the weight of the mix."""


class spike(Real):  # noqa: N801
    """``spike(r, strict)``: 1 where the residual r > 0 (or >= 0), else 0; its gradient is the surrogate's."""


class detach(Real):  # noqa: N801
    """Its argument, through which no gradient passes."""


class matrix_exp(Function):  # noqa: N801
    """``matrix_exp(n, *entries)``: the exponential of the n x n matrix with these entries, row by row."""


class entry(Real):  # noqa: N801
    """``entry(matrix, i, j)``: one element of a matrix-valued expression."""


def where(condition: Any, a: Any, b: Any) -> Any:
    """`a` where the condition holds, else `b`."""
    return Piecewise((a, condition), (b, True))


def clip(x: Any, low: Any, high: Any) -> Any:
    """`x` kept between `low` and `high`."""
    return sympy.Min(sympy.Max(x, low), high)


SYMPY_FUNCTIONS = {
    "exp": sympy.exp,
    "expm1": expm1,
    "exprel": exprel,
    "log": sympy.log,
    "sqrt": sympy.sqrt,
    "sin": sympy.sin,
    "cos": sympy.cos,
    "tan": sympy.tan,
    "tanh": sympy.tanh,
    "sigmoid": sigmoid,
    "abs": sympy.Abs,
    "sign": sympy.sign,
    "floor": floor,
    "min": sympy.Min,
    "max": sympy.Max,
    "clip": clip,
    "where": where,
}
ZERO, ONE = Integer(0), Integer(1)
