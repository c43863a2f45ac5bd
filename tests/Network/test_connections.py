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
