"""What exact events need of a plasticity rule: traces that decay by themselves, and integrals between spikes in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from spaic.Backend.Event.equations.algebra import NotLinear
from spaic.Dynamics.rules import WEIGHT, Rule
from spaic.Dynamics.tape import Tape

if TYPE_CHECKING:
    from sympy import Expr

#: Name of the time that passes in the tapes of this file.
GAP = "dt"


@dataclass(frozen=True, eq=False)
class Between:
    """What happens to a weight between two events.

    Attributes
    ----------
    tape : Tape
        The weight at the end (``result``) from the weight and the states at the start.
    terms : int
        How many exponentials its slope is a sum of: the weight of a single one only rises or only falls.
    """

    tape: Tape
    terms: int


@lru_cache(maxsize=256)
def between(rule: Rule) -> Between | None:
    """The exact integral of ``each_step``; None if the rule has none.

    Raises
    ------
    NotLinear
        If the rule is none that exact events can execute, saying why.
    """
    _refuse_what_has_no_events(rule)
    rates = _rates(rule)
    if "each_step" not in rule.statements:
        return None
    return _integrated(rule, _slope(rule), rates)


def _refuse_what_has_no_events(rule: Rule) -> None:
    for side in ("pre", "post"):
        if rule.reads(side):
            raise NotLinear(
                f"{rule.name}: it reads {next(iter(rule.reads(side).values()))}, which changes all the time; use traces of spikes"
            )
    for when in ("on_pre", "on_post", "on_reward"):
        if any("dt" in statement.right.symbols for statement in rule.statements.get(when, ())):
            raise NotLinear(f"{rule.name}, {when}: it reads dt, which is no part of an exact run; leave it out")
    if rule.method != "exact":
        raise NotLinear(f"{rule.name}: its integrator is {rule.method!r}, a rule for time steps; use 'exact'")
    if rule.largest:
        raise NotLinear(f"{rule.name}: it reads the largest of many values; exact events visit single synapses")
    if "end_step" in rule.statements:
        raise NotLinear(f"{rule.name}: end_step has no meaning without a time step; use on_pre, on_post, or each_step with dt")


def _rates(rule: Rule) -> dict[str, Expr]:
    """State -> its rate of decay, for equations ``dx/dt = rate x``."""
    import sympy

    from spaic.Dynamics.system import TIME, derive, symbol

    found = {}
    for model in rule.models.values():
        system = derive(model, {})
        if system.maps:
            names = ", ".join(system.maps)
            raise NotLinear(f"{rule.name}: {names} is a one-step map, which has no meaning without a time step; use an equation")
        if model.noises:
            raise NotLinear(f"{rule.name}: it has white noise; exact events need smooth paths between them")
        for name, slope in system.slopes.items():
            rate = sympy.simplify(slope / symbol(name))
            if rate.free_symbols & {TIME, *(symbol(s) for s in rule.states)}:
                raise NotLinear(f"{rule.name}, equation of {name}: it is no decay by itself; exact events need d{name}/dt = rate * {name}")
            found[name] = rate
    return found


def _slope(rule: Rule) -> Expr:
    """Slope of the weight that ``each_step`` stands for."""
    import sympy

    from spaic.Dynamics.system import DT

    total: Expr = sympy.Integer(0)
    for statement in rule.statements["each_step"]:
        place = f"{rule.name}, each_step of {statement.name}"
        if statement.name != WEIGHT or statement.operator not in ("+=", "-="):
            raise NotLinear(f"{place}: only 'w += dt * ...' has a meaning without a time step; write equations for states")
        slope = sympy.expand(statement.right.sympy / DT)
        if slope.has(DT):
            raise NotLinear(f"{place}: it is not proportional to dt, so it is no integral over time; write 'w += dt * ...'")
        total = total + (slope if statement.operator == "+=" else -slope)
    return total


def _integrated(rule: Rule, slope: Expr, rates: dict[str, Expr]) -> Between:
    """Of ``dw/dt = a`` and ``dw/dt = b w`` with sums of products of decaying states a and b."""
    import sympy

    from spaic.Dynamics.functions import exprel
    from spaic.Dynamics.system import DT, symbol

    w, states = symbol(WEIGHT), {symbol(s): r for s, r in rates.items()}
    place = f"{rule.name}, each_step"
    parts: dict[bool, list[Expr]] = {False: [], True: []}
    for term in sympy.Add.make_args(slope):
        power = term.as_powers_dict().get(w, 0) if term.has(w) else 0
        rest = term / w**power
        if power not in (0, 1) or rest.has(w):
            raise NotLinear(f"{place}: it is not linear in w, so its integral has no closed form here")
        rate: Expr = sympy.Integer(0)
        for factor, exponent in rest.as_powers_dict().items():
            if factor in states:
                rate = rate + exponent * states[factor]
            if (exponent.free_symbols if factor in states else factor.free_symbols) & set(states):
                raise NotLinear(f"{place}: {factor} is no product of states, so its integral has no closed form here")
        parts[bool(power)].append(rest * DT * exprel(rate * DT))
    if parts[False] and parts[True]:
        raise NotLinear(f"{place}: it has terms with and without w, so its integral has no closed form here")
    grown = sympy.Add(*parts[False], *parts[True])
    result = w * sympy.exp(grown) if parts[True] else w + grown
    from spaic.Dynamics.lowering import lower

    tape = lower([("result", result)], {"result": "result"}, {*rule.parameters})
    return Between(tape, max(len(parts[False]), len(parts[True])))
