"""How a training went."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from spaic.errors import StateError, UnknownName, nearest

#: What a learning curve shows.
_CURVES = ("loss", "test_loss", "accuracy", "test_accuracy")


@dataclass
class Tally:
    """Running means over the batches of an epoch.

    Attributes
    ----------
    batches, samples, right : int
        Batches, predictions, and how many of these were right.
    total_loss, total_norm : float
        Sums over the batches.
    """

    batches: int = 0
    samples: int = 0
    right: int = 0
    total_loss: float = 0.0
    total_norm: float = 0.0

    def add(self, right: int, samples: int, loss: float, norm: float | None = None) -> None:
        """Count a batch."""
        self.batches += 1
        self.right += right
        self.samples += samples
        self.total_loss += loss
        self.total_norm += math.nan if norm is None else norm

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Tally:
        """The tally whose fields these are; StateError if they cannot be."""
        for name, value in state.items():
            is_count = not name.startswith("total_")
            if not is_number(value) or (is_count and (not isinstance(value, int) or value < 0)):
                wanted = "a whole number from 0" if is_count else "a number"
                raise StateError(f"progress: the tally has {name} {str(value)[:60]}, not {wanted}; give what state() gave")
        return cls(**state)

    @property
    def loss(self) -> float:
        """Mean loss of a batch."""
        return self.total_loss / max(self.batches, 1)

    @property
    def accuracy(self) -> float:
        """Fraction of predictions that were right."""
        return self.right / max(self.samples, 1)

    @property
    def gradient_norm(self) -> float:
        """Mean norm of the gradients; NaN if it was not measured."""
        return self.total_norm / max(self.batches, 1)


@dataclass
class History(Mapping[str, list[float]]):
    """How training went, epoch by epoch.

    As a mapping it holds the learning curves that have values: what ``spaic.Plot.learning_curve(history)`` draws.

    Attributes
    ----------
    loss, accuracy : list of float
        Per epoch, over the training samples as they were seen.
    test_loss, test_accuracy : list of float
        Per epoch, if test data were given.
    lr : list of dict
        Per epoch: path of a learner -> its learning rate at the end, before a schedule that counts epochs goes on.
    gradient_norm : list of float
        Per epoch: mean over the steps of the norm of all gradients together, before they were clipped.
    seconds : list of float
        Per epoch: duration, evaluation included. Two histories may be equal and differ in it.
    batch_loss : list of float
        Per batch, of all epochs.

    Examples
    --------
    >>> history = History(loss=[2.0, 1.0], accuracy=[0.5, 0.8])
    >>> dict(history)
    {'loss': [2.0, 1.0], 'accuracy': [0.5, 0.8]}
    """

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    test_accuracy: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    lr: list[dict[str, float]] = field(default_factory=list)
    gradient_norm: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list, compare=False)
    batch_loss: list[float] = field(default_factory=list)

    def __getitem__(self, name: str) -> list[float]:
        if name not in list(self):
            raise UnknownName(f"history: it has no curve {name!r}; {nearest(name, self)}")
        curve: list[float] = getattr(self, name)
        return curve

    def __repr__(self) -> str:
        last = ", ".join(f"{name} {self[name][-1]:.4g}" for name in self)
        return f"<History of {len(self.loss)} epoch{'s' if len(self.loss) != 1 else ''}{': ' if last else ''}{last}>"

    def __iter__(self) -> Iterator[str]:
        return (name for name in _CURVES if getattr(self, name))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def add(self, trained: Tally, tested: Tally | None, rates: dict[str, float], seconds: float) -> None:
        """Add an epoch."""
        self.loss.append(trained.loss)
        self.accuracy.append(trained.accuracy)
        self.gradient_norm.append(trained.gradient_norm)
        if tested is not None:
            self.test_loss.append(tested.loss)
            self.test_accuracy.append(tested.accuracy)
        self.lr.append(rates)
        self.seconds.append(seconds)

    def state(self) -> dict[str, list[Any]]:
        """All of it as plain data."""
        return {f.name: [dict(v) if isinstance(v, dict) else v for v in getattr(self, f.name)] for f in fields(self)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> History:
        """The history that :meth:`state` gave."""
        known = {f.name for f in fields(cls)}
        if not isinstance(state, Mapping) or set(state) != known:
            given = set(state) if isinstance(state, Mapping) else set()
            raise StateError(
                f"history: the state lacks {sorted(known - given)} and has {sorted(given - known)} besides; give what state() gave"
            )
        for name, values in state.items():
            is_right = isinstance(values, (list, tuple)) and all(map(_is_rates if name == "lr" else is_number, values))
            if not is_right:
                raise StateError(f"history: {name} is {str(values)[:60]}, not a list of what an epoch gives; give what state() gave")
        return cls(**{name: list(values) for name, values in state.items()})


def is_number(value: Any) -> bool:
    """Whether it is a plain number, not a truth value."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_rates(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(k, str) for k in value) and all(map(is_number, value.values()))
