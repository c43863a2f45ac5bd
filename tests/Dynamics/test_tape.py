"""Tapes: the values of the algebra they came from, each computed once, and nothing that no one reads."""

import numpy as np
import pytest
import sympy
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from mpmath import mp, mpc, mpf
from sympy.logic.boolalg import BooleanFunction

from spaic.Dynamics import functions
from spaic.Dynamics.expression import FUNCTIONS, Expression
from spaic.Dynamics.lowering import lower
from spaic.Dynamics.primitives import PRIMITIVES
from spaic.Dynamics.show import listing
from spaic.Dynamics.tape import PRIMITIVES as NAMES
from spaic.errors import SpaicError, UnsupportedError


def within(function, largest=1e6):
    """`function` where mpmath does not need the digits of a number that no float holds."""

    def limited(x):
        if abs(x) > largest:
            raise ZeroDivisionError(f"{mp.nstr(x, 3)} is out of reach")
        return function(x)

    return limited


#: What every function means, at any precision.
MEANING = {
    sympy.Add: lambda *a: mp.fsum(a), sympy.Mul: lambda *a: mp.fprod(a), sympy.Pow: mp.power, sympy.Min: min, sympy.Max: max,
    sympy.exp: within(mp.exp), sympy.log: mp.log, sympy.sin: within(mp.sin), sympy.cos: within(mp.cos), sympy.tan: within(mp.tan),
    sympy.tanh: within(mp.tanh),
    sympy.Abs: abs, sympy.sign: mp.sign, functions.floor: mp.floor, functions.expm1: within(mp.expm1),
    functions.sigmoid: within(lambda x: 1 / (1 + mp.exp(-x))),
    functions.exprel: lambda x: mp.expm1(x) / x if x else mpf(1),
    functions.exprel_slope: lambda x: (mp.exp(x) * (x - 1) + 1) / x**2 if x else mpf(1) / 2,
    sympy.Gt: lambda a, b: a > b, sympy.Ge: lambda a, b: a >= b, sympy.Lt: lambda a, b: a < b, sympy.Le: lambda a, b: a <= b,
    sympy.And: lambda *a: all(a), sympy.Or: lambda *a: any(a), sympy.Not: lambda a: not a,
    sympy.ITE: lambda c, a, b: a if c else b,
}  # fmt: skip


@st.composite
def expressions(draw, depth=4):
    """Text in x, y and p with every construct of the language."""
    pick = lambda *options: draw(st.sampled_from(options))  # noqa: E731
    part = lambda: draw(expressions(depth - 1))  # noqa: E731
    unary = [n for n, count in FUNCTIONS.items() if count == 1]
    kind = pick("leaf", "binary", "power", "root", "function", "function", "least", "clip", "where", "minus") if depth else "leaf"
    match kind:
        case "leaf":
            return pick("x", "y", "p", "1", "2", "7", "0.5", "3.7", "pi")
        case "binary":
            return f"({part()} {pick(*'+-*/')} {part()})"
        case "power":
            return f"({part()})**{pick(-3, -1, 2, 3, 5, 8, 10)}"
        case "root":
            return f"abs({part()})**{pick('0.5', '-0.5', '1.5', 'y')}"
        case "function":
            return f"{pick(*unary)}({part()})"
        case "least":
            return f"{pick('min', 'max')}({part()}, {part()})"
        case "clip":
            return f"clip({part()}, -1, 2)"
        case "where":
            condition = f"{part()} {pick('>', '>=', '<', '<=')} {part()}"
            condition = pick(condition, f"{condition} {pick('and', 'or')} not ({part()} > {part()})")
            return f"where({condition}, {part()}, {part()})"
    return f"(-{part()})"


VALUES = st.fixed_dictionaries({name: st.integers(-3000, 3000).map(lambda n: n / 1000) for name in "xyp"})


def evaluate(node, values, wobble):
    """The value of `node`, every operation off by a factor that `wobble` gives."""
    if isinstance(node, sympy.Piecewise):
        return evaluate(next(value for value, condition in node.args if evaluate(condition, values, wobble)), values, wobble)
    if node.is_Symbol:
        return mpf(values[node.name])
    if node in (sympy.true, sympy.false):
        return bool(node)
    if node.is_number and not node.args:
        return mpf(node.p) / node.q if node.is_Rational else mpf(sympy.Float(node, mp.dps)._mpf_)
    result = MEANING[node.func](*(evaluate(a, values, wobble) for a in node.args))
    if isinstance(result, mpc):
        raise ZeroDivisionError("not a real number")
    return result if node.is_Relational or isinstance(node, BooleanFunction) else result * wobble()


def parsed(text):
    try:
        expression = Expression(text).sympy
    except (TypeError, ValueError) as error:  # SymPy's, on a constant pole such as log(0) that is compared
        assume(isinstance(error, SpaicError) and "is not finite" not in str(error))
        raise
    assume(not expression.has(sympy.zoo, sympy.nan, sympy.I, sympy.oo))
    return expression


def run(expression, values, invariant=("p",)):
    tape = lower([("result", expression)], {"result": "result"}, invariant)
    with np.errstate(all="ignore"):
        return float(tape.run(PRIMITIVES, {k: np.float64(v) for k, v in values.items()})["result"])


@settings(max_examples=250, deadline=None, derandomize=True, phases=set(Phase) - {Phase.explain})
@given(expressions(), VALUES, st.randoms(use_true_random=False))
def test_a_tape_has_the_value_of_its_expression(text, values, random):
    expression = parsed(text)
    with mp.workdps(50):
        try:
            exact = evaluate(expression, values, lambda: 1)
            moved = evaluate(expression, values, lambda: 1 + mpf(random.choice([-1, 1])) / 10**14)
        except (ZeroDivisionError, OverflowError):  # a pole, or a root of something negative
            assume(False)
        assume(mpf(10) ** -200 < abs(exact) < mpf(10) ** 200)
        assume(abs(moved - exact) <= abs(exact) / 10**12)  # well conditioned
        assert abs(run(expression, values) - exact) <= abs(exact) / 10**12


@pytest.mark.parametrize(
    "text",
    [
        "where(x > where(x > y, x, y), x, y)",
        "max(exprel(1), x)",
        "min(sigmoid(2), expm1(1))",
        "abs(exp(sigmoid(x)))",
        "sign(exprel(x) + 1)",
    ],
)
def test_own_functions_are_real_numbers(text):
    values = {"x": 0.3, "y": -1.2}
    exact = float(evaluate(Expression(text).sympy, values, lambda: 1))
    assert run(Expression(text).sympy, values) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("name", ["exprel", "exprel_slope", "sigmoid", "expm1"])
@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.floats(-30, 30) | st.floats(-0.02, 0.02) | st.floats(-2e-5, 2e-5) | st.sampled_from([0.0, 1e-5, 1e-2, 1.00001e-2]))
def test_functions_without_cancellation(name, x):
    x = round(x, 12)
    with mp.workdps(50):
        exact = MEANING[getattr(functions, name)](mpf(x))
        assert abs(float(PRIMITIVES[name](x)) - exact) <= abs(exact) / 10**12


def test_sigmoid_does_not_overflow():
    with np.errstate(all="raise", under="ignore"):
        assert PRIMITIVES["sigmoid"](np.array([-1000.0, 1000.0])).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("text", ["exprel(a * x)", "expm1(x)**2", "sigmoid(3 * x) / x", "exprel(exprel(x) - a)"])
def test_derivatives_of_own_functions(text):
    expression, x = Expression(text).sympy, sympy.Symbol("x", real=True)
    with mp.workdps(50):
        values = {"x": 0.7, "a": 1.3}
        slope = mp.diff(lambda at: evaluate(expression, {**values, "x": at}, lambda: 1), mpf(values["x"]))
        assert abs(run(sympy.diff(expression, x), values) - slope) <= abs(slope) / 10**12


def test_every_primitive_is_defined():
    assert set(PRIMITIVES) == set(NAMES)


def lowered(assignments, outputs, invariant=(), wanted=None):
    return lower([(k, Expression(v).sympy) for k, v in assignments.items()], outputs, invariant, wanted)


def operations(tape):
    return [op.name for op in (*tape.prelude, *tape.body)]


def test_equal_parts_are_computed_once():
    tape = lowered({"u": "exp(x / tau)", "v": "1 + exp(x / tau)", "z": "u * v + exp(x / tau)"}, {"z": "z", "v": "v"})
    assert operations(tape).count("exp") == 1
    assert operations(tape).count("div") == 1


def test_powers_share_their_squares():
    tape = lowered({"y": "m**3 * h + m**4"}, {"y": "y"})
    assert operations(tape).count("mul") == 4 and "pow" not in operations(tape)


def test_what_depends_on_parameters_alone_runs_once():
    tape = lowered({"decay": "exp(-dt / tau)", "V": "x * decay + I * (1 - decay) * R"}, {"V": "V"}, ["tau", "dt", "R"])
    varying = {tape.inputs["x"], tape.inputs["I"]}
    for op in tape.prelude:
        assert not set(op.args) & varying
        varying -= {op.out}
    for op in tape.body:
        assert set(op.args) & varying
        varying.add(op.out)
    assert [op.name for op in tape.body] == ["mul", "mul", "add"]


def test_dead_code_is_dropped():
    assignments, outputs = {"a": "exp(x)", "b": "sin(y)", "c": "a + 1"}, {"A": "a", "B": "b", "C": "c"}
    assert set(operations(lowered(assignments, outputs))) == {"exp", "sin", "add"}
    tape = lowered(assignments, outputs, wanted=["B"])
    assert operations(tape) == ["sin"] and set(tape.outputs) == {"B"} and set(tape.inputs) == {"y"}


def test_a_free_symbol_and_a_number_can_be_outputs():
    tape = lowered({"one": "1"}, {"x": "x", "one": "one"})
    assert tape.run(PRIMITIVES, {"x": 3.0}) == {"x": 3.0, "one": 1.0}
    assert operations(tape) == []


def test_assignments_read_those_before_them_whatever_the_name():
    tape = lowered({"V:1": "x + 1"}, {"V": "V:1"})
    assert tape.run(PRIMITIVES, {"x": 1.0}) == {"V": 2.0}


def test_what_has_no_primitive_is_refused_by_name():
    with pytest.raises(UnsupportedError, match="erf"):
        lower([("y", sympy.erf(sympy.Symbol("x", real=True)))], {"y": "y"}, ())


def test_a_piecewise_without_a_last_branch_is_not_a_number_outside():
    x = sympy.Symbol("x", real=True)
    expression = sympy.Piecewise((x, x > 0), evaluate=False)
    assert run(expression, {"x": 2.0}) == 2.0
    assert np.isnan(run(expression, {"x": -2.0}))


def test_matrix_exponentials_take_arrays():
    cells = sympy.symbols("a b c d", real=True)
    matrix = functions.matrix_exp(sympy.Integer(2), *cells)
    expression = functions.entry(matrix, sympy.Integer(0), sympy.Integer(1))
    tape = lower([("y", expression)], {"y": "y"}, "abcd")
    angle = np.array([0.3, 1.0, -2.0])
    got = tape.run(PRIMITIVES, {"a": np.zeros(3), "b": angle, "c": -angle, "d": 0.0})["y"]
    np.testing.assert_allclose(got, np.sin(angle), rtol=1e-12)


def test_a_listing_names_inputs_and_outputs():
    text = listing(lowered({"k": "exp(-dt / tau)", "V": "k * V0 + I", "same": "V"}, {"V": "V", "U": "same"}, ["tau", "dt"]))
    once, _, every = text.partition("# every step")
    assert "exp(" in once and "tau" in once and "V0" not in once
    assert "V = " in every and "U = V" in every
