"""The learner of plasticity rules: beside gradients, through files, with rewards; and what it refuses."""

import json

import numpy as np
import pytest
import torch

import spaic
from spaic.errors import SpaicError


def made(rule="stdp", backend="torch", **values):
    with spaic.Network() as net:
        source = spaic.Encoder(num=8, coding_method="poisson", unit_conversion=0.3)
        cells = spaic.NeuronGroup(4, model="lif", tau_m=8.0)
        wire = spaic.Connection(source, cells, w_mean=0.4, w_std=0.1)
        learner = spaic.PlasticityLearner(wire, rule, **values)
    assert learner.parent is net
    net.set_backend(backend, dt=1.0, dtype="float64")
    net.source(np.random.default_rng(1).random((1, 8)))
    return net


def weight(net):
    return np.asarray(net.wire.weight.detach())


def test_gradients_and_rules_in_one_network():
    """The gradient of what a rule does not train is that of the same weights without the rule, and the rule goes on."""
    with spaic.Network() as net:
        source = spaic.Encoder(num=8, coding_method="poisson", unit_conversion=0.3)
        first = spaic.NeuronGroup(6, model="lif", tau_m=8.0)
        second = spaic.NeuronGroup(4, model="lif", tau_m=8.0)
        trained = spaic.Connection(source, first, w_mean=0.4, w_std=0.1)
        plastic = spaic.Connection(first, second, w_mean=0.5, w_std=0.1)
        output = spaic.Decoder(dec_target=second)
        local = spaic.PlasticityLearner(plastic, "stdp", reduction="mean", A_plus=0.05)
        learner = spaic.SurrogateBP(trained, optimizer=spaic.SGD(lr=0.1))
    assert local.parent is learner.parent is net and output.parent is net
    net.set_backend("torch", dt=1.0, dtype="float64")
    net.source(np.random.default_rng(1).random((3, 8)))
    net.build()
    before = {k: v.detach().clone() for k, v in net.named_parameters()}
    net.run(30.0)
    net.output.predict.sum().backward()
    assert net.trained.weight.grad.any() and net.plastic.weight.grad is None
    net.learner.optim_step()
    after = dict(net.named_parameters())
    for path in ("trained.weight", "plastic.weight"):
        assert not torch.equal(after[path], before[path])


def test_the_ready_loop_leaves_rules_alone():
    net = made()
    with net:
        spaic.Decoder(dec_target=net.cells, name="output")
    with pytest.raises(SpaicError, match="'learner' learns while the network runs, not from a loss"):
        spaic.Learning.Learners(net)


def test_written_down_and_read_again():
    net = made("rstdp", reduction="sum", tau_c=500.0)
    text = json.dumps(net.learner.describe())
    other = made()
    other.learner = spaic.Learner.from_description(json.loads(text), {"": other, **{e.path: e for e in other.members()}})
    assert (other.learner.rule, other.learner.reduction, other.learner.param) == ("rstdp", "sum", {"tau_c": 500.0})


def test_a_checkpoint_goes_on_bit_for_bit(tmp_path):
    net = made("rstdp")
    net.run(20.0)
    net.learner.reward(0.3)
    spaic.save(net, tmp_path / "net.spaic")
    other = spaic.load(tmp_path / "net.spaic")
    for one in (net, other):
        one.source(np.random.default_rng(1).random((1, 8)))
        one.run_continue(20.0)
        one.learner.reward(-0.2)
        one.run_continue(5.0)
    np.testing.assert_array_equal(weight(other), weight(net))
    for name in net.learner.declaration.states:
        np.testing.assert_array_equal(other.learner.trace(other.wire, name), net.learner.trace(net.wire, name))


def test_names_of_spaic():
    with spaic.Network() as net:
        source = spaic.Encoder(num=2, coding_method="poisson")
        cells = spaic.NeuronGroup(2, model="lif")
        wire = spaic.Connection(source, cells)
        learner = spaic.Learner(trainable=wire, algorithm="nearest_online_stdp", A_plus=0.02)
    assert learner.parent is net and learner.declaration.name == "nearest_symmetric_stdp" and learner.values["A_plus"] == 0.02


WRONG = {
    "rule": (lambda: made("spdt"), "did you mean 'stdp'"),
    "parameter": (lambda: made(A_pluss=1.0), "did you mean 'A_plus'"),
    "range": (lambda: made(tau_plus=-1.0), "tau_plus"),
    "reduction": (lambda: made(reduction="max"), "unknown reduction 'max'"),
    "no reward in the rule": (lambda: made().learner.reward(1.0), "uses no reward; choose one of .*rstdp"),
    "reward before a run": (lambda: made("rstdp").learner.reward(1.0), "call net.run"),
    "state": (lambda: (net := made()).learner.trace(net.wire, "z"), "has no state 'z'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_bad_input(case):
    call, message = WRONG[case]
    with pytest.raises(SpaicError, match=message):
        call()


def test_a_reward_of_the_wrong_shape():
    net = made("rstdp")
    net.run(3.0)
    for value in (np.ones(3), float("nan")):
        with pytest.raises(SpaicError, match=r"learner\.reward"):
            net.learner.reward(value)


def test_a_rule_that_waits_for_spikes_that_never_come():
    with spaic.Network() as net:
        source = spaic.Encoder(num=2, coding_method="poisson")
        cells = spaic.NeuronGroup(2, model="li")
        wire = spaic.Connection(source, cells)
        learner = spaic.PlasticityLearner(wire, "stdp")
    assert learner.parent is net
    net.set_backend("torch", dt=1.0)
    net.source(np.ones((1, 2)))
    with pytest.raises(SpaicError, match="never fires"):
        net.build()


RULES = {
    "no weight": (dict(pre="dx/dt = -x", on_pre="x += 1"), "no statement changes the weight"),
    "unknown name": (dict(on_post="w += A"), "unknown name 'A'"),
    "unknown target": (dict(on_post="ge_post += w"), "on_post: 'ge_post' is no state; here w and states of post, synapse may change"),
    "wrong side": (dict(post="dy/dt = -y", on_pre="w += 1; y += 1"), "'y' is a state of the post side"),
    "wider": (dict(pre="dx/dt = -x", post="dy/dt = -y", on_pre="x += y; w += x"), "make 'x' a state of the synapse"),
    "value": (dict(pre="u = 1", on_pre="w += 1"), "intermediate value"),
    "reserved": (dict(on_pre="w += reward", parameters={"reward": 1.0}), "reserved"),
    "twice": (dict(pre="dx/dt = -x", on_pre="w += x", parameters={"x": 1.0}), "is a parameter or input too"),
    "reward elsewhere": (dict(on_pre="w += reward"), "unknown name 'reward'"),
    "integrator": (dict(on_pre="w += 1", method="exakt"), "did you mean 'exact'"),
    "initial": (dict(pre="dx/dt = -x", on_pre="w += x", initial={"y": 1.0}), "unknown 'y'"),
}


@pytest.mark.parametrize("case", RULES)
def test_rules_that_are_refused(case):
    fields, message = RULES[case]
    with pytest.raises(SpaicError, match=message):
        rule = spaic.Rule(**fields)
        assert rule.states
