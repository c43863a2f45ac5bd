"""The algebra of a model: right-hand sides with values substituted and noise set apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy
from sympy import Expr, Symbol

from spaic.Dynamics.functions import floor
from spaic.Dynamics.model import Model
from spaic.Dynamics.names import normal_name
from spaic.errors import DeclarationError, UnsupportedError


def symbol(name: str) -> Symbol:
    """The real SymPy symbol of this name."""
    return Symbol(name, real=True)


DT, TIME = symbol("dt"), symbol("t")


def normal(noise: str) -> Symbol:
    """The standard normal number that a white noise draws in a step."""
    return symbol(normal_name(noise))


def bends(expression: Expr, symbols: set[Symbol]) -> bool:
    """True if a condition or corner (where, min, max, abs, sign, floor) depends on one of `symbols`: no derivative shows it."""
    corners = (sympy.Piecewise, sympy.Min, sympy.Max, sympy.Abs, sympy.sign, sympy.floor, floor)
    return any(part.free_symbols & symbols for part in expression.atoms(*corners))


def demand_defined(model: Model, name: str, expression: Expr, known: Mapping[str, Any]) -> None:
    """Refuse what has no value because numbers that are `known` to be 0 stand where a division or a logarithm is."""
    if expression.has(sympy.zoo, sympy.nan):
        zeros = " and ".join(f"{k} = 0" for k, v in known.items() if v == 0) or "the numbers that are written there"
        raise DeclarationError(f"{model.name}, {name}: it has no value with {zeros}; do not divide by it or take its logarithm")


@dataclass(frozen=True)
class System:
    """Right-hand sides of a model.

    Attributes
    ----------
    slopes : dict
        State -> ``dx/dt`` without noise, in states, inputs, parameters and ``t``.
    maps : dict
        State -> its next value, for one-step maps.
    diffusion : dict
        State -> {noise -> coefficient}, unit of the state per sqrt(ms).
    values : dict
        Intermediate value -> expression in states, inputs and parameters.
    inputs : tuple of Symbol
        What is constant within a step: current inputs and the states of maps.
    """

    model: Model
    slopes: dict[str, Expr]
    maps: dict[str, Expr]
    diffusion: dict[str, dict[str, Expr]]
    values: dict[str, Expr]
    inputs: tuple[Symbol, ...]


def derive(model: Model, known: dict[str, Any], arrivals: dict[str, Symbol] | None = None) -> System:
    """Substitute the values and `known` parameters (name -> number), name the inputs, and split off the noise.

    Parameters
    ----------
    model : Model
        The declaration.
    known : dict of str to number
        Parameters or inputs to be folded in.
    arrivals : dict of str to Symbol, optional
        What current inputs are called in the result; without it by their own names.

    Raises
    ------
    UnsupportedError
        If a white noise enters other than linearly.
    DeclarationError
        If something has no value because of a number that is 0.
    """
    arriving = {n: (arrivals or {}).get(n, symbol(n)) for n in model.currents if n not in known}
    fixed = {symbol(k): sympy.Integer(v) for k, v in known.items()} | {symbol(k): v for k, v in arriving.items()}
    values: dict[str, Expr] = {}

    def resolved(expression: Expr) -> Expr:
        return expression.xreplace({symbol(k): v for k, v in values.items()}).xreplace(fixed)

    for value in model.values:
        values[value.name] = resolved(value.right.sympy)
    slopes, maps, diffusion = {}, {}, {}
    for line in model.lines:
        if line.kind == "ode":
            slopes[line.name], diffusion[line.name] = _split_noise(model, line.name, resolved(line.right.sympy))
        elif line.kind == "map":
            maps[line.name] = resolved(line.right.sympy).xreplace({symbol(n): normal(n) for n in model.noises})
    for name, expression in {**slopes, **maps}.items():
        demand_defined(model, name, expression, known)
    return System(model, slopes, maps, diffusion, values, (*arriving.values(), *map(symbol, maps)))


def _split_noise(model: Model, name: str, slope: Expr) -> tuple[Expr, dict[str, Expr]]:
    coefficients = {}
    noises = [symbol(n) for n in model.noises]
    for xi in noises:
        if bends(slope, {xi}):
            raise UnsupportedError(f"{model.name}, equation of {name}: the noise {xi} must enter linearly; write 'sigma * {xi}' as a term")
        coefficient = sympy.diff(slope, xi)
        if coefficient == 0:
            continue
        if coefficient.free_symbols & set(noises):
            raise UnsupportedError(f"{model.name}, equation of {name}: the noise {xi} must enter linearly; write 'sigma * {xi}' as a term")
        coefficients[xi.name] = coefficient
    return slope.xreplace(dict.fromkeys(noises, sympy.Integer(0))), coefficients
