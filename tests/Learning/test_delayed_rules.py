"""Rules on links whose synapses have delays of their own: each sees the presynaptic side as late as it is itself."""

import numpy as np
import pytest

import spaic
from spaic import registry
from spaic.errors import SpaicError, UnsupportedError
from spaic.Graph.schedule import schedule
from spaic.Library.rules import with_teacher

STEPS, BATCH = 30, 2
#: Link type -> shapes of both sides and keywords.
LINKS = {
    "full": ((5,), (4,), {}),
    "one_to_one": ((4,), (4,), {}),
    "sparse": ((5,), (4,), {"density": 0.6}),
    "random": ((5,), (4,), {"probability": 0.6, "storage": "sparse"}),
    "conv": ((2, 3, 3), (3, 2, 2), {"kernel_size": 2, "out_channels": 3}),
    "conv1d": ((2, 5), (4, 2), {"kernel_size": 2, "out_channels": 4, "groups": 2, "stride": 2}),
    "conv_transpose1d": ((2, 3), (1, 4), {"kernel_size": 2, "out_channels": 1}),
    "depthwise": ((2, 3, 3), (2, 2, 2), {"kernel_size": 2}),
    "locally_connected": ((1, 4), (2, 3), {"kernel_size": 2}),
}
RATES = np.random.default_rng(3).random((BATCH, 18))


def network(rule, link_type, backend, reduction="mean", parts=None, samples=BATCH, **delay):
    """One plastic link, or as many as `parts` has: mask, delay and weight of each."""
    pre, post, options = LINKS[link_type]
    taught = "taught" in registry.rules[rule].reads("post").values()
    with spaic.Network() as net:
        source = spaic.Encoder(shape=pre, coding_method="poisson", unit_conversion=0.5)
        cells = spaic.NeuronGroup(shape=post, model=with_teacher("lif") if taught else "lif", tau_m=5.0)
        if parts is None:
            net.wires = [spaic.Connection(source, cells, link_type=link_type, w_mean=0.4, w_std=0.1, **options, **delay)]
        else:
            of = {"link_type": "sparse", "storage": "dense"}
            net.wires = [spaic.Connection(source, cells, mask=mask, delay=late, weight=weight, **of) for mask, late, weight in parts]
        net.learner = spaic.PlasticityLearner(net.wires, rule, reduction=reduction)
        if taught:
            spaic.Connection(source, cells, weight=0.1, post_var_name="teacher", is_parameter=False, name="teaching")
    net.set_backend(backend, dt=1.0, dtype="float64", **({"kernels": "plain"} if backend == "torch" else {}))
    net.source(RATES[:samples, : int(np.prod(pre))].reshape(samples, *pre))
    return net


def learned(net, rule):
    """Weights after a run, in pieces if there are rewards."""
    is_rewarded = "on_reward" in registry.rules[rule].statements
    for i in range(STEPS // 5):
        (net.run_continue if i else net.run)(5.0)
        if is_rewarded:
            net.learner.reward(0.5)
    return [np.asarray(w.weight.detach() if hasattr(w.weight, "detach") else w.weight) for w in net.wires]


@pytest.mark.parametrize("rule", ["stdp", "triplet_stdp", "clopath", "mstdpet", "oja"])
def test_one_link_with_many_delays_is_as_many_links(rule):
    """The synapses of each delay learn as those of a link with this delay alone."""
    net = network(rule, "full", "reference", max_delay=6.0)
    net.build()
    (late,) = (schedule(net.graph).delays[w.path] for w in net.wires)
    weight = np.asarray(net.wires[0].weight).copy()
    found = learned(net, rule)[0]
    parts = [(late == d, float(d), weight) for d in np.unique(late)]
    assert len(parts) > 3 and not np.array_equal(found, weight)
    others = learned(network(rule, "full", "reference", parts=parts), rule)
    expected = sum(other * (late == d) for other, d in zip(others, np.unique(late), strict=True))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("rule, reduction, link_type", [
    *[("stdp", "sum", link_type) for link_type in LINKS], *[("mstdpet", "mean", link_type) for link_type in ("full", "random", "conv")],
    ("triplet_stdp", "mean", "conv"), ("fede_stdp", "mean", "full"), ("oja", "sum", "random"),
])  # fmt: skip
def test_backends_agree(rule, reduction, link_type):
    found = []
    for backend in ("reference", "torch"):
        net = network(rule, link_type, backend, reduction, max_delay=4.0)
        try:
            net.build()
        except UnsupportedError as error:
            assert link_type == "conv" and rule != "stdp" and "share" in str(error)
            return
        start = net._simulation.store.learned()["wires_0.weight"]
        found.append(learned(net, rule)[0])
    assert not np.array_equal(found[0], start)
    np.testing.assert_allclose(found[1], found[0], rtol=0, atol=1e-12 * np.abs(found[0]).max())


def pair_stdp(spikes, fired, delay, weight, places):
    """Weights after all-to-all pairs, over the synapses `places` (weight, presynaptic, postsynaptic neuron), each with its own trace."""
    forget, weight = np.exp(-1.0 / 20.0), weight.copy()
    x, y = np.zeros(len(places)), np.zeros(len(places))
    for n in range(len(spikes)):
        x, y, change = x * forget, y * forget, np.zeros_like(weight)
        for k, (at, pre, _) in enumerate(places):
            late = n - delay[at]
            if late >= 0 and spikes[late, pre]:
                change[at] -= 0.0105 * y[k]
                x[k] += 1
        for k, (at, _, post) in enumerate(places):
            if fired[n, post]:
                change[at] += 0.01 * x[k]
                y[k] += 1
        weight += change
    return weight


def places(link_type, weight, net):
    """Weight, presynaptic and postsynaptic neuron of every synapse."""
    pre, post, _ = LINKS[link_type]
    if link_type == "conv":
        index = np.ndindex(*weight.shape, *post[1:])
        rows, cols = pre[1:], post[1:]
        return [
            ((o, i, a, b), np.ravel_multi_index((i, y + a, x + b), (2, *rows)), np.ravel_multi_index((o, y, x), (3, *cols)))
            for o, i, a, b, y, x in index
        ]
    if link_type == "random":
        transform = net.graph.links[0].transforms[0]
        return [((k,), a, b) for k, (a, b) in enumerate(zip(transform.sources, transform.targets, strict=True))]
    return [((b, a), a, b) for b, a in np.ndindex(*weight.shape)]


@pytest.mark.parametrize("backend", ["reference", "torch"])
@pytest.mark.parametrize("link_type", ["full", "random", "conv"])
def test_pairs_by_loops_over_synapses(link_type, backend):
    net = network("stdp", link_type, backend, None, samples=1, max_delay=7.0)
    with net:
        sent, fired = spaic.SpikeMonitor(net.source), spaic.SpikeMonitor(net.cells)
        net.sent, net.fired = spaic.StateMonitor(net.source, "O"), spaic.StateMonitor(net.cells, "O")
    assert sent.parent is fired.parent is net
    net.build()
    start = net._simulation.store.learned()["wires_0.weight"].copy()
    net.run(float(STEPS))
    spikes, post = (np.asarray(m.values)[0].reshape(-1, STEPS).T for m in (net.sent, net.fired))
    assert post.sum() > 5
    expected = pair_stdp(spikes, post, schedule(net.graph).delays["wires_0"], start, places(link_type, start, net))
    found = np.asarray(net.wires[0].weight.detach() if backend == "torch" else net.wires[0].weight)
    assert not np.array_equal(found, start)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("backend", ["reference", "torch"])
def test_delays_of_channels(backend):
    """One delay per channel is that delay for each weight of the channel."""
    by_channel, by_weight = (
        learned(network("stdp", "conv", backend, delay=delay), "stdp")[0]
        for delay in (np.array([1.0, 4.0]), np.broadcast_to(np.array([1.0, 4.0])[None, :, None, None], (3, 2, 2, 2)).copy())
    )
    np.testing.assert_allclose(by_channel, by_weight, rtol=0, atol=1e-12)


def test_traces_are_there_for_every_delay():
    net = network("stdp", "full", "torch", max_delay=4.0)
    net.run(10.0)
    kinds = len(np.unique(schedule(net.graph).delays["wires_0"]))
    assert kinds > 2 and net.learner.trace(net.wires[0], "x").shape == (BATCH, kinds * 5)


def test_in_pieces():
    whole = network("stdp", "full", "torch", max_delay=6.0)
    whole.run(float(STEPS))
    pieces = learned(network("stdp", "full", "torch", max_delay=6.0), "stdp")[0]
    np.testing.assert_array_equal(pieces, np.asarray(whole.wires[0].weight.detach()))


@pytest.mark.parametrize("backend", ["reference", "torch"])
def test_learned_delays_are_refused(backend):
    net = network("stdp", "full", backend, max_delay=6.0, delay_trainable=True)
    with pytest.raises(SpaicError, match="wires_0: its delay is learned and lies between steps"):
        net.build()
