"""A plasticity rule as tapes: the decay of its states, and the change that each statement makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import sympy
from sympy import Expr

from spaic.Dynamics.equations import Assignment
from spaic.Dynamics.lowering import lower
from spaic.Dynamics.rules import Rule
from spaic.Dynamics.step import build_step
from spaic.Dynamics.system import symbol
from spaic.Dynamics.tape import Tape


@dataclass(frozen=True, eq=False)
class Term:
    """A product of what the weight, the presynaptic and the postsynaptic side contribute to a change; None stands for 1.

    Attributes
    ----------
    weight, pre, post : Tape, optional
        Each with the output ``result``. Third factors are with the neurons they are tied to, or with `post`.
    """

    weight: Tape | None
    pre: Tape | None
    post: Tape | None


@dataclass(frozen=True, eq=False)
class Update:
    """One statement.

    Attributes
    ----------
    target, side : str
        What changes, and whose it is.
    is_change : bool
        Whether the tape gives what is added, or the new value itself.
    tape : Tape
        Its output is ``result``.
    terms : tuple of Term, optional
        For a weight: the change as a sum of products, if it is one.
    """

    target: str
    side: str
    is_change: bool
    tape: Tape
    terms: tuple[Term, ...] | None = None


@lru_cache(maxsize=256)
def decays(rule: Rule) -> dict[str, Tape]:
    """Side -> the tape that advances its states by one step; it reads states, ``arrival(reading)``, parameters and dt."""
    found = {}
    for side, model in rule.models.items():
        step = build_step(model, rule.method, frozenset(model.currents))
        found[side] = lower(step.assignments, {s: step.results[s] for s in step.states}, {*rule.parameters, "dt"})
    return found


@lru_cache(maxsize=256)
def updates(rule: Rule) -> dict[str, tuple[Update, ...]]:
    """Occasion -> its statements in order."""
    return {when: tuple(_update(rule, s) for s in statements) for when, statements in rule.statements.items()}


def _update(rule: Rule, statement: Assignment) -> Update:
    old, right = symbol(statement.name), statement.right.sympy
    side = rule.side(statement.name)
    changes: dict[str, Callable[[], Expr]] = {
        "+=": lambda: right,
        "-=": lambda: -right,
        "*=": lambda: old * right - old,
        "/=": lambda: old / right - old,
        "=": lambda: right - old,
    }
    change = changes[statement.operator]()
    if side == "weight":
        return Update(statement.name, side, True, _tape(rule, change), _terms(rule, change))
    is_change = statement.operator in ("+=", "-=")
    values = {"*=": old * right, "/=": old / right, "=": right}
    return Update(statement.name, side, is_change, _tape(rule, change if is_change else values[statement.operator]))


def _tape(rule: Rule, expression: Expr) -> Tape:
    return lower([("result", expression)], {"result": "result"}, {*rule.parameters, "dt"})


def _terms(rule: Rule, change: Expr) -> tuple[Term, ...] | None:
    """`change` as a sum of products of one factor per side, or None."""
    found = []
    for product in sympy.Add.make_args(sympy.expand(change)):
        factors: dict[str, list[Expr]] = {"weight": [], "pre": [], "post": []}
        for factor in sympy.Mul.make_args(product):
            sides = {rule.side(s.name) for s in factor.free_symbols} - {"parameter"}
            own = sides - {"modulator"}
            if "synapse" in sides or len(own) > 1 or sides == {"weight", "modulator"}:
                return None
            factors[next(iter(own), "post" if sides else "weight")].append(factor)
        tapes = {side: _tape(rule, sympy.Mul(*of)) if of else None for side, of in factors.items()}
        found.append(Term(**tapes))
    return tuple(found)
