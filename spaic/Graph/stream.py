"""What enters a network: a function of the step number, never an array over all time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any


class Stream(ABC):
    """Input of one node over a run, made chunk by chunk.

    A stream is pure: asking twice for the same steps gives the same values, so a backend may ask again on the way
    back instead of keeping what it saw.

    Attributes
    ----------
    batch : int
        Number of samples.
    shape : tuple of int
        Shape of one sample at one instant.
    is_spiking : bool
        True if every value is 0 or 1.
    is_constant : bool
        True if every step has the same values.
    """

    batch: int
    shape: tuple[int, ...]
    is_spiking: bool = False
    is_constant: bool = False

    @abstractmethod
    def chunk(self, start: int, stop: int) -> Any:
        """Values of steps `start` to `stop` - 1: a tensor ``[stop - start, batch, *shape]``.

        Spiking streams give bytes (uint8 0/1), others floats. Steps beyond the encoded window are 0.
        """

    def words(self, start: int, stop: int) -> Any:
        """The same as bits, where a spiking stream has them at hand; otherwise None.

        An array of uint64 ``[(stop - start) * batch, ceil(size / 64)]``: 64 neurons in a word, the first in the lowest bit.
        """
        return None


class Later(Stream):
    """A stream whose first step is a later one of the simulation."""

    def __init__(self, stream: Stream, first_step: int) -> None:
        self.stream, self.first_step = stream, first_step
        self.batch, self.shape = stream.batch, stream.shape
        self.is_spiking, self.is_constant = stream.is_spiking, stream.is_constant

    def chunk(self, start: int, stop: int) -> Any:
        return self.stream.chunk(start - self.first_step, stop - self.first_step)

    def words(self, start: int, stop: int) -> Any:
        return self.stream.words(start - self.first_step, stop - self.first_step)
