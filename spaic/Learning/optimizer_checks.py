"""Whether the state of an optimizer, from anywhere, has values that can be meant."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from spaic.errors import StateError

#: Options of a parameter group that schedules change.
_MOVING = ("lr", "initial_lr", "betas", "momentum", "base_momentum", "max_momentum", "max_lr", "min_lr")


def check_options(where: str, given: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Options are those declared, except for those that schedules change, which are finite numbers."""
    for name, value in own.items():
        if name not in given:
            continue
        theirs = given[name]
        if name in _MOVING:
            entries = list(theirs) if isinstance(value, tuple) and isinstance(theirs, (list, tuple)) else [theirs]
            is_right = all(map(_is_finite, entries)) and len(entries) == (len(value) if isinstance(value, tuple) else 1)
            if not is_right:
                raise StateError(f"{where}: {name} of a parameter group is {_brief(theirs)}; finite numbers are needed")
        elif not _same_option(theirs, value):
            raise StateError(f"{where}: {name} of a parameter group is {_brief(theirs)}, here it is {value!r}; declare the same options")


def check_moments(where: str, moments: Mapping[str, Mapping[str, Any]]) -> None:
    """What is kept of parameters is made of finite numbers."""
    for path, kept in moments.items():
        for key, value in kept.items():
            if value is not None and not _is_numeric(value):
                raise StateError(f"{where}: {key} of {path!r} is {_brief(value)}; finite numbers are needed")


def check_alike(where: str, given: Any, own: Any) -> None:
    """`given` is built as `own` is: the same keys, kinds of values and lengths, finite where those are."""
    if isinstance(own, Mapping):
        if not isinstance(given, Mapping) or set(given) != set(own):
            raise StateError(f"{where} has {_brief(given)}, not {sorted(own)}; give what state_dict returned")
        for key, value in own.items():
            check_alike(f"{where}: {key}", given[key], value)
    elif isinstance(own, (list, tuple)):
        if not isinstance(given, (list, tuple)) or len(given) != len(own):
            raise StateError(f"{where} is {_brief(given)}, {len(own)} values are needed; give what state_dict returned")
        for theirs, value in zip(given, own, strict=True):
            check_alike(where, theirs, value)
    elif not _is_like(given, own):
        raise StateError(f"{where} is {_brief(given)}, here it starts as {own!r}; give what state_dict returned")


def _is_like(given: Any, own: Any) -> bool:
    if isinstance(own, (bool, str)):
        return type(given) is type(own)
    if isinstance(own, int):
        return isinstance(given, int) and not isinstance(given, bool) and (own < 0 or given >= 0)
    if isinstance(own, float):
        return _is_number(given) and (not math.isfinite(own) or math.isfinite(given))
    return given is None or _is_number(given) or type(given) is type(own)


def _same_option(given: Any, own: Any) -> bool:
    """A file may have turned a tuple into a list and a whole number into another kind of number."""
    if isinstance(own, tuple):
        return isinstance(given, (list, tuple)) and len(given) == len(own) and all(map(_same_option, given, own))
    if isinstance(own, bool) or own is None or isinstance(own, str):
        return type(given) is type(own) and given == own
    return _is_number(given) and given == own if _is_number(own) else True


def _is_numeric(value: Any) -> bool:
    """A number, or an array or tensor of numbers, all of them finite."""
    if isinstance(value, torch.Tensor):
        return not value.is_complex() and bool(value.isfinite().all())
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "fiub" and bool(np.isfinite(value).all())
    return isinstance(value, bool) or _is_finite(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_finite(value: Any) -> bool:
    if isinstance(value, (torch.Tensor, np.ndarray)):
        return tuple(value.shape) == () and _is_numeric(value)
    return _is_number(value) and abs(value) < math.inf


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
