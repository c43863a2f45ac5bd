"""Surrogate gradients: what stands for the derivative of the spike with respect to x = V - V_th."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from spaic.Dynamics.expression import Expression
from spaic.Dynamics.names import check_title
from spaic.Dynamics.parameter import Parameter
from spaic.errors import DeclarationError, reject_unknown


@dataclass(frozen=True, eq=False)
class Surrogate:
    """A declared surrogate derivative.

    Parameters
    ----------
    name : str
        Registered name.
    derivative : str
        Expression in ``x`` and the parameters.
    parameters : mapping of str to Parameter
        Defaults and ranges.
    values : mapping of str to float
        Values that differ from the defaults.
    summary, source : str
        For the documentation.

    Examples
    --------
    >>> s = Surrogate("flat", "where(abs(x) < alpha, 1, 0)", {"alpha": Parameter(0.5, range="(0, inf)")})
    >>> s.using(alpha=1.0).values
    {'alpha': 1.0}
    """

    name: str
    derivative: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    values: Mapping[str, float] = field(default_factory=dict)
    summary: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        check_title(self.name, "surrogate")
        where = f"surrogate {self.name}"
        for name in self.expression.symbols - {"x"} - set(self.parameters):
            raise self.expression.refuse(f"unknown name {name!r}", "use x and the declared parameters")
        reject_unknown(where, self.values, self.parameters, "parameter")
        checked = {k: float(self.parameters[k].check(v, f"{where}.{k}")) for k, v in self.values.items()}
        object.__setattr__(self, "values", checked)

    def __deepcopy__(self, memo: dict[int, object]) -> Surrogate:
        return self  # a declaration never changes

    @cached_property
    def expression(self) -> Expression:
        """The parsed derivative."""
        return Expression(self.derivative, f"surrogate {self.name}")

    def using(self, **values: float) -> Surrogate:
        """The same surrogate with other parameter values; unknown names are refused."""
        return replace(self, values={**self.values, **values})

    @cached_property
    def sympy(self) -> Any:
        """The derivative as a SymPy expression in the symbol ``x``, parameters folded in."""
        import sympy

        from spaic.Dynamics.system import symbol

        numbers = {}
        for name, parameter in self.parameters.items():
            value = self.values.get(name, parameter.default)
            if isinstance(value, str):
                raise DeclarationError(f"surrogate {self.name}: the default of {name!r} must be a number; give one")
            numbers[symbol(name)] = sympy.Float(value) if value != int(value) else sympy.Integer(int(value))
        return self.expression.sympy.xreplace(numbers)
