"""Reading a ``.spaic`` file that may be damaged, or made to do harm.

First the length, the end and the SHA-256 of the whole file are checked, which finds every damage. They do not prove who
wrote it, so nothing in it is believed either: from the index follow the length of the file and every byte that is not
content, these are compared, and only then is memory taken for the arrays, which is never more than the file is long.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from spaic.errors import DataError, SpaicError
from spaic.IO.files import index, zip_layout
from spaic.IO.files.atomic import version_path
from spaic.IO.files.npy_header import ArrayEntry, npy_header

BLOCK = 1 << 20  # bytes that are read, hashed and written at a time
MARK = b"sha256:"
COMMENT_LENGTH = len(MARK) + 64

_NOT_OURS = "do not use this file, spaic did not write it"


@contextmanager
def opened(path: Path) -> Iterator[Verified]:
    """A file of which everything but the arrays has been read and checked.

    Raises
    ------
    DataError
        If it is missing, damaged, or not laid out as spaic does.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
            raise DataError(f"{path}: is not a regular file; give a file that spaic wrote")
        with path.open("rb") as stream:
            yield Verified(stream, path)
    except SpaicError:
        raise
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}); check the path") from error


class Verified:
    """The content of an open file.

    Attributes
    ----------
    manifest : dict
        Its plain data.
    entries : list of ArrayEntry
        Name, type and shape of its arrays, in their order.
    """

    def __init__(self, stream: io.BufferedReader, path: Path) -> None:
        self._stream = stream
        self._path = path
        self._length = os.fstat(stream.fileno()).st_size
        self._check_ends()
        self._check_digest()
        self._first = self._manifest_entry()
        self.manifest, self.entries = index.from_text(self._manifest_text(), str(path))
        self._check_length()
        self._check_layout()

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays, each read straight into its own memory."""
        self._stream.seek(zip_layout.header_length(index.MANIFEST) + self._first.size)
        return {entry.name: self._array(number, entry) for number, entry in enumerate(self.entries)}

    def _array(self, number: int, entry: ArrayEntry) -> np.ndarray:
        header = self._take(zip_layout.header_length(index.entry_name(number)))
        crc = zlib.crc32(self._take(len(npy_header(entry.dtype, entry.shape))))
        array = np.empty(entry.shape, entry.dtype)
        content = array.reshape(-1).view(np.uint8)
        for position in range(0, content.nbytes, BLOCK):
            block = content[position : position + BLOCK].data
            if self._stream.readinto(block) != block.nbytes:
                raise self._damaged("it was cut short while it was read")
            crc = zlib.crc32(block, crc)
        if crc != _crc_in(header):
            raise self._strange(f"the CRC-32 of {index.entry_name(number)} is wrong")
        if entry.dtype == "|b1" and content.size and content.max() > 1:
            raise self._strange(f"array {entry.name!r} has truth values other than 0 and 1")
        return array.astype(array.dtype.newbyteorder("="), copy=False)

    def _check_ends(self) -> None:
        tail = zip_layout.last_record(COMMENT_LENGTH) + MARK
        least = zip_layout.header_length(index.MANIFEST) + zip_layout.ending_length([index.MANIFEST]) + COMMENT_LENGTH
        if self._length < least:
            raise self._damaged(f"only {self._length} bytes, too short for a file of spaic")
        if self._take(4) != b"PK\3\4":
            raise self._damaged("it does not begin like a file of spaic")
        self._stream.seek(self._length - len(tail) - 64)
        if self._take(len(tail)) != tail:
            raise self._damaged("it does not end with its SHA-256: it was cut short or added to, or is another kind of file")

    def _check_digest(self) -> None:
        digest, left = hashlib.sha256(), self._length - 64
        self._stream.seek(0)
        while left:
            block = self._take(min(BLOCK, left))
            digest.update(block)
            left -= len(block)
        if self._take(64) != digest.hexdigest().encode("ascii"):
            raise self._damaged("its SHA-256 is not that of its content, which has changed since it was written")

    def _manifest_entry(self) -> zip_layout.Entry:
        self._stream.seek(0)
        header = self._take(zip_layout.header_length(index.MANIFEST))
        at = zip_layout.SIZE_AT + len(index.MANIFEST)
        entry = zip_layout.Entry(index.MANIFEST, _crc_in(header), int.from_bytes(header[at : at + 8], "little"), 0)
        if header != zip_layout.local_header(entry):
            raise self._strange(f"it does not begin with a stored {index.MANIFEST}")
        if entry.size > min(index.MAX_LENGTH, self._length):
            raise self._strange(f"{index.MANIFEST} of {entry.size} bytes is longer than the file or {index.MAX_LENGTH} bytes")
        return entry

    def _manifest_text(self) -> bytes:
        text = self._take(self._first.size)
        if zlib.crc32(text) != self._first.crc:
            raise self._strange(f"the CRC-32 of {index.MANIFEST} is wrong")
        return text

    def _sizes(self) -> Iterator[tuple[str, int]]:
        yield index.MANIFEST, self._first.size
        for number, entry in enumerate(self.entries):
            yield index.entry_name(number), len(npy_header(entry.dtype, entry.shape)) + entry.nbytes

    def _check_length(self) -> None:
        laid = sum(zip_layout.header_length(name) + size for name, size in self._sizes())
        promised = laid + zip_layout.ending_length(name for name, _ in self._sizes()) + COMMENT_LENGTH
        if promised != self._length:
            raise self._strange(f"by its index it would have {promised} bytes, it has {self._length}")

    def _check_layout(self) -> None:
        """Compare every byte between the contents with what the index implies."""
        found, offset = [], 0
        for number, (name, size) in enumerate(self._sizes()):
            self._stream.seek(offset)
            header = self._take(zip_layout.header_length(name))
            found.append(zip_layout.Entry(name, _crc_in(header), size, offset))
            start = npy_header(*self.entries[number - 1][1:]) if number else b""
            if header + self._take(len(start)) != zip_layout.local_header(found[-1]) + start:
                raise self._strange(f"{name} is not the stored array that the index says")
            offset += len(header) + size
        self._stream.seek(offset)
        ending = zip_layout.ending(found, COMMENT_LENGTH)
        if self._take(len(ending)) != ending:
            raise self._strange("its directory does not list exactly the entries of the index")

    def _take(self, length: int) -> bytes:
        block = self._stream.read(length)
        if len(block) != length:
            raise self._damaged("it was cut short while it was read")
        return block

    def _damaged(self, fault: str) -> DataError:
        kept = (version_path(self._path, number) for number in range(1, 10))
        older = next((path for path in kept if os.path.isfile(path)), None)
        advice = f"use the older version {older}" if older else "take another copy; write with keep=2 or more to have older versions"
        return DataError(f"{self._path}: {fault}; {advice}")

    def _strange(self, fault: str) -> DataError:
        return DataError(f"{self._path}: {fault}; {_NOT_OURS}")


def _crc_in(header: bytes) -> int:
    return int.from_bytes(header[zip_layout.CRC_AT : zip_layout.CRC_AT + 4], "little")
