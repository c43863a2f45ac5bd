"""Ctrl-C during a training."""

import os
import signal
import threading

import pytest

import spaic
from spaic.Learning import Callback
from tests.Learning.builders import learning, loader, same, weights

QUIET = {"progress": False}


def press():
    os.kill(os.getpid(), signal.SIGINT)


class Press(Callback):
    """Presses Ctrl-C in a hook of a batch, and notes what happens then."""

    def __init__(self, hook="batch_end", batches=6, times=1):
        self.batches, self.times, self.calls = batches, times, []
        setattr(self, hook, self.look)

    def look(self, fit):
        if len(fit.history.batch_loss) == self.batches:
            for _ in range(self.times):
                press()
                self.calls.append("pressed")

    def interrupted(self, fit):
        self.calls.append(("interrupted", fit.epoch, fit.batch))

    def fit_end(self, fit):
        self.calls.append("end")


@pytest.fixture(autouse=True)
def handler():
    """The usual handler, before and after."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def test_the_batch_is_finished_first_and_the_training_can_go_on():
    expected = learning(code="poisson")
    history = expected.fit(loader(), 3, **QUIET)
    net, batches, pressed = learning(code="poisson"), loader(), []

    def loss(prediction, label):
        if len(net._progress.history.batch_loss) == 5 and not pressed:
            pressed.append(press())  # in the middle of the sixth batch
        return spaic.count_cross_entropy(prediction, label)

    watch = Press(times=0)
    with pytest.raises(KeyboardInterrupt):
        net.fit(batches, 3, loss=loss, callbacks=watch, **QUIET)
    assert watch.calls == [("interrupted", 2, 2)] and net._progress.batch == 2
    assert net.fit(batches, 3, resume=True, **QUIET) == history and same(weights(net), weights(expected))


def test_all_callbacks_are_told_and_the_end_is_not():
    first, second = Press(), Press(times=0)
    with pytest.raises(KeyboardInterrupt):
        learning().fit(loader(), 3, callbacks=[first, second], **QUIET)
    assert first.calls == ["pressed", ("interrupted", 2, 2)] and second.calls == [("interrupted", 2, 2)]


def test_the_second_one_counts_at_once():
    watch = Press(times=2)
    with pytest.raises(KeyboardInterrupt):
        learning().fit(loader(), 3, callbacks=watch, **QUIET)
    assert watch.calls == ["pressed"]


def test_between_epochs():
    watch = Press("epoch_end", 8)
    with pytest.raises(KeyboardInterrupt):
        learning().fit(loader(), 3, callbacks=watch, **QUIET)
    assert watch.calls == ["pressed", ("interrupted", 2, 0)]


@pytest.mark.parametrize(("hook", "batches"), [("fit_start", 0), ("fit_end", 4)])
def test_none_is_lost(hook, batches):
    with pytest.raises(KeyboardInterrupt):
        learning().fit(loader(), 1, callbacks=Press(hook, batches), **QUIET)


def test_an_error_is_not_hidden_by_it():
    class Broken(Press):
        def look(self, fit):
            press()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        learning().fit(loader(), 1, callbacks=Broken(), **QUIET)


def test_a_handler_of_someone_else_is_left_alone():
    seen = []

    def mine(number, frame):
        seen.append(number)

    signal.signal(signal.SIGINT, mine)
    try:
        learning().fit(loader(), 2, callbacks=Press(), **QUIET)
        assert seen == [signal.SIGINT] and signal.getsignal(signal.SIGINT) is mine
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_in_another_thread_signals_are_left_alone():
    found = []

    class Look(Callback):
        def batch_end(self, fit):
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=lambda: learning().fit(loader(), 1, callbacks=Look(), **QUIET))
    thread.start()
    thread.join()
    assert found == [signal.default_int_handler] * 4


def test_a_training_within_a_training():
    class Inner(Callback):
        def epoch_end(self, fit):
            if fit.epoch == 1:
                learning().fit(loader(), 1, callbacks=Press(batches=2), **QUIET)
                self.came_back = True

    inner = Inner()
    with pytest.raises(KeyboardInterrupt):
        learning().fit(loader(), 3, callbacks=inner, **QUIET)
    assert inner.came_back
