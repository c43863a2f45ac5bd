"""Gradients carried forwards in time: against backpropagation where theory says they are the same, and against loops written by hand."""

import math

import numpy as np
import pytest
import torch

import spaic
from spaic.errors import DeclarationError, InputError, NetworkError, StateError, UnsupportedError

STEPS, BATCH, NI, NH, NO = 14, 3, 5, 6, 2
_RNG = np.random.default_rng(5)
X = (_RNG.random((BATCH, STEPS, NI)) < 0.4).astype(float)
AIM = torch.from_numpy(_RNG.random((STEPS, BATCH, NO)))
MODELS = {"lif": dict(tau_m=5.0), "clif": {}, "alif": {}}


def loss(values, step):
    """Squared distance to a goal that moves."""
    return ((values - AIM[step]) ** 2).sum() / 2


def network(
    learner, model="lif", recurrent=True, delay=None, link="full", readout="V", dtype="float64", bias=True, synapse=None, **options
):
    """Input, a group that may feed itself, and a readout that leaks or fires; read step by step."""
    net = spaic.Network()
    net.input = spaic.Encoder(num=NI, coding_method="null")
    net.hidden = spaic.NeuronGroup(NH, model=model, **MODELS.get(model, {}))
    net.out = spaic.NeuronGroup(NO, model="lif", tau_m=4.0, V_th=1e6 if readout == "V" else 0.3)
    sparse = dict(link_type="sparse", density=0.6) if link == "sparse" else {}
    shaped = {} if synapse is None else dict(syn_type=synapse)
    net.into = spaic.Connection(net.input, net.hidden, w_mean=0.5, w_std=0.4, bias=bias, delay=delay, **sparse, **shaped)
    if recurrent:
        net.loop = spaic.Connection(net.hidden, net.hidden, w_mean=0.0, w_std=0.4, delay=None if delay is None else delay + 1, **shaped)
    net.onto = spaic.Connection(net.hidden, net.out, w_mean=0.4, w_std=0.4, bias=bias, delay=delay, **shaped)
    net.output = spaic.Decoder(dec_target=net.out, coding_method="v_t" if readout == "V" else "null")
    net.learner = learner(**options)
    net.set_backend("torch", dt=1.0, dtype=dtype, kernels="plain")
    net.set_runtime(STEPS)
    net.input(X)
    return net


def forwards(net):
    """Gradients of :meth:`learn`, and the error."""
    net.learner.optim_zero_grad()
    total = net.learner.learn(loss)
    return {path: p.grad.clone() for path, p in net.named_parameters() if p.grad is not None}, total


def backwards(net):
    """Gradients of the same error by ``backward()``, and the error."""
    net.learner.optim_zero_grad()
    net.run()
    found = sum(loss(values, n) for n, values in enumerate(net.output.predict))
    found.backward()
    return {path: p.grad.clone() for path, p in net.named_parameters() if p.grad is not None}, found.item()


def close(found, expected, paths=None, tolerance=1e-10):
    assert set(found) == set(expected)
    for path in paths or expected:
        assert float(expected[path].abs().max()) > 1e-4, path
        torch.testing.assert_close(
            found[path], expected[path], rtol=tolerance, atol=tolerance * 0.1, msg=lambda text, p=path: f"{p}: {text}"
        )


# --- what theory says


@pytest.mark.parametrize(
    "options",
    [
        dict(model="lif"),
        dict(model="clif", readout="O"),
        dict(model="alif", link="sparse"),
        dict(model="lif", delay=2.0, readout="O"),
        dict(model="lif", reset_gradient=False, bias=False),
    ],
    ids=str,
)
def test_real_time_recurrent_learning_is_backpropagation(options):
    found, total = forwards(network(spaic.RTRL, **options))
    keywords = {k: v for k, v in options.items() if k != "surrogate"}
    expected, error = backwards(network(spaic.SurrogateBP, **keywords))
    assert math.isclose(total, error, rel_tol=1e-12)
    close(found, expected)


@pytest.mark.parametrize("broadcast", ["symmetric", "random"])
@pytest.mark.parametrize(
    "options",
    [
        dict(model="lif"),
        dict(model="clif", readout="O"),
        dict(model="alif", link="sparse"),
        dict(model="lif", delay=2.0, readout="O"),
        dict(model="alif", recurrent=False, delay=1.0),
        dict(model="lif", synapse="alpha", bias=False),
    ],
    ids=str,
)
def test_both_ways_of_eprop_are_the_same(options, broadcast):
    """The same net: random matrices are drawn from its seed."""
    net = network(spaic.EProp, broadcast=broadcast, surrogate="atan", **options)
    found, total = forwards(net)
    expected, error = backwards(net)
    assert math.isclose(total, error, rel_tol=1e-12)
    close(found, expected)


@pytest.mark.parametrize("model", MODELS)
def test_eprop_is_backpropagation_where_nothing_is_recurrent(model):
    found, _ = forwards(network(spaic.EProp, model, recurrent=False, surrogate="atan"))
    expected, _ = backwards(network(spaic.SurrogateBP, model, recurrent=False))
    close(found, expected)


def test_eprop_leaves_out_what_goes_through_other_neurons_and_nothing_else():
    found, _ = forwards(network(spaic.EProp, surrogate="atan"))
    expected, _ = backwards(network(spaic.SurrogateBP))
    for path in ("onto.weight", "onto.bias"):
        torch.testing.assert_close(found[path], expected[path], rtol=1e-10, atol=1e-12)
    for path in ("into.weight", "loop.weight"):
        assert not torch.allclose(found[path], expected[path], rtol=1e-2)
        assert torch.nn.functional.cosine_similarity(found[path].flatten(), expected[path].flatten(), 0) > 0.5


def test_eprop_is_what_the_paper_says():
    """Eqs. 4, 13, 22 and 25 of the paper in a loop of its own: trace times pseudo-derivative, filtered as the readout is."""
    net = network(spaic.EProp, bias=False, reset_gradient=False)
    found, _ = forwards(net)
    weights = {path: p.detach().numpy() for path, p in net.named_parameters()}
    keep, keep_out = math.exp(-1 / 5), math.exp(-1 / 4)
    expected = {path: np.zeros_like(w) for path, w in weights.items()}
    for b in range(BATCH):
        v, z, y = np.zeros(NH), np.zeros(NH), np.zeros(NO)
        filtered, out_trace = {"into.weight": 0.0, "loop.weight": 0.0}, 0.0
        traces = {"into.weight": np.zeros((NH, NI)), "loop.weight": np.zeros((NH, NH))}
        for n in range(STEPS):
            arrived, held = {"into.weight": X[b, n], "loop.weight": z}, 1 - z
            current = sum(weights[path] @ x for path, x in arrived.items())
            v = keep * v * held + current
            z = (v > 1.0).astype(float)
            psi = 0.3 * np.maximum(1 - np.abs(v - 1.0), 0)
            y = keep_out * y + weights["onto.weight"] @ z
            out_trace = keep_out * out_trace + z
            error = y - AIM[n, b].numpy()
            expected["onto.weight"] += np.outer(error, out_trace)
            for path, x in arrived.items():
                traces[path] = keep * held[:, None] * traces[path] + x
                filtered[path] = keep_out * filtered[path] + psi[:, None] * traces[path]
                expected[path] += (weights["onto.weight"].T @ error)[:, None] * filtered[path]
    close(found, {path: torch.from_numpy(g) for path, g in expected.items()}, tolerance=1e-11)


def test_ottt_of_one_layer_is_backpropagation_without_the_reset():
    def single(learner, **options):
        net = spaic.Network()
        net.input = spaic.Encoder(num=NI, coding_method="null")
        net.out = spaic.NeuronGroup(NO, model="lif", tau_m=5.0)
        net.into = spaic.Connection(net.input, net.out, w_mean=0.6, w_std=0.4, bias=True)
        net.output = spaic.Decoder(dec_target=net.out, coding_method="null")
        net.learner = learner(**options)
        net.set_backend("torch", dt=1.0, dtype="float64")
        net.set_runtime(STEPS)
        net.input(X)
        return net

    found, _ = forwards(single(spaic.OTTT))
    expected, _ = backwards(single(spaic.SurrogateBP, reset_gradient=False))
    close(found, expected)


def test_ottt_is_what_the_paper_says():
    """Traces of presynaptic spikes, and errors that go through the layers of one step: eqs. 6 to 9, with a recurrent layer."""
    net = network(spaic.OTTT, readout="O", bias=False)
    found, _ = forwards(net)
    weights = {path: p.detach().numpy() for path, p in net.named_parameters()}
    expected = {path: np.zeros_like(w) for path, w in weights.items()}
    keep, keep_out, threshold = math.exp(-1 / 5), math.exp(-1 / 4), 0.3

    def slope(x):
        return 1 / (1 + (math.pi * x) ** 2)  # arc tangent, alpha = 2

    for b in range(BATCH):
        v, z, u, s = np.zeros(NH), np.zeros(NH), np.zeros(NO), np.zeros(NO)
        traces = dict.fromkeys(weights, 0.0)
        for n in range(STEPS):
            before, fell = z, 1 - s
            v = keep * v * (1 - z) + weights["into.weight"] @ X[b, n] + weights["loop.weight"] @ z
            for path, x in {"into.weight": X[b, n], "loop.weight": before}.items():
                traces[path] = keep * (1 - before)[:, None] * traces[path] + x
            z = (v > 1.0).astype(float)
            u = keep_out * u * fell + weights["onto.weight"] @ z
            traces["onto.weight"] = keep_out * fell[:, None] * traces["onto.weight"] + z
            s = (u > threshold).astype(float)
            at_out = (s - AIM[n, b].numpy()) * slope(u - threshold)
            at_hidden = (weights["onto.weight"].T @ at_out) * slope(v - 1.0)
            for path, error in {"into.weight": at_hidden, "loop.weight": at_hidden, "onto.weight": at_out}.items():
                expected[path] += error[:, None] * traces[path]
    close(found, {path: torch.from_numpy(g) for path, g in expected.items()}, tolerance=1e-11)


@pytest.mark.parametrize("recurrent", [False, True])
def test_local_errors_are_those_of_each_group_alone(recurrent):
    """Backwards: the spikes of each group through its matrix, in the same network, in which no error leaves a group."""
    net = network(spaic.DECOLLE, readout="O", classes=NO, recurrent=recurrent)
    net.first = spaic.Decoder(dec_target=net.hidden, coding_method="null")
    net.input(X)
    found, total = forwards(net)
    net.learner.optim_zero_grad()
    net.run()
    matrices = net.learner.readouts
    assert set(matrices) == {"hidden", "out"} and matrices["hidden"].shape == (NO, NH)
    spikes = {"hidden": net.first.predict, "out": net.output.predict}
    error = sum(loss(spikes[group][n].double() @ matrix.T, n) for group, matrix in matrices.items() for n in range(STEPS))
    error.backward()
    assert math.isclose(total, error.item(), rel_tol=1e-12)
    close(found, {path: p.grad for path, p in net.named_parameters()})


# --- beside everything else


@pytest.mark.parametrize("kind", ["RTRL", "EProp", "OTTT"])
def test_the_run_is_the_same_as_any_other(kind):
    net = network(getattr(spaic, kind), readout="O", dtype="float32")
    net.watch = spaic.StateMonitor(net.hidden, "V", dt=2.0)
    net.run()
    expected, seen = net.output.predict.detach().clone(), net.watch.values.copy()
    net.learner.learn(loss)
    assert torch.equal(net.output.predict, expected) and expected.any()
    np.testing.assert_array_equal(net.watch.values, seen)
    assert net.into.weight.grad.dtype == torch.float32


@pytest.mark.parametrize("kind", ["EProp", "OTTT"])
def test_gradients_add_up_and_errors_fall(kind):
    net = network(getattr(spaic, kind), optimizer=spaic.Adam(lr=0.05))
    once, first = forwards(net)
    net.learner.learn(loss)
    close({path: p.grad for path, p in net.named_parameters()}, {path: 2 * g for path, g in once.items()})
    for _ in range(12):
        net.learner.optim_zero_grad()
        last = net.learner.learn(lambda values, step: ((values - 0.5) ** 2).sum())
        net.learner.optim_step()
    assert last < 0.5 * first


def test_a_link_with_a_rule_and_one_with_eligibility_learn_in_the_same_run():
    net = network(spaic.EProp)
    net.rule = spaic.PlasticityLearner(net.loop, "stdp", reduction="mean")
    before = {path: p.detach().clone() for path, p in net.named_parameters()}
    found, _ = forwards(net)
    after = dict(net.named_parameters())
    assert set(found) == {"into.weight", "into.bias", "onto.weight", "onto.bias"}
    assert not torch.equal(before["loop.weight"], after["loop.weight"]) and torch.equal(before["into.weight"], after["into.weight"])


def test_frozen_parts_get_no_gradient():
    net = network(spaic.EProp)
    net.build()
    net.into.requires_grad = False
    assert set(forwards(net)[0]) == {"loop.weight", "onto.weight", "onto.bias"}


def test_eprop_works_in_fit():
    x = torch.from_numpy(np.repeat(np.eye(3), 8, 0))
    net = spaic.Network()
    net.input = spaic.Encoder(num=3, coding_method="direct")
    net.hidden = spaic.NeuronGroup(12, model="lif", tau_m=5.0)
    net.out = spaic.NeuronGroup(3, model="lif", tau_m=5.0)
    net.into, net.onto = (spaic.Connection(a, b, w_mean=0.3, w_std=0.3) for a, b in ((net.input, net.hidden), (net.hidden, net.out)))
    net.loop = spaic.Connection(net.hidden, net.hidden, w_mean=0.0, w_std=0.2)
    net.output = spaic.Decoder(dec_target=net.out)
    net.learner = spaic.EProp(optimizer=spaic.Adam(lr=0.03), broadcast="random")
    net.set_backend("torch", dt=1.0)
    loader = spaic.Dataloader(spaic.CustomDataset(x.float().numpy(), np.repeat(np.arange(3), 8)), batch_size=8, shuffle=True)
    net.fit(loader, 15, 10.0, progress=False)
    assert net.learner.evaluate(loader, 10.0) > 0.95


@pytest.mark.parametrize("kind", ["RTRL", "EProp", "OTTT", "DECOLLE"])
def test_they_can_be_written_down(kind):
    net = network(getattr(spaic, kind), surrogate="sigmoid", readout="O", **({"classes": 3} if kind == "DECOLLE" else {}))
    made = spaic.Learner.from_description(net.learner.describe(), {"": net})
    assert (
        type(made) is type(net.learner)
        and made.surrogate.values == net.learner.surrogate.values
        and made.reset_gradient == net.learner.reset_gradient
    )


# --- what is refused


def test_errors_that_are_no_number_of_a_step():
    net = network(spaic.EProp)
    with pytest.raises(InputError, match="learner.learn: in step 0 the loss is a tensor of shape .*one finite number"):
        net.learner.learn(lambda values, step: values)
    with pytest.raises(InputError, match="in step 2 the loss is .*nan"):
        net.learner.learn(lambda values, step: values.sum() * (float("nan") if step == 2 else 1))
    with pytest.raises(InputError, match="the loss is 3.0"):
        net.learner.learn(lambda values, step: 3.0)
    with pytest.raises(DeclarationError, match="loss is None"):
        net.learner.learn(None)
    assert all(p.grad is None for _, p in net.named_parameters())
    net.run()


def test_a_backend_without_gradients():
    net = network(spaic.EProp)
    net.set_backend("reference", dt=1.0)
    with pytest.raises(UnsupportedError, match="learner.learn: the backend computes no gradients"):
        net.learner.learn(loss)


def test_unknown_broadcast():
    with pytest.raises(DeclarationError, match="EProp: unknown broadcast 'randon'; did you mean 'random'"):
        spaic.EProp(broadcast="randon")


def test_local_readouts():
    for wrong in (0, 2.5, True):
        with pytest.raises(DeclarationError, match="DECOLLE: classes is .*whole number above 0"):
            spaic.DECOLLE(classes=wrong)
    with pytest.raises(DeclarationError, match="DECOLLE: scale is -1"):
        spaic.DECOLLE(classes=3, scale=-1)
    net = network(spaic.DECOLLE, classes=3)
    net.silent = spaic.NeuronGroup(4, model="nonspiking_lif")
    net.to_silent = spaic.Connection(net.hidden, net.silent)
    with pytest.raises(NetworkError, match="silent: its error is read from its spikes, and it never fires"):
        net.build()


def test_a_group_without_an_error():
    net = spaic.Network()
    net.input = spaic.Encoder(num=3, coding_method="null")
    net.first, net.second, net.out = (spaic.NeuronGroup(4, model="lif") for _ in range(3))
    net.links = [spaic.Connection(a, b) for a, b in ((net.input, net.first), (net.first, net.second), (net.second, net.out))]
    net.output = spaic.Decoder(dec_target=net.out)
    net.learner = spaic.EProp()
    with pytest.raises(NetworkError, match="first: no connection leads from it to a group that a decoder reads, .*broadcast='random'"):
        net.build()
    net.learner = spaic.EProp(broadcast="random")
    net.build()


def test_what_has_no_traces():
    net = network(spaic.EProp)
    net.more = spaic.Connection(net.input, net.hidden, delay=np.ones((NH, NI)), weight=np.ones((NH, NI)))
    with pytest.raises(
        UnsupportedError, match="more: eligibility traces with delays of single synapses are not supported; give it one delay"
    ):
        net.learner.learn(loss)
    conv = spaic.Network()
    conv.input = spaic.Encoder(shape=(1, 4, 4), coding_method="null")
    conv.out = spaic.NeuronGroup(shape=(2, 3, 3), model="lif")
    conv.wire = spaic.Connection(conv.input, conv.out, link_type="conv", kernel_size=2, out_channels=2)
    conv.output = spaic.Decoder(dec_target=conv.out)
    conv.learner = spaic.EProp()
    conv.set_backend("torch", dt=1.0)
    conv.input(np.ones((1, 5, 1, 4, 4)))
    with pytest.raises(UnsupportedError, match="wire: with Conv2d a weight has more than one neuron; train it by loss.backward"):
        conv.learner.learn(lambda values, step: values.sum(), 5.0)
    neuron = network(spaic.EProp, "lif")
    neuron.add = spaic.NeuronGroup(NO, model="lif", trainable=["tau_m"])
    neuron.to_add = spaic.Connection(neuron.input, neuron.add)
    neuron.second = spaic.Decoder(dec_target=neuron.add)
    with pytest.raises(UnsupportedError, match="add.tau_m: eligibility traces are those of weights and biases"):
        neuron.learner.learn(loss)


def test_yardstick_of_a_large_net():
    net = spaic.Network()
    net.input = spaic.Encoder(num=784, coding_method="null")
    net.out = spaic.NeuronGroup(400, model="lif")
    net.wire = spaic.Connection(net.input, net.out)
    net.output = spaic.Decoder(dec_target=net.out)
    net.learner = spaic.RTRL()
    net.set_backend("torch", dt=1.0)
    net.input(np.ones((1, 3, 784)))
    with pytest.raises(UnsupportedError, match="learner: 400 states by 313,600 parameters are too many .* use spaic.EProp"):
        net.learner.learn(lambda values, step: values.sum(), 3.0)


def test_online_training_through_time_does_not_mistake_other_gradients_for_its_own():
    net = network(spaic.OTTT, optimizer=spaic.SGD(lr=0.1))
    backwards(net)
    with pytest.raises(StateError, match="learner: loss.backward.. is not its gradient; call learner.learn"):
        net.learner.optim_step()
    net.learner.learn(loss)
    net.learner.optim_step()


def test_online_training_through_time_needs_errors_in_the_same_step():
    with pytest.raises(UnsupportedError, match="onto: errors of a step do not come back through a delay"):
        network(spaic.OTTT, delay=1.0).build()


def test_what_needs_all_steps():
    net = network(spaic.EProp, recurrent=False)
    net.watch = spaic.StateMonitor(net.hidden, "V", get_grad=True)
    with pytest.raises(UnsupportedError, match="hidden.V: its gradient is not there in a forward run"):
        net.learner.learn(loss)
    net = network(spaic.RTRL)
    del net.output
    with pytest.raises(UnsupportedError, match="learner: no decoder reads anything"):
        net.learner.learn(loss)
