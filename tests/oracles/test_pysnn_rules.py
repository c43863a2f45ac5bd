"""PySNN's two rules against its own weights, step by step."""

from __future__ import annotations

import numpy as np
import pytest

import spaic
from spaic import Rule, registry
from tests.oracles.cells import load

STEPS, BATCH = 80, 2
CELL = dict(model="lif_linear_trace", V_th=1.0, alpha_v=0.4, t_ref=2.0, keep_v=0.8, keep_t=0.8)
REWARDED = dict(a_pre=1.0, a_post=0.7, lr=0.05, e_trace_decay=0.9)


def network(rule, weight, backend="torch", dtype="float64", **values):
    with spaic.Network() as net:
        source = spaic.Encoder(num=5, coding_method="null")
        cells = spaic.NeuronGroup(3, **CELL)
        wire = spaic.Connection(source, cells, weight=weight)
        learner = spaic.PlasticityLearner(wire, rule, reduction="mean", **values)
        seen = spaic.SpikeMonitor(cells)
    assert learner.parent is seen.parent is net
    net.set_backend(backend, dt=1.0, dtype=dtype)
    return net


def now(weight):
    return weight.detach().numpy().copy() if hasattr(weight, "detach") else weight.copy()


@pytest.mark.parametrize(("backend", "dtype"), [("reference", "float64"), ("torch", "float64"), ("torch", "float32")])
def test_mstdpet(oracles, backend, dtype):
    truth = load(oracles / "pysnn_mstdpet.npz")
    net = network("pysnn_mstdpet", truth["d0_W0"].astype(float), backend, dtype, **REWARDED)
    for n in range(STEPS):
        net.source(truth["d0_x"][n].astype(float).reshape(BATCH, 1, 5))
        (net.run_continue if n else net.run)(1.0)
        np.testing.assert_allclose(net.learner.trace(net.wire, "E"), truth["d0_E"][n], rtol=1e-6, atol=1e-6, err_msg=f"step {n}")
        net.learner.reward(truth["d0_reward"][n])
        np.testing.assert_allclose(now(net.wire.weight), truth["d0_W"][n], rtol=0, atol=1e-6, err_msg=f"step {n}")
    assert np.abs(truth["d0_W"][-1] - truth["d0_W0"]).max() > 0.1


def counted_down(spikes, delay):
    """PySNN's delay line: a counter per synapse, to which a spike adds even while another one is under way."""
    counts, arrived = np.zeros(spikes.shape[1:]), np.zeros(spikes.shape)
    for n, fired in enumerate(spikes):
        counts = np.maximum(counts - 1, 0)
        arrived[n] = counts == 1
        counts += (delay + 1) * fired
    return arrived


def test_mstdpet_with_a_delay(oracles):
    """PySNN's trace does not wait for the spikes; a rule that reads the traces of both sides is its form to the letter."""
    truth = load(oracles / "pysnn_mstdpet.npz")
    rule = Rule(
        name="undelayed",
        pre_reads={"x": "r"},
        post_reads={"y": "r"},
        synapse="E := e_trace_decay * E",
        on_pre="E -= a_post * y",
        on_post="E += a_pre * x",
        on_reward="w += lr * reward * E",
        parameters=REWARDED,
    )
    with spaic.Network() as net:
        cells = spaic.NeuronGroup(5, **CELL)
        after = spaic.NeuronGroup(3, **CELL)
        wire = spaic.Connection(cells, after, weight=truth["d2_W0"].astype(float))
        learner = spaic.PlasticityLearner(wire, rule, reduction="mean")
    assert learner.parent is net
    net.set_backend("reference", dt=1.0, dtype="float64")
    net.build()
    (at_work,) = net._simulation.program.rules
    states, weight, trace = at_work.initial(BATCH), truth["d2_W0"].astype(float), np.zeros((BATCH, 5))
    x = truth["d2_x"][:, :, 0].astype(float)
    arrived = counted_down(x, 2)
    for n in range(STEPS):
        trace = 0.8 * trace + x[n]
        seen = {"cells.r": trace, "after.r": truth["d2_trace"][n, :, 0], "after.O": truth["d2_spikes"][n, :, 0].astype(float)}
        states, weight = at_work.step(states, weight, arrived[n], seen)
        np.testing.assert_allclose(states["E"], truth["d2_E"][n], rtol=1e-6, atol=1e-6, err_msg=f"step {n}")
        states, weight = at_work.rewarded(states, weight, np.full(BATCH, truth["d2_reward"][n]))
        np.testing.assert_allclose(weight, truth["d2_W"][n], rtol=0, atol=1e-6, err_msg=f"step {n}")


@pytest.mark.parametrize(("backend", "dtype"), [("reference", "float64"), ("torch", "float64"), ("torch", "float32")])
def test_fede_stdp(oracles, backend, dtype):
    truth = load(oracles / "pysnn_fedestdp.npz")
    net = network("fede_stdp", truth["W0"].astype(float), backend, dtype, lr=0.01)
    for n in range(STEPS):
        net.source(truth["x"][n].astype(float).reshape(BATCH, 1, 5))
        (net.run_continue if n else net.run)(1.0)
        np.testing.assert_allclose(now(net.wire.weight), truth["W"][n], rtol=0, atol=1e-6, err_msg=f"step {n}")


@pytest.mark.parametrize("backend", ["reference", "torch"])
@pytest.mark.filterwarnings("error")
def test_silence_changes_nothing(backend):
    """PySNN's weights become NaN in the first step without a trace."""
    start = np.random.default_rng(0).random((3, 5))
    net = network("fede_stdp", start, backend)
    net.source(np.zeros((BATCH, 20, 5)))
    net.run(20.0)
    np.testing.assert_array_equal(now(net.wire.weight), start)


def test_weights_settle_where_the_rule_is_in_balance():
    """At w_init + log((e**x - a) / (e**(1 - x) - a)) / 2, for a normalised trace x."""
    net = network("fede_stdp", np.full((3, 5), 0.5), lr=0.02, keep=1.0)
    volley = np.zeros((1, 800, 5))
    volley[0, :5] = np.tril(np.ones((5, 5)))  # traces 5, 4, 3, 2, 1 that stay
    net.source(volley)
    net.run(800.0)
    x, a = np.array([5, 4, 3, 2, 1]) / 5, registry.rules["fede_stdp"].parameter("a").default
    np.testing.assert_allclose(now(net.wire.weight)[0], 0.5 + np.log((np.exp(x) - a) / (np.exp(1 - x) - a)) / 2, rtol=0, atol=1e-9)
