"""What exact events need of a model: a linear system, linear jumps, a linear spike condition and linear resets, read from its equations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spaic.Dynamics.equations import Assignment
from spaic.Dynamics.model import Model
from spaic.Dynamics.models import NeuronModel, SynapseModel
from spaic.errors import UnsupportedError

if TYPE_CHECKING:
    from sympy import Expr

#: A row of a linear map: state -> coefficient; the constant term is under "".
Row = dict[str, "Expr"]
#: What arrives without a synapse is held by a state of this name and the port.
DRIVE = "drive:"


class NotLinear(UnsupportedError):
    """Something that exact events cannot do, without the path of the element."""


@dataclass(frozen=True, eq=False)
class Form:
    """The linear system of a neuron with the synapses before it, entries in its parameters.

    Attributes
    ----------
    states : tuple of str
        Those of the neuron by their names, those of a synapse as ``"link:state"``, those of currents as ``"drive:port"``.
    slopes : dict of str to Row
        ``dx/dt`` of every state; currents are constant.
    jumps : dict of str to Row
        Entry point -> what an amount of 1 adds: a receive port, a link with a synapse, or a current.
    residual : Row
        Positive where the neuron fires; empty for one that never does.
    is_strict : bool
        Whether the residual has to be above 0.
    reset : dict of str to Row
        States that a spike changes -> their value after it.
    held : tuple of str
        States that keep their value while the neuron is refractory.
    values : dict of str to Row
        Intermediate values that are linear in the states.
    """

    states: tuple[str, ...]
    slopes: dict[str, Row]
    jumps: dict[str, Row]
    residual: Row
    is_strict: bool
    reset: dict[str, Row]
    held: tuple[str, ...]
    values: dict[str, Row] = field(default_factory=dict)


def form(model: NeuronModel, synapses: Mapping[str, tuple[SynapseModel, str]], drives: Iterable[str]) -> Form:
    """The linear system of `model`.

    Parameters
    ----------
    model : NeuronModel
        The neuron.
    synapses : mapping of str to (SynapseModel, str)
        Link -> its synapse and the current port that it feeds. Parameters of the synapse are called ``"link.parameter"``.
    drives : iterable of str
        Current ports that are fed with piecewise constant values.

    Raises
    ------
    UnsupportedError
        Saying what of the model exact events cannot do.
    """
    import sympy

    from spaic.Dynamics.system import derive, symbol

    _refuse_what_has_no_events(model)
    slopes: dict[str, Expr] = {f"{DRIVE}{port}": sympy.Integer(0) for port in drives}
    jumps: dict[str, Row] = {f"{DRIVE}{port}": {f"{DRIVE}{port}": sympy.Integer(1)} for port in drives}
    fed: dict[str, Expr] = {port: symbol(f"{DRIVE}{port}") for port in drives}
    inner: dict[str, Expr] = {}
    for link, (synapse, port) in synapses.items():
        output = _add_synapse(link, synapse, slopes, jumps, inner)
        fed[port] = fed.get(port, sympy.Integer(0)) + output
    known = {p: 0 for p in model.currents if p not in fed}
    system = derive(model, known, {p: symbol(f"port:{p}") for p in fed})
    if any(system.diffusion.values()):
        raise NotLinear(f"{model.name}: it has white noise; exact events need smooth paths between them")
    ports = {symbol(f"port:{p}"): e for p, e in fed.items()} | {symbol(p): fed.get(p, sympy.Integer(0)) for p in model.currents}
    own = {name: slope.xreplace(ports) for name, slope in system.slopes.items()}
    values = {name: value.xreplace(ports) for name, value in system.values.items()}
    states = (*own, *slopes)
    every = {**own, **slopes}
    rows = {name: row(slope, states, f"{model.name}, equation of {name}") for name, slope in every.items()}
    place = {symbol(k): v for k, v in {**values}.items()} | ports
    for port, statements in model.receives.items():
        jumps[port] = _jump(model, port, statements, values)
    condition = model.condition
    residual = {} if condition is None else row(_in(condition.residual.sympy, place), states, f"{model.name}, spike condition")
    period = model.refractory_period
    linear_values = {}
    for name, value in values.items():
        try:
            linear_values[name] = row(value, states, name)
        except NotLinear:
            continue  # it can be part of an equation that is linear as a whole; only reading it is refused
    return Form(
        states,
        rows,
        jumps,
        residual,
        condition is not None and condition.is_strict,
        _reset(model, states, values, ports),
        period[1] if period else (),
        linear_values,
    )


def _refuse_what_has_no_events(model: Model) -> None:
    maps = [e.name for e in model.lines if e.kind == "map"]
    if maps:
        raise NotLinear(f"{model.name}: {', '.join(maps)} is a one-step map, which has no meaning without a time step; use an equation")
    if model.noises:
        raise NotLinear(f"{model.name}: it has white noise; exact events need smooth paths between them")
    if model.method == "impulse":
        raise NotLinear(f"{model.name}: the integrator 'impulse' is a rule for time steps; use 'exact'")


def _add_synapse(link: str, model: SynapseModel, slopes: dict[str, Expr], jumps: dict[str, Row], inner: dict[str, Expr]) -> Expr:
    """Put the states of a synapse beside those of its target; the current that it delivers."""
    from spaic.Dynamics.system import derive, symbol

    _refuse_what_has_no_events(model)
    system = derive(model, dict.fromkeys(model.currents, 0))
    names = {symbol(s): symbol(f"{link}:{s}") for s in model.states} | {symbol(p): symbol(f"{link}.{p}") for p in model.parameters}
    slopes.update({f"{link}:{s}": e.xreplace(names) for s, e in system.slopes.items()})
    if not model.receives:
        raise NotLinear(f"{model.name}: the synapse has no receive text, so a spike of no duration does nothing to it")
    port, statements = next(iter(model.receives.items()))
    jumps[link] = {f"{link}:{s}": e.xreplace(names) for s, e in _jump(model, port, statements, system.values).items()}
    output = system.values.get(model.output, symbol(model.output))
    inner[link] = output.xreplace(names)
    return inner[link]


def row(expression: Expr, states: Iterable[str], place: str) -> Row:
    """Coefficients of an expression that is linear in `states`, the constant term under ""."""
    import sympy

    from spaic.Dynamics.system import DT, TIME, bends, symbol

    variables = {symbol(s): s for s in states}
    taken = {*variables, TIME, DT}
    found: Row = {}
    if expression.free_symbols & {TIME, DT}:
        raise NotLinear(f"{place}: it depends on t or dt; exact events need constant coefficients")
    for variable, name in variables.items():
        coefficient = sympy.simplify(sympy.diff(expression, variable)) if variable in expression.free_symbols else sympy.Integer(0)
        if coefficient.free_symbols & taken or bends(expression, {variable}):
            raise NotLinear(f"{place}: it is not linear in {name}; exact events need a linear system")
        if coefficient != 0:
            found[name] = coefficient
    rest = expression.xreplace(dict.fromkeys(variables, sympy.Integer(0)))
    return {**found, "": rest} if rest != 0 else found


def _in(expression: Expr, place: Mapping[Expr, Expr]) -> Expr:
    return expression.xreplace(dict(place))


def _jump(model: Model, port: str, statements: Iterable[Assignment], values: Mapping[str, Expr]) -> Row:
    """What an arriving amount of 1 adds to each state."""
    import sympy

    from spaic.Dynamics.system import symbol

    found: Row = {}
    amount, own = symbol("w"), {symbol(s) for s in model.states}
    meaning = {symbol(k): v for k, v in values.items()}
    for statement in statements:
        place = f"{model.name}, receive {port} of {statement.name}"
        if statement.operator not in ("+=", "-="):
            raise NotLinear(f"{place}: {statement.operator!r} is not a jump that adds up; use '+='")
        right = statement.right.sympy.xreplace(meaning)
        slope = sympy.diff(right, amount)
        if slope.free_symbols & {amount, *own} or sympy.simplify(right.xreplace({amount: sympy.Integer(0)})) != 0:
            raise NotLinear(f"{place}: the jump is not proportional to w; exact events need '+= factor * w'")
        found[statement.name] = found.get(statement.name, sympy.Integer(0)) + (slope if statement.operator == "+=" else -slope)
    return found


def _reset(model: NeuronModel, states: tuple[str, ...], values: Mapping[str, Expr], ports: Mapping[Expr, Expr]) -> dict[str, Row]:
    """Values after a spike in those before it; statements are executed in order."""
    from spaic.Dynamics.system import symbol

    now: dict[Expr, Expr] = {}
    for statement in model.resets:
        current = {symbol(k): v.xreplace(now) for k, v in values.items()}
        right = statement.right.sympy.xreplace(current).xreplace(dict(ports)).xreplace(now)
        old = now.get(symbol(statement.name), symbol(statement.name))
        result = {"=": right, "+=": old + right, "-=": old - right, "*=": old * right, "/=": old / right}[statement.operator]
        now[symbol(statement.name)] = result
    return {k.name: row(v, states, f"{model.name}, reset of {k.name}") for k, v in now.items()}
