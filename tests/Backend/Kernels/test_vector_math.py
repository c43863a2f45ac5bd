"""Functions for compiled loops: accurate over the whole range, right at its ends, and vectorised."""

import math
import platform
import re

import llvmlite.binding as llvm
import mpmath
import numpy as np
import pytest
from numba import njit

from spaic.Backend.Kernels.shipped import vector_math
from spaic.Dynamics import primitives

ONE = ("exp", "expm1", "exprel", "exprel_slope", "sigmoid", "tanh", "log", "sin", "cos", "sign")
#: Units in the last place, where there is an instruction that multiplies and adds.
ULP = 2.0 if platform.machine() in ("arm64", "aarch64") or llvm.get_host_cpu_features().get("fma") else 3.0
EXACT = {
    "exp": mpmath.exp, "expm1": mpmath.expm1, "tanh": mpmath.tanh,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "exprel": lambda x: mpmath.expm1(x) / x if x else mpmath.mpf(1),
    "exprel_slope": lambda x: (mpmath.exp(x) * (x - 1) + 1) / x**2 if x else mpmath.mpf(1) / 2,
}  # fmt: skip
_compiled = {}


def compiled(name):
    """A loop over the function."""
    if name not in _compiled:
        function = getattr(vector_math, name)

        def loop(x, y):
            for i in range(x.size):
                y[i] = function(x[i])

        _compiled[name] = njit(nogil=True, error_model="numpy")(loop)
    return _compiled[name]


def values(name, x):
    y = np.empty_like(x)
    compiled(name)(x, y)
    return y


def worst(y, exact, kind):
    """Largest error in units in the last place of the true values."""
    with np.errstate(over="ignore"):
        nearest = exact.astype(kind)
    same = (y == nearest) | (np.isnan(y) & np.isnan(nearest))
    finite = np.isfinite(y) & np.isfinite(nearest)
    assert (same | finite).all()
    unit = np.spacing(np.abs(nearest[finite])).astype(exact.dtype)
    return (np.abs(y[finite].astype(exact.dtype) - exact[finite]) / unit).max()


@pytest.mark.parametrize("name", EXACT)
def test_single_precision(name):
    x = np.arange(0, 1 << 32, 4099, dtype=np.uint64).astype(np.uint32).view(np.float32)  # of every size, nan and infinity included
    x = np.concatenate([x, np.linspace(-110, 100, 200_001, dtype=np.float32), np.linspace(-2, 2, 200_001, dtype=np.float32)])
    with np.errstate(all="ignore"):
        exact = {"exp": np.exp, "expm1": np.expm1, "tanh": np.tanh}.get(name, getattr(primitives, name, None))(x.astype(np.float64))
    special = np.isinf(x) & (name == "exprel_slope") | (x == np.inf) & (name == "exprel")  # where the primitives have no limit
    assert worst(values(name, x)[~special], exact[~special], np.float32) < ULP


@pytest.mark.parametrize("name", EXACT)
def test_double_precision(name):
    rng = np.random.default_rng(0)
    sizes = np.exp(rng.uniform(-700, 6.5, 300)) * rng.choice([-1, 1], 300)
    ranges = ((-745, 725, 700), (-40, 40, 700), (-4, 4, 1500), (-0.5, 0.5, 700))
    x = np.concatenate([sizes, *(rng.uniform(*given) for given in ranges)])
    with mpmath.workprec(2300):  # enough for what cancels in the slope of the smallest
        exact = [EXACT[name](mpmath.mpf(float(v))) for v in x]
        y = values(name, x)
        nearest = np.array([float(v) for v in exact])
        finite = np.isfinite(nearest)
        np.testing.assert_array_equal(y[~finite], nearest[~finite])
        known = [(a, b, c) for a, b, c in zip(y, exact, nearest, strict=True) if np.isfinite(c)]
        errors = [abs(mpmath.mpf(float(a)) - b) / float(np.spacing(abs(c))) for a, b, c in known]
    assert finite.sum() > 3000
    assert max(errors) < (3.0 if name == "exprel_slope" else ULP)  # that is a difference, and is rounded three times after it


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_limits(kind):
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1000, -1000], kind)
    nan, inf = np.nan, np.inf
    expected = {
        "exp": [1, 1, inf, 0, nan, inf, 0],
        "expm1": [0, -0.0, inf, -1, nan, inf, -1],
        "tanh": [0, -0.0, 1, -1, nan, 1, -1],
        "sigmoid": [0.5, 0.5, 1, 0, nan, 1, 0],
        "exprel": [1, 1, inf, 0, nan, inf, kind(1) / kind(1000)],
        "exprel_slope": [0.5, 0.5, inf, 0, nan, inf, kind(1e-6)],
        "log": [-inf, -inf, inf, nan, nan, kind(math.log(1000)), nan],
        "sign": [0, -0.0, 1, -1, nan, 1, -1],
    }
    for name, wanted in expected.items():
        y = values(name, x)
        np.testing.assert_array_equal(y, np.array(wanted, kind), err_msg=name)
        signed = ~np.isnan(y)
        if name != "exprel_slope":
            np.testing.assert_array_equal(np.signbit(y[signed]), np.signbit(np.array(wanted))[signed], err_msg=name)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_the_smallest_numbers(kind):
    tiny = np.finfo(kind).smallest_subnormal
    x = np.array([tiny, -tiny, np.finfo(kind).tiny, 3 * tiny], kind)
    for name in ("expm1", "tanh"):
        np.testing.assert_array_equal(values(name, x), x, err_msg=name)
    low = np.array([np.log(float(np.finfo(kind).tiny)) - 1], kind)
    assert 0 < values("exp", low)[0] < np.finfo(kind).tiny
    assert 0 < values("sigmoid", low)[0] < np.finfo(kind).tiny


@pytest.mark.parametrize("name", ["log", "sin", "cos"])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_those_of_the_library(name, kind):
    x = np.linspace(0.01, 50, 5000).astype(kind)
    exact = getattr(np, name)(x.astype(np.longdouble))
    assert worst(values(name, x), exact, kind) < 2


@pytest.mark.parametrize("name", ONE)
def test_the_type_of_the_argument_is_that_of_the_result(name):
    for kind in (np.float32, np.float64):
        x, function = np.array([0.25, 0.5], kind), getattr(vector_math, name)
        loop = njit(lambda x, function=function: function(x[0]))
        loop(x)
        (found,) = {str(sig.return_type) for sig in loop.nopython_signatures}
        assert found == np.dtype(kind).name
        plain = function(x)
        assert plain.dtype == kind
        np.testing.assert_allclose(plain, values(name, x), rtol=4 * np.finfo(kind).eps)


def test_an_integer_is_taken_as_float64():
    assert njit(lambda x: vector_math.exp(x))(2) == pytest.approx(math.exp(2), rel=1e-15)
    assert njit(lambda x: vector_math.greatest(x, 0))(np.float32(2.5)) == 2.5


def test_greatest_and_least():
    a, b = np.array([1, -1, 0, np.nan, 2, np.nan, np.inf]), np.array([2, -3, 0, 1, np.nan, np.nan, -np.inf])
    for name, plain in (("greatest", np.maximum), ("least", np.minimum)):
        function = getattr(vector_math, name)

        @njit
        def loop(a, b, y, function=function):
            for i in range(a.size):
                y[i] = function(a[i], b[i])

        for kind in (np.float32, np.float64):
            y = np.zeros(7, kind)
            loop(a.astype(kind), b.astype(kind), y)
            np.testing.assert_array_equal(y, plain(a, b).astype(kind))
            np.testing.assert_array_equal(function(a, b), plain(a, b))


x86 = pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="looks for instructions of x86")
PACKED = re.compile(r"\bv?(mul|fn?m(add|sub)\d+)p[sd]\b")  # several numbers at once, where ss and sd are for one
CALLED = re.compile(r"\$(exp|expm1|tanh)f?\b")


@x86
@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("name", EXACT)
def test_loops_are_vectorised(name, kind):
    values(name, np.zeros(8, kind))
    (code,) = [text for given, text in compiled(name).inspect_asm().items() if np.dtype(kind).name in str(given)]
    assert PACKED.search(code)
    assert not CALLED.search(code)


@x86
def test_loops_over_the_library_call_it():
    @njit(error_model="numpy")
    def loop(x, y):
        for i in range(x.size):
            y[i] = math.exp(x[i])

    loop(np.zeros(8, np.float32), np.zeros(8, np.float32))
    (code,) = loop.inspect_asm().values()
    assert CALLED.search(code)
