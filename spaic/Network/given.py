"""Data that are given to a network, looked at before they enter it."""

from __future__ import annotations

from math import isfinite, prod
from typing import Any

import numpy as np

from spaic.errors import InputError


def checked(node: Any, data: Any) -> Any:
    """`data` as ``[batch, *shape]``, or InputError."""
    array = data if hasattr(data, "detach") else _as_array(node.path, data)
    lead = 2 if node.coding_method == "null" else 1
    axes = ("batch", "steps")[:lead]
    expected = f"expected [{', '.join(map(str, (*axes, *node.shape)))}]"
    if array.ndim < lead + 1:
        missing = "steps dimension" if lead == 2 == array.ndim else f"{' and '.join(axes)} dimension{'s'[: lead - 1]}"
        raise InputError(f"{node.path}: the input has shape {tuple(array.shape)}, {expected}; add the {missing}")
    width = prod(array.shape[lead:])
    if width != node.num or (array.ndim != lead + 1 and tuple(array.shape[lead:]) != node.shape):
        raise InputError(f"{node.path}: the input has shape {tuple(array.shape)}, {expected}; reshape it or change the encoder")
    if array.shape[0] == 0:
        raise InputError(f"{node.path}: the batch is empty; give at least one sample")
    if lead == 1:
        check_finite(node.path, array)
    else:  # a value for every step: the code looks at all of them once, for spikes as for numbers that are none
        _check_real(node.path, array)
    return array.reshape(*array.shape[:lead], *node.shape)


def _as_array(path: str, data: Any) -> np.ndarray:
    try:
        array = np.asarray(data)
    except ValueError:
        raise InputError(f"{path}: the samples have different lengths; give samples of one shape") from None
    if array.dtype.kind not in "fiub":
        raise InputError(f"{path}: the input has type {array.dtype}; give numbers")
    return _as_torch_takes_it(array)


def _as_torch_takes_it(array: np.ndarray) -> np.ndarray:
    """`array`, or a copy where its memory is read-only, read backwards or of a foreign byte order or type."""
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return array if array.flags.writeable and min(array.strides, default=0) >= 0 else array.copy()


def _check_real(path: str, value: Any) -> None:
    if hasattr(value, "detach") and value.is_complex():
        raise InputError(f"{path}: the input has type {value.dtype}; give real numbers")


def check_finite(path: str, value: Any) -> None:
    """Refuse what is no finite real number."""
    _check_real(path, value)
    if hasattr(value, "detach"):
        if not value.is_floating_point() or isfinite(value.detach().sum().item()):
            return
        finite = value.detach().isfinite()  # a sum of large numbers may be infinite
        wrong = None if bool(finite.all()) else value.detach()[~finite].reshape(-1)[0].item()
    else:
        array = _as_array(path, value)
        if array.dtype.kind != "f":
            return
        finite = np.isfinite(array)
        wrong = None if finite.all() else array[~finite].reshape(-1)[0]
    if wrong is not None:
        raise InputError(f"{path}: the input holds {wrong}; clean the data before they enter the network")
