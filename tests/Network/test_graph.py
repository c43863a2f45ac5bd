"""What a network is lowered to does not depend on how or in which order it was written."""

import dataclasses

import numpy as np
import pytest
import torch

import spaic
from spaic.Dynamics.model import Model
from tests.Network.builders import SAMPLES


def digest(thing):
    """Everything a graph says, as nested tuples that can be compared; nodes, links and probes in order of their names."""
    if isinstance(thing, Model):
        return thing.name, thing.equations
    if isinstance(thing, np.ndarray):
        return thing.shape, thing.tobytes()
    if isinstance(thing, dict):
        return tuple(sorted((k, digest(v)) for k, v in thing.items()))
    if isinstance(thing, frozenset):
        return tuple(sorted(thing))
    if isinstance(thing, tuple):
        return tuple(sorted((digest(v) for v in thing), key=repr)) if thing and dataclasses.is_dataclass(thing[0]) else thing
    if dataclasses.is_dataclass(thing):
        return type(thing).__name__, *((f.name, digest(getattr(thing, f.name))) for f in dataclasses.fields(thing))
    assert thing is None or isinstance(thing, (str, int, float)), thing
    return thing


class AsClass(spaic.Network):
    def __init__(self):
        super().__init__()
        self.input = spaic.Encoder(num=6, coding_method="poisson")
        self.hidden = spaic.NeuronGroup(5, model="cuba", tau_m="8 ms", V_th=np.linspace(0.5, 1, 5))
        self.out = spaic.NeuronGroup(3, model="plif")
        self.into = spaic.Connection(self.input, self.hidden, link_type="sparse", density=0.5, delay=2.0)
        self.forth = spaic.Connection(self.hidden, self.out, syn_type="first_order", weight=spaic.uniform(0.0, 1.0))
        self.back = spaic.Connection(self.out, self.hidden, max_delay=4.0)
        self.output = spaic.Decoder(dec_target=self.out)
        self.trace = spaic.StateMonitor(self.hidden, "V")
        self.learner = spaic.STBP(0.5, self)


def as_block():
    with spaic.Network() as net:
        input = spaic.Encoder(num=6, coding_method="poisson")
        hidden = spaic.NeuronGroup(5, model="cuba", tau_m="8 ms", V_th=np.linspace(0.5, 1, 5))
        out = spaic.NeuronGroup(3, model="plif")
        into = spaic.Connection(input, hidden, link_type="sparse", density=0.5, delay=2.0)
        forth = spaic.Connection(hidden, out, syn_type="first_order", weight=spaic.uniform(0.0, 1.0))
        back = spaic.Connection(out, hidden, max_delay=4.0)
        output = spaic.Decoder(dec_target=out)
        trace = spaic.StateMonitor(hidden, "V")
        learner = spaic.STBP(0.5, net)
    assert all(e.parent is net for e in (into, forth, back, output, trace, learner))
    return net


def backwards():
    net = spaic.Network()
    net.learner = spaic.STBP(0.5, net)
    out = spaic.NeuronGroup(3, model="plif")
    hidden = spaic.NeuronGroup(5, model="cuba", tau_m="8 ms", V_th=np.linspace(0.5, 1, 5))
    input = spaic.Encoder(num=6, coding_method="poisson")
    net.trace = spaic.StateMonitor(hidden, "V")
    net.output = spaic.Decoder(dec_target=out)
    net.back = spaic.Connection(out, hidden, max_delay=4.0)
    net.forth = spaic.Connection(hidden, out, syn_type="first_order", weight=spaic.uniform(0.0, 1.0))
    net.into = spaic.Connection(input, hidden, link_type="sparse", density=0.5, delay=2.0)
    net.out, net.hidden, net.input = out, hidden, input
    return net


@pytest.mark.parametrize("other", [as_block, backwards])
def test_the_graph_is_the_same(other):
    assert digest(other().graph) == digest(AsClass().graph)


def test_the_digest_sees_differences():
    net = AsClass()
    plain = digest(net.graph)
    net.hidden.parameters["tau_m"] = 9.0
    assert digest(net.graph) != plain


def test_order_of_declaration_changes_no_weight_no_result_and_no_gradient():
    found = []
    for net in (AsClass(), backwards()):
        net.set_backend("torch", dt=1.0, dtype="float64")
        net.input(SAMPLES)
        net.run(40.0)
        (net.output.predict**2).sum().backward()
        found.append((net.trace.values, net.output.predict, net.state_dict(), {k: p.grad for k, p in net.named_parameters()}))
    (trace, prediction, weights, gradients), (other_trace, other_prediction, other_weights, other_gradients) = found
    assert np.array_equal(trace, other_trace) and torch.equal(prediction, other_prediction) and prediction.sum() > 0
    assert weights.keys() == other_weights.keys() and all(torch.equal(weights[k], other_weights[k]) for k in weights)
    assert any(g is not None and g.abs().sum() > 0 for g in gradients.values())
    assert all(g is None or torch.equal(g, other_gradients[k]) for k, g in gradients.items())


def test_another_element_changes_no_weight_and_no_input():
    def run(extended):
        net = spaic.Network()
        if extended:
            net.extra = spaic.NeuronGroup(4, model="lif")
            net.loop = spaic.Connection(net.extra, net.extra)
        net.input = spaic.Encoder(num=6, coding_method="poisson")
        net.cells = spaic.NeuronGroup(5, model="lif")
        net.wire = spaic.Connection(net.input, net.cells)
        net.trace = spaic.StateMonitor(net.cells, "V")
        net.set_backend_dt(1.0)
        net.input(SAMPLES)
        net.run(20.0)
        return net.trace.values, net.state_dict()["wire.weight"]

    (trace, weight), (other_trace, other_weight) = run(False), run(True)
    assert np.array_equal(trace, other_trace) and torch.equal(weight, other_weight) and trace.any()


def test_delays_follow_from_loops_not_from_order():
    delays = {k.name: k.delay for k in AsClass().graph.links}
    assert delays["into"] == 2.0 and delays["forth"] is None
    for net in (AsClass(), backwards()):
        text = net.explain()
        assert "hidden.O -> out.I, Dense [[3, 5]] then synapse first_order, delay 0.1 ms (not stated), trained" in text


EXPLAINED = """\
2 groups, 8 neurons, 45 weights, dt 0.5 ms, seed 3

nodes
  input            input [6]
  part/
    hidden           lif [5], exact, surrogate rectangular: R=1, V_reset=0, V_rest=0, V_th=1, t_ref=0 ms, tau_m=8 ms
  out              lif [3], exact, surrogate rectangular: R=1, V_reset=0, V_rest=0, V_th=1, t_ref=0 ms, tau_m=20 ms
  output           output of out.O

connections
  forth            part.hidden.O -> out.input, Dense [[3, 5]], delay 1.5 ms, trained
  into             input.O -> part.hidden.input, Dense [[5, 6]], delay 0 ms (not stated), trained

schedule
  1. part.hidden (layer, over all time)
  2. out (layer, over all time)

execution
  part.hidden: one compiled pass over time
  out: one compiled pass over time

trainable
  into.weight                                      30
  forth.weight                                     15

drawing
  [input] --into--> [part.hidden]
  [part.hidden] --forth--> [out]
  [out] ==> (output)"""


def test_explain_prints_and_returns_what_the_network_is(capsys):
    with spaic.Network(seed=3) as net:
        input = spaic.Encoder(num=6, coding_method="latency")
        with spaic.Assembly() as part:
            hidden = spaic.NeuronGroup(5, model="lif", tau_m=8.0)
        out = spaic.NeuronGroup(3, model="lif")
        into = spaic.Connection(input, hidden)
        forth = spaic.Connection(hidden, out, delay=1.5)
        output = spaic.Decoder(dec_target=out)
        rule = spaic.STCA(0.5)
    assert part.parent is into.parent is forth.parent is output.parent is rule.parent is net
    net.set_backend_dt(0.5)
    net.build()
    text = net.explain()
    assert capsys.readouterr().out == text + "\n"
    assert text == EXPLAINED


def test_an_interactive_session_shows_the_explanation_once():
    net = spaic.Network()
    net.a = spaic.NeuronGroup(2, model="lif")
    text = net.explain()
    assert repr(text) == f"<explanation of {len(text.splitlines())} lines; print it to see it again>" and str(text).startswith("1 group")
    assert text._ipython_display_() is None, "it prints nothing"


def test_explain_shows_islands_and_the_way_back():
    with spaic.Network() as net:
        a = spaic.NeuronGroup(2, model="lif")
        b = spaic.NeuronGroup(2, model="lif")
        forth = spaic.Connection(a, b)
        back = spaic.Connection(b, a, delay=0.0)
    assert forth.parent is back.parent is net
    text = net.explain()
    assert "1. b, a (island, step by step)" in text
    assert "back             b.O -> a.input, Dense [[2, 2]], delay 0 ms\n" in text
    assert "[b] --back--> [a]" in text and "[b] <--forth-- [a]" in text
