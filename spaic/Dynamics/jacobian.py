"""How fast the equations of a model are: eigenvalues of their Jacobian where a neuron starts, fires and is reset."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import sympy

from spaic.Dynamics.expression import Expression
from spaic.Dynamics.lowering import lower
from spaic.Dynamics.model import Model
from spaic.Dynamics.models import NeuronModel
from spaic.Dynamics.primitives import PRIMITIVES
from spaic.Dynamics.system import derive, symbol
from spaic.Dynamics.tape import Tape

#: Neurons with parameters of their own that are looked at.
_SAMPLES = 64

Point = dict[str, Any]


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


def is_linear(model: Model) -> bool:
    """Whether the Jacobian is the same at all states.

    Examples
    --------
    >>> from spaic.registry import neurons
    >>> is_linear(neurons["cuba"]), is_linear(neurons["lif_cond"])
    (True, False)
    """
    slopes = derive(model, {}).slopes
    moving = {symbol(name) for name in slopes}
    return not any(sympy.diff(slope, x).free_symbols & moving for slope in slopes.values() for x in moving)


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
