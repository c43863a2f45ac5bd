"""Several synapses in a row, and those before the weights: hidden populations between two links."""

from __future__ import annotations

import numpy as np
import pytest

import spaic
from spaic.Graph.schedule import schedule
from tests.contracts.uncompiled import in_python

STEPS = 40
#: Hands on what arrives, and nothing else.
RELAY = spaic.SynapseModel("y := 0", receive="y = w", inputs=(), output="y", name="relay", method="exact")


def network(syn_type, backend="reference", kernels="plain", is_loop=False, weight=0.4, **options):
    net = spaic.Network(seed=1)
    net.input = spaic.Encoder(num=5, coding_method="null")
    net.cell = spaic.NeuronGroup(4, model="lif", tau_m=6.0)
    net.first = spaic.Connection(net.input, net.cell, w_mean=0.4)
    pre = net.cell if is_loop else net.input
    net.wire = spaic.Connection(pre, net.cell, syn_type=syn_type, w_mean=weight, w_std=0.1, **options)
    net.current, net.V = spaic.StateMonitor(net.wire, "current"), spaic.StateMonitor(net.cell, "V")
    net.set_backend(backend, dt=0.5, **({} if backend == "reference" else {"dtype": "float64", "kernels": kernels}))
    net.input((np.random.default_rng(0).random((2, STEPS, 5)) < 0.25).astype(np.uint8))
    return net


def run(net):
    net.run(0.5 * STEPS)
    return np.concatenate([net.current.values, net.V.values])


@pytest.mark.parametrize("is_loop", [False, True])
@pytest.mark.parametrize(
    "syn_type",
    [[RELAY, "basic"], ["basic", RELAY, RELAY], [RELAY, "basic", RELAY, "dropout"], [RELAY, RELAY, "basic", RELAY, RELAY]],
    ids=["before", "after", "between", "many"],
)
def test_what_hands_on_changes_nothing(syn_type, is_loop):
    """Neither values nor, in a loop, the one step that a connection without a stated delay takes."""
    bare = [stage for stage in syn_type if isinstance(stage, str)]
    expected, net = network(bare, is_loop=is_loop), network(syn_type, is_loop=is_loop)
    for each in (expected, net):
        each.eval()
    assert np.array_equal(run(net), run(expected))
    assert expected.current.values.any()
    assert sum(np.max(d) for name, d in schedule(net.graph).delays.items() if name.startswith("wire")) == int(is_loop)


@pytest.mark.parametrize("delay", [1.5, np.linspace(0.5, 4.0, 20).round(0).reshape(4, 5)])
def test_a_stated_delay_counts_once(delay):
    expected, net = network(["basic"], delay=delay), network([RELAY, "basic", RELAY, RELAY], delay=delay)
    assert np.array_equal(run(net), run(expected))


@pytest.mark.parametrize("is_loop", [False, True])
@pytest.mark.parametrize("kernels", ["plain", "auto"])
def test_backends_agree(kernels, is_loop, monkeypatch, tmp_path):
    in_python(monkeypatch, tmp_path)
    found = []
    for backend in ("reference", "torch"):
        values = {"tau_rec": 20.0, "first_order": {"tau": 3.0}, "alpha": {"tau": 2.0}}
        net = network(["stp", "basic", "first_order", "alpha"], backend, kernels, is_loop, 0.02, syn_kwargs=values)
        found.append(run(net))
        net.run_continue(5.0)
        found[-1] = np.concatenate([found[-1], net.V.values[..., -STEPS:]])
    assert np.abs(found[0] - found[1]).max() < 1e-12 and found[0][:2].any()


def test_a_second_synapse_receives_what_the_first_delivers():
    net = network(["basic", "first_order", "first_order"], syn_kwargs={"first_order": {"tau": 3.0}})
    net.inner = spaic.StateMonitor(net.wire, "first_order.I_syn")
    net.outer = spaic.StateMonitor(net.wire, "I_syn")
    net.run(0.5 * STEPS)
    decay, expected = np.exp(-0.5 / 3.0), np.zeros((2, 4))
    for n in range(STEPS):
        expected = decay * expected + net.inner.values[..., n]
        assert np.abs(net.outer.values[..., n] - expected).max() < 1e-12
    assert np.array_equal(net.outer.values, net.current.values) and expected.any()


def test_monitors_find_the_states_of_each():
    net = network(["stp", "basic", "first_order"])
    net.x, net.i = spaic.StateMonitor(net.wire, "x"), spaic.StateMonitor(net.wire, "I_syn")
    net.run(0.5 * STEPS)
    assert net.x.values.shape == (2, 5, STEPS) and net.i.values.shape == (2, 4, STEPS)
    assert net.x.values.min() < 0.9 and net.wire.place("x") == "wire.tsodyks_markram.x"
    with pytest.raises(spaic.SpaicError, match="'wire' has no variable 'q'"):
        net.q = spaic.StateMonitor(net.wire, "q")
        net.build()


def test_what_is_said_of_them():
    text = network(["stp", "basic"], is_loop=True).explain()
    assert "wire.to_tsodyks_markram cell.O -> wire.tsodyks_markram.input, Scale [], delay 0 ms" in text
    assert "wire             wire.tsodyks_markram.released -> cell.input, Dense [[4, 4]], delay 0.5 ms (not stated)" in text


def test_files_hold_them(tmp_path):
    net = network(
        [RELAY, "stp", "batchnorm", "basic", "first_order", "dropout", "alpha"], syn_kwargs={"tau_rec": 50.0, "alpha": {"tau": 1.0}}
    )
    net.save(str(tmp_path / "net"))
    again = spaic.load(str(tmp_path / "net"))
    assert again.graph.digest == net.graph.digest
    net.eval()
    again.eval()
    again.input(net.input.source)
    assert np.array_equal(run(net), run(again))


def test_they_follow_their_connection():
    """Deleted with it, and its weights are kept when it gets another name."""
    net = network(["stp", "basic"])
    net.build()
    weight = np.array(net.wire.weight)
    del net.current
    other = net.wire
    del net.wire
    assert [n.name for n in net.graph.populations] == ["cell"]
    net.again = other
    assert [n.name for n in net.graph.populations] == ["cell", "again.tsodyks_markram"]
    assert np.array_equal(net.again.weight, weight)


def test_projections_make_them_too():
    net = spaic.Network()
    net.input = spaic.Encoder(num=3, coding_method="poisson")
    with spaic.Assembly() as net.part:
        net.part.a = spaic.NeuronGroup(2, model="lif")
    net.link = spaic.Connection(net.input, net.part, syn_type=["stp", "basic"])
    net.input(np.ones((1, 3)))
    net.run(2.0)
    assert [p.name.rpartition(".")[2] for p in net.graph.populations] == ["a", "tsodyks_markram"]
