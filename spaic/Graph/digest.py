"""A fingerprint of plain data: equal for equal networks, however they were declared."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np


def digest(value: Any) -> str:
    """SHA-256 of plain data in hexadecimal.

    Parameters
    ----------
    value : dataclass, mapping, sequence, set, array, number, text or None
        Mappings and sets count without order; arrays with their type, shape and values; a class by its name.

    Examples
    --------
    >>> digest({"a": 1, "b": 2.0}) == digest({"b": 2.0, "a": 1})
    True
    """
    sha = hashlib.sha256()
    for part in _parts(value):
        sha.update(part)
    return sha.hexdigest()


def _parts(value: Any) -> Iterator[bytes]:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield from _tagged(type(value).__name__, {f.name: getattr(value, f.name) for f in dataclasses.fields(value)})
    elif isinstance(value, Mapping):
        yield from _tagged("mapping", {str(k): v for k, v in value.items()})
    elif isinstance(value, (set, frozenset)):
        yield from _listed("set", sorted(value, key=str))
    elif isinstance(value, (list, tuple)):
        yield from _listed("list", value)
    elif isinstance(value, np.ndarray):
        yield f"array {value.dtype} {value.shape};".encode()
        yield np.ascontiguousarray(value).tobytes()
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield f"number {float(value)!r};".encode()
    elif isinstance(value, (bool, str, type(None))):
        yield f"{type(value).__name__} {value!r};".encode()
    else:
        yield from _tagged(type(value).__name__, vars(value))


def _tagged(name: str, fields: Mapping[str, Any]) -> Iterator[bytes]:
    yield f"{name} {len(fields)};".encode()
    for key in sorted(fields):
        yield f"{key!r}:".encode()
        yield from _parts(fields[key])


def _listed(name: str, items: Any) -> Iterator[bytes]:
    yield f"{name} {len(items)};".encode()
    for item in items:
        yield from _parts(item)
