"""Exact events against the float64 truth of EvSpikeSim's neuron: every spike, and gradients."""

from pathlib import Path

import numpy as np
import pytest
import torch

import spaic
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
    """Its threshold of 0.002 stands for 0.002 / (2 tau_s) here; the order of the 40 spikes is that of its authors' program."""
    net = events.Network()
    net.add_layer(2, 3, tau_s=0.020, threshold=0.002 / 0.040).weights = [[1.0, 2.0], [-0.1, 0.8], [0.5, 0.4]]
    spikes = net.infer([1, 0], [0.009, 0.013])
    order = "0 0 1 0 0 2 0 0 1 0 2 0 0 0 0 2 1 0 0 0 2 0 0 1 0 2 0 0 0 0 2 0 1 0 0 2 0 0 0 0"
    assert " ".join(map(str, spikes.indices)) == order and len(spikes) == 40
    assert net.output_layer.spike_counts.tolist() == [28, 5, 7]
    published = [0.010039730928838253, 0.011137320660054684, 0.011773457750678062, 0.012299638241529465, 0.013327227905392647]
    np.testing.assert_allclose(spikes.times[:5], published, rtol=0, atol=3e-7)  # float32, which is off by 2.4e-7


def test_gradients_of_every_spike_time():
    """Seven spikes of one neuron, through all resets before them, by six weights and twelve input times; times in ms here."""
    data = load("grad_ref")
    unit, who = 1000.0, data["idx"]
    with spaic.Network() as net:
        source = spaic.Encoder(num=len(who), coding_method="sstb")
        cell = spaic.NeuronGroup(1, model=events.neuron, tau_s=float(data["tau_s"]) * unit, V_th=float(data["th"]))
        wire = spaic.Connection(source, cell, weight=data["w"][who][None])
    times = torch.tensor(data["tj"][None] * unit, requires_grad=True)
    net.set_backend("event", dt=1.0)
    net.source(times)
    net.run(float(np.ceil(data["t"].max() * unit)) + 1.0)
    weight = net._simulation.store.tensors()["wire.weight"]
    weight.requires_grad_(True)
    net.run(float(np.ceil(data["t"].max() * unit)) + 1.0)
    found = net.program.spikes["cell"].times
    n = len(data["t"])
    np.testing.assert_allclose(found.detach().numpy()[:n] / unit, data["t"], rtol=0, atol=1e-12)
    for k in range(n):
        d_weight, d_time = torch.autograd.grad(found[k], (weight, times), retain_graph=True)
        by_input = np.zeros(6)
        np.add.at(by_input, who, d_weight.numpy()[0])
        np.testing.assert_allclose(by_input / unit, data["dt_dw"][k], rtol=1e-8, atol=1e-8 * np.abs(data["dt_dw"][k]).max())
        np.testing.assert_allclose(d_time.numpy()[0], data["dt_dtin"][k], rtol=1e-8, atol=1e-8 * np.abs(data["dt_dtin"][k]).max())


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
