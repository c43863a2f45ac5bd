"""Before a step gradients are measured, found finite, and clipped."""

import math

import pytest
import torch

import spaic
from spaic.Learning.gradients import gradient_norm
from tests.Learning.builders import LABELS, PATHS, SAMPLES, backward, changed, learning, small, train, weights


def gradients(net):
    return {path: p.grad.clone() for path, p in net.named_parameters()}


def norm_of(found):
    return math.sqrt(sum(float(g.double().square().sum()) for g in found.values()))


def test_the_norm_of_the_last_step_can_be_read():
    net = learning()
    assert net.learner.gradient_norm is None
    backward(net)
    expected = norm_of(gradients(net))
    net.learner.optim_step()
    assert net.learner.gradient_norm == pytest.approx(expected, rel=1e-6) and expected > 0


@pytest.mark.parametrize("share", [0.25, 4.0])
def test_clip_norm_scales_all_gradients_of_the_learner_together(share):
    net = learning(spaic.SGD(lr=1.0))
    backward(net)
    norm = norm_of(gradients(net))
    net.optim = spaic.SGD(lr=1.0, clip_norm=share * norm)
    backward(net)
    before, found = weights(net), gradients(net)
    net.learner.optim_step()
    for path, gradient in found.items():
        torch.testing.assert_close(net.state_dict()[path], before[path] - gradient * min(share, 1.0), rtol=1e-5, atol=1e-7)
    assert net.learner.gradient_norm == pytest.approx(norm, rel=1e-6)  # before it was clipped
    assert norm_of(gradients(net)) == pytest.approx(norm * min(share, 1.0), rel=1e-6)


def test_clip_norm_is_that_of_torch():
    net = learning()
    backward(net)
    expected = gradients(net)
    limit = 0.3 * norm_of(expected)
    parameters = [torch.nn.Parameter(g.clone()) for g in expected.values()]
    for parameter, gradient in zip(parameters, expected.values(), strict=True):
        parameter.grad = gradient
    torch.nn.utils.clip_grad_norm_(parameters, limit)
    net.optim = spaic.SGD(lr=1.0, clip_norm=limit)
    backward(net)
    net.learner.optim_step()
    for (path, gradient), parameter in zip(gradients(net).items(), parameters, strict=True):
        torch.testing.assert_close(gradient, parameter.grad, rtol=1e-4, atol=0, msg=path)  # torch adds 1e-6 to the norm


def test_clip_value():
    net = learning(spaic.SGD(lr=1.0))
    backward(net)
    limit = float(max(g.abs().max() for g in gradients(net).values())) / 2
    net.optim = spaic.SGD(lr=1.0, clip_value=limit)
    backward(net)
    before, found = weights(net), gradients(net)
    net.learner.optim_step()
    for path, gradient in found.items():
        assert torch.equal(net.state_dict()[path], before[path] - gradient.clamp(-limit, limit))
    assert max(g.abs().max() for g in found.values()) > limit


def test_each_learner_is_clipped_by_its_own():
    made = [
        lambda net: spaic.STCA(net.link1, optimizer=spaic.SGD(lr=1.0, clip_norm=1e-3)),
        lambda net: spaic.STCA([net.link2, net.part], optimizer=spaic.SGD(lr=1.0)),
    ]
    net = small(*made)
    before = weights(net)
    backward(net)
    found = gradients(net)
    spaic.Learning.Learners(net).optim_step()
    assert (net.state_dict()["link1.weight"] - before["link1.weight"]).norm() == pytest.approx(1e-3, rel=1e-4)
    assert torch.equal(net.state_dict()["link2.weight"], before["link2.weight"] - found["link2.weight"])
    assert spaic.Learning.Learners(net).gradient_norm == pytest.approx(norm_of(found), rel=1e-6)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("path", PATHS)
def test_a_gradient_that_is_not_finite_changes_nothing(wrong, path):
    net = learning(spaic.Adam(lr=0.1, clip_norm=1.0))
    train(net)
    before, state = weights(net), net.learner.state_dict()["moments"]["link1.weight"]
    backward(net)
    dict(net.named_parameters())[path].grad.view(-1)[0] = wrong
    with pytest.raises(spaic.NumericalError, match=f"{path}: its gradient holds NaN or an infinity, nothing was changed"):
        net.learner.optim_step()
    assert not changed(net, before) and torch.equal(net.learner.state_dict()["moments"]["link1.weight"]["exp_avg"], state["exp_avg"])
    train(net)


def test_large_gradients_are_not_taken_for_infinite():
    parameter = torch.nn.Parameter(torch.zeros(4))
    parameter.grad = torch.full((4,), 1e30)
    assert gradient_norm({"w": parameter}) == pytest.approx(2e30, rel=1e-6)
    bound = spaic.SGD(lr=1.0, clip_norm=1.0).bind({"w": parameter}, "learner")
    bound.step()
    torch.testing.assert_close(parameter.detach(), torch.full((4,), -0.5))


@pytest.mark.parametrize("name", ["clip_norm", "clip_value"])
@pytest.mark.parametrize("wrong", [0, -1.0, math.nan, math.inf, "1", True])
def test_limits_that_cannot_be_meant(name, wrong):
    with pytest.raises(spaic.DeclarationError, match=f"Adam: {name} is .*; give a finite limit above 0"):
        spaic.Adam(**{name: wrong})


def test_both_limits():
    with pytest.raises(spaic.DeclarationError, match="Adam: both clip_norm 1.0 and clip_value 2.0 are given; give one"):
        spaic.Adam(clip_norm=1, clip_value=2)
    with pytest.raises(spaic.DeclarationError, match="unknown option 'clip_nrom'; did you mean 'clip_norm'"):
        spaic.Adam(clip_nrom=1.0)


def test_a_step_without_an_optimizer_says_what_to_call():
    net = small(lambda net: spaic.STCA(net))
    backward(net)
    with pytest.raises(spaic.StateError, match="learner: there is no optimizer yet; assign net.optim = .* or call set_optimizer"):
        net.learner.optim_step()
    net.learner.optim_zero_grad()
    assert all(p.grad is None for p in net.parameters())


@pytest.mark.parametrize("call", [lambda net, *given: net.fit(*given, progress=False), lambda *given: spaic.fit(*given, progress=False)])
def test_zero_gradients_are_announced_where_the_user_wrote_the_call(call):
    net = learning()
    with pytest.warns(UserWarning, match="all gradients of the first batch are exactly zero") as found:
        call(net, [(0.0 * SAMPLES, LABELS)])
    assert found[0].filename == __file__
