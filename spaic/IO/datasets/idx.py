"""The IDX format of the MNIST family: a magic number, the sizes, then the numbers, big-endian."""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from pathlib import Path

import numpy as np

from spaic.errors import DataError

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP = b"\x1f\x8b"


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """The array in an IDX file, plain or gzipped.

    Returns
    -------
    ndarray
        Read-only, in the file's type (native byte order) and shape.

    Raises
    ------
    DataError
        If the file is missing, damaged, cut short, too long or not IDX.
    """
    path = Path(path)
    return parse_idx(unpack(path), path)


def unpack(path: Path) -> bytes:
    """The bytes of `path`, decompressed if its content (whatever its name) is gzip."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    if not content.startswith(_GZIP):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: the gzip file is damaged ({error}); get it again") from error


def parse_idx(content: bytes, path: Path) -> np.ndarray:
    """The array in the unpacked bytes of an IDX file; `path` is for the messages."""
    dtype, shape, start = _header(content, path)
    expected = dtype.itemsize * math.prod(shape)
    size = len(content) - start
    if size != expected:
        fault = "is cut short" if size < expected else "has trailing bytes"
        raise DataError(f"{path}: {fault}, {size} bytes of data where shape {shape} needs {expected}; get the file again")
    array = np.frombuffer(content, dtype, offset=start).reshape(shape)
    native = array.astype(dtype.newbyteorder("="), copy=False)
    native.flags.writeable = False
    return native


def _header(content: bytes, path: Path) -> tuple[np.dtype, tuple[int, ...], int]:
    """Type, shape and length of the header."""
    if len(content) < 4:
        raise DataError(f"{path}: only {len(content)} bytes, too short for an IDX file; get the file again")
    if content[:2] != b"\0\0" or content[2] not in _TYPES:
        raise DataError(f"{path}: magic number 0x{content[:4].hex()} is not that of an IDX file; check which file this is")
    dimensions = content[3]
    start = 4 + 4 * dimensions
    if dimensions == 0 or len(content) < start:
        raise DataError(f"{path}: the header is cut short or empty ({dimensions} dimensions, {len(content)} bytes); get the file again")
    return np.dtype(_TYPES[content[2]]), struct.unpack_from(f">{dimensions}I", content, 4), start
