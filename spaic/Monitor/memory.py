"""Recordings in memory."""

from __future__ import annotations

from typing import final

import numpy as np

from spaic.Graph.events import Events
from spaic.Monitor.store import Store


@final
class MemoryStore(Store):
    """Samples in arrays of the host, one for each run and what continues it, made as large as the run is long."""

    def __init__(self) -> None:
        self._blocks: list[np.ndarray | Events] = []
        self._steps: list[np.ndarray] = []
        self._filled = 0  # samples in the last block
        self._expected = 0

    def begin(self, is_continued: bool, samples: int) -> None:
        if not is_continued:
            self.clear()
        self._expected = samples

    def append(self, steps: np.ndarray, samples: np.ndarray) -> None:
        self._steps.append(steps)
        if not self._fits(samples):
            self._trim()
            self._blocks.append(np.empty((max(len(samples), self._expected), *samples.shape[1:]), samples.dtype))
            self._filled = 0
        block = self._blocks[-1]
        if isinstance(block, np.ndarray):
            block[self._filled : self._filled + len(samples)] = samples
        self._filled += len(samples)
        self._expected = max(0, self._expected - len(samples))

    def append_events(self, steps: np.ndarray, events: Events) -> None:
        """Add samples that are spikes, as the list that they are."""
        self._trim()
        self._steps.append(steps)
        self._blocks.append(events)
        self._filled = len(events)

    def events(self, first: int, stop: int) -> Events | None:
        self._trim()
        parts = [block for block in self._blocks if isinstance(block, Events)]
        if not parts or len(parts) < len(self._blocks):
            return None
        if len(parts) > 1:
            self._blocks = [Events.joined(parts)]
            parts = [block for block in self._blocks if isinstance(block, Events)]
        return parts[0].between(first, stop)

    def clear(self) -> None:
        self._blocks, self._steps, self._filled = [], [], 0

    def close(self) -> None:
        pass

    @property
    def place(self) -> object:
        return "memory"

    @property
    def shape(self) -> tuple[int, ...] | None:
        return self._blocks[-1].shape[1:] if self._blocks else None

    @property
    def nbytes(self) -> int:
        return sum(a.nbytes for a in (*self._blocks, *self._steps))

    def steps(self) -> np.ndarray:
        if len(self._steps) > 1:
            self._steps = [np.concatenate(self._steps)]
        return self._steps[0] if self._steps else np.zeros(0, np.int64)

    def read(self, first: int, stop: int) -> np.ndarray:
        found = self.events(first, stop)
        if found is not None:
            return _dense(found)
        if len(self._blocks) > 1:
            self._blocks = [
                np.concatenate([_dense(b) if isinstance(b, Events) else b for b in self._blocks])
            ]  # spikes given as bytes, then values: the wider type
            self._filled = len(self._blocks[0])
        block = self._blocks[0]
        return _dense(block.between(first, stop)) if isinstance(block, Events) else block[first:stop]

    def _fits(self, samples: np.ndarray) -> bool:
        last = self._blocks[-1] if self._blocks else None
        return isinstance(last, np.ndarray) and last.dtype == samples.dtype and self._filled + len(samples) <= len(last)

    def _trim(self) -> None:
        """Cut off what a run that ended early has not filled."""
        last = self._blocks[-1] if self._blocks else None
        if isinstance(last, np.ndarray):
            self._blocks[-1] = last[: self._filled]


def _dense(events: Events) -> np.ndarray:
    """As the backend would have given them."""
    return events.dense(np.float64 if events.like is None else events.like.numpy().dtype)
