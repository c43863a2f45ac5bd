"""One step at a time in a module of one's own does what a network does: it is the same equations."""

import numpy as np
import pytest
import torch
from torch import nn

import spaic
from spaic import registry
from spaic.Modules import Connection, Neuron, RuleStepper

STEPS, BATCH = 25, 3
MODELS = {
    "lif": dict(tau_m=10.0, t_ref=2.0),
    "clif": {},
    "alif_trace": {},
    "izhikevich": {},
    "adex": {},
    "lif_linear_trace": dict(V_th=0.7, t_ref=3.0),
    "diehl_cook": {},
}
AMOUNT = {"izhikevich": 25.0, "alif_trace": 6.0, "adex": 4000.0, "diehl_cook": 2.0}


@pytest.fixture(autouse=True)
def _double():
    """What a module owns is of torch's default type when it is made."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def data(*shape, share=None):
    drawn = np.random.default_rng(1).random((BATCH, STEPS, *shape))
    return drawn if share is None else (drawn < share).astype(float)


@pytest.mark.parametrize("model", MODELS)
def test_neurons(model):
    x = data(4) * AMOUNT.get(model, 1.0)
    net = spaic.Network()
    net.source = spaic.Encoder(num=4, coding_method="null")
    net.cells = spaic.NeuronGroup(4, model=model, **MODELS[model])
    net.wire = spaic.Connection(net.source, net.cells, link_type="one_to_one", weight=1.0)
    net.spikes = spaic.SpikeMonitor(net.cells)
    net.states = [spaic.StateMonitor(net.cells, name) for name in net.cells.model.states]
    net.set_backend("reference", dt=0.5)
    net.source(x)
    net.run(STEPS * 0.5)
    cells = Neuron(model, 4, dt=0.5, **MODELS[model])
    kept = {name: [] for name in ("output", *cells.model.states)}
    for n in range(STEPS):
        cells(torch.from_numpy(x[:, n]))
        for name, values in kept.items():
            values.append(cells.state[name].numpy())
    np.testing.assert_array_equal(np.stack(kept["output"], -1), net.spikes.values)
    assert np.sum(kept["output"]) > 0, "nobody fired"
    for monitor in net.states:
        np.testing.assert_allclose(np.stack(kept[monitor.var_name], -1), monitor.values, rtol=1e-11, atol=1e-11, err_msg=monitor.var_name)


class Recurrent(nn.Module):
    """The counterpart of `recurrent`, written as one writes a torch module."""

    def __init__(self, net, delay):
        super().__init__()
        weights = {name: value.numpy() for name, value in net.state_dict().items()}
        self.into = Connection(6, 5, weight=weights["into.weight"], bias=weights["into.bias"], delay=delay)
        self.back = Connection(5, 5, weight=weights["back.weight"], delay=0.0)
        self.cells = Neuron("lif", 5, tau_m=6.0, trainable=["tau_m"], surrogate="atan")

    def forward(self, x):
        return self.cells([self.into(x), self.back(self.cells.last(len(x)))])


@pytest.mark.parametrize("delay", [0.0, 3.0, "each"])
def test_gradients_through_a_loop_with_delays(delay):
    """One step of delay in the loop is what `last` gives."""
    delay = np.random.default_rng(0).integers(0, 4, (5, 6)).astype(float) if delay == "each" else delay
    x, aim = data(6, share=0.4), torch.from_numpy(data(5)[:, 0])
    net = spaic.Network()
    net.source = spaic.Encoder(num=6, coding_method="null")
    net.cells = spaic.NeuronGroup(5, model="lif", tau_m=6.0, trainable=["tau_m"])
    net.into = spaic.Connection(net.source, net.cells, delay=delay, w_mean=0.3, w_std=0.3, bias=0.05)
    net.back = spaic.Connection(net.cells, net.cells, delay=1.0, w_std=0.3)
    net.output = spaic.Decoder(dec_target=net.cells, coding_method="spike_counts", scale=1.0)
    net.learner = spaic.SurrogateBP(net, surrogate="atan")
    net.set_backend("torch", dt=1.0, dtype="float64")
    net.build()
    module = Recurrent(net, delay)
    net.source(x)
    net.run(float(STEPS))
    counts = sum(module(torch.from_numpy(x[:, n])) for n in range(STEPS))
    (counts * aim).sum().backward()
    (net.output.predict * aim).sum().backward()
    torch.testing.assert_close(counts, net.output.predict)
    assert counts.sum() > 10
    named = dict(net.named_parameters())
    for path, parameter in module.named_parameters():
        torch.testing.assert_close(parameter.grad, named[path].grad, rtol=1e-9, atol=1e-11)
        assert parameter.grad.abs().max() > 0


def learned_by_network(rule, pre, post, options, weight, spikes, rewards, delay):
    net = spaic.Network()
    net.source = spaic.Encoder(shape=pre, coding_method="null")
    net.cells = spaic.NeuronGroup(shape=post, model="lif", tau_m=5.0)
    kind = {name: value for name, value in options.items() if name not in ("weight", "w_mean", "w_std")}
    net.wire = spaic.Connection(net.source, net.cells, weight=weight, w_max=1.2, delay=delay, **kind)
    net.learner = spaic.PlasticityLearner(net.wire, rule, reduction="mean")
    net.set_backend("reference", dt=1.0)
    for n in range(STEPS if rewards else 1):
        net.source(spikes[:, n : n + 1] if rewards else spikes)
        (net.run_continue if n else net.run)(1.0 if rewards else float(STEPS))
        if rewards:
            net.learner.reward(0.3)
    return np.asarray(net.wire.weight)


def check_rule(rule, pre, post, options, delay=0.0):
    spikes, rewards = data(*pre, share=0.3), "on_reward" in registry.rules[rule].statements
    wire, cells = Connection(pre, post, delay=delay, w_max=1.2, **options), Neuron("lif", post, tau_m=5.0)
    stepper = RuleStepper(wire, cells, rule, reduction="mean")
    start = wire.weight.detach().numpy().copy()
    expected = learned_by_network(rule, pre, post, options, start, spikes, rewards, 0.0 if rewards else delay)
    for n in range(STEPS):
        cells(wire(torch.from_numpy(spikes[:, n])))
        stepper.step()
        if rewards:
            stepper.reward(0.3)
    np.testing.assert_allclose(wire.weight.detach().numpy(), expected, rtol=1e-10, atol=1e-13)
    assert not np.array_equal(expected, start)


@pytest.mark.parametrize("rule", ["stdp", "triplet_stdp", "clopath", "rstdp", "pysnn_mstdpet", "fede_stdp", "oja"])
def test_rules(rule):
    check_rule(rule, (5,), (4,), dict(w_mean=0.4, w_std=0.1))


def test_rules_with_a_delay():
    check_rule("stdp", (5,), (4,), dict(w_mean=0.4, w_std=0.1), delay=2.0)


@pytest.mark.parametrize(
    ("pre", "post", "options"),
    [
        ((2, 4, 4), (3, 3, 3), dict(link_type="conv", kernel_size=2, out_channels=3, w_mean=0.3)),
        ((5,), (5,), dict(link_type="one_to_one", weight=0.9)),
    ],
)
def test_rules_on_other_links(pre, post, options):
    check_rule("stdp", pre, post, options)
