"""Batch normalization over time and batch, against torch's and against finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import spaic

STEPS, BATCH = 6, 4


def network(backend="torch", link="conv", coding="null", syn_type=("basic", "batchnorm"), dtype="float64", **options):
    net = spaic.Network(seed=5)
    shape = (2, 5, 5) if link == "conv" else (7,)
    net.input = spaic.Encoder(shape=shape, coding_method=coding)
    net.cell = spaic.NeuronGroup(shape=(3, 3, 3) if link == "conv" else (3,), model="lif", V_th=1e6, tau_m=5.0)
    own = {"out_channels": 3} if link == "conv" else {}
    net.wire = spaic.Connection(net.input, net.cell, link_type=link, syn_type=list(syn_type), **own, **options)
    net.current = spaic.StateMonitor(net.wire, "current")
    net.set_backend(backend, dt=1.0, dtype=dtype, **({"kernels": "plain"} if backend == "torch" else {}))
    give(net, 0, coding)
    return net


def give(net, seed, coding="null"):
    rng = np.random.default_rng(seed)
    lead = (BATCH, STEPS) if coding == "null" else (BATCH,)
    net.input(rng.normal(size=(*lead, *net.input.shape)))


def delivered(net):
    """``[steps * batch, channels, ...]``."""
    return torch.tensor(np.moveaxis(net.current.values, -1, 0).reshape(-1, *net.current.values.shape[1:-1]))


@pytest.mark.parametrize("link, norm", [("conv", torch.nn.BatchNorm2d), ("full", torch.nn.BatchNorm1d)])
@pytest.mark.parametrize("backend", ["torch", "reference"])
def test_it_is_torchs_over_time_and_batch(link, norm, backend):
    """Three training runs and one of evaluation, with the scale of tdBN and an own momentum."""
    net, plain = network(backend, link, alpha=0.5, V_th=1.5, momentum=0.3, gamma=1.2, beta=0.1), network(backend, link, syn_type=("basic",))
    expected = norm(3, momentum=0.3, dtype=torch.float64)
    with torch.no_grad():
        expected.weight.fill_(1.2 * 0.75)
        expected.bias.fill_(0.1)
    for run in range(4):
        if run == 3:
            net.eval()
            expected.eval()
        for each in (net, plain):
            give(each, run)
            each.run(float(STEPS))
        assert (expected(delivered(plain)) - delivered(net)).abs().max() < 1e-12
        found = net.state_dict()
        for name in ("running_mean", "running_var"):
            assert np.abs(np.asarray(found[f"wire.{name}"]) - getattr(expected, name).numpy()).max() < 1e-13


@pytest.mark.parametrize("coding", ["null", "direct"])
def test_backends_agree(coding):
    """Also where every step brings the same, which torch multiplies once."""
    found = []
    for backend in ("reference", "torch"):
        net = network(backend, coding=coding, syn_type=("batchnorm", "dropout", "conv", "maxpool"), pool_stride=1, pool_kernel_size=1)
        net.run(float(STEPS))
        found.append({"current": net.current.values, **{k: np.asarray(v) for k, v in net.state_dict().items() if "running" in k}})
    assert found[0]["wire.running_var"].shape == (2,)
    for name, value in found[0].items():
        assert np.abs(value - found[1][name]).max() < 1e-12, name


def test_two_in_a_row_measure_what_arrives_at_each():
    found = []
    for backend in ("reference", "torch"):
        net = spaic.Network(seed=2)
        net.input = spaic.Encoder(num=5, coding_method="null")
        net.hidden = spaic.NeuronGroup(6, model="lif", tau_m=4.0, V_th=0.5)
        net.last = spaic.NeuronGroup(3, model="lif", tau_m=4.0)
        net.one = spaic.Connection(net.input, net.hidden, syn_type=["basic", "batchnorm"])
        net.two = spaic.Connection(net.hidden, net.last, syn_type=["basic", "batchnorm"], delay=1.0)
        net.V = spaic.StateMonitor(net.last, "V")
        net.set_backend(backend, dt=1.0, dtype="float64", **({"kernels": "plain"} if backend == "torch" else {}))
        give(net, 1)
        net.run(float(STEPS))
        found.append({"V": net.V.values, **{k: np.asarray(v) for k, v in net.state_dict().items()}})
    assert found[0]["two.running_mean"].any() and found[0]["two.running_var"].min() > 0.9
    for name, value in found[0].items():
        assert np.abs(value - found[1][name]).max() < 1e-12, name


@pytest.mark.parametrize("is_training", [True, False])
def test_gradients_are_finite_differences(is_training):
    net = network(alpha=0.7, gamma=1.3)
    net.output = spaic.Decoder(dec_target=net.cell, coding_method="final_voltage")
    net.learner = spaic.STCA(net, alpha=1.0)
    net.run(float(STEPS))  # the running statistics are not those they began with
    net.train(is_training)
    factors = torch.tensor(np.random.default_rng(1).normal(size=(BATCH, 27)))

    def loss():
        net.run(float(STEPS))
        return (net.output.predict.reshape(BATCH, -1) * factors).sum()

    loss().backward()
    parameters = dict(net.named_parameters())
    assert sorted(parameters) == ["wire.beta", "wire.gamma", "wire.weight"]
    for tensor in parameters.values():
        for place in (0, tensor.numel() - 1):
            flat, sides = tensor.data.view(-1), []
            for change in (1e-5, -2e-5):
                flat[place] += change
                sides.append(float(loss().detach()))
            flat[place] += 1e-5
            assert float(tensor.grad.view(-1)[place]) == pytest.approx((sides[0] - sides[1]) / 2e-5, rel=2e-6, abs=1e-7)


def test_evaluation_changes_nothing_and_training_once_per_run():
    net = network()
    start = {k: v.clone() for k, v in net.state_dict().items()}
    assert not start["wire.running_mean"].any() and (start["wire.running_var"] == 1).all()
    net.eval()
    net.run(float(STEPS))
    assert all((v == start[k]).all() for k, v in net.state_dict().items())
    net.train()
    net.run(float(STEPS))
    once = net.state_dict()["wire.running_mean"].clone()
    net.run(float(STEPS))
    assert torch.allclose(net.state_dict()["wire.running_mean"], once * 1.9, rtol=1e-12)


def test_a_long_run_without_gradients_is_measured_as_one():
    """Such runs go in pieces of 64 steps and more; their statistics do not."""
    found = []
    for steps in (1000, 250):
        net = spaic.Network()
        net.input = spaic.Encoder(num=300, coding_method="null")
        net.cell = spaic.NeuronGroup(2, model="lif", V_th=1e6)
        net.wire = spaic.Connection(net.input, net.cell, syn_type=["batchnorm", "basic"], momentum=1.0)
        net.set_backend("torch", dt=1.0, kernels="plain")
        data = np.arange(steps, dtype=np.float32)[None, :, None] * np.ones((16, 1, 300), np.float32) / steps
        net.input(data)
        net.run(float(steps))
        found.append(float(net.state_dict()["wire.running_mean"].mean()))
    assert found == pytest.approx([0.4995, 0.498], rel=1e-4)


def test_files_and_rebuilds_keep_the_statistics(tmp_path):
    net = network(syn_type=("basic", "batchnorm", "dropout"), dtype="float32", momentum=0.4, p=0.25)
    net.learner = spaic.STCA(net, alpha=1.0)
    net.run(float(STEPS))
    before = {k: v.clone() for k, v in net.state_dict().items()}
    assert before["wire.running_mean"].any()
    net.save(str(tmp_path / "net"))
    again = spaic.load(str(tmp_path / "net"))
    for name, value in again.state_dict().items():
        assert (value == before[name]).all(), name
    assert again.graph.digest == net.graph.digest
    for each in (net, again):
        give(each, 3)
        each.eval()
        each.run(float(STEPS))
    assert np.array_equal(net.current.values, again.current.values)
    net.V = spaic.StateMonitor(net.cell, "V")
    net.build()
    assert all((v == before[k]).all() for k, v in net.state_dict().items())
    other = network(syn_type=("basic", "batchnorm", "dropout"), dtype="float32", momentum=0.4, p=0.25)
    other.load_state_dict(before)
    assert (other.state_dict()["wire.running_var"] == before["wire.running_var"]).all()


def test_a_backward_pass_after_another_run_still_works():
    """The running statistics that evaluation used may have changed since."""
    net = network()
    net.output = spaic.Decoder(dec_target=net.cell, coding_method="final_voltage")
    net.learner = spaic.STCA(net, alpha=1.0)
    net.run(float(STEPS))
    net.eval()
    net.run(float(STEPS))
    kept = net.output.predict.sum()
    net.train()
    net.run(float(STEPS))
    kept.backward()
    assert net.wire.weight.grad.any()


class TestRefused:
    def test_in_a_loop(self):
        net = network(link="full")
        net.back = spaic.Connection(net.cell, net.cell, syn_type=["basic", "batchnorm"])
        with pytest.raises(spaic.GraphError, match="back: it normalizes over all steps of a run what its own target depends on"):
            net.build()

    def test_with_parts_of_time(self):
        net = network()
        net.learner = spaic.STCA(net, alpha=1.0)
        net.set_backend(spaic.Torch_Backend(dt=1.0, checkpoint_time=2))
        with pytest.raises(spaic.UnsupportedError, match="wire: batch normalization needs all steps"):
            net.run(float(STEPS))
        net.eval()
        net.run(float(STEPS))

    @pytest.mark.parametrize("backend", ["torch", "reference"])
    def test_one_value(self, backend):
        net = network(backend, link="full")
        net.input(np.ones((1, 1, 7)))
        with pytest.raises(spaic.NumericalError, match="one value per channel"):
            net.run(1.0)

    def test_another_number_of_channels(self):
        with pytest.raises(spaic.GraphError, match=r"num_features is 5, and there are 3 channels"):
            network(num_features=5).build()

    def test_beyond_a_synapse(self):
        net = network(link="full", syn_type=("basic", "first_order", "batchnorm"))
        with pytest.raises(spaic.NetworkError, match="a synapse stands between the link and a stage that learns"):
            net.build()
