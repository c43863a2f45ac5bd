"""The ready loop: history, data by path, schedules, modes, mistakes."""

import copy

import numpy as np
import pytest
import torch
from torch.nn.functional import mse_loss, one_hot

import spaic
from spaic.Learning import Callback, EarlyStopping, Fit, History, Learners
from tests.Learning.builders import LABELS, SAMPLES, changed, learning, loader, same, small, torch_loader, weights

QUIET = {"progress": False}


def by_hand(net, epochs):
    """The loop that fit stands for."""
    losses, batches = [], loader()
    for _ in range(epochs):
        for data, label in batches:
            net.input(data)
            net.run()
            loss = spaic.count_cross_entropy(net.output.predict, label)
            net.learner.optim_zero_grad()
            loss.backward()
            net.learner.optim_step()
            losses.append(loss.item())
    return losses


def test_it_does_what_the_loop_does():
    net, other = learning(code="poisson"), learning(code="poisson")
    history = net.fit(loader(), 3, **QUIET)
    assert history.batch_loss == by_hand(other, 3) and same(weights(net), weights(other))
    assert history.loss == [pytest.approx(np.mean(history.batch_loss[i : i + 4])) for i in (0, 4, 8)]


class TestHistory:
    def test_every_column_has_a_value_per_epoch(self):
        history = learning(code="poisson").fit(loader(), 3, test=loader(False), **QUIET)
        columns = ["loss", "accuracy", "test_loss", "test_accuracy", "lr", "gradient_norm", "seconds"]
        assert all(len(getattr(history, name)) == 3 for name in columns) and len(history.batch_loss) == 12
        assert history.lr == [{"learner": 0.01}] * 3 and all(n > 0 for n in history.gradient_norm) and all(s > 0 for s in history.seconds)
        assert all(0 <= a <= 1 for a in history.accuracy + history.test_accuracy) and all(v > 0 for v in history.test_loss)

    def test_the_last_test_accuracy_is_that_of_the_network(self):
        net = learning()
        history = net.fit(loader(), 2, test=loader(False), **QUIET)
        assert net.evaluate(loader(False)) == history.test_accuracy[-1]

    def test_it_is_a_mapping_of_its_curves(self):
        history = History(loss=[2.0], accuracy=[0.5], lr=[{"learner": 0.1}], seconds=[1.0])
        assert repr(history) == "<History of 1 epoch: loss 2, accuracy 0.5>" and repr(History()) == "<History of 0 epochs>"
        assert dict(history) == {"loss": [2.0], "accuracy": [0.5]} and len(history) == 2 and not History()
        with pytest.raises(spaic.UnknownName, match="no curve 'acuracy'; did you mean 'accuracy'"):
            history["acuracy"]

    def test_it_can_be_drawn(self):
        history = learning().fit(loader(), 2, test=loader(False), **QUIET)
        left = spaic.Plot.learning_curve(history)
        assert left.lines[0].get_ydata().tolist() == history.loss

    def test_its_duration_does_not_count_in_a_comparison(self):
        assert History(loss=[1.0], seconds=[1.0]) == History(loss=[1.0], seconds=[2.0]) != History(loss=[2.0], seconds=[1.0])

    def test_state_and_back(self):
        history = learning().fit(loader(), 2, **QUIET)
        again = History.from_state(history.state())
        assert again == history and again.seconds == history.seconds and again.lr is not history.lr
        with pytest.raises(spaic.StateError, match=r"history: the state lacks \['loss'\] and has \['los'\] besides"):
            History.from_state({"los" if k == "loss" else k: v for k, v in history.state().items()})

    def test_several_learners(self):
        made = [
            lambda net: spaic.STCA(net.link1, optimizer=spaic.SGD(lr=0.001)),
            lambda net: spaic.STCA([net.link2, net.part], optimizer=spaic.SGD(lr=0.002)),
        ]
        net = small(*made)
        before = weights(net)
        history = net.fit(loader(), 1, **QUIET)
        assert history.lr == [{"learner1": 0.001, "learner2": 0.002}] and len(changed(net, before)) == 4


class TestSchedules:
    def test_those_that_were_set_count_epochs(self):
        net = learning(spaic.SGD(lr=0.08))
        net.learner.set_schedule("ExponentialLR", 0.5)
        history = net.fit(loader(), 3, **QUIET)
        assert [lr["learner"] for lr in history.lr] == [0.08, 0.04, 0.02] and net.learner.lr == 0.01

    def test_those_of_the_declaration_count_steps(self):
        net = learning(spaic.SGD(lr=0.08, schedule="StepLR", maxstep=4, gamma=0.5))
        history = net.fit(loader(), 3, **QUIET)
        assert [lr["learner"] for lr in history.lr] == [0.04, 0.02, 0.01]

    def test_plateau_reads_the_loss_of_the_epoch(self):
        net = learning(spaic.SGD(lr=0.08))
        net.learner.set_schedule("ReduceLROnPlateau", patience=0, threshold=1000.0, threshold_mode="abs", factor=0.5)
        net.fit(loader(), 3, **QUIET)
        scheduler = net.learner._bound.scheduler
        assert net.learner.lr == 0.02 and scheduler.best == pytest.approx(net._progress.history.loss[0])


class Ends(spaic.Network):
    """Two encoders and two decoders."""

    def __init__(self):
        super().__init__()
        self.left, self.right = spaic.Encoder(num=8, coding_method="direct"), spaic.Encoder(num=8, coding_method="direct")
        self.a, self.b = spaic.NeuronGroup(3, model="lif"), spaic.NeuronGroup(3, model="lif")
        self.wire1 = spaic.Connection(self.left, self.a, w_mean=0.3, w_std=0.3)
        self.wire2 = spaic.Connection(self.right, self.b, w_mean=0.3, w_std=0.3)
        self.out_a, self.out_b = spaic.Decoder(dec_target=self.a), spaic.Decoder(dec_target=self.b)
        self.learner, self.optim = spaic.STCA(), spaic.SGD(lr=0.001)
        self.set_backend("torch", dt=1.0)
        self.set_runtime(10.0)


class TestSeveralEnds:
    def test_the_one_that_is_meant(self):
        net = Ends()
        net.right(SAMPLES[:6])
        before = weights(net)
        net.fit(loader(), 1, encoder="left", decoder=net.out_a, **QUIET)
        assert changed(net, before) == {"wire1.weight"}
        assert 0 <= net.evaluate(loader(), encoder=net.left, decoder="out_b") <= 1
        assert spaic.predict(net, loader(), encoder="left", decoder="out_a")[0].shape == (24,)

    def test_mappings(self):
        net = Ends()
        batches = [({"left": d, "right": 1 - d}, {"out_a": y, "out_b": (y + 1) % 3}) for d, y in loader(False)]
        seen = []

        def loss(prediction, label):
            seen.append(label)
            return spaic.count_cross_entropy(prediction, label)

        before = weights(net)
        history = net.fit(batches, 1, loss=loss, **QUIET)
        assert changed(net, before) == {"wire1.weight", "wire2.weight"} and len(seen) == 8
        assert history.accuracy[0] * 48 == pytest.approx(round(history.accuracy[0] * 48))
        assert 0 <= net.evaluate(batches) <= 1
        assert spaic.predict(net, [(d, {"out_a": y["out_a"]}) for d, y in batches])[1].shape == (24,)

    @pytest.mark.parametrize(
        ("options", "error", "said"),
        [
            (
                {},
                spaic.NetworkError,
                r"net.fit: the network has 2 encoders \(left, right\); say which one takes the data, encoder='left'",
            ),
            (
                {"encoder": "left"},
                spaic.NetworkError,
                r"2 decoders \(out_a, out_b\); say which one the labels are for, decoder='out_a'",
            ),
            ({"encoder": "lift"}, spaic.UnknownName, "net.fit: there is no encoder 'lift'; did you mean 'left'"),
            ({"decoder": "out"}, spaic.UnknownName, "net.fit: there is no decoder 'out'; did you mean 'out_"),
            ({"encoder": 3}, spaic.NetworkError, "net.fit: encoder is 3, which is no encoder of this network; choose one of: left, right"),
        ],
    )
    def test_what_is_not_clear(self, options, error, said):
        net = Ends()
        net.right(SAMPLES[:6])
        with pytest.raises(error, match=said):
            net.fit(loader(), 1, **options, **QUIET)

    def test_a_mapping_and_a_choice(self):
        net = Ends()
        with pytest.raises(spaic.InputError, match="net.fit: encoder='left' is given, and the data name theirs"):
            net.fit([({"left": SAMPLES}, LABELS)], 1, encoder="left", **QUIET)
        net.right(SAMPLES)
        with pytest.raises(spaic.InputError, match="decoder='out_a' is given, and the labels name theirs"):
            net.fit([(SAMPLES, {"out_a": LABELS})], 1, encoder="left", decoder="out_a", **QUIET)
        with pytest.raises(spaic.UnknownName, match="there is no encoder 'middle'"):
            net.fit([({"middle": SAMPLES}, LABELS)], 1, **QUIET)
        with pytest.raises(spaic.InputError, match="the mapping of labels is empty"):
            net.fit([(SAMPLES, {})], 1, encoder="left", **QUIET)
        with pytest.raises(spaic.InputError, match="the labels are for 2 decoders"):
            spaic.predict(net, [(SAMPLES, {"out_a": LABELS, "out_b": LABELS})], encoder="left")


class TestModes:
    def test_training_mode_while_it_trains_and_evaluation_mode_while_it_evaluates(self):
        net = learning()
        modes = []

        class Watch(Callback):
            def batch_end(self, fit):
                modes.append(fit.net.training)

        def loss(prediction, label):
            modes.append(net.training)
            return spaic.count_cross_entropy(prediction, label)

        net.eval()
        net.fit(loader(), 1, test=[(SAMPLES, LABELS)], loss=loss, callbacks=Watch(), **QUIET)
        assert modes == [True, True] * 4 + [False] and not net.training
        net.train()
        net.evaluate(loader())
        assert net.training

    def test_the_mode_comes_back_after_an_error(self):
        net = learning()
        with pytest.raises(spaic.InputError):
            net.evaluate([(SAMPLES, LABELS[:3])])
        assert net.training and torch.is_grad_enabled()
        net.eval()
        with pytest.raises(spaic.InputError):
            net.fit([(SAMPLES, LABELS[:3])], **QUIET)
        assert not net.training


class TestMistakes:
    def test_labels_are_refused_before_anything_changes(self):
        net = learning()
        before = weights(net)
        with pytest.raises(spaic.InputError, match=r"output: the labels have shape \(3,\) for 24 samples"):
            net.fit([(SAMPLES, LABELS[:3])], loss=lambda p, y: p.sum(), **QUIET)
        assert not changed(net, before)

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            (LABELS + 1, r"label 3 is not one of 3 classes \(0 to 2\); number the classes from 0"),
            (LABELS - 19, "label -19 is not one of 3 classes"),
            (np.where(LABELS == 1, np.nan, LABELS), "label nan is not one of 3 classes"),
            (torch.tensor(LABELS + 0.5), "label 0.5 is not one of 3 classes"),
            (np.eye(3)[LABELS], r"labels have shape \(24, 3\) for 24 samples; take the largest of each, label.argmax\(1\)"),
            (["a"] * 24, "the labels are no numbers of one shape"),
        ],
    )
    def test_labels_that_are_no_classes(self, wrong, said):
        net = learning()
        before = weights(net)
        for call in (
            lambda: net.fit([(SAMPLES, wrong)], **QUIET),
            lambda: net.fit([(SAMPLES, wrong)], loss=spaic.count_cross_entropy, **QUIET),
            lambda: net.evaluate([(SAMPLES, wrong)]),
        ):
            with pytest.raises(spaic.InputError, match=f"^output: .*{said}"):
                call()
        with pytest.raises(spaic.InputError, match=f"^count_cross_entropy: .*{said}"):
            spaic.count_cross_entropy(torch.zeros(24, 3), wrong)
        assert not changed(net, before)

    @pytest.mark.parametrize(("batch", "held"), [(SAMPLES, "ndarray"), ((SAMPLES,), "tuple of 1"), ((SAMPLES, LABELS, 3), "tuple of 3")])
    def test_batches_that_are_no_pairs(self, batch, held):
        for call in (lambda: learning().fit([batch], **QUIET), lambda: learning().evaluate([batch])):
            with pytest.raises(spaic.InputError, match=rf"net\.\w+: the loader gave a {held}, not a pair \(data, label\)"):
                call()

    @pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "3"])
    def test_epochs(self, wrong):
        with pytest.raises(spaic.DeclarationError, match="net.fit: epochs is .*; give a whole number from 1"):
            learning().fit(loader(), wrong, **QUIET)

    def test_a_learner_without_an_optimizer_is_named_before_the_first_run(self):
        net = small(lambda net: spaic.STCA(net.link1, optimizer=spaic.SGD()), lambda net: spaic.STCA([net.link2, net.part]))
        with pytest.raises(spaic.StateError, match="learner2: it has no optimizer; assign net.optim = .*, or give it one with optimizer="):
            net.fit(loader(), **QUIET)

    def test_a_backend_without_gradients(self):
        net = learning()
        net.set_backend("reference")
        with pytest.raises(spaic.UnsupportedError, match=r"the backend computes no gradients; call net.set_backend\('torch'\)"):
            net.fit(loader(), **QUIET)
        assert 0 <= net.evaluate(loader()) <= 1

    def test_a_loss_that_nothing_reaches(self):
        net = learning()
        net.requires_grad = False
        with pytest.raises(spaic.NetworkError, match="the loss has no gradient, .*or unfreeze it"):
            net.fit(loader(), **QUIET)

    def test_a_loader_of_test_data_without_batches(self):
        with pytest.raises(spaic.InputError, match="net.fit, test data: the loader gave no batches"):
            learning().fit(loader(), test=[], **QUIET)

    @pytest.mark.parametrize("wrong", [3, [3], [Callback], "stop"])
    def test_callbacks(self, wrong):
        with pytest.raises(spaic.DeclarationError, match="net.fit: callbacks is .*; give objects of classes that extend"):
            learning().fit(loader(), callbacks=wrong, **QUIET)

    @pytest.mark.parametrize("wrong", [True, "loss", 2.5, Callback()])
    def test_early_stop(self, wrong):
        with pytest.raises(spaic.DeclarationError, match="net.fit: early_stop is .*; give an EarlyStopping, or the epochs to wait"):
            learning().fit(loader(), early_stop=wrong, **QUIET)

    def test_a_network_without_a_learner(self):
        for call in ("fit", "evaluate"):
            with pytest.raises(spaic.NetworkError, match=f"net.{call}: the network has no learner; assign one"):
                getattr(small(), call)(loader())

    def test_a_learner_in_an_assembly_is_enough(self):
        net = small()
        net.part.own = spaic.STCA(net, optimizer=spaic.SGD(lr=0.01))
        assert len(net.fit(loader(), 1, **QUIET).loss) == 1


class Recorder(Callback):
    def __init__(self):
        self.calls = []

    def note(self, name, fit):
        assert isinstance(fit, Fit) and isinstance(fit.learners, Learners) and fit.history is fit.net._progress.history
        self.calls.append((name, fit.epoch, fit.batch))

    def fit_start(self, fit):
        self.note("fit_start", fit)

    def epoch_start(self, fit):
        self.note("epoch_start", fit)

    def batch_end(self, fit):
        assert fit.loss == fit.history.batch_loss[-1] and fit.net._progress.batch == fit.batch
        self.note("batch_end", fit)

    def epoch_end(self, fit):
        assert len(fit.history.loss) == fit.epoch == fit.net._progress.epoch
        self.note("epoch_end", fit)

    def fit_end(self, fit):
        self.note("fit_end", fit)


class StopAt(Callback):
    def __init__(self, hook, epoch, batch=0):
        self.at = (epoch, batch)
        setattr(self, hook, self.look)

    def look(self, fit):
        if (fit.epoch, fit.batch) == self.at:
            fit.stop()


class TestCallbacks:
    def test_the_order_of_the_hooks(self):
        watch = Recorder()
        learning().fit(loader(batch_size=12), 2, callbacks=[watch], **QUIET)
        epochs = [[("epoch_start", n, 0), ("batch_end", n, 1), ("batch_end", n, 2), ("epoch_end", n, 0)] for n in (1, 2)]
        assert watch.calls == [("fit_start", 0, 0), *epochs[0], *epochs[1], ("fit_end", 2, 0)]

    @pytest.mark.parametrize(
        ("stop", "last", "batches"),
        [
            (StopAt("batch_end", 2, 3), ("batch_end", 2, 3), 7),
            (StopAt("epoch_end", 2), ("epoch_end", 2, 0), 8),
            (StopAt("epoch_start", 2), ("epoch_start", 2, 0), 4),
            (StopAt("fit_start", 0), ("fit_start", 0, 0), 0),
        ],
    )
    def test_stop_ends_it_after_the_hook(self, stop, last, batches):
        watch = Recorder()
        history = learning().fit(loader(), 5, callbacks=[stop, watch], **QUIET)
        assert watch.calls[-2] == last and watch.calls[-1][0] == "fit_end" and len(history.batch_loss) == batches

    def test_what_a_callback_raises_is_not_hidden(self):
        class Broken(Callback):
            def batch_end(self, fit):
                raise ZeroDivisionError("mine")

        with pytest.raises(ZeroDivisionError, match="mine"):
            learning().fit(loader(), callbacks=Broken(), **QUIET)

    def test_a_network_may_grow_along_the_way(self):
        class Grow(Callback):
            def epoch_end(self, fit):
                if fit.epoch == 1:
                    fit.net.shortcut = spaic.Connection(fit.net.input, fit.net.out, w_mean=0.1)

        net = learning()
        net.fit(loader(), 2, callbacks=Grow(), **QUIET)
        state = net.learner.state_dict()["moments"]
        assert state["shortcut.weight"]["step"] == 4 and state["link1.weight"]["step"] == 8


class Scripted(Callback):
    """Writes values into the history, as if the training had gone so."""

    def __init__(self, **columns):
        self.columns = columns

    def epoch_end(self, fit):
        for name, values in self.columns.items():
            getattr(fit.history, name)[-1] = values[fit.epoch - 1]


def stopped_after(stopper, values, epochs=10, monitor="loss", **options):
    """Epochs that a training with these values takes."""
    net = learning()
    history = net.fit(loader(), epochs, callbacks=[Scripted(**{monitor: values}), stopper], **options, **QUIET)
    return len(history.loss), net


class TestEarlyStopping:
    def test_it_waits_for_an_improvement(self):
        values = [5.0, 4.0, 4.5, 4.2, 3.9, 4.0, 4.0, 4.0, 1.0, 1.0]
        stopper = EarlyStopping("loss", patience=3)
        assert stopped_after(stopper, values)[0] == 8 and (stopper.best, stopper.best_epoch) == (3.9, 5)

    def test_accuracy_should_rise(self):
        stopper = EarlyStopping("accuracy", patience=2)
        assert stopped_after(stopper, [0.1, 0.5, 0.4, 0.5, 0.9], monitor="accuracy")[0] == 4 and stopper.best == 0.5

    def test_min_delta(self):
        assert stopped_after(EarlyStopping("loss", 2, min_delta=0.5), [5.0, 4.8, 4.6, 1.0])[0] == 3

    def test_nan_is_no_improvement(self):
        assert stopped_after(EarlyStopping("loss", 2), [5.0, float("nan"), float("nan"), 1.0])[0] == 3

    def test_the_best_weights_come_back(self):
        kept = {}

        class Keep(Callback):
            def epoch_end(self, fit):
                kept[fit.epoch] = weights(fit.net)

        net = learning()
        stopper = EarlyStopping("loss", 2, restore_best=True)
        net.fit(loader(), 9, callbacks=[Scripted(loss=[5.0, 3.0, 4.0, 4.0]), stopper, Keep()], **QUIET)
        assert same(weights(net), kept[2]) and not same(kept[2], kept[4])

    def test_without_restore_best_the_last_ones_stay(self):
        _, net = stopped_after(EarlyStopping("loss", 2), [5.0, 3.0, 4.0, 4.0])
        assert net.learner.state_dict()["moments"]["link1.weight"]["step"] == 16

    def test_it_can_be_used_again(self):
        stopper = EarlyStopping("loss", 2)
        assert [stopped_after(stopper, [1.0, 2.0, 2.0])[0] for _ in range(2)] == [3, 3]

    def test_a_number_is_the_patience(self):
        def rising(prediction, label):
            rising.loss += 1
            return spaic.count_cross_entropy(prediction, label) + rising.loss

        rising.loss = 0
        assert len(learning().fit(loader(), 9, early_stop=2, loss=rising, **QUIET).loss) == 3
        net = learning()
        net.link1.requires_grad = net.part.requires_grad = False
        net.optim = spaic.SGD(lr=1e-12)
        assert len(net.fit(loader(), 9, test=loader(False), early_stop=2, **QUIET).loss) == 3  # the test accuracy stays

    def test_test_data_are_needed(self):
        with pytest.raises(spaic.DeclarationError, match="test_accuracy is watched, but there are no test data; give test=, or"):
            learning().fit(loader(), early_stop=EarlyStopping(), **QUIET)

    @pytest.mark.parametrize(
        ("options", "error", "said"),
        [
            ({"monitor": "acuracy"}, spaic.UnknownName, "there is no 'acuracy' to watch; did you mean 'accuracy'"),
            ({"patience": 0}, spaic.DeclarationError, "patience is 0"),
            ({"patience": 1.5}, spaic.DeclarationError, "patience is 1.5"),
            ({"patience": True}, spaic.DeclarationError, "patience is True"),
            ({"min_delta": -0.1}, spaic.DeclarationError, "min_delta is -0.1"),
            ({"min_delta": float("nan")}, spaic.DeclarationError, "min_delta is nan"),
        ],
    )
    def test_arguments(self, options, error, said):
        with pytest.raises(error, match=f"EarlyStopping: {said}"):
            EarlyStopping(**options)


class TestBar:
    def test_it_shows_loss_accuracy_and_rate(self, capfd):
        learning().fit(loader(), 2, test=loader(False), progress=True)
        out, err = capfd.readouterr()
        assert "epoch 2/2: test accuracy " in out and "4/4" in err
        assert all(f"{name}=" in err for name in ("loss", "accuracy", "lr")) and "lr=0.01" in err

    def test_it_is_not_drawn_where_nobody_sees_it(self, capfd):
        """A file or pipe has the lines of the epochs only."""
        learning().fit(loader(), 2, test=loader(False))
        out, err = capfd.readouterr()
        assert "epoch 2/2: test accuracy " in out and not err

    def test_a_loader_without_a_length(self, capfd):
        class Stream(torch.utils.data.IterableDataset):
            def __iter__(self):
                return iter(zip(SAMPLES, LABELS, strict=True))

        history = learning().fit(torch.utils.data.DataLoader(Stream(), batch_size=6), 2, progress=True)
        assert len(history.batch_loss) == 8 and "4it" in capfd.readouterr().err


def test_every_epoch_has_the_next_order():
    batches = loader()
    learning().fit(batches, 3, **QUIET)
    assert batches.epoch == 3


def test_labels_of_arrays_and_losses_of_torch():
    arrays, tensors = learning(), learning()
    arrays.fit([(SAMPLES, LABELS.astype(np.int32))], loss=torch.nn.CrossEntropyLoss(), **QUIET)
    tensors.fit([(SAMPLES, torch.tensor(LABELS))], loss=torch.nn.CrossEntropyLoss(), **QUIET)
    assert same(weights(arrays), weights(tensors))
    history = learning().fit([(SAMPLES, LABELS / 2)], loss=lambda p, y: mse_loss(p[:, 0], y), test=[(SAMPLES, LABELS / 2)], **QUIET)
    assert history.test_loss[0] > 0


def test_torch_loaders_and_regression_losses():
    torch.manual_seed(0)
    net = learning()
    history = net.fit(torch_loader(), 2, loss=lambda p, y: mse_loss(p, one_hot(y, 3).float()), **QUIET)
    assert len(history.loss) == 2 and copy.deepcopy(net)._progress.history == history
