"""Delays of every link type: a link is late by what it says, and so is each of its synapses where it has them one by one."""

import numpy as np
import pytest

import spaic
from spaic import registry
from spaic.Backend.Reference.transforms import apply
from spaic.errors import GraphError, UnsupportedError
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
#: They stand beside other links.
STAGES = {"batchnorm", "dropout", "electrical"}
STEPS = 12


def test_every_link_is_checked_here():
    assert set(LINKS) == set(registry.links) - STAGES - {"over_time"}  # which brings other mixtures of what is late


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


@pytest.mark.parametrize("shape", [(1, 8), (8, 1)])
@pytest.mark.parametrize("name", ["full", "random", "one_to_one"])
def test_neurons_have_delays_of_their_own(name, shape, monkeypatch):
    """Sizes of 1: one delay per presynaptic neuron, or per postsynaptic one, however the synapses are stored."""
    delay = np.arange(8.0).reshape(shape)
    if name == "one_to_one":
        with pytest.raises(GraphError, match=r"needed \(8,\); reshape them"):
            network(name, "torch", delay=delay).build()
        return
    found = []
    for storage in ("dense", "sparse") if name == "random" else ("",):
        monkeypatch.setitem(LINKS, name, (LINKS[name][0] | ({"storage": storage} if storage else {}), *FLAT))
        for given in (delay, np.broadcast_to(delay, (8, 8)).copy()):
            found.append(current(name, "torch", delay=given))
        np.testing.assert_allclose(found[-1], found[-2], rtol=0, atol=1e-12)
    assert found[0].any()


KERNELS = sorted(name for name in LINKS if "conv" in name or name == "depthwise")
POOLS = ("pool", "pool1d", "pool3d")


def as_sent(net):
    return np.moveaxis(np.asarray(net.input.source), 1, -1)  # [samples, *shape, steps]


def shifted(x, by):
    """Values ``[..., steps]`` as many steps later as `by` says."""
    found = np.zeros_like(x)
    for place, d in np.ndenumerate(np.broadcast_to(by, x.shape[:-1])):
        found[place][d:] = x[place][: x.shape[-1] - d]
    return found


@pytest.mark.parametrize("backend", ["reference", "torch"])
@pytest.mark.parametrize("name", KERNELS)
def test_weights_of_a_kernel_have_delays_of_their_own(name, backend):
    """What arrives is the sum over the weights, each alone on a source that is late by its delay."""
    net = network(name, backend, max_delay=4.0)
    net.run(float(STEPS))
    (link,), sent = net.graph.links, as_sent(net)
    weight, late = np.asarray(net.state_dict()["way.weight"]), schedule(net.graph).delays["way"]
    assert late.shape == weight.shape and late.max() <= 4 and len(np.unique(late)) > 1
    expected = np.zeros(net.current.values.shape)
    for place, w in np.ndenumerate(weight):
        alone = np.zeros_like(weight)
        alone[place] = w
        x = np.moveaxis(shifted(sent, late[place]), -1, 0)
        y = np.stack([apply(link.transforms[0], now, {"weight": alone}) for now in x], axis=-1)
        expected += y.reshape(expected.shape)
    np.testing.assert_allclose(net.current.values, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("backend", ["reference", "torch"])
def test_a_grouped_convolution_by_loops(backend):
    """Stride, padding, dilation, groups and bias, written out."""
    rng = np.random.default_rng(5)
    weight, delay, bias = rng.normal(size=(4, 1, 3)), rng.integers(0, 5, (4, 1, 3)), rng.normal(size=4)
    with spaic.Network() as net:
        net.input = spaic.Encoder(shape=(2, 7), coding_method="null")
        net.cells = spaic.NeuronGroup(shape=(4, 4), model="lif", V_th=1e9)
        kernel = dict(kernel_size=3, groups=2, stride=2, padding=2, dilation=2, weight=weight, bias=bias)
        net.way = spaic.Connection(net.input, net.cells, link_type="conv1d", delay=delay.astype(float), **kernel)
        net.current = spaic.StateMonitor(net.way, "current")
    net.set_backend(backend, dt=1.0, dtype="float64", **({"kernels": "plain"} if backend == "torch" else {}))
    x = rng.integers(0, 2, (1, STEPS, 2, 7)).astype(float)
    net.input(x)
    net.run(float(STEPS))
    expected = np.zeros((4, 4, STEPS)) + bias[:, None, None]
    for out, place, tap, n in np.ndindex(4, 4, 3, STEPS):
        at, before = 2 * place - 2 + 2 * tap, n - delay[out, 0, tap]
        if 0 <= at < 7 and before >= 0:
            expected[out, place, n] += weight[out, 0, tap] * x[0, before, out // 2, at]
    np.testing.assert_allclose(net.current.values[0], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("backend", ["reference", "torch"])
@pytest.mark.parametrize("mode", ["avg", "max"])
@pytest.mark.parametrize("name", POOLS)
def test_taps_of_a_window_have_delays_of_their_own(name, mode, backend, monkeypatch):
    monkeypatch.setitem(LINKS, name, (dict(mode=mode), *LINKS[name][1:]))
    net = network(name, backend, max_delay=4.0)
    net.run(float(STEPS))
    sent, late, kernel = as_sent(net), schedule(net.graph).delays["way"], net.graph.links[0].transforms[0].kernel
    assert late.shape == (sent.shape[1], *kernel) and len(np.unique(late)) > 1
    found = net.current.values
    places = found.shape[2:-1]
    seen = []
    for tap in np.ndindex(*kernel):
        of_tap = late[(slice(None), *tap)].reshape(-1, *(1 for _ in kernel))
        x = shifted(sent, np.broadcast_to(of_tap, sent.shape[1:-1])[None])
        seen.append(x[(slice(None), slice(None), *(slice(t, None, k) for t, k in zip(tap, kernel, strict=True)))])
    assert seen[0].shape[2:-1] == places
    np.testing.assert_allclose(found, np.max(seen, 0) if mode == "max" else np.mean(seen, 0), rtol=0, atol=1e-12)


def by_source(name):
    """Delays of the channels of the source, or of its values where the link has no synapses."""
    _, pre, _ = LINKS[name]
    shape = pre[:1] if name in (*KERNELS, *POOLS) else pre
    return np.random.default_rng(1).integers(0, 5, shape)


@pytest.mark.parametrize("backend", ["reference", "torch"])
@pytest.mark.parametrize("name", sorted(set(LINKS) - set(SYNAPSES)))
def test_values_of_a_source_have_delays_of_their_own(name, backend):
    """The same arrives as without delays from a source that is late itself."""
    delay, shape = by_source(name), LINKS[name][1]
    net, other = network(name, backend, delay=delay.astype(float)), network(name, backend, delay=0.0)
    each = delay.reshape(*delay.shape, *(1,) * (len(shape) - delay.ndim))
    other.input(np.moveaxis(shifted(as_sent(net), each), -1, 1))
    net.run(float(STEPS))
    other.run(float(STEPS))
    assert net.current.values.any()
    np.testing.assert_allclose(net.current.values, other.current.values, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", sorted(set(LINKS) - set(SYNAPSES)))
def test_what_is_under_way_arrives_in_the_next_run(name):
    net = network(name, "torch", max_delay=4.0)
    data = np.asarray(net.input.source)
    net.run(float(STEPS))
    whole = net.current.values
    net.input(data[:, :2])
    net.run(2.0)
    net.input(data[:, 2:3])
    net.run_continue(1.0)
    net.input(data[:, 3:])
    net.run_continue(float(STEPS - 3))
    np.testing.assert_allclose(net.current.values, whole, rtol=0, atol=1e-12)


def loop(backend):
    """A convolution with a delay per weight and a pooling with one per tap, in a loop."""
    with spaic.Network(seed=2) as net:
        net.input = spaic.Encoder(shape=(2, 4), coding_method="null")
        net.cells = spaic.NeuronGroup(shape=(2, 4), model="lif", tau_m=3.0, V_th=0.6)
        net.half = spaic.NeuronGroup(shape=(2, 2), model="lif", tau_m=3.0, V_th=0.2)
        net.drive = spaic.Connection(net.input, net.cells, link_type="one_to_one", weight=0.5)
        net.own = spaic.Connection(net.cells, net.cells, link_type="conv1d", padding=1, w_std=0.5, min_delay=1.0, max_delay=4.0)
        net.down = spaic.Connection(net.cells, net.half, link_type="pool1d", max_delay=3.0)
        net.up = spaic.Connection(net.half, net.cells, link_type="upsample", delay=np.array([2.0, 3.0]))
        net.trace = spaic.StateMonitor(net.cells, "V")
    net.set_backend(backend, dt=1.0, dtype="float64")
    net.input(np.random.default_rng(0).integers(0, 2, (2, 40, 2, 4)).astype(float))
    net.run(40.0)
    return net.trace.values


def test_a_loop():
    expected = loop("reference")
    assert np.unique(expected).size > 100
    np.testing.assert_allclose(loop("torch"), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("stage", ["avgpool", "batchnorm"])
def test_stages_after_a_link_with_many_delays(stage):
    found = []
    for backend in ("reference", "torch"):
        with spaic.Network(seed=1) as net:
            net.input = spaic.Encoder(shape=(2, 6, 6), coding_method="null")
            net.cells = spaic.NeuronGroup(shape=(3, 2, 2) if stage == "avgpool" else (3, 4, 4), model="lif", V_th=1e9)
            net.way = spaic.Connection(
                net.input, net.cells, link_type="conv", out_channels=3, syn_type=["conv", stage], bias=0.3, max_delay=4.0
            )
            net.current = spaic.StateMonitor(net.way, "current")
        net.set_backend(backend, dt=1.0, dtype="float64")
        net.input(np.random.default_rng(0).integers(0, 2, (2, STEPS, 2, 6, 6)).astype(float))
        net.run(float(STEPS))
        found.append(net.current.values)
    np.testing.assert_allclose(found[1], found[0], rtol=0, atol=1e-12)


def test_delays_of_the_wrong_shape_name_the_right_ones():
    with pytest.raises(GraphError, match=r"way\.delay: the delays have shape \(3,\), needed \(2, 2, 3, 3\) .*or one per channel, \(2,\)"):
        network("conv", "reference", delay=np.ones(3)).build()


@pytest.mark.parametrize("delay, text", [(np.ones(2), "1..1 ms by source"), (np.ones((2, 2, 1, 3)), "1..1 ms per synapse")])
def test_explain_says_whose_they_are(delay, text):
    assert text in network("conv", "reference", delay=delay).explain()


@pytest.mark.parametrize("name, delay", [("conv", np.ones(2)), ("pool", np.ones((2, 2, 2)))])
def test_exact_events_have_delays_of_weights_only(name, delay):
    net = network(name, "reference", delay=delay)
    net.set_backend("event", dt=1.0)
    with pytest.raises(UnsupportedError, match="exact events need one delay, or one delay per weight"):
        net.build()
