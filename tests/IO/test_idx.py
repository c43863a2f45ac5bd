from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest

from spaic.errors import DataError
from spaic.IO import read_idx

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx_bytes(array: np.ndarray) -> bytes:
    big = array.astype(array.dtype.newbyteorder(">"))
    header = bytes([0, 0, CODES[array.dtype.str[1:]], array.ndim])
    return header + struct.pack(f">{array.ndim}I", *array.shape) + big.tobytes()


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_reads_back_every_type_plain_and_packed(tmp_path, code, pack):
    array = np.arange(24).reshape(2, 3, 4).astype(code)
    path = tmp_path / "file"
    path.write_bytes(pack(idx_bytes(array)))
    read = read_idx(path)
    assert read.dtype == array.dtype and read.dtype.isnative
    np.testing.assert_array_equal(read, array)
    assert not read.flags.writeable


GOOD = idx_bytes(np.arange(12, dtype=np.uint8).reshape(3, 4))
PACKED = gzip.compress(GOOD, mtime=0)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "only 0 bytes"),
        (GOOD[:3], "only 3 bytes"),
        (b"\x01" + GOOD[1:], "magic number 0x01000802"),
        (b"\0\0\x0a\x02" + GOOD[4:], "magic number 0x00000a02"),
        (b"\0\0\x08\0", "0 dimensions"),
        (GOOD[:9], "header is cut short"),
        (GOOD[:-1], "is cut short, 11 bytes of data where shape"),
        (GOOD + b"\0", "has trailing bytes, 13"),
        (b"\0\0\x0e\x03" + b"\xff" * 12, "is cut short, 0 bytes"),
        (PACKED[:-6], "gzip file is damaged"),
        (PACKED[:-8] + b"\0" * 8, "gzip file is damaged"),
        (PACKED[:10] + b"\xff" * 9, "gzip file is damaged"),
        (gzip.compress(GOOD[:-1], mtime=0), "is cut short"),
    ],
    ids=[
        "empty",
        "three bytes",
        "first byte",
        "type code",
        "no dimensions",
        "header cut",
        "one byte less",
        "one byte more",
        "huge shape",
        "gzip cut",
        "gzip checksum",
        "gzip content",
        "gzip of a cut file",
    ],
)
def test_damage_is_named(tmp_path, content, fault):
    path = tmp_path / "damaged-idx"
    path.write_bytes(content)
    with pytest.raises(DataError, match=fault) as caught:
        read_idx(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_missing_file(tmp_path):
    with pytest.raises(DataError, match="cannot be read .No such file"):
        read_idx(tmp_path / "none")


def test_empty_array(tmp_path):
    path = tmp_path / "empty"
    path.write_bytes(idx_bytes(np.zeros((0, 5), np.uint8)))
    assert read_idx(path).shape == (0, 5)
