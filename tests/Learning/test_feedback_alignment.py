"""Errors that go back through fixed matrices: against backpropagation, against a hand-written step, and along a training."""

import math

import numpy as np
import pytest
import torch

import spaic
from spaic.errors import DeclarationError, NetworkError, UnsupportedError
from tests.Learning.builders import SAMPLES, backward, loader, same, small, weights

#: Link type -> shape of the hidden group, shape of the output and keywords.
LINKS = {
    "full": ((10,), (3,), {}),
    "sparse": ((10,), (3,), {"density": 0.5}),
    "random": ((10,), (3,), {"probability": 0.5}),
    "one_to_one": ((3,), (3,), {}),
    "conv": ((2, 3, 3), (3, 2, 2), {"kernel_size": 2, "out_channels": 3}),
}
FEEDBACK = ("FeedbackAlignment", "DirectFeedbackAlignment")


def plain(kind, seed=0, dtype="float64", **options):
    """The small network with a loop, without kernels."""
    net = small(lambda net: getattr(spaic, kind)(net), seed=seed, **options)
    net.set_backend("torch", dt=1.0, dtype=dtype, kernels="plain")
    return net


def grown(net):
    return {path: p.grad.clone() for path, p in net.named_parameters() if p.grad is not None}


def copy_back(net):
    """Let every matrix be the weight that it stands for."""
    found = net.state_dict()
    for path, matrix in net.learner.feedback.items():
        with torch.no_grad():
            matrix.copy_(found[path.replace(".feedback", ".weight")])


def pair(link_type, kind, delay=None, **options):
    """A network with one link of a type between two groups, learned by `kind`."""
    hidden, out, keywords = LINKS[link_type]
    net = spaic.Network()
    net.input = spaic.Encoder(num=8, coding_method="direct")
    net.hidden = spaic.NeuronGroup(shape=hidden, model="lif", tau_m=5.0)
    net.out = spaic.NeuronGroup(shape=out, model="lif", tau_m=5.0)
    net.link1 = spaic.Connection(net.input, net.hidden, w_mean=0.3, w_std=0.3)
    net.link2 = spaic.Connection(net.hidden, net.out, link_type=link_type, w_mean=0.4, w_std=0.3, delay=delay, **keywords, **options)
    net.output = spaic.Decoder(dec_target=net.out)
    net.learner = getattr(spaic, kind)(net)
    net.set_backend("torch", dt=1.0, dtype="float64", kernels="plain")
    net.input(SAMPLES[:6])
    return net


def gradients(net):
    net.run(10.0)
    torch.manual_seed(0)
    (net.output.predict * torch.randn(net.output.predict.shape, dtype=torch.float64)).sum().backward()
    return grown(net)


@pytest.mark.parametrize("delay", [None, 2.0])
@pytest.mark.parametrize("link_type", LINKS)
def test_with_the_weights_themselves_it_is_backpropagation(link_type, delay):
    net = pair(link_type, "FeedbackAlignment", delay)
    net.build()
    copy_back(net)
    found, expected = gradients(net), gradients(pair(link_type, "SurrogateBP", delay))
    assert set(found) == set(expected) and float(expected["link1.weight"].abs().max()) > 1e-3
    for path, gradient in expected.items():
        torch.testing.assert_close(found[path], gradient, rtol=1e-12, atol=1e-13, msg=path)


def test_with_the_weights_themselves_it_is_backpropagation_in_a_loop():
    nets = [plain(kind) for kind in ("FeedbackAlignment", "SurrogateBP")]
    nets[0].build()
    copy_back(nets[0])
    for net in nets:
        backward(net)
    found, expected = map(grown, nets)
    assert set(nets[0].learner.feedback) == {"link2.feedback", "part.loop.feedback"}
    for path, gradient in expected.items():
        torch.testing.assert_close(found[path], gradient, rtol=1e-11, atol=1e-13, msg=path)


@pytest.mark.parametrize("kind", FEEDBACK)
@pytest.mark.parametrize("backend", ["torch", "reference"])
def test_signals_are_the_same_bit_for_bit(kind, backend):
    predictions = []
    for learner in (kind, "SurrogateBP"):
        net = small(lambda net, learner=learner: getattr(spaic, learner)(net))
        net.set_backend(backend, dt=1.0)
        net.run()
        predictions.append(np.asarray(net.output.predict.detach()))
    assert predictions[0].tobytes() == predictions[1].tobytes() and predictions[0].any()


def test_only_what_goes_back_is_changed():
    """The output weights, and the weights that no matrix separates from the output, have the gradient of backpropagation."""
    found, expected = gradients(pair("full", "FeedbackAlignment")), gradients(pair("full", "SurrogateBP"))
    torch.testing.assert_close(found["link2.weight"], expected["link2.weight"], rtol=1e-12, atol=1e-13)
    assert not torch.allclose(found["link1.weight"], expected["link1.weight"], rtol=0.1)


def test_with_one_hidden_group_direct_feedback_is_feedback_alignment():
    nets = [pair("full", kind) for kind in FEEDBACK]
    for net in nets:
        net.build()
    (own,), (direct,) = (net.learner.feedback.values() for net in nets)
    with torch.no_grad():
        direct.copy_(own)
    found, expected = map(gradients, reversed(nets))
    for path, gradient in expected.items():
        torch.testing.assert_close(found[path], gradient, rtol=1e-12, atol=1e-13, msg=path)


class Deep(spaic.Network):
    """Two hidden groups, on spikes that are given."""

    def __init__(self):
        super().__init__(seed=4)
        self.input = spaic.Encoder(num=6, coding_method="null")
        self.layers = [spaic.NeuronGroup(n, model="lif", tau_m=5.0) for n in (7, 5, 3)]
        self.links = [spaic.Connection(a, b, w_mean=0.4, w_std=0.4) for a, b in zip([self.input, *self.layers], self.layers, strict=False)]
        self.output = spaic.Decoder(dec_target=self.layers[-1])
        self.learner = spaic.DirectFeedbackAlignment(self, "atan")


class Window(torch.autograd.Function):
    """The jump at 0 with the slope 1 / (1 + (pi x)^2), as the surrogate named atan at alpha = 2."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx, g):
        return g / (1 + (math.pi * ctx.saved_tensors[0]) ** 2)


def test_direct_feedback_is_that_of_a_hand_written_step():
    net = Deep()
    net.set_backend("torch", dt=1.0, dtype="float64", kernels="plain")
    spikes = (np.random.default_rng(1).random((4, 12, 6)) < 0.4).astype(float)
    net.input(spikes)
    net.run(12.0)
    coefficients = torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(4, 3)
    (net.output.predict * coefficients).sum().backward()
    values = {k: v.detach().clone() for k, v in net.state_dict().items()}
    w = [values[f"links_{i}.weight"].requires_grad_() for i in range(3)]
    x, decay = torch.tensor(spikes).transpose(0, 1), math.exp(-1 / 5)
    arriving, fired = [], []
    for weight in w:
        amount = x.detach() @ weight.T  # nothing goes from group to group
        amount.retain_grad()
        v, out = torch.zeros_like(amount[0]), []
        for a in amount:
            v = decay * v + a
            o = Window.apply(v - 1.0)
            out.append(o)
            v = v * (1 - o)
        x = torch.stack(out)
        arriving.append(amount)
        fired.append(x)
    (fired[-1].sum(0) * coefficients).sum().backward()
    error = arriving[-1].grad
    for i in (0, 1):
        matrix = values[f"links_{i + 1}.feedback"]
        fired[i].backward(error @ matrix)
    for i in range(3):
        torch.testing.assert_close(net.state_dict()[f"links_{i}.weight"].shape, w[i].shape)
        found = dict(net.named_parameters())[f"links_{i}.weight"].grad
        torch.testing.assert_close(found, w[i].grad, rtol=1e-11, atol=1e-13)
        assert float(found.abs().max()) > 1e-3


def angle(a, b):
    return math.degrees(math.acos(float((a * b).sum() / (a.norm() * b.norm()))))


def taught(kind):
    """A network that is to say how many spikes each input has, weighted."""
    net = spaic.Network(seed=1)
    net.input = spaic.Encoder(num=20, coding_method="null")
    net.hidden = spaic.NeuronGroup(30, model="lif", tau_m=5.0)
    net.out = spaic.NeuronGroup(4, model="li", tau_m=10.0)
    net.link1 = spaic.Connection(net.input, net.hidden, w_mean=0.1, w_std=0.3)
    net.link2 = spaic.Connection(net.hidden, net.out, w_mean=0.0, w_std=0.02)
    net.output = spaic.Decoder(dec_target=net.out, coding_method="final_voltage")
    net.learner = kind(net, optimizer=spaic.Adam(lr=0.01))
    net.set_backend("torch", dt=1.0, kernels="plain")
    rng = np.random.default_rng(0)
    spikes = rng.random((16, 10, 20)) < 0.2
    net.input(spikes.astype(np.float32))
    return net, torch.tensor(spikes.sum(1) @ rng.standard_normal((20, 4)) * 0.2, dtype=torch.float32)


def measured(net, target):
    net.run(10.0)
    loss = ((net.output.predict - target) ** 2).mean()
    net.learner.optim_zero_grad()
    loss.backward()
    return float(loss.detach())


def test_the_angle_to_backpropagation_falls_in_training():
    """The weights turn towards the matrices (Lillicrap et al. 2016, figure 2c), so that the errors become those of backpropagation."""
    (net, target), (other, _) = taught(spaic.FeedbackAlignment), taught(spaic.SurrogateBP)
    other.build()
    angles, turned, losses = [], [], []
    for _ in range(100):
        losses.append(measured(net, target))
        (matrix,) = net.learner.feedback.values()
        turned.append(angle(net.link2.weight.detach(), matrix))
        other.load_state_dict({k: v for k, v in net.state_dict().items() if not k.endswith(".feedback")})
        measured(other, target)
        angles.append(angle(grown(net)["link1.weight"], grown(other)["link1.weight"]))
        net.learner.optim_step()
    assert losses[-1] < 0.1 * losses[0]
    assert turned[-1] < turned[0] - 10
    assert np.mean(angles[-15:]) < np.mean(angles[:15]) - 10 and np.mean(angles[-15:]) < 80


@pytest.mark.parametrize("kind", FEEDBACK)
def test_the_matrices_come_from_the_seed_and_are_saved(kind, tmp_path):
    first, again, other = (plain(kind, seed) for seed in (0, 0, 5))
    for net in (first, again, other):
        net.build()
    before = {k: v.clone() for k, v in first.learner.feedback.items()}
    assert before and same(before, again.learner.feedback) and not same(before, other.learner.feedback)
    assert all(not v.requires_grad for v in first.learner.feedback.values())
    other.load_state_dict(first.state_dict())
    other.watch = spaic.SpikeMonitor(other.out)  # it is built anew
    other.run()
    assert same(before, other.learner.feedback)
    other.save(tmp_path / "net.spaic")
    assert same(before, spaic.load(tmp_path / "net.spaic").learner.feedback)


@pytest.mark.parametrize("kind", FEEDBACK)
def test_training_leaves_the_matrices_alone(kind):
    net = plain(kind, dtype="float32", optim=spaic.Adam(lr=0.02))
    net.build()
    before = weights(net)
    net.fit(loader(), epochs=3, progress=False)
    changed = {path for path, value in net.state_dict().items() if not torch.equal(value, before[path])}
    assert changed == {path for path in before if not path.endswith(".feedback")}


def test_it_can_be_written_down():
    net = small(lambda net: spaic.FeedbackAlignment(net, "triangular", scale=0.5))
    described = net.learner.describe()
    made = spaic.Learner.from_description(described, {"": net})
    assert described["algorithm"] == "feedback_alignment" and made.scale == 0.5 and made.surrogate.name == "triangular"


@pytest.mark.parametrize("scale", [0, -1.0, math.nan, True, "wide"])
def test_bad_scales_are_refused(scale):
    with pytest.raises(DeclarationError, match="scale is"):
        spaic.FeedbackAlignment(scale=scale)


def test_what_has_no_matrix_is_refused():
    net = pair("full", "FeedbackAlignment", syn_type=["basic", "first_order"])
    with pytest.raises(UnsupportedError, match="link2: errors would have to go back through the synapse"):
        net.build()


def test_delays_of_single_synapses_are_refused():
    net = pair("full", "DirectFeedbackAlignment", np.arange(30.0).reshape(3, 10) % 3)
    with pytest.raises(UnsupportedError, match="link2: errors cannot be kept"):
        net.build()


def test_without_a_hidden_group_nothing_can_be_sent():
    net = spaic.Network()
    net.input = spaic.Encoder(num=8, coding_method="direct")
    net.out = spaic.NeuronGroup(3, model="lif")
    net.link = spaic.Connection(net.input, net.out)
    net.output = spaic.Decoder(dec_target=net.out)
    net.learner = spaic.DirectFeedbackAlignment(net)
    with pytest.raises(NetworkError, match="no hidden group"):
        net.build()
