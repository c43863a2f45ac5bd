"""Lists of who fired, as kernels fill and read them."""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor

from spaic.Backend.Torch.firing.spikes import Spikes
from spaic.Graph.events import Events

#: Pointers ``[lists, rows + 1]``, absolute places in the neurons of all lists.
Arrays = tuple[np.ndarray, np.ndarray]


class Lists:
    """The lists of one variable in one run.

    Parameters
    ----------
    depth : int
        Rows of a list before the first step of the run.
    arrays : list of (ndarray, ndarray) or None
        For each sample, the pointers and neurons of what is known; None where there is nothing.
    size, steps, threads : int
        Neurons, steps of the run, and lists that will be filled, one for each thread.

    Notes
    -----
    The row ``depth + n`` of a list is that of step n. What was before the run is a list of its own, the last one. The others share one
    array: that of the thread whose neurons begin at ``a`` starts at the place ``steps * a``, so that there is always room.
    """

    def __init__(self, depth: int, arrays: list[Arrays], size: int = 0, steps: int = 0, threads: int = 0) -> None:
        self.depth, self.known, self.size, self.steps, self.threads = depth, arrays, size, steps, threads
        self._filled: Arrays | None = None
        self.found: list[Arrays] = []

    @classmethod
    def empty(cls, size: int, steps: int, threads: int, past: Tensor | None, batch: int) -> Lists:
        """Lists to be filled; `past` holds the steps before, ``[depth, batch, size]``."""
        depth = 0 if past is None else len(past)
        known = [(np.zeros(1, np.int64), np.zeros(0, np.int32))] * batch if past is None else _before(past)
        return cls(depth, known, size, steps, threads)

    @classmethod
    def given(cls, values: Spikes, past: Tensor | None) -> Lists:
        """Lists of spikes that are known."""
        depth = 0 if past is None else len(past)
        if past is None:
            return cls(0, _of(values))
        earlier = _before(past)
        return cls(depth, [_joined(a, b) for a, b in zip(earlier, _of(values), strict=True)])

    def pointers(self, sample: int) -> np.ndarray:
        """As the kernel takes them."""
        return self._arrays(sample)[0]

    def indices(self, sample: int) -> np.ndarray:
        """As the kernel takes them: neurons, unsigned."""
        return self._arrays(sample)[1].view(np.uint32)

    def _arrays(self, sample: int) -> Arrays:
        pointers, neurons = self.known[sample]
        if not self.threads:
            return pointers[None], neurons
        if self._filled is None:
            room = self.steps * self.size
            rows, places = np.zeros((self.threads + 1, self.depth + self.steps + 1), np.int64), np.empty(room + len(neurons), np.int32)
            rows[-1] = room + len(neurons)
            rows[-1, : self.depth + 1] = room + pointers
            places[room:] = neurons
            self._filled = rows, places
        return self._filled

    def collect(self) -> None:
        """Put the lists of the threads together, step by step; the next sample is filled anew."""
        if self._filled is None or not self.threads:
            return
        pointers, neurons = self._filled
        own = pointers[:-1, self.depth :]
        counts = np.diff(own)
        rows = np.concatenate([[0], np.cumsum(counts.sum(0))])
        first = rows[:-1] + np.cumsum(counts, 0) - counts  # where the part of each thread goes, row by row
        found = np.empty(rows[-1], np.int32)
        for thread in range(self.threads):
            part = neurons[own[thread, 0] : own[thread, -1]]
            shift = np.repeat(first[thread] - (own[thread, :-1] - own[thread, 0]), counts[thread])
            found[np.arange(len(part)) + shift] = part
        self.found.append((rows, found))
        self._filled = None

    def events(self, shape: tuple[int, ...], copies: int = 1) -> Events:
        """What was filled, of all samples; `copies` of them are counted through in each list."""
        parts = self.found if copies == 1 else [part for both in self.found for part in _parted(*both, copies, math.prod(shape))]
        return Events(parts, shape)


def _before(past: Tensor) -> list[Arrays]:
    """Pointers and neurons of the few steps ``[depth, batch, size]`` before a run."""
    found = []
    for sample in past.detach().numpy().swapaxes(0, 1):
        rows, neurons = np.nonzero(sample)
        found.append((np.searchsorted(rows, np.arange(len(sample) + 1)), neurons.astype(np.int32)))
    return found


def _of(spikes: Spikes) -> list[Arrays]:
    """Pointers and neurons of each sample."""
    if spikes.batch == 1:
        pointers, neurons = spikes.rows()
        return [(pointers.numpy(), neurons.numpy())]
    size = math.prod(spikes.shape)
    parts = [Spikes(spikes.bytes[:, b : b + 1].reshape(spikes.steps, 1, size).contiguous()) for b in range(spikes.batch)]
    return [_of(part)[0] for part in parts]


def _parted(pointers: np.ndarray, neurons: np.ndarray, copies: int, size: int) -> list[Arrays]:
    """The lists of each sample, from one in which the neurons of all are counted through."""
    samples = neurons // size
    order = np.argsort(samples, kind="stable")
    steps = len(pointers) - 1
    places = samples * steps + np.repeat(np.arange(steps), np.diff(pointers))
    counts = np.bincount(places, minlength=copies * steps).reshape(copies, steps)
    ends = np.concatenate([np.zeros((copies, 1), np.int64), np.cumsum(counts, 1)], 1)
    own = np.split((neurons - samples * size)[order], np.cumsum(ends[:-1, -1]))
    return list(zip(ends, own, strict=True))


def _joined(a: Arrays, b: Arrays) -> Arrays:
    return np.concatenate([a[0], a[0][-1] + b[0][1:]]), np.concatenate([a[1], b[1]])
