"""Where the samples of a recording are kept: what memory and disk have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from math import prod

import numpy as np

from spaic.Graph.events import Events

#: Values of a block when a recording is gone through piece by piece.
_BLOCK = 1 << 20


class Store(ABC):
    """Samples of one variable in the order of time.

    A sample is an array, ``[batch, *shape]`` for what neurons have and ``[*shape]`` for weights. It belongs to the step at
    whose end it was taken.
    """

    @abstractmethod
    def begin(self, is_continued: bool, samples: int) -> None:
        """Get ready for a run that will bring this many samples; one that is not continued starts with none."""

    @abstractmethod
    def append(self, steps: np.ndarray, samples: np.ndarray) -> None:
        """Add samples ``[n, *sample]`` with the numbers of steps done, ``[n]``; the arrays are copied."""

    @abstractmethod
    def clear(self) -> None:
        """Forget all samples so far."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what the store holds open; what is in it can still be read."""

    @property
    @abstractmethod
    def place(self) -> object:
        """Memory, or the disk: stores of an equal place share what is free there."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...] | None:
        """Shape of a sample; None before the first call of :meth:`append`, which may bring no sample at all."""

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """Bytes of memory or disk that the samples take."""

    @abstractmethod
    def steps(self) -> np.ndarray:
        """Number of steps done at every sample, ascending: ``[samples]``, int64."""

    @abstractmethod
    def read(self, first: int, stop: int) -> np.ndarray:
        """Samples number `first` to `stop` - 1, ``[stop - first, *sample]``."""

    def events(self, first: int, stop: int) -> Events | None:
        """Spikes of the samples `first` to `stop` - 1 as a list, where they are kept so."""
        return None

    def blocks(self, first: int, stop: int) -> Iterator[tuple[int, np.ndarray]]:
        """The samples `first` to `stop` - 1 in parts that fit well into memory, at least one, each with the number of its first sample."""
        rows = max(1, _BLOCK // max(1, prod(self.shape or ())))
        for start in range(first, max(stop, first + 1), rows):
            yield start, self.read(start, min(start + rows, stop))
