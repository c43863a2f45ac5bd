"""The way back through a step: its gradients are those of torch's autograd over the same tape, and of finite differences."""

import random

import numpy as np
import pytest
import sympy
import torch
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

from spaic import NeuronModel, registry
from spaic.Backend.element import Element
from spaic.Backend.Torch.steps.primitives import primitives
from spaic.Backend.Torch.steps.spike import spike_function
from spaic.Dynamics import functions
from spaic.Dynamics.adjoint import adjoint
from spaic.Dynamics.expression import Expression
from spaic.Dynamics.lowering import lower
from spaic.Dynamics.parameter import Parameter
from spaic.Dynamics.primitives import PRIMITIVES
from spaic.errors import SpaicError, UnsupportedError
from tests.Dynamics.test_tape import evaluate, expressions, parsed

SETTINGS = {"deadline": None, "derandomize": True, "phases": set(Phase) - {Phase.explain}}
ATAN = registry.surrogates["atan"]


# --- a tape, forth and back


def slots_of(tape, inputs, table=PRIMITIVES):
    """The value of every slot: `inputs` by name or, where they are known before the body, by slot."""
    slots = [None] * tape.size
    for slot, value in tape.constants.items():
        slots[slot] = value
    for name, value in inputs.items():
        slots[tape.inputs[name] if isinstance(name, str) else name] = value
    is_settled = any(not isinstance(name, str) for name in inputs)
    for op in (*(() if is_settled else tape.prelude), *tape.body):
        slots[op.out] = table[op.name](*[slots[a] for a in op.args], *op.static)
    return slots


def outside(tape):
    """Slots that the body reads and does not write."""
    read = {a for op in tape.body for a in op.args} | set(tape.outputs.values())
    return sorted(read - {op.out for op in tape.body} - set(tape.constants))


def forth_and_back(tape, inputs, seeds, sources=None, surrogate=ATAN):
    """Slot -> gradient, by the adjoint in NumPy and by torch; and the slots."""
    size = len(next(iter(seeds.values())))
    with np.errstate(all="ignore"):
        slots = slots_of(tape, inputs)
        slots = [x if x is None or np.ndim(x) > 1 else np.broadcast_to(x, size) for x in slots]
        sources = [s for s in outside(tape) if slots[s].dtype == float] if sources is None else sources
        found = _by_adjoint(tape, adjoint(tape, tuple(seeds), tuple(sources), surrogate), slots, seeds, sources)
    table = {**primitives(torch.float64), "spike": spike_function(surrogate)}
    leaves = {s: torch.tensor(slots[s]).requires_grad_(s in sources) for s in outside(tape)}
    forward = slots_of(tape, leaves, table)
    loss = sum((forward[tape.outputs[name]] * torch.from_numpy(seed)).sum() for name, seed in seeds.items())
    expected = [torch.zeros(size, dtype=torch.float64) for _ in sources]
    if loss.requires_grad:
        expected = torch.autograd.grad(loss, [leaves[s] for s in sources], allow_unused=True, materialize_grads=True)
    return found, {s: g.numpy() for s, g in zip(sources, expected, strict=True)}, slots


def _by_adjoint(tape, way, slots, seeds, sources):
    """With nothing of the step but what it says that it needs."""
    back = [slots[s] if s in way.needs else None for s in range(tape.size)] + [None] * (way.tape.size - tape.size)
    for slot, value in way.tape.constants.items():
        back[slot] = value
    for name, slot in way.tape.inputs.items():
        back[slot] = seeds[name]
    for op in (*way.tape.prelude, *way.tape.body):
        back[op.out] = PRIMITIVES[op.name](*[back[a] for a in op.args], *op.static)
    return {s: np.zeros(len(slots[s])) if way.gradient(s) is None else back[way.gradient(s)] for s in sources}


def lowered(texts, invariant=(), outputs=None):
    names = outputs or tuple(texts)
    return lower([(k, Expression(v).sympy) for k, v in texts.items()], {k: k for k in names}, invariant)


def tape_of(text, invariant=()):
    """Texts that are refused, because they are no real number for SymPy, say nothing here."""
    try:
        parsed(text)
        return lowered({"result": text}, invariant)
    except SpaicError:
        assume(False)


# --- random expressions


POINTS = st.lists(st.fixed_dictionaries({k: st.integers(-3000, 3000).map(lambda n: n / 1000) for k in "xyp"}), min_size=1, max_size=4)


@settings(max_examples=150, **SETTINGS)
@given(expressions(), POINTS)
def test_random_expressions(text, points):
    tape = tape_of(text, "p")
    inputs = {k: np.array([point[k] for point in points]) for k in tape.inputs}
    seeds = {"result": np.linspace(0.5, 1.5, len(points))}
    found, expected, slots = forth_and_back(tape, inputs, seeds)
    for slot, gradient in expected.items():
        good = np.isfinite(gradient) & (np.abs(gradient) < 1e100)
        good &= np.logical_and.reduce([np.isfinite(s) for s in slots if s is not None])
        np.testing.assert_allclose(found[slot][good], gradient[good], rtol=1e-9, atol=1e-13 * np.max(np.abs(gradient[good]), initial=0.0))


@settings(max_examples=50, **SETTINGS)
@given(expressions(), st.fixed_dictionaries({k: st.integers(-3000, 3000).map(lambda n: n / 1000) for k in "xyp"}), st.integers(0, 1000))
def test_finite_differences(text, values, seed):
    """Central differences in exact arithmetic, where rounding in float64 leaves the derivative as it is."""
    tape = tape_of(text)
    expression = parsed(text)
    assume(tape.inputs)
    found, _, _ = forth_and_back(tape, {k: np.array([values[k]]) for k in tape.inputs}, {"result": np.ones(1)})
    step = mpf(10) ** -25
    with mp.workdps(80):
        for name, slot in tape.inputs.items():
            slopes = []
            for size in (0, mpf(10) ** -14):
                ends = []
                for shift in (-step, 0, step):
                    wobble = random.Random(seed)
                    at = {**{k: mpf(v) for k, v in values.items()}, name: mpf(values[name]) + shift}
                    try:
                        ends.append(evaluate(expression, at, lambda w=wobble, s=size: 1 + s * w.choice([-1, 1])))
                    except (ZeroDivisionError, OverflowError):
                        assume(False)
                assume(abs(ends[2] - 2 * ends[1] + ends[0]) <= abs(ends[2] - ends[0]) * mpf(10) ** -10)  # no corner
                slopes.append((ends[2] - ends[0]) / (2 * step))
            assume(abs(slopes[1] - slopes[0]) <= abs(slopes[0]) * mpf(10) ** -10 and abs(slopes[0]) < 1e12)  # no jump
            assert abs(float(found[slot][0]) - slopes[0]) <= abs(slopes[0]) * mpf(10) ** -8 + mpf(10) ** -15


# --- random models


def random_model(seed):
    """Two coupled states, a map and a value, of every construct of the language; smooth enough to be compared."""
    pick = random.Random(seed)
    names = ["x", "y", "m", "p", "q", *(["t"] if pick.random() < 0.3 else [])]
    part = lambda depth: _expression(pick, names, depth)  # noqa: E731
    equations = f"""
        u = tanh({part(2)})
        dx/dt = (I - x + tanh({part(3)} + u)) / tau
        dy/dt = (sin({part(2)} - u) - y) / tau {pick.choice(["", "+ 0.1 * xi"])}
        m := 0.5 * m + 0.5 * tanh({part(3)} + u / 2)
    """
    interpolates = pick.random() < 0.3
    reset = [pick.choice(["x = p / 4", "x -= 1", "x = 0", "x *= 0.5"]), *pick.choice([[], ["y += 0.2"], ["m = q"], ["y = x", "m /= 2"]])]
    spike = pick.choice(["x > 0.4", "x >= 0.4 + y / 10", f"x + 0.1 * tanh({part(1)}) > 0.4"])
    receive = "" if interpolates else pick.choice(["x += w", "x += w * (1 - y)", "y -= w; x += 0.5 * w"])
    method = pick.choice(["euler", "rk2", "rk4", "exponential_euler", "exponential_midpoint"])
    parameters = {"tau": Parameter(3.0, "ms", range="(0, inf)"), "p": 0.7, "q": 1.3, "t_ref": Parameter(1.0, "ms", range="[0, inf)")}
    refractory = pick.choice(["", "t_ref: x"])
    return NeuronModel(
        equations, parameters if refractory else {k: v for k, v in parameters.items() if k != "t_ref"}, receive=receive, spike=spike,
        reset="; ".join(reset), refractory=refractory, interpolate=interpolates, substeps=pick.choice([1, 1, 2]), method=method,
        name=f"random{seed}", initial={"x": 0.1, "y": 0.2, "m": "p / 2"},
    )  # fmt: skip


def _expression(pick, names, depth):
    part = lambda: _expression(pick, names, depth - 1)  # noqa: E731
    kind = pick.choice(["operation", "operation", "function", "where", "extreme", "power", "quotient", "minus"]) if depth else "leaf"
    match kind:
        case "leaf":
            return pick.choice([*names, "0.5", "2", "0.3"])
        case "operation":
            return f"({part()} {pick.choice('+-*')} {part()})"
        case "function":
            plain = ["tanh", "sigmoid", "sin", "cos", "abs", "exprel", "sign"]
            function = pick.choice([*plain, "expm1(tanh", "log(0.1 + abs", "sqrt(1 + abs"])
            return f"{function}({part()})" + ")" * function.count("(")
        case "where":
            condition = f"{part()} {pick.choice(['>', '>=', '<', '<='])} {part()}"
            return f"where({pick.choice([condition, f'{condition} or not ({part()} > {part()})'])}, {part()}, {part()})"
        case "extreme":
            return pick.choice([f"min({part()}, {part()})", f"max({part()}, {part()})", f"clip({part()}, -1, 1)"])
        case "power":
            return pick.choice([f"({part()})**{pick.choice([2, 3])}", f"(0.5 + abs({part()}))**{pick.choice(['1.5', 'p', '-0.5', 'x'])}"])
        case "quotient":
            return f"{part()} / (1 + abs({part()}))"
    return f"(-{part()})"


def step_of(model, method=None, surrogate=ATAN, reset_gradient=True):
    """The tape of one step of all variables, with every parameter free."""
    element = Element(
        "A", (), model, {}, {}, method or model.method, frozenset(model.ports), frozenset(model.parameters), surrogate, reset_gradient,
        frozenset(model.variables), 0,
    )  # fmt: skip
    return element.tape, element


def random_inputs(tape, element, seed, size=20):
    rng = np.random.default_rng(seed)
    given = {k: np.full(size, float(v)) for k, v in element.parameters.items()}
    drawn = {k: rng.normal(size=size) for k in tape.inputs if k not in given}
    fixed = {"dt": np.full(size, 0.5), "refractory": np.maximum(0.0, np.floor(rng.uniform(-3, 3, size)))}
    return {k: v for k, v in {**drawn, **given, **fixed}.items() if k in tape.inputs}


@pytest.mark.parametrize("seed", range(30))
def test_random_models(seed):
    surrogate = list(registry.surrogates.values())[seed % len(registry.surrogates)]
    tape, element = step_of(random_model(seed), surrogate=surrogate, reset_gradient=seed % 4 > 0)
    seeds = {k: np.random.default_rng(seed + 1).normal(size=20) for k in tape.outputs if k != "refractory"}
    found, expected, _ = forth_and_back(tape, random_inputs(tape, element, seed), seeds, surrogate=surrogate)
    assert any(g.any() for g in expected.values())
    for slot, gradient in expected.items():
        np.testing.assert_allclose(found[slot], gradient, rtol=1e-11, atol=1e-13 * np.abs(gradient).max())


@pytest.mark.parametrize("name", registry.neurons)
def test_the_code_grows_with_the_step(name):
    """The chain rule, each operation once: nothing of it is computed twice, and nothing that no one reads."""
    model = registry.neurons[name]
    tape, _ = step_of(model, "rk4" if name == "hodgkin_huxley" else None)
    way = adjoint(tape, [s for s in tape.outputs if s != "refractory"], outside(tape), ATAN)
    ops = (*way.tape.prelude, *way.tape.body)
    assert len(ops) <= 3 * len(tape.body) + 10
    assert len({op[:3] for op in (*tape.prelude, *tape.body, *ops)}) == len(tape.prelude) + len(tape.body) + len(ops)
    read = {a for op in ops for a in op.args} | set(way.tape.outputs.values())
    assert {op.out for op in ops} <= read
    assert way.needs == read - {op.out for op in ops} - set(way.tape.constants) - set(way.tape.inputs.values())
    assert way.needs <= set(range(tape.size))


# --- rules


def gradient_of(texts, values, sources="xy", seeds=None, **options):
    tape = lowered(texts, outputs=list(seeds or texts))
    inputs = {k: np.array([values[k]]) for k in tape.inputs}
    found, expected, _ = forth_and_back(tape, inputs, {k: np.ones(1) for k in seeds or texts}, [tape.inputs[k] for k in sources], **options)
    assert found == expected, "plain torch says something else"
    return tuple(float(found[tape.inputs[k]][0]) for k in sources)


@pytest.mark.parametrize("text, x, y, expected", [
    ("min(x, y)", 1.0, 1.0, (0.5, 0.5)),
    ("max(x, y)", 1.0, 1.0, (0.5, 0.5)),
    ("max(x, y)", 2.0, 1.0, (1.0, 0.0)),
    ("max(x, 1) + y", 1.0, 0.0, (1.0, 1.0)),
    ("clip(x, 0, 1) * y", 0.0, 3.0, (3.0, 0.0)),
    ("abs(x) + y", 0.0, 0.0, (0.0, 1.0)),
    ("x * x * y", 3.0, 2.0, (12.0, 9.0)),
    ("x * sign(y) + sign(x) * y", 3.0, 2.0, (1.0, 1.0)),
    ("where(x > y, x * y, x)", 3.0, 2.0, (2.0, 3.0)),
    ("where(x > y, x * y, x)", 1.0, 2.0, (1.0, 0.0)),
    ("exprel(x) + y", 0.0, 0.0, (0.5, 1.0)),
    ("abs(x)**1.5 + x**10 + y", 0.0, 0.0, (0.0, 1.0)),
    ("abs(x)**y + x", 0.0, 2.0, (1.0, 0.0)),
    ("abs(x)**y + x", 0.0, 0.0, (1.0, 0.0)),
    ("x**y", 2.0, 3.0, (12.0, 8 * np.log(2))),
])  # fmt: skip
def test_corners(text, x, y, expected):
    sources = "xy" if "x" in str(Expression(text).sympy) else "y"
    assert gradient_of({"r": text}, {"x": x, "y": y}, sources) == expected[-len(sources) :]


def spiking(condition="x - 1"):
    """``o`` is a spike, and ``r`` what it chooses between."""
    x, y = sympy.symbols("x y", real=True)
    o = functions.spike(Expression(condition).sympy, sympy.Integer(1))
    return lower([("o", o), ("r", functions.select(sympy.Symbol("o", real=True), y, x))], {"o": "o", "r": "r"}, ())


@pytest.mark.parametrize("x", [0.7, 1.3])
@pytest.mark.parametrize("seeds", [("o",), ("r",), ("o", "r")])
def test_a_spike_counts_as_the_weight_of_a_mix(x, seeds):
    tape = spiking()
    slope = float(ATAN.sympy.xreplace({sympy.Symbol("x", real=True): sympy.Float(x - 1)}))
    found, expected, slots = forth_and_back(tape, {"x": np.array([x]), "y": np.array([0.2])}, {k: np.ones(1) for k in seeds})
    fired = x > 1
    assert slots[tape.outputs["r"]] == (0.2 if fired else x)
    through = slope * ((0.2 - x) * ("r" in seeds) + ("o" in seeds))
    assert found[tape.inputs["x"]][0] == pytest.approx(through + (not fired) * ("r" in seeds), rel=1e-12)
    assert found[tape.inputs["y"]][0] == float(fired and "r" in seeds)
    for slot, gradient in expected.items():
        np.testing.assert_allclose(found[slot], gradient, rtol=1e-12)


def test_without_a_surrogate_nothing_passes_a_spike():
    tape = spiking()
    values = {"x": np.array([0.7]), "y": np.array([0.2])}
    found, expected, _ = forth_and_back(tape, values, {"o": np.ones(1), "r": np.ones(1)}, surrogate=None)
    assert found == expected == {tape.inputs["x"]: 1.0, tape.inputs["y"]: 0.0}


def test_what_leads_nowhere_has_no_gradient_and_no_code():
    tape = lowered({"r": "sign(x) + y", "s": "exp(y)"})
    way = adjoint(tape, ["r"], outside(tape), None)
    assert way.gradient(tape.inputs["x"]) is None and way.gradient(tape.inputs["y"]) == way.tape.inputs["r"]
    assert not way.tape.prelude and not way.tape.body and not way.needs
    assert adjoint(tape, ["r", "s"], [tape.inputs["x"]], None).tape.inputs == {}


def test_a_result_that_is_an_input_hands_its_gradient_on():
    tape = lowered({"r": "x", "s": "x * y"})
    found, expected, _ = forth_and_back(tape, {"x": np.array([2.0]), "y": np.array([3.0])}, {"r": np.ones(1), "s": np.ones(1)})
    assert found == expected == {tape.inputs["x"]: 4.0, tape.inputs["y"]: 2.0}


def test_detach_stops_gradient():
    x = sympy.Symbol("x", real=True)
    tape = lower([("r", x * functions.detach(x))], {"r": "r"}, ())
    found, expected, _ = forth_and_back(tape, {"x": np.array([2.0])}, {"r": np.ones(1)})
    assert found == expected == {tape.inputs["x"]: 2.0}


def test_the_real_part_of_a_real_number_is_itself():
    assert gradient_of({"r": "abs(exp(-abs(x)**-0.5))"}, {"x": 4.0}, "x") == (np.exp(-0.5) / 16,)


@pytest.mark.parametrize("part, expected", [(sympy.re, 2.0), (sympy.conjugate, 2.0), (sympy.im, 0.0)], ids=str)
def test_parts_of_numbers_that_sympy_takes_for_complex(part, expected):
    x = sympy.Symbol("x", real=True)
    whole = part(sympy.sqrt(x), evaluate=False)
    tape = lower([("r", whole + x)], {"r": "r"}, ())
    assert tape.run(PRIMITIVES, {"x": 4.0})["r"] == 4.0 + expected


def test_a_matrix_exponential_in_every_step_is_refused():
    cells = sympy.symbols("a b c d", real=True)
    expression = functions.entry(functions.matrix_exp(sympy.Integer(2), *cells), sympy.Integer(0), sympy.Integer(1))
    tape = lower([("r", expression)], {"r": "r"}, ())
    with pytest.raises(UnsupportedError, match="'(entry|matrix_exp)' has no derivative"):
        adjoint(tape, ["r"], outside(tape), None)
    adjoint(tape, [], outside(tape), None)
