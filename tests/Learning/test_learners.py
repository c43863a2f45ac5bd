"""What learners train and how: parts, surrogates, the gradient of the reset, optimizers, the ready loop."""

import warnings

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, mse_loss, one_hot

import spaic
from spaic.registry import learners, surrogates
from tests.Network.builders import LABELS, SAMPLES, WEIGHTS


class Net(spaic.Network):
    """Input, an assembly with two groups, and an output group; nothing learns yet."""

    def __init__(self, model="lif"):
        super().__init__()
        self.input = spaic.Encoder(num=6, coding_method="direct")
        self.part = spaic.Assembly()
        self.part.first = spaic.NeuronGroup(5, model="plif")
        self.part.second = spaic.NeuronGroup(4, model=model, tau_m=10.0, trainable=["tau_m"])
        self.part.within = spaic.Connection(self.part.first, self.part.second, **WEIGHTS)
        self.out = spaic.NeuronGroup(3, model=model)
        self.into = spaic.Connection(self.input, self.part.first, w_mean=0.6, w_std=0.3)
        self.last = spaic.Connection(self.part.second, self.out, bias=True, **WEIGHTS)
        self.fixed = spaic.Connection(self.part.second, self.out, is_parameter=False, **WEIGHTS)
        self.output = spaic.Decoder(dec_target=self.out)
        self.set_backend("torch", dt=1.0)
        self.input(SAMPLES)


ALL = {"into.weight", "part.within.weight", "last.weight", "last.bias", "part.first.a", "part.second.tau_m"}


def step(net, duration=30.0):
    net.run(duration)
    loss = cross_entropy(net.output.predict, torch.as_tensor(LABELS))
    net.learner.optim_zero_grad()
    loss.backward()
    net.learner.optim_step()
    return loss.item()


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (lambda net: None, ALL),
        (lambda net: net, ALL),
        (lambda net: net.part, {"part.within.weight", "part.first.a", "part.second.tau_m"}),
        (lambda net: net.last, {"last.weight", "last.bias"}),
        (lambda net: net.part.first, {"part.first.a"}),
        (lambda net: net.part.second, {"part.second.tau_m"}),
        (lambda net: [net.into, net.part.first], {"into.weight", "part.first.a"}),
        (lambda net: (net.part, net.last), ALL - {"into.weight"}),
    ],
    ids=["nothing said", "network", "assembly", "connection", "plif", "tau_m", "list", "tuple"],
)
def test_what_is_listed_changes_and_nothing_else(chosen, expected):
    net = Net()
    net.learner = spaic.SurrogateBP(chosen(net))
    net.optim = spaic.SGD(lr=0.1)
    net.build()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    step(net)
    assert {k for k, p in net.named_parameters() if p.requires_grad} == expected
    assert {k for k, v in net.state_dict().items() if not torch.equal(v, before[k])} == expected
    assert [p.shape for p in net.learner.parameters()] == [dict(net.named_parameters())[k].shape for k in sorted(expected)]


def test_a_trainable_parameter_per_neuron():
    net = Net()
    net.part.second = spaic.NeuronGroup(4, model="lif", tau_m=np.array([5.0, 10.0, 15.0, 20.0]), trainable="TAU_M")
    net.part.within.post = net.last.pre = net.fixed.pre = net.part.second
    net.learner = spaic.SurrogateBP(net.part.second)
    net.optim = spaic.SGD(lr=1.0)
    net.build()
    before = net.state_dict()["part.second.tau_m"].clone()
    step(net)
    assert before.shape == (4,) and (net.state_dict()["part.second.tau_m"] != before).all()


class TestSurrogates:
    def on(self, net):
        return {p.name: (p.surrogate.name if p.surrogate else None) for p in net.graph.populations}

    def test_everything_downstream_has_one(self):
        net = Net()
        net.learner = spaic.STBP(0.5, net.into)
        assert self.on(net) == {"part.first": "gaussian", "part.second": "gaussian", "out": "gaussian"}
        net.learner = spaic.STBP(0.5, net.part.second)
        assert self.on(net) == {"part.first": None, "part.second": "gaussian", "out": "gaussian"}
        net.learner = spaic.STBP(0.5, net.last)
        assert self.on(net) == {"part.first": None, "part.second": None, "out": "gaussian"}

    def test_the_way_back_in_a_loop_is_downstream(self):
        net = Net()
        net.back = spaic.Connection(net.out, net.part.first)
        net.learner = spaic.STBP(0.5, net.last)
        assert set(self.on(net).values()) == {"gaussian"}

    @pytest.mark.parametrize("reverse", [False, True])
    def test_two_learners_share_a_network(self, reverse):
        net = Net()
        made = {"first": lambda: spaic.STCA(0.5, [net.into, net.part.first]), "second": lambda: spaic.STBP(0.5, [net.last, net.out])}
        for name in sorted(made, reverse=reverse):
            setattr(net, name, made[name]())
        assert self.on(net)["part.first"] == "rectangular" and self.on(net)["out"] == "gaussian"
        net.first.set_optimizer("SGD", 0.1)
        net.second.set_optimizer("Adam", 0.1)
        net.run(30.0)
        net.output.predict.sum().backward()
        before = {k: v.clone() for k, v in net.state_dict().items()}
        net.second.optim_step()
        changed = {k for k, v in net.state_dict().items() if not torch.equal(v, before[k])}
        assert changed == {"last.weight", "last.bias"}
        net.first.optim_step()
        changed = {k for k, v in net.state_dict().items() if not torch.equal(v, before[k])}
        assert changed == {"last.weight", "last.bias", "into.weight", "part.first.a"}

    @pytest.mark.parametrize("name", sorted(surrogates))
    def test_every_registered_surrogate_trains(self, name):
        class Tiny(spaic.Network):
            def __init__(self):
                super().__init__()
                self.input = spaic.Encoder(num=6, coding_method="direct")
                self.hidden = spaic.NeuronGroup(12, model="lif", tau_m=5.0)
                self.out = spaic.NeuronGroup(3, model="lif", tau_m=5.0)
                self.link1 = spaic.Connection(self.input, self.hidden, w_mean=0.2, w_std=0.3)
                self.link2 = spaic.Connection(self.hidden, self.out, w_mean=0.1, w_std=0.3)
                self.output = spaic.Decoder(dec_target=self.out, coding_method="spike_rate")
                self.learner = spaic.SurrogateBP(self, name)
                self.optim = spaic.Adam(lr=0.01)

        net = Tiny()
        net.set_backend_dt(1.0)
        net.input(np.kron(np.eye(3), np.ones((1, 2))))  # three patterns without overlap
        losses = []
        for _ in range(60):
            net.run(10.0)
            loss = mse_loss(net.output.predict, 0.6 * torch.eye(3))
            net.learner.optim_zero_grad()
            loss.backward()
            net.learner.optim_step()
            losses.append(loss.item())
        assert np.mean(losses[-5:]) < 0.5 * losses[0]

    def test_there_are_at_least_ten(self):
        assert len(surrogates) >= 10

    def test_parameters_of_a_surrogate_and_one_of_your_own(self):
        x = spaic.SurrogateBP(None, "atan", alpha=3.0).surrogate
        assert x.name == "atan" and x.values == {"alpha": 3.0}
        own = spaic.Surrogate("own", "1 / (1 + abs(x))", {})
        net = Net()
        net.learner = spaic.SurrogateBP(net, own)
        net.optim = spaic.Adam(lr=0.02)
        step(net)
        assert set(self.on(net).values()) == {"own"} and all(p.grad is not None for p in net.learner.parameters())


@pytest.mark.parametrize("reset", ["V = V_reset", "V -= V_th"])
def test_the_reset_may_carry_gradient_or_not(reset):
    """One neuron, two steps: the derivative of the second spike with and without the way through the reset, by hand."""

    def gradient(reset_gradient):
        with spaic.Network() as net:
            input = spaic.Encoder(num=1, coding_method="direct")
            cell = spaic.NeuronGroup(1, model="if", reset=reset)
            wire = spaic.Connection(input, cell, weight=np.array([[1.2]]))
            output = spaic.Decoder(dec_target=cell, coding_method="final_voltage")
            learner = spaic.SurrogateBP(surrogate="straight_through", reset_gradient=reset_gradient)
        assert wire.parent is output.parent is learner.parent is net
        net.set_backend("torch", dt=1.0, dtype="float64")
        net.input(np.ones((1, 1)))
        net.run(2.0)
        net.output.predict.sum().backward()
        return net.output.predict.item(), dict(net.named_parameters())["wire.weight"].grad.item()

    (value, with_it), (same, without) = gradient(True), gradient(False)
    # V1 = w spikes; V2 = w + [ (1 - O) V1 + O V_reset  or  V1 - O V_th ], dO/dw = 1
    w = 1.2
    if reset == "V -= V_th":
        assert value == same == pytest.approx(2 * w - 1) and (with_it, without) == pytest.approx((1.0, 2.0))
    else:
        assert value == same == pytest.approx(w) and (with_it, without) == pytest.approx((1.0 - w, 1.0))


class TestChoiceByName:
    @pytest.mark.parametrize(("algorithm", "kind"), [("STCA", spaic.STCA), ("stbp", spaic.STBP), ("SBP", spaic.SurrogateBP)])
    def test_learner_makes_the_one_that_is_named(self, algorithm, kind):
        net = Net()
        net.learner = spaic.Learner(trainable=net.last, algorithm=algorithm)
        assert type(net.learner) is kind
        net.learner.set_optimizer("SGD", 0.1)
        step(net)
        assert {k for k, p in net.named_parameters() if p.requires_grad} == {"last.weight", "last.bias"}

    def test_options_reach_it(self):
        made = spaic.Learner(algorithm="STCA", alpha=0.7)
        assert made.surrogate.values == {"alpha": 0.7}

    def test_unknown_or_no_algorithm(self):
        with pytest.raises(spaic.UnknownName, match="unknown learning algorithm 'STCB'; did you mean 'stca'"):
            spaic.Learner(algorithm="STCB")
        with pytest.raises(spaic.DeclarationError, match="no algorithm is given; choose one of: .*stbp"):
            spaic.Learner()

    @pytest.mark.parametrize("kind", [spaic.STCA, spaic.STBP])
    def test_alpha_and_what_is_trained_in_any_order(self, kind):
        net = Net()
        made = [kind(0.7, net), kind(net, 0.7), kind(net, alpha=0.7), kind(trainable=net, alpha=0.7), kind(0.7, trainable=net)]
        for learner in made:
            assert learner.trainable == (net,) and list(learner.surrogate.values.values()) == [0.7]
        with pytest.raises(spaic.DeclarationError, match="what is trained is given twice"):
            kind(net, net.part)
        with pytest.raises(spaic.DeclarationError, match="3 positional arguments"):
            kind(net, 0.5, 1)

    def test_every_registered_learner_is_a_class(self):
        assert {"stca", "stbp", "sbp"} <= set(learners) and all(issubclass(learners[n], spaic.Learner) for n in learners)


class TestMistakes:
    def test_nothing_to_train(self):
        net = Net()
        net.learner = spaic.STCA(0.5, [net.fixed, net.out])
        with pytest.raises(spaic.NetworkError, match="learner: nothing in .*fixed.*out.* can be trained; name connections, or groups"):
            net.build()
        net.learner = spaic.STCA(0.5, net.last)
        net.run(5.0)

    @pytest.mark.parametrize("wrong", [3, "layer", [None]])
    def test_what_is_no_part_of_a_network(self, wrong):
        with pytest.raises(spaic.DeclarationError, match="is not a part of a network; give a network, assembly, group, connection or"):
            spaic.SurrogateBP(wrong)

    def test_a_part_of_another_network(self):
        net, other = Net(), Net()
        net.learner = spaic.STCA(0.5, [net.last, other.into])
        with pytest.raises(spaic.SpaicError, match="into"):
            net.build()

    def test_an_unknown_surrogate_or_parameter_of_it(self):
        with pytest.raises(spaic.UnknownName, match="unknown surrogate gradient 'atann'; did you mean 'atan'"):
            spaic.SurrogateBP(None, "atann")
        with pytest.raises(spaic.DeclarationError, match="'alhpa'.*did you mean 'alpha'"):
            spaic.SurrogateBP(None, "atan", alhpa=1.0)
        with pytest.raises(spaic.DeclarationError, match="alpha.*-1"):
            spaic.STCA(-1.0)
        with pytest.raises(spaic.DeclarationError, match="a surrogate is a name or a Surrogate, got 3"):
            spaic.SurrogateBP(None, 3)

    def test_steps_without_an_optimizer(self):
        net = Net()
        net.learner = spaic.STCA(0.5, net)
        for call in (net.learner.optim_step, net.learner.optim_schedule):
            with pytest.raises(spaic.StateError, match=r"learner: .*call net.build\(\) or net.run\(T\)"):
                call()
        net.run(5.0)
        for call in (net.learner.optim_step, net.learner.optim_schedule):
            with pytest.raises(spaic.StateError, match=r"learner: .*no optimizer yet; .*net.optim = spaic.Adam\(lr=...\)"):
                call()
        net.output.predict.sum().backward()
        net.learner.optim_zero_grad()
        assert all(p.grad is None for p in net.parameters())
        net.learner.set_optimizer("Adam", 0.01)
        step(net)

    def test_two_optimizers_of_one_network(self):
        net = Net()
        net.learner = spaic.STCA(0.5, net)
        net.one, net.two = spaic.Adam(lr=0.1), spaic.SGD(lr=0.1)
        with pytest.raises(spaic.NetworkError, match="the network has 2 optimizers; call set_optimizer on each learner"):
            net.build()

    def test_a_second_backward_of_the_same_prediction(self):
        net = Net()
        net.learner = spaic.STCA(0.5, net)
        net.run(30.0)
        net.output.predict.sum().backward()
        with pytest.raises(spaic.StateError, match=r"output: a second backward pass .* call net.run\(T\) again first, or pass retain"):
            net.output.predict.sum().backward()
        net.run(30.0)
        net.output.predict.sum().backward()

    def test_a_second_backward_of_the_same_loss(self):
        net = Net()
        net.learner = spaic.STCA(0.5, net)
        net.run(30.0)
        loss = cross_entropy(net.output.predict, torch.as_tensor(LABELS))
        loss.backward()
        with pytest.raises(RuntimeError, match="a second time"):  # the loss is the user's: torch answers before the network is reached
            loss.backward()

    def test_a_retained_graph_may_be_used_twice(self):
        net = Net()
        net.learner = spaic.SurrogateBP(net)
        net.run(30.0)
        net.output.predict.sum().backward(retain_graph=True)
        once = [p.grad.clone() for p in net.learner.parameters()]
        net.output.predict.sum().backward()
        for parameter, gradient in zip(net.learner.parameters(), once, strict=True):
            torch.testing.assert_close(parameter.grad, 2 * gradient)


class TestSchedules:
    def test_one_that_counts_optimizer_steps(self):
        net = Net()
        net.learner = spaic.STCA(0.5, net)
        net.optim = spaic.SGD(lr=0.4, schedule="StepLR", maxstep=2, gamma=0.5)
        rates = []
        for _ in range(5):
            step(net)
            rates.append(net.learner.optimizer.param_groups[0]["lr"])
        assert rates == [0.4, 0.2, 0.2, 0.1, 0.1]

    def test_one_that_the_user_advances(self):
        net = Net()
        net.learner = spaic.STCA(0.5, net)
        net.learner.set_optimizer("SGD", 0.4)
        net.learner.set_schedule("ExponentialLR", 0.5)
        step(net)
        step(net)
        assert net.learner.optimizer.param_groups[0]["lr"] == 0.4
        net.learner.optim_schedule()
        assert net.learner.optimizer.param_groups[0]["lr"] == 0.2


class TestReadyLoop:
    @staticmethod
    def net():
        class Digits(spaic.Network):
            def __init__(self):
                super().__init__()
                self.input = spaic.Encoder(num=64, coding_method="poisson")
                self.hidden = spaic.NeuronGroup(60, model="clif")
                self.out = spaic.NeuronGroup(10, model="clif")
                self.link1 = spaic.Connection(self.input, self.hidden)
                self.link2 = spaic.Connection(self.hidden, self.out)
                self.output = spaic.Decoder(dec_target=self.out)
                self.learner = spaic.STCA(0.5, self)
                self.optim = spaic.Adam(lr=0.01)

        net = Digits()
        net.set_backend_dt(1.0)
        net.set_runtime(20.0)
        return net

    def test_four_epochs_of_digits(self):
        net = self.net()
        train = spaic.Dataloader(spaic.Digits(is_train=True), batch_size=50, shuffle=True)
        test = spaic.Dataloader(spaic.Digits(is_train=False), batch_size=120)
        untrained = net.evaluate(test)
        history = net.fit(train, epochs=4, test=test, progress=False)
        assert untrained < 0.2 and history.test_accuracy[-1] > 0.85
        assert len(history.loss) == len(history.accuracy) == len(history.test_accuracy) == 4
        assert history.loss[1] < history.loss[0] and history.accuracy[1] > history.accuracy[0]
        predicted, true = spaic.predict(net, test)
        assert predicted.shape == true.shape == (360,) and true.tolist() == spaic.Digits(is_train=False).label.tolist()
        assert (predicted == true).double().mean() == pytest.approx(history.test_accuracy[-1], abs=0.05)
        assert not net.output.predict.requires_grad

    def test_torch_loaders_and_a_loss_of_your_own(self):
        net = self.net()
        loader = torch.utils.data.DataLoader(spaic.Digits(is_train=True), batch_size=100, shuffle=False)
        seen = []

        def loss(prediction, label):
            seen.append((prediction.shape, label.shape))
            return mse_loss(prediction, one_hot(label, 10).float())

        history = spaic.fit(net, loader, epochs=1, run_time=5.0, loss=loss, progress=False)
        assert len(seen) == 15 and seen[0] == ((100, 10), (100,)) and history.test_accuracy == []

    def test_evaluate_changes_nothing(self):
        net = self.net()
        test = spaic.Dataloader(spaic.Digits(is_train=False), batch_size=120)
        net.build()
        before = {k: v.clone() for k, v in net.state_dict().items()}
        net.evaluate(test, run_time=5.0)
        assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items()) and all(p.grad is None for p in net.parameters())

    @pytest.mark.parametrize("call", ["fit", "evaluate", "predict"])
    def test_a_loader_without_batches(self, call):
        net = self.net()
        calls = {"fit": lambda: net.fit([], 1, 2.0), "evaluate": lambda: net.evaluate([]), "predict": lambda: spaic.predict(net, [])}
        with pytest.raises(spaic.SpaicError, match="batch"):
            calls[call]()

    def test_a_loader_that_is_used_up_after_the_first_epoch(self):
        net = self.net()
        batches = ((np.zeros((2, 64)), np.zeros(2, dtype=int)) for _ in range(2))
        with pytest.raises(spaic.SpaicError, match="batch"):
            net.fit(batches, epochs=2, run_time=2.0, progress=False)

    def test_labels_for_other_samples(self):
        with pytest.raises(spaic.SpaicError, match="label"):
            self.net().fit([(np.zeros((4, 64)), np.zeros(2, dtype=int))], run_time=2.0, progress=False)

    def test_a_network_without_a_learner(self):
        net = self.net()
        del net.learner
        with pytest.raises(spaic.SpaicError, match="learner"):
            net.fit([(np.zeros((2, 64)), np.zeros(2, dtype=int))], run_time=2.0, progress=False)

    def test_gradients_that_are_all_zero_are_announced(self):
        with pytest.warns(UserWarning, match="all gradients of the first batch are exactly zero"):
            self.net().fit([(np.zeros((2, 64)), np.zeros(2, dtype=int))], run_time=2.0, progress=False)

    def test_no_progress_bar_no_output(self, capfd):
        net = self.net()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            net.fit([(0.7 * np.eye(2, 64) + 0.3, np.arange(2))], run_time=20.0, progress=False)
        assert capfd.readouterr() == ("", "")
