"""Nested Python data as a tree that JSON can hold, and back: exactly the same types and values, or a refusal.

===================================================  =================================================
value                                                in the tree
===================================================  =================================================
None, bool, list, valid text, finite float           itself
int of up to 64 bits                                 itself
dict whose keys are text, none beginning with ``$``  itself
any other dict, OrderedDict, Counter                 ``{"$dict": [[key, value], ...]}``, ``$ordered``, ``$counter``
tuple                                                ``{"$tuple": [...]}``
larger int                                           ``{"$int": "0x..."}``
nan, inf, -inf                                       ``{"$float": "nan"}``
text with lone surrogates                            ``{"$text": "<UTF-8 in hexadecimal>"}``
array, tensor, tensor of type bfloat16               ``{"$array": name}``, ``$tensor``, ``$bfloat16``
===================================================  =================================================
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from spaic.errors import DataError
from spaic.IO.files.decoding import KEYS, MAPPINGS, MAX_DEPTH, decode, kind_of, refuse
from spaic.IO.files.npy_header import TYPES, stored_type
from spaic.IO.files.plain import brief, child

__all__ = ["decode", "encode"]


def encode(value: Any, arrays: dict[str, np.ndarray], path: str) -> Any:
    """`value` as plain data.

    Parameters
    ----------
    value : object
        None, bool, int, float, str, list, tuple, dict (also OrderedDict and Counter), numpy scalars (which become Python's),
        numpy arrays and torch tensors, nested. Keys are None, bool, int, float, str or tuples of these.
    arrays : dict of str to ndarray
        Receives every array and tensor under its path in `value`. They are not copied: store them before they change.
    path : str
        What `value` is, such as ``"optimizer"``; may be empty.

    Returns
    -------
    dict, list, str, int, float, bool or None
        For :func:`decode`.

    Raises
    ------
    DataError
        Naming the path of the first thing that cannot be stored.

    Notes
    -----
    A tensor comes back on the CPU, without requiring a gradient.

    Examples
    --------
    >>> arrays = {}
    >>> tree = encode({"lr": 0.1, "betas": (0.9, 0.999), 0: np.ones(2)}, arrays, "optimizer")
    >>> tree
    {'$dict': [['lr', 0.1], ['betas', {'$tuple': [0.9, 0.999]}], [0, {'$array': 'optimizer[0]'}]]}
    >>> decode(tree, arrays)
    {'lr': 0.1, 'betas': (0.9, 0.999), 0: array([1., 1.])}
    """
    return _Encoder(arrays).encode(value, path)


class _Encoder:
    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        self._arrays = arrays
        self._open: list[object] = []  # what is being encoded, outermost first
        self._by_type: dict[type, Callable[[Any, str], Any]] = {
            type(None): lambda value, path: value,
            bool: lambda value, path: value,
            int: lambda value, path: value if -(1 << 63) <= value < 1 << 64 else {"$int": hex(value)},
            float: lambda value, path: value if math.isfinite(value) else {"$float": repr(value)},
            str: lambda value, path: value if _is_unicode(value) else {"$text": value.encode("utf-8", "surrogatepass").hex()},
            list: self._list,
            tuple: lambda value, path: {"$tuple": self._list(value, path)},
            np.ndarray: lambda value, path: {"$array": self._store(value, path)},
            np.memmap: lambda value, path: {"$array": self._store(value, path)},
        } | dict.fromkeys(MAPPINGS, self._mapping)

    def encode(self, value: Any, path: str) -> Any:
        one = self._by_type.get(type(value))
        if one is None:
            return self._other(value, path)
        if not isinstance(value, (list, tuple, dict)):
            return one(value, path)
        if any(value is outer for outer in self._open):
            refuse(path, "this contains itself", "store data without a circle")
        if len(self._open) >= MAX_DEPTH:
            refuse(path, f"this is nested deeper than {MAX_DEPTH} levels", "flatten it")
        self._open.append(value)
        try:
            return one(value, path)
        finally:
            self._open.pop()

    def _list(self, value: Iterable[Any], path: str) -> list[Any]:
        return [self.encode(entry, f"{path}[{position}]") for position, entry in enumerate(value)]

    def _mapping(self, value: Mapping[Any, Any], path: str) -> dict[str, Any]:
        if type(value) is dict and all(type(key) is str and _is_unicode(key) and not key.startswith("$") for key in value):
            return {key: self.encode(entry, child(path, key)) for key, entry in value.items()}
        pairs = [[self._key(key, path), self.encode(entry, child(path, key))] for key, entry in value.items()]
        return {MAPPINGS[type(value)]: pairs}

    def _key(self, key: Any, path: str) -> Any:
        for part in key if type(key) is tuple else (key,):
            if type(part) is tuple:
                self._key(part, path)
            elif type(part) not in KEYS and not _is_scalar(part):
                refuse(path, f"the key {brief(key)} is of type {type(key).__name__}", "use text or numbers as keys")
        return self.encode(key, path)

    def _other(self, value: Any, path: str) -> Any:
        if _is_scalar(value):
            return self.encode(value.item(), path)
        if hasattr(value, "detach") and not isinstance(value, type):
            return self._tensor(value, path)
        refuse(path, f"{kind_of(value)} cannot be stored in a file", "store the plain data that describe it")

    def _tensor(self, value: Any, path: str) -> dict[str, str]:
        import torch

        if not isinstance(value, torch.Tensor):
            refuse(path, f"{kind_of(value)} cannot be stored in a file", "store the plain data that describe it")
        if value.layout is not torch.strided or value.is_quantized or value.is_meta or value.is_nested:
            refuse(path, "a tensor that is sparse, nested, quantized or without content cannot be stored", "make it an ordinary one")
        here = value.detach().cpu().resolve_neg().contiguous()
        if here.dtype is torch.bfloat16:
            return {"$bfloat16": self._store(here.view(torch.uint16).numpy(), path)}
        try:
            array = here.numpy()
        except TypeError as error:
            raise DataError(f"{path or 'value'}: a tensor of type {here.dtype} cannot be stored; convert it first") from error
        return {"$tensor": self._store(array, path)}

    def _store(self, array: np.ndarray, path: str) -> str:
        if stored_type(array.dtype) is None:
            refuse(path, f"an array of type {array.dtype} cannot be stored", f"convert it to one of {', '.join(TYPES)}")
        name, number = path or "value", 1
        while name in self._arrays:  # a.b may be the entry b of a or an entry called a.b
            number += 1
            name = f"{path or 'value'}#{number}"
        self._arrays[name] = array
        return name


def _is_scalar(value: object) -> bool:
    return isinstance(value, np.generic) and (isinstance(value, np.str_) or stored_type(value.dtype) is not None)


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)
