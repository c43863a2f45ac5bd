"""In which order the samples of a data set are read, and how the order is cut into batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized

import numpy as np

from spaic.errors import InputError
from spaic.seeds import Key


class SequentialSampler:
    """Every sample once, in the order of the data set.

    Parameters
    ----------
    data_source : sized
        The data set.
    """

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler:
    """Samples in an order that depends on (seed, epoch) and on nothing else.

    Parameters
    ----------
    data_source : sized
        The data set.
    replacement : bool
        Whether a sample may be drawn more than once.
    num_samples : int, optional
        How many to draw; all of them when omitted.
    seed : int
        Same seed and epoch, same order.

    Notes
    -----
    Every ``iter()`` takes the next epoch; :meth:`set_epoch` states it.
    """

    def __init__(self, data_source: Sized, replacement: bool = False, num_samples: int | None = None, seed: int = 0) -> None:
        total = len(data_source)
        count = total if num_samples is None else positive_integer(num_samples, "RandomSampler: num_samples")
        if count > total and not replacement:
            raise InputError(f"RandomSampler: num_samples {count} is more than the {total} samples; draw fewer, or set replacement=True")
        self.data_source = data_source
        self.replacement = replacement
        self.num_samples = count
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """State the epoch of the next ``iter()``."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        random = Key(self.seed, "loader", "order", self.epoch).generator()
        self.epoch += 1
        total = len(self.data_source)
        order = random.integers(total, size=self.num_samples) if self.replacement else random.permutation(total)[: self.num_samples]
        return iter(order.tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler:
    """The order of another sampler, cut into lists of `batch_size` positions.

    Parameters
    ----------
    sampler : iterable of int
        The order.
    batch_size : int
        Samples per batch.
    drop_last : bool
        Whether to leave out a last batch that is not full.
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool = False) -> None:
        self.sampler = sampler
        self.batch_size = positive_integer(batch_size, "BatchSampler: batch_size")
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        return self._cut(iter(self.sampler))  # the order is fixed now, not when the first batch is asked for

    def _cut(self, order: Iterator[int]) -> Iterator[list[int]]:
        batch: list[int] = []
        for position in order:
            batch.append(position)
            if len(batch) == self.batch_size:
                yield batch
                batch = []
        if batch and not self.drop_last:
            yield batch

    def __len__(self) -> int:
        whole, rest = divmod(len(self.sampler), self.batch_size)  # type: ignore[arg-type]
        return whole + bool(rest and not self.drop_last)


def positive_integer(value: object, path: str) -> int:
    """`value` as an int; refused if it is not a whole number from 1."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise InputError(f"{path} is {value!r}; give a whole number from 1")
    return int(value)
