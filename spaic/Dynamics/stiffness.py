"""Equations that are too fast for the step: found before the run, from their Jacobian."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from spaic.Dynamics.model import Model

#: What an explicit method multiplies the solution of dx/dt = a x by in a step, as a polynomial of z = a dt, lowest power first.
AMPLIFICATION = {"euler": (1.0, 1.0), "rk2": (1.0, 1.0, 0.5), "rk4": (1.0, 1.0, 1 / 2, 1 / 6, 1 / 24)}
#: Methods that never blow up, but freeze what a step leaves no time to change: beyond so many time constants per step hodgkin_huxley
#: loses spikes (at 16 of them up to 9 in 10, at 8 1 in 12, at 3 one at some currents; none at 2).
EXPONENTIAL, MOST_TIME_CONSTANTS = ("exponential_euler", "exponential_midpoint"), 2.5


class Group(NamedTuple):
    """What is looked at: neurons of one model."""

    path: str
    model: Model
    method: str
    parameters: Mapping[str, Any]
    initial: Mapping[str, Any]


def warn_if_stiff(groups: Iterable[Group | tuple[Any, ...]], dt: float) -> None:
    """Warn, once for all `groups`, if a method cannot follow the fastest decay in steps of `dt` ms.

    The rates are those of the Jacobian at the initial values, at the threshold and after the reset. An explicit method blows up beyond
    its limit of stability; an exponential one stays finite, and is wrong, where the equations are not linear. Exact integration and
    impulses have no such limit and are not looked at.
    """
    found = []
    for group in (Group(*g) for g in groups):
        if group.method in AMPLIFICATION or group.method in EXPONENTIAL:
            from spaic.Dynamics.jacobian import decaying_rates, is_linear  # SymPy takes its time to be imported

            rates = decaying_rates(group.model, group.parameters, group.initial)
            limits = longest_step(rates, group.method) * group.model.substeps
            if (limits < dt).any() and not (group.method in EXPONENTIAL and is_linear(group.model)):
                worst = int(np.argmin(limits))
                found.append((float(limits[worst]), abs(rates[worst]), group))
    if found:
        longest, size, slowest = min(found, key=lambda f: f[0])
        others = f" (so are {len(found) - 1} more groups)" if len(found) > 1 else ""
        parts = math.ceil(slowest.model.substeps * dt / longest)
        ways = [f"a dt of at most {_rounded_down(longest):g} ms", f"substeps={parts}"]
        if slowest.method not in EXPONENTIAL and dt * size <= MOST_TIME_CONSTANTS * slowest.model.substeps:
            ways.append("integrator='exponential_midpoint'")
        warnings.warn(
            f"{slowest.path} ({slowest.model.name}): its fastest rate is {size:.3g} / ms, too fast for {slowest.method!r} with "
            f"dt = {dt:g} ms{others}; use {', '.join(ways[:-1])} or {ways[-1]}",
            RuntimeWarning,
            stacklevel=3,
        )


def longest_step(rates: np.ndarray, method: str) -> np.ndarray:
    """The longest steps in ms in which `method` follows modes that decay with `rates`, in 1/ms.

    An explicit method must not blow them up, an exponential one not jump over them.

    Examples
    --------
    >>> longest_step(np.array([-1 + 0j, -0.25 + 0j]), "euler").round(6)
    array([2., 8.])
    """
    if method in EXPONENTIAL:
        return np.asarray(MOST_TIME_CONSTANTS / np.abs(rates))
    direction = rates / np.abs(rates)
    low, high = np.zeros(len(rates)), np.full(len(rates), 4.0)  # no limit of these methods lies beyond 3
    for _ in range(50):
        middle = (low + high) / 2
        gain = sum(c * (middle * direction) ** k for k, c in enumerate(AMPLIFICATION[method]))
        is_stable = np.abs(gain) <= 1
        low, high = np.where(is_stable, middle, low), np.where(is_stable, high, middle)
    return np.asarray(low / np.abs(rates))


def _rounded_down(value: float) -> float:
    """Two digits."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return math.floor(value / unit) * unit
