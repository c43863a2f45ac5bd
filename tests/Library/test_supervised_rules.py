"""Rules with a teacher: against loops written by hand, and what they learn."""

import math

import numpy as np
import pytest

import spaic
from spaic.errors import DeclarationError, SpaicError
from spaic.Library.rules import with_teacher

STEPS, PRE, POST = 60, 4, 3
_RNG = np.random.default_rng(2)
X = (_RNG.random((1, STEPS, PRE)) < 0.2).astype(float)
SAID = {"resume": (_RNG.random((1, STEPS, POST)) < 0.1).astype(float), "delta": _RNG.random((1, STEPS, POST)) / 10}
SAID["pes"] = _RNG.normal(size=(1, STEPS, POST))


def network(rule, x=X, model="lif", backend="torch", post=POST, weight=None, **values):
    with spaic.Network() as net:
        source = spaic.Encoder(num=x.shape[2], coding_method="null")
        goal = spaic.Encoder(num=post, coding_method="null")
        cells = spaic.NeuronGroup(post, model=with_teacher(model), tau_m=8.0)
        wire = spaic.Connection(source, cells, w_mean=0.5, w_std=0.1) if weight is None else spaic.Connection(source, cells, weight=weight)
        teacher = spaic.Connection(goal, cells, link_type="one_to_one", weight=1.0, post_var_name="teacher")
        learner = spaic.PlasticityLearner(wire, rule, **values)
        spikes = spaic.SpikeMonitor(cells)
    assert teacher.parent is learner.parent is spikes.parent is net
    net.set_backend(backend, dt=1.0, dtype="float64")
    net.source(x)
    return net


def by_hand(rule, weight, fired):
    """Traces step by step."""
    w, said = weight.copy(), SAID[rule][0]
    tau = {"resume": 20.0, "delta": 100.0, "pes": 5.0}[rule]
    keep, x, y = math.exp(-1 / tau), np.zeros(PRE), np.zeros(POST)
    for n in range(STEPS):
        x, y = keep * x, keep * y
        if rule == "resume":
            x = x + X[0, n]
            w += 0.01 * np.outer(said[n] - fired[n], 0.01 + x)
        elif rule == "delta":
            x, y = x + X[0, n] / tau, y + fired[n] / tau
            w += np.outer(said[n] - y, x)
        else:
            x = x + X[0, n] / tau
            w -= 1e-3 * np.outer(said[n], x)
    return w


@pytest.mark.parametrize("backend", ["reference", "torch"])
@pytest.mark.parametrize("rule", SAID)
def test_against_a_loop(rule, backend):
    net = network(rule, backend=backend)
    net.goal(SAID[rule])
    net.build()
    before = net._simulation.store.learned()["wire.weight"]
    net.run(float(STEPS))
    fired = np.asarray(net.spikes.values)[0].T
    assert fired.any()
    np.testing.assert_allclose(net._simulation.store.learned()["wire.weight"], by_hand(rule, before, fired), rtol=0, atol=1e-13)


def test_the_teacher_changes_nothing_but_what_is_learned():
    nets = [network("resume", eta=0.0) for _ in range(2)]
    found = []
    for net, said in zip(nets, (np.zeros_like(SAID["resume"]), SAID["resume"]), strict=True):
        net.goal(said)
        net.run(float(STEPS))
        found.append(np.asarray(net.spikes.values))
    np.testing.assert_array_equal(*found)


def test_resume_learns_a_spike_train():
    """One neuron, 60 inputs, three spikes at given times."""
    x = (np.random.default_rng(0).random((1, 100, 60)) < 0.05).astype(float)
    goal = np.zeros((1, 100, 1))
    goal[0, [30, 55, 80]] = 1.0
    net = network("resume", x, post=1, weight=np.full((1, 60), 0.05), eta=0.04)
    for _ in range(25):
        net.source(x)
        net.goal(goal)
        net.run(100.0)
    fired = np.flatnonzero(np.asarray(net.spikes.values)[0, 0])
    assert len(fired) == 3 and np.abs(fired - [30, 55, 80]).max() <= 2


def test_bad_models():
    with pytest.raises(DeclarationError, match="with_teacher: 3 is no neuron model"):
        with_teacher(3)
    with pytest.raises(DeclarationError, match="'lif_with_teacher' has a 'teacher' or 'taught' already"):
        with_teacher(with_teacher("lif"))
    net = spaic.Network()
    net.source, net.cells = spaic.Encoder(num=2, coding_method="null"), spaic.NeuronGroup(2, model="lif")
    net.wire = spaic.Connection(net.source, net.cells)
    net.learner = spaic.PlasticityLearner(net.wire, "resume")
    with pytest.raises(SpaicError, match="wire: 'resume' reads 'taught' of 'cells', which has none .*with_teacher"):
        net.build()
