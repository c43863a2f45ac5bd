"""One time step of a model as straight-line code: integrate, receive, spike, reset.

This is the only place where the order of a step is written down. Every backend runs these assignments, or code that is
generated from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy
from sympy import Expr

from spaic.Dynamics.equations import Assignment
from spaic.Dynamics.functions import clip, detach, select, spike
from spaic.Dynamics.integrate import advance, integrate
from spaic.Dynamics.model import Model
from spaic.Dynamics.models import NeuronModel
from spaic.Dynamics.names import BEFORE_RESET, REFRACTORY, arrival
from spaic.Dynamics.system import DT, TIME, System, demand_defined, derive, symbol
from spaic.errors import SpaicError, UnsupportedError


@dataclass(frozen=True, eq=False)
class Step:
    """Straight-line code of one step.

    Attributes
    ----------
    states : tuple of str
        Read at the start, written at the end (with the refractory counter, if there is one).
    ports : tuple of str
        Connected ports; the step reads ``arrival(port)``.
    noises : tuple of str
        White noises; the step reads one standard normal number for each.
    assignments : tuple of (str, Expr)
        In order; each reads states, arrivals, parameters, normals, dt, t and names assigned before.
    results : dict
        Variable -> the name that holds it at the end of the step (states, values, O, and all ``_before_reset``).
    """

    states: tuple[str, ...]
    ports: tuple[str, ...]
    noises: tuple[str, ...]
    assignments: tuple[tuple[str, Expr], ...]
    results: dict[str, str]


def build_step(
    model: Model,
    method: str,
    connected: frozenset[str],
    known: Mapping[str, int] | None = None,
    is_refractory: bool = True,
    reset_gradient: bool = True,
) -> Step:
    """Straight-line code of one step of `model`.

    Parameters
    ----------
    model : Model
        The declaration.
    method : str
        Integrator.
    connected : frozenset of str
        Ports that something is linked to; the others are 0.
    known : mapping of str to int, optional
        Parameters whose value is a known whole number for all neurons (0 or 1, say), to be folded in.
    is_refractory : bool
        False leaves the refractory machinery out, for a period of 0.
    reset_gradient : bool
        Whether the spike in the reset carries gradient.
    """
    return _Builder(model, method, connected, dict(known or {}), is_refractory, reset_gradient).build()


class _Builder:
    def __init__(
        self, model: Model, method: str, connected: frozenset[str], known: dict[str, int], is_refractory: bool, reset_gradient: bool
    ) -> None:
        self.model, self.method, self.connected, self.known = model, method, connected, known
        self.reset_gradient = reset_gradient
        self.silent = {p: 0 for p in model.currents if p not in connected}
        period = model.refractory_period if isinstance(model, NeuronModel) and is_refractory else None
        self.period, self.held = period if period else ("", ())
        self.assignments: list[tuple[str, Expr]] = []
        self.now: dict[str, Expr] = {s: symbol(s) for s in model.states}
        self.results: dict[str, str] = {}
        self.residual: Expr = sympy.Integer(0)
        self.system: System

    def let(self, hint: str, expression: Expr) -> Expr:
        demand_defined(self.model, hint, expression, {**self.known, **self.silent})
        name = f"{hint}:{len(self.assignments)}"
        self.assignments.append((name, expression))
        return symbol(name)

    def build(self) -> Step:
        self._integrate()
        self._receive()
        fired = self._spike()
        self._record(BEFORE_RESET)
        if fired is not None:
            self._reset(fired)
        self._record("")
        states = (*self.model.states, *((REFRACTORY,) if self.period else ()))
        ports = tuple(p for p in self.model.ports if p in self.connected)
        return Step(states, ports, self.model.noises, tuple(self.assignments), self.results)

    def _integrate(self) -> None:
        try:
            self.system = derive(self.model, {**self.known, **self.silent}, {p: symbol(arrival(p)) for p in self.model.currents})
            advanced = integrate(self.system, self.method, self.let)
        except SpaicError:
            raise
        except (TypeError, ValueError, NotImplementedError, RecursionError) as error:  # SymPy's, on exotic but legal text
            raise UnsupportedError(f"{self.model.name}: {self.method!r} cannot be derived ({error}); use 'euler' or 'rk4'") from error
        self.now = {name: self.let(name, advanced[name]) for name in self.model.states}

    def _receive(self) -> None:
        for port, statements in self.model.receives.items():
            amount = symbol(arrival(port)) if port in self.connected else sympy.Integer(0)
            for statement in statements:
                self.now[statement.name] = self._assigned(statement, {symbol("w"): amount})
        if self.period:
            waiting = symbol(REFRACTORY) > 0
            for name in self.held:
                self.now[name] = self.let(name, sympy.Piecewise((symbol(name), waiting), (self.now[name], True)))

    def _spike(self) -> Expr | None:
        condition = self.model.condition if isinstance(self.model, NeuronModel) else None
        if condition is None:
            return None
        self.residual = self.let("residual", self._in_terms_of_now(condition.residual.sympy))
        fired = self.let("O", spike(self.residual, sympy.Integer(int(condition.is_strict))))
        if self.period:
            fired = self.let("O", sympy.Piecewise((sympy.Integer(0), symbol(REFRACTORY) > 0), (fired, True)))
        self.results["O"] = fired.name
        return fired

    def _reset(self, fired: Expr) -> None:
        gate = fired if self.reset_gradient else self.let("gate", detach(fired))
        if isinstance(self.model, NeuronModel) and self.model.interpolate:
            self._reset_within(gate, self.model)
        else:
            self._reset_at_end(gate)
        if self.period:
            steps = sympy.floor(symbol(self.period) / DT + sympy.Rational(1, 2))
            left = sympy.Max(symbol(REFRACTORY) - 1, 0)
            self.results[REFRACTORY] = self.let(REFRACTORY, sympy.Piecewise((steps, fired > 0), (left, True))).name

    def _reset_at_end(self, gate: Expr) -> None:
        for statement in self.model.resets if isinstance(self.model, NeuronModel) else ():
            old = self.now[statement.name]
            if statement.operator in ("+=", "-="):
                change = self._in_terms_of_now(statement.right.sympy)
                self.now[statement.name] = self.let(statement.name, old + gate * (change if statement.operator == "+=" else -change))
            else:
                self.now[statement.name] = self.let(statement.name, select(gate, self._assigned(statement, {}), old))

    def _reset_within(self, gate: Expr, model: NeuronModel) -> None:
        """Reset where the threshold is crossed, and integrate the rest of the step from there."""
        end, start = dict(self.now), {s: symbol(s) for s in model.states}
        self.now = dict(start)
        residual = model.condition.residual.sympy if model.condition else sympy.Integer(0)
        below = self.let("below", self._in_terms_of_now(residual, {TIME: TIME}))
        part = self.let("part", clip(-below / sympy.Max(self.residual - below, sympy.Float(1e-12)), sympy.Integer(0), sympy.Integer(1)))
        self.now = {s: self.let(s, start[s] + part * (end[s] - start[s])) for s in model.states}
        for statement in model.resets:
            self.now[statement.name] = self._assigned(statement, {TIME: TIME + part * DT})
        moving = {s: self.now[s] for s in self.system.slopes}
        later = advance(self.system, self.method, self.let, moving, self.let("rest", (1 - part) * DT), TIME + part * DT)
        held = set(self.held) if self.period else set()
        reset = {s: self.now[s] if s in held or s not in later else later[s] for s in model.states}
        self.now = {s: self.let(s, select(gate, reset[s], end[s])) for s in model.states}

    def _assigned(self, statement: Assignment, extra: dict[Expr, Expr]) -> Expr:
        right, old = self._in_terms_of_now(statement.right.sympy, extra), self.now[statement.name]
        combined = {"=": right, "+=": old + right, "-=": old - right, "*=": old * right, "/=": old / right}
        return self.let(statement.name, combined[statement.operator])

    def _in_terms_of_now(self, expression: Expr, extra: dict[Expr, Expr] | None = None) -> Expr:
        """Values and states of `expression` as they are at this point of the step."""
        replacement = {TIME: TIME + DT} | {symbol(k): v for k, v in self.now.items()} | (extra or {})
        replacement |= {symbol(p): symbol(arrival(p)) if p in self.connected else sympy.Integer(0) for p in self.model.currents}
        wanted = _needed(self.model, expression)
        for value in self.model.values:
            if value.name in wanted:  # all at once: what is there is as it is now, and its time is not moved again
                replacement[symbol(value.name)] = self._fold(value.right.sympy.xreplace(replacement))
        return self._fold(expression.xreplace(replacement))

    def _fold(self, expression: Expr) -> Expr:
        return expression.xreplace({symbol(k): sympy.Integer(v) for k, v in self.known.items()})

    def _record(self, suffix: str) -> None:
        for name in self.model.states:
            now = self.now[name]
            self.results[name + suffix] = now.name
        for value in self.model.values:
            if not any(n in value.right.symbols for n in self.model.noises):
                self.results[value.name + suffix] = self.let(value.name, self._in_terms_of_now(symbol(value.name))).name


def _needed(model: Model, expression: Expr) -> set[str]:
    """Values that `expression` reads, directly or through other values."""
    names = {s.name for s in expression.free_symbols}
    for value in reversed(model.values):
        if value.name in names:
            names |= value.right.symbols
    return names
