"""What an optimizer has learned outlasts edits and copies of the network, and goes to a file and back."""

import copy
import json

import numpy as np
import pytest
import torch

import spaic
from spaic.Learning.optimizer import NAMES, optimizer_named
from tests.Learning.builders import PATHS, backward, learning, moments, same, small, train, weights

SCHEDULES = {
    "StepLR": {"step_size": 2},
    "MultiStepLR": {"milestones": [2, 4]},
    "ConstantLR": {"total_iters": 3},
    "LinearLR": {},
    "ExponentialLR": {"gamma": 0.9},
    "PolynomialLR": {},
    "CosineAnnealingLR": {"T_max": 5},
    "CosineAnnealingWarmRestarts": {"T_0": 4},
    "CyclicLR": {"base_lr": 0.001, "max_lr": 0.1, "cycle_momentum": False, "step_size_up": 2},
    "OneCycleLR": {"max_lr": 0.1, "total_steps": 20},
    "SequentialLR": {"schedulers": [("LinearLR", {"total_iters": 3}), ("CosineAnnealingLR", {"T_max": 5})], "milestones": [3]},
    "ChainedScheduler": {"schedulers": [("LinearLR", {}), ("ExponentialLR", {"gamma": 0.9})]},
    "LambdaLR": {"lr_lambda": lambda step: 0.5**step},
    "MultiplicativeLR": {"lr_lambda": lambda step: 0.5},
}
FUNCTIONS = ("LambdaLR", "MultiplicativeLR")


def scheduled(name, lr=0.01):
    return spaic.Adam(lr=lr, schedule=spaic.Learning.schedule.Schedule(name, SCHEDULES[name]))


class TestEdits:
    def test_what_stays_goes_on_what_is_new_starts_fresh_what_is_gone_is_dropped(self):
        net, other = learning(), learning()
        train(net, 3), train(other, 3)
        kept = moments(net.learner, "link1.weight")
        del net.part.loop
        net.new = spaic.Connection(net.input, net.out)
        net.build()
        assert same(moments(net.learner, "link1.weight"), kept) and kept["step"] == 3 and kept["exp_avg"].any()
        assert set(net.learner.state_dict()["moments"]) == {"link1.weight", "link2.weight", "link2.bias"}
        train(net)
        assert moments(net.learner, "new.weight")["step"] == 1 and moments(net.learner, "link1.weight")["step"] == 4
        assert not moments(net.learner, "part.loop.weight")

    def test_an_edit_that_changes_nothing_for_training(self):
        net, other = learning(scheduled("CosineAnnealingLR")), learning(scheduled("CosineAnnealingLR"))
        train(net, 2), train(other, 2)
        net.watch = spaic.StateMonitor(net.out, "V")
        assert train(net, 2) == train(other, 2)
        assert same(net.learner.state_dict(), other.learner.state_dict())

    def test_another_connection_under_the_same_name_starts_fresh(self):
        net = learning()
        train(net, 3)
        net.link1 = spaic.Connection(net.input, net.part.hidden, w_mean=0.3)
        train(net)
        assert moments(net.learner, "link1.weight")["step"] == 1 and moments(net.learner, "link2.weight")["step"] == 4

    def test_a_connection_of_another_size_starts_fresh(self):
        net = learning()
        train(net, 3)
        net.replace_assembly(net.out, spaic.NeuronGroup(4, model="lif"))
        train(net)
        assert moments(net.learner, "link2.weight")["step"] == 1 and moments(net.learner, "link1.weight")["step"] == 4

    def test_a_connection_under_another_name_goes_on(self):
        net = learning()
        train(net, 3)
        wire, weight = net.link1, net.state_dict()["link1.weight"].clone()
        net._release("link1")
        net.renamed = wire
        net.build()
        assert torch.equal(net.state_dict()["renamed.weight"], weight)
        train(net)
        assert moments(net.learner, "renamed.weight")["step"] == 4

    def test_a_hidden_one_that_comes_back(self):
        net = learning()
        train(net, 2)
        net.part.loop.hide()
        train(net, 2)
        assert not moments(net.learner, "part.loop.weight")
        net.part.loop.show()
        train(net)
        assert moments(net.learner, "part.loop.weight")["step"] == 1 and moments(net.learner, "link1.weight")["step"] == 5

    def test_another_number_type(self):
        net = learning()
        train(net, 3)
        before = moments(net.learner, "link1.weight")
        net.set_backend("torch", dtype="float64")
        net.build()
        after = moments(net.learner, "link1.weight")
        assert after["exp_avg"].dtype == torch.float64 and after["step"] == 3
        assert torch.equal(after["exp_avg"].float(), before["exp_avg"])
        train(net)
        assert moments(net.learner, "link1.weight")["step"] == 4

    def test_a_time_on_a_backend_without_gradients(self):
        net, other = learning(), learning()
        train(net, 2), train(other, 2)
        net.set_backend("reference")
        net.run(5.0)
        net.set_backend("torch")
        assert moments(other.learner, "link1.weight")["step"] == 2
        net.build()
        assert same(moments(net.learner, "link1.weight"), moments(other.learner, "link1.weight"))

    def test_a_new_rate_is_taken_and_the_moments_are_kept(self):
        net = learning(spaic.Adam(lr=0.01))
        train(net, 2)
        net.optim = spaic.Adam(lr=0.5)
        net.build()
        assert net.learner.lr == 0.5 and moments(net.learner, "link1.weight")["step"] == 2

    def test_a_new_rate_of_the_same_schedule(self):
        net = learning(scheduled("StepLR", 0.01))
        train(net, 2)
        assert net.learner.lr == pytest.approx(0.001)
        net.optim = scheduled("StepLR", 0.1)
        net.build()
        assert net.learner.lr == pytest.approx(0.01) and net.learner.state_dict()["scheduler"]["last_epoch"] == 2
        train(net, 2)
        assert net.learner.lr == pytest.approx(0.001)

    def test_another_optimizer_or_schedule_starts_fresh(self):
        net = learning(scheduled("StepLR"))
        train(net, 2)
        net.optim = scheduled("ExponentialLR")
        net.build()
        assert net.learner.lr == 0.01 and moments(net.learner, "link1.weight")["step"] == 2
        net.optim = spaic.Adam(lr=0.01, amsgrad=True)
        net.build()
        assert not moments(net.learner, "link1.weight")
        train(net)
        net.optim = spaic.SGD(lr=0.01, momentum=0.9)
        net.build()
        assert not moments(net.learner, "link1.weight")
        train(net)

    def test_a_rate_that_was_set_by_hand_is_kept(self):
        net = learning()
        train(net)
        net.learner.optimizer.param_groups[0]["lr"] = 0.123
        net.watch = spaic.StateMonitor(net.out, "V")
        net.build()
        assert net.learner.lr == 0.123

    def test_a_schedule_of_the_user(self):
        net = learning()
        net.learner.set_schedule("ReduceLROnPlateau", patience=0)
        train(net)
        net.learner.optim_schedule(1.0)
        net.learner.optim_schedule(2.0)
        net.watch = spaic.StateMonitor(net.out, "V")
        net.build()
        assert net.learner.lr == pytest.approx(0.001)
        net.learner.optim_schedule(3.0)
        assert net.learner.lr == pytest.approx(0.0001)

    def test_set_optimizer_starts_fresh(self):
        net = learning()
        train(net)
        net.learner.set_optimizer("Adam", 0.1)
        assert not moments(net.learner, "link1.weight")

    @pytest.mark.parametrize("name", NAMES)
    def test_every_optimizer(self, name):
        net, other = (learning(optimizer_named(name, 0.01), dtype="float64") for _ in range(2))
        train(net, 2), train(other, 2)
        net.watch = spaic.StateMonitor(net.out, "V")
        assert train(net, 3) == train(other, 3) and same(net.learner.state_dict(), other.learner.state_dict())

    @pytest.mark.parametrize("name", SCHEDULES)
    def test_every_schedule(self, name):
        net, other = (learning(scheduled(name)) for _ in range(2))
        train(net, 2), train(other, 2)
        net.watch = spaic.StateMonitor(net.out, "V")
        assert train(net, 4) == train(other, 4) and net.learner.lr == other.learner.lr != 0.01

    def test_parameters_that_change_their_type_under_an_optimizer(self):
        parameter = torch.nn.Parameter(torch.ones(3))
        bound = spaic.Adam(lr=0.1).bind([parameter], "learner")
        for dtype in (torch.float32, torch.float64):
            parameter.data, parameter.grad = parameter.data.to(dtype), None
            parameter.sum().backward()
            bound.step()
        assert bound.moments()["0"]["exp_avg"].dtype == torch.float64 and bound.moments()["0"]["step"] == 2


class TestCopies:
    @pytest.mark.parametrize("name", SCHEDULES)
    def test_a_copy_goes_on_as_the_original(self, name):
        net = learning(scheduled(name))
        train(net, 2)
        twin = copy.deepcopy(net)
        again = copy.deepcopy(twin)
        losses = train(net, 3)
        assert train(twin, 3) == losses == train(again, 3)
        assert net.learner.lr == twin.learner.lr

    def test_a_copy_that_is_built_anew(self):
        net = learning()
        train(net, 2)
        twin = copy.deepcopy(net)
        twin.watch = spaic.StateMonitor(twin.out, "V")
        twin.load_state_dict(net.state_dict())
        assert train(net, 2) == train(twin, 2) and same(net.learner.state_dict(), twin.learner.state_dict())

    def test_gradients_of_a_copy_can_be_forgotten(self):
        net = learning()
        backward(net)
        twin = copy.deepcopy(net)
        twin.learner.optim_zero_grad()
        assert all(p.grad is None for p in twin.parameters()) and all(p.grad is not None for p in net.parameters())

    def test_a_network_merged_into_another_brings_its_optimizer(self):
        net, host = learning(spaic.RMSprop(lr=0.02)), small()
        host.merge_assembly(net)
        assert host.learner.has_optimizer
        host.input_1(np.ones((2, 8)))
        host.input(np.ones((2, 8)))
        host.run()
        host.output_1.predict.sum().backward()
        host.learner.optim_step()
        assert host.learner.state_dict()["name"] == "RMSprop"
        assert host.learner.state_dict()["groups"][0]["parameters"] == [
            "link1_1.weight", "link2_1.bias", "link2_1.weight", "part_1.loop.weight",
        ]  # fmt: skip


class TestFiles:
    def twin(self, net, optim):
        other = learning(optim)
        other.load_state_dict(net.state_dict())
        return other

    @pytest.mark.parametrize("name", NAMES)
    def test_every_optimizer_goes_on_bit_for_bit(self, name):
        made = [learning(optimizer_named(name, 0.01), dtype="float64") for _ in range(2)]
        net, other = made
        train(net, 3)
        other.load_state_dict(net.state_dict())
        other.learner.load_state_dict(net.learner.state_dict())
        assert train(net, 3) == train(other, 3)
        assert same(weights(net), weights(other)) and same(net.learner.state_dict(), other.learner.state_dict())

    @pytest.mark.parametrize("name", [name for name in SCHEDULES if name not in FUNCTIONS])
    def test_every_schedule_goes_on(self, name):
        net = learning(scheduled(name))
        train(net, 3)
        other = self.twin(net, scheduled(name))
        other.learner.load_state_dict(net.learner.state_dict())
        for _ in range(4):
            assert train(net) == train(other) and net.learner.lr == other.learner.lr

    def test_it_is_plain_data(self):
        net = learning(scheduled("SequentialLR"))
        net.learner.add_param_group(names="bias", lr=0.5)
        train(net, 3)
        state = net.learner.state_dict()

        def through_a_file(value):
            if isinstance(value, torch.Tensor):
                return value.numpy().copy()
            if isinstance(value, dict):
                assert all(isinstance(key, str) for key in value)
                return {key: through_a_file(item) for key, item in value.items()}
            if isinstance(value, (list, tuple)):
                return [through_a_file(item) for item in value]
            return json.loads(json.dumps(value))

        other = self.twin(net, scheduled("SequentialLR"))
        other.learner.add_param_group(names="bias", lr=0.5)
        other.learner.load_state_dict(through_a_file(state))
        assert same(other.learner.state_dict(), state) and train(net, 3) == train(other, 3)

    def test_a_state_is_a_copy(self):
        net = learning()
        train(net)
        state = net.learner.state_dict()
        before = copy.deepcopy(state)
        train(net)
        assert same(state, before)
        net.learner.load_state_dict(state)
        train(net)
        assert same(state, before)

    @pytest.mark.parametrize("name", FUNCTIONS)
    def test_a_schedule_with_a_function(self, name):
        net = learning(scheduled(name))
        net.build()
        with pytest.raises(spaic.UnsupportedError, match=f"learner: the schedule {name} has a Python function .*lr_lambda.*SequentialLR"):
            net.learner.state_dict()

    def test_before_a_build_and_without_an_optimizer(self):
        net = learning()
        empty = net.learner.state_dict()
        assert empty["name"] is None
        train(net)
        net.learner.load_state_dict(empty)
        assert not moments(net.learner, "link1.weight")
        bare = small(lambda net: spaic.STCA(net))
        bare.build()
        assert bare.learner.state_dict() == empty

    def test_a_hidden_learner_takes_its_state_later(self):
        net, other = learning(), learning()
        train(net, 2)
        state = net.learner.state_dict()
        other.learner.hide()
        other.build()
        other.learner.load_state_dict(state)
        assert other.learner.state_dict() == state
        other.learner.show()
        other.build()
        assert same(other.learner.state_dict(), state)

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (lambda s: s.pop("moments"), "the state has keys"),
            (lambda s: s.update(more=1), "the state has keys"),
            (lambda s: s.update(name="SGD"), "the state is of name SGD, here it is Adam"),
            (lambda s: s.update(schedule="StepLR"), "the state is of schedule StepLR, here it is None"),
            (lambda s: s["groups"][0]["parameters"].remove("link1.weight"), r"missing \['link1.weight'\], extra \[\]"),
            (lambda s: s["groups"][0]["parameters"].append("x.weight"), r"missing \[\], extra \['x.weight'\]"),
            (lambda s: s["groups"].append({"parameters": ["link1.weight"], "lr": 0.1}), "the state has the parameter groups"),
            (lambda s: s["groups"][0].update(speed=1), r"the state has options \['speed'\] that are not here"),
            (lambda s: s["moments"].update({"x.weight": {}}), r"the state has moments \['x.weight'\] that are not here"),
            (lambda s: s["moments"]["link1.weight"].update(exp_avg=torch.zeros(2, 2)), r"exp_avg of 'link1.weight' has shape \(2, 2\)"),
            (lambda s: s.update(groups=None), "another form"),
        ],
    )
    def test_a_state_of_something_else(self, change, said):
        net = learning()
        train(net)
        before, state = net.learner.state_dict(), net.learner.state_dict()
        change(state)
        with pytest.raises(spaic.StateError, match=said):
            net.learner.load_state_dict(state)
        assert same(net.learner.state_dict(), before)

    @pytest.mark.parametrize("wrong", [None, {"last_epoch": 1}])
    def test_a_schedule_of_something_else(self, wrong):
        net = learning(scheduled("StepLR"))
        train(net)
        with pytest.raises(spaic.StateError, match="the state of the schedule lacks .*'gamma'"):
            net.learner.load_state_dict({**net.learner.state_dict(), "scheduler": wrong})

    def test_paths_are_those_of_the_network(self):
        net = learning()
        train(net)
        assert net.learner.state_dict()["groups"][0]["parameters"] == PATHS
