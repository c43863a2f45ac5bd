"""The white list of the equation language: what it accepts, and all that it refuses."""

import subprocess
import sys

import pytest
import sympy

from spaic.Dynamics.expression import FUNCTIONS, RESERVED, Comparison, Expression, is_name
from spaic.errors import DeclarationError, SpaicError

FOREIGN = [
    "V.real", "().__class__", "exp.__globals__", "V[0]", "V[0:1]", "[1, 2]", "(1, 2)", "{1}", "{1: 2}", "()",
    "lambda: 1", "(lambda x: x)(1)", "exp(lambda: 1)", "f'{V}'", "'text'", "b'1'", "''", "1j", "...", "None", "True",
    "[x for x in V]", "{x for x in V}", "{x: 1 for x in V}", "exp(x for x in V)", "(V := 1)", "exp((V := 1))", "*V", "exp(*V)", "exp(**V)",
    "exp(x=1)", "V if V else 1", "await V", "yield", "(yield V)", "1 < V < 2", "V == 1", "V != 1", "V is 1", "V in W", "V not in W",
    "V // 2", "V % 2", "V @ W", "V << 1", "V >> 1", "V & W", "V | W", "V ^ W", "~V", "exp(V)(1)", "(exp)(1)(2)",
]  # fmt: skip
UNREADABLE = [
    "",
    "  ",
    "V +",
    "(V",
    "V)",
    "V W",
    "import os",
    "from os import path",
    "V = 1",
    "V; W",
    "V\nW",
    "def f(): pass",
    "for",
    "1 +* 2",
    "V\0",
    "!",
    "1e",
]


@pytest.mark.parametrize("text", [*FOREIGN, *UNREADABLE])
def test_everything_else_is_refused_with_its_place(text):
    with pytest.raises(DeclarationError, match="^demo, equation of V: "):
        Expression(text, "demo, equation of V")


@pytest.mark.parametrize("name", ["__import__", "eval", "open", "getattr", "print", "gamma", "Exp", "V"])
def test_unknown_functions_are_refused_by_name(name):
    with pytest.raises(DeclarationError, match=f"unknown function '{name}'"):
        Expression(f"{name}(1)")


def test_an_unknown_function_suggests_the_nearest():
    with pytest.raises(DeclarationError, match="did you mean 'tanh'"):
        Expression("tanhh(V)")


@pytest.mark.parametrize("name, count", FUNCTIONS.items())
def test_functions_take_their_number_of_arguments(name, count):
    first = "1 > 0" if name == "where" else "0.5"
    assert Expression(f"{name}({', '.join([first, *['0.5'] * (count - 1)])})").symbols == frozenset()
    for wrong in {0, count - 1, count + 1}:
        with pytest.raises(DeclarationError, match=rf"{name} takes {count} argument\(s\), got {wrong}"):
            Expression(f"{name}({', '.join(['1'] * wrong)})")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_not_a_value(name):
    with pytest.raises(DeclarationError, match=f"'{name}' is a function"):
        Expression(f"2 * {name}")


@pytest.mark.parametrize("text", ["1e999", "-1e999", "1" + "0" * 400, "1" + "0" * 5000], ids=["inf", "-inf", "400 digits", "5000 digits"])
def test_numbers_beyond_floats_are_refused(text):
    with pytest.raises(DeclarationError):
        Expression(text)


@pytest.mark.parametrize("nest", [("(", ")"), ("sin(", ")"), ("-", ""), ("1+", "")], ids=["brackets", "calls", "signs", "sums"])
@pytest.mark.parametrize("depth", [90, 1000, 9000])
def test_what_is_accepted_can_be_used_however_deep(nest, depth):
    try:
        expression = Expression(nest[0] * depth + "V" + nest[1] * depth)
    except DeclarationError:
        assert depth > 90
        return
    assert expression.sympy.free_symbols == {sympy.Symbol("V", real=True)}


def test_text_of_unlimited_length_is_refused():
    with pytest.raises(DeclarationError, match="too long"):
        Expression("V" * 20_001)


def test_towers_of_powers_do_not_exhaust_the_machine():
    """In a process of its own: the danger is a calculation without end."""
    code = (
        "import resource, sympy, spaic\nresource.setrlimit(resource.RLIMIT_CPU, (6, 6))\n"
        "from spaic.Dynamics.expression import Expression\n"
        "for text in ('9**9**9', '2**10**12', '0.5**-9**9**9'):\n"
        "    try:\n        Expression(text + ' + V').sympy\n    except spaic.SpaicError:\n        pass"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60).returncode == 0


@pytest.mark.parametrize(
    "text",
    [
        "(V > 1) * 2",
        "V + (V > 1)",
        "-(V > 1)",
        "sin(V > 1)",
        "(V > 1) > 2",
        "where(V, 1, 2)",
        "not V",
        "V and W",
        "where(V > 1, V > 2, 3)",
        "max(V > 1, 2)",
    ],
)
def test_numbers_and_conditions_are_not_mixed(text):
    with pytest.raises(DeclarationError):
        Expression(text)


@pytest.mark.parametrize("text", ["min(V, log(0))", "where(V > 1 / 0, 1, 2)", "max(V, sqrt(-1))", "abs(V) > log(-2)"])
def test_a_constant_that_is_no_number_is_refused_by_name(text):
    with pytest.raises(SpaicError, match="demo"):
        Expression(text, "demo").sympy  # noqa: B018


@pytest.mark.parametrize("value", [None, 1.5, b"V", ["V"]])
def test_an_expression_is_text(value):
    with pytest.raises(DeclarationError, match="must be text"):
        Expression(value)


def test_symbols_are_names_without_functions_and_constants():
    assert Expression("exp(-dt / tau) * V + pi * sin(t) + where(V > V_th, xi, 0)").symbols == {"dt", "tau", "V", "t", "V_th", "xi"}


@pytest.mark.parametrize("name", ["S", "I", "E", "N", "O", "Q", "beta", "gamma", "zeta", "Symbol"])
def test_names_that_mean_something_to_sympy_are_plain_symbols(name):
    assert Expression(name).sympy == sympy.Symbol(name, real=True)


def test_arithmetic_has_the_precedence_of_python():
    a, b, c = sympy.symbols("a b c", real=True)
    assert Expression("-a**2 + b / c * 2 - +c").sympy == -(a**2) + 2 * b / c - c
    assert Expression("2**-a").sympy == 2 ** (-a)
    assert Expression("a**b**c").sympy == a ** (b**c)


def test_numbers_keep_their_value():
    assert Expression("3").sympy == sympy.Integer(3)
    assert float(Expression("0.1").sympy) == 0.1
    assert float(Expression("1_000e-3").sympy) == 1.0


@pytest.mark.parametrize("text, strict", [("V > 1", True), ("V >= 1", False), ("1 < V", True), ("1 <= V", False)])
def test_a_condition_is_a_residual_and_its_strictness(text, strict):
    condition = Comparison(text, "demo, spike")
    assert condition.residual.sympy == sympy.Symbol("V", real=True) - 1
    assert condition.is_strict is strict


@pytest.mark.parametrize(
    "text", ["V", "V - 1", "1 < V < 2", "V == 1", "V > 1 and V < 2", "not V > 1", "where(V > 1, 1, 0)", "V.x > 1", "V >"]
)
def test_a_condition_is_one_comparison(text):
    with pytest.raises(DeclarationError, match="^demo, spike: "):
        Comparison(text, "demo, spike").residual


def test_names():
    assert all(map(is_name, ["V", "tau_m", "_x", "V_1", "d"]))
    assert not any(map(is_name, ["", "1V", "V.m", "a b", "for", "lambda", "None", "__class__", "V-1"]))
    assert {"t", "dt", "w", "exp", "pi"} <= RESERVED


def test_errors_are_both_ours_and_values():
    with pytest.raises(ValueError) as caught:
        Expression("V.x")
    assert isinstance(caught.value, SpaicError)
