"""What stands before the numbers of an array in NumPy's file format, for the few types that spaic stores.

Source: NumPy enhancement proposal 1, format version 1.0. It is written out here because NumPy's own writer may
pad differently from one version to the next, and a reader compares these bytes.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

#: The types, little-endian: truth values, whole numbers and floating-point numbers of the sizes that every machine has.
TYPES = ("|b1", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8", "<f2", "<f4", "<f8")

_MAX_AXES = 32  # of NumPy 1


class ArrayEntry(NamedTuple):
    """An array in a file, without its numbers.

    Attributes
    ----------
    name : str
        The path it belongs to, such as ``"layer1.weight"``.
    dtype : str
        One of :data:`TYPES`.
    shape : tuple of int
        Its axes, outermost first.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of its numbers."""
        return np.dtype(self.dtype).itemsize * math.prod(self.shape)


def stored_type(dtype: np.dtype) -> str | None:
    """The type under which arrays of `dtype` are stored; None if they cannot be.

    Examples
    --------
    >>> stored_type(np.dtype(">f4")), stored_type(np.dtype(complex))
    ('<f4', None)
    """
    found = dtype.newbyteorder("<").str if dtype.kind in "biuf" else ""
    return found if found in TYPES else None


def fault_in(dtype: object, shape: object) -> str | None:
    """What is wrong with a type and shape that a file states; None if nothing is."""
    if not isinstance(dtype, str) or dtype not in TYPES:
        return f"arrays of type {dtype!r:.60} are not stored by spaic"
    if not isinstance(shape, list) or len(shape) > _MAX_AXES or any(type(size) is not int or size < 0 for size in shape):
        return f"{shape!r:.60} is not the shape of an array"
    if math.prod(max(size, 1) for size in shape) * np.dtype(dtype).itemsize >= 1 << 62:
        return f"shape {shape!r:.60} is larger than any memory"
    return None


def npy_header(dtype: str, shape: tuple[int, ...]) -> bytes:
    """The header of an array in C order, padded to a multiple of 64 bytes.

    Examples
    --------
    >>> npy_header("<f4", (2, 3))[10:-6]
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }..."
    """
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode("ascii")
    padding = -(10 + len(text) + 1) % 64
    length = len(text) + padding + 1
    return b"\x93NUMPY\x01\x00" + length.to_bytes(2, "little") + text + b" " * padding + b"\n"
