"""A parameter of a model: default, unit, meaning and the values it may take."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from spaic.errors import DeclarationError
from spaic.units import check_unit

_RANGE = re.compile(r"^\s*([\[(])\s*([^,\s]+)\s*,\s*([^,\s]+)\s*([\])])\s*$")


@dataclass(frozen=True)
class Parameter:
    """A declared parameter.

    Parameters
    ----------
    default : float or str
        Value in `unit`, or an expression in other parameters of the same model.
    unit : str
        For example ``"ms"``, ``"mV"``; ``"1"`` for a pure number.
    meaning : str
        One line for the documentation table.
    range : str
        Interval of valid values, ``"(0, inf)"`` open or ``"[0, 1]"`` closed.
    trainable : bool
        True if gradient learners change it unless told otherwise.

    Examples
    --------
    >>> Parameter(20.0, "ms", "membrane time constant", "(0, inf)").check(-1.0, "layer1.tau_m")
    Traceback (most recent call last):
        ...
    spaic.errors.DeclarationError: layer1.tau_m: -1.0 ms is outside (0, inf); give a value inside
    """

    default: float | str
    unit: str = "1"
    meaning: str = ""
    range: str = "(-inf, inf)"
    trainable: bool = False

    def __post_init__(self) -> None:
        check_unit(self.unit, "Parameter")
        self.bounds  # noqa: B018  a bad range is refused where it is written
        if not isinstance(self.default, str):
            self.check(self.default, "Parameter")

    @property
    def bounds(self) -> tuple[float, float, bool, bool]:
        """Lower and upper bound, and whether each is included."""
        match = _RANGE.match(self.range)
        try:
            if match is None:
                raise ValueError(self.range)
            low, high = float(match[2]), float(match[3])
        except ValueError:
            raise DeclarationError(f"Parameter: cannot read the range {self.range!r}; write '(0, inf)' or '[0, 1]'") from None
        return low, high, match[1] == "[", match[4] == "]"

    def check(self, value: Any, path: str) -> np.ndarray:
        """Return `value` as float64, or raise :class:`DeclarationError` naming the first value that is outside."""
        array = np.asarray(value, dtype=np.float64)
        low, high, has_low, has_high = self.bounds
        inside = (array >= low if has_low else array > low) & (array <= high if has_high else array < high)
        if not inside.all():
            wrong = array[~inside].flat[0]
            unit = "" if self.unit == "1" else f" {self.unit}"
            raise DeclarationError(f"{path}: {wrong}{unit} is outside {self.range}; give a value inside")
        return array


class WithParameters:
    """A declaration with parameters, which never changes."""

    parameters: Mapping[str, Parameter | float]

    def _declare(self) -> None:
        """Make parameters of plain numbers."""
        made = {k: p if isinstance(p, Parameter) else Parameter(p) for k, p in self.parameters.items()}
        object.__setattr__(self, "parameters", made)

    def parameter(self, name: str) -> Parameter:
        """The declaration of a parameter."""
        declared = self.parameters[name]
        return declared if isinstance(declared, Parameter) else Parameter(declared)

    def __deepcopy__(self, memo: dict[int, object]) -> WithParameters:
        return self
