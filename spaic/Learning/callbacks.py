"""What may happen during a training besides training: hooks, and stopping early."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from spaic.errors import DeclarationError, StateError, UnknownName, nearest
from spaic.Learning.history import is_number

if TYPE_CHECKING:
    from spaic.Learning.fit import Fit

#: What may be watched -> whether more of it is better.
_MONITORS = {"loss": False, "test_loss": False, "gradient_norm": False, "accuracy": True, "test_accuracy": True}


class Callback:
    """Something that ``net.fit`` calls as it goes; overwrite the hooks you need.

    Each hook gets the :class:`~spaic.Learning.fit.Fit` under way, with ``net``, ``learners``, ``loader``, ``history``, ``epoch`` (the one
    under way, from 1), ``batch`` (those done in it), ``loss`` (of the last batch) and ``stop()``. What a hook raises ends the training.

    Examples
    --------
    >>> class Patient(Callback):
    ...     def epoch_end(self, fit):
    ...         if fit.history.loss[-1] < 0.1:
    ...             fit.stop()
    """

    #: Whether it is called after the others, wherever it was given: what saves has to see what they have done.
    comes_last = False

    def fit_start(self, fit: Fit) -> None:
        """Before the first epoch; of a training that is resumed too."""

    def epoch_start(self, fit: Fit) -> None:
        """Before the first batch of an epoch; not again for an epoch that is resumed."""

    def batch_end(self, fit: Fit) -> None:
        """After the step of the optimizers and schedules; the progress of the network counts the batch."""

    def epoch_end(self, fit: Fit) -> None:
        """After the evaluation, when the epoch stands in the history."""

    def fit_end(self, fit: Fit) -> None:
        """After the last epoch, or when the training was stopped; not after an error."""

    def interrupted(self, fit: Fit) -> None:
        """After Ctrl-C, at the end of the batch; KeyboardInterrupt follows."""

    def state(self) -> dict[str, Any] | None:
        """What it has to remember when the training is resumed, as plain data, arrays and tensors; None for nothing."""
        return None

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state` gave, before `fit_start`."""


class EarlyStopping(Callback):
    """Ends a training that does not get better.

    Parameters
    ----------
    monitor : str
        loss, accuracy, test_loss, test_accuracy or gradient_norm.
    patience : int
        Epochs without improvement after which to stop.
    min_delta : float
        What counts as an improvement: a change by more than this.
    restore_best : bool
        Whether the network has the weights of its best epoch at the end.

    Examples
    --------
    >>> EarlyStopping("test_acuracy")
    Traceback (most recent call last):
        ...
    spaic.errors.UnknownName: EarlyStopping: there is no 'test_acuracy' to watch; did you mean 'test_accuracy'?
    """

    def __init__(self, monitor: str = "test_accuracy", patience: int = 5, min_delta: float = 0.0, restore_best: bool = False) -> None:
        if monitor not in _MONITORS:
            raise UnknownName(f"EarlyStopping: there is no {monitor!r} to watch; {nearest(monitor, _MONITORS)}")
        _check("patience", patience, (int, np.integer), 1, "a whole number of epochs from 1")
        _check("min_delta", min_delta, (int, float, np.number), 0, "a finite number from 0")
        self.monitor: str = monitor
        self.patience: int = int(patience)
        self.min_delta: float = float(min_delta)
        self.restore_best: bool = bool(restore_best)
        self._forget()

    def _forget(self) -> None:
        self.best: float | None = None
        self.best_epoch: int | None = None
        self.waited = 0
        self._weights: dict[str, Any] | None = None
        self._goes_on = False

    def fit_start(self, fit: Fit) -> None:
        if self.monitor.startswith("test_") and fit.test is None:
            raise DeclarationError(f"EarlyStopping: {self.monitor} is watched, but there are no test data; give test=, or monitor='loss'")
        if not self._goes_on:
            self._forget()
        elif self.waited >= self.patience:
            fit.stop()
        self._goes_on = False

    def epoch_end(self, fit: Fit) -> None:
        value = getattr(fit.history, self.monitor)[-1]
        if self._is_better(value):
            self.best, self.best_epoch, self.waited = value, fit.epoch, 0
            if self.restore_best:
                self._weights = {path: tensor.detach().clone() for path, tensor in fit.net.state_dict().items()}
            return
        self.waited += 1
        if self.waited >= self.patience:
            fit.stop()

    def fit_end(self, fit: Fit) -> None:
        if self._weights is not None:
            fit.net.load_state_dict(self._weights)

    def _is_better(self, value: float) -> bool:
        if math.isnan(value):
            return False
        gain = math.inf if self.best is None else value - self.best if _MONITORS[self.monitor] else self.best - value
        return gain > self.min_delta

    def state(self) -> dict[str, Any]:
        return {"monitor": self.monitor, "best": self.best, "best_epoch": self.best_epoch, "waited": self.waited, "weights": self._weights}

    def load_state(self, state: Mapping[str, Any]) -> None:
        if not isinstance(state, Mapping) or set(state) != set(self.state()):
            raise StateError("EarlyStopping: the training to be resumed left no state of it; give what state() gave, or train anew")
        if state["monitor"] != self.monitor:
            raise StateError(f"EarlyStopping: the training to be resumed watched {state['monitor']!r}; watch the same, or train anew")
        self._check_values(state)
        self.best, self.best_epoch, self.waited = state["best"], state["best_epoch"], state["waited"]
        given = state["weights"]
        self._weights = None if given is None else {path: torch.as_tensor(value) for path, value in given.items()}
        self._goes_on = True

    def _check_values(self, state: Mapping[str, Any]) -> None:
        best, epoch, waited, weights = (state[name] for name in ("best", "best_epoch", "waited", "weights"))
        is_right = {
            "best": best is None or is_number(best),
            "best_epoch": epoch is None or (type(epoch) is int and epoch >= 0),
            "waited": type(waited) is int and waited >= 0,
            "weights": weights is None or (isinstance(weights, Mapping) and all(hasattr(v, "shape") for v in weights.values())),
        }
        for name, fits in is_right.items():
            if not fits:
                raise StateError(f"EarlyStopping: {name} is {str(state[name])[:60]}, which cannot be meant; give what state() gave")


def _check(name: str, value: Any, kinds: Any, least: int, wanted: str) -> None:
    if not isinstance(value, kinds) or isinstance(value, bool) or not least <= value < math.inf:
        raise DeclarationError(f"EarlyStopping: {name} is {value!r}; give {wanted}")


def all_callbacks(callbacks: Any, early_stop: Any, has_test: bool) -> list[Callback]:
    """What was given to ``net.fit``, as a list in which stopping early comes first, and what saves comes last.

    Parameters
    ----------
    callbacks : Callback or iterable of Callback
        The user's.
    early_stop : EarlyStopping, int or None
        A number is the patience.
    has_test : bool
        Whether there are test data, which a number then watches.
    """
    given = [callbacks] if isinstance(callbacks, Callback) else list(callbacks) if isinstance(callbacks, Iterable) else callbacks
    if not isinstance(given, list) or not all(isinstance(c, Callback) for c in given):
        raise DeclarationError(f"net.fit: callbacks is {callbacks!r}; give objects of classes that extend spaic.Learning.Callback")
    if isinstance(early_stop, (int, np.integer)) and not isinstance(early_stop, bool):
        early_stop = EarlyStopping("test_accuracy" if has_test else "loss", int(early_stop))
    if early_stop is not None and not isinstance(early_stop, EarlyStopping):
        raise DeclarationError(f"net.fit: early_stop is {early_stop!r}; give an EarlyStopping, or the epochs to wait for an improvement")
    return sorted(given if early_stop is None else [early_stop, *given], key=lambda callback: callback.comes_last)


def named(callbacks: Iterable[Callback]) -> dict[str, Callback]:
    """Callbacks by the name of their class and a number, under which their states are kept."""
    found: dict[str, Callback] = {}
    for callback in callbacks:
        kind = type(callback).__name__
        found[f"{kind} {sum(type(c).__name__ == kind for c in found.values()) + 1}"] = callback
    return found
