"""Weights scaled until groups fire at a rate that is asked for."""

import numpy as np
import pytest

import spaic
from spaic.errors import DeclarationError, NetworkError, UnknownName

DATA = np.random.default_rng(1).random((6, 1, 8, 8)).astype(np.float32)


def network(backend="torch", **second):
    with spaic.Network(seed=2) as net:
        net.image = spaic.Encoder(shape=(1, 8, 8), coding_method="poisson")
        net.features = spaic.NeuronGroup(shape=(4, 6, 6), model="lif")
        net.cells = spaic.NeuronGroup(10, model="clif")
        net.conv = spaic.Connection(net.image, net.features, link_type="conv", kernel_size=3, w_mean=0.001, w_std=0.003)
        net.full = spaic.Connection(net.features, net.cells, **{"w_mean": 1.0, "w_std": 0.5, **second})
        net.loop = spaic.Connection(net.cells, net.cells, w_mean=-0.02, w_std=0.001)
        net.output = spaic.Decoder(dec_target=net.cells, coding_method="spike_rate")
    net.set_backend(backend, dt=1.0, **({"kernels": "plain"} if backend == "torch" else {}))
    return net


def as_array(value):
    return value.detach().numpy() if hasattr(value, "detach") else value


@pytest.mark.parametrize("backend", ["torch", "reference"])
def test_every_group_fires_at_the_rate(backend):
    net = network(backend)
    net.build()
    before = {k: as_array(v).copy() for k, v in net.state_dict().items()}
    found = spaic.calibrate(net, DATA, rate=80.0, run_time=50.0)
    assert set(found) == {"features", "cells"} and all(72 <= r <= 88 for r in found.values())
    after = net.state_dict()
    for path in ("conv.weight", "full.weight", "loop.weight"):
        ratio = as_array(after[path]) / before[path]
        np.testing.assert_allclose(ratio, ratio.flat[0], rtol=1e-5)
    net.monitor = spaic.SpikeMonitor(net.features)
    net.image(DATA)
    net.run(50.0)
    rate = np.asarray(net.monitor.values).mean() * 1000
    assert 60 < rate < 100  # other random spikes


def test_groups_can_be_chosen():
    net = network()
    found = spaic.calibrate(net, DATA, rate=80.0, run_time=30.0, groups=[net.features])
    assert set(found) == {"features"}
    assert set(spaic.calibrate(net, DATA, rate=80.0, run_time=30.0, groups=["cells"])) == {"cells"}


def test_a_group_that_cannot_fire_leaves_everything_as_it_was():
    net = network(w_mean=-1.0, w_std=0.1)
    net.build()
    before = {k: v.detach().clone() for k, v in net.state_dict().items()}
    with pytest.raises(NetworkError, match="cells: it does not fire, whatever its weights are multiplied with"):
        spaic.calibrate(net, DATA, rate=80.0, run_time=30.0)
    assert all((net.state_dict()[k] == v).all() for k, v in before.items())


def test_a_rate_that_is_not_reached_is_told():
    net = network(w_max=0.3)
    spaic.calibrate(net, DATA, rate=80.0, run_time=30.0, groups=["features"])
    with pytest.warns(UserWarning, match="cells: .* Hz is as near as scaling comes to 990 Hz"):
        spaic.calibrate(net, DATA, rate=990.0, run_time=30.0, groups=["cells"], attempts=6)


@pytest.mark.parametrize("options, error, message", [
    ({"rate": 0.0}, DeclarationError, "spaic.calibrate: rate is 0.0; give a number above 0"),
    ({"tolerance": -1}, DeclarationError, "tolerance is -1"),
    ({"groups": ["cell"]}, UnknownName, "spaic.calibrate: 'cell' is no group that fires; did you mean 'cells'"),
])  # fmt: skip
def test_what_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        spaic.calibrate(network(), DATA, run_time=10.0, **options)
