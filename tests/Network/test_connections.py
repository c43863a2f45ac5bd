"""Corners of connections: delays beyond memory, no synapses at all; and encoders that take their shape from data."""

import numpy as np
import pytest

import spaic
from spaic.Network import pasts


def test_a_delay_that_reaches_back_further_than_there_is_memory_for_is_refused(monkeypatch):
    with spaic.Network() as net:
        net.source = spaic.Encoder(1000, coding_method="poisson")
        net.cells = spaic.NeuronGroup(3, model="lif")
        net.wire = spaic.Connection(net.source, net.cells, weight=0.1, delay=500.0)
    net.set_backend("torch", dt=0.5)
    net.source(np.ones((2, 1000)))
    monkeypatch.setattr(pasts, "_LITTLE", 0)
    monkeypatch.setattr(pasts, "available_memory", lambda: 10**7)
    with pytest.raises(spaic.NetworkError, match="wire: its longest delay of 500 ms takes 8 MB for what 2 .*, the limit is 5 MB, .* in ms"):
        net.run(1.0)
    monkeypatch.setattr(pasts, "available_memory", lambda: 10**8)
    net.run(1.0)


def test_a_link_without_synapses_may_have_delays():
    with spaic.Network() as net:
        net.source = spaic.Encoder(4, coding_method="poisson")
        net.cells = spaic.NeuronGroup(3, model="lif")
        net.wire = spaic.Connection(net.source, net.cells, link_type="random", probability=0.0, storage="sparse", max_delay=3.0)
        net.learner = spaic.PlasticityLearner(net.wire, "stdp")
    net.set_backend("torch", dt=1.0)
    net.source(np.ones((1, 4)))
    net.run(5.0)
    assert net.wire.weight.numel() == 0


def test_an_encoder_takes_its_shape_from_data():
    assert spaic.Encoder(np.zeros((5, 4, 3)), coding_method="poisson").shape == (4, 3)


@pytest.mark.parametrize("link", ["full", "one_to_one", "sparse"])
def test_drawn_delays_are_read_as_drawn_and_mean_the_same_when_they_are_given(link):
    """And the backend of exact events uses those that the others round to the grid."""

    def net_with(**delay):
        net = spaic.Network(seed=2)
        net.a, net.b = spaic.Encoder(4, coding_method="null"), spaic.NeuronGroup(4, model="lif")
        net.wire = spaic.Connection(net.a, net.b, link_type=link, weight=0.5, **delay)
        net.seen = spaic.StateMonitor(net.b, "V")
        net.set_backend("torch", dt=0.5, kernels="plain")
        net.a(np.eye(4)[None, [0, 1, 2, 3] + [0] * 16])
        return net

    drawn = net_with(min_delay=1.0, max_delay=6.0)
    delays = drawn.wire.delays
    assert delays.shape == tuple(drawn.wire.weight.shape) and np.ptp(delays) > 1.0 and not np.any(delays % 0.5)
    again = net_with(delay=delays)
    for net in (drawn, again):
        net.run(10.0)
    assert np.array_equal(drawn.seen.values, again.seen.values) and np.array_equal(again.wire.delays, delays)
    drawn.set_backend("event", dt=0.5)
    assert np.abs(drawn.wire.delays - delays).max() <= 0.25 and np.any(drawn.wire.delays != delays)


def test_delays_that_are_one_number_none_or_learned():
    net = spaic.Network()
    net.a, net.b = spaic.NeuronGroup(3, model="lif"), spaic.NeuronGroup(2, model="lif")
    net.set_backend("torch", dt=0.5)
    net.none, net.one = spaic.Connection(net.a, net.b), spaic.Connection(net.a, net.b, delay="2 ms")
    net.loop = spaic.Connection(net.b, net.b)
    net.trained = spaic.Connection(net.a, net.b, delay_trainable=True, max_delay=4.0)
    net.trace = spaic.StateMonitor(net.trained, "delay", index=[0, 5])
    assert (net.none.delays, net.one.delays, net.loop.delays) == (0.0, 2.0, 0.5)
    assert net.trained.delays.shape == (2, 3) and net.trained.delays is net.module.tensors()["trained.delay"]
    net.run(2.0)
    assert np.allclose(net.trace.values[:, 0], net.trained.delays.detach().numpy().flat[[0, 5]])
    with pytest.raises(spaic.StateError, match="belongs to no network yet"):
        spaic.Connection(net.a, net.b, delay=1.0).delays  # noqa: B018
