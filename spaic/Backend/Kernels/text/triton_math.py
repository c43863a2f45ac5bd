"""Functions that generated Triton code calls, as text: accurate, with nothing that the interpreter lacks.

``tl.exp`` and ``/`` of single precision are the fast approximations of the hardware, and the functions of libdevice are unknown to
Triton's interpreter, where the generated code is tested.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from math import factorial

from spaic.Dynamics.primitives import EXPREL_SLOPE_SERIES, SERIES_BELOW

#: Up to this magnitude ``(exp(x) - 1) / x`` is a series, which has this many terms.
_NEAR, _TERMS = 0.35, {"float32": 9, "float64": 15}


def _function(head: str, meaning: str, *body: str) -> str:
    return "\n".join(["@triton.jit", f"def {head}:", f'    """{meaning}"""', *(f"    {line}" for line in body)])


def _series(coefficients: Sequence[float]) -> list[str]:
    """Lines that sum a polynomial in x, highest power first."""
    first, *rest = coefficients
    return [f"s = x * {first!r} + {rest[0]!r}", *(f"s = s * x + {c!r}" for c in rest[1:])]


def _texts(dtype: str) -> dict[str, str]:
    is_single = dtype == "float32"
    growth = _series([1 / factorial(k + 1) for k in reversed(range(_TERMS[dtype]))])
    far = 2.0 if is_single else SERIES_BELOW  # the closed form has lost too many digits before
    return {
        "number": _function("number(value: tl.constexpr)", "A constant.", f"return tl.full((), value, tl.{dtype})"),
        "quotient": _function("quotient(a, b)", "a / b, correctly rounded.", f"return {'tl.div_rn(a, b)' if is_single else 'a / b'}"),
        "root": _function("root(x)", "Square root, correctly rounded.", f"return {'tl.sqrt_rn(x)' if is_single else 'tl.sqrt(x)'}"),
        "least": _function("least(a, b)", "The smaller one; nan wins.", "return tl.minimum(a, b, propagate_nan=tl.PropagateNan.ALL)"),
        "greatest": _function("greatest(a, b)", "The larger one; nan wins.", "return tl.maximum(a, b, propagate_nan=tl.PropagateNan.ALL)"),
        "sign": _function(
            "sign(x)", "-1, 0 or 1.",
            "above = tl.where(x > 0, number(1.0), number(0.0))",
            "return above - tl.where(x < 0, number(1.0), number(0.0))",
        ),
        "two_to": _function("two_to(n)", "2**n for -126 <= n <= 127.", "return ((n + 127) << 23).to(tl.float32, bitcast=True)"),
        "exp": _single_exp() if is_single else _function("exp(x)", "e**x.", "return tl.exp(x)"),
        "expm1": _function(
            "expm1(x)", "e**x - 1, also where x is small.", *growth, f"return tl.where(tl.abs(x) < {_NEAR}, s * x, exp(x) - 1.0)",
        ),
        "exprel": _function(
            "exprel(x)", "(e**x - 1) / x, 1 at 0.", *growth, f"return tl.where(tl.abs(x) < {_NEAR}, s, quotient(exp(x) - 1.0, x))",
        ),
        "exprel_slope": _function(
            "exprel_slope(x)", "Derivative of exprel, 1/2 at 0.", *_series(EXPREL_SLOPE_SERIES),
            f"return tl.where(tl.abs(x) < {far!r}, s, quotient(exp(x) * (x - 1.0) + 1.0, x * x))",
        ),
        "sigmoid": _function(
            "sigmoid(x)", "1 / (1 + e**-x), without overflow.",
            "e = exp(-tl.abs(x))", "return quotient(tl.where(x >= 0, number(1.0), e), 1.0 + e)",
        ),
        "tanh": _function(
            "tanh(x)", "Hyperbolic tangent.",
            "t = expm1(-2.0 * tl.abs(x))", "y = quotient(-t, t + 2.0)", "return tl.where(x < 0, -y, y)",
        ),
        "tan": _function("tan(x)", "Tangent.", "return quotient(tl.sin(x), tl.cos(x))"),
        "power": _power(dtype),
    }  # fmt: skip


def _single_exp() -> str:
    """x = n log(2) + r with log(2) in two parts, so that the products are exact; tl.exp alone rounds x log2(e)."""
    return _function(
        "exp(x)",
        "e**x; powers of 2 are taken out, since tl.exp is accurate near 0 only.",
        "bounded = tl.minimum(tl.maximum(x, -110.0), 100.0)",
        "n = tl.floor(bounded * 1.4426950408889634 + 0.5)",
        "r = (x - n * 0.693145751953125) - n * 1.4286068203094173e-06",
        "whole = n.to(tl.int32)",
        "half = whole >> 1",
        "return tl.exp(r) * two_to(half) * two_to(whole - half)",
    )


def _power(dtype: str) -> str:
    """Sizes by way of the logarithm, in double precision, and signs apart."""
    return _function(
        "power(a, b)",
        "a**b; of negative numbers for whole b only.",
        f"size = tl.exp(tl.cast(b, tl.float64) * tl.log(tl.cast(tl.abs(a), tl.float64))).to(tl.{dtype})",
        "is_odd = tl.floor(b * 0.5) * 2.0 != b",
        "signed = tl.where(is_odd, -size, size)",
        "negative = tl.where(tl.floor(b) == b, signed, (a - a) / (a - a))",
        "return tl.where(b == 0, number(1.0), tl.where(a < 0, negative, size))",
    )


#: Names of the functions.
CALLED = tuple(_texts("float64"))


def helpers(called: Iterable[str], dtype: str) -> list[str]:
    """The functions of these names, and those that they call, each after what it calls.

    Parameters
    ----------
    called : iterable of str
        Names; others are passed over.
    dtype : str
        ``"float32"`` or ``"float64"``.
    """
    texts = _texts(dtype)
    wanted, waiting = {"number"}, [*called, "number"]
    while waiting:
        name = waiting.pop()
        if name in texts:
            wanted.add(name)
            waiting += [w for w in re.findall(r"(?<![\w.])\w+(?=\()", texts[name]) if w not in wanted]
    return [text for name, text in texts.items() if name in wanted]
