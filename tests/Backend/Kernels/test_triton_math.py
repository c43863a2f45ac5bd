"""The functions that generated Triton code calls, in the interpreter."""

import math
import re

import mpmath
import numpy as np
import pytest
import torch

from spaic.Backend.Kernels.text import triton_math, triton_text
from spaic.Dynamics.tape import PRIMITIVES
from tests.Backend.Kernels.triton_cases import interpreted

BOTH = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])

FUNCTIONS = {
    "exp": mpmath.exp, "expm1": mpmath.expm1, "tanh": mpmath.tanh, "tan": mpmath.tan, "sign": mpmath.sign, "root": mpmath.sqrt,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "exprel": lambda x: mpmath.expm1(x) / x,
    "exprel_slope": lambda x: (mpmath.exp(x) * (x - 1) + 1) / x**2,
}  # fmt: skip


def evaluate(name, dtype, *arguments):
    """A function of generated code, in the interpreter."""
    return compute(f"{name}({', '.join('ab'[: len(arguments)])})", dtype, *arguments)


def compute(text, dtype, *arguments):
    """An expression in `a` and `b`: their values, and its own."""
    names = "ab"[: len(arguments)]
    loads = [f"    {a} = tl.load({a}_at + i)" for a in names]
    kernel = [
        "@triton.jit", f"def each({', '.join(f'{a}_at' for a in names)}, out, SIZE: tl.constexpr):", "    i = tl.arange(0, SIZE)",
        *loads, f"    tl.store(out + i, {text})",
    ]  # fmt: skip
    head = 'import triton\nimport triton.language as tl\n\nnan = tl.constexpr(float("nan"))'
    module = interpreted("\n\n\n".join([head, *triton_math.helpers(re.findall(r"\w+", text), str(dtype)[6:]), "\n".join(kernel)]) + "\n")
    size = 1 << (len(arguments[0]) - 1).bit_length()
    padded = [torch.ones(size, dtype=dtype) for _ in range(len(arguments) + 1)]
    for whole, argument in zip(padded, arguments, strict=False):
        whole[: len(argument)] = torch.as_tensor(argument, dtype=dtype)
    with np.errstate(all="ignore"):
        module.each[(1,)](*padded, SIZE=size)
    return [x[: len(arguments[0])].numpy() for x in padded]


@BOTH
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_accurate(name, dtype):
    rng = np.random.default_rng(2)
    largest = 85.0 if dtype == torch.float32 else 700.0
    x = np.concatenate([*(rng.normal(size=200) * s for s in (1e-7, 1e-3, 0.3, 2.0)), rng.uniform(-largest, largest, 200)])
    x = np.abs(x) if name == "root" else x[np.abs(x) < 1.5] if name == "tan" else x
    x, ours = evaluate(name, dtype, x)
    with mpmath.workdps(50):
        exact = np.array([float(FUNCTIONS[name](mpmath.mpf(float(value)))) for value in x])
    assert np.all(np.abs(ours - exact) <= 8 * np.finfo(x.dtype).eps * np.abs(exact))


@BOTH
def test_functions_at_the_ends(dtype):
    ends = [math.inf, -math.inf, 1e4, -1e4, 0.0]
    expected = {
        "exp": [math.inf, 0, math.inf, 0, 1], "expm1": [math.inf, -1, math.inf, -1, 0], "tanh": [1, -1, 1, -1, 0],
        "sigmoid": [1, 0, 1, 0, 0.5], "sign": [1, -1, 1, -1, 0],
    }  # fmt: skip
    for name, wanted in expected.items():
        assert evaluate(name, dtype, ends)[1].tolist() == wanted
        assert np.isnan(evaluate(name, dtype, [math.nan])[1]).all() == (name != "sign")
    assert evaluate("exprel", dtype, [0.0])[1] == 1 and evaluate("exprel_slope", dtype, [0.0])[1] == 0.5
    for name in ("least", "greatest"):
        assert np.isnan(evaluate(name, dtype, [math.nan, 1.0], [1.0, math.nan])[2]).all()


@BOTH
def test_powers(dtype):
    rng = np.random.default_rng(3)
    a = np.concatenate([np.exp(rng.uniform(-8, 8, 300)), -np.exp(rng.uniform(-2, 2, 100)), -np.exp(rng.uniform(-2, 2, 100)), [0, 0, 0, 5]])
    b = np.concatenate([rng.uniform(-6, 6, 300), rng.integers(-6, 6, 100), rng.uniform(-5, 5, 100), [0, 2, -1, 0]])
    a, b, ours = evaluate("power", dtype, a, b)
    with np.errstate(all="ignore"):
        exact = np.power(a.astype(np.float64), b.astype(np.float64))
    np.testing.assert_allclose(ours, exact, rtol=64 * np.finfo(a.dtype).eps)


def test_the_language_has_every_primitive():
    calls = triton_text.LANGUAGE.calls
    assert set(calls) >= set(PRIMITIVES) - {"add", "sub", "mul", "div", "gt", "ge", "lt", "le", "spike", "matrix_exp", "entry"}
    numbers = [1.5, -1.5, 0.0, math.nan]
    not_positive = calls["where"].format(calls["not"].format("(a > number(0.0))"), "number(1.0)", "number(0.0)")
    assert compute(not_positive, torch.float64, numbers)[1].tolist() == [0, 1, 1, 1]
    assert compute(calls["floor"].format("a"), torch.float64, numbers)[1].tolist()[:3] == [1, -2, 0]
    assert compute(calls["detach"].format("a"), torch.float64, numbers)[1].tolist()[:3] == numbers[:3]
