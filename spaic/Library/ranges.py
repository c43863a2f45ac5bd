"""Checks that a number, or every value of a tensor, lies where a declaration needs it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Integral, Real

import torch

from spaic.errors import DeclarationError, InputError


def demand_number(path: str, value: object, low: float = -math.inf, high: float = math.inf) -> None:
    """Raise :class:`DeclarationError` unless `value` is a finite number in [`low`, `high`]."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise DeclarationError(f"{path}: expected a number, got {value!r}; give a float")
    if not (math.isfinite(value) and low <= float(value) <= high):
        raise DeclarationError(f"{path}: {value!r} is not a finite number{_range(low, high)}; choose one")


def demand_positive(path: str, value: object, high: float = math.inf) -> None:
    """Raise :class:`DeclarationError` unless `value` is a finite number in (0, `high`]."""
    demand_number(path, value, 0.0, high)
    if value == 0:
        most = f" and at most {high:g}" if math.isfinite(high) else ""
        raise DeclarationError(f"{path}: it must be greater than 0, got {value!r}; choose a number above 0{most}")


def demand_count(path: str, value: object, high: float = math.inf) -> None:
    """Raise :class:`DeclarationError` unless `value` is a whole number in [1, `high`]."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise DeclarationError(f"{path}: expected a whole number, got {value!r}; give an int")
    if not 1 <= int(value) <= high:
        needed = "of at least 1" if math.isinf(high) else f"from 1 to {high:g}"
        raise DeclarationError(f"{path}: {value!r} is not a whole number {needed}; choose one")


def _range(low: float, high: float) -> str:
    """A range in words, open ends left out."""
    if math.isfinite(low) and math.isfinite(high):
        return f" in [{low:g}, {high:g}]"
    if math.isfinite(low):
        return f" of at least {low:g}"
    return f" of at most {high:g}" if math.isfinite(high) else ""


def demand_sizes(path: str, value: object, count: int | None = None) -> tuple[int, ...]:
    """`value` as a tuple of whole numbers of at least 1, `count` of them if that is given; else :class:`DeclarationError`."""
    sizes = tuple(value) if isinstance(value, Iterable) and not isinstance(value, (str, bytes)) else ()
    is_right = len(sizes) == count if count is not None else len(sizes) > 0
    if not is_right or any(isinstance(n, bool) or not isinstance(n, Integral) or n < 1 for n in sizes):
        needed = "whole numbers" if count is None else f"{count} whole numbers"
        raise DeclarationError(f"{path}: {value!r} is not a list of {needed} of at least 1; give one such as {(1, 8, 8)[-(count or 2) :]}")
    return tuple(int(n) for n in sizes)


def demand_flag(path: str, value: object) -> None:
    """Raise :class:`DeclarationError` unless `value` is True or False."""
    if not isinstance(value, bool):
        raise DeclarationError(f"{path}: expected True or False, got {value!r}; give one of the two")


def demand_values(
    path: str, code: str, values: torch.Tensor, low: float = 0.0, high: float = math.inf, fix: str = "rescale the data"
) -> None:
    """Raise :class:`InputError` unless every element of `values` is finite and in [`low`, `high`].

    Parameters
    ----------
    path : str
        Path of the element that was given the values.
    code : str
        Name of the code that needs the range.
    values : torch.Tensor
        Floating-point values of any shape.
    low, high : float
        The range.
    fix : str
        What the user can do about a value outside of it.
    """
    if not values.is_floating_point():
        raise InputError(f"{path}: {code} needs floating-point values, got {values.dtype}; convert the data with .float() and rescale it")
    if values.numel() == 0:
        raise InputError(f"{path}: {code} got no values, the shape is {tuple(values.shape)}; give at least one sample")
    smallest, largest = (bound.item() for bound in values.detach().aminmax())
    if not (math.isfinite(smallest) and math.isfinite(largest)):
        raise InputError(f"{path}: {code} needs finite values, got values from {smallest:g} to {largest:g}; remove NaN and infinity")
    if smallest < low:
        raise InputError(f"{path}: {code} needs values of at least {low:g}, the smallest is {smallest:g}; {fix}")
    if largest > high:
        raise InputError(f"{path}: {code} needs values of at most {high:g}, the largest is {largest:g}; {fix}")
