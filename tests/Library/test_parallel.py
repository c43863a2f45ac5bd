"""Parallel spiking neurons: the potential of each step is a mixture of the input of all."""

import numpy as np
import pytest
import torch

import spaic
from spaic.errors import DeclarationError, GraphError, InputError, SpaicError, UnsupportedError
from spaic.Library import ParallelSpikingNeurons

T = 6
RNG = np.random.default_rng(0)
SPIKES = RNG.integers(0, 2, (3, T, 4)).astype(float)
W, B = RNG.normal(size=(T, T)), RNG.normal(size=T)


def network(backend="torch", order=None, steps=T, **options):
    net = spaic.Network(seed=1)
    net.input = spaic.Encoder(num=4, coding_method="null")
    net.psn = ParallelSpikingNeurons(5, steps=steps, order=order, weight=W[:steps, :steps], bias=B[:steps])
    net.wire = spaic.Connection(net.input, net.psn.sum, w_mean=0.1, w_std=1.0)
    net.second = spaic.Connection(net.input, net.psn.sum, w_mean=0.1, w_std=1.0, delay=2.0)
    net.output = spaic.Decoder(dec_target=net.psn.cells, coding_method="mean_voltage")
    net.V, net.O = spaic.StateMonitor(net.psn.cells, "V"), spaic.StateMonitor(net.psn.cells, "O")
    net.set_backend(backend, dt=1.0, dtype="float64", **({"kernels": "plain"} if backend == "torch" else {}), **options)
    net.input(SPIKES[:, :steps])
    return net


def potentials(net, order=None):
    """``[batch, neurons, steps]``, by loops over both times."""
    first, second = (np.asarray(w.weight.detach() if hasattr(w.weight, "detach") else w.weight) for w in (net.wire, net.second))
    arriving = SPIKES @ first.T
    arriving[:, 2:] += SPIKES[:, :-2] @ second.T
    found = np.zeros((3, 5, T))
    for n in range(T):
        for m in range(T):
            if order is None or 0 <= n - m < order:
                found[..., n] += W[n, m] * arriving[:, m]
        found[..., n] += B[n]
    return found


@pytest.mark.parametrize("order", [None, 1, 3])
@pytest.mark.parametrize("backend", ["reference", "torch"])
def test_each_step_is_a_mixture_of_all(backend, order):
    net = network(backend, order)
    net.run(float(T))
    expected = potentials(net, order)
    np.testing.assert_allclose(net.V.values, expected, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(net.O.values, expected >= 0)
    assert 0.2 < net.O.values.mean() < 0.8


@pytest.mark.parametrize("order", [None, 2])
def test_gradients(order):
    net = network(order=order)
    net.learner = spaic.SurrogateBP(net)
    net.run(float(T))
    (net.output.predict**2).sum().backward()
    own = dict(net.named_parameters())
    assert {"psn.over_time.weight", "psn.over_time.bias"} < {k for k, p in own.items() if p.requires_grad}
    w, b, into = (own[k].detach().clone().requires_grad_() for k in ("psn.over_time.weight", "psn.over_time.bias", "wire.weight"))
    x = torch.tensor(SPIKES).transpose(0, 1)
    arriving = x @ into.T
    late = torch.cat([torch.zeros(2, 3, 5, dtype=torch.float64), (x @ own["second.weight"].detach().T)[:-2]])
    mask = torch.ones(T, T).tril() - torch.ones(T, T).tril(-order) if order else torch.ones(T, T)
    v = torch.einsum("nm,mbj->nbj", w * mask, arriving + late) + b[:, None, None]
    (v.mean(0) ** 2).sum().backward()
    for mine, name in ((w, "psn.over_time.weight"), (b, "psn.over_time.bias"), (into, "wire.weight")):
        np.testing.assert_allclose(own[name].grad, mine.grad, rtol=0, atol=1e-12)


def stacked(backend):
    """Two of them in a row, batch normalization between, an ordinary neuron at the end."""
    net = spaic.Network(seed=3)
    net.input = spaic.Encoder(num=4, coding_method="null")
    net.first, net.second = (ParallelSpikingNeurons(n, steps=T, order=order, bias=0.1) for n, order in ((6, None), (5, 2)))
    net.cells = spaic.NeuronGroup(3, model="lif", tau_m=4.0)
    net.a = spaic.Connection(net.input, net.first, w_mean=0.5, w_std=1.0)
    net.b = spaic.Connection(net.first, net.second, w_mean=0.5, w_std=1.0, syn_type=["basic", "batchnorm"])
    net.c = spaic.Connection(net.second, net.cells, w_mean=0.1, w_std=0.3)
    net.V = spaic.StateMonitor(net.cells, "V")
    net.set_backend(backend, dt=1.0, dtype="float64", **({"kernels": "plain"} if backend == "torch" else {}))
    net.input(SPIKES)
    net.run(float(T))
    return net.V.values


def test_several_in_a_row():
    expected = stacked("reference")
    assert np.unique(expected).size > 10
    np.testing.assert_allclose(stacked("torch"), expected, rtol=0, atol=1e-12)


def accuracy(order):
    """A pulse in the last step says what is to be answered in the first."""
    labels = np.arange(40) % 2
    data = np.zeros((40, T, 2))
    data[np.arange(40), -1, labels] = 1
    data[:, :-1] = np.random.default_rng(1).random((40, T - 1, 2)) < 0.3
    with spaic.Network(seed=2) as net:
        net.input = spaic.Encoder(num=2, coding_method="null")
        net.psn = ParallelSpikingNeurons(8, steps=T, order=order)
        net.wire = spaic.Connection(net.input, net.psn, w_mean=0.0, w_std=1.0)
        net.spikes = spaic.Decoder(dec_target=net.psn.cells, coding_method="null")
        net.learner = spaic.SurrogateBP(net, surrogate="atan")
    net.set_backend("torch", dt=1.0, kernels="plain")
    net.input(data)
    net.build()
    read = torch.nn.Linear(8, 2)
    torch.manual_seed(0)
    torch.nn.init.normal_(read.weight)
    optimizer = torch.optim.Adam([*net.parameters(), *read.parameters()], lr=0.05)
    for _ in range(60):
        net.input(data)
        net.run(float(T))
        first = net.spikes.predict[:, 0] if net.spikes.predict.shape[1] == T else net.spikes.predict[0]
        logits = read(first.to(torch.float32))
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor(labels))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return (logits.argmax(1).numpy() == labels).mean()


def test_only_the_whole_matrix_knows_what_comes():
    assert accuracy(None) == 1.0
    assert accuracy(T) < 0.8  # the first step alone says nothing of the last


def test_it_is_saved_and_loaded(tmp_path):
    net = network()
    net.run(float(T))
    net.save(tmp_path / "net.spaic")
    loaded = spaic.load(tmp_path / "net.spaic")
    loaded.input(SPIKES)
    loaded.run(float(T))
    np.testing.assert_array_equal(loaded.V.values, net.V.values)


@pytest.mark.parametrize("backend", ["reference", "torch"])
def test_runs_of_another_length_are_refused(backend):
    net = network(backend, steps=4)
    net.input(SPIKES)
    with pytest.raises(InputError, match=r"psn\.over_time: it mixes all 4 steps of a run and is given 6; call net\.run\(4\)"):
        net.run(6.0)
    net.input(SPIKES[:, :4])
    net.run(4.0)
    with pytest.raises(InputError, match="is given 4, from step 4 on"):
        net.run_continue(4.0)


def looped(net):
    net.back = spaic.Connection(net.psn, net.psn)


def shorter(net):
    net.other = ParallelSpikingNeurons(5, steps=4)
    net.to_other = spaic.Connection(net.psn, net.other)


def learning(net):
    net.cells = spaic.NeuronGroup(2, model="lif")
    net.to_cells = spaic.Connection(net.psn.cells, net.cells)
    net.learner = spaic.PlasticityLearner(net.to_cells, "stdp", reduction="mean")


@pytest.mark.parametrize("change, error, message", [
    (looped, GraphError, "it reads steps to come of what its own target feeds"),
    (shorter, GraphError, r"links over time are declared for runs of \{.*4.*\} steps; give all of them the same"),
    (learning, UnsupportedError, "it needs all steps of a run at once, and the rule of to_cells learns after each"),
])  # fmt: skip
def test_networks_that_cannot_be(change, error, message):
    net = network()
    with net:
        change(net)
    with pytest.raises(error, match=message):
        net.build()


def test_ways_to_run_that_cannot_be():
    net = network(checkpoint_time=2)
    net.learner = spaic.SurrogateBP(net)
    with pytest.raises(UnsupportedError, match="it mixes all steps of a run, but checkpoint_time=2"):
        net.run(float(T))
    net = network("event")
    with pytest.raises(SpaicError, match="psn"):
        net.run(float(T))


@pytest.mark.parametrize("options, error, message", [
    ({"steps": 0}, DeclarationError, "steps"),
    ({"steps": 2.5}, DeclarationError, "steps"),
    ({"steps": 4, "order": 0}, DeclarationError, "order"),
    ({"steps": 4, "weight": np.ones((3, 3))}, GraphError, r"psn\.over_time\.weight: the values have shape \(3, 3\), needed \(4, 4\)"),
    ({"steps": 4, "order": 5}, GraphError, r"psn\.over_time\.order: 5 is more than the 4 steps"),
])  # fmt: skip
def test_bad_input(options, error, message):
    with pytest.raises(error, match=message):
        net = spaic.Network()
        net.input = spaic.Encoder(num=4, coding_method="null")
        net.psn = ParallelSpikingNeurons(5, **options)
        net.wire = spaic.Connection(net.input, net.psn)
        net.build()
