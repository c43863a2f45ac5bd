"""Reading a data set in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from typing import Any

import numpy as np

from spaic.errors import InputError
from spaic.IO.dataset import Dataset, stacked
from spaic.IO.sampler import BatchSampler, RandomSampler, SequentialSampler, positive_integer


class Dataloader:
    """Batches ``(data, label)`` of a data set, as NumPy arrays; every ``for`` loop over it is one epoch.

    Parameters
    ----------
    dataset : Dataset or any object with ``len()`` and ``[i] -> (data, label)``
        A :class:`torch.utils.data.Dataset` of the map style works as well.
    batch_size : int
        Samples per batch.
    shuffle : bool
        Whether each epoch has a new order, which depends on (seed, epoch) and on nothing else.
    sampler : iterable of int, optional
        The order of the samples; excludes `shuffle`.
    batch_sampler : iterable of sequences of int, optional
        The batches themselves; excludes `batch_size`, `shuffle`, `sampler` and `drop_last`.
    collate_fn : callable, optional
        Makes a batch out of a list of samples, in place of :func:`collate`.
    drop_last : bool
        Whether to leave out a last batch that is not full.
    seed : int
        Belongs to `shuffle`.

    Attributes
    ----------
    epoch : int
        How many loops have been started, which is the epoch of the next one. Set it to resume a training.

    Notes
    -----
    Samples of unequal shapes give an object array of shape (batch,) whose entries are the arrays.

    Raises
    ------
    InputError
        If arguments exclude each other, no batch would result, or samples are not pairs of numbers.

    Examples
    --------
    >>> from spaic.IO.dataset import CustomDataset
    >>> loader = Dataloader(CustomDataset([[0.0], [1.0], [2.0]], [0, 1, 0]), batch_size=2)
    >>> [(data.shape, label.tolist()) for data, label in loader], loader.batch_num
    ([((2, 1), [0, 1]), ((1, 1), [0])], 2)
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[Sequence[int]] | None = None,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        drop_last: bool = False,
        seed: int = 0,
    ) -> None:
        _check_dataset(dataset)
        _check_exclusive(batch_size, shuffle, sampler, batch_sampler, drop_last)
        if sampler is None:
            sampler = RandomSampler(dataset, seed=seed) if shuffle else SequentialSampler(dataset)
        if batch_sampler is None:
            batch_size = positive_integer(batch_size, "Dataloader: batch_size")
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
            if drop_last and isinstance(sampler, Sized) and len(sampler) < batch_size:
                raise InputError(
                    f"Dataloader: batch_size {batch_size} with drop_last leaves no batch of {len(sampler)} samples; "
                    "lower batch_size, or leave out drop_last"
                )
        self.dataset = dataset
        self.collate_fn = collate_fn
        self.seed = seed
        self.epoch = 0
        self._batches = batch_sampler

    @property
    def batch_sampler(self) -> Iterable[Sequence[int]]:
        """The batches of positions."""
        return self._batches

    @property
    def sampler(self) -> Iterable[int] | None:
        """The order of the samples; None where a foreign batch sampler hides it."""
        return getattr(self._batches, "sampler", None)

    @property
    def batch_size(self) -> int | None:
        """Samples per batch; None where a foreign batch sampler decides."""
        return getattr(self._batches, "batch_size", None)

    @property
    def drop_last(self) -> bool:
        """Whether a last batch that is not full is left out."""
        return getattr(self._batches, "drop_last", False)

    @property
    def batch_num(self) -> int:
        """Number of batches per epoch."""
        return len(self)

    def __len__(self) -> int:
        return len(self._batches)  # type: ignore[arg-type]

    def __repr__(self) -> str:
        count = f", {len(self):,} batches" if isinstance(self._batches, Sized) else ""
        return f"<{type(self).__name__} of {self.dataset!r}{count}>"

    def __iter__(self) -> Iterator[Any]:
        return self.batches_from(0)

    def batches_from(self, number: int) -> Iterator[Any]:
        """The epoch that comes next without its first batches, whose samples are not read: for a training that is resumed."""
        for ordering in (self._batches, self.sampler):
            set_epoch = getattr(ordering, "set_epoch", None)
            if set_epoch is not None:
                set_epoch(self.epoch)
        self.epoch += 1
        batches = iter(self._batches)
        for done in range(number):
            if next(batches, None) is None:
                raise InputError(f"Dataloader: there is no batch {number}, the epoch has {done}; give the loader the training began with")
        return map(self._read, batches)

    def _read(self, indices: Sequence[int]) -> Any:
        if self.collate_fn is None and isinstance(self.dataset, Dataset) and hasattr(self.dataset, "batch"):
            return self.dataset.batch(indices)
        samples = [self.dataset[index] for index in indices]
        return collate(samples) if self.collate_fn is None else self.collate_fn(samples)


def collate(samples: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    """One array of data and one of labels out of pairs; object arrays of arrays where shapes differ."""
    for sample in samples:
        if not isinstance(sample, (tuple, list)) or len(sample) != 2:
            held = f"{type(sample).__name__}" + (f" of {len(sample)}" if isinstance(sample, (tuple, list)) else "")
            raise InputError(f"Dataloader: a sample is a {held}, not a pair (data, label); return pairs, or give a collate_fn")
    data, labels = zip(*samples, strict=True)
    return stacked(data, "Dataloader: data"), stacked(labels, "Dataloader: label")


def _check_dataset(dataset: Any) -> None:
    if not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
        raise InputError(f"Dataloader: a {type(dataset).__name__} has no length or no samples by position; give a map-style data set")
    if len(dataset) == 0:
        raise InputError("Dataloader: the data set has no samples; give at least one")


def _check_exclusive(batch_size: int, shuffle: bool, sampler: object, batch_sampler: object, drop_last: bool) -> None:
    if batch_sampler is not None:
        given = {"batch_size": batch_size != 1, "shuffle": shuffle, "sampler": sampler is not None, "drop_last": drop_last}
        excluded = [name for name, stated in given.items() if stated]
        if excluded:
            raise InputError(f"Dataloader: batch_sampler excludes {', '.join(excluded)}; leave out one or the other")
    if sampler is not None and shuffle:
        raise InputError("Dataloader: sampler excludes shuffle; let the sampler shuffle, or leave it out")
