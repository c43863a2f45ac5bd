"""The second half of :mod:`spaic.IO.files.codec`: from the tree back to the value, believing nothing."""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np

from spaic.errors import DataError, nearest
from spaic.IO.files.npy_header import stored_type
from spaic.IO.files.plain import brief, child

#: Levels of nesting; each takes up to three in the tree, of which :mod:`spaic.IO.files.plain` allows 256.
MAX_DEPTH = 64
#: The kinds of mappings and their tags.
MAPPINGS: dict[type, str] = {dict: "$dict", OrderedDict: "$ordered", Counter: "$counter"}
#: What a key may be made of.
KEYS = (type(None), bool, int, float, str)

_HEX = re.compile(r"-?0x[0-9a-f]+")
_NOT_OURS = "take what encode returned, unchanged"


def refuse(path: str, fault: str, advice: str) -> NoReturn:
    """Raise :class:`DataError` about the part of a value at `path`."""
    raise DataError(f"{path or 'value'}: {fault}; {advice}")


def kind_of(value: object) -> str:
    """What `value` is, with its article.

    Examples
    --------
    >>> kind_of(len), kind_of(int), kind_of({1})
    ('a function', 'a class (int)', 'a value of type set')
    """
    if isinstance(value, type):
        return f"a class ({value.__name__})"
    if callable(value) and hasattr(value, "__name__"):
        return "a function"
    return f"a value of type {type(value).__name__}"


def decode(tree: Any, arrays: Mapping[str, np.ndarray], path: str = "") -> Any:
    """The value that :func:`~spaic.IO.files.codec.encode` made `tree` of; it holds the arrays themselves, not copies.

    Parameters
    ----------
    tree : dict, list, str, int, float, bool or None
        What ``encode`` returned.
    arrays : mapping of str to ndarray
        What ``encode`` put there; may hold others.
    path : str
        What the tree is, for the message.

    Raises
    ------
    DataError
        Naming the path of anything that ``encode`` does not write, and of an array that is missing or used twice.
    """
    return _Decoder(arrays).decode(tree, path)


class _Decoder:
    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._arrays = arrays
        self._used: set[str] = set()
        self._depth = 0
        self._by_tag: dict[str, Callable[[Any, str], Any]] = {
            "$tuple": lambda content, path: tuple(self._list(content, path)),
            "$int": _integer,
            "$float": _not_finite,
            "$text": _text,
            "$array": self._array,
            "$tensor": self._tensor,
            "$bfloat16": self._bfloat16,
            "$dict": self._dict,
            "$ordered": lambda content, path: OrderedDict(self._dict(content, path)),
            "$counter": lambda content, path: Counter(self._dict(content, path)),
        }

    def decode(self, tree: Any, path: str) -> Any:
        kind = type(tree)
        if kind in KEYS:
            return tree
        if kind is not list and kind is not dict:
            refuse(path, f"{kind_of(tree)} is no part of a tree of plain data", _NOT_OURS)
        if self._depth > MAX_DEPTH:  # one more than values have, for the object of a tag
            refuse(path, f"this is nested deeper than {MAX_DEPTH} levels", _NOT_OURS)
        self._depth += 1
        try:
            return self._list(tree, path) if kind is list else self._object(tree, path)
        finally:
            self._depth -= 1

    def _object(self, tree: dict[Any, Any], path: str) -> Any:
        if not any(type(key) is not str or key.startswith("$") for key in tree):
            return {key: self.decode(entry, child(path, key)) for key, entry in tree.items()}
        if len(tree) != 1:
            refuse(path, f"an object has a tag and other keys: {brief(list(tree))}", _NOT_OURS)
        ((tag, content),) = tree.items()
        if tag not in self._by_tag:
            refuse(path, f"unknown tag {brief(tag)}", nearest(brief(tag), self._by_tag))
        return self._by_tag[tag](content, path)

    def _list(self, content: Any, path: str) -> list[Any]:
        if type(content) is not list:
            refuse(path, f"{brief(content)} is not a list", _NOT_OURS)
        return [self.decode(entry, f"{path}[{position}]") for position, entry in enumerate(content)]

    def _dict(self, content: Any, path: str) -> dict[Any, Any]:
        if type(content) is not list or any(type(pair) is not list or len(pair) != 2 for pair in content):
            refuse(path, f"{brief(content)} is not a list of pairs", _NOT_OURS)
        found = {}
        for stored, entry in content:
            key = self.decode(stored, path)
            _check_key(key, path)
            found[key] = self.decode(entry, child(path, key))
        if len(found) != len(content):
            refuse(path, "a key is there twice", _NOT_OURS)
        return found

    def _array(self, name: Any, path: str) -> np.ndarray:
        array = self._arrays.get(name) if type(name) is str else None
        if array is None:
            refuse(path, f"there is no array {brief(name)}", "give all arrays that encode filled")
        if name in self._used:
            refuse(path, f"the array {brief(name)} is there twice", _NOT_OURS)
        if not isinstance(array, np.ndarray) or stored_type(array.dtype) is None:
            refuse(path, f"{kind_of(array)} stands for the array {brief(name)}", "give the arrays that encode filled")
        self._used.add(name)
        return array

    def _tensor(self, name: Any, path: str) -> Any:
        import torch

        tensor = torch.from_numpy(_ready(self._array(name, path)))
        return tensor if tensor.numel() else torch.empty(tensor.shape, dtype=tensor.dtype)  # NumPy's strides of nothing are odd

    def _bfloat16(self, name: Any, path: str) -> Any:
        import torch

        tensor = self._tensor(name, path)
        if tensor.dtype is not torch.uint16:
            refuse(path, f"bfloat16 is stored as uint16, not as {tensor.dtype}", _NOT_OURS)
        return tensor.view(torch.bfloat16)


def _ready(array: np.ndarray) -> np.ndarray:
    """The array itself where torch can work in it, else a copy."""
    return array.astype(array.dtype.newbyteorder("="), copy=not array.flags.writeable)


def _integer(content: Any, path: str) -> int:
    if type(content) is not str or not _HEX.fullmatch(content):
        refuse(path, f"{brief(content)} is not a hexadecimal number", _NOT_OURS)
    return int(content, 16)


def _not_finite(content: Any, path: str) -> float:
    if content not in ("nan", "inf", "-inf"):
        refuse(path, f"{brief(content)} is not nan, inf or -inf", _NOT_OURS)
    return float(content)


def _text(content: Any, path: str) -> str:
    try:
        return bytes.fromhex(content).decode("utf-8", "surrogatepass")
    except (TypeError, ValueError) as error:
        raise DataError(f"{path or 'value'}: {brief(content)} is not text in hexadecimal; {_NOT_OURS}") from error


def _check_key(key: Any, path: str) -> None:
    for part in key if type(key) is tuple else (key,):
        if type(part) is tuple:
            _check_key(part, path)
        elif type(part) not in KEYS:
            refuse(path, f"a key is {kind_of(part)}", _NOT_OURS)
