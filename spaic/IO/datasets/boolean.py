"""Boolean problems: four samples each, the smallest tasks a network can be given."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from spaic.errors import DeclarationError, nearest
from spaic.IO.dataset import ArrayDataset

#: Function -> its value for 00, 10, 01 and 11.
_TABLES = {
    "and": (0, 0, 0, 1),
    "or": (0, 1, 1, 1),
    "xor": (0, 1, 1, 0),
    "nand": (1, 1, 1, 0),
    "nor": (1, 0, 0, 0),
    "xnor": (1, 0, 0, 1),
}


class Boolean(ArrayDataset):
    """The truth table of a function of two bits: four samples in the order 00, 10, 01, 11, and their values as labels.

    Parameters
    ----------
    function : str
        and, or, xor, nand, nor or xnor.
    repeats : int
        How many inputs stand for each bit: a sample has ``2 * repeats`` values, those of the first bit first.
    low, high : float
        Width, in [0, 1], of the noise: a 0 is read as a number from [0, `low`), a 1 as one from [1 - `high`, 1). None by default.
    intensity : float
        Factor on all values, such as a rate.
    copies : int
        How many times the table is in the data set, each time with other noise.
    seed : int
        Seed of the noise.

    Raises
    ------
    DeclarationError
        For an unknown function, or a number out of its range.

    Examples
    --------
    >>> dataset = Boolean("xor")
    >>> [(data.tolist(), int(label)) for data, label in (dataset[i] for i in range(4))]
    [([0.0, 0.0], 0), ([1.0, 0.0], 1), ([0.0, 1.0], 1), ([1.0, 1.0], 0)]
    """

    def __init__(
        self, function: str, repeats: int = 1, low: float = 0.0, high: float = 0.0, intensity: float = 1.0, copies: int = 1, seed: int = 0
    ) -> None:
        key = str(function).strip().lower()
        if key not in _TABLES:
            raise DeclarationError(f"Boolean: unknown function {function!r}; {nearest(key, _TABLES)}")
        for name, number in (("repeats", repeats), ("copies", copies)):
            if isinstance(number, bool) or not isinstance(number, int) or number < 1:
                raise DeclarationError(f"Boolean.{name}: {number!r} is not a positive whole number; give one")
        for name, width in (("low", low), ("high", high)):
            if isinstance(width, bool) or not isinstance(width, (int, float)) or not 0 <= width <= 1:
                raise DeclarationError(f"Boolean.{name}: {width!r} is outside [0, 1]; give the width of the noise")
        if isinstance(intensity, bool) or not isinstance(intensity, (int, float)) or not 0 <= intensity < float("inf"):
            raise DeclarationError(f"Boolean.intensity: {intensity!r} is not a finite number of at least 0; give one")
        bits = np.repeat(np.tile([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], (copies, 1)), repeats, axis=1)
        noise = np.random.default_rng(seed).random(bits.shape)
        data = np.where(bits == 0, low * noise, 1 - high * noise) * intensity
        super().__init__(data.astype(np.float32), np.tile(_TABLES[key], copies).astype(np.int64), class_number=2)
        self.function = key


class _Named(Boolean):
    """A Boolean problem with a name of its own."""

    table: ClassVar[str]

    def __init__(
        self, repeats: int = 1, low: float = 0.0, high: float = 0.0, intensity: float = 1.0, copies: int = 1, seed: int = 0
    ) -> None:
        super().__init__(self.table, repeats, low, high, intensity, copies, seed)


class AND(_Named):
    """1 if both bits are 1; see :class:`Boolean`."""

    table = "and"


class OR(_Named):
    """1 if one of the bits is 1, or both; see :class:`Boolean`."""

    table = "or"


class XOR(_Named):
    """1 if one of the bits is 1, but not both; see :class:`Boolean`."""

    table = "xor"
