"""What is said of the values of a slot is true of all of them: what is kept in a byte loses nothing."""

import numpy as np
import pytest
import sympy
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from spaic import registry
from spaic.Dynamics import functions
from spaic.Dynamics.adjoint import adjoint
from spaic.Dynamics.kinds import BINARY, NUMBER, TRUTH, kinds
from spaic.Dynamics.lowering import lower
from spaic.Dynamics.tape import PRIMITIVES, Op, Tape
from spaic.errors import SpaicError
from tests.Dynamics.test_adjoint import ATAN, lowered, outside, random_inputs, random_model, slots_of, step_of
from tests.Dynamics.test_tape import expressions, parsed

SETTINGS = {"deadline": None, "derandomize": True, "phases": set(Phase) - {Phase.explain}}
POINTS = st.lists(st.fixed_dictionaries({k: st.integers(-3000, 3000).map(lambda n: n / 1000) for k in "xyp"}), min_size=1, max_size=6)


def check(tape, slots):
    """Every value is of the kind of its slot; how often each kind occurs."""
    found = kinds(tape)
    made = {op.out: op for op in (*tape.prelude, *tape.body)}
    for slot, kind in found.items():
        value = np.asarray(slots[slot])
        if kind == BINARY:
            assert np.isin(value, (0.0, 1.0)).all() and value.dtype != bool, made.get(slot)
        assert (kind == TRUTH) == (value.dtype == bool), made.get(slot)
    assert set(found) == set(made) | set(tape.constants)
    return [kind for slot, kind in found.items() if slot in made]


@settings(max_examples=150, **SETTINGS)
@given(expressions(), POINTS)
def test_random_expressions(text, points):
    try:
        parsed(text)
        tape = lowered({"result": text}, "p")
    except SpaicError:
        assume(False)
    with np.errstate(all="ignore"):
        check(tape, slots_of(tape, {k: np.array([point[k] for point in points]) for k in tape.inputs}))


@pytest.mark.parametrize("seed", range(10))
def test_random_models(seed):
    tape, element = step_of(random_model(seed))
    with np.errstate(all="ignore"):
        assert BINARY in check(tape, slots_of(tape, random_inputs(tape, element, seed)))


@pytest.mark.parametrize("name", registry.neurons)
def test_spikes_are_binary(name):
    tape, element = step_of(registry.neurons[name])
    found = kinds(tape)
    if registry.neurons[name].condition is not None:
        assert found[tape.outputs["O"]] == BINARY
    assert all(found.get(tape.outputs[s], NUMBER) == NUMBER for s in element.model.states)


@pytest.mark.parametrize("text, kind", [
    ("where(x > 0, 1, 0)", BINARY),
    ("where(x > 0, where(y > 0, 0, 1), 1)", BINARY),
    ("where(x > 0, 1, 2)", NUMBER),
    ("where(x > 0, 1, y)", NUMBER),
    ("1 - where(x > 0, 1, 0)", NUMBER),
    ("sign(x)", NUMBER),
    ("max(where(x > 0, 1, 0), 0.5)", NUMBER),
    ("1", BINARY),
    ("2", NUMBER),
])  # fmt: skip
def test_kinds_of_results(text, kind):
    tape = lowered({"r": text})
    assert kinds(tape)[tape.outputs["r"]] == kind


def test_inputs_are_numbers_whatever_comes():
    tape = lowered({"r": "x"})
    assert tape.outputs["r"] not in kinds(tape)


def test_a_detached_spike_is_a_spike():
    x = sympy.Symbol("x", real=True)
    o = functions.spike(x, sympy.Integer(1))
    tape = lower([("r", functions.select(functions.detach(o), sympy.Integer(1), o)), ("s", functions.detach(x))], {"r": "r", "s": "s"}, ())
    assert kinds(tape)[tape.outputs["r"]] == BINARY and kinds(tape)[tape.outputs["s"]] == NUMBER


def test_operations_that_go_on_from_a_tape():
    """A gradient is a number, a condition of the way back is none."""
    tape = lowered({"r": "max(x, y) * where(x > 0, 1, 0)"})
    way = adjoint(tape, ["r"], outside(tape), ATAN)
    found = kinds(tape, (*way.tape.prelude, *way.tape.body))
    assert {found[op.out] for op in way.tape.body if op.name in ("gt", "ge")} == {TRUTH}
    assert all(found.get(slot, NUMBER) == NUMBER for slot in way.tape.outputs.values())


@pytest.mark.parametrize("name", PRIMITIVES)
def test_every_operation_has_a_kind(name):
    """Of arguments of any kind; only conditions are truth values."""
    places = 3 if name in ("where", "select") else 2
    for argument in (0, 1, 2):
        tape = Tape(4, {0: 0.5, 1: 1.0}, {}, (), (Op("gt", (0, 1), (), 2), Op(name, (argument,) * places, (1,), 3)), {"r": 3})
        kind = kinds(tape)[3]
        assert (kind == TRUTH) == (name in ("gt", "ge", "lt", "le", "and", "or", "not") or (name == "detach" and argument == 2))
