"""The order of a time step: integrate, receive, spike, reset."""

import numpy as np
import pytest

from spaic import NeuronModel
from spaic.Dynamics.model import METHODS
from spaic.Dynamics.step import build_step
from spaic.errors import DeclarationError


def test_integration_comes_first_then_what_arrives_then_the_spike_then_the_reset(cell):
    model = NeuronModel("dV/dt = -V / 10", receive="V += w", spike="V > 1", reset="V -= 1", method="exact")
    below, above = 0.9 * np.exp(-0.01) + 0.1, 0.9 * np.exp(-0.01) + 0.2
    result = cell(model)(V=0.9, input=0.1)
    assert (float(result["V"]), float(result["O"])) == (pytest.approx(below), 0)
    result = cell(model)(V=0.9, input=0.2)
    assert (float(result["V"]), float(result["V_before_reset"]), float(result["O"])) == (pytest.approx(above - 1), pytest.approx(above), 1)


@pytest.mark.parametrize("sign, at_threshold", [(">", 0), (">=", 1)])
def test_equality_fires_only_if_it_says_so(cell, sign, at_threshold):
    model = NeuronModel("dV/dt = 0 * V", spike=f"V {sign} 1", reset="V = 0")
    assert [float(cell(model)(V=v)["O"]) for v in (np.nextafter(1, 0), 1.0, np.nextafter(1, 2))] == [0, at_threshold, 1]


def test_statements_follow_each_other(cell):
    model = NeuronModel("dV/dt = 0 * V\ndU/dt = 0 * U", receive="V += w; U += V", spike="V > 1", reset="V = V / 2; U *= V; V -= 0.5")
    result = cell(model)(V=1.0, U=2.0, input=1.0)
    assert (float(result["V_before_reset"]), float(result["U_before_reset"])) == (2.0, 4.0)
    assert (float(result["V"]), float(result["U"])) == (0.5, 4.0)


@pytest.mark.parametrize("reset, after", [("V = c", 0.25), ("V += c", 2.25), ("V -= c", 1.75), ("V *= c", 0.5), ("V /= c", 8.0)])
def test_every_operator_of_a_reset(cell, reset, after):
    model = NeuronModel("dV/dt = 0 * V", {"c": 0.25}, spike="V > 1", reset=reset)
    assert float(cell(model)(V=2.0)["V"]) == after
    assert float(cell(model)(V=0.5)["V"]) == 0.5


def test_values_are_what_the_states_make_them_at_each_point(cell):
    model = NeuronModel("u = 2 * V + I\ndV/dt = 0 * V", receive="V += w", spike="u > 3", reset="V = 0")
    result = cell(model)(V=1.0, input=1.0, I=0.5)
    assert (float(result["u_before_reset"]), float(result["u"]), float(result["O"])) == (4.5, 0.5, 1)


def test_time_after_the_integration_is_the_end_of_the_step(cell):
    model = NeuronModel("dV/dt = t", receive="V += w * t", spike="V > t", reset="V = t", method="euler")
    result = cell(model, dt=0.5)(t=1.0, V=0.0, input=2.0)
    assert float(result["V_before_reset"]) == 1.0 * 0.5 + 2.0 * 1.5
    assert float(result["V"]) == 1.5


def test_a_value_of_the_time_has_the_same_time(cell):
    equations = "late = t\nlater = late + t\ndV/dt = later"
    model = NeuronModel(equations, receive="V += w * later", spike="V > later", reset="V = late", method="euler")
    result = cell(model, dt=0.5)(t=1.0, V=0.0, input=2.0)
    assert (float(result["late"]), float(result["later"])) == (1.5, 3.0)
    assert (float(result["V_before_reset"]), float(result["V"])) == (2.0 * 0.5 + 2.0 * 3.0, 1.5)


def test_a_port_without_a_link_brings_nothing(cell):
    model = NeuronModel("dV/dt = I", receive={"a": "V += w", "b": "V *= w"})
    assert float(cell(model, connected=["a"])(V=1.0, a=2.0)["V"]) == 0.0
    assert float(cell(model)(V=1.0, a=2.0, b=1.0, I=1.0)["V"]) == pytest.approx(3.1)


def test_ports_receive_in_the_order_of_the_declaration(cell):
    first = NeuronModel("dV/dt = 0 * V", receive={"a": "V += w", "b": "V *= w"})
    second = NeuronModel("dV/dt = 0 * V", receive={"b": "V *= w", "a": "V += w"})
    assert float(cell(first)(V=1.0, a=2.0, b=3.0)["V"]) == 9.0
    assert float(cell(second)(V=1.0, a=2.0, b=3.0)["V"]) == 5.0


def test_a_refractory_neuron_waits_for_whole_steps(cell):
    """Spike, then exactly t_ref / dt silent steps with V held; what is not held goes on."""
    model = NeuronModel(
        "dV/dt = I\ndU/dt = 1", {"t_ref": 0.3}, receive="V += w", spike="V > 1", reset="V = 0.5", refractory="t_ref: V", method="euler"
    )
    one, state, spikes, held = cell(model), {"V": 0.0, "U": 0.0, "refractory": 0.0}, [], []
    for _ in range(12):
        result = one(**state, I=0.0, input=2.0)
        state = {s: result[s] for s in state}
        spikes.append(int(result["O"]))
        held.append(float(result["V"]))
    assert spikes == [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]
    assert held == [0.5] * 12
    assert float(state["U"]) == pytest.approx(1.2)


def test_every_neuron_has_its_own_refractory_period(cell):
    model = NeuronModel("dV/dt = 20", {"t_ref": 0.0}, spike="V > 1", reset="V = 0", refractory="t_ref: V")
    one = cell(model, shape=(3,), t_ref=[0.0, 0.1, 0.2])
    state, count = {"V": np.zeros(3), "refractory": np.zeros(3)}, np.zeros(3)
    for _ in range(12):
        result = one(**state)
        state, count = {s: result[s] for s in state}, count + result["O"]
    assert count.tolist() == [12, 6, 4]


def test_an_interpolated_reset_happens_at_the_crossing(cell):
    """A ramp that crosses after a quarter of the step starts again from there."""
    model = NeuronModel("dV/dt = 4 + I", spike="V > 1", reset="V = -2", interpolate=True)
    result = cell(model, dt=1.0)(V=0.0)
    assert (float(result["V_before_reset"]), float(result["V"]), float(result["O"])) == (4.0, -2.0 + 4 * 0.75, 1)
    assert float(cell(model, dt=1.0)(V=-4.0)["V"]) == 0.0


@pytest.mark.parametrize("threshold, reset", [("1 - t", "V = 10 * t"), ("falling", "V = later")])
def test_an_interpolated_reset_knows_the_time_of_the_crossing(cell, threshold, reset):
    """V = t meets 1 - t at 0.5, in the middle of the step."""
    values = "falling = 1 - t\nlater = 10 * t\n"
    model = NeuronModel(f"{values}dV/dt = 1", spike=f"V > {threshold}", reset=reset, method="euler", interpolate=True)
    assert float(cell(model, dt=1.0)(t=0.0, V=0.0)["V"]) == 5.0 + 0.5


@pytest.mark.parametrize("method", ["euler", "rk2", "rk4", "exponential_euler", "exponential_midpoint", "exact"])
def test_an_interpolated_reset_integrates_the_rest_of_the_step(cell, method):
    """The crossing is at the time p where the chord reaches 1; from there the equation goes on for 1 - p."""
    model = NeuronModel("dV/dt = 3 - V", spike="V >= 1", reset="V = -0.5", interpolate=True, method=method)
    one = cell(model, dt=0.5)
    end = float(one(V=0.6)["V_before_reset"])
    part = 0.4 / (end - 0.6)
    rest = NeuronModel("dV/dt = 3 - V", method=method)
    assert float(one(V=0.6)["V"]) == pytest.approx(float(cell(rest, dt=0.5 * (1 - part))(V=-0.5)["V"]), rel=1e-12)


@pytest.mark.parametrize("changes", [{"spike": "", "reset": ""}, {"receive": "V += w"}])
def test_an_interpolated_reset_needs_a_crossing_between_two_steps(changes):
    with pytest.raises(DeclarationError, match="demo: interpolate needs"):
        NeuronModel(**{**{"equations": "dV/dt = I", "spike": "V > 1", "reset": "V = 0", "interpolate": True, "name": "demo"}, **changes})


@pytest.mark.parametrize("substeps", [0, -1, 1.5, True, "2"])
def test_substeps_are_a_positive_whole_number(substeps):
    with pytest.raises(DeclarationError, match="demo: substeps"):
        NeuronModel("dV/dt = I", substeps=substeps, name="demo")


@pytest.mark.parametrize(
    "changes",
    [
        {"equations": "dV/dt = (I - V) / p"},
        {"equations": "x = 1 / p\ndV/dt = x * I"},
        {"equations": "dV/dt = I * log(p)"},
        {"equations": "V := I / p"},
        {"equations": "x = I / p\ndV/dt = I"},
        {"spike": "V / p > 1"},
        {"spike": "V > 1", "reset": "V /= p"},
        {"receive": "V += w / p"},
        {"equations": "dV/dt = where(V > 0, I / p, I)"},
    ],
)
def test_a_known_zero_that_something_is_divided_by_is_named(changes):
    model = NeuronModel(**{"equations": "dV/dt = I", "parameters": {"p": 0.0, "q": 1.0}, "name": "odd", **changes})
    with pytest.raises(DeclarationError, match="odd, (V|x|residual): it has no value with p = 0;"):
        build_step(model, "euler", frozenset(model.ports), {"p": 0, "q": 1})


@pytest.mark.parametrize("method", METHODS)
def test_an_input_without_a_link_is_a_known_zero(method):
    model = NeuronModel("dV/dt = -V * log(J)", inputs=("J",), name="odd")
    with pytest.raises(DeclarationError, match="odd, V: it has no value with J = 0;"):
        build_step(model, method, frozenset())


def test_a_condition_keeps_a_known_zero_away():
    model = NeuronModel("dV/dt = where(p > 0, I / p, I)", {"p": 0.0})
    assert build_step(model, "euler", frozenset({"I"}), {"p": 0}).states == ("V",)
