import pytest

from spaic.Dynamics.document import document, integrators, letter, sentence, table, typeset
from spaic.Dynamics.document_rule import document_rule
from spaic.Dynamics.model import METHODS
from spaic.Dynamics.models import NeuronModel, SynapseModel
from spaic.Dynamics.parameter import Parameter
from spaic.Dynamics.rules import OCCASIONS, Rule
from spaic.Dynamics.surrogate import Surrogate

TAU = Parameter(10.0, "ms", "time constant", "(0, inf)")


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("V", "V"),
        ("tau_m", r"\tau_m"),
        ("Delta_T", r"\Delta_T"),
        ("t_ref", r"t_\mathrm{ref}"),
        ("alpha_beta", r"\alpha_\beta"),
        ("drive", r"\mathrm{drive}"),
        ("E_Na_max", r"E_\mathrm{Na,max}"),
    ],
)
def test_names_become_letters(name, latex):
    assert letter(name) == latex


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("c - b - a + d", "c - b - a + d"),
        ("4 * exp(-(V + 65) / 18)", r"4 e^{- \frac{V + 65}{18}}"),
        ("-V / tau", r"- \frac{V}{\tau}"),
        ("-(-V)", "V"),
        ("where(x > 0, 1, 0)", r"\begin{cases} 1 & \text{for}\: x > 0 \\0 & \text{otherwise} \end{cases}"),
        ("V >= V_th", r"V \geq V_\mathrm{th}"),
        ("2", "2"),
    ],
)
def test_mathematics_keeps_the_order_of_the_text(text, latex):
    assert typeset(text) == latex


def test_a_neuron_has_all_its_parts():
    model = NeuronModel(
        equations="""
            drive = R * I
            dV/dt = (drive - V) / tau
            n := n + 1
        """,
        parameters={"tau": TAU, "R": Parameter(2.0, "1", "gain", trainable=True), "t_ref": Parameter(1, "ms"), "V_th": Parameter("2 * R")},
        receive={"excitation": "V += w", "inhibition": "V -= w"},
        spike="V > V_th",
        reset="V = 0; n *= 2",
        refractory="t_ref: V",
        initial={"V": "R", "n": 3},
        units={"V": "mV", "I": "pA"},
        method="exact",
        name="toy",
        summary="a toy",
        source="nobody 1900",
    )
    text = document(model, aliases=("plaything",), level=2)
    for part in (
        "## toy\n\nAlso called `plaything`.\n\nA toy.\n",
        "\\begin{aligned}\n\\mathrm{drive} &= R I \\\\\n\\frac{\\mathrm{d} V}{\\mathrm{d} t} &= \\frac{",
        "\\mathrm{drive} - V}{\\tau} \\\\\nn &\\leftarrow n + 1\n\\end{aligned}",
        "port `excitation`:\n\n```math\nV \\leftarrow V + w\n```",
        "port `inhibition`:\n\n```math\nV \\leftarrow V - w\n```",
        "within a step: $I$ (pA).",
        "It fires when\n\n```math\nV > V_\\mathrm{th}\n```\n\nand then\n\n```math\n",
        "\nV &\\leftarrow 0 \\\\\nn &\\leftarrow n 2\n",
        "For $t_\\mathrm{ref}$ after a spike $V$ stays",
        "| `V` | mV | `R` |\n| `n` | 1 | 3 |",
        "| `tau` | $\\tau$ | 10 | ms | (0, inf) | time constant |",
        "| `R` | $R$ | 2 | 1 | any | gain (trained) |",
        "| `V_th` | $V_\\mathrm{th}$ | `2 * R` | 1 | any |  |",
        "Integrator: `exact`; `exponential_euler`, ",
        "Source: nobody 1900.\n",
    ):
        assert part in text


def test_a_synapse_says_what_it_delivers():
    model = SynapseModel("dg/dt = -g / tau", {"tau": TAU}, receive="g += w", output="g", method="exact", name="decay")
    assert "It delivers $g$." in document(model)


def test_a_surrogate_is_a_derivative():
    flat = Surrogate("flat", "where(abs(x) < alpha, 1, 0)", {"alpha": Parameter(0.5, range="(0, inf)")})
    assert r"\frac{\partial O}{\partial x} = \begin{cases}" in document(flat, "window")
    assert document(flat, "window").startswith("### window\n")


def test_a_silent_neuron_and_a_map():
    assert "It does not fire." in document(NeuronModel("dV/dt = I - V"))
    assert "nothing to integrate" in document(NeuronModel("V := V + I", spike="V > 1", reset="V = 0"))


def test_integrators_are_those_that_can():
    assert integrators(NeuronModel("dV/dt = I - V")) == METHODS
    assert set(METHODS) - set(integrators(NeuronModel("dV/dt = I - V**2"))) == {"exact", "impulse"}
    assert "`exact` and `impulse` need linear equations" in document(NeuronModel("dV/dt = I - V**2"))


def test_what_is_special_about_a_step_is_said():
    model = NeuronModel("dV/dt = I - V**2", spike="V > 1", reset="V = 0", method="rk2", substeps=3, interpolate=True)
    assert "Integrator: `rk2` in 3 parts of a step; " in document(model)
    assert "The reset happens at the crossing" in document(model)


def test_tables_and_sentences():
    assert table(("a", "b"), [("1|2", "3")]) == "| a | b |\n| --- | --- |\n| 1\\|2 | 3 |"
    assert sentence("what it is") == "What it is."


def test_a_rule_says_what_it_does_on_every_occasion():
    texts = {when: f"w += {k}" for k, when in enumerate(OCCASIONS, 2)}
    page = document_rule(
        Rule(pre="dx/dt = -x / tau", largest={"top": "x"}, parameters={"tau": 20.0}, name="all", **texts), aliases=["every"]
    )
    for number in range(2, 2 + len(OCCASIONS)):
        assert f"w \\leftarrow w + {number}\n" in page
    assert page.index("In every step") < page.index("When a spike arrives") < page.index("Last in every step")
    assert "$\\mathrm{top}$ is the largest of all $x$." in page and "Also called `every`." in page and "| `tau` |" in page
