"""Hooks that follow the spikes of a layer: compiled ones do what Python does, and what cannot be meant is refused."""

import numba
import numpy as np
import pytest

from spaic import events
from spaic.errors import DeclarationError

INF = float("inf")


def on_pre_synapse(weight, neuron, synapse):
    synapse[0] += 1.0
    synapse[1] -= neuron[0] + 0.1 * weight


def on_pre_neuron(weight, neuron):
    neuron[1] += weight


def on_post_neuron(neuron):
    neuron[0] += 1.0


def on_post_synapse(weights, neuron, synapses):
    for i in range(len(weights)):
        synapses[i, 1] += synapses[i, 0]


HOOKS = dict(on_pre_synapse=on_pre_synapse, on_pre_neuron=on_pre_neuron, on_post_neuron=on_post_neuron, on_post_synapse=on_post_synapse)


@pytest.fixture(scope="module")
def compiled():
    return {name: numba.njit(hook) for name, hook in HOOKS.items()}


def traces(hooks, taus=((4.0, INF), (3.0, 20.0))):
    rng = np.random.default_rng(0)
    net = events.Network(seed=1)
    layer = net.add_layer(12, 5, tau_s=2.0, threshold=0.2, plasticity=events.Plasticity(*taus, **hooks))
    net.infer(rng.integers(0, 12, 80), rng.uniform(0.0, 30.0, 80))
    assert layer.n_spikes.sum() > 20
    return layer.synaptic_traces, layer.neuron_traces


def test_compiled_hooks_do_what_python_does(compiled):
    for taus in (((4.0, INF), (3.0, 20.0)), ((INF, 1.0, 7.0), (INF, INF))):
        for slow, fast in zip(traces(HOOKS, taus), traces(compiled, taus), strict=True):
            assert np.abs(slow).max() > 1
            np.testing.assert_allclose(fast, slow, rtol=1e-12, atol=1e-13)


def test_compiled_hooks_against_the_truth(compiled, oracles):
    """STDP of EvSpikeSim, whose on_pre reads the neuron trace before the spike and has no term in the weight."""
    data = np.load(oracles / "evs_unit_stdp.npz", allow_pickle=False)

    @numba.njit
    def depress(weight, neuron, synapse):
        synapse[0] += 1.0
        synapse[1] -= neuron[0]

    hooks = dict(on_pre_synapse=depress, on_post_neuron=compiled["on_post_neuron"], on_post_synapse=compiled["on_post_synapse"])
    net = events.Network()
    layer = net.add_layer(3, 2, float(data["l0_tau_s"]), float(data["l0_th"]), plasticity=events.Plasticity((0.04, INF), (0.04,), **hooks))
    layer.weights = data["l0_W"]
    net.infer(data["in_idx"], data["in_t"].astype(np.float64))
    np.testing.assert_allclose(layer.synaptic_traces, data["l0_f64_syn"], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(layer.neuron_traces, data["l0_f64_neu"], rtol=1e-6, atol=1e-9)


def test_no_python_runs_for_a_spike(compiled, monkeypatch):
    rule = events.Plasticity((4.0, INF), (3.0, 20.0), **compiled)
    assert rule.is_compiled and not events.Plasticity((4.0,), **{"on_post_neuron": on_post_neuron}).is_compiled
    called = []
    monkeypatch.setattr("spaic.Backend.Event.rules.traces._call", lambda *given: called.append(given))
    traces(compiled)
    assert not called
    traces(HOOKS)
    assert called


@pytest.mark.parametrize(
    "given, message", [(20.0, r"20\.0 is no sequence"), ((True,), "True is no"), ((1.0, float("nan")), "nan is no"), ("20", "'2' is no")]
)
def test_time_constants_that_are_none(given, message):
    with pytest.raises(DeclarationError, match=rf"Plasticity\.synaptic_tau: {message}"):
        events.Plasticity(synaptic_tau=given)


def test_time_constants_of_numpy():
    assert events.Plasticity(np.array([20, 30]), [np.float32(2.0)]) == events.Plasticity((20.0, 30.0), (2.0,))


def test_hooks_that_cannot_be_meant(compiled):
    with pytest.raises(DeclarationError, match="Plasticity: on_pre_neuron not compiled, other hooks are"):
        events.Plasticity((1.0,), (1.0,), on_pre_neuron=on_pre_neuron, on_post_neuron=compiled["on_post_neuron"])
    with pytest.raises(DeclarationError, match=r"Plasticity\.on_pre_synapse: 3 is no function"):
        events.Plasticity((1.0,), on_pre_synapse=3)
    with pytest.raises(DeclarationError, match=r"Plasticity\.neuron_tau: -1\.0 is no positive"):
        events.Plasticity((), (-1.0,))

    @numba.njit
    def wrong(neuron):
        neuron.unknown()

    with pytest.raises(DeclarationError, match="a hook cannot be compiled for what it gets"):
        traces({"on_post_neuron": wrong})
