"""Functions of one number that loops of compiled code can vectorise, where calls of the C library run one by one.

Results are of the type of the argument. They are within 2 units in the last place (3 for the slope of exprel in float64, and for all
on a processor that does not multiply and add in one instruction). Overflow gives infinity, underflow 0 by way of subnormal
numbers, and nan stays nan. Uncompiled they are those of NumPy.

The argument is split as ``x = n log(2) + r`` with a whole ``n`` and ``|r| <= log(2) / 2``, log(2) in two parts so that the
products are exact (W. J. Cody and W. Waite, Software Manual for the Elementary Functions, 1980). The coefficients are those of
Chebyshev interpolation, computed with 300 bits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from spaic.Backend.Kernels.shipped.scalar import SINGLE, Value, compiles_to
from spaic.Dynamics import primitives


@dataclass(frozen=True)
class Constants:
    """Numbers that depend on the type.

    Parameters
    ----------
    log2_high, log2_low : float
        log(2) in two parts.
    lowest, highest : float
        Below and above, ``exp(x)`` is 0 and ``exp(x) / x`` is infinite.
    unity : float
        Below, expm1 is -1.
    small : float
        Up to this magnitude expm1(x) is x.
    near : float
        Up to this magnitude n of the splitting is 0.
    exp : tuple of float
        Coefficients of ``(exp(r) - 1 - r) / r**2``, highest power first.
    """

    log2_high: float
    log2_low: float
    lowest: float
    highest: float
    unity: float
    small: float
    near: float
    exp: tuple[float, ...]


_SINGLE = Constants(
    0.693145751953125, 1.4286068203094173e-06, -104.0, 96.0, -18.0, 2.0**-26, 0.34,
    (0.0013926250394433737, 0.00836323294788599, 0.04166655242443085, 0.16666576266288757, 0.5),
)  # fmt: skip
_DOUBLE = Constants(
    0.693147180559663, 2.8235290563031577e-13, -746.0, 725.0, -38.0, 2.0**-55, 0.34,
    (2.09147553258932e-09, 2.5105312729622103e-08, 2.755727347871858e-07, 2.755725517000089e-06, 2.480158732567746e-05,
     0.0001984126987500228, 0.0013888888888883711, 0.008333333333326084, 0.04166666666666667, 0.1666666666666667, 0.5),
)  # fmt: skip
_LOG2_E = 1.4426950408889634
_SCALE = 32  # keeps 2**n of ``exp(x) / x`` finite, where ``exp(x)`` no longer is
#: ``(exp(y) - 1 - y) / y**2`` and ``(exp(y) * (y - 1) + 1) / y**2`` for y in 0 ... 2: all positive, so that nothing cancels.
_FALLING = (
    1.1726961171603088e-13, 2.2431651955532125e-13, 1.379465479661597e-11, 1.5416331743976784e-10, 2.099881167618875e-09,
    2.5035692323658033e-08, 2.755890129392721e-07, 2.755721021493963e-06, 2.480159259225868e-05, 0.00019841269665615247,
    0.0013888888892688149, 0.008333333333283921, 0.04166666666667003, 0.16666666666666657, 0.5,
)  # fmt: skip
_RISING = (
    1.8660910835797536e-12, 1.6967900908125222e-12, 1.880094424027894e-10, 1.8192865500477614e-09, 2.3169456198681885e-08,
    2.502450389621271e-07, 2.4804249718651472e-06, 2.2045671823053043e-05, 0.00017361120023871792, 0.0011904761608749705,
    0.006944444450848582, 0.033333333332500284, 0.12500000000005668, 0.3333333333333318, 0.5,
)  # fmt: skip


def _constants(x: Value) -> Constants:
    return _SINGLE if x.layout is SINGLE else _DOUBLE


def _split(x: Value) -> tuple[Value, Value]:
    """The whole number n and the r of ``x = n log(2) + r``; nan gives nan for r and no matter what for n."""
    c, rounder = _constants(x), x.layout.rounder
    shifted = x.times_plus(_LOG2_E, rounder)
    n = shifted - rounder
    r = n.times_plus(-c.log2_low, n.times_plus(-c.log2_high, x))
    return shifted.bits() - x.constant(rounder).bits(), r


def _exp_factors(x: Value) -> tuple[Value, Value, Value]:
    """Two factors of exp(x), and one over the second, a power of 2: together they reach beyond the normal numbers."""
    c, bias, mantissa = _constants(x), x.layout.bias, x.layout.mantissa
    n, r = _split(x.at_least(c.lowest).at_most(c.highest))
    twice = n + 2 * bias
    half = twice >> 1
    powers = [(exponent << mantissa).number() for exponent in (half, twice - half, 2 * bias - (twice - half))]
    return ((r * r).times_plus(r.polynomial(c.exp), r) + 1.0) * powers[0], powers[1], powers[2]


def _exp(x: Value) -> Value:
    first, second, _ = _exp_factors(x)
    return first * second


def _expm1_scaled(x: Value) -> Value:
    """``expm1(x)`` over ``2**_SCALE``, which is finite for some x for which expm1 is not."""
    c = _constants(x)
    n, r = _split(x.at_least(c.unity).at_most(c.highest))
    beyond = r * r * r.polynomial(c.exp)
    high = r + beyond
    low = beyond - (high - r)  # what the sum lost, which matters where the 1 cancels
    power = ((n + (x.layout.bias - _SCALE)) << x.layout.mantissa).number()
    return power.times_plus(low, power.times_plus(high, power - 2.0**-_SCALE))


def _expm1(x: Value) -> Value:
    return x.where(abs(x) < _constants(x).small, _expm1_scaled(x) * 2.0**_SCALE)


def _exprel(x: Value) -> Value:
    c = _constants(x)
    near = x.times_plus(x.polynomial(c.exp), 1.0)
    falls, one, scale = x < 0.0, x.constant(1.0), x.constant(2.0**_SCALE)  # scaled back before or after: neither end is lost
    far = _expm1_scaled(x) * scale.where(falls, one) / x.at_most(c.highest) * one.where(falls, scale)
    return near.where(abs(x) < c.near, far)


def _exprel_slope(x: Value) -> Value:
    if x.layout is SINGLE:  # the difference below needs more digits than there are
        return _exprel_slope(x.double()).single()
    y = abs(x)
    rises = x > 0.0
    near = x.constant(_RISING[0]).where(rises, _FALLING[0])
    for rising, falling in zip(_RISING[1:], _FALLING[1:], strict=True):
        near = near.times_plus(y, x.constant(rising).where(rises, falling))
    first, second, inverse = _exp_factors(x)
    bounded = x.at_most(_DOUBLE.highest)
    far = first.times_plus(bounded.at_least(-1e3) - 1.0, inverse) / bounded / bounded * second
    return (near * x.constant(1.0).where(rises, first * second)).where(y < 2.0, far)


def _sigmoid(x: Value) -> Value:
    e = _exp(-abs(x))
    return _quotient(x.constant(1.0).where(x > 0.0, e), x.constant(1.0), e)


def _tanh(x: Value) -> Value:
    t = _expm1((abs(x) * 2.0).at_most(-2.0 * _constants(x).unity))  # twice as far as where it has become 1
    return _quotient(t, x.constant(2.0), t).with_sign_of(x)


def _quotient(top: Value, a: Value, b: Value) -> Value:
    """``top / (a + b)`` as if the sum were not rounded."""
    bottom = a + b
    share = bottom - a
    lost = (a - (bottom - share)) + (b - share)
    inverse = 1.0 / bottom
    rough = top * inverse
    rest = (-rough).times_plus(lost, (-rough).times_plus(bottom, top))
    return rest.times_plus(inverse, rough)


@compiles_to(_exp)
def exp(x: Any) -> Any:
    """``e**x``."""
    return np.exp(x)


@compiles_to(_expm1)
def expm1(x: Any) -> Any:
    """``e**x - 1``, also where x is small."""
    return np.expm1(x)


@compiles_to(_exprel)
def exprel(x: Any) -> Any:
    """``(exp(x) - 1) / x``, 1 at 0."""
    return _plain(primitives.exprel, x)


@compiles_to(_exprel_slope)
def exprel_slope(x: Any) -> Any:
    """Derivative of :func:`exprel`, 1/2 at 0."""
    return _plain(primitives.exprel_slope, x)


@compiles_to(_sigmoid)
def sigmoid(x: Any) -> Any:
    """``1 / (1 + exp(-x))``."""
    return _plain(primitives.sigmoid, x)


@compiles_to(_tanh)
def tanh(x: Any) -> Any:
    """Hyperbolic tangent."""
    return np.tanh(x)


@compiles_to(lambda x: x.call("llvm.log"))
def log(x: Any) -> Any:
    """Natural logarithm; that of the C library."""
    return np.log(x)


@compiles_to(lambda x: x.call("llvm.sin"))
def sin(x: Any) -> Any:
    """Sine; that of the C library."""
    return np.sin(x)


@compiles_to(lambda x: x.call("llvm.cos"))
def cos(x: Any) -> Any:
    """Cosine; that of the C library."""
    return np.cos(x)


def _sign(x: Value) -> Value:
    return x.constant(1.0).with_sign_of(x).where((x > 0.0) | (x < 0.0), x)


@compiles_to(_sign)
def sign(x: Any) -> Any:
    """-1, 0 or 1."""
    return np.sign(x)


@compiles_to(lambda a, b: a.where((a > b) | a.is_nan(), b))
def greatest(a: Any, b: Any) -> Any:
    """The larger of both; nan if one is nan."""
    return np.maximum(a, b)


@compiles_to(lambda a, b: a.where((a < b) | a.is_nan(), b))
def least(a: Any, b: Any) -> Any:
    """The smaller of both; nan if one is nan."""
    return np.minimum(a, b)


def _plain(function: Callable[[Any], Any], x: Any) -> Any:
    """A function that answers in float64, in the type of its argument."""
    result = function(x)
    return result.astype(np.result_type(x, np.float32))[()]
