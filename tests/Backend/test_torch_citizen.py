"""A built network is a torch citizen: parameters, state_dict, copies, optimizers, autocast, no_grad, number types, devices."""

import copy
import io
import os
import random

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

import spaic
from tests.Network.builders import LABELS, SAMPLES, layered, looped


def loss_of(net, duration=20.0):
    net.run(duration)
    return cross_entropy(net.output.predict, torch.as_tensor(LABELS))


def trained(net, optimizer, steps=3):
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of(net).backward()
        optimizer.step()


def snapshot(net):
    return {k: v.clone() for k, v in net.state_dict().items()}


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


class TestParameters:
    def test_their_names_are_paths(self):
        class Part(spaic.Assembly):
            def __init__(self):
                super().__init__()
                self.cells = spaic.NeuronGroup(3, model="plif")
                self.loop = spaic.Connection(self.cells, self.cells, link_type="sparse", bias=True)

        with spaic.Network() as net:
            part = Part()
            out = spaic.NeuronGroup(2, model="lif", tau_m=np.array([5.0, 9.0]), trainable="V_th")
            wire = spaic.Connection(part.cells, out, is_parameter=False)
            learner = spaic.SurrogateBP()
        assert out.parent is wire.parent is learner.parent is net
        named = dict(net.named_parameters())
        assert {k: tuple(p.shape) for k, p in named.items()} == {
            "part.cells.a": (), "part.loop.weight": (3, 3), "part.loop.bias": (3,), "out.V_th": (), "wire.weight": (2, 3),
        }  # fmt: skip
        assert {k for k, p in named.items() if not p.requires_grad} == {"wire.weight"}
        assert all(isinstance(p, torch.nn.Parameter) for p in net.parameters())
        assert [id(p) for p in net.parameters()] == [id(p) for p in named.values()]
        assert net.state_dict().keys() == named.keys() | {"out.tau_m"}

    def test_states_are_not_among_them(self):
        net = layered()
        keys = net.state_dict().keys()
        net.run(20.0)
        assert net.state_dict().keys() == keys == {"link1.weight", "link2.weight"}

    def test_they_stay_the_same_objects_over_runs(self):
        net = layered()
        before = list(map(id, net.parameters()))
        net.run(5.0)
        net.build()
        net.run(5.0)
        assert list(map(id, net.parameters())) == before


class TestStateDict:
    def test_loading_makes_an_equal_network(self):
        one, other = layered(code="direct"), layered(code="direct", seed=9)
        trained(one, torch.optim.SGD(one.parameters(), 0.5))
        file = io.BytesIO()
        torch.save(one.state_dict(), file)
        file.seek(0)
        result = other.load_state_dict(torch.load(file, weights_only=True))
        assert result.missing_keys == result.unexpected_keys == []
        assert equal(one.state_dict(), other.state_dict())
        for net in (one, other):
            net.run(20.0)
        assert torch.equal(one.output.predict, other.output.predict)

    def test_loading_copies_in_place_so_that_an_optimizer_goes_on(self):
        net = layered(code="direct")
        optimizer = torch.optim.SGD(net.parameters(), 0.5)
        net.load_state_dict({k: v + 0.1 for k, v in net.state_dict().items()})
        loaded = snapshot(net)
        trained(net, optimizer, 1)
        assert not equal(loaded, net.state_dict())

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (lambda state: state.pop("link1.weight"), "link1.weight"),
            (lambda state: state.update({"other.weight": torch.zeros(1)}), "other.weight"),
            (lambda state: state.update({"link2.weight": torch.zeros(2, 2)}), "link2.weight"),
        ],
    )
    def test_what_does_not_fit_is_refused_by_name(self, change, said):
        net = layered()
        state = snapshot(net)
        change(state)
        with pytest.raises(RuntimeError, match=said):
            net.load_state_dict(state)

    def test_strict_may_be_switched_off(self):
        net = layered()
        result = net.load_state_dict({"link1.weight": torch.ones(5, 6)}, strict=False)
        assert result.missing_keys == ["link2.weight"] and (net.state_dict()["link1.weight"] == 1).all()


class TestDeepcopy:
    @pytest.mark.parametrize("moment", ["declared", "built", "run", "trained"])
    def test_training_the_copy_leaves_the_original_alone(self, moment):
        net = layered(code="direct")
        net.optim = spaic.Adam(lr=0.05)
        if moment == "built":
            net.build()
        if moment in ("run", "trained"):
            net.run(20.0)
        if moment == "trained":
            loss_of(net).backward()
            net.learner.optim_step()
        twin = copy.deepcopy(net)
        before = snapshot(net)
        assert twin.hidden is not net.hidden and twin.hidden.parent is twin and equal(snapshot(twin), before)
        for _ in range(2):
            twin.learner.optim_zero_grad()
            loss_of(twin).backward()
            twin.learner.optim_step()
        assert not equal(snapshot(twin), before) and equal(snapshot(net), before)
        assert twin.learner.parent is twin

    def test_a_copy_has_not_run_yet(self):
        net = looped()
        net.run(20.0)
        twin = copy.deepcopy(net)
        with pytest.raises(spaic.StateError, match="output: there is no prediction yet"):
            twin.output.predict
        for one in (net, twin):
            one.run(20.0)
        assert torch.equal(net.output.predict, twin.output.predict) and net.output.predict.any()


class TestOptimizers:
    @pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "NAdam", "Rprop", "LBFGS"])
    def test_any_torch_optimizer(self, name):
        net = layered(code="direct")
        optimizer = getattr(torch.optim, name)(net.parameters(), lr=0.05)
        before = snapshot(net)

        def closure():
            optimizer.zero_grad()
            loss = loss_of(net)
            loss.backward()
            return loss

        optimizer.step(closure)
        after = net.state_dict()
        assert all(not torch.equal(before[k], after[k]) and after[k].isfinite().all() for k in before)

    @pytest.mark.parametrize("made", [
        lambda o: torch.optim.lr_scheduler.StepLR(o, 1, 0.5),
        lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda step: 0.5**step),
    ])  # fmt: skip
    def test_any_torch_schedule(self, made):
        net = layered(code="direct")
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        scheduler = made(optimizer)
        changes = []
        for _ in range(2):
            before = snapshot(net)
            optimizer.zero_grad()
            loss_of(net).backward()
            optimizer.step()
            scheduler.step()
            changes.append((net.state_dict()["link2.weight"] - before["link2.weight"]) / net._simulation.store.link2.weight.grad)
        found = [c[c.isfinite()].mean().item() for c in changes]
        np.testing.assert_allclose(found, [-0.1, -0.05], rtol=1e-3)

    def test_parameter_groups_by_path(self):
        net = layered(code="direct")
        named = dict(net.named_parameters())
        optimizer = torch.optim.SGD([{"params": [named["link1.weight"]], "lr": 0.0}, {"params": [named["link2.weight"]]}], lr=0.5)
        before = snapshot(net)
        trained(net, optimizer, 1)
        assert torch.equal(before["link1.weight"], net.state_dict()["link1.weight"])
        assert not torch.equal(before["link2.weight"], net.state_dict()["link2.weight"])

    def test_gradients_can_be_clipped_and_accumulated(self):
        net = layered(code="direct")
        loss_of(net).backward()
        once = [p.grad.clone() for p in net.parameters()]
        loss_of(net).backward()
        for parameter, gradient in zip(net.parameters(), once, strict=True):
            torch.testing.assert_close(parameter.grad, 2 * gradient)
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1e-3)
        assert torch.stack([p.grad.norm() for p in net.parameters()]).norm() <= 1e-3 * (1 + 1e-5)


@pytest.mark.parametrize("code", ["direct", "poisson", "latency"])
@pytest.mark.parametrize("model", ["lif", "clif", "cuba"])
class TestAutocast:
    def test_states_and_gradients_stay_float32(self, code, model):
        net, plain = (layered(code=code, model=model, decoding="max_voltage") for _ in range(2))
        net.voltage = spaic.StateMonitor(net.out, "V")
        net.current, plain.current = (spaic.StateMonitor(n.link1, "current") for n in (net, plain))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            net.run(20.0)
            loss = net.output.predict.sum()
        assert {a.dtype for a in net._simulation.state.arrays.values()} == {torch.float32}
        assert net.voltage.values.dtype == np.float32 and net.output.predict.dtype == torch.float32
        loss.backward()
        assert all(p.grad.dtype == torch.float32 and p.grad.isfinite().all() for p in net.parameters())
        plain.run(20.0)
        received, exact = net.current.values, plain.current.values  # later layers may differ by a spike
        assert np.abs(received - exact).max() < 2**-7 * np.abs(exact).max()  # bfloat16 has 8 bits


class TestNoGrad:
    def test_the_prediction_has_no_gradient_and_the_same_value(self):
        net, other = layered(), layered()
        with torch.no_grad():
            net.run(20.0)
        other.run(20.0)
        assert not net.output.predict.requires_grad and other.output.predict.requires_grad
        assert torch.equal(net.output.predict, other.output.predict.detach()) and net.output.predict.any()
        assert all(a.grad_fn is None for a in net._simulation.state.arrays.values())

    def test_inference_mode(self):
        net, other = layered(), layered()
        with torch.inference_mode():
            net.run(20.0)
        other.run(20.0)
        assert torch.equal(net.output.predict, other.output.predict)

    def test_training_goes_on_after_it(self):
        net = layered(code="direct")
        with torch.no_grad():
            net.run(20.0)
        loss_of(net).backward()
        assert all(p.grad is not None for p in net.parameters())

    def test_a_network_without_a_learner_needs_no_gradient(self):
        net = layered(learns=False)
        net.run(20.0)
        assert not net.output.predict.requires_grad and not any(p.requires_grad for p in net.parameters())


class TestNumberTypes:
    @pytest.mark.parametrize("given", ["float64", torch.float64, np.dtype("float64")])
    def test_float64_everywhere(self, given):
        net = layered(dtype=given, decoding="final_voltage")
        net.voltage = spaic.StateMonitor(net.out, "V")
        net.run(20.0)
        assert net.output.predict.dtype == torch.float64 and net.voltage.values.dtype == np.float64
        assert all(p.dtype == torch.float64 for p in net.parameters())
        assert {a.dtype for a in net._simulation.state.arrays.values()} == {torch.float64}

    def test_float32_is_close_to_float64(self):
        single, double = layered(code="direct", decoding="max_voltage"), layered("float64", code="direct", decoding="max_voltage")
        for net in (single, double):
            net.run(20.0)
        torch.testing.assert_close(single.output.predict.double(), double.output.predict, rtol=1e-5, atol=1e-6)

    def test_the_default_type_of_torch_does_not_matter(self):
        net, other = looped("float32"), looped("float32")
        net.run(20.0)
        torch.set_default_dtype(torch.float64)
        try:
            other.run(20.0)
        finally:
            torch.set_default_dtype(torch.float32)
        assert torch.equal(net.output.predict, other.output.predict) and other.output.predict.dtype == torch.float32


class TestDevices:
    def test_to_keeps_parameters_and_optimizer(self):
        net = layered(code="direct")
        optimizer = torch.optim.SGD(net.parameters(), 0.5)
        before = list(map(id, net.parameters()))
        assert net.to("cpu") is net
        assert list(map(id, net.parameters())) == before
        old = snapshot(net)
        trained(net, optimizer, 1)
        assert not equal(old, net.state_dict())

    def test_an_unknown_device(self):
        net = layered()
        with pytest.raises(spaic.DeclarationError, match="unknown device 'tpu'"):
            net.to("tpu")
        net.run(5.0)

    @pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA")
    def test_cuda_that_is_not_there(self):
        with pytest.raises(spaic.DeclarationError, match="'cuda' is not available, torch sees no CUDA here; use 'cpu'"):
            spaic.Torch_Backend("cuda")


class TestGlobalState:
    def test_nothing_global_changes(self):
        states = (torch.get_rng_state(), np.random.get_state(), random.getstate())
        surroundings = (os.getcwd(), torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads(), np.geterr())
        net = looped(learns=True)
        net.optim = spaic.Adam(lr=0.01)
        loader = spaic.Dataloader(spaic.CustomDataset(SAMPLES, LABELS), batch_size=2, shuffle=True)
        net.fit(loader, epochs=1, run_time=20.0, progress=False)
        net.evaluate(loader, run_time=20.0)
        net.run_continue(5.0)
        assert torch.equal(torch.get_rng_state(), states[0]) and random.getstate() == states[2]
        assert all(np.array_equal(a, b) for a, b in zip(np.random.get_state(), states[1], strict=True))
        assert (os.getcwd(), torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads(), np.geterr()) == surroundings

    def test_global_seeds_do_not_matter(self):
        found = []
        for seed in (0, 1):
            torch.manual_seed(seed)
            np.random.seed(seed)
            random.seed(seed)
            net = looped(learns=True)
            trained(net, torch.optim.SGD(net.parameters(), 0.1), 2)
            found.append((snapshot(net), net.output.predict))
        assert equal(found[0][0], found[1][0]) and torch.equal(found[0][1], found[1][1])
