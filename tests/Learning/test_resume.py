"""A training that goes on ends where one that never stopped would have ended, bit for bit."""

import copy
import random

import numpy as np
import pytest
import torch

import spaic
from spaic.Learning import Callback, EarlyStopping, Progress
from spaic.Learning.generators import Generators
from spaic.Network.weights import load_weights
from tests.Learning.builders import LABELS, SAMPLES, changed, learning, loader, same, torch_loader, train, weights

QUIET = {"progress": False}
EPOCHS = 3


class Halt(Exception):
    """Stands for whatever ends a training."""


class HaltAt(Callback):
    def __init__(self, hook, batches, how=Halt):
        self.batches, self.how = batches, how
        setattr(self, hook, self.look)

    def look(self, fit):
        if len(fit.history.batch_loss) == self.batches:
            if self.how is Halt:
                raise Halt
            fit.stop()


def made():
    """Random input, momenta, two kinds of schedules, clipping."""
    net = learning(spaic.Adam(lr=0.02, schedule="CosineAnnealingLR", maxstep=30, clip_norm=0.5), code="poisson")
    net.learner.add_param_group(names="bias", lr=0.1)
    return net


def saved(net):
    """What a checkpoint holds."""
    return copy.deepcopy((weights(net), net.learner.state_dict(), net._progress.state()))


def from_disk(value):
    """What a file may have made of nested data: arrays in place of tensors, lists in place of tuples."""
    if isinstance(value, dict):
        return {key: from_disk(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [from_disk(item) for item in value]
    return value.numpy().copy() if isinstance(value, torch.Tensor) else copy.deepcopy(value)


def restored(file, make):
    """A new network, as from a checkpoint, in a process where other random numbers have been drawn."""
    tensors, learner, progress = copy.deepcopy(file[0]), from_disk(file[1]), from_disk(file[2])
    net = make()
    net.load_state_dict(tensors)
    net.learner.load_state_dict(learner)
    object.__setattr__(net, "_progress", Progress.from_state(progress))
    torch.manual_seed(99)
    np.random.seed(99)
    random.seed(99)
    return net


def seed():
    torch.manual_seed(1)
    np.random.seed(2)
    random.seed(3)


class Noisy:
    """A loader whose batches depend on all three global generators."""

    def __len__(self):
        return 4

    def __iter__(self):
        order = np.random.permutation(24)
        for n in range(4):
            picked = order[6 * n : 6 * n + 6]
            scale = 1.0 + 0.1 * random.random() + 0.1 * float(torch.rand(()))
            yield np.clip(SAMPLES[picked] * scale, 0, 1), LABELS[picked]


LOADERS = {
    "Dataloader": loader,
    "torch DataLoader": torch_loader,
    "torch generator": lambda: torch_loader(generator=torch.Generator().manual_seed(5)),
    "random augmentation": Noisy,
    "list": lambda: [(SAMPLES[i : i + 6], LABELS[i : i + 6]) for i in range(0, 24, 6)],
}


@pytest.fixture(scope="module")
def uninterrupted():
    """Kind of loader -> weights, learner and history of a training that never stopped."""
    found = {}
    for kind, make in LOADERS.items():
        seed()
        net = made()
        history = net.fit(make(), EPOCHS, test=loader(), **QUIET)
        found[kind] = (weights(net), net.learner.state_dict(), history, torch.rand(2), np.random.rand(2), random.random())
    return found


def assert_equal(net, history, expected):
    tensors, learner, its, *drawn = expected
    assert history == its and same(weights(net), tensors) and same(net.learner.state_dict(), learner)
    assert same([torch.rand(2), np.random.rand(2), random.random()], list(drawn))


@pytest.mark.parametrize("kind", LOADERS)
@pytest.mark.parametrize("batches", [1, 4, 6, 12])
class TestBitForBit:
    def test_in_a_new_process(self, kind, batches, uninterrupted):
        seed()
        net = made()
        with pytest.raises(Halt):
            net.fit(LOADERS[kind](), EPOCHS, test=loader(), callbacks=HaltAt("batch_end", batches), **QUIET)
        again = restored(saved(net), made)
        history = again.fit(LOADERS[kind](), EPOCHS, test=loader(), resume=True, **QUIET)
        assert_equal(again, history, uninterrupted[kind])

    def test_in_the_same_process(self, kind, batches, uninterrupted):
        seed()
        net, train_data, test_data = made(), LOADERS[kind](), loader()
        net.fit(train_data, EPOCHS, test=test_data, callbacks=HaltAt("batch_end", batches, "stop"), **QUIET)
        net.evaluate(test_data)  # runs of one's own in between do not matter
        torch.rand(7), np.random.rand(7), random.random()
        list(test_data)
        history = net.fit(train_data, EPOCHS, test=test_data, resume=True, **QUIET)
        assert_equal(net, history, uninterrupted[kind])


@pytest.mark.parametrize("kind", ["torch DataLoader", "random augmentation"])
def test_random_numbers_that_are_drawn_besides(kind):
    def loss(prediction, label):
        return spaic.count_cross_entropy(prediction, label) * (1 + float(torch.rand(())) + np.random.rand() + random.random())

    class Draw(Callback):
        def batch_end(self, fit):
            torch.rand(3), np.random.rand(), random.random()

    seed()
    whole, net = made(), made()
    expected = whole.fit(LOADERS[kind](), EPOCHS, loss=loss, callbacks=Draw(), **QUIET)
    seed()
    with pytest.raises(Halt):
        net.fit(LOADERS[kind](), EPOCHS, loss=loss, callbacks=[Draw(), HaltAt("batch_end", 6)], **QUIET)
    again = restored(saved(net), made)
    assert again.fit(LOADERS[kind](), EPOCHS, loss=loss, callbacks=Draw(), resume=True, **QUIET) == expected
    assert same(weights(again), weights(whole))


@pytest.mark.parametrize("hook", ["fit_start", "epoch_start", "epoch_end"])
@pytest.mark.parametrize("batches", [0, 4, 8])
def test_from_other_hooks(hook, batches, uninterrupted):
    seed()
    net = made()
    try:
        net.fit(torch_loader(), EPOCHS, test=loader(), callbacks=HaltAt(hook, batches), **QUIET)
    except Halt:
        net = restored(saved(net), made)
        if not batches:
            seed()  # before the first batch there is nothing to go back to but the beginning
    history = net.fit(torch_loader(), EPOCHS, test=loader(), resume=True, **QUIET)
    assert same(weights(net), uninterrupted["torch DataLoader"][0]) and history == uninterrupted["torch DataLoader"][2]


def test_an_error_in_the_middle_of_a_batch(uninterrupted):
    seed()
    net, batches = made(), loader()
    calls = []

    def failing(prediction, label):
        calls.append(1)
        if len(calls) == 7:
            raise Halt
        return spaic.count_cross_entropy(prediction, label)

    with pytest.raises(Halt):
        net.fit(batches, EPOCHS, test=loader(), loss=failing, **QUIET)
    history = net.fit(batches, EPOCHS, test=loader(), resume=True, **QUIET)
    assert history.loss[0] == uninterrupted["Dataloader"][2].loss[0]


def test_more_epochs_than_at_first(uninterrupted):
    seed()
    net = made()
    net.fit(loader(), 1, test=loader(), **QUIET)
    batches, test = loader(), loader()
    history = restored(saved(net), lambda: net).fit(batches, EPOCHS, test=test, resume=True, **QUIET)
    assert_equal(net, history, uninterrupted["Dataloader"])


def test_schedules_of_the_user_go_on():
    def scheduled():
        net = learning(spaic.Adam(lr=0.02), code="poisson")
        net.learner.set_schedule("ReduceLROnPlateau", patience=0, threshold=1e3, threshold_mode="abs", factor=0.5)
        return net

    whole, net = scheduled(), scheduled()
    expected = whole.fit(loader(), 4, **QUIET)
    with pytest.raises(Halt):
        net.fit(loader(), 4, callbacks=HaltAt("batch_end", 10), **QUIET)
    again = restored(saved(net), scheduled)
    assert again.fit(loader(), 4, resume=True, **QUIET) == expected and again.learner.lr == whole.learner.lr == 0.0025


def test_early_stopping_remembers(uninterrupted):
    class Script(Callback):
        values = [5.0, 3.0, 4.0, 4.0, 4.0]  # noqa: RUF012

        def epoch_end(self, fit):
            fit.history.loss[-1] = self.values[fit.epoch - 1]

    def callbacks():
        return [Script(), EarlyStopping("loss", 2, restore_best=True)]

    whole, net = made(), made()
    expected = whole.fit(loader(), 9, callbacks=callbacks(), **QUIET)
    with pytest.raises(Halt):
        net.fit(loader(), 9, callbacks=[*callbacks(), HaltAt("batch_end", 13)], **QUIET)
    again = restored(saved(net), made)
    history = again.fit(loader(), 9, callbacks=callbacks(), resume=True, **QUIET)
    assert len(history.loss) == 4 and history == expected and same(weights(again), weights(whole))
    once_more = again.fit(loader(), 9, callbacks=callbacks(), resume=True, **QUIET)
    assert once_more == expected and same(weights(again), weights(whole))
    with pytest.raises(spaic.StateError, match="the training to be resumed watched 'loss'"):
        again.fit(loader(), 9, callbacks=EarlyStopping("accuracy"), resume=True, **QUIET)


def test_a_callback_with_a_state_of_its_own():
    class Count(Callback):
        def __init__(self):
            self.batches = 0

        def batch_end(self, fit):
            self.batches += 1

        def state(self):
            return {"batches": self.batches}

        def load_state(self, state):
            self.batches = state["batches"]

    net = made()
    with pytest.raises(Halt):
        net.fit(loader(), EPOCHS, callbacks=[Count(), Count(), HaltAt("batch_end", 5)], **QUIET)
    again, counts = restored(saved(net), made), [Count(), Count()]
    again.fit(loader(), EPOCHS, callbacks=counts, resume=True, **QUIET)
    assert [count.batches for count in counts] == [12, 12]


def test_an_epoch_that_is_resumed_is_not_started_again():
    class Starts(Callback):
        epochs = ()

        def epoch_start(self, fit):
            self.epochs += (fit.epoch,)

    net = made()
    with pytest.raises(Halt):
        net.fit(loader(), EPOCHS, callbacks=HaltAt("batch_end", 5), **QUIET)
    starts = Starts()
    net.fit(loader(), EPOCHS, callbacks=starts, resume=True, **QUIET)
    assert starts.epochs == (3,)


class TestFreshStarts:
    def test_resume_without_progress(self):
        net, other = made(), made()
        assert net.fit(loader(), 2, resume=True, **QUIET) == other.fit(loader(), 2, **QUIET)

    def test_without_resume_it_starts_anew(self):
        net = made()
        net.fit(loader(), 2, **QUIET)
        first = net._progress
        history = net.fit(loader(), 1, **QUIET)
        assert len(history.loss) == 1 and net._progress is not first

    def test_nothing_left_to_do(self):
        net = made()
        expected = net.fit(loader(), 2, **QUIET)
        before = weights(net)
        torch.manual_seed(5)
        state = torch.get_rng_state()
        assert net.fit(loader(), 2, resume=True, **QUIET) == expected
        assert not changed(net, before) and torch.equal(torch.get_rng_state(), state)

    def test_a_copy_has_its_own(self):
        net = made()
        net.fit(loader(), 1, **QUIET)
        twin = copy.deepcopy(net)
        twin.fit(loader(), 2, resume=True, **QUIET)
        assert net._progress.epoch == 1 and len(net._progress.history.loss) == 1 and twin._progress.epoch == 2

    def test_steps_by_hand_do_not_count(self):
        net = made()
        train(net)
        assert getattr(net, "_progress", None) is None


class TestMistakes:
    @pytest.fixture
    def halted(self):
        net = made()
        with pytest.raises(Halt):
            net.fit(loader(), EPOCHS, callbacks=HaltAt("batch_end", 6), **QUIET)
        return net

    def test_another_loader(self, halted):
        with pytest.raises(spaic.InputError, match="had 4 batches per epoch, the loader has 2; give the same loader, or train anew"):
            halted.fit(loader(batch_size=12), EPOCHS, resume=True, **QUIET)
        data = torch.utils.data.TensorDataset(torch.from_numpy(SAMPLES[:16]), torch.from_numpy(LABELS[:16]))
        with pytest.raises(spaic.InputError, match="had 6 samples per batch, the loader has 4"):
            halted.fit(torch.utils.data.DataLoader(data, batch_size=4), EPOCHS, resume=True, **QUIET)
        assert halted._progress.batch == 2
        halted.fit(loader(), EPOCHS, resume=True, **QUIET)

    def test_a_loader_that_is_used_up(self, halted):
        batches = iter([(SAMPLES[:6], LABELS[:6])])
        with pytest.raises(spaic.InputError, match="had done 2 batches of an epoch, the loader gives 1; give the same loader"):
            halted.fit(batches, EPOCHS, resume=True, **QUIET)

    def test_other_test_data(self, halted):
        with pytest.raises(spaic.InputError, match="had no test data, here some are given; keep test= as it was"):
            halted.fit(loader(), EPOCHS, test=loader(), resume=True, **QUIET)

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (lambda s: s.pop("epoch"), r"progress lacks \['epoch'\] and has \[\] besides"),
            (lambda s: s.update(speed=1), r"progress lacks \[\] and has \['speed'\] besides"),
            (lambda s: s["tally"].pop("right"), r"progress: the tally lacks \['right'\]"),
            (lambda s: s.update(tally=None), "progress: the tally is a NoneType, not a dict"),
            (lambda s: s.update(epoch=-1), "progress: epoch is -1, not a whole number from 0"),
            (lambda s: s.update(batch="2"), "progress: batch is '2'"),
            (lambda s: s.update(callbacks=None), "progress: callbacks is None"),
            (lambda s: s.update(history={}), "history: the state lacks"),
            (lambda s: s.update(now={}), "the state of the random generators is not a dict of torch, numpy, python, loader"),
            (lambda s: s["now"].update(python={}), "the state of a random generator is damaged"),
        ],
    )
    def test_a_state_that_is_damaged(self, halted, change, said):
        state = copy.deepcopy(halted._progress.state())
        change(state)
        with pytest.raises(spaic.StateError, match=said):
            Progress.from_state(state)

    def test_random_generators_that_cannot_be_restored(self, halted):
        halted._progress.now = Generators(torch.zeros(3, dtype=torch.uint8), {}, (3, (), None))
        with pytest.raises(spaic.StateError, match="the saved state of a random generator cannot be restored"):
            halted.fit(loader(), EPOCHS, resume=True, **QUIET)


def test_a_state_is_plain_data_and_comes_back():
    net = made()
    net.fit(torch_loader(), 1, test=loader(), early_stop=EarlyStopping("loss", restore_best=True), **QUIET)
    state = net._progress.state()

    def check(value):
        if isinstance(value, dict):
            assert all(isinstance(key, str) for key in value)
            [check(item) for item in value.values()]
        elif isinstance(value, (list, tuple)):
            [check(item) for item in value]
        else:
            assert value is None or isinstance(value, (bool, int, float, str, np.ndarray, torch.Tensor))

    check(state)
    assert same(Progress.from_state(copy.deepcopy(state)).state(), state)


def test_a_loader_that_can_start_later_is_asked_to():
    class Late(list):
        asked = ()

        def batches_from(self, number):
            self.asked += (number,)
            return iter(self[number:])

    net, batches = made(), Late(LOADERS["list"]())
    with pytest.raises(Halt):
        net.fit(batches, EPOCHS, callbacks=HaltAt("batch_end", 6), **QUIET)
    net.fit(batches, EPOCHS, resume=True, **QUIET)
    assert batches.asked == (2,) and len(net._progress.history.batch_loss) == 12


def sampled(**options):
    """A torch DataLoader whose sampler has a random generator of its own."""
    data = torch.utils.data.TensorDataset(torch.as_tensor(SAMPLES), torch.as_tensor(LABELS))
    sampler = torch.utils.data.RandomSampler(data, generator=torch.Generator().manual_seed(8))
    if options.get("in_batches"):
        return torch.utils.data.DataLoader(data, batch_sampler=torch.utils.data.BatchSampler(sampler, 6, False))
    return torch.utils.data.DataLoader(data, batch_size=6, sampler=sampler)


@pytest.mark.parametrize("in_batches", [False, True])
@pytest.mark.parametrize("batches", [3, 6])
def test_a_sampler_with_its_own_generator(in_batches, batches):
    seed()
    whole, net = made(), made()
    expected = whole.fit(sampled(in_batches=in_batches), EPOCHS, **QUIET)
    seed()
    with pytest.raises(Halt):
        net.fit(sampled(in_batches=in_batches), EPOCHS, callbacks=HaltAt("batch_end", batches), **QUIET)
    again = restored(saved(net), made)
    assert again.fit(sampled(in_batches=in_batches), EPOCHS, resume=True, **QUIET) == expected
    assert same(weights(again), weights(whole))


def test_what_saves_comes_last_wherever_it_is_given(tmp_path):
    class Counting(Callback):
        done = 0

        def batch_end(self, fit):
            self.done += 1
            torch.rand(self.done)

        def state(self):
            return {"done": self.done}

        def load_state(self, state):
            self.done = state["done"]

    seed()
    whole, net = made(), made()
    expected = whole.fit(torch_loader(), EPOCHS, callbacks=Counting(), **QUIET)
    seed()
    path = tmp_path / "run.spaic"
    net.fit(torch_loader(), EPOCHS, callbacks=[spaic.Checkpoint(path, every=3), Counting(), HaltAt("batch_end", 6, "stop")], **QUIET)
    again = spaic.load(path)
    count = Counting()
    assert again.fit(torch_loader(), EPOCHS, callbacks=[spaic.Checkpoint(path), count], resume=True, **QUIET) == expected
    assert count.done == 12 and same(weights(again), weights(whole))


@pytest.mark.parametrize("path, said", [("run.json", "declaration alone"), ("run.h5", "no format"), (3, "no file"), ("", "no file")])
def test_a_checkpoint_of_another_format(path, said):
    with pytest.raises(spaic.SpaicError, match=said):
        spaic.Checkpoint(path)


def test_other_runs_or_orders_are_refused():
    net = made()
    net.fit(loader(), 1, **QUIET)
    with pytest.raises(spaic.InputError, match=r"run_time was 10.0 .*here it is 4.0"):
        net.fit(loader(), 2, 4.0, resume=True, **QUIET)
    train_data = spaic.Dataloader(list(zip(SAMPLES, LABELS, strict=True)), 6, shuffle=True, seed=1)
    net = made()
    net.fit(train_data, 1, **QUIET)
    for options, said in (({"shuffle": True, "seed": 2}, "seed was 1"), ({}, "sampler was RandomSampler")):
        other = spaic.Dataloader(list(zip(SAMPLES, LABELS, strict=True)), 6, **options)
        with pytest.raises(spaic.InputError, match=said):
            net.fit(other, 2, resume=True, **QUIET)


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda s: s["tally"].update(samples="net"), "tally has samples net"),
        (lambda s: s["tally"].update(batches=-1), "tally has batches -1"),
        (lambda s: s["history"].update(loss=3), "history: loss"),
        (lambda s: s["history"].update(loss=["x"]), "history: loss"),
        (lambda s: s["history"].update(lr=[3]), "history: lr"),
        (lambda s: s["now"].update(torch=torch.zeros(3)), "random generator is damaged"),
        (lambda s: s["now"]["numpy"].update(state=3), "random generator is damaged"),
        (lambda s: s["now"]["python"].update(words=np.zeros(3)), "random generator is damaged"),
        (lambda s: s.update(seconds=None), "seconds is None"),
        (lambda s: s.update(loader_epoch="x"), "loader_epoch is x"),
        (lambda s: s.update(run_time=[]), "run_time"),
    ],
)
def test_a_progress_with_wrong_values(change, said):
    net = made()
    net.fit(loader(), 1, **QUIET)
    state = copy.deepcopy(net._progress.state())
    assert Progress.from_state(copy.deepcopy(state)).epoch == 1
    change(state)
    with pytest.raises(spaic.StateError, match=said):
        Progress.from_state(state)


@pytest.mark.parametrize(
    "name, value", [("best", "x"), ("best_epoch", 1.5), ("waited", None), ("weights", {"a": 1}), ("monitor", "accuracy")]
)
def test_an_early_stop_with_wrong_values(name, value):
    stop = EarlyStopping("loss")
    with pytest.raises(spaic.StateError, match="EarlyStopping: "):
        stop.load_state({**stop.state(), name: value})


def test_weights_of_what_is_hidden_are_not_extra():
    net = made()
    net.build()
    store, state = net._simulation.store, net.state_dict()
    extra = {**state, "away.weight": torch.ones(2)}
    assert not load_weights(store, extra, True, "here", hidden=["away"])
    with pytest.raises(spaic.StateError, match="not in the network: away.weight"):
        load_weights(store, extra, True, "here")
