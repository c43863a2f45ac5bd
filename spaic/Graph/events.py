"""Spikes over time as what they are: few. Who fired, instant by instant."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np


class Events:
    """The spikes of a variable in a recording, in place of an array of zeros and ones.

    Parameters
    ----------
    lists : sequence of (ndarray, ndarray)
        For each sample of the batch: pointers ``[steps + 1]`` and neurons over the flattened shape, so that
        ``neurons[pointers[n]:pointers[n + 1]]`` fired in step n, ascending.
    shape : tuple of int
        Shape of the variable in one sample.
    like : array, optional
        An empty array of the kind that holds the spikes where they are an array.

    Examples
    --------
    >>> events = Events([(np.array([0, 1, 1, 3]), np.array([1, 0, 2]))], (3,))
    >>> events.shape, events.count
    ((3, 1, 3), 3)
    >>> events.dense(np.uint8)[:, 0].tolist()
    [[0, 1, 0], [0, 0, 0], [1, 0, 1]]
    >>> events.steps_and_neurons(0)[0].tolist()
    [0, 2, 2]
    """

    def __init__(self, lists: Sequence[tuple[np.ndarray, np.ndarray]], shape: tuple[int, ...], like: Any = None) -> None:
        self.lists, self.sample_shape, self.like = tuple(lists), shape, like

    @classmethod
    def joined(cls, parts: Sequence[Events]) -> Events:
        """One after the other."""
        lists = []
        for sample in range(len(parts[0].lists)):
            pointers, neurons = zip(*(part.lists[sample] for part in parts), strict=True)
            ends = np.cumsum([0, *(p[-1] for p in pointers)])
            later = [p[1:] + end for p, end in zip(pointers, ends[:-1], strict=True)]
            lists.append((np.concatenate([pointers[0][:1], *later]), np.concatenate(neurons)))
        return cls(lists, parts[0].sample_shape, parts[0].like)

    @property
    def shape(self) -> tuple[int, ...]:
        """``(steps, batch, *shape)``."""
        return (len(self), len(self.lists), *self.sample_shape)

    def __len__(self) -> int:
        return len(self.lists[0][0]) - 1

    @property
    def count(self) -> int:
        """Number of spikes."""
        return sum(len(neurons) for _, neurons in self.lists)

    @property
    def nbytes(self) -> int:
        """Bytes that they take."""
        return sum(pointers.nbytes + neurons.nbytes for pointers, neurons in self.lists)

    def steps_and_neurons(self, sample: int) -> tuple[np.ndarray, np.ndarray]:
        """Step and neuron of every spike of a sample, in the order of time."""
        pointers, neurons = self.lists[sample]
        return np.repeat(np.arange(len(self)), np.diff(pointers)), neurons

    def between(self, first: int, stop: int) -> Events:
        """Only steps `first` to `stop` - 1."""
        parts = [
            (pointers[first : stop + 1] - pointers[first], neurons[pointers[first] : pointers[stop]]) for pointers, neurons in self.lists
        ]
        return Events(parts, self.sample_shape, self.like)

    def dense(self, dtype: object) -> np.ndarray:
        """Zeros and ones, ``[steps, batch, *shape]``."""
        size, width = prod(self.sample_shape), prod(self.shape[1:])
        values = np.zeros(len(self) * width, dtype)  # type: ignore[call-overload]
        for sample, (pointers, neurons) in enumerate(self.lists):
            first = np.arange(sample * size, sample * size + len(self) * width, width)
            values[np.repeat(first, np.diff(pointers)) + neurons] = 1  # one index, which NumPy writes faster than three
        return values.reshape(self.shape)
