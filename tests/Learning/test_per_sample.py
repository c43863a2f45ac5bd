"""Samples that learn each for itself: a batch is as many runs of one sample, whose weights are averaged at the end."""

import numpy as np
import pytest

import spaic
from spaic.errors import SpaicError, UnsupportedError
from tests.contracts.uncompiled import in_python

STEPS, BATCH = 24, 3
SPIKES = np.random.default_rng(0).random((BATCH, 2 * STEPS, 6)) < 0.3


def network(backend, rule="rstdp", reduction="per_sample", model="lif", syn_type=None, is_plain=True, **options):
    with spaic.Network(seed=2) as net:
        source = spaic.Encoder(num=6, coding_method="null")
        cells = spaic.NeuronGroup(4, model=model)
        wire = spaic.Connection(source, cells, w_mean=0.4, w_std=0.1, syn_type=syn_type, **options)
        learner = spaic.PlasticityLearner(wire, rule, reduction=reduction)
        trace = spaic.StateMonitor(cells, "V")
    assert learner.parent is trace.parent is source.parent is net
    net.set_backend(backend, dt=1.0, dtype="float64", **({"kernels": "plain"} if backend == "torch" and is_plain else {}))
    return net


def ran(net, samples):
    """Two runs with rewards between: weights, potentials."""
    for k in range(2):
        net.source(SPIKES[samples, k * STEPS : (k + 1) * STEPS].astype(float))
        (net.run_continue if k else net.run)(float(STEPS))
        if net.learner.rule == "rstdp":
            net.learner.reward(np.arange(1.0, BATCH + 1)[samples] * 0.1)
    return np.asarray(net.wire.weight.detach() if hasattr(net.wire.weight, "detach") else net.wire.weight), net.trace.values


@pytest.mark.parametrize("backend", ["reference", "torch"])
@pytest.mark.parametrize(
    "rule, options",
    [("rstdp", {}), ("stdp", {"max_delay": 4.0}), ("oja", {"link_type": "random", "probability": 0.7, "w_max": 0.6})],
)
def test_a_batch_is_as_many_runs(rule, options, backend):
    found, trace = ran(network(backend, rule, **options), slice(None))
    alone = [ran(network(backend, rule, **options), slice(b, b + 1)) for b in range(BATCH)]
    assert len({w.tobytes() for w, _ in alone}) == BATCH, "all samples learned the same"
    np.testing.assert_allclose(found, np.mean([w for w, _ in alone], axis=0), rtol=0, atol=1e-12)
    np.testing.assert_allclose(trace, np.concatenate([v for _, v in alone]), rtol=0, atol=1e-12)


def test_the_compiled_loop_takes_each_sample(monkeypatch, tmp_path):
    in_python(monkeypatch, tmp_path)
    found = ran(network("torch", "stdp", is_plain=False), slice(None))[0]
    np.testing.assert_allclose(found, ran(network("torch", "stdp"), slice(None))[0], rtol=0, atol=1e-12)


def test_it_is_not_the_mean_of_each_step():
    """Samples that share their weights see what the others have learned; these do not."""
    shared, alone = (ran(network("torch", "stdp", reduction), slice(None))[0] for reduction in ("mean", "per_sample"))
    assert 1e-6 < np.abs(shared - alone).max() < 0.1


def test_weights_that_are_watched_are_the_mean():
    net = network("torch", "stdp")
    with net:
        net.seen = spaic.StateMonitor(net.wire, "weight")
    found, _ = ran(net, slice(None))
    np.testing.assert_allclose(net.seen.values[..., 0].reshape(4, 6), network_weights("torch"), rtol=0, atol=1e-15)
    assert net.seen.values.shape[-1] == 2 * STEPS and np.abs(net.seen.values[..., -1].reshape(4, 6) - found).max() < 0.1


def network_weights(backend):
    net = network(backend, "stdp")
    net.build()
    return net._simulation.store.learned()["wire.weight"]


def test_evaluation_leaves_them_as_they_are():
    net = network("torch", "stdp")
    found, _ = ran(net, slice(None))
    kept = found.copy()
    net.eval()
    net.source(SPIKES[:, :STEPS].astype(float))
    net.run_continue(float(STEPS))
    np.testing.assert_array_equal(np.asarray(net.wire.weight.detach()), kept)


@pytest.mark.parametrize("options, message", [
    ({"model": "lif_escape"}, "cells has noise, which belongs to the batch"),
    ({"syn_type": ["basic", "dropout"]}, "beside has dropout"),
])  # fmt: skip
def test_what_belongs_to_the_batch_is_refused(options, message):
    net = network("torch", "stdp", model=options.get("model", "lif"))
    if "syn_type" in options:
        with net:
            net.beside = spaic.Connection(net.source, net.cells, **options)
    with pytest.raises(UnsupportedError, match=message):
        ran(net, slice(None))


def test_learners_that_differ_are_refused():
    net = network("torch", "stdp")
    with net:
        net.other = spaic.Connection(net.source, net.cells)
        net.second = spaic.PlasticityLearner(net.other, "stdp", reduction="mean")
    with pytest.raises(SpaicError, match="wire: reduction='per_sample' takes each sample .* other learns from all of them"):
        net.build()
