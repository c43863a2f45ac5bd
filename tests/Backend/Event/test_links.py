"""Every link and synapse that is a sum over synapses, on exact events and on a fine grid; what is none is refused."""

import numpy as np
import pytest

import spaic
from spaic.errors import UnsupportedError

#: Link, its options, shape of the source, of the target.
LINKS = {
    "full": ("full", dict(w_mean=0.25, w_std=0.2), (6,), (4,)),
    "full, delays": ("full", dict(w_mean=0.25, w_std=0.2, max_delay=3.0), (6,), (4,)),
    "one_to_one": ("one_to_one", dict(weight=1.7), (5,), (5,)),
    "sparse": ("sparse", dict(density=0.5, w_mean=0.5, w_std=0.2, delay=2.0), (6,), (4,)),
    "random": ("random", dict(probability=0.6, w_mean=0.5, w_std=0.2), (6,), (4,)),
    "conv": ("conv", dict(out_channels=2, kernel_size=3, w_mean=0.3, w_std=0.2), (1, 5, 5), (2, 3, 3)),
    "pool": ("pool", dict(pool_kernel_size=2), (1, 4, 4), (1, 2, 2)),
}


def network(link, options, pre, post, synapse=None, seed=1):
    """Inputs on a grid of 0.01 ms that reach neurons through one link; two samples."""
    rng = np.random.default_rng(seed)
    count = int(np.prod(pre))
    with spaic.Network(seed=seed) as net:
        source = spaic.Encoder(shape=pre, coding_method="mstb")
        cell = spaic.NeuronGroup(shape=post, model="lif" if synapse is None else "lif_current", tau_m=12.0)
        wire = spaic.Connection(source, cell, link_type=link, **options, **({} if synapse is None else dict(syn_type=synapse)))
    net.source([[rng.uniform(0, 18, 8 * count).round(2), rng.integers(0, count, 8 * count)] for _ in range(2)])
    net.set_backend("torch", dt=0.01, dtype="float64")
    return net


@pytest.mark.parametrize("case", LINKS)
def test_every_link_is_as_on_a_fine_grid(case):
    """A lif neuron fires when something arrives, so that grid and events agree to rounding."""
    link, options, pre, post = LINKS[case]
    options = (
        {**options, "max_delay": None, "delay": np.random.default_rng(0).uniform(0, 3, (4, 6)).round(2)}
        if "max_delay" in options
        else options
    )
    found = network(link, options, pre, post).verify(20.0, backends=("torch", "event"), dt=(0.01,))
    (comparison,) = found.comparisons
    assert comparison.spikes > 5 and found.agrees, str(found)
    assert comparison.worst < 1e-9 and comparison.before < 1e-12


@pytest.mark.parametrize("synapse", ["first_order", "second_order", "alpha", "double_exponential"])
def test_synapses_that_are_linear_are_solved_with_the_neuron(synapse):
    found = network("full", dict(w_mean=0.4, w_std=0.4), (6,), (4,), synapse).verify(20.0, backends=("torch", "event"), dt=(0.01, 0.0025))
    coarse, fine = found.comparisons
    assert fine.spikes > 3, str(found)
    assert found.agrees or (fine.missing == 0 and fine.divergence == ""), str(found)
    assert fine.worst < 0.05


@pytest.mark.parametrize("link, pre, post, why", [("pool", (1, 4, 4), (1, 2, 2), "not a sum over synapses")])
def test_a_link_that_is_no_sum_is_refused(link, pre, post, why):
    net = network(link, dict(mode="max"), pre, post)
    net.set_backend("event", dt=0.1)
    with pytest.raises(UnsupportedError, match=f"wire: .*{why}"):
        net.run(1.0)


def test_inputs_of_every_code():
    """Poisson, latency and direct spikes enter as events at the ends of their steps, or at their own times."""
    for coding, value in (("poisson", 0.8), ("latency", 0.5), ("exact_poisson", 0.8)):
        with spaic.Network(seed=3) as net:
            source = spaic.Encoder(num=8, coding_method=coding)
            cell = spaic.NeuronGroup(3, model="lif")
            wire = spaic.Connection(source, cell, weight=np.full((3, 8), 0.6))
        net.set_backend("event", dt=0.5)
        net.source(np.full((2, 8), value))
        net.run(40.0)
        sent, spikes = net.program.spikes["source"], net.program.spikes["cell"]
        assert len(sent) >= 16 and len(spikes) > 0
        times = sent.times.numpy()
        assert ((times >= 0) & (times <= 40.0)).all()
        is_on_grid = np.abs(times / 0.5 - np.rint(times / 0.5)).max() < 1e-9
        assert is_on_grid == (coding != "exact_poisson")
        # a lif neuron fires when something arrives
        assert set(spikes.times.numpy().round(9)) <= set(times.round(9))
