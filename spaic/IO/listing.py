"""Descriptions of networks in text: arrays as nested lists, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from spaic.errors import DataError


def listed(value: Any) -> Any:
    """Arrays as nested lists, for text."""
    if isinstance(value, np.ndarray):
        return {"array": value.tolist()}
    if isinstance(value, dict):
        return {k: listed(v) for k, v in value.items()}
    return [listed(v) for v in value] if isinstance(value, list) else value


def parsed(value: Any) -> Any:
    """A description read from text: its lists under ``array`` as arrays.

    Raises
    ------
    DataError
        For a list that is no array of numbers.

    Examples
    --------
    >>> parsed({"tau_m": {"array": [5, 20]}})
    {'tau_m': array([ 5., 20.])}
    """
    if isinstance(value, dict):
        return _array(value["array"]) if list(value) == ["array"] else {k: parsed(v) for k, v in value.items()}
    return [parsed(v) for v in value] if isinstance(value, list) else value


def _array(numbers: Any) -> np.ndarray:
    try:
        found = np.asarray(numbers)
    except ValueError:  # rows of different lengths
        found = np.empty(0, dtype=object)
    if found.dtype.kind not in "fiub":
        raise DataError(f"array: {str(numbers)[:60]} is no array of numbers; give lists of equal length that hold numbers alone")
    return found.astype(np.float64)
