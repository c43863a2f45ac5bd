"""Several learners in one network: who trains what, with which optimizer and surrogate."""

import copy

import pytest
import torch

import spaic
from spaic.Learning import Learners
from tests.Learning.builders import PATHS, backward, changed, learning, small, train, weights


def trained(net):
    net.build()
    return {learner.path: learner.state_dict()["groups"][0]["parameters"] for learner in Learners(net)}


SGD = {"optimizer": spaic.SGD(lr=0.005)}


class TestWhoTrainsWhat:
    def test_what_is_listed_wins_over_the_network(self):
        net = small(lambda net: spaic.STCA(net, **SGD), lambda net: spaic.STBP(net.link2, **SGD))
        assert trained(net) == {"learner1": ["link1.weight", "part.loop.weight"], "learner2": ["link2.bias", "link2.weight"]}

    def test_an_inner_assembly_wins_over_an_outer_one(self):
        net = small(lambda net: spaic.STCA(**SGD), lambda net: spaic.STCA(net.part, **SGD))
        assert trained(net) == {"learner1": ["link1.weight", "link2.bias", "link2.weight"], "learner2": ["part.loop.weight"]}

    def test_a_learner_in_an_assembly_means_the_assembly(self):
        net = small(lambda net: spaic.STCA(**SGD))
        net.part.own = spaic.STCA(**SGD)
        assert trained(net) == {"learner": ["link1.weight", "link2.bias", "link2.weight"], "part.own": ["part.loop.weight"]}

    def test_a_learner_in_an_assembly_may_train_something_else(self):
        net = small(lambda net: spaic.STCA(**SGD))
        net.part.own = spaic.STCA(net.link1, **SGD)
        assert trained(net)["part.own"] == ["link1.weight"]

    def test_a_network_inside_a_network(self):
        net = spaic.Network()
        net.inner = spaic.Network()
        net.inner.cells, net.source = spaic.NeuronGroup(4, model="lif"), spaic.Encoder(num=8, coding_method="direct")
        net.inner.loop = spaic.Connection(net.inner.cells, net.inner.cells)
        net.wire = spaic.Connection(net.source, net.inner.cells)
        net.inner.own, net.outer = spaic.STCA(**SGD), spaic.STBP(**SGD)
        net.set_backend("torch", dt=1.0)
        assert trained(net) == {"inner.own": ["inner.loop.weight"], "outer": ["wire.weight"]}

    @pytest.mark.parametrize(
        ("first", "second", "parameter"),
        [
            (lambda net: None, lambda net: None, "link1.weight"),
            (lambda net: net, lambda net: None, "link1.weight"),
            (lambda net: [net.link1, net.link2], lambda net: net.link2, "link2.weight"),
            (lambda net: net.part, lambda net: [net.link1, net.part], "part.loop.weight"),
        ],
        ids=["two of everything", "said and unsaid", "listed twice", "an assembly twice"],
    )
    def test_a_tie_names_both_learners_and_the_parameter(self, first, second, parameter):
        net = small(lambda net: spaic.STCA(first(net), **SGD), lambda net: spaic.STBP(second(net), **SGD))
        with pytest.raises(spaic.NetworkError, match=f"{parameter}: it is trained by 'learner1' and 'learner2', .*list it in one of them"):
            net.build()
        del net.learner2
        net.build()

    def test_a_learner_to_which_others_leave_nothing(self):
        net = small(lambda net: spaic.STCA(**SGD), lambda net: spaic.STCA([net.link1, net.link2, net.part], **SGD))
        with pytest.raises(spaic.NetworkError, match="learner1: all of the network is trained by learner2, .*remove one of the learners"):
            net.build()

    @pytest.mark.parametrize("reverse", [False, True])
    def test_a_later_learner_switches_off_nothing(self, reverse):
        makers = [("early", lambda net: spaic.STCA(net.link1, **SGD)), ("late", lambda net: spaic.STCA([net.link2, net.part], **SGD))]
        net = small()
        for name, make in reversed(makers) if reverse else makers:
            setattr(net, name, make(net))
        before = weights(net)
        backward(net)
        assert all(p.requires_grad for p in net.parameters())
        net.early.optim_step()
        assert changed(net, before) == {"link1.weight"}
        net.late.optim_step()
        assert changed(net, before) == set(PATHS)

    def test_a_parameter_that_goes_over_to_another_learner_starts_anew(self):
        net = small(lambda net: spaic.STCA(net, optimizer=spaic.Adam(lr=0.01)))
        train(net, 2)
        net.other = spaic.STCA(net.link2, optimizer=spaic.Adam(lr=0.01))
        train(net)
        assert net.learner.state_dict()["moments"]["link1.weight"]["step"] == 3
        assert net.other.state_dict()["moments"]["link2.weight"]["step"] == 1
        assert "link2.weight" not in net.learner.state_dict()["moments"]


class TestSurrogates:
    def on(self, net):
        return {p.name: p.surrogate and p.surrogate.name for p in net.graph.populations}

    def test_groups_that_are_named(self):
        net = small(lambda net: spaic.STCA(net), lambda net: spaic.STBP([net.link2, net.out]))
        assert self.on(net) == {"part.hidden": "rectangular", "out": "gaussian"}

    @pytest.mark.parametrize("names", [("a", "b"), ("b", "a")])
    def test_groups_that_nobody_names_get_that_of_the_nearest_learner_upstream(self, names):
        net = small()
        setattr(net, names[0], spaic.STCA(net.link1))
        setattr(net, names[1], spaic.STBP(net.link2))
        assert self.on(net) == {"part.hidden": "rectangular", "out": "gaussian"}

    def test_a_learner_names_a_group_but_does_not_reach_it(self):
        net = small(lambda net: spaic.STCA(net.link1), lambda net: spaic.STBP([net.link2, net.part.hidden]))
        assert self.on(net) == {"part.hidden": "rectangular", "out": "gaussian"}

    def test_two_learners_name_a_group_equally_closely(self):
        net = small(lambda net: spaic.STCA([net.link1, net.out]), lambda net: spaic.STBP([net.link2, net.out]))
        with pytest.raises(spaic.NetworkError, match="out: 'learner1' and 'learner2' name it equally closely and have different surr"):
            net.build()
        del net.learner2
        net.learner2 = spaic.STCA([net.link2, net.out])
        assert self.on(net)["out"] == "rectangular"

    def test_the_gradient_of_one_passes_through_the_groups_of_the_other(self):
        net = small(lambda net: spaic.STCA(net.link1, **SGD), lambda net: spaic.STBP([net.link2, net.out], **SGD))
        backward(net)
        assert dict(net.named_parameters())["link1.weight"].grad.any()

    def test_alpha_can_be_changed(self):
        net = learning()
        assert net.learner.alpha == 0.5
        net.learner.alpha = 0.7
        assert net.graph.populations[0].surrogate.values == {"alpha": 0.7}
        with pytest.raises(spaic.DeclarationError, match="alpha.*-1"):
            net.learner.alpha = -1.0


class TestOptimizers:
    def names(self, net):
        net.build()
        return {learner.path: (learner.state_dict()["name"], learner.lr) for learner in Learners(net)}

    def test_the_one_of_the_nearest_assembly(self):
        net = small(lambda net: spaic.STCA(net))
        net.part.own = spaic.STCA()
        net.optim, net.part.optim = spaic.Adam(lr=0.1), spaic.SGD(lr=0.2)
        assert self.names(net) == {"learner": ("Adam", 0.1), "part.own": ("SGD", 0.2)}
        del net.part.optim
        assert self.names(net) == {"learner": ("Adam", 0.1), "part.own": ("Adam", 0.1)}

    def test_a_learner_with_its_own(self):
        net = small(lambda net: spaic.STCA(net, alpha=0.5, optimizer=spaic.RMSprop(lr=0.3)), lambda net: spaic.STCA(net.link2))
        net.optim = spaic.SGD(lr=0.2)
        assert self.names(net) == {"learner1": ("RMSprop", 0.3), "learner2": ("SGD", 0.2)}
        net.learner2.set_optimizer(spaic.NAdam(lr=0.4))
        assert self.names(net)["learner2"] == ("NAdam", 0.4)
        net.learner2.set_optimizer("adagrad", 0.5)
        assert self.names(net)["learner2"] == ("Adagrad", 0.5)

    def test_in_a_block_it_is_the_learner_s_alone(self):
        with spaic.Network() as net:
            source, cells = spaic.Encoder(num=8, coding_method="direct"), spaic.NeuronGroup(3, model="lif")
            wire, loop = spaic.Connection(source, cells), spaic.Connection(cells, cells)
            first = spaic.STCA(wire, optimizer=spaic.Adam(lr=0.1))
            second = spaic.STCA(loop)
            third = spaic.Learner(loop, algorithm="stbp")
            third.set_optimizer("SGD", 0.1)
        del net.third
        assert net.attachments(spaic.Learning.optimizer.Optimizer) == []
        assert first.has_optimizer and not second.has_optimizer

    def test_two_of_one_assembly(self):
        net = small(lambda net: spaic.STCA(net, **SGD))
        net.part.own = spaic.STCA()
        net.part.one, net.part.two = spaic.Adam(lr=0.1), spaic.SGD(lr=0.1)
        message = "part.own: part has 2 optimizers; call set_optimizer on each learner instead, or give it optimizer="
        with pytest.raises(spaic.NetworkError, match=message):
            net.build()
        del net.part.two
        net.build()

    @pytest.mark.parametrize("wrong", [torch.optim.Adam, 0.1])
    def test_what_is_no_optimizer(self, wrong):
        with pytest.raises(spaic.DeclarationError, match=r"STCA: optimizer is .*; give a declaration such as spaic.Adam\(lr=0.01\)"):
            spaic.STCA(optimizer=wrong)

    def test_a_declared_one_with_more_options(self):
        with pytest.raises(spaic.DeclarationError, match="Adam is declared already; give lr and options there"):
            spaic.STCA().set_optimizer(spaic.Adam(lr=0.1), 0.2)

    def test_all_learners_step_or_none(self):
        net = small(lambda net: spaic.STCA(net.link1, **SGD), lambda net: spaic.STCA([net.link2, net.part], **SGD))
        before = weights(net)
        backward(net)
        dict(net.named_parameters())["link2.bias"].grad[0] = float("nan")
        with pytest.raises(spaic.NumericalError, match="link2.bias: its gradient holds NaN"):
            Learners(net).optim_step()
        assert not changed(net, before)
        backward(net)
        Learners(net).optim_step()
        assert changed(net, before) == set(PATHS)

    def test_schedules_of_all(self):
        net = small(lambda net: spaic.STCA(net.link1, **SGD), lambda net: spaic.STCA([net.link2, net.part], **SGD))
        net.learner1.set_schedule("ExponentialLR", 0.5)
        train(net)
        Learners(net).optim_schedule()
        assert Learners(net).lr == {"learner1": 0.0025, "learner2": 0.005}

    def test_a_network_without_learners(self):
        with pytest.raises(spaic.NetworkError, match="the network has no learner; assign one"):
            Learners(small())

    def test_a_copy_trains_on_its_own(self):
        net = small(lambda net: spaic.STCA(net.link1, **SGD), lambda net: spaic.STCA([net.link2, net.part], **SGD))
        train(net)
        twin = copy.deepcopy(net)
        before = weights(net)
        assert train(twin, 2) == train(copy.deepcopy(net), 2)
        assert not changed(net, before) and changed(twin, before) == set(PATHS)


class TestFreezing:
    def test_some_are_frozen(self):
        net = learning()
        net.part.requires_grad = net.link1.requires_grad = False
        before = weights(net)
        train(net, 2)
        assert changed(net, before) == {"link2.weight", "link2.bias"}
        net.link1.requires_grad = True
        train(net)
        assert changed(net, before) == {"link1.weight", "link2.weight", "link2.bias"}

    def test_all_are_frozen(self):
        net = learning()
        train(net)
        net.requires_grad = False
        with pytest.raises(spaic.StateError, match="learner: all that it trains is frozen; set requires_grad = True on"):
            net.learner.optim_step()
        net.requires_grad = True
        train(net)

    def test_a_step_without_gradients_changes_nothing(self):
        net = learning()
        before = weights(net)
        net.learner.optim_step()
        assert not changed(net, before) and net.learner.gradient_norm == 0.0

    def test_a_frozen_learner_stands_aside(self):
        net = small(lambda net: spaic.STCA(net.link1, **SGD), lambda net: spaic.STCA([net.link2, net.part], **SGD))
        net.link1.requires_grad = False
        before = weights(net)
        train(net)
        assert changed(net, before) == set(PATHS) - {"link1.weight"}
        net.requires_grad = False
        with pytest.raises(spaic.StateError, match="learner1: all that it trains is frozen"):
            Learners(net).optim_step()

    def test_moments_outlast_a_frozen_time(self):
        net = learning()
        train(net, 2)
        net.link1.requires_grad = False
        train(net, 2)
        net.link1.requires_grad = True
        train(net)
        found = net.learner.state_dict()["moments"]
        assert found["link1.weight"]["step"] == 3 and found["link2.weight"]["step"] == 5

    def test_bounds_hold_after_each_step(self):
        net = small()
        net.link1 = spaic.Connection(net.input, net.part.hidden, w_min=0.0, w_max=0.4, w_mean=0.2, w_std=0.1)
        net.learner = spaic.STCA(net, optimizer=spaic.SGD(lr=50.0))
        for _ in range(3):
            train(net)
            weight = net.state_dict()["link1.weight"]
            assert weight.min() >= 0.0 and weight.max() <= 0.4
        assert (weight == 0.0).any() or (weight == 0.4).any()
