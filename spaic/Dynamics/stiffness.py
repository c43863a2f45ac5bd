"""Equations that are too fast for the step: found before the run, from their Jacobian."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import sympy

from spaic.Dynamics.expression import Expression
from spaic.Dynamics.lowering import lower
from spaic.Dynamics.models import Model, NeuronModel
from spaic.Dynamics.primitives import PRIMITIVES
from spaic.Dynamics.system import derive, symbol
from spaic.Dynamics.tape import Tape

#: What an explicit method multiplies the solution of dx/dt = a x by in a step, as a polynomial of z = a dt, lowest power first.
AMPLIFICATION = {"euler": (1.0, 1.0), "rk2": (1.0, 1.0, 0.5), "rk4": (1.0, 1.0, 1 / 2, 1 / 6, 1 / 24)}
#: Neurons with parameters of their own that are looked at.
_SAMPLES = 64

Point = dict[str, Any]


class Group(NamedTuple):
    """What is looked at: neurons of one model."""

    path: str
    model: Model
    method: str
    parameters: Mapping[str, Any]
    initial: Mapping[str, Any]


def warn_if_stiff(groups: Iterable[Group | tuple[Any, ...]], dt: float) -> None:
    """Warn, once for all `groups`, if an explicit method cannot follow the fastest decay in steps of `dt` ms.

    The rates are those of the Jacobian at the initial values, at the threshold and after the reset. Methods that solve their
    linear part (exact, impulse and the exponential ones) have no such limit and are not looked at.
    """
    found = []
    for group in (Group(*g) for g in groups):
        if group.method in AMPLIFICATION:
            rates = decaying_rates(group.model, group.parameters, group.initial)
            limits = longest_step(rates, group.method) * group.model.substeps
            if (limits < dt).any():
                worst = int(np.argmin(limits))
                found.append((float(limits[worst]), abs(rates[worst]), group))
    if found:
        longest, size, slowest = min(found, key=lambda f: f[0])
        others = f" (so are {len(found) - 1} more groups)" if len(found) > 1 else ""
        parts = math.ceil(slowest.model.substeps * dt / longest)
        warnings.warn(
            f"{slowest.path} ({slowest.model.name}): its fastest rate is {size:.3g} / ms, too fast for {slowest.method!r} with "
            f"dt = {dt:g} ms{others}; use a dt of at most {_rounded_down(longest):g} ms, substeps={parts} or "
            "integrator='exponential_midpoint'",
            RuntimeWarning,
            stacklevel=3,
        )


def decaying_rates(model: Model, parameters: Mapping[str, Any], initial: Mapping[str, Any] | None = None) -> np.ndarray:
    """The eigenvalues with a negative real part, in 1/ms, of the Jacobian where a neuron starts, fires and is reset.

    Parameters
    ----------
    model : Model
        The declaration.
    parameters : mapping of str to number or array
        Values that differ from the defaults; a rule that draws them counts as its default.
    initial : mapping of str to number or array, optional
        Initial values that differ from the model's.

    Returns
    -------
    array of complex
        Each once; empty if nothing decays.

    Examples
    --------
    >>> from spaic.registry import neurons
    >>> decaying_rates(neurons["lif"], {"tau_m": 4.0})
    array([-0.25+0.j])
    """
    if all(line.kind != "ode" for line in model.lines):
        return np.empty(0, complex)
    with np.errstate(all="ignore"):
        points = _points(model, _numbers(model, parameters), initial or {})
        rates = np.concatenate([_eigenvalues(model, point) for point in points])
    return np.unique(rates[np.isfinite(rates) & (rates.real < 0)].astype(complex))


def longest_step(rates: np.ndarray, method: str) -> np.ndarray:
    """The longest steps in ms in which an explicit `method` does not blow up modes that decay with `rates`, in 1/ms.

    Examples
    --------
    >>> longest_step(np.array([-1 + 0j, -0.25 + 0j]), "euler").round(6)
    array([2., 8.])
    """
    direction = rates / np.abs(rates)
    low, high = np.zeros(len(rates)), np.full(len(rates), 4.0)  # no limit of these methods lies beyond 3
    for _ in range(50):
        middle = (low + high) / 2
        gain = sum(c * (middle * direction) ** k for k, c in enumerate(AMPLIFICATION[method]))
        is_stable = np.abs(gain) <= 1
        low, high = np.where(is_stable, middle, low), np.where(is_stable, high, middle)
    return np.asarray(low / np.abs(rates))


def _numbers(model: Model, given: Mapping[str, Any]) -> Point:
    """Every parameter as a number or as an array of `_SAMPLES` of the neurons, those with the extreme values among them."""
    values: Point = {k: v for k, v in given.items() if not hasattr(v, "sample")}
    size = max((np.size(v) for v in values.values()), default=1)
    arrays = [np.ravel(v) for v in values.values() if np.size(v) == size > 1]
    chosen = {*(int(f(a)) for a in arrays for f in (np.argmin, np.argmax)), *range(0, size, max(1, size // _SAMPLES))}
    index = sorted(chosen)
    values = {k: np.ravel(v)[index] if np.size(v) == size > 1 else v for k, v in values.items()}
    for name in model.default_order:
        default = model.parameter(name).default
        if name not in values:
            values[name] = _value(Expression(default, name).sympy, values) if isinstance(default, str) else default
    return values


def _points(model: Model, values: Point, initial: Mapping[str, Any]) -> list[Point]:
    """Where the Jacobian is looked at: parameters, states, inputs of 0."""
    point = {**values, **dict.fromkeys(model.currents, 0.0), "t": 0.0, "dt": 0.0}
    start = dict(point)
    for name in model.states:
        text = model.initial.get(name, 0.0)
        start[name] = _value(Expression(text, name).sympy, values) if isinstance(text, str) else text
        if name in initial and np.size(initial[name]) == 1 and not hasattr(initial[name], "sample"):
            start[name] = float(np.ravel(initial[name])[0])
    return [start, *(_after_threshold(model, start) if isinstance(model, NeuronModel) and model.condition else [])]


def _after_threshold(model: NeuronModel, start: Point) -> list[Point]:
    """A neuron that fires, and the same after its reset."""
    residual = _in_states(model, model.condition.residual.sympy) if model.condition else sympy.Integer(0)
    moving = [line.name for line in model.lines if line.kind == "ode"]
    at = next((s for s in moving if symbol(s) in residual.free_symbols), None)
    if at is None:
        return []
    slope = _value(sympy.diff(residual, symbol(at)), start)
    firing = {**start, at: start[at] - _value(residual, start) / slope}
    driven = _relaxed(model, firing, at)
    reset = dict(driven)
    for statement in model.resets:
        right, old = _value(_in_states(model, statement.right.sympy), reset), reset[statement.name]
        combined = {"=": right, "+=": old + right, "-=": old - right, "*=": old * right, "/=": old / right if np.all(right) else old}
        reset[statement.name] = combined[statement.operator]
    return [firing, driven, reset]


def _relaxed(model: Model, point: Point, held: str) -> Point:
    """The other states after two time constants of the fastest of them: gates that the threshold has opened."""
    tape, names = _jacobian(model)
    found = tape.run(PRIMITIVES, {k: point[k] for k in tape.inputs})
    own = {s: np.minimum(found[f"{s},{s}"], 0.0) for s in names if s != held}
    fastest = max((float(np.max(-rate)) for rate in own.values()), default=0.0)
    if fastest == 0 or not math.isfinite(fastest):
        return point
    time = 2 / fastest
    return {**point, **{s: point[s] + time * found[f"d{s}"] * PRIMITIVES["exprel"](time * rate) for s, rate in own.items()}}


def _eigenvalues(model: Model, point: Point) -> np.ndarray:
    tape, names = _jacobian(model)
    found = tape.run(PRIMITIVES, {k: point[k] for k in tape.inputs})
    cells = np.broadcast_arrays(*(np.asarray(found[f"{i},{j}"], dtype=np.float64) for i in names for j in names))
    matrices = np.stack([np.ravel(c) for c in cells], axis=-1).reshape(-1, len(names), len(names))
    return np.asarray(np.linalg.eigvals(matrices[np.isfinite(matrices).all(axis=(1, 2))])).ravel()


@lru_cache(maxsize=64)
def _jacobian(model: Model) -> tuple[Tape, tuple[str, ...]]:
    """Code of the slopes ``dV`` and of their derivatives ``V,U``."""
    slopes = derive(model, {}).slopes
    cells = {f"{i},{j}": sympy.diff(slope, symbol(j)) for i, slope in slopes.items() for j in slopes}
    cells |= {f"d{name}": slope for name, slope in slopes.items()}
    named = {f"{name}:": expression for name, expression in cells.items()}
    return lower(named.items(), {name: f"{name}:" for name in cells}, ()), tuple(slopes)


def _in_states(model: Model, expression: Any) -> Any:
    """`expression` with the intermediate values written out."""
    for value in reversed(model.values):
        expression = expression.xreplace({symbol(value.name): value.right.sympy})
    return expression


def _value(expression: Any, point: Point) -> Any:
    tape = lower([("x:", expression)], {"x": "x:"}, ())
    return tape.run(PRIMITIVES, {k: point.get(k, 0.0) for k in tape.inputs})["x"]


def _rounded_down(value: float) -> float:
    """Two digits."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return math.floor(value / unit) * unit
