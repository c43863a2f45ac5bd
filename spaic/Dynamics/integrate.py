"""Integrators: the states at the end of a step, as expressions in those at its start."""

from __future__ import annotations

from collections.abc import Callable

import sympy
from sympy import Expr

from spaic.Dynamics.functions import exprel
from spaic.Dynamics.linear import advance_exactly
from spaic.Dynamics.system import DT, TIME, System, normal, symbol

#: ``let(hint, expression)`` names an intermediate result and returns its symbol.
Let = Callable[[str, Expr], Expr]


def euler(system: System, let: Let) -> dict[str, Expr]:
    """Forward Euler, order 1; white noise by Euler-Maruyama."""
    return {name: symbol(name) + DT * slope for name, slope in system.slopes.items()}


def exponential_euler(system: System, let: Let) -> dict[str, Expr]:
    """Each state relaxes exactly towards where its own linear part drives it, order 1 for coupled systems.

    ``x' = x + dt f exprel(a dt)`` with ``a = df/dx``: exact for one linear equation, stable for stiff gates
    (Rush & Larsen 1978; Hochbruck & Ostermann 2010, eq. 2.30). Where a state drives itself away, a is taken as 0.
    """
    result = {}
    for name, slope in system.slopes.items():
        x = symbol(name)
        rate = _decay(slope, name)
        result[name] = x + DT * let(f"slope_{name}", slope) * exprel(DT * rate)
    return result


def exponential_midpoint(system: System, let: Let) -> dict[str, Expr]:
    """Exponential Euler to the middle of the step, whose linear parts then drive the whole step; order 2, stable for stiff gates.

    With f and ``a = df/dx`` taken at the middle x_m: ``x' = x + dt (f + a (x - x_m)) exprel(a dt)``
    (Sundnes et al. 2009, Comput. Math. Appl. 57:2118).
    """
    half: dict[str, Expr] = {}
    for name, slope in system.slopes.items():
        rate = _decay(slope, name)
        half[name] = let(f"half_{name}", symbol(name) + DT / 2 * let(f"slope_{name}", slope) * exprel(DT / 2 * rate))
    middle = {symbol(k): v for k, v in half.items()} | {TIME: TIME + DT / 2}
    result = {}
    for name, slope in system.slopes.items():
        x = symbol(name)
        rate = let(f"rate_{name}", _decay(slope, name).xreplace(middle))
        driven = slope.xreplace(middle) + rate * (x - half[name])
        result[name] = x + DT * let(f"middle_{name}", driven) * exprel(DT * rate)
    return result


def _decay(slope: Expr, name: str) -> Expr:
    """Rate at which a state relaxes, 0 where it grows: an upstroke must not enter an exponential."""
    return sympy.Min(sympy.diff(slope, symbol(name)), 0)


def rk2(system: System, let: Let) -> dict[str, Expr]:
    """Explicit midpoint rule, order 2."""
    half = _stage(system, let, "half", _rates(system, let, "k1", {}, 0), DT / 2)
    return _combine(system, [(_rates(system, let, "k2", half, DT / 2), sympy.Integer(1))])


def rk4(system: System, let: Let) -> dict[str, Expr]:
    """The classical Runge-Kutta rule, order 4."""
    k1 = _rates(system, let, "k1", {}, 0)
    k2 = _rates(system, let, "k2", _stage(system, let, "a", k1, DT / 2), DT / 2)
    k3 = _rates(system, let, "k3", _stage(system, let, "b", k2, DT / 2), DT / 2)
    k4 = _rates(system, let, "k4", _stage(system, let, "c", k3, DT), DT)
    sixth, third = sympy.Rational(1, 6), sympy.Rational(1, 3)
    return _combine(system, [(k1, sixth), (k2, third), (k3, third), (k4, sixth)])


def exact(system: System, let: Let) -> dict[str, Expr]:
    """Matrix propagator of a linear system; no error for inputs that are constant within a step."""
    return advance_exactly(system)


def impulse(system: System, let: Let) -> dict[str, Expr]:
    """Exact decay, and inputs as one pulse ``dt * B u`` at the end of the step."""
    return advance_exactly(system, as_impulse=True)


INTEGRATORS: dict[str, Callable[[System, Let], dict[str, Expr]]] = {
    "exact": exact,
    "exponential_euler": exponential_euler,
    "exponential_midpoint": exponential_midpoint,
    "euler": euler,
    "rk2": rk2,
    "rk4": rk4,
    "impulse": impulse,
}
#: Order of convergence in dt; the two exact methods have no error of their own on the systems they accept.
ORDERS = {"euler": 1, "exponential_euler": 1, "exponential_midpoint": 2, "rk2": 2, "rk4": 4}


def integrate(system: System, method: str, let: Let) -> dict[str, Expr]:
    """Advance all states of `system` by one step of `dt`: equations by `method`, maps by themselves."""
    substeps = 1 if method in ("exact", "impulse") else system.model.substeps
    advanced: dict[str, Expr] = {name: symbol(name) for name in system.slopes}
    for k in range(substeps):
        part = DT / substeps
        advanced = advance(system, method, let, advanced, part, TIME + k * part)
    if method not in ("exact", "impulse"):
        for name, coefficients in system.diffusion.items():
            kicks = [g * sympy.sqrt(DT) * normal(xi) for xi, g in coefficients.items()]
            advanced[name] = sympy.Add(advanced[name], *kicks)
    return {**advanced, **system.maps}


def advance(system: System, method: str, let: Let, start: dict[str, Expr], duration: Expr, time: Expr) -> dict[str, Expr]:
    """States after `duration` from the states `start` at `time`, without noise.

    The integrator writes its formulas for a step of ``dt`` from the states' own symbols; here they are restated.
    """
    restated: dict[Expr, Expr] = {symbol(k): v for k, v in start.items()} | {DT: duration, TIME: time}
    if all(k == v for k, v in restated.items()):
        return INTEGRATORS[method](system, let)

    def let_restated(hint: str, expression: Expr) -> Expr:
        placeholder = sympy.Dummy(hint, real=True)
        restated[placeholder] = let(hint, expression.xreplace(restated))
        return placeholder

    result = INTEGRATORS[method](system, let_restated)
    return {name: let(name, expression.xreplace(restated)) for name, expression in result.items()}


def _rates(system: System, let: Let, tag: str, at: dict[str, Expr], delay: Expr | int) -> dict[str, Expr]:
    replacement = {symbol(k): v for k, v in at.items()}
    if delay != 0:
        replacement[TIME] = TIME + delay
    return {name: let(f"{tag}_{name}", slope.xreplace(replacement)) for name, slope in system.slopes.items()}


def _stage(system: System, let: Let, tag: str, rates: dict[str, Expr], duration: Expr) -> dict[str, Expr]:
    return {name: let(f"{tag}_{name}", symbol(name) + duration * rate) for name, rate in rates.items()}


def _combine(system: System, weighted: list[tuple[dict[str, Expr], Expr]]) -> dict[str, Expr]:
    return {name: symbol(name) + DT * sympy.Add(*(w * k[name] for k, w in weighted)) for name in system.slopes}
