"""Each rule of a graph, broken once; and all problems at once."""

import numpy as np
import pytest

from spaic import NeuronModel, Reference_Backend, registry
from spaic.errors import GraphError
from spaic.Graph.graph import Probe
from spaic.Graph.links import Synapse
from spaic.Graph.transforms import Conv2d, Dense, OneToOne, Pool2d, Scale
from spaic.Graph.verify import recordable, verify
from spaic.Library.initializers import uniform


def refused(graph, match):
    with pytest.raises(GraphError, match=match) as caught:
        verify(graph)
    assert "problems:" not in str(caught.value), f"more than one problem: {caught.value}"


def test_a_graph_that_keeps_all_rules_is_returned_as_it_is(make):
    graph = make.graph(
        [make.input("x", (2,)), "A", make.output("out", "A.O")], [make.link("in", "x", "A"), make.link("loop", "A", "A")], [Probe("A.V")]
    )
    assert verify(graph) is graph


@pytest.mark.parametrize("nodes, links", [(["A", "A"], []), (["A", "B"], [("B", "A", "B")]), (["A"], [("k", "A", "A"), ("k", "A", "A")])])
def test_two_elements_do_not_share_a_path(make, nodes, links):
    refused(make.graph(nodes, [make.link(*k) for k in links]), "two elements have this path")


@pytest.mark.parametrize(
    "source, target, role, end", [("C", "A", "source", "C"), ("A", "C", "target", "C"), ("deep.A", "A", "source", "deep.A")]
)
def test_links_have_ends(make, source, target, role, end):
    link = make.link("k", f"{source}.O", f"{target}.input")
    refused(make.graph(["A", "B"], [link]), f"k: its {role} '{end}' is not in the network; .*(did you mean|choose one)")


def test_outputs_are_no_ends(make):
    refused(make.graph(["A", make.output("out", "A.O")], [make.link("k", "A", "out")]), "k: its target 'out' is not in the network")


def test_inputs_receive_nothing(make):
    refused(make.graph([make.input("x", (2,)), "A"], [make.link("k", "A", "x.O")]), "k: its target 'x' is an input")


def test_variables_exist(make):
    nodes = [make.input("x", (2,)), "A"]
    refused(make.graph(nodes, [make.link("k", "A.U", "A")]), "k: 'A' has no variable 'U'")
    refused(make.graph(nodes, [make.link("k", "x.V", "A")]), "k: 'x' has no variable 'V'; choose one of: O")
    refused(make.graph([*nodes, make.output("out", "A.o_o")]), "out: 'A' has no variable 'o_o'")
    refused(make.graph(nodes, probes=[Probe("A.v_before_rest")]), "'v_before_rest'; did you mean 'V_before_reset'")
    refused(make.graph(nodes, probes=[Probe("B.V")]), "B.V: 'B' has no variable 'V'")


def test_what_can_be_recorded(make):
    synapse = Synapse(registry.synapses["second_order"], {"tau_r": 9.0, "tau_d": 2.0}, "exact")
    biased = Dense(2, 2, 1.0, bias=0.0)
    graph = make.graph([make.input("x", (2,)), "A"], [make.link("k", "x", "A", biased, synapse=synapse)])
    assert recordable(graph, "x") == ("O",)
    assert recordable(graph, "A") == ("V", "V_before_reset", "O")
    assert recordable(graph, "k") == ("current", "R", "D", "I_syn", "weight", "bias")
    assert recordable(graph, "nothing") == ()
    verify(make.graph(graph.nodes, graph.links, [Probe(f"{n}.{v}") for n in ("x", "A", "k") for v in recordable(graph, n)]))


def test_a_value_of_noise_is_recorded_or_refused(make):
    """What verify lets pass, a backend must be able to record."""
    model = NeuronModel("u = V + xi\ndV/dt = -u")
    graph = make.graph([make.group("A", model=model)], probes=[Probe("A.u")])
    try:
        verify(graph)
    except GraphError:
        return
    program = Reference_Backend(dt=0.5).compile(graph)
    values = program.initial_parameters()
    assert len(program.run(values, program.initial_state(values, 1), {}, 2)[1]["A.u"]) == 2


def test_ports_exist(make):
    refused(make.graph(["A"], [make.link("k", "A", "A.inputs")]), r"k: 'A' \(lif\) has no port 'inputs'; did you mean 'input'")
    verify(make.graph(["A"], [make.link("k", "A", "A.I")]))


@pytest.mark.parametrize("value", [0.0, -1.0, np.inf, np.nan, np.array([5.0, -1.0])])
def test_parameters_lie_in_their_range(make, value):
    refused(make.graph([make.group("A", tau_m=value)]), r"A\.tau_m: .* ms is outside \(0, inf\)")


@pytest.mark.parametrize("field", ["tau_m", "initial"])
@pytest.mark.parametrize("shape", [(3,), (1,), (2, 1), (1, 2)])
def test_values_have_the_shape_of_their_group(make, field, shape):
    values = {"tau_m": np.ones(shape)} if field == "tau_m" else {"initial": {"V": np.ones(shape)}}
    refused(make.graph([make.group("A", **values)]), rf"A\.(tau_m|V): the values have shape \({shape[0]},.*needed a number or shape \(2,\)")


def test_parameters_of_synapses_are_numbers_in_their_range(make):
    for tau, problem in ((0.0, "outside"), (np.ones(2), r"needed a number or shape \(\)")):
        synapse = Synapse(registry.synapses["first_order"], {"tau": tau}, "exact")
        refused(make.graph(["A"], [make.link("k", "A", "A", synapse=synapse)]), f"k.tau: .*{problem}")


def test_drawn_values_are_checked_when_they_are_drawn(make):
    verify(make.graph([make.group("A", tau_m=uniform(1.0, 2.0))]))


@pytest.mark.parametrize(
    "transform, match",
    [
        (Dense(3, 2, 1.0), r"k: the source has 2 neurons \(shape \(2,\)\), the weight takes 3"),
        (Dense(2, 3, 1.0), r"k: it delivers 3 values \(shape \(3,\)\), 'A' has 2 neurons"),
        (OneToOne(3, 1.0), "k: one-to-one needs equal numbers, got 2 and 3"),
        (Conv2d(1, 1, (1, 1), 1.0), r"k: the source has shape \(2,\), an image"),
        (Pool2d((1, 1), (1, 1)), r"k: the source has shape \(2,\), an image"),
        (Dense(2, 2, np.ones((2, 3))), r"k\.weight: the values have shape \(2, 3\), needed \(2, 2\)"),
        (Dense(2, 2, np.ones(2)), r"k\.weight: the values have shape \(2,\), needed \(2, 2\)"),
        (Dense(2, 2, 1.0, bias=np.ones(3)), r"k\.bias: the values have shape \(3,\), needed \(2,\)"),
    ],
)
def test_shapes_fit(make, transform, match):
    refused(make.graph([make.input("x", (2,)), "A"], [make.link("k", "x", "A", transform)]), match)


def test_every_transform_of_a_link_is_checked(make):
    link = make.link("k", "x", "A", Dense(2, 4, 1.0), OneToOne(4, np.ones(3)), Dense(4, 2, 1.0))
    refused(make.graph([make.input("x", (2,)), "A"], [link]), r"k\.weight: the values have shape \(3,\), needed \(4,\)")


@pytest.mark.parametrize(
    "transforms, delay, match",
    [
        ((Pool2d((1, 1), (1, 1)),), np.zeros((2, 2)), r"\(2, 2\), needed \(1, 1, 1\) \(sizes may be 1\) or one per channel, \(1,\);"),
        ((Conv2d(1, 1, (1, 1), 1.0),), np.zeros((1, 1, 1)), r"\(1, 1, 1\), needed \(1, 1, 1, 1\) \(sizes may be 1\) or one per channel"),
        ((Conv2d(1, 1, (1, 1), 1.0),), np.zeros(2), r"\(2,\), needed \(1, 1, 1, 1\)"),
        ((Scale(), Dense(2, 2, 1.0)), np.zeros((2, 2)), r"\(2, 2\), needed \(2,\);"),
        ((OneToOne(2, 1.0), Dense(2, 2, 1.0)), np.zeros((2, 2)), r"\(2, 2\), needed \(2,\);"),
        ((Dense(2, 2, 1.0),), np.zeros(2), r"\(2,\), needed \(2, 2\) \(sizes may be 1\);"),
        ((OneToOne(2, 1.0),), np.zeros((2, 2)), r"\(2, 2\), needed \(2,\);"),
    ],
)
def test_delays_have_the_shape_of_what_is_late(make, transforms, delay, match):
    image = make.input("x", (1, 1, 2) if isinstance(transforms[0], (Conv2d, Pool2d)) else (2,))
    refused(make.graph([image, "A"], [make.link("k", "x", "A", *transforms, delay=delay)]), f"k.delay: the delays have shape {match}")


@pytest.mark.parametrize("period", [0.7, np.array([0.5, 0.7])])
def test_refractory_periods_are_whole_steps(make, period):
    refused(make.graph([make.group("A", t_ref=period)]), r"A\.t_ref: 0\.7 ms is not a whole number of steps of 0\.5 ms")


def test_a_loop_without_delay_is_named(make):
    links = [make.link("ab", "A", "B", delay=0.0), make.link("ba", "B", "A", delay=0.0)]
    refused(make.graph(["A", "B"], links), "the loop (A -> B -> A|B -> A -> B) has no delay; give one")


@pytest.mark.parametrize("delay", [0.7, -0.5, np.nan, np.inf])
def test_delays_are_on_the_grid(make, delay):
    refused(make.graph(["A"], [make.link("k", "A", "A", delay=delay)]), r"k\.delay: ")


def test_all_problems_of_a_kind_are_reported_at_once(make):
    links = [make.link("k1", "C", "D"), make.link("k2", "A", "E")]
    with pytest.raises(GraphError, match="^4 problems:") as caught:
        verify(make.graph(["A", "A"], links))
    assert all(text in str(caught.value) for text in ("A: two", "k1: its source 'C'", "k1: its target 'D'", "k2: its target 'E'"))

    group = make.group("A", tau_m=-1.0, t_ref=0.7, V_th=np.ones(3))
    links = [
        make.link("k1", "A.U", "A"),
        make.link("k2", "A", "A.J"),
        make.link("k3", "A", "A", pre=3),
        make.link("k4", "A", "A", delay=np.ones(2)),
    ]
    with pytest.raises(GraphError, match="^7 problems:") as caught:
        verify(make.graph([group], links))
    for text in (
        "A.tau_m",
        "A.t_ref",
        "A.V_th",
        "k1: 'A' has no variable",
        "k2: 'A' (lif) has no port",
        "k3: the source has 2",
        "k4.delay",
    ):
        assert text in str(caught.value)
