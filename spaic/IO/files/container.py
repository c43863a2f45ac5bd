"""One safe file of named arrays and plain data, the ``.spaic`` file: no pickle, checked to the last bit, replaced in one step.

It is a ZIP file of ``manifest.json``, which has the data and an index of the arrays, and ``arrays/0.npy``,
``arrays/1.npy`` and so on, all stored without compression: ``unzip -p net.spaic manifest.json`` shows what is inside.
The comment at its end is the SHA-256 of everything before. :mod:`spaic.IO.files.verified` says how it is read.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from spaic.errors import DataError
from spaic.IO.files import index, plain, zip_layout
from spaic.IO.files.atomic import as_path, replacing
from spaic.IO.files.npy_header import TYPES, ArrayEntry, npy_header, stored_type
from spaic.IO.files.verified import BLOCK, COMMENT_LENGTH, MARK, opened

SUFFIX = ".spaic"


def write(path: str | os.PathLike[str], manifest: dict[str, Any], arrays: Mapping[str, np.ndarray], keep: int = 1) -> Path:
    """Write plain data and arrays to one file, which replaces the version before only once it is complete.

    Parameters
    ----------
    path : str or Path
        The file; ``.spaic`` is added to a name without a suffix. Its folder must be there.
    manifest : dict
        Plain data as JSON has it, at most 4 MiB of text; :mod:`spaic.IO.files.codec` makes it out of what is not.
    arrays : mapping of str to ndarray
        Truth values, whole numbers or floating-point numbers of up to 64 bits, of any shape and memory order.
    keep : int
        How many versions to keep, the new one included: ``net.spaic``, ``net.1.spaic`` (the one before), ...

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    DataError
        If something cannot be stored or the file cannot be written; the version before is then untouched.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write(f"{folder}/net", {"dt": 0.1}, {"layer1.weight": np.eye(2)})
    ...     manifest, arrays = read(path)
    >>> path.name, manifest, arrays["layer1.weight"].tolist()
    ('net.spaic', {'dt': 0.1}, [[1.0, 0.0], [0.0, 1.0]])
    """
    target = _target(path)
    entries = [_entry_of(name, array, target) for name, array in arrays.items()]
    text = index.to_text(manifest, entries, str(target))
    with replacing(target, keep) as stream:
        writer = _Writer(stream, target)
        writer.add(index.MANIFEST, text, np.empty(0, np.uint8))
        for number, (entry, array) in enumerate(zip(entries, arrays.values(), strict=True)):
            writer.add(index.entry_name(number), npy_header(entry.dtype, entry.shape), _numbers(entry, array, target))
        writer.close()
    return target


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The plain data and the arrays of a file; the arrays are new, writable, in C order and in the machine's byte order.

    Raises
    ------
    DataError
        If the file is missing, damaged, or not exactly as :func:`write` would have written it.
    """
    with opened(_target(path)) as file:
        return file.manifest, file.arrays()


def describe(path: str | os.PathLike[str]) -> tuple[dict[str, Any], list[ArrayEntry]]:
    """The plain data of a file, and name, type and shape of its arrays; all of it is checked, no array is loaded."""
    with opened(_target(path)) as file:
        return file.manifest, file.entries


def read_manifest(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The plain data of a file, all of which is checked."""
    return describe(path)[0]


class _Writer:
    """Lays out the entries and hashes what is written."""

    def __init__(self, stream: BinaryIO, target: Path) -> None:
        self._stream = stream
        self._target = target
        self._digest = hashlib.sha256()
        self._entries: list[zip_layout.Entry] = []
        self._length = 0

    def add(self, name: str, start: bytes, numbers: np.ndarray) -> None:
        """An entry of `start` followed by the bytes in `numbers`."""
        crc = zlib.crc32(numbers.data, zlib.crc32(start))
        entry = zip_layout.Entry(name, crc, len(start) + numbers.nbytes, self._length)
        self._entries.append(entry)
        self._put(zip_layout.local_header(entry) + start)
        written = zlib.crc32(start)
        for position in range(0, numbers.nbytes, BLOCK):
            block = numbers[position : position + BLOCK].tobytes()  # a copy, so that what is hashed is what is written
            written = zlib.crc32(block, written)
            self._put(block)
        if written != crc:
            raise DataError(f"{self._target}: an array changed while it was written; save when nothing works on the arrays")

    def close(self) -> None:
        """The directory and the comment."""
        self._put(zip_layout.ending(self._entries, COMMENT_LENGTH) + MARK)
        self._stream.write(self._digest.hexdigest().encode("ascii"))

    def _put(self, block: bytes) -> None:
        self._digest.update(block)
        self._stream.write(block)
        self._length += len(block)


def _target(path: str | os.PathLike[str]) -> Path:
    target = as_path(path)
    if os.path.isdir(target):  # which pathlib may refuse to say
        raise DataError(f"{target}: is a folder; give the name of a file in it")
    return target if target.suffix else target.with_name(target.name + SUFFIX)


def _entry_of(name: str, array: np.ndarray, target: Path) -> ArrayEntry:
    if not index.is_name(name):
        raise DataError(f"{target}: {plain.brief(name)} is no name for an array; give 1 to {index.MAX_NAME} printable characters")
    stored = stored_type(array.dtype) if isinstance(array, np.ndarray) and not isinstance(array, np.ma.MaskedArray) else None
    if stored is None:
        what = f"array of type {array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__
        raise DataError(f"{target}: {name}: {what} cannot be stored; give an array of one of {', '.join(TYPES)}")
    return ArrayEntry(name, stored, array.shape)


def _numbers(entry: ArrayEntry, array: np.ndarray, target: Path) -> np.ndarray:
    """The bytes of an array, copied only where it is not little-endian and in C order."""
    content = np.asarray(array, dtype=entry.dtype, order="C").reshape(-1).view(np.uint8)
    if entry.dtype == "|b1" and content.size and content.max() > 1:
        raise DataError(f"{target}: {entry.name}: truth values other than 0 and 1; make the array with astype(bool)")
    return content
