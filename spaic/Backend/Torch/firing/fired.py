"""Spikes that are known as lists of who fired, or as bits; bytes are made where someone asks for them."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from spaic.Backend.Torch.firing.bits import Bits, RowLists
from spaic.Backend.Torch.firing.spikes import Spikes
from spaic.Graph.events import Events


class Packed(Spikes):
    """Spikes over time that exist as bits.

    Parameters
    ----------
    bits : Bits
        A row for each instant of a sample.
    batch : int
        Number of samples.
    shape : tuple of int
        Of one sample.

    Examples
    --------
    >>> packed = Packed(Bits(np.array([[1], [2]], np.uint64), 2, 2), 1, (2,))
    >>> packed.steps, packed.count, packed.bytes[:, 0].tolist()
    (2, 2, [[1, 0], [0, 1]])
    """

    def __init__(self, bits: Bits, batch: int, shape: tuple[int, ...]) -> None:
        self.bits, self.carrier = bits, None
        self.steps, self.batch, self.shape = bits.rows // batch, batch, shape

    @cached_property
    def bytes(self) -> Tensor:  # type: ignore[override]
        """As :class:`Spikes` has them."""
        return self.bits.bytes().view(self.steps, self.batch, *self.shape)

    @property
    def count(self) -> int:
        return self.bits.count

    @cached_property
    def _rows(self) -> RowLists:
        return self.bits.lists()

    @cached_property
    def _columns(self) -> RowLists:
        return self.bits.flipped.lists()

    def latest(self, steps: int) -> Spikes:
        words = self.bits.words[max(0, self.steps - steps) * self.batch :]
        return Packed(Bits.of_words(words, self.bits.size), self.batch, self.shape)


class Fired(Spikes):
    """Spikes over time that exist as lists.

    Parameters
    ----------
    events : Events
        Who fired in each step.

    Examples
    --------
    >>> fired = Fired(Events([(np.array([0, 1, 2]), np.array([1, 0], np.int32))], (2,)))
    >>> fired.count, fired.bytes[:, 0].tolist(), fired.latest(1).bytes.tolist()
    (2, [[0, 1], [1, 0]], [[[1, 0]]])
    """

    def __init__(self, events: Events) -> None:
        self.events, self.carrier = events, None
        self.steps, self.batch, self.shape = len(events), len(events.lists), events.sample_shape

    @cached_property
    def bytes(self) -> Tensor:  # type: ignore[override]
        """As :class:`Spikes` has them."""
        return torch.from_numpy(self.events.dense(np.uint8))

    @cached_property
    def count(self) -> int:
        return self.events.count

    @cached_property
    def _rows(self) -> RowLists:
        if self.batch > 1:
            return self.bits.lists()
        pointers, neurons = self.events.lists[0]
        return torch.from_numpy(np.ascontiguousarray(pointers)), torch.from_numpy(np.ascontiguousarray(neurons))

    def latest(self, steps: int) -> Spikes:
        return Fired(self.events.between(max(0, len(self.events) - steps), len(self.events)))
