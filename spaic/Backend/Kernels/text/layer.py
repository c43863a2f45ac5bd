"""What a fused kernel of one element does over all time, whatever language it is written in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from spaic.Backend.Kernels.text.passes import Carried, Pass, Value
from spaic.Dynamics.keeping import kept
from spaic.Dynamics.kinds import NUMBER, kinds
from spaic.Dynamics.names import REFRACTORY, arrival, normal_name
from spaic.Dynamics.surrogate import Surrogate
from spaic.Dynamics.tape import Op, Tape
from spaic.errors import StateError

if TYPE_CHECKING:
    from spaic.Dynamics.adjoint import Adjoint


@dataclass(frozen=True, eq=False)
class Layer:
    """The step of an element, with what is read and written when it runs over all time in one pass.

    Attributes
    ----------
    name : str
        What it is the step of, for people who read the generated code.
    tape : Tape
        One step.
    states, ports, noises : tuple of str
        What the step reads besides parameters.
    recorded : tuple of str
        Variables that someone reads in every step.
    scalars, arrays : tuple of int
        Results of the prelude, and parameters, that are one number for all, and one per neuron.
    learned : tuple of int
        Those of them whose gradient is wanted.
    constant : frozenset of str
        Ports at which the same arrives in every step.
    back : Adjoint or None
        The way back; None if there is none.
    is_inside : bool
        True if it is part of a loop: then what arrives is not stored over time.
    """

    name: str
    tape: Tape
    states: tuple[str, ...]
    ports: tuple[str, ...]
    noises: tuple[str, ...]
    recorded: tuple[str, ...]
    scalars: tuple[int, ...]
    arrays: tuple[int, ...]
    learned: tuple[int, ...]
    constant: frozenset[str]
    back: Adjoint | None
    is_inside: bool = False

    @cached_property
    def kinds(self) -> dict[int, str]:
        """Slot -> kind of value."""
        return kinds(self.tape, () if self.back is None else (*self.back.tape.prelude, *self.back.tape.body))

    @cached_property
    def reads_time(self) -> bool:
        """Whether the step depends on the time."""
        return "t" in self.tape.inputs

    @cached_property
    def kept(self) -> tuple[int, ...]:
        """Slots that the way back reads again."""
        if self.back is None:
            return ()
        known = (*self.scalars, *self.arrays, *((self.tape.inputs["t"],) if self.reads_time else ()))
        return kept(self.tape, self.back.needs, known, (self.tape.outputs[v] for v in self.recorded))

    @cached_property
    def reused(self) -> dict[int, Value]:
        """Kept slots that are there anyway -> what they are."""
        there = {self.tape.outputs[v]: self._result(v) for v in reversed(self.recorded)}
        outside = () if self.is_inside else self.ports
        there |= {self.tape.inputs[arrival(p)]: self._arrival(p) for p in outside if arrival(p) in self.tape.inputs}
        there |= {self.tape.inputs[normal_name(x)]: Value("normal", x, True) for x in self.noises if normal_name(x) in self.tape.inputs}
        return {slot: there[slot] for slot in self.kept if slot in there}

    @cached_property
    def forward(self) -> Pass:
        """The way forward."""
        tape = self.tape
        outside = {arrival(p): self._arrival(p) for p in self.ports} | {normal_name(x): Value("normal", x, True) for x in self.noises}
        states = {s: Carried(s, Value("start", s, False), Value("end", s, False)) for s in self.states}
        recorded = {v: self._result(v) for v in self.recorded}
        kept_ones = {s: self._kept(s) for s in self.kept if s not in self.reused}
        sources: dict[str, Value | Carried] = {**states, **outside}
        reads = tuple((tape.inputs[name], (value,)) for name, value in sources.items() if name in tape.inputs)
        targets: list[tuple[Value | Carried, int]] = [(v, tape.outputs[n]) for n, v in recorded.items()]
        targets += [(v, s) for s, v in kept_ones.items()] + [(c, tape.outputs[s]) for s, c in states.items()]
        ops = needed(tape.body, [s for _, s in targets], ())
        ends = [v for c in states.values() for v in (c.first, c.last) if v is not None]
        values = (*outside.values(), *self._parameters, *ends, *recorded.values(), *kept_ones.values())
        return Pass(False, values, tuple(states.values()), reads, ops, tuple((v, s, False) for v, s in targets))

    @cached_property
    def backward(self) -> Pass:
        """The way back."""
        if self.back is None:
            raise StateError(f"{self.name}: this kernel was made without a way back; ask for one when it is planned")
        tape, seeds = self.tape, self.back.tape.inputs
        states = {s: Carried(f"gradient of {s}", Value("gradient_end", s, False), Value("to_start", s, False)) for s in self.moving}
        sums = {s: Carried(f"sum {s}", None, Value("to_parameter", str(s), False)) for s in self.learned if self.gradient(s) is not None}
        ports = {tape.inputs[arrival(p)]: p for p in self.ports if self.to_arrival(p) is not None}
        held = {s: Carried(f"sum to {p}", None, Value("to_arrival", p, False)) for s, p in ports.items() if p in self.constant}
        moving = {s: Value("to_arrival", p, True) for s, p in ports.items() if p not in self.constant}
        given = {v: Value("gradient", v, True) for v in self.recorded if v in seeds}
        kept_ones = {s: self.reused.get(s, self._kept(s)) for s in self.kept}
        reads: list[tuple[int, tuple[Value | Carried, ...]]] = [(s, (v,)) for s, v in kept_ones.items()]
        reads += [(slot, tuple(x[name] for x in (states, given) if name in x)) for name, slot in seeds.items()]
        writes: list[tuple[Value | Carried, int | None, bool]] = [(v, self.gradient(s), False) for s, v in moving.items()]
        writes += [(c, self.gradient(s), True) for s, c in {**held, **sums}.items()]
        writes += [(c, self.gradient(tape.inputs[s]) if s in tape.inputs else None, False) for s, c in states.items()]
        ops = (*needed(tape.body, self.back.needs, self.kept), *self.back.tape.prelude, *self.back.tape.body)
        carried = (*states.values(), *held.values(), *sums.values())
        ends = [v for c in carried for v in (c.first, c.last) if v is not None]
        values = (*kept_ones.values(), *self._parameters, *given.values(), *moving.values(), *ends)
        return Pass(True, values, carried, tuple(reads), ops, tuple(writes))

    @property
    def seeds(self) -> frozenset[str]:
        """States and variables through which gradient comes in."""
        return frozenset() if self.back is None else frozenset(self.back.tape.inputs)

    @cached_property
    def moving(self) -> tuple[str, ...]:
        """States that carry gradient from step to step."""
        return tuple(s for s in self.states if s != REFRACTORY)

    def is_byte(self, slot: int) -> bool:
        """Whether the values of a slot are stored as bytes."""
        return self.kinds.get(slot, NUMBER) != NUMBER

    def gradient(self, slot: int) -> int | None:
        """The slot of the gradient with respect to a slot."""
        return None if self.back is None else self.back.gradient(slot)

    def to_arrival(self, port: str) -> int | None:
        """The slot of the gradient with respect to what arrives at a port."""
        slot = self.tape.inputs.get(arrival(port))
        return None if slot is None else self.gradient(slot)

    @cached_property
    def _parameters(self) -> tuple[Value, ...]:
        return tuple(Value("parameter", str(s), False) for s in self.arrays)

    def _kept(self, slot: int) -> Value:
        return Value("kept", str(slot), True, self.is_byte(slot))

    def _arrival(self, port: str) -> Value:
        return Value("arrival", port, port not in self.constant)

    def _result(self, variable: str) -> Value:
        return Value("result", variable, True, self.is_byte(self.tape.outputs[variable]))


def needed(ops: Iterable[Op], wanted: Iterable[int], given: Iterable[int]) -> tuple[Op, ...]:
    """The operations that lead from the slots `given` to those `wanted`, in order."""
    missing, found = set(wanted) - set(given), []
    for op in reversed(tuple(ops)):
        if op.out in missing:
            found.append(op)
            missing.update(set(op.args) - set(given))
    return tuple(reversed(found))


@lru_cache(maxsize=1024)
def plan(
    name: str,
    tape: Tape,
    states: tuple[str, ...],
    ports: tuple[str, ...],
    noises: tuple[str, ...],
    recorded: tuple[str, ...],
    arrays: frozenset[int],
    learned: frozenset[int],
    constant: frozenset[str],
    surrogate: Surrogate | None,
    is_differentiated: bool,
    is_inside: bool = False,
) -> Layer:
    """The plan of a fused kernel.

    Parameters
    ----------
    name, tape, states, ports, noises, recorded, constant
        As :class:`Layer` has them.
    arrays, learned : frozenset of int
        Slots with a value per neuron, and slots whose gradient is wanted.
    surrogate : Surrogate or None
        Stands for the derivative of the spike.
    is_differentiated : bool
        Whether there is a way back.
    is_inside : bool
        Whether it is part of a loop.

    Raises
    ------
    UnsupportedError
        If the step has no adjoint here.
    """
    from spaic.Dynamics.adjoint import adjoint  # SymPy is loaded when it is needed

    settled = _settled(tape)
    scalars = tuple(s for s in settled if s not in arrays)
    back = None
    if is_differentiated:
        moving = [s for s in states if s != REFRACTORY]
        sources = [tape.inputs[x] for x in (*moving, *(arrival(p) for p in ports)) if x in tape.inputs]
        numbers = (*scalars, *((tape.inputs["t"],) if "t" in tape.inputs else ()))
        back = adjoint(tape, (*moving, *(v for v in recorded if v not in moving)), (*sources, *sorted(learned)), surrogate, numbers)
    ordered = tuple(s for s in settled if s in arrays)
    return Layer(name, tape, states, ports, noises, recorded, scalars, ordered, tuple(sorted(learned)), constant, back, is_inside)


def _settled(tape: Tape) -> tuple[int, ...]:
    """Slots that the body reads and that are the same in every step: results of the prelude, and parameters."""
    made = {op.out for op in tape.prelude}
    outside = {s for n, s in tape.inputs.items() if n == "t" or ":" in n or n in tape.outputs}
    read = {a for op in tape.body for a in op.args} | set(tape.outputs.values())
    return tuple(sorted(s for s in read if s in made or (s in tape.inputs.values() and s not in outside)))
