"""The manifest of a ``.spaic`` file: plain data, and an index that says which entry holds which array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from spaic.errors import DataError
from spaic.IO.files import plain
from spaic.IO.files.npy_header import ArrayEntry, fault_in

MANIFEST = "manifest.json"
VERSION = 1
MAX_LENGTH = 4 << 20  # bytes of the manifest
MAX_NAME = 1000  # characters

_FORMAT = "spaic"
_KEYS = ["format", "version", "arrays", "manifest"]
_NOT_OURS = "do not use this file, spaic did not write it"


def entry_name(number: int) -> str:
    """What the array of this number is called in the ZIP file; no name of the user's ever is.

    Examples
    --------
    >>> entry_name(3)
    'arrays/3.npy'
    """
    return f"arrays/{number}.npy"


def is_name(name: object) -> bool:
    """Whether an array may be called so: some printable characters."""
    return isinstance(name, str) and 0 < len(name) <= MAX_NAME and name.isprintable()


def to_text(manifest: dict[str, Any], entries: Sequence[ArrayEntry], path: str) -> bytes:
    """The text of the manifest.

    Raises
    ------
    DataError
        If the data are not plain, or too long.
    """
    if type(manifest) is not dict:
        raise DataError(f"{path}: the manifest is of type {type(manifest).__name__}; give a dictionary")
    plain.check(manifest, f"{path}: manifest", plain.MAX_DEPTH - 1)
    index = {
        entry.name: {"entry": entry_name(number), "dtype": entry.dtype, "shape": list(entry.shape)} for number, entry in enumerate(entries)
    }
    text = plain.dumps(dict(zip(_KEYS, (_FORMAT, VERSION, index, manifest), strict=True)), indent=1).encode("utf-8")
    if len(text) > MAX_LENGTH:
        fault = f"the manifest has {len(text)} bytes, more than {MAX_LENGTH}"
        raise DataError(f"{path}: {fault}; put long lists into arrays")
    return text


def from_text(text: bytes, path: str) -> tuple[dict[str, Any], list[ArrayEntry]]:
    """The plain data and the index, in the order of the entries.

    Raises
    ------
    DataError
        If the text is not as :func:`to_text` makes it, in content if not in spacing.
    """
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: {MANIFEST} is not UTF-8 text ({error}); {_NOT_OURS}") from error
    wrapper = plain.loads(decoded, f"{path}: {MANIFEST}", _NOT_OURS)
    if not isinstance(wrapper, dict) or wrapper.get("format") != _FORMAT:
        raise DataError(f"{path}: {MANIFEST} has no format {_FORMAT!r}; {_NOT_OURS}")
    version = wrapper.get("version")
    if type(version) is not int or version != VERSION:
        fault = f"it has version {plain.brief(version)} of the format, this spaic reads version {VERSION}"
        raise DataError(f"{path}: {fault}; read it with the spaic that wrote it, or a newer one")
    if list(wrapper) != _KEYS or not isinstance(wrapper["arrays"], dict) or not isinstance(wrapper["manifest"], dict):
        raise DataError(f"{path}: {MANIFEST} does not have exactly {_KEYS}, the last two objects; {_NOT_OURS}")
    entries = [_entry(number, name, stated, path) for number, (name, stated) in enumerate(wrapper["arrays"].items())]
    return wrapper["manifest"], entries


def _entry(number: int, name: str, stated: Any, path: str) -> ArrayEntry:
    where = f"{path}: {MANIFEST}: array {plain.brief(name)}"
    if not is_name(name):
        raise DataError(f"{where}: this is not a name that an array may have; {_NOT_OURS}")
    if not isinstance(stated, dict) or list(stated) != ["entry", "dtype", "shape"] or stated["entry"] != entry_name(number):
        raise DataError(f"{where}: the index says {plain.brief(stated)} where {entry_name(number)} must be; {_NOT_OURS}")
    fault = fault_in(stated["dtype"], stated["shape"])
    if fault:
        raise DataError(f"{where}: {fault}; {_NOT_OURS}")
    return ArrayEntry(name, stated["dtype"], tuple(stated["shape"]))
