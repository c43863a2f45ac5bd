"""What all declared models have in common: equations with parameters, and every check of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter

from spaic.Dynamics.equations import Assignment, Equation, parse_assignments, parse_equations
from spaic.Dynamics.expression import RESERVED, UNITS, Expression, is_name
from spaic.Dynamics.names import BEFORE_RESET, check_title
from spaic.Dynamics.parameter import Parameter, WithParameters
from spaic.errors import DeclarationError, nearest
from spaic.units import check_unit, is_unit

#: Port of a receive text that is given without a name.
DEFAULT_PORT = "input"
METHODS = ("exact", "exponential_euler", "exponential_midpoint", "euler", "rk2", "rk4", "impulse")


@dataclass(frozen=True, eq=False)
class Model(WithParameters):
    """Equations with parameters: what neuron and synapse models have in common.

    Parameters
    ----------
    equations : str
        One per line: ``dV/dt = ...``, ``x := ...`` (one-step map), ``u = ...`` (intermediate value). ``xi`` and
        ``xi_name`` are independent white noises (unit 1/sqrt(ms)), ``t`` is the time in ms.
    parameters : mapping of str to Parameter or float
        Every name that the equations read and that is no state, value or input.
    receive : str or mapping of port to str
        What an arriving amount ``w`` does, such as ``"I_syn += w"``.
    inputs : tuple of str or mapping of str to unit
        Names of inputs that are held constant during a step, by default ``I``.
    initial : mapping of str to float or str
        Initial values of states (0 where not given), possibly expressions in the parameters.
    units : mapping of str to unit
        Units of states and values, for the documentation.
    method : str
        Default integrator, one of exact, exponential_euler, exponential_midpoint, euler, rk2, rk4, impulse.
    substeps : int
        Number of equal parts into which the integrator divides a time step, for stiff equations.
    name, summary, source : str
        For messages and documentation; `source` cites the paper and equation.

    Raises
    ------
    DeclarationError
        Naming the equation and the symbol that is wrong.
    """

    equations: str
    parameters: Mapping[str, Parameter | float] = field(default_factory=dict)
    receive: str | Mapping[str, str] = ""
    inputs: tuple[str, ...] | Mapping[str, str] = ("I",)
    initial: Mapping[str, float | str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    method: str = "euler"
    substeps: int = 1
    name: str = "custom"
    summary: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        check_title(self.name, "model")
        self._declare()
        if self.method not in METHODS:
            raise DeclarationError(f"{self.name}: unknown integrator {self.method!r}; {nearest(self.method, METHODS)}")
        if isinstance(self.substeps, bool) or not isinstance(self.substeps, int) or self.substeps < 1:
            raise DeclarationError(f"{self.name}: substeps {self.substeps!r} is not a positive whole number; give one")
        self._check_names()
        self._check_symbols()

    @cached_property
    def lines(self) -> tuple[Equation, ...]:
        """All equations, in the order of the text."""
        return parse_equations(self.equations, self.name)

    @cached_property
    def states(self) -> tuple[str, ...]:
        """Names of the state variables, in the order of the text."""
        return tuple(e.name for e in self.lines if e.kind != "value")

    @cached_property
    def values(self) -> tuple[Equation, ...]:
        """Intermediate values, each after those it reads."""
        waiting = {e.name: e for e in self.lines if e.kind == "value"}
        done: list[Equation] = []
        while waiting:
            ready = [e for e in waiting.values() if not (e.right.symbols & waiting.keys())]
            if not ready:
                raise DeclarationError(f"{self.name}: the values {', '.join(waiting)} read each other; make one of them a state")
            done += ready
            waiting = {k: e for k, e in waiting.items() if e not in ready}
        return tuple(done)

    @cached_property
    def receives(self) -> dict[str, tuple[Assignment, ...]]:
        """Statements of every receive port."""
        texts = {DEFAULT_PORT: self.receive} if isinstance(self.receive, str) else dict(self.receive)
        return {port: parse_assignments(text, self.name, f"receive {port}") for port, text in texts.items() if text.strip()}

    @cached_property
    def currents(self) -> tuple[str, ...]:
        """Inputs that are constant within a step and that the equations read."""
        read = frozenset().union(*(e.right.symbols for e in self.lines)) if self.lines else frozenset()
        return tuple(name for name in self.inputs if name in read)

    @property
    def ports(self) -> tuple[str, ...]:
        """All ports; the first one is where a connection goes that names none."""
        return (*self.receives, *self.currents)

    @cached_property
    def noises(self) -> tuple[str, ...]:
        """Names of the white noises that the equations read."""
        read = set().union(*(e.right.symbols for e in self.lines)) if self.lines else set()
        return tuple(sorted(s for s in read if s == "xi" or s.startswith("xi_")))

    @cached_property
    def default_order(self) -> tuple[str, ...]:
        """Parameters, each after those that its default reads."""
        texts = {k: p.default for k, p in self.parameters.items() if isinstance(p, Parameter) and isinstance(p.default, str)}
        reads = {k: Expression(t, f"{self.name}, default of {k}").symbols for k, t in texts.items()}
        try:
            return tuple(TopologicalSorter({k: sorted(reads.get(k, ())) for k in sorted(self.parameters)}).static_order())
        except CycleError as error:
            loop = " -> ".join(error.args[1])
            raise DeclarationError(f"{self.name}: the defaults {loop} read each other; give one of them a number") from None

    @cached_property
    def _noisy_values(self) -> frozenset[str]:
        """Intermediate values that contain white noise, which has no value at an instant."""
        noisy: set[str] = set()
        for value in self.values:
            if value.right.symbols & (noisy | set(self.noises)):
                noisy.add(value.name)
        return frozenset(noisy)

    @property
    def variables(self) -> tuple[str, ...]:
        """Everything that can be recorded."""
        own = (*self.states, *(e.name for e in self.values if e.name not in self._noisy_values))
        return (*own, *(v + BEFORE_RESET for v in own))

    def _texts(self) -> list[tuple[Expression, set[str]]]:
        """All expressions besides the equations, with what each may read besides states, values and parameters."""
        return [(a.right, {"w"}) for statements in self.receives.values() for a in statements]

    def _targets(self) -> list[tuple[str, str]]:
        """States that are assigned outside of the equations, with the place."""
        return [(a.name, f"receive {port}") for port, statements in self.receives.items() for a in statements]

    def _check_names(self) -> None:
        own = [e.name for e in self.lines]
        for name in (*own, *self.parameters, *self.inputs, *self.receives):
            if not is_name(name) or name in RESERVED or name.endswith(BEFORE_RESET) or name == "xi" or name.startswith("xi_"):
                raise DeclarationError(f"{self.name}: the name {name!r} is reserved or not a name; choose another one")
        for name in own:
            if name in self.parameters or name in self.inputs:
                raise DeclarationError(f"{self.name}: {name!r} has an equation and is a parameter or input too; rename one")
        for name in self.currents:
            if name in self.parameters or name in self.receives:
                raise DeclarationError(f"{self.name}: {name!r} is an input and a parameter or receive port too; rename one")
        for name in (*self.initial, *self.units):
            if name not in (*own, *self.inputs):
                raise DeclarationError(f"{self.name}: initial value or unit of unknown {name!r}; {nearest(name, own)}")
        for name in self.initial:
            if name not in self.states:
                raise DeclarationError(f"{self.name}: {name!r} is an intermediate value and has no initial value; give its states one")
        for unit in self.units.values():
            check_unit(unit, self.name)
        if not self.states and not self.values:
            raise DeclarationError(f"{self.name}: there are no equations; write for example 'dV/dt = (I - V) / tau'")

    def _check_symbols(self) -> None:
        known = {e.name for e in self.lines} | set(self.parameters) | {"t", "dt"}
        for e in self.lines:
            self._check_known(e.right, known | set(self.inputs) | set(self.noises))
        for expression, extra in self._texts():
            self._check_known(expression, known | extra)
            self._check_noiseless(expression)
        for name, place in self._targets():
            if name not in self.states:
                raise DeclarationError(f"{self.name}, {place}: {name!r} is not a state; {nearest(name, self.states)}")
        for where, text in self._parameter_texts():
            self._check_known(Expression(text, where), set(self.parameters))
        self.default_order  # noqa: B018  defaults that read each other are refused where they are written

    def _check_noiseless(self, expression: Expression) -> None:
        """White noise belongs to equations: at an instant, as receive, spike and reset are, it has no value."""
        for name in sorted(expression.symbols & self._noisy_values):
            raise expression.refuse(f"{name!r} contains the noise xi", "read a state instead")

    def _parameter_texts(self) -> list[tuple[str, str]]:
        defaults = {k: p.default for k, p in self.parameters.items() if isinstance(p, Parameter)}
        pairs = [
            (f"{self.name}, {what} of {k}", v) for what, m in (("default", defaults), ("initial value", self.initial)) for k, v in m.items()
        ]
        return [(where, value) for where, value in pairs if isinstance(value, str)]

    def _check_known(self, expression: Expression, known: set[str]) -> None:
        for symbol in sorted(expression.symbols):
            if symbol not in known:
                if len(symbol) > 1 and is_unit(symbol):
                    raise expression.refuse(f"{symbol!r} is a unit and no name", f"leave it out, {UNITS}")
                hint = nearest(symbol, known - {"t", "dt"})
                raise expression.refuse(f"unknown name {symbol!r}", f"declare it as a parameter, state or input ({hint})")
