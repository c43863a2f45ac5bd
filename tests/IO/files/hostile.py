"""Files that are damaged, and files that somebody who knows the format could make: with the right SHA-256, but not by spaic."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from spaic.IO.files import zip_layout
from spaic.IO.files.npy_header import npy_header

MARK = b"sha256:"
EVIL = "evil-was-here"  # the file that a pickle would make


def seal(body: bytes) -> bytes:
    """`body`, which ends with the mark, and its SHA-256."""
    return body + hashlib.sha256(body).hexdigest().encode()


def forge(manifest: bytes, contents: Sequence[bytes] = (), names: Sequence[str] | None = None, **tricks: Any) -> bytes:
    """A file laid out like ours from any contents; `tricks` bend single places of it."""
    names = names or [f"arrays/{number}.npy" for number in range(len(contents))]
    body, entries = tricks.get("before", b""), []
    for name, content in zip(["manifest.json", *names], [manifest, *contents], strict=True):
        crc = zlib.crc32(content) ^ tricks.get("crc", 0) * (name != "manifest.json")
        entries.append(zip_layout.Entry(name, crc, len(content), len(body)))
        body += zip_layout.local_header(entries[-1]) + content + tricks.get("between", b"")
    listed = tricks.get("listed", lambda found: found)(entries)
    ending = zip_layout.ending(listed, 71)
    return seal(tricks.get("edit", lambda text: text)(body + ending + MARK))


def wrapper(arrays: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """What manifest.json holds."""
    return {"format": "spaic", "version": 1, "arrays": arrays or {}, "manifest": {}} | changes


def text(tree: Any) -> bytes:
    return json.dumps(tree).encode()


def one(dtype: Any = "<f4", shape: Any = (2,), content: bytes | None = None, name: str = "w", entry: str = "arrays/0.npy") -> bytes:
    """A file with one array as the index says, whatever that is."""
    manifest = text(wrapper({name: {"entry": entry, "dtype": dtype, "shape": list(shape) if isinstance(shape, tuple) else shape}}))
    return forge(manifest, [content if content is not None else npy_header(dtype, shape) + bytes(8)])


def valued(value: str) -> bytes:
    """A file whose plain data hold this JSON text."""
    return forge(b'{"format": "spaic", "version": 1, "arrays": {}, "manifest": {"a": ' + value.encode() + b"}}")


def saved(array: np.ndarray) -> bytes:
    """What NumPy writes, pickle included."""
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


class Evil:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {EVIL}",)


def zipped(contents: Sequence[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    """A file written by Python's zipfile, which allows more than we do."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in contents:
            archive.writestr(zipfile.ZipInfo(name) if method == zipfile.ZIP_STORED else name, content)
        archive.comment = MARK + bytes(64)
    return seal(stream.getvalue()[:-64])


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """An edit that must find what it changes."""

    def edit(body: bytes) -> bytes:
        assert body.count(old) >= 1
        return body.replace(old, new)

    return edit


F4 = npy_header("<f4", (2,)) + bytes(8)
INDEX = {"w": {"entry": "arrays/0.npy", "dtype": "<f4", "shape": [2]}}
WHOLE = text(wrapper(INDEX))
MANY = {f"w{n}": {"entry": f"arrays/{n}.npy", "dtype": "<f8", "shape": [1 << 40]} for n in range(50_000)}
OBJECTS = saved(np.array([Evil()], dtype=object))

#: Name -> makes the bytes; only when asked, since some are large.
FILES: dict[str, Callable[[], bytes]] = {
    # pickle
    "pickled objects, stated": lambda: one("|O", (1,), OBJECTS),
    "pickled objects, denied": lambda: one("<f8", (1,), OBJECTS),
    "a pickle as the whole entry": lambda: one("<f8", (1,), b"cos\nsystem\n(S'touch evil-was-here'\ntR."),
    "pickled manifest": lambda: forge(b"cos\nsystem\n(S'touch evil-was-here'\ntR."),
    # types and shapes
    **{f"type {dtype}": (lambda dtype=dtype: one(dtype, (1,), npy_header(dtype, (1,)) + bytes(16)))
       for dtype in ("<c8", "<c16", "|V8", "<U4", "|S8", "<M8[s]", "<m8[s]", "<f16", ">f4", "f4", "float32", "[('a', '<f4')]")},
    "type is a list": lambda: one([["a", "<f4"]], (2,), F4),
    "type is a number": lambda: one(4, (2,), F4),
    "shape negative": lambda: one("<f4", (-2,), F4),
    "shape true": lambda: one("<f4", [True, 2], F4),
    "shape not whole": lambda: one("<f4", [2.0], F4),
    "shape null": lambda: one("<f4", None, F4),
    "shape of text": lambda: one("<f4", ["2"], F4),
    "shape of 33 axes": lambda: one("<f4", [1] * 33, npy_header("<f4", (1,) * 33) + bytes(4)),
    "shape of a million axes": lambda: one("<f4", [1] * 1_000_000, F4),
    "shape overflows 64 bits": lambda: one("<f4", (1 << 62, 4), npy_header("<f4", (1 << 62, 4))),
    "shape overflows beside a zero": lambda: one("<f4", (0, 1 << 62), npy_header("<f4", (0, 1 << 62))),
    "shape of 900 digits": lambda: one("<f4", (10**899,), F4),
    "index promises 4 TiB": lambda: one("<f4", (1 << 40,), npy_header("<f4", (1 << 40,)) + bytes(8)),
    "header promises 4 TiB": lambda: one("<f4", (2,), npy_header("<f4", (1 << 40,)) + bytes(8)),
    "header promises less": lambda: one("<f4", (2,), npy_header("<f4", (1,)) + bytes(8)),
    "header of another type": lambda: one("<f4", (2,), npy_header("<i4", (2,)) + bytes(8)),
    "header in Fortran order": lambda: one("<f4", (2,), npy_header("<f4", (2,)).replace(b"False,", b"True, ") + bytes(8)),
    "header is code": lambda: one("<f4", (2,), npy_header("<f4", (2,)).replace(b"False,", b"exit()") + bytes(8)),
    "50,000 arrays of 8 TiB": lambda: forge(text(wrapper(MANY)), [F4]),
    "truth value 2": lambda: one("|b1", (2,), npy_header("|b1", (2,)) + b"\1\2"),
    # names
    "name with line break": lambda: one(name="a\nb"),
    "name empty": lambda: one(name=""),
    "name of 2,000 letters": lambda: one(name="a" * 2000),
    "index points outside": lambda: one(entry="../../evil-was-here"),
    "index points to the manifest": lambda: one(entry="manifest.json"),
    "index points to another entry": lambda: one(entry="arrays/1.npy"),
    "entry ../": lambda: forge(WHOLE, [F4], ["../evil-was-here"]),
    "entry absolute": lambda: forge(WHOLE, [F4], ["/tmp/evil.npy"]),
    "entry of another name": lambda: forge(WHOLE, [F4], ["arrays/1.npy"]),
    # ZIP
    "written by zipfile": lambda: zipped([("manifest.json", WHOLE), ("arrays/0.npy", F4)]),
    "compressed": lambda: zipped([("manifest.json", WHOLE), ("arrays/0.npy", F4)], zipfile.ZIP_DEFLATED),
    "compressed array of 200 MB": lambda: zipped([("manifest.json", WHOLE), ("arrays/0.npy", bytes(200_000_000))], zipfile.ZIP_DEFLATED),
    "compressed manifest of 200 MB": lambda: zipped([("manifest.json", b" " * 200_000_000)], zipfile.ZIP_DEFLATED),
    "said to be compressed": lambda: forge(WHOLE, [F4], edit=lambda body: body[:8] + b"\x08" + body[9:]),
    "said to be encrypted": lambda: forge(WHOLE, [F4], edit=lambda body: body[:6] + b"\x01" + body[7:]),
    "entry there twice": lambda: forge(WHOLE, [F4, F4], ["arrays/0.npy", "arrays/0.npy"]),
    "entry listed twice": lambda: forge(WHOLE, [F4], listed=lambda found: [*found, found[-1]]),
    "entry not in the index": lambda: forge(text(wrapper()), [F4]),
    "entry missing": lambda: forge(WHOLE),
    "entry not listed": lambda: forge(WHOLE, [F4], listed=lambda found: found[:1]),
    "entries overlap": lambda: forge(WHOLE, [F4], listed=lambda found: [found[0], found[1]._replace(offset=0)]),
    "entry listed with another size": lambda: forge(WHOLE, [F4], listed=lambda found: [found[0], found[1]._replace(size=1 << 50)]),
    "entry listed with another name": lambda: forge(WHOLE, [F4], listed=lambda found: [found[0], found[1]._replace(name="../x/0.npy")]),
    "entry listed with another CRC": lambda: forge(WHOLE, [F4], listed=lambda found: [found[0], found[1]._replace(crc=1)]),
    "CRC wrong": lambda: forge(WHOLE, [F4], crc=1),
    "hidden bytes at the start": lambda: forge(WHOLE, [F4], before=b"MZ hidden"),
    "hidden bytes between": lambda: forge(WHOLE, [F4], between=b"hidden"),
    "hidden bytes before the end": lambda: forge(WHOLE, [F4], edit=replaced(b"PK\6\6", b"hiddenPK\6\6")),
    "a link": lambda: forge(WHOLE, [F4], edit=replaced((0o100644 << 16).to_bytes(4, "little"), (0o120777 << 16).to_bytes(4, "little"))),
    "several disks": lambda: forge(WHOLE, [F4], edit=replaced(b"PK\6\7\0\0\0\0", b"PK\6\7\1\0\0\0")),
    "no entries at all": lambda: zipped([]),
    "manifest of 2**62 bytes": lambda: forge(WHOLE, edit=lambda body: body[:47] + (1 << 62).to_bytes(8, "little") * 2 + body[63:]),
    # JSON
    "manifest of 5 MiB": lambda: valued('"' + "a" * (5 << 20) + '"'),
    "nested 100,000 deep": lambda: valued("[" * 100_000 + "]" * 100_000),
    "objects nested 100,000 deep": lambda: valued('{"a":' * 100_000 + "1" + "}" * 100_000),
    "nested 300 deep": lambda: valued("[" * 300 + "]" * 300),
    "NaN": lambda: valued("NaN"),
    "Infinity": lambda: valued("-Infinity"),
    "1e999": lambda: valued("1e999"),
    "a number of 4,000,000 digits": lambda: valued("9" * 4_000_000),
    "a key twice": lambda: valued('{"b": 1, "b": 2}'),
    "a key twice after 600,000 empty objects": lambda: valued('[{"":{}}' + ',{"":{}}' * 500_000 + ',{"b":1,"b":2}]'),
    "a key twice after 500,000 keys": lambda: valued("{" + ",".join(f'"{n:x}":0' for n in range(400_000)) + ',"7":1}'),
    "an array twice in the index": lambda: forge(WHOLE.replace(b'"arrays": {', b'"arrays": {"w": 1, '), [F4]),
    "cut short JSON": lambda: forge(WHOLE[:-1], [F4]),
    "two JSON values": lambda: forge(WHOLE + b"{}", [F4]),
    "not UTF-8": lambda: forge(b"\xff" + WHOLE, [F4]),
    "UTF-16": lambda: forge(WHOLE.decode().encode("utf-16"), [F4]),
    "empty manifest": lambda: forge(b""),
    "manifest null": lambda: forge(b"null"),
    "manifest a list": lambda: forge(text(wrapper(manifest=[]))),
    "arrays a list": lambda: forge(text(wrapper(arrays=[1]))),
    "index entry a list": lambda: forge(text(wrapper({"w": ["arrays/0.npy", "<f4", [2]]})), [F4]),
    "index entry with more": lambda: forge(text(wrapper({"w": INDEX["w"] | {"fortran": True}})), [F4]),
    "wrapper with more": lambda: forge(text(wrapper(extra=1))),
    "wrapper without format": lambda: forge(text({"version": 1, "arrays": {}, "manifest": {}})),
    "another format": lambda: forge(text(wrapper(format="nir"))),
    **{f"version {version!r}": (lambda version=version: forge(text(wrapper(version=version))))
       for version in (0, 2, -1, "1", 1.0, True, None, [1])},
}  # fmt: skip


def corrupted(content: bytes, rng: np.random.Generator) -> bytes:
    """`content` with one kind of damage."""
    data, kind = bytearray(content), rng.integers(6)
    at, length = int(rng.integers(len(data))), int(rng.integers(1, 65))
    if kind == 0:
        data[at] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        del data[at:]
    elif kind == 2:
        other = int(rng.integers(len(data)))
        data[at : at + length], data[other : other + length] = data[other : other + length], data[at : at + length]
    elif kind == 3:
        data[at:at] = rng.bytes(length)
    elif kind == 4:
        del data[at : at + length]
    else:
        data[at : at + length] = bytes(len(data[at : at + length]))
    return bytes(data)
