"""Plain data: numbers, text, lists and dicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spaic.errors import UnsupportedError


def plain(value: Any, path: str) -> Any:
    """`value` with numbers, text, lists and dicts only.

    Parameters
    ----------
    value : object
        What is to be written down.
    path : str
        Where it is, for the message.

    Raises
    ------
    UnsupportedError
        Naming the first part that is something else.

    Examples
    --------
    >>> plain({"betas": (0.9, 0.99)}, "options")
    {'betas': [0.9, 0.99]}
    """
    if hasattr(value, "item") and not getattr(value, "shape", None):
        value = value.item()  # a number of NumPy or torch
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [plain(item, f"{path}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: plain(item, f"{path}.{key}") for key, item in value.items()}
    raise UnsupportedError(f"{path}: a {type(value).__name__} cannot be written down; use numbers, text, lists and dicts")
