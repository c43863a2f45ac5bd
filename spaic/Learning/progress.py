"""How far a training has come: enough to go on from there as if it had never stopped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from spaic.errors import InputError, StateError
from spaic.Learning.generators import Generators
from spaic.Learning.history import History, Tally

_END = object()

#: Field -> what it may be.
_KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("length", "batch_size", "seed", "loader_epoch", "test_epoch"), (int, type(None))),
    "sampler": (str, type(None)),
    "run_time": (int, float, type(None)),
    "seconds": (int, float),
}


@dataclass
class Progress:
    """The position of a training, which ``net.fit`` keeps on the network after every batch.

    Attributes
    ----------
    epoch : int
        Number of finished epochs.
    batch : int
        Batches done in the epoch after these.
    tally : Tally
        Means over these batches.
    seconds : float
        Time they took.
    history : History
        Of the finished epochs.
    runs : int
        Runs of the network so far, by which its random input is drawn.
    length, batch_size : int or None
        Batches per epoch and samples per batch, as far as the loader tells.
    seed, sampler : int or None, str or None
        Seed and kind of what chooses the order of the samples, as far as the loader tells: whether they are shuffled.
    run_time : float or None
        Duration of a run in ms.
    loader_epoch, test_epoch : int or None
        ``loader.epoch`` with which the epoch under way starts, and that of the test loader.
    start, now : Generators or None
        The random generators when the loader of the epoch under way was started, and at this moment.
    callbacks : dict
        Name of a callback -> its state.
    """

    epoch: int = 0
    batch: int = 0
    tally: Tally = field(default_factory=Tally)
    seconds: float = 0.0
    history: History = field(default_factory=History)
    runs: int = 0
    length: int | None = None
    batch_size: int | None = None
    seed: int | None = None
    sampler: str | None = None
    run_time: float | None = None
    loader_epoch: int | None = None
    test_epoch: int | None = None
    start: Generators | None = None
    now: Generators | None = None
    callbacks: dict[str, Any] = field(default_factory=dict)

    # --- along the way

    def mark(self, runs: int, loader: Any, test: Any) -> None:
        """Note the runs, random generators and loaders as they are now."""
        self.runs = runs
        self.now = Generators.now(loader)
        self.test_epoch = _epoch_of(test)
        if not self.batch:
            self.loader_epoch = _epoch_of(loader)
            self.length, self.batch_size = _length_of(loader), _batch_size_of(loader)
            self.seed, self.sampler = _order_of(loader)

    def batches(self, loader: Any) -> Iterator[Any]:
        """The batches of the epoch under way that are still to come."""
        if not self.batch:
            self.start = Generators.now(loader)
            return iter(loader)
        if self.start is None or self.now is None:
            raise StateError("net.fit: the progress of the training has no random generators; train anew with resume=False")
        self.start.restore(loader)
        rest = _after(loader, self.batch)
        self.now.restore(loader)
        return rest

    def restore(self, loader: Any, test: Any) -> None:
        """Set random generators and loaders to this position."""
        if self.now is not None:
            self.now.restore(loader)
        _set_epoch(loader, self.loader_epoch)
        _set_epoch(test, self.test_epoch)

    def check(self, loader: Any, test: Any, run_time: float | None = None) -> None:
        """Refuse other data, or runs of another duration, than those of the training that is to go on."""
        for what, before, here in (
            ("batches per epoch", self.length, _length_of(loader)),
            ("samples per batch", self.batch_size, _batch_size_of(loader)),
        ):
            if before is not None and here is not None and before != here:
                raise InputError(
                    f"net.fit: the training to be resumed had {before} {what}, the loader has {here}; give the same loader, or train anew "
                    "with resume=False"
                )
        seed, sampler = _order_of(loader)
        for name, was, now in (("seed", self.seed, seed), ("sampler", self.sampler, sampler), ("run_time", self.run_time, run_time)):
            if was is not None and now is not None and was != now:
                raise InputError(
                    f"net.fit: {name} was {was} in the training to be resumed, here it is {now}; keep it, or train anew with resume=False"
                )
        if self.epoch and bool(self.history.test_accuracy) != (test is not None):
            had, has = ("had", "none are given") if self.history.test_accuracy else ("had no", "some are given")
            raise InputError(f"net.fit: the training to be resumed {had} test data, here {has}; keep test= as it was")

    # --- written down

    def state(self) -> dict[str, Any]:
        """All of it as nested dicts of plain values, lists, arrays and tensors."""
        return {
            **{f.name: getattr(self, f.name) for f in fields(self)},
            "tally": asdict(self.tally),
            "history": self.history.state(),
            "start": None if self.start is None else self.start.state(),
            "now": None if self.now is None else self.now.state(),
            "callbacks": dict(self.callbacks),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Progress:
        """The progress that :meth:`state` gave.

        Raises
        ------
        StateError
            If something is missing, is not known, or has a value that cannot be meant.
        """
        _demand_keys("progress", state, {f.name for f in fields(cls)})
        _demand_keys("progress: the tally", state["tally"], {f.name for f in fields(Tally)})
        for name in ("epoch", "batch", "runs"):
            if isinstance(state[name], bool) or not isinstance(state[name], int) or state[name] < 0:
                raise StateError(f"progress: {name} is {state[name]!r}, not a whole number from 0; give what state() gave")
        for name, kinds in _KINDS.items():
            if not isinstance(state[name], kinds) or isinstance(state[name], bool):
                raise StateError(f"progress: {name} is {str(state[name])[:60]}, which cannot be meant; give what state() gave")
        if not isinstance(state["callbacks"], Mapping):
            raise StateError(f"progress: callbacks is {state['callbacks']!r}, not a dict; give what state() gave")
        return cls(
            **{
                **state,
                "tally": Tally.from_state(state["tally"]),
                "history": History.from_state(state["history"]),
                "start": None if state["start"] is None else Generators.from_state(state["start"]),
                "now": None if state["now"] is None else Generators.from_state(state["now"]),
                "callbacks": dict(state["callbacks"]),
            }
        )


def _after(loader: Any, number: int) -> Iterator[Any]:
    """A fresh pass over `loader` without its first batches; those of a spaic.Dataloader are not even read."""
    if hasattr(loader, "batches_from"):
        rest: Iterator[Any] = loader.batches_from(number)
        return rest
    batches = iter(loader)
    for done in range(number):
        if next(batches, _END) is _END:
            raise InputError(
                f"net.fit: the training to be resumed had done {number} batches of an epoch, the loader gives {done}; give the same "
                "loader, one that can be iterated anew"
            )
    return batches


def _epoch_of(loader: Any) -> int | None:
    """How many passes a spaic.Dataloader has started, which chooses the order of the next one."""
    epoch = getattr(loader, "epoch", None)
    return epoch if isinstance(epoch, int) else None


def _set_epoch(loader: Any, epoch: int | None) -> None:
    if epoch is not None and _epoch_of(loader) is not None:
        loader.epoch = epoch


def _batch_size_of(loader: Any) -> int | None:
    size = getattr(loader, "batch_size", None)
    return size if isinstance(size, int) else None


def _order_of(loader: Any) -> tuple[int | None, str | None]:
    """Seed and kind of the sampler of a loader."""
    sampler = getattr(loader, "sampler", None)
    seed = getattr(sampler, "seed", None)
    return seed if isinstance(seed, int) else None, None if sampler is None else type(sampler).__name__


def _length_of(loader: Any) -> int | None:
    try:
        return len(loader)
    except TypeError:  # a torch loader of an iterable data set has no length
        return None


def _demand_keys(where: str, given: Any, known: set[str]) -> None:
    if not isinstance(given, Mapping):
        raise StateError(f"{where} is a {type(given).__name__}, not a dict; give what state() gave")
    if set(given) != known:
        raise StateError(f"{where} lacks {sorted(known - set(given))} and has {sorted(set(given) - known)} besides; give what state() gave")
