"""Random numbers that belong to (seed, element path, purpose), whatever else the network holds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Key:
    """The name of one stream of random numbers.

    Parameters
    ----------
    seed : int
        The network's seed.
    path : str
        Path of the element that draws, such as ``"hidden.layer1"``.
    purpose : str
        What is drawn: ``"weight"``, ``"noise"``, ``"spikes"``.
    run : int
        Which run of the network; weights always use 0.

    Examples
    --------
    >>> a = Key(0, "layer1", "noise").generator().random()
    >>> a == Key(0, "layer1", "noise").generator().random()
    True
    >>> a == Key(0, "layer2", "noise").generator().random()
    False
    """

    seed: int
    path: str
    purpose: str
    run: int = 0

    def entropy(self, *more: int) -> int:
        """A 128-bit number that is a hash of the key and of `more` (a block number, say)."""
        text = "\x1f".join([str(self.seed), self.path, self.purpose, str(self.run), *map(str, more)])
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little")

    def generator(self, *more: int) -> np.random.Generator:
        """A fresh NumPy generator at the start of this stream."""
        return np.random.Generator(np.random.SFC64(self.entropy(*more)))


class Noise:
    """Standard normal numbers as a pure function of the step: replayable, whatever the chunks.

    Parameters
    ----------
    key : Key
        Whose numbers they are.
    shape : tuple of int
        Shape of one step.

    Examples
    --------
    >>> noise = Noise(Key(0, "layer1", "noise"), (2,))
    >>> bool((noise.steps(10, 40)[5] == noise.steps(15, 16)[0]).all())
    True
    """

    BLOCK = 32

    def __init__(self, key: Key, shape: tuple[int, ...]) -> None:
        self.key, self.shape = key, shape

    def steps(self, start: int, stop: int) -> np.ndarray:
        """Numbers of steps `start` to `stop` - 1: ``[stop - start, *shape]``, float64."""
        first, last = start // self.BLOCK, (stop - 1) // self.BLOCK
        blocks = [self.key.generator(b).standard_normal((self.BLOCK, *self.shape)) for b in range(first, last + 1)]
        return np.concatenate(blocks)[start - first * self.BLOCK : stop - first * self.BLOCK]
