"""Exact events against the float64 truth of EvSpikeSim's neuron: every spike, and gradients."""

from pathlib import Path

import numpy as np
import pytest

from spaic import events

FOLDER = Path(__file__).parents[3] / "shared" / "oracles"
CASES = ["unit_test", "readme_beta_equiv", "unit_basic_traces", "unit_stdp", "rand_a"]
INF = float("inf")


def load(name):
    path = FOLDER / f"evs_{name}.npz"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    return np.load(path, allow_pickle=False)


def network(data, rule=None):
    net = events.Network()
    k = 0
    while f"l{k}_W" in data:
        weights = data[f"l{k}_W"]
        layer = net.add_layer(weights.shape[1], weights.shape[0], float(data[f"l{k}_tau_s"]), float(data[f"l{k}_th"]), plasticity=rule)
        layer.weights = weights
        k += 1
    return net


@pytest.mark.parametrize("name", CASES)
def test_every_spike_of_the_truth(name):
    data = load(name)
    net = network(data)
    net.infer(data["in_idx"], data["in_t"].astype(np.float64))
    for k, layer in enumerate(net):
        truth = "f64_" if f"l{k}_f64_idx" in data else "out_"
        index, time = data[f"l{k}_{truth}idx"], data[f"l{k}_{truth}t"]
        order = np.lexsort((index, time))
        assert np.array_equal(layer.post_spikes.indices, index[order])
        # float32 truth where there is no other
        np.testing.assert_allclose(layer.post_spikes.times, time[order], rtol=0, atol=1e-9 if truth == "f64_" else 2e-7)


def test_the_example_of_the_readme():
    net = network(load("readme_beta_equiv"))
    assert len(net.infer([1, 0], [0.009, 0.013])) == 40
    assert net.output_layer.spike_counts.tolist() == [28, 5, 7]


def add_pre(weight, own, synapse):
    synapse[0] += 1.0


def add_post(weights, own, synapses):
    synapses[:, 1] += synapses[:, 0]


def test_basic_traces():
    data = load("unit_basic_traces")
    rule = events.Plasticity((0.04, INF), (), on_pre_synapse=add_pre, on_post_synapse=add_post)
    net = network(data, rule)
    net.infer(data["in_idx"], data["in_t"].astype(np.float64))
    np.testing.assert_allclose(net[0].synaptic_traces, data["l0_f64_syn"], rtol=1e-9, atol=1e-12)


def test_stdp_traces():
    def depress(weight, own, synapse):
        synapse[0] += 1.0
        synapse[1] -= own[0]

    def count(own):
        own[0] += 1.0

    data = load("unit_stdp")
    rule = events.Plasticity((0.04, INF), (0.04,), on_pre_synapse=depress, on_post_neuron=count, on_post_synapse=add_post)
    net = network(data, rule)
    net.infer(data["in_idx"], data["in_t"].astype(np.float64))
    np.testing.assert_allclose(net[0].synaptic_traces, data["l0_f64_syn"], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(net[0].neuron_traces, data["l0_f64_neu"], rtol=1e-6, atol=1e-9)
