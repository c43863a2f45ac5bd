"""The one way in which spaic lays out a ZIP file: stored entries without gaps, every size in 64 bits.

Because nothing is left open, a reader computes these bytes again and compares, instead of believing what a file says
about itself: whatever else ZIP allows (compression, links, several entries of a name, hidden bytes) is refused at once.

Source: PKWARE, APPNOTE.TXT 6.3.10, sections 4.3.7 (local header), 4.3.12 (directory), 4.3.14-16 (end), 4.5.3 (64 bits).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

_VERSION = 45  # of ZIP, the first with 64-bit sizes
_DATE = 0x0021  # 1980-01-01: equal content makes equal files
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF  # "see the 64-bit field"
_SIZES = 0x0001  # tag of the 64-bit fields
_PLAIN_FILE = 0o100644 << 16

#: Where a local header has the checksum of its entry, and, after a name of n letters, its size at ``SIZE_AT + n``.
CRC_AT, SIZE_AT = 14, 34


class Entry(NamedTuple):
    """One file inside.

    Attributes
    ----------
    name : str
        ASCII.
    crc : int
        CRC-32 of its content.
    size : int
        Length of its content in bytes.
    offset : int
        Where its local header starts.
    """

    name: str
    crc: int
    size: int
    offset: int


def header_length(name: str) -> int:
    """Bytes of the local header of an entry."""
    return 50 + len(name)


def local_header(entry: Entry) -> bytes:
    """What stands before the content of an entry."""
    name = entry.name.encode("ascii")
    fixed = struct.pack("<4s5H3L2H", b"PK\3\4", _VERSION, 0, 0, 0, _DATE, entry.crc, _FULL32, _FULL32, len(name), 20)
    return fixed + name + struct.pack("<2H2Q", _SIZES, 16, entry.size, entry.size)


def ending(entries: Sequence[Entry], comment_length: int) -> bytes:
    """What follows the last entry, up to the comment at the very end of the file."""
    last = entries[-1]
    start = last.offset + header_length(last.name) + last.size
    directory = b"".join(map(_directory_entry, entries))
    end = start + len(directory)
    count = len(entries)
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, _VERSION | 3 << 8, _VERSION, 0, 0, count, count, len(directory), start)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, end, 1)
    return directory + end64 + locator + last_record(comment_length)


def ending_length(names: Iterable[str]) -> int:
    """Bytes of :func:`ending` for entries of these names."""
    return 98 + sum(74 + len(name) for name in names)


def last_record(comment_length: int) -> bytes:
    """What stands before the comment, the same in every file."""
    return struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, _FULL16, _FULL16, _FULL32, _FULL32, comment_length)


def _directory_entry(entry: Entry) -> bytes:
    name = entry.name.encode("ascii")
    made = _VERSION | 3 << 8  # on Unix, so that the permissions are read
    fixed = struct.pack("<4s6H3L5H2L", b"PK\1\2", made, _VERSION, 0, 0, 0, _DATE, entry.crc, _FULL32, _FULL32,
                        len(name), 28, 0, 0, 0, _PLAIN_FILE, _FULL32)  # fmt: skip
    return fixed + name + struct.pack("<2H3Q", _SIZES, 24, entry.size, entry.size, entry.offset)
