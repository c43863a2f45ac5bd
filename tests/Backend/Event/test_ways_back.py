"""Errors that go another way than spikes, on exact events: feedback alignment, direct or not, and local gradients."""

import numpy as np
import pytest
import torch

import spaic
from spaic.errors import UnsupportedError

WANTED = torch.tensor([[6.0, 9.0], [9.0, 6.0]], dtype=torch.float64)


def network(learner, is_recurrent=False, seed=0):
    rng = np.random.default_rng(seed)
    neuron = dict(model="cuba", tau_m=20.0, tau_s=10.0, t_ref=0.0)
    with spaic.Network(seed=seed) as net:
        source = spaic.Encoder(num=4, coding_method="sstb")
        hidden = spaic.NeuronGroup(30, **neuron)
        out = spaic.NeuronGroup(2, **neuron)
        first = spaic.Connection(source, hidden, weight=rng.normal(2.0, 1.0, (30, 4)))
        second = spaic.Connection(hidden, out, weight=rng.normal(0.3, 0.2, (2, 30)))
        if is_recurrent:
            back = spaic.Connection(out, hidden, weight=rng.normal(0.0, 0.1, (30, 2)), delay=1.0)
        output = spaic.Decoder(dec_target=out)
        rule = learner()
    net.set_backend("event", dt=1.0)
    net.source(torch.tensor([[0.0, 3.1, 1.0, 2.2], [3.0, 0.4, 2.5, 0.7]], dtype=torch.float64))
    net.build()
    assert (("in one queue" in net.program.execution()[0]) or not is_recurrent) and rule.parent is net and output.parent is net
    return net


def gradients(net):
    net.run(40.0)
    names = ["first.weight", "second.weight"]
    weights = dict(net.named_parameters())
    loss = (net.program.spikes["out"].first_times() - WANTED).square().mean()
    return dict(zip(names, torch.autograd.grad(loss, [weights[n] for n in names]), strict=True))


def matrices(net):
    """Connection -> what stands for its weights on the way back."""
    return {path.removesuffix(".feedback"): value for path, value in net.module.tensors().items() if path.endswith(".feedback")}


ALIGNMENTS = [spaic.FeedbackAlignment, spaic.DirectFeedbackAlignment]


@pytest.mark.parametrize("learner, is_recurrent", [(ALIGNMENTS[0], False), (ALIGNMENTS[0], True), (ALIGNMENTS[1], False)])
def test_errors_go_back_through_the_matrix(learner, is_recurrent):
    """With the weights themselves for the matrices it is the exact gradient; with other ones it is not, and with zeros nothing is left."""
    exact = gradients(network(spaic.STCA, is_recurrent))
    net = network(learner, is_recurrent)
    assert sorted(matrices(net)) == (["back", "second"] if is_recurrent else ["second"])
    drawn = gradients(net)
    with torch.no_grad():
        for value in matrices(net).values():
            value.mul_(-2.0)
    doubled = gradients(net)
    with torch.no_grad():
        for name, value in matrices(net).items():
            value.copy_(getattr(net, name).weight)
    own = gradients(net)
    with torch.no_grad():
        for value in matrices(net).values():
            value.zero_()
    alone = gradients(net)
    torch.testing.assert_close(own, exact, rtol=1e-11, atol=1e-14)
    assert not alone["first.weight"].any()
    assert (drawn["first.weight"] - exact["first.weight"]).abs().max() > 1e-3 * exact["first.weight"].abs().max()
    if not is_recurrent:
        torch.testing.assert_close(doubled["first.weight"], -2.0 * drawn["first.weight"], rtol=1e-12, atol=1e-15)
        torch.testing.assert_close(drawn["second.weight"], exact["second.weight"], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("learner", ALIGNMENTS)
@pytest.mark.parametrize("is_recurrent", [False, True])
def test_it_learns_the_times_that_are_wanted(learner, is_recurrent):
    net = network(learner, is_recurrent)
    optimizer = torch.optim.Adam([value for name, value in net.named_parameters() if name.endswith("weight")], lr=0.02)
    losses = []
    for _ in range(60):
        net.run(40.0)
        loss = (net.program.spikes["out"].first_times() - WANTED).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.6 * losses[0]


def test_local_gradients_stay_in_their_layer():
    """DECOLLE keeps errors from going from group to group: each group learns from a loss of its own spike times."""
    net = network(lambda: spaic.DECOLLE(classes=2))
    net.run(40.0)
    weights = dict(net.named_parameters())
    own = [weights["first.weight"], weights["second.weight"]]
    above = torch.autograd.grad(net.program.spikes["out"].first_times().sum(), own, allow_unused=True, retain_graph=True)
    assert (above[0] is None or not above[0].any()) and above[1].any()
    within = torch.autograd.grad(net.program.spikes["hidden"].times.sum(), own, allow_unused=True)
    assert within[0].any() and within[1] is None


@pytest.mark.parametrize("learner", [spaic.RTRL, spaic.OTTT, spaic.EProp, lambda: spaic.DECOLLE(classes=2)])
def test_what_goes_step_by_step_is_refused(learner):
    net = network(learner)
    with pytest.raises(UnsupportedError, match="rule.learn: it goes through time step by step"):
        net.rule.learn(lambda values, step: values.sum(), 40.0)


def shift(learner, weight, is_recurrent):
    """How the spike of `out` moves with the inputs, which come in one instant; lif neurons fire in the instant of an arrival."""
    with spaic.Network(seed=0) as net:
        source = spaic.Encoder(num=2, coding_method="sstb")
        hidden = spaic.NeuronGroup(2, model="lif", t_ref=1.0)
        out = spaic.NeuronGroup(1, model="lif", t_ref=1.0)
        first = spaic.Connection(source, hidden, link_type="one_to_one", weight=5.0)
        second = spaic.Connection(hidden, out, weight=np.array([weight]))
        if is_recurrent:
            back = spaic.Connection(out, hidden, weight=0.1, delay=1.0)
        output = spaic.Decoder(dec_target=out)
        rule = learner()
    net.set_backend("event", dt=1.0)
    given = torch.tensor([[3.0, 3.0]], dtype=torch.float64, requires_grad=True)
    net.source(given)
    net.build()
    with torch.no_grad():
        for value in matrices(net).values():
            value.zero_()
    net.run(10.0)
    times = net.program.spikes["out"].times
    assert times.tolist() == [4.0 if is_recurrent else 3.0] and rule.parent is net and output.parent is net
    (found,) = torch.autograd.grad(times.sum(), given, allow_unused=True)
    return 0.0 if found is None else float(found.abs().sum())


@pytest.mark.parametrize("weight", [(5.0, 0.0), (0.0, 5.0)])
@pytest.mark.parametrize("is_recurrent", [False, True])
def test_a_weight_of_zero_is_no_way_back(weight, is_recurrent):
    """Nor is a matrix of zeros: what says so is the link, and no value."""
    assert shift(spaic.STCA, weight, is_recurrent) == 1.0
    for learner in (spaic.FeedbackAlignment, lambda: spaic.DECOLLE(classes=2)):
        assert shift(learner, weight, is_recurrent) == 0.0
