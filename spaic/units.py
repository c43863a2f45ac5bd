"""Units of the declarations: what a number stands for, and how ``"0.02 s"`` becomes 20 ms."""

from __future__ import annotations

import re
from typing import Any

from spaic.errors import DeclarationError, nearest

_PREFIX = {"": 1.0, "p": 1e-12, "n": 1e-9, "u": 1e-6, "µ": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9}
_BASE = ("s", "V", "A", "S", "F", "Ohm", "Hz")
#: unit -> (dimension, factor to the base unit)
_UNITS: dict[str, tuple[str, float]] = {"1": ("1", 1.0), "": ("1", 1.0)}
_UNITS.update({p + b: (b, f) for b in _BASE for p, f in _PREFIX.items()})
_UNITS.update({"1/s": ("Hz", 1.0), "1/ms": ("Hz", 1e3)})
_AREA = {f"{unit}/cm2": (f"{dim}/cm2", factor) for unit, (dim, factor) in list(_UNITS.items()) if dim in ("A", "S", "F")}
_UNITS.update(_AREA)
_RATIOS = ("mV/ms", "1/mV", "1/(ms mV)", "1/(ms mV2)", "1/(mV ms)", "1/ms2", "pA/ms", "nS/mV")
_UNITS.update({u: (u, 1.0) for u in _RATIOS})

#: What other simulators call units.
_LONG = ("volt", "second", "amp", "ampere", "siemens", "farad", "ohm", "hertz", "meter", "metre")

_QUANTITY = re.compile(r"^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S.*?)?\s*$")


def check_unit(unit: str, where: str) -> str:
    """Return `unit` if it is known, else raise :class:`DeclarationError`."""
    if unit not in _UNITS:
        raise DeclarationError(f"{where}: unknown unit {unit!r}; {nearest(unit, (u for u in _UNITS if u))}")
    return unit


def is_unit(word: str) -> bool:
    """Whether a word names a unit, here or in other simulators: no name of a model, which holds numbers of the units of its parameters.

    Examples
    --------
    >>> is_unit("ms"), is_unit("mvolt"), is_unit("tau")
    (True, True, False)
    """
    long = word.removesuffix("s") if word.endswith("seconds") else word
    return word in _UNITS and word not in ("", "1") or long in _LONG or (long[:1] in _PREFIX and long[1:] in _LONG)


def quantity(text: str, unit: str, where: str) -> float:
    """Read ``"20 ms"`` or ``"20"`` as a number of `unit`.

    Examples
    --------
    >>> quantity("0.02 s", "ms", "tau_m")
    20.0
    >>> quantity("5 mV", "ms", "tau_m")
    Traceback (most recent call last):
        ...
    spaic.errors.DeclarationError: tau_m: '5 mV' is not a quantity in ms; give it in ms
    """
    match = _QUANTITY.match(text)
    if match is None:
        example = "20" if unit == "1" else f"20 {unit}"
        raise DeclarationError(f"{where}: cannot read {text!r} as a quantity; write for example '{example}'")
    value, given = float(match[1]), match[2] or unit
    dimension, factor = _UNITS[check_unit(given, where)]
    own_dimension, own_factor = _UNITS[check_unit(unit, where)]
    if dimension != own_dimension and unit == "1":
        raise DeclarationError(f"{where}: {text!r} is not a pure number; give it without a unit")
    if dimension != own_dimension:
        raise DeclarationError(f"{where}: {text!r} is not a quantity in {unit}; give it in {unit}")
    return value if given == unit else float(f"{value * factor / own_factor:.15g}")


def in_unit(value: Any, unit: str, where: str) -> Any:
    """`value` as it is, unless it is text: then the number of `unit` that it stands for.

    Examples
    --------
    >>> in_unit("0.5 s", "ms", "net.run"), in_unit(3, "ms", "net.run")
    (500.0, 3)
    """
    return quantity(value, unit, where) if isinstance(value, str) else value
