"""Delays of every link type: a link is late by what it says, and so is each of its synapses where it has them one by one."""

import numpy as np
import pytest

import spaic
from spaic import registry
from spaic.errors import GraphError
from spaic.Graph.schedule import schedule

FLAT = (8,), (8,)
#: Link type -> its keywords, and the shapes of source and target.
LINKS = {
    "conv": (dict(kernel_size=3), (2, 5, 5), (2, 3, 3)),
    "conv1d": (dict(kernel_size=3), (2, 8), (2, 6)),
    "conv3d": (dict(kernel_size=2), (1, 3, 3, 3), (2, 2, 2, 2)),
    "conv_transpose": (dict(kernel_size=2), (1, 3, 3), (2, 4, 4)),
    "conv_transpose1d": (dict(kernel_size=2), (2, 5), (2, 6)),
    "conv_transpose3d": (dict(kernel_size=2), (1, 2, 2, 2), (1, 3, 3, 3)),
    "depthwise": ({}, (2, 5, 5), (2, 3, 3)),
    "distance": (dict(width=0.4), *FLAT),
    "flatten": ({}, (2, 4), (8,)),
    "full": ({}, *FLAT),
    "index_list": (dict(index_list=[(0, 1), (3, 2)]), *FLAT),
    "locally_connected": ({}, (1, 5, 5), (2, 3, 3)),
    "matrix": (dict(matrix=np.arange(64.0).reshape(8, 8)), *FLAT),
    "one_to_one": ({}, *FLAT),
    "pool": ({}, (2, 4, 4), (2, 2, 2)),
    "pool1d": ({}, (2, 8), (2, 4)),
    "pool3d": ({}, (1, 4, 4, 4), (1, 2, 2, 2)),
    "population_mean": ({}, *FLAT),
    "random": (dict(fan_in=3), *FLAT),
    "reservoir": (dict(density=0.5), *FLAT),
    "small_world": ({}, *FLAT),
    "sparse": (dict(density=0.5), *FLAT),
    "unflatten": ({}, (8,), (2, 4)),
    "upsample": ({}, (1, 2, 2), (1, 4, 4)),
}
#: Links whose synapses are one by one; the others share their weights, or have none.
SYNAPSES = (
    "distance", "full", "index_list", "locally_connected", "matrix", "one_to_one", "random", "reservoir", "small_world", "sparse",
)  # fmt: skip
STEPS = 12


def test_every_link_is_checked_here():
    assert set(LINKS) == set(registry.links) - {"batchnorm", "dropout", "electrical"}  # stages of other links


def network(name, backend, **delay):
    options, pre, post = LINKS[name]
    net = spaic.Network(seed=3)
    net.input = spaic.Encoder(shape=pre, coding_method="null")
    net.cells = spaic.NeuronGroup(shape=post, model="lif", V_th=1e9)
    net.way = spaic.Connection(net.input, net.cells, link_type=name, **options, **delay)
    net.current = spaic.StateMonitor(net.way, "current")
    net.set_backend(backend, dt=1.0, dtype="float64", **({"kernels": "plain"} if backend == "torch" else {}))
    net.input(np.random.default_rng(0).integers(0, 2, (2, STEPS, *pre)).astype(float))
    return net


def current(name, backend, **delay):
    net = network(name, backend, **delay)
    net.run(float(STEPS))
    return net.current.values


@pytest.mark.parametrize("backend", ["reference", "torch"])
@pytest.mark.parametrize("name", LINKS)
def test_a_link_is_late_by_its_delay(name, backend):
    at_once, late = (current(name, backend, delay=delay) for delay in (0.0, 3.0))
    assert at_once[..., : STEPS - 3].any() and not late[..., :3].any()
    np.testing.assert_allclose(late[..., 3:], at_once[..., :-3], rtol=0, atol=1e-12)


@pytest.mark.parametrize("backend", ["reference", "torch"])
@pytest.mark.parametrize("name", SYNAPSES)
def test_synapses_have_delays_of_their_own(name, backend):
    net = network(name, backend, max_delay=4.0)
    net.run(float(STEPS))
    (link,), spikes = net.graph.links, np.asarray(net.input.source).reshape(2, STEPS, -1)
    weight, late = np.asarray(net.state_dict()["way.weight"]), schedule(net.graph).delays["way"]
    assert late.shape == weight.shape and late.max() <= 4 and len(np.unique(late)) > 1
    if name == "one_to_one":
        weight, late = np.diag(weight), np.diag(late)
    elif link.transforms[0].mask is not None:
        weight = weight * link.transforms[0].mask
    expected = np.zeros((2, net.cells.num, STEPS))
    for (post, pre), w in np.ndenumerate(weight):
        expected[:, post, late[post, pre] :] += w * spikes[:, : STEPS - late[post, pre], pre]
    np.testing.assert_allclose(net.current.values.reshape(expected.shape), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", sorted(set(LINKS) - set(SYNAPSES)))
def test_links_without_synapses_of_their_own_refuse_such_delays(name):
    with pytest.raises(GraphError, match=r"way\.delay: one delay per synapse needs a full, sparse or one-to-one connection"):
        network(name, "reference", max_delay=4.0).build()
