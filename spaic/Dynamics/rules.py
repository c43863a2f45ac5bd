"""Declarations of plasticity rules: what spikes, traces and rewards do to a weight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from spaic.Dynamics.equations import Assignment, parse_assignments, parse_equations
from spaic.Dynamics.expression import RESERVED, is_name
from spaic.Dynamics.model import METHODS, Model
from spaic.Dynamics.names import LONGEST, check_title
from spaic.Dynamics.parameter import Parameter, WithParameters
from spaic.errors import DeclarationError, nearest

#: Whose states a section of equations holds.
SIDES = ("pre", "post", "synapse", "modulator")
#: When the statements of a section are executed, and the sides whose states they may change besides the weight.
OCCASIONS: dict[str, tuple[str, ...]] = {
    "on_pre": ("pre", "synapse"),
    "on_post": ("post", "synapse"),
    "each_step": SIDES,
    "end_step": SIDES,
    "on_reward": ("synapse", "modulator"),
}
#: The weight, and what a reward brings.
WEIGHT, REWARD = "w", "reward"


@dataclass(frozen=True, eq=False)
class Rule(WithParameters):
    """A plasticity rule, declared once as text.

    In every step `each_step` is executed first, with the states as they were at its start; then the states decay as their equations
    say; then `on_pre` is executed where a spike arrives at the synapse (after the delay of the link), and `on_post` where the
    postsynaptic neuron fires; last comes `end_step`, with the states as they are then. The step itself was computed with the weight as
    it was before. Bounds of the connection (``w_min``, ``w_max``) hold after each section.

    Parameters
    ----------
    pre, post, synapse, modulator : str
        Equations of states per presynaptic neuron, per postsynaptic neuron, per synapse, and per sample (third factors).
    on_pre, on_post, each_step, end_step, on_reward : str
        Statements, executed in order: ``"w -= A_minus * y; x += 1"``. `w` is the weight; `on_reward` reads `reward`.
    parameters : mapping of str to Parameter or float
        Every name that is no state, reading, `w`, `dt` or `reward`.
    pre_reads, post_reads : tuple of str, or mapping of str to str
        Variables of the neurons themselves that are read, such as ``("V",)``, with their values at the end of the step. A mapping gives
        them names of their own in the rule: ``{"x": "r"}``.
    largest : mapping of str to str
        Names that stand for the largest value that a state or reading has at that moment, over all its neurons and samples:
        ``{"top": "x"}``.
    initial : mapping of str to float
        Initial values of states, 0 where not given.
    method : str
        Integrator of the equations.
    name, summary, source : str
        For messages and documentation; `source` cites the paper and equation.

    Raises
    ------
    DeclarationError
        Naming the section and the symbol that is wrong.

    Examples
    --------
    >>> rule = Rule(pre="dx/dt = -x / tau", on_pre="x += 1", on_post="w += A * x", parameters=dict(tau=20.0, A=0.01))
    >>> rule.states, rule.side("x")
    (('x',), 'pre')
    """

    pre: str = ""
    post: str = ""
    synapse: str = ""
    modulator: str = ""
    on_pre: str = ""
    on_post: str = ""
    each_step: str = ""
    end_step: str = ""
    on_reward: str = ""
    parameters: Mapping[str, Parameter | float] = field(default_factory=dict)
    pre_reads: tuple[str, ...] | Mapping[str, str] = ()
    post_reads: tuple[str, ...] | Mapping[str, str] = ()
    largest: Mapping[str, str] = field(default_factory=dict)
    initial: Mapping[str, float] = field(default_factory=dict)
    method: str = "exact"
    name: str = "custom"
    summary: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        check_title(self.name, "rule", LONGEST - 20)  # sides are named too
        self._declare()
        for side in ("pre_reads", "post_reads"):
            if not isinstance(getattr(self, side), Mapping):
                object.__setattr__(self, side, {name: name for name in getattr(self, side)})
        if self.method not in METHODS:
            raise DeclarationError(f"{self.name}: unknown integrator {self.method!r}; {nearest(self.method, METHODS)}")
        self._check_names()
        self._check_statements()

    @cached_property
    def models(self) -> dict[str, Model]:
        """Side -> the equations of its states, where there are any."""
        reads = {"pre": self.pre_reads, "post": self.post_reads}
        found = {}
        for side in SIDES:
            text = getattr(self, side)
            if not text.strip():
                continue
            lines = parse_equations(text, f"{self.name}, {side}")
            if any(line.kind == "value" for line in lines):
                raise DeclarationError(
                    f"{self.name}, {side}: 'u = ...' is an intermediate value; write it into the statements that read it"
                )
            own = {line.name for line in lines}
            found[side] = Model(
                equations=text,
                parameters=self.parameters,
                inputs=tuple(reads.get(side, ())),
                initial={k: v for k, v in self.initial.items() if k in own},
                method=self.method,
                name=f"{self.name}, {side}",
            )
        return found

    @cached_property
    def statements(self) -> dict[str, tuple[Assignment, ...]]:
        """Occasion -> its statements."""
        return {when: parse_assignments(text, self.name, when) for when in OCCASIONS if (text := getattr(self, when)).strip()}

    @property
    def states(self) -> tuple[str, ...]:
        """Names of all states."""
        return tuple(state for model in self.models.values() for state in model.states)

    def side(self, name: str) -> str:
        """``"pre"``, ``"post"``, ``"synapse"``, ``"modulator"``, ``"weight"`` or ``"parameter"``: whose `name` is."""
        if name == WEIGHT:
            return "weight"
        if name == REWARD or name in self.largest:
            return "modulator"
        for side, model in self.models.items():
            if name in model.states:
                return side
        return "pre" if name in self.pre_reads else "post" if name in self.post_reads else "parameter"

    def reads(self, side: str) -> Mapping[str, str]:
        """Name in the rule -> variable of the neurons of a side, ``"pre"`` or ``"post"``."""
        found = self.pre_reads if side == "pre" else self.post_reads
        return found if isinstance(found, Mapping) else {name: name for name in found}

    @property
    def needs_post_spikes(self) -> bool:
        """Whether anything happens when the postsynaptic neuron fires."""
        return "on_post" in self.statements

    def _check_names(self) -> None:
        names = (*self.states, *self.parameters, *self.pre_reads, *self.post_reads, *self.largest)
        for name in names:
            if not is_name(name) or name in RESERVED or name in (WEIGHT, REWARD):
                raise DeclarationError(f"{self.name}: the name {name!r} is reserved or not a name; choose another one")
            if names.count(name) > 1:
                raise DeclarationError(f"{self.name}: {name!r} is declared twice; rename one")
        for name in self.initial:
            if name not in self.states:
                raise DeclarationError(f"{self.name}: initial value of unknown {name!r}; {nearest(name, self.states)}")
        several = [name for name in (*self.states, *self.pre_reads, *self.post_reads) if self.side(name) != "modulator"]
        for name, of in self.largest.items():
            if of not in several:
                raise DeclarationError(f"{self.name}, largest {name!r}: {of!r} has no values per neuron or synapse; {nearest(of, several)}")

    def _check_statements(self) -> None:
        known = {*self.states, *self.parameters, *self.pre_reads, *self.post_reads, *self.largest, WEIGHT, "dt"}
        for when, statements in self.statements.items():
            for statement in statements:
                self._check_target(statement, when)
                readable = known | ({REWARD} if when == "on_reward" else set())
                for symbol in sorted(statement.right.symbols - readable):
                    raise statement.right.refuse(
                        f"unknown name {symbol!r}", f"declare it as a parameter or state ({nearest(symbol, readable)})"
                    )
                self._check_reads(statement, when)
        if not any(a.name == WEIGHT for statements in self.statements.values() for a in statements):
            raise DeclarationError(f"{self.name}: no statement changes the weight; write for example on_post='w += A * x'")

    def _check_target(self, statement: Assignment, when: str) -> None:
        side, allowed = self.side(statement.name), OCCASIONS[when]
        if side == "weight" or (side in allowed and statement.name in self.states):
            return
        what = f"a state of the {side} side" if statement.name in self.states else "no state"
        raise DeclarationError(f"{self.name}, {when}: {statement.name!r} is {what}; here w and states of {', '.join(allowed)} may change")

    def _check_reads(self, statement: Assignment, when: str) -> None:
        """A state per neuron has one value: what changes it cannot differ from synapse to synapse."""
        own = self.side(statement.name)
        wider = {
            "pre": ("post", "synapse", "weight"),
            "post": ("pre", "synapse", "weight"),
            "modulator": ("pre", "post", "synapse", "weight"),
        }
        for symbol in sorted(statement.right.symbols):
            if self.side(symbol) in wider.get(own, ()):
                raise statement.right.refuse(
                    f"{statement.name!r} has one value per {own} and {symbol!r} differs between its synapses",
                    f"make {statement.name!r} a state of the synapse",
                )
