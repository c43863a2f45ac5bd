from collections.abc import Iterator
from types import SimpleNamespace

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

import spaic


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    """Pictures leave no trace: settings stay, and every figure can be closed."""
    plt.figure()  # chooses a backend, once
    plt.close("all")
    settings = dict(mpl.rcParams)
    yield
    assert dict(mpl.rcParams) == settings
    plt.close("all")
    assert not plt.get_fignums()


@pytest.fixture(scope="session")
def world() -> SimpleNamespace:
    """A network after a run of 20 ms with two samples, and monitors of everything that is drawn."""
    net = spaic.Network()
    net.image = spaic.Encoder(shape=(2, 4, 4), coding_method="direct")
    net.pixels = spaic.Encoder(num=16, coding_method="direct")
    net.maps = spaic.NeuronGroup(shape=(3, 2, 2), model="lif")
    net.cells = spaic.NeuronGroup(6, model="izhikevich")
    net.plain = spaic.NeuronGroup(6, model="lif", V_th=0.5)
    net.adapting = spaic.NeuronGroup(6, model="alif")
    net.conv = spaic.Connection(net.image, net.maps, link_type="conv", kernel_size=3)
    net.pooled = spaic.NeuronGroup(8, model="if")
    net.pool = spaic.Connection(net.image, net.pooled, link_type="pool")
    net.full = spaic.Connection(net.pixels, net.plain)
    net.sparse = spaic.Connection(net.plain, net.adapting, link_type="sparse", mask=np.arange(36).reshape(6, 6) % 3 == 0)
    net.single = spaic.Connection(net.plain, net.cells, link_type="one_to_one", weight=np.arange(6.0))
    net.clamp = spaic.Generator(dec_target=net.cells, coding_method="constant_current")
    net.spikes = spaic.SpikeMonitor(net.cells)
    net.some_spikes = spaic.SpikeMonitor(net.cells, index=[4, -1])
    net.membrane = spaic.StateMonitor(net.cells, "V_before_reset")
    net.some = spaic.StateMonitor(net.cells, "V", index=[4, -1], dt=2.0)
    net.recovery = spaic.StateMonitor(net.cells, "U")
    net.simple = spaic.StateMonitor(net.plain, "V_before_reset")
    net.variable = spaic.StateMonitor(net.adapting, "V")
    net.current = spaic.StateMonitor(net.full, "current")
    net.weight = spaic.StateMonitor(net.full, "weight", dt=5.0)
    net.sparse_weight = spaic.StateMonitor(net.sparse, "weight", dt=5.0)
    net.set_backend("torch", dt=1.0)
    net.idle = spaic.StateMonitor(net.plain, "V")
    net.idle.monitor_off()
    net.image(np.full((2, 2, 4, 4), 0.5))
    net.pixels(np.full((2, 16), 0.5))
    net.clamp(15.0)
    net.run(20.0)
    return SimpleNamespace(net=net, **{element.name: element for element in net.members()})
