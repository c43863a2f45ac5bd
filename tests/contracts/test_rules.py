"""Every registered rule does the same on every backend, on every kind of link, in pieces and at once."""

import numpy as np
import pytest

import spaic
from spaic import registry
from spaic.errors import SpaicError, UnsupportedError
from spaic.Library.rules import with_teacher

STEPS, BATCH = 30, 3
#: Link type -> shapes of both sides and keywords.
LINKS = {
    "full": ((5,), (4,), {}),
    "one_to_one": ((4,), (4,), {}),
    "sparse": ((5,), (4,), {"density": 0.6}),
    "random": ((5,), (4,), {"probability": 0.6}),
    "conv": ((2, 4, 4), (3, 3, 3), {"kernel_size": 2, "out_channels": 3}),
}


def network(rule, link_type, backend, reduction="mean", delay=0.0, seed=3, **values):
    pre, post, options = LINKS[link_type]
    with spaic.Network() as net:
        source = spaic.Encoder(shape=pre, coding_method="poisson", unit_conversion=0.5)
        taught = "taught" in registry.rules[rule].reads("post").values()
        cells = spaic.NeuronGroup(shape=post, model=with_teacher("lif") if taught else "lif", tau_m=5.0)
        wire = spaic.Connection(source, cells, link_type=link_type, delay=delay, w_mean=0.4, w_std=0.1, **options)
        learner = spaic.PlasticityLearner(wire, rule, reduction=reduction, **values)
        watch = spaic.StateMonitor(wire, "weight")
        if taught:
            spaic.Connection(source, cells, weight=0.1, post_var_name="teacher", is_parameter=False, name="teaching")
    assert learner.parent is watch.parent is net
    net.set_backend(backend, dt=1.0, dtype="float64")
    rng = np.random.default_rng(seed)
    net.source(rng.random((BATCH, *pre)))
    return net


def outcome(net, pieces=(STEPS,), rewards=False):
    for i, steps in enumerate(pieces):
        (net.run_continue if i else net.run)(float(steps))
        if rewards:
            net.learner.reward(0.5)
    simulation = net._simulation
    arrays = {k: simulation.backend.as_numpy(v) for k, v in simulation.state.arrays.items()}
    weight = net.wire.weight
    return np.asarray(weight.detach() if hasattr(weight, "detach") else weight), arrays


def with_reward(rule):
    return "on_reward" in registry.rules[rule].statements


@pytest.mark.parametrize("link_type", LINKS)
@pytest.mark.parametrize("rule", registry.rules)
def test_backends_agree(rule, link_type):
    found = []
    for backend in ("reference", "torch"):
        net = network(rule, link_type, backend)
        try:
            net.build()
        except UnsupportedError as error:
            assert link_type == "conv" and "share" in str(error)
            return
        before = net._simulation.store.learned()["wire.weight"]
        found.append((before, *outcome(net, (1,) * STEPS if with_reward(rule) else (10, 20), with_reward(rule))))
    (start, weight, state), (_, other, same) = found
    assert not np.array_equal(weight, start), "nothing was learned"
    scale = np.abs(weight).max()
    np.testing.assert_allclose(other / scale, weight / scale, rtol=0, atol=1e-12)
    assert set(state) == set(same)
    for path, values in state.items():
        np.testing.assert_allclose(same[path], values, rtol=1e-11, atol=1e-12, err_msg=path)


@pytest.mark.parametrize("rule", registry.rules)
def test_pieces(rule):
    whole, _ = outcome(network(rule, "full", "torch", delay=2.0))
    parts, _ = outcome(network(rule, "full", "torch", delay=2.0), (1, 9, 20))
    np.testing.assert_array_equal(parts, whole)


def test_reductions():
    """The sum is the batch times the mean; one sample needs none."""
    start = outcome(network("stdp", "full", "torch", A_plus=0.0, A_minus=0.0))[0]
    mean = outcome(network("stdp", "full", "torch", "mean", A_plus=1e-9, A_minus=1e-9))[0] - start
    total = outcome(network("stdp", "full", "torch", "sum", A_plus=1e-9, A_minus=1e-9))[0] - start
    np.testing.assert_allclose(total, BATCH * mean, rtol=1e-6)
    with pytest.raises(SpaicError, match="reduction='mean', 'sum' or 'per_sample'"):
        network("stdp", "full", "torch", None).run(5.0)


def test_the_weight_monitor_shows_the_change():
    net = network("stdp", "full", "torch")
    net.build()
    before = net._simulation.store.learned()["wire.weight"]
    net.run(float(STEPS))
    seen = np.asarray(net.watch.values)
    np.testing.assert_array_equal(seen[..., 0], before)
    assert len(np.unique(seen[0, 0])) > 5


def test_evaluation_changes_nothing():
    net = network("stdp", "full", "torch")
    net.build()
    before = net._simulation.store.learned()["wire.weight"]
    net.eval()
    net.run(float(STEPS))
    np.testing.assert_array_equal(net._simulation.store.learned()["wire.weight"], before)


def test_delayed_spikes_meet_the_weight_late():
    """A delay moves the window: what arrives after the postsynaptic spike depresses."""
    changes = []
    for delay in (0.0, 6.0):
        with spaic.Network() as net:
            source = spaic.Encoder(num=1, coding_method="null")
            driver = spaic.Encoder(num=1, coding_method="null")
            cells = spaic.NeuronGroup(1, model="lif")
            wire = spaic.Connection(source, cells, weight=0.0, delay=delay)
            drive = spaic.Connection(driver, cells, weight=2.0)
            learner = spaic.PlasticityLearner(wire, "stdp")
        assert drive.parent is learner.parent is net
        net.set_backend("torch", dt=1.0, dtype="float64")
        spikes = np.zeros((1, 20, 1))
        spikes[0, 2] = 1.0
        late = np.zeros((1, 20, 1))
        late[0, 5] = 1.0
        net.source(spikes)
        net.driver(late)
        net.run(20.0)
        changes.append(net.wire.weight.item())
    np.testing.assert_allclose(changes, [0.01 * np.exp(-3 / 20), -0.0105 * np.exp(-3 / 20)], rtol=1e-12)
