"""The tempotron against the oracle, and as a learner like others."""

import numpy as np
import pytest
import torch

import spaic
from spaic.errors import InputError, NetworkError, StateError

DT, TAU_M, TAU_S, V0 = 0.1, 15.0, 3.75, 2.116534735958


def kernel(t):
    return np.where(t > 0, V0 * (np.exp(-np.maximum(t, 0) / TAU_M) - np.exp(-np.maximum(t, 0) / TAU_S)), 0.0)


def tempotron(inputs, outputs=1, weight=None, lr=0.01, dtype="float64", dt=1.0, kernels="plain", **options):
    net = spaic.Network(seed=2)
    net.input = spaic.Encoder(num=inputs, coding_method="null")
    net.cell = spaic.NeuronGroup(outputs, model="clif", tau_p=TAU_M, tau_q=TAU_S, **options)
    values = {"w_mean": 0.2, "w_std": 0.2} if weight is None else {"weight": weight}
    net.wire = spaic.Connection(net.input, net.cell, **values)
    net.output = spaic.Decoder(dec_target=net.cell, coding_method="max_voltage")
    net.learner = spaic.Tempotron(net, optimizer=spaic.SGD(lr=lr))
    net.set_backend("torch", dt=dt, dtype=dtype, kernels=kernels)
    return net


@pytest.fixture(scope="module")
def truth(oracles):
    with np.load(oracles / "plasticity.npz") as found:
        return {name: found[name] for name in found if name.startswith("temp_")}


def as_spikes(times, steps):
    spikes = np.zeros((len(times), steps, times.shape[1]), dtype=np.uint8)
    for i, row in enumerate(times):
        spikes[i, np.rint(row / DT).astype(int), np.arange(len(row))] = 1
    return spikes


@pytest.fixture(scope="module")
def run(truth):
    """The network of the oracle after one run of all its patterns, and its potential."""
    net = tempotron(20, weight=truth["temp_w"][None], dt=DT, kernels="auto")
    net.watch = spaic.StateMonitor(net.cell, "V_before_reset")
    net.input(as_spikes(truth["temp_patterns_ms"], 7001))
    net.run(700.1)
    return net, np.asarray(net.watch.values)[:, 0]


def test_the_kernel_of_clif_is_that_of_the_paper(run, truth):
    net, _ = run
    values = net._simulation.store.tensors()
    assert float(values["cell.V_0"]) == pytest.approx(float(truth["temp_V0"]), abs=1e-12) == pytest.approx(V0, abs=1e-12)


def test_maxima_and_decisions(run, truth):
    net, potential = run
    times = truth["temp_patterns_ms"]
    grid = np.arange(7001) * DT
    exact = np.einsum("i,bit->bt", truth["temp_w"], kernel(grid[None, None] - times[:, :, None]))
    np.testing.assert_allclose(potential, exact, rtol=0, atol=1e-11)
    bend = 1.1 * np.abs(np.diff(exact, 2, axis=1)).max() / DT**2
    found = net.output.predict.detach().numpy()[:, 0]
    np.testing.assert_allclose(found, truth["temp_Vmax"], rtol=0, atol=DT**2 / 8 * bend)
    assert np.abs(grid[potential.argmax(1)] - truth["temp_tmax"]).max() <= DT / 2
    assert net.learner.decisions(net.output.predict)[:, 0].tolist() == truth["temp_fired"].tolist()


def test_changes_of_single_patterns(run, truth):
    """Each is the kernel at the largest potential: on the grid to rounding, and as far from the oracle as half a step makes it."""
    net, potential = run
    grid = np.arange(7001) * DT
    for i, (label, times) in enumerate(zip(truth["temp_labels"], truth["temp_patterns_ms"], strict=True)):
        net.learner.optim_zero_grad()
        wanted = torch.tensor([[bool(label)]])
        net.learner.loss(net.output.predict[i : i + 1], wanted).backward(retain_graph=True)
        found = -0.01 * dict(net.named_parameters())["wire.weight"].grad.numpy()[0]
        is_wrong = bool(label) != bool(truth["temp_fired"][i])
        sign = (1 if label else -1) if is_wrong else 0
        np.testing.assert_allclose(found, sign * 0.01 * kernel(grid[potential[i].argmax()] - times), rtol=0, atol=1e-12)
        np.testing.assert_allclose(found, truth["temp_dw"][i], rtol=0, atol=0.01 * DT / 2 * V0 * (1 / TAU_S - 1 / TAU_M))
        assert is_wrong == bool(np.abs(truth["temp_dw"][i]).max() > 1e-3) == bool(np.abs(found).max() > 1e-3)


def test_a_step_adds_the_changes_of_a_batch(truth):
    net = tempotron(20, weight=truth["temp_w"][None], dt=DT, kernels="auto")
    net.input(as_spikes(truth["temp_patterns_ms"], 7001))
    net.run(700.1)
    net.learner.loss(net.output.predict, truth["temp_labels"]).backward()
    net.learner.optim_step()
    change = net.wire.weight.detach().numpy()[0] - truth["temp_w"]
    np.testing.assert_allclose(change, truth["temp_dw"].sum(0), rtol=0, atol=10 * 0.01 * DT / 2 * V0 * (1 / TAU_S - 1 / TAU_M))
    assert np.abs(change).max() > 1e-3


def patterns(number, seed=3):
    return (np.random.default_rng(seed).random((number, 60, 30)) < 0.02).astype(np.uint8)


def test_one_neuron_learns_random_patterns():
    net = tempotron(30, lr=0.02, dtype="float32")
    labels = np.arange(20) % 2
    net.input(patterns(20))
    rights = []
    for _ in range(80):
        net.run(60.0)
        rights.append(float((net.learner.decisions(net.output.predict)[:, 0].numpy() == labels).mean()))
        net.learner.optim_zero_grad()
        net.learner.loss(net.output.predict, labels).backward()
        net.learner.optim_step()
    assert rights[0] < 0.8 and rights[-1] == 1.0


def test_it_works_in_fit():
    net = tempotron(30, outputs=3, lr=0.02, dtype="float32")
    data = spaic.CustomDataset(patterns(15), np.arange(15) % 3)
    history = net.fit(spaic.Dataloader(data, batch_size=5), 30, 60.0, loss=net.learner.loss, progress=False)
    assert max(history.accuracy) == 1.0 > history.accuracy[0] + 0.2


def test_the_threshold_is_that_of_the_neurons():
    net = tempotron(1, weight=[[1.5]], V_th=2.0)
    net.input(np.eye(10, 1)[None])
    net.run(10.0)
    assert not net.learner.decisions(net.output.predict).any()
    assert float(net.learner.loss(net.output.predict, [1]).detach()) == pytest.approx(2.0 - 1.5 * kernel(7.0), abs=1e-9)


@pytest.mark.parametrize("labels", [[2, 0], [0.5, 0.0], [[1, 2], [0, 1]], [0, 1, 0], [-1, 0]])
def test_bad_labels_are_refused(labels):
    net = tempotron(1, outputs=2)
    net.input(np.ones((2, 5, 1)))
    net.run(5.0)
    with pytest.raises(InputError, match=r"learner\.loss: the labels"):
        net.learner.loss(net.output.predict, labels)


def test_before_a_run_there_is_no_threshold():
    with pytest.raises(StateError, match="call net.run"):
        tempotron(1).learner.loss(torch.zeros(1, 1), [1])


def test_neurons_without_threshold_are_refused():
    net = tempotron(2)
    net.cell2 = spaic.NeuronGroup(1, model="li")
    net.wire2 = spaic.Connection(net.input, net.cell2)
    with pytest.raises(NetworkError, match="lead to cell, cell2"):
        net.build()
    net.learner.trainable = [net.wire2]
    with pytest.raises(NetworkError, match="cell2: a tempotron needs neurons"):
        net.build()
