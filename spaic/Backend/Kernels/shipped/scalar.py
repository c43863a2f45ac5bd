"""Writing a scalar function of compiled code as arithmetic on values, without branches, so that loops over it vectorise."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from llvmlite import ir
from numba.core import types
from numba.core.extending import lower_builtin, type_callable
from numba.core.typing import signature

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Layout:
    """How a floating-point type is made up.

    Parameters
    ----------
    bits : int
        Of the whole number.
    mantissa : int
        Bits stored of the mantissa.
    """

    bits: int
    mantissa: int

    @property
    def bias(self) -> int:
        """What is added to the exponent."""
        return (1 << (self.bits - self.mantissa - 2)) - 1

    @property
    def rounder(self) -> float:
        """Adding this to a small number leaves its nearest whole number in the lowest bits."""
        return 1.5 * 2.0**self.mantissa


SINGLE, DOUBLE = Layout(32, 23), Layout(64, 52)


class Value:
    """A floating-point or whole number in the code that is being written; operators write instructions."""

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder, self.value = builder, value

    @property
    def layout(self) -> Layout:
        """Of the floating-point type of this size."""
        return SINGLE if self.value.type in (ir.FloatType(), ir.IntType(32)) else DOUBLE

    @property
    def is_whole(self) -> bool:
        """Whether it is an integer."""
        return isinstance(self.value.type, ir.IntType)

    def like(self, other: Any) -> Any:
        """`other` as an operand of the same type."""
        return other.value if isinstance(other, Value) else ir.Constant(self.value.type, other)

    def _new(self, value: Any) -> Value:
        return Value(self.builder, value)

    def __add__(self, other: Any) -> Value:
        return self._new((self.builder.add if self.is_whole else self.builder.fadd)(self.value, self.like(other)))

    def __sub__(self, other: Any) -> Value:
        return self._new((self.builder.sub if self.is_whole else self.builder.fsub)(self.value, self.like(other)))

    def __rsub__(self, other: Any) -> Value:
        return self._new((self.builder.sub if self.is_whole else self.builder.fsub)(self.like(other), self.value))

    def __mul__(self, other: Any) -> Value:
        return self._new(self.builder.fmul(self.value, self.like(other)))

    __radd__, __rmul__ = __add__, __mul__

    def __truediv__(self, other: Any) -> Value:
        return self._new(self.builder.fdiv(self.value, self.like(other)))

    def __rtruediv__(self, other: Any) -> Value:
        return self._new(self.builder.fdiv(self.like(other), self.value))

    def __neg__(self) -> Value:
        return self._new(self.builder.fneg(self.value))

    def __lt__(self, other: Any) -> Value:
        return self._new(self.builder.fcmp_ordered("<", self.value, self.like(other)))

    def __gt__(self, other: Any) -> Value:
        return self._new(self.builder.fcmp_ordered(">", self.value, self.like(other)))

    def is_nan(self) -> Value:
        """Whether it is not a number."""
        return self._new(self.builder.fcmp_unordered("uno", self.value, self.value))

    def __or__(self, other: Value) -> Value:
        return self._new(self.builder.or_(self.value, other.value))

    def __lshift__(self, number: int) -> Value:
        return self._new(self.builder.shl(self.value, self.like(number)))

    def __rshift__(self, number: int) -> Value:
        return self._new(self.builder.lshr(self.value, self.like(number)))

    def __abs__(self) -> Value:
        return self.call("llvm.fabs")

    def constant(self, number: float) -> Value:
        """`number` in its type."""
        return self._new(self.like(number))

    def at_least(self, low: float) -> Value:
        """This, or `low` where it is below; nan stays."""
        return self.constant(low).where(self < low, self)

    def at_most(self, high: float) -> Value:
        """This, or `high` where it is above; nan stays."""
        return self.constant(high).where(self > high, self)

    def call(self, name: str) -> Value:
        """The function of LLVM with this name."""
        return self._new(self._intrinsic(name, 1)(self.value))

    def _intrinsic(self, name: str, count: int) -> Callable[..., Any]:
        kind = self.value.type
        function = self.builder.module.declare_intrinsic(name, [kind], ir.FunctionType(kind, [kind] * count))
        return lambda *arguments: self.builder.call(function, arguments)

    def times_plus(self, factor: Any, term: Any) -> Value:
        """``self * factor + term``, rounded once where the processor can."""
        return self._new(self._intrinsic("llvm.fmuladd", 3)(self.value, self.like(factor), self.like(term)))

    def with_sign_of(self, other: Value) -> Value:
        """Its magnitude with the sign of `other`."""
        return self._new(self._intrinsic("llvm.copysign", 2)(self.value, other.value))

    def where(self, condition: Value, other: Any) -> Value:
        """This where `condition` holds, else `other`; both are computed."""
        return self._new(self.builder.select(condition.value, self.value, self.like(other)))

    def bits(self) -> Value:
        """The same bits as a whole number."""
        return self._new(self.builder.bitcast(self.value, ir.IntType(self.layout.bits)))

    def number(self) -> Value:
        """The same bits as a floating-point number."""
        return self._new(self.builder.bitcast(self.value, ir.FloatType() if self.layout is SINGLE else ir.DoubleType()))

    def double(self) -> Value:
        """It in float64."""
        return self if self.layout is DOUBLE else self._new(self.builder.fpext(self.value, ir.DoubleType()))

    def single(self) -> Value:
        """It in float32."""
        return self if self.layout is SINGLE else self._new(self.builder.fptrunc(self.value, ir.FloatType()))

    def polynomial(self, coefficients: Sequence[float]) -> Value:
        """The polynomial with these coefficients, highest power first."""
        result = self.constant(coefficients[0])
        for coefficient in coefficients[1:]:
            result = result.times_plus(self, coefficient)
        return result


def compiles_to(write: Callable[..., Value]) -> Callable[[Function], Function]:
    """Decorate a function of one or two numbers: compiled code has what `write` writes in its place.

    The result is of the type of the arguments, of the larger one where they differ; a whole number takes the type of the other.
    """

    def decorate(function: Function) -> Function:
        count = len(inspect.signature(function).parameters)

        @type_callable(function)
        def typing(context: Any) -> Callable[..., Any]:
            one: Callable[..., Any] = lambda a: _signature(a)  # noqa: E731
            return one if count == 1 else lambda a, b: _signature(a, b)

        @lower_builtin(function, *[types.Float] * count)
        def lowering(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return write(*(Value(builder, arg) for arg in args)).value

        return function

    return decorate


def _signature(*given: Any) -> Any:
    if not all(isinstance(kind, (types.Float, types.Integer, types.Boolean)) for kind in given):
        return None
    kind = max((k for k in given if isinstance(k, types.Float)), key=lambda k: k.bitwidth, default=types.float64)
    return signature(kind, *[kind] * len(given))
