"""What is kept of a step is enough for the way back, and no cheaper set is."""

import itertools

import numpy as np
import pytest
from hypothesis import Phase, assume, given, settings

from spaic import registry
from spaic.Backend.element import Element
from spaic.Backend.Kernels.text.layer import needed
from spaic.Dynamics.adjoint import adjoint
from spaic.Dynamics.keeping import kept
from spaic.Dynamics.kinds import NUMBER, kinds
from spaic.Dynamics.primitives import PRIMITIVES
from spaic.errors import SpaicError
from tests.Dynamics.test_adjoint import ATAN, lowered, outside, random_inputs, random_model, slots_of, step_of
from tests.Dynamics.test_tape import expressions, parsed

SETTINGS = {"deadline": None, "derandomize": True, "phases": set(Phase) - {Phase.explain}}
#: In tenths of a byte: what is recorded anyway, a number, and what is 0 or 1.
THERE, NUMBERS, BYTE = 1, 40, 10


def cost(tape, slots, there=()):
    kind = kinds(tape)
    return sum(THERE if s in there else NUMBERS if kind.get(s, NUMBER) == NUMBER else BYTE for s in slots)


def still(tape, known=()):
    """What is the same in every step."""
    return {op.out for op in tape.prelude} | set(tape.constants) | set(known)


def moving(tape, known=()):
    """What is not, in the order in which it is known."""
    made = [op.out for op in tape.body]
    return [s for s in (*(s for s in tape.inputs.values() if s not in made), *made) if s not in still(tape, known)]


def is_enough(tape, chosen, needs, known=()):
    """Whether `needs` follow from `chosen` and what is the same in every step."""
    found = set(chosen) | still(tape, known)
    for op in tape.body:
        if found.issuperset(op.args):
            found.add(op.out)
    return found >= set(needs)


def cheapest(tape, needs, known, there):
    """All sets of slots that are enough at the least cost, by trying all of them."""
    slots = moving(tape, known)
    best, found = float("inf"), []
    for size in range(len(slots) + 1):
        for chosen in itertools.combinations(slots, size):
            price = cost(tape, chosen, there)
            if price <= best and is_enough(tape, chosen, needs, known):
                found = [c for c in found if price == best] + [set(chosen)]
                best = price
    return best, found


def check(tape, needs, known=(), there=()):
    chosen = kept(tape, needs, known, there)
    assert list(chosen) == sorted(set(chosen))
    assert set(chosen) <= set(moving(tape, known)), "it keeps what is known anyway"
    assert is_enough(tape, chosen, needs, known)
    assert not any(is_enough(tape, set(chosen) - {s}, needs, known) for s in chosen), "one of them is not needed"
    inputs = {s for s in moving(tape, known) if s not in {op.out for op in tape.body}}
    for simple in (set(needs) - still(tape, known), inputs):
        if is_enough(tape, simple, needs, known):
            assert cost(tape, chosen, there) <= cost(tape, simple, there)
    return chosen


def recomputed(tape, needs, chosen, known=()):
    return len(needed(tape.body, set(needs) - still(tape, known), chosen))


def tape_of(text):
    try:
        parsed(text)
        return lowered({"result": text}, "p")
    except SpaicError:
        assume(False)


# --- every set


@settings(max_examples=60, **SETTINGS)
@given(expressions(depth=3))
def test_nothing_cheaper_is_enough(text):
    """Small tapes: against all sets; of those that are as cheap, it is the one that leaves least to compute again."""
    tape = tape_of(text)
    assume(1 <= len(moving(tape)) <= 11)
    way = adjoint(tape, ["result"], outside(tape), None)
    for there in ((), tuple(tape.outputs.values())):
        chosen = check(tape, way.needs, (), there)
        best, all_of_them = cheapest(tape, way.needs, (), there)
        assert cost(tape, chosen, there) == best
        assert recomputed(tape, way.needs, chosen) == min(recomputed(tape, way.needs, c) for c in all_of_them)


@settings(max_examples=100, **SETTINGS)
@given(expressions())
def test_larger_tapes(text):
    tape = tape_of(text)
    way = adjoint(tape, ["result"], outside(tape), None)
    check(tape, way.needs)
    check(tape, way.needs, (), tape.outputs.values())
    known = [s for name, s in tape.inputs.items() if name == "x"]
    check(tape, way.needs, known)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_kept_of_a_random_model_gives_the_needs_back(seed):
    """In numbers: what is needed is computed again from what is kept, and nothing else is there."""
    tape, element = step_of(random_model(seed))
    states = [s for s in tape.outputs if s != "refractory"]
    way = adjoint(tape, states, outside(tape), ATAN)
    known = [s for name, s in tape.inputs.items() if name in {*element.parameters, "dt", "t"}]
    chosen = check(tape, way.needs, known, [tape.outputs["O"]])
    with np.errstate(all="ignore"):
        slots = slots_of(tape, random_inputs(tape, element, seed))
        again = [slots[s] if s in {*chosen, *still(tape, known)} else None for s in range(tape.size)]
        for op in needed(tape.body, way.needs, chosen):
            again[op.out] = PRIMITIVES[op.name](*[again[a] for a in op.args], *op.static)
    for slot in way.needs:
        np.testing.assert_array_equal(again[slot], slots[slot])


# --- what users were promised


@pytest.mark.parametrize("name, numbers, bytes", [
    ("if", 1, 0), ("lif", 1, 0), ("cuba", 1, 0), ("alif", 2, 0), ("clif", 1, 0), ("plif", 1, 0),
])  # fmt: skip
def test_neurons_keep_little(name, numbers, bytes):
    """A linear neuron without refractory period: its membrane potential before the reset, and what its threshold adapts to."""
    model = registry.neurons[name]
    element = Element("A", (), model, {}, {}, model.method, frozenset(model.ports), frozenset(), ATAN, True, frozenset("O"), 0)
    tape = element.tape
    sources = [tape.inputs[s] for s in tape.inputs if s in element.step.states or s.startswith("arrival")]
    way = adjoint(tape, [*element.step.states, "O"], sources, ATAN)
    known = [s for name, s in tape.inputs.items() if name in {*element.parameters, "dt"}]
    chosen = check(tape, way.needs, known, [tape.outputs["O"]])
    kind = kinds(tape)
    assert sum(kind.get(s, NUMBER) == NUMBER for s in chosen) <= numbers
    assert sum(kind.get(s, NUMBER) != NUMBER for s in chosen) <= bytes


# --- corners


def slot_of(tape, name):
    return tape.outputs.get(name, tape.inputs.get(name))


def test_nothing_is_needed():
    tape = lowered({"r": "x + y"})
    assert kept(tape, [], [], []) == ()
    assert kept(tape, [slot_of(tape, "x")], [slot_of(tape, "x")], []) == ()


def test_what_depends_on_what_is_known_alone_is_computed_again():
    tape = lowered({"r": "exp(x) * y"})
    needs = {op.out for op in tape.body} - set(tape.outputs.values())
    assert kept(tape, needs, [slot_of(tape, "x")], []) == ()
    assert kept(tape, needs, [], []) == tuple(needs), "the exponential, which need not be taken twice"


def test_what_is_recorded_costs_nothing_more():
    tape = lowered({"u": "x + y", "r": "exp(u) * u"}, outputs=("u", "r"))
    needs = adjoint(tape, ["r"], outside(tape), None).needs
    assert kept(tape, needs, [], [slot_of(tape, "u")]) == (slot_of(tape, "u"),)


def test_a_byte_is_kept_and_not_a_number():
    tape = lowered({"r": "where(x > 0, y, 2 * y)"}, outputs=("r",))
    way = adjoint(tape, ["r"], [tape.inputs["y"]], None)
    (chosen,) = kept(tape, way.needs, [], [])
    assert kinds(tape)[chosen] == "truth"


def test_two_bytes_are_cheaper_than_the_number_they_come_from():
    text = "where(x > 0, y, 2 * y) * where(x > 1, y, 3 * y)"
    tape = lowered({"r": text}, outputs=("r",))
    conditions = {op.out for op in tape.body if op.name == "gt"}
    assert set(kept(tape, conditions, [], [])) == conditions
    many = lowered({"r": " + ".join(f"where(x > {k}, y, {k} * y)" for k in range(1, 7))}, outputs=("r",))
    conditions = {op.out for op in many.body if op.name == "gt"}
    assert kept(many, conditions, [], []) == (many.inputs["x"],), "six bytes are more than a number"
