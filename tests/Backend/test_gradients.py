"""Gradients without a spike are those of finite differences, in float64."""

import numpy as np
import pytest
import torch

import spaic
from tests.contracts.uncompiled import in_python
from tests.Network.builders import SAMPLES

#: Two coupled linear states, solved exactly.
COUPLED = spaic.NeuronModel(
    name="coupled",
    equations="""
        dV/dt = (-V - g * U + I) / tau
        dU/dt = (V - U) / tau_u
    """,
    receive="V += w",
    parameters={"tau": 10.0, "tau_u": 25.0, "g": 2.0},
    method="exact",
)
#: Smooth, but not linear.
SMOOTH = spaic.NeuronModel(
    name="smooth",
    equations="dV/dt = (-V + tanh(k * V) + I) / tau",
    receive="V += w",
    initial={"V": "V_0"},
    parameters={"tau": 10.0, "k": 0.7, "V_0": 0.1},
    method="rk4",
)


def ready(net, data=SAMPLES, learner=True):
    if learner:
        net.learner = spaic.SurrogateBP(net)
    net.set_backend("torch", dt=1.0, dtype="float64")
    net.input(data)
    return net


def loss_of(net):
    net.run(15.0)
    return (net.output.predict**2).sum() + net.output.predict.sum()


def check_parameters(net, expected):
    """Central differences for every single value of every trainable parameter."""
    loss_of(net).backward()
    named = {k: p for k, p in net.named_parameters() if p.requires_grad}
    assert named.keys() == expected
    for path, parameter in named.items():
        numeric = torch.zeros_like(parameter)
        flat, out = parameter.detach().view(-1), numeric.view(-1)
        for i in range(len(flat)):
            value, step = flat[i].item(), 1e-5 * max(1.0, abs(flat[i].item()))
            with torch.no_grad():
                flat[i] = value + step
                high = loss_of(net)
                flat[i] = value - step
                low = loss_of(net)
                flat[i] = value
            out[i] = (high - low) / (2 * step)
        assert numeric.abs().max() > 1e-6, path
        assert parameter.grad is not None, f"{path} has no gradient"
        scale = numeric.abs().max().item()
        torch.testing.assert_close(parameter.grad, numeric, rtol=1e-6, atol=1e-8 * scale, msg=lambda m, p=path: f"{p}: {m}")


def chain(model, integrator=None, group=None, link1=None, link2=None):
    with spaic.Network() as net:
        input = spaic.Encoder(num=6, coding_method="direct")
        hidden = spaic.NeuronGroup(3, model=model, integrator=integrator, **(group or {}))
        out = spaic.NeuronGroup(2, model=model, integrator=integrator)
        link1 = spaic.Connection(input, hidden, w_mean=0.1, w_std=0.3, **(link1 or {}))
        link2 = spaic.Connection(hidden, out, pre_var_name="V", w_mean=0.1, w_std=0.3, **(link2 or {}))
        output = spaic.Decoder(dec_target=out, coding_method="final_voltage")
    assert input.parent is link1.parent is link2.parent is output.parent is net
    return ready(net)


@pytest.mark.parametrize("integrator", ["exact", "impulse", "exponential_euler", "exponential_midpoint", "euler", "rk2", "rk4"])
@pytest.mark.parametrize("port", ["input", "I"])
def test_per_neuron_parameters_of_coupled_states(integrator, port):
    """Parameters that are arrays go through the propagator; g and tau of every neuron differ."""
    group = {"tau": np.array([6.0, 10.0, 14.0]), "tau_u": 30.0, "g": np.array([0.5, 2.0, 4.0]), "trainable": ["tau", "tau_u", "g"]}
    net = chain(COUPLED, integrator, group, {"post_var_name": None if port == "input" else "I"})
    check_parameters(net, {"hidden.tau", "hidden.tau_u", "hidden.g", "link1.weight", "link2.weight"})


def test_repeated_rates_in_the_propagator():
    """tau = tau_u and g = 0 make the rates equal: the closed form divides by zero there."""
    group = {"tau": np.array([10.0, 10.0, 12.0]), "tau_u": 10.0, "g": np.array([0.0, 1e-9, 1.0]), "trainable": ["tau", "tau_u", "g"]}
    check_parameters(chain(COUPLED, "exact", group), {"hidden.tau", "hidden.tau_u", "hidden.g", "link1.weight", "link2.weight"})


@pytest.mark.parametrize("integrator", ["exponential_euler", "exponential_midpoint", "euler", "rk2", "rk4"])
def test_a_nonlinear_neuron_and_its_initial_value(integrator):
    group = {"trainable": ["tau", "k", "V_0"], "k": np.array([0.2, 0.7, 1.1])}
    check_parameters(chain(SMOOTH, integrator, group), {"hidden.tau", "hidden.k", "hidden.V_0", "link1.weight", "link2.weight"})


def test_a_resting_potential_is_the_initial_value_too():
    """Without input V stays at V_rest, so dV/dV_rest is 1."""
    net = spaic.Network()
    net.cell = spaic.NeuronGroup(1, model="lif", V_rest=0.3, trainable="V_rest")
    net.output = spaic.Decoder(dec_target=net.cell, coding_method="final_voltage")
    net.learner = spaic.SurrogateBP(reset_gradient=False)  # the atan window reaches down to rest
    net.set_backend("torch", dt=1.0, dtype="float64")
    net.run(5.0)
    net.output.predict.sum().backward()
    assert dict(net.named_parameters())["cell.V_rest"].grad.item() == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("synapse", ["first_order", "second_order"])
def test_synapses(synapse):
    net = chain(COUPLED, None, None, {"syn_type": synapse}, {"syn_type": synapse, "bias": True})
    check_parameters(net, {"link1.weight", "link2.weight", "link2.bias"})


@pytest.mark.parametrize("delay", [3.0, np.arange(6.0).reshape(2, 3)], ids=["scalar", "per synapse"])
def test_delays(delay):
    check_parameters(chain(COUPLED, link2={"delay": delay, "bias": np.array([0.1, -0.2])}), {"link1.weight", "link2.weight", "link2.bias"})


@pytest.mark.parametrize("delay", [None, 2.0, np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 0.0]])], ids=["one step", "scalar", "per synapse"])
def test_loops(delay):
    net = chain(COUPLED, group={"trainable": "tau"})
    net.back = spaic.Connection(net.out, net.hidden, pre_var_name="V", delay=delay, syn_type="first_order", w_std=0.1)
    if delay is not None:
        net.link2.delay = 1.0
    check_parameters(net, {"hidden.tau", "link1.weight", "link2.weight", "back.weight"})


@pytest.mark.parametrize("link", [
    {"link_type": "one_to_one", "w_mean": 0.5, "w_std": 0.2, "bias": True},
    {"link_type": "sparse", "density": 0.5, "w_mean": 0.5, "w_std": 0.2},
])  # fmt: skip
def test_links_with_a_pattern(link):
    with spaic.Network() as net:
        input = spaic.Encoder(num=6, coding_method="direct")
        cells = spaic.NeuronGroup(6, model=COUPLED)
        wire = spaic.Connection(input, cells, **link)
        output = spaic.Decoder(dec_target=cells, coding_method="final_voltage")
    assert wire.parent is output.parent is net
    ready(net)
    check_parameters(net, {"wire.weight"} | ({"wire.bias"} if "bias" in link else set()))
    if link["link_type"] == "sparse":
        gradient = dict(net.named_parameters())["wire.weight"].grad
        mask = net.graph.links[0].transforms[0].mask
        assert (gradient[~torch.from_numpy(mask)] == 0).all() and (gradient[torch.from_numpy(mask)] != 0).all()


def test_images():
    with spaic.Network() as net:
        input = spaic.Encoder(shape=(1, 4, 4), coding_method="direct")
        maps = spaic.NeuronGroup(shape=(2, 3, 3), model=COUPLED)
        pooled = spaic.NeuronGroup(shape=(2, 2, 2), model=COUPLED)
        conv = spaic.Connection(input, maps, link_type="conv", kernel_size=2, bias=True, w_std=0.5)
        pool = spaic.Connection(maps, pooled, link_type="pool", pool_stride=1, pre_var_name="V")
        output = spaic.Decoder(dec_target=pooled, coding_method="final_voltage")
    assert conv.parent is pool.parent is output.parent is net
    ready(net, np.random.default_rng(3).random((2, 1, 4, 4)))
    check_parameters(net, {"conv.weight", "conv.bias"})


class TestInputs:
    @pytest.mark.parametrize("code", ["direct", "null"])
    def test_gradients_reach_the_data(self, code):
        net = chain(COUPLED)
        del net.learner
        net.input = spaic.Encoder(num=6, coding_method=code)
        net.link1.pre = net.input
        shape = (2, 6) if code == "direct" else (2, 15, 6)
        data = torch.from_numpy(np.random.default_rng(2).random(shape))

        def result(x):
            net.input(x)
            return loss_of(net)

        assert torch.autograd.gradcheck(result, data.requires_grad_(), eps=1e-6, atol=1e-7, rtol=1e-6)

    def test_the_data_may_come_from_a_torch_module(self):
        net = chain(COUPLED)
        front = torch.nn.Linear(4, 6).double()
        net.input(front(torch.ones(3, 4, dtype=torch.float64)))
        loss_of(net).backward()
        assert front.weight.grad.abs().sum() > 0

    def test_what_is_left_out_of_training_needs_no_gradient(self):
        net = chain(COUPLED, link1={"is_parameter": False})
        check_parameters(net, {"link2.weight"})
        assert dict(net.named_parameters())["link1.weight"].grad is None


@pytest.mark.parametrize("is_watched", [False, True])
def test_watching_gives_no_gradient_to_what_has_none(is_watched, monkeypatch, tmp_path):
    """A threshold has no effect on the potential of neurons without reset, also if someone looks at their spikes."""
    in_python(monkeypatch, tmp_path)
    found = []
    for kernels in ("auto", "plain"):
        net = spaic.Network(seed=1)
        net.input = spaic.Encoder(num=4, coding_method="null")
        net.cells = spaic.NeuronGroup(3, model="sliding_psn")
        net.wire = spaic.Connection(net.input, net.cells, w_mean=0.3, w_std=0.3)
        net.output = spaic.Decoder(dec_target=net.cells, coding_method="mean_voltage")
        net.learner = spaic.SurrogateBP(net)
        if is_watched:
            net.spikes = spaic.StateMonitor(net.cells, "O")
        net.set_backend("torch", dt=1.0, dtype="float64", kernels=kernels)
        net.input(np.ones((2, 5, 4)))
        net.run(5.0)
        net.output.predict.sum().backward()
        found.append({k: p.grad for k, p in net.named_parameters()})
    assert [k for k, g in found[0].items() if g is None] == [k for k, g in found[1].items() if g is None] == ["cells.V_th"]
