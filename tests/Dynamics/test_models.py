"""Declarations: what is derived from them, and every mistake that is refused where it is made."""

import pytest

from spaic import NeuronModel, Parameter, SynapseModel
from spaic.Dynamics.model import METHODS
from spaic.Dynamics.rules import Rule
from spaic.Dynamics.surrogate import Surrogate
from spaic.errors import DeclarationError

LIF = {"equations": "dV/dt = (I - V) / tau", "parameters": {"tau": 10.0}, "spike": "V > 1", "reset": "V = 0", "name": "demo"}


def refused(match, kind=NeuronModel, **changes):
    with pytest.raises(DeclarationError, match=match):
        kind(**{**LIF, **changes})


def test_a_model_knows_its_parts():
    model = NeuronModel(
        "u = V + x  # later\ny = 2 * u\ndV/dt = y + I_b + xi_a + xi_b\nx := a * x",
        {"a": 0.5},
        receive={"fast": "V += w", "slow": "x += w", "unused": " "},
        inputs=("I_a", "I_b"),
        spike="V >= 1",
    )
    assert model.states == ("V", "x")
    assert [v.name for v in model.values] == ["u", "y"]
    assert model.currents == ("I_b",)
    assert model.ports == ("fast", "slow", "I_b")
    assert model.noises == ("xi_a", "xi_b")
    own = ("V", "x", "u", "y")
    assert model.variables == (*own, *(f"{v}_before_reset" for v in own), "O")


def test_values_come_after_those_they_read():
    model = NeuronModel("a = b + 1\nb = c + 1\nc = V\ndV/dt = a")
    assert [v.name for v in model.values] == ["c", "b", "a"]


def test_numbers_become_parameters():
    assert NeuronModel(**LIF).parameters["tau"] == Parameter(10.0)


def test_a_receive_text_without_a_name_is_the_port_called_input():
    assert NeuronModel(**LIF, receive="V += w").ports == ("input", "I")


def test_the_refractory_period_and_what_it_holds():
    model = NeuronModel("dV/dt = -V + U\ndU/dt = -U", {"t_ref": 2.0}, spike="V > 1", refractory="t_ref: V, U")
    assert model.refractory_period == ("t_ref", ("V", "U"))
    assert NeuronModel(**LIF).refractory_period is None


@pytest.mark.parametrize("method", METHODS)
def test_methods(method):
    assert NeuronModel(**LIF, method=method).method == method


def test_an_unknown_method_suggests_the_nearest():
    refused("demo: unknown integrator 'eulr'; did you mean 'euler'", method="eulr")


@pytest.mark.parametrize(
    "name", ["dt", "t", "w", "O", "refractory", "exp", "pi", "xi", "xi_a", "V_before_reset", "__x", "for", "a b", "1a", ""]
)
def test_reserved_names(name):
    message = "reserved or not a name|cannot read the equation|cannot read"
    refused(message, parameters={"tau": 10.0, name: 1.0})
    refused(message, inputs=("I", name))
    refused(message, equations=f"dV/dt = (I - V) / tau\n{name} = 1")


#: Generated code begins with the name of what it was made from.
CODE = 'lif"""\nraise SystemExit\n"""'


@pytest.mark.parametrize("name", [CODE, "two\nlines", "back\\", 'a "quoted" name', "it's", "", " ", "x" * 101, 5, None])
def test_the_name_of_a_declaration_is_one_plain_line(name):
    refused("model: .* cannot be a name", name=name)
    with pytest.raises(DeclarationError, match="rule: .* cannot be a name"):
        Rule(on_pre="w += 1", name=name)
    with pytest.raises(DeclarationError, match="surrogate: .* cannot be a name"):
        Surrogate(name, "1 / (1 + x * x)")


def test_names_of_declarations_are_otherwise_free():
    assert NeuronModel(**{**LIF, "name": "神经元 (2nd version), a/b"}).name == "神经元 (2nd version), a/b"


def test_a_port_is_named_as_states_are():
    refused("demo: the name 'lif.*' is reserved or not a name", receive={CODE: "V += w"})


def test_names_with_two_underscores_are_unknown_everywhere():
    for place in ("equations", "receive", "spike", "reset"):
        text = {"equations": "dV/dt = __import__", "receive": "V += __name__", "spike": "V > __file__", "reset": "V = __doc__"}[place]
        refused(r"demo, .*unknown name '__", **{place: text})


@pytest.mark.parametrize("clash", [{"parameters": {"tau": 1.0, "V": 1.0}}, {"inputs": ("I", "V")}])
def test_an_equation_has_a_name_of_its_own(clash):
    refused("demo: 'V' has an equation and is a parameter or input too", **clash)


def test_a_parameter_and_an_input_do_not_share_a_name():
    refused("'I'", parameters={"tau": 10.0, "I": 5.0})


def test_a_port_and_an_input_do_not_share_a_name():
    refused("'I'", receive={"I": "V += w"})


@pytest.mark.parametrize("place", ["initial", "units"])
def test_initial_values_and_units_belong_to_something(place):
    refused("demo: initial value or unit of unknown 'Vm'; did you mean 'V'", **{place: {"Vm": "mV" if place == "units" else 1.0}})


def test_an_intermediate_value_has_no_initial_value():
    refused("demo: 'u' is an intermediate value", equations="dV/dt = u / tau\nu = I - V", initial={"u": 1.0})


def test_an_unknown_unit():
    refused("demo: unknown unit 'mVolt'", units={"V": "mVolt"})


@pytest.mark.parametrize("text", ["", "  \n", "# nothing"])
def test_a_model_without_equations(text):
    refused("demo: there are no equations", equations=text, parameters={}, spike="", reset="")


@pytest.mark.parametrize(
    "place, text, where",
    [
        ("equations", "dV/dt = (I - V) / tua", "equation of V"),
        ("equations", "dV/dt = (I - V) / tau\nu = tua", "equation of u"),
        ("equations", "x := tua * x\ndV/dt = V", "equation of x"),
        ("receive", "V += tua * w", "receive input"),
        ("spike", "V > tua", "spike"),
        ("reset", "V = tua", "reset"),
    ],
)
def test_an_unknown_name_is_named_with_its_equation(place, text, where):
    refused(rf"demo, {where}.*unknown name 'tua' in .*did you mean 'tau'", **{place: text})


@pytest.mark.parametrize("place, text", [("equations", "dV/dt = w"), ("spike", "V > w"), ("reset", "V = w")])
def test_the_arriving_amount_is_known_in_receive_only(place, text):
    refused("unknown name 'w'", **{place: text})


@pytest.mark.parametrize("place, text", [("receive", "V += xi"), ("spike", "V > xi"), ("reset", "V = xi")])
def test_noise_belongs_to_the_equations(place, text):
    refused("unknown name 'xi'", **{place: text})


@pytest.mark.parametrize("place, text", [("receive", "V += u * w"), ("spike", "u > 1"), ("reset", "V = u")])
def test_noise_does_not_reach_the_rest_of_the_step_through_a_value(place, text):
    refused("noise|xi", equations="dV/dt = -V / tau + I\nu = V + xi", **{place: text})


@pytest.mark.parametrize("place, where", [("receive", "receive input"), ("reset", "reset")])
@pytest.mark.parametrize("target", ["u", "tau", "I", "W"])
def test_only_states_are_assigned(place, where, target):
    refused(f"demo, {where}: '{target}' is not a state", equations="u = 2 * V\ndV/dt = (I - V) / tau", **{place: f"{target} = 1"})


def test_defaults_and_initial_values_read_parameters_only():
    refused("demo, default of tau: unknown name 'V'", parameters={"tau": Parameter("2 * V")})
    refused("demo, initial value of V: unknown name 'I'", initial={"V": "I"})
    refused("demo, default of tau: .*not part of the equation language", parameters={"tau": Parameter("a.b")})


def test_values_that_read_each_other():
    refused("demo: the values a, b read each other", equations="dV/dt = a\na = b\nb = a", parameters={})


def test_defaults_that_read_each_other():
    refused("'?a'?.*'?b'?|'?b'?.*'?a'?", equations="dV/dt = a * b", parameters={"a": Parameter("b"), "b": Parameter("a")})


def test_a_reset_needs_a_spike():
    refused("demo: there is a reset but no spike condition", spike="")


@pytest.mark.parametrize("text", ["V", "V == 1", "V > 1 > 0", "V > 1 and V < 2"])
def test_a_spike_condition_is_one_comparison(text):
    refused("demo, spike: ", spike=text)


@pytest.mark.parametrize(
    "text, problem",
    [
        ("t_reff: V", "'t_reff' is not a parameter"),
        ("tau: U", "'U' is not a state"),
        ("tau:", "'tau:' needs a spike condition and states"),
        ("tau", "'tau' needs a spike"),
    ],
)
def test_refractory_text(text, problem):
    refused(f"demo, refractory: {problem}", refractory=text)


def test_a_refractory_period_needs_a_spike():
    refused("demo, refractory: .* needs a spike condition", refractory="tau: V", spike="", reset="")


def test_the_output_of_a_synapse_is_one_of_its_variables():
    synapse = {"equations": "dI_s/dt = -I_s", "parameters": {}, "receive": "I_s += w", "name": "syn"}
    assert SynapseModel(**synapse, output="I_s").output == "I_s"
    for wrong in ("", "w", "I_t"):
        with pytest.raises(DeclarationError, match=f"syn: the output '{wrong}' is not a state or value"):
            SynapseModel(**synapse, output=wrong)


def test_equations_are_text():
    refused("demo: equations must be text", equations=None)
