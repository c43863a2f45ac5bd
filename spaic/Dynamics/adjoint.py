"""The way back through a step: from the gradients of its results to those of what it read.

SymPy differentiates each operation; the chain rule runs over the tape from its end, so that the code grows with the number of
operations and not, as the derivative of the whole expression would, much faster. Where an operation has no derivative (ties of min
and max, the jump of a spike), the rule is that of plain torch, so that both ways give the same gradients.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from spaic.Dynamics.adjoint_rules import FLAT, RULES
from spaic.Dynamics.gradients import Gradients
from spaic.Dynamics.surrogate import Surrogate
from spaic.Dynamics.tape import Op, Tape


@dataclass(frozen=True, eq=False)
class Adjoint:
    """The adjoint of one step.

    Attributes
    ----------
    tape : Tape
        Its slots go on where those of the step end. Inputs are slots of the step and, under the name of an output of the step,
        the gradient with respect to it; outputs are ``str(slot)`` -> gradient with respect to that slot of the step.
    needs : frozenset of int
        Slots of the step that it reads.
    """

    tape: Tape
    needs: frozenset[int]

    def gradient(self, slot: int) -> int | None:
        """The slot that holds the gradient with respect to `slot` of the step; None where it is 0."""
        return self.tape.outputs.get(str(slot))


def adjoint(
    tape: Tape, results: Iterable[str], sources: Iterable[int], surrogate: Surrogate | None, numbers: Iterable[int] = ()
) -> Adjoint:
    """Reverse-mode derivative of the body of `tape`.

    Parameters
    ----------
    tape : Tape
        One step.
    results : iterable of str
        Outputs through which gradient comes in.
    sources : iterable of int
        Slots whose gradient is wanted: inputs of the body, and results of the prelude.
    surrogate : Surrogate or None
        What stands for the derivative of the spike; None: no gradient passes it.
    numbers : iterable of int
        Slots that are one number for all neurons; plain torch treats ties of min and max with these differently.

    Raises
    ------
    UnsupportedError
        If an operation that has no adjoint here, such as a matrix exponential, is done in every step.
    """
    return _Way(tape, surrogate, numbers).run(tuple(results), tuple(sources))


class _Way(Gradients):
    """From the end of a tape to its start."""

    def run(self, results: tuple[str, ...], sources: tuple[int, ...]) -> Adjoint:
        self.moves = set(sources)
        for op in self.tape.body:
            if any(a in self.moves for a in op.args) and op.name not in FLAT:
                self.moves.add(op.out)
        self.code.inputs, named = {}, self.tape.names | {slot: name for name, slot in self.tape.inputs.items()}
        for name in results:
            slot = self.tape.outputs[name]
            if slot in self.moves:
                seed = self.code.inputs[name] = self.code.new()
                self.code.names[seed] = f"gradient_{name}"
                self.add(slot, seed)
        for op in reversed(self.tape.body):
            if op.out in self.gradients:
                self.pass_on(op, self.gradients[op.out])
        for slot, gradient in self.gradients.items():
            if slot in named:
                self.code.names.setdefault(gradient, f"d_{named[slot]}")
        return self.finish(sources)

    def finish(self, sources: tuple[int, ...]) -> Adjoint:
        known = {op.out for op in self.tape.body}
        self.code.ops = [op for op in self.code.ops if op.out not in known]
        made = self.code.tape({str(s): self.gradients[s] for s in sources if s in self.gradients})
        computed = {op.out for op in (*made.prelude, *made.body)} | set(made.constants) | set(made.inputs.values())
        read = {a for op in (*made.prelude, *made.body) for a in op.args} | set(made.outputs.values())
        return Adjoint(made, frozenset(read - computed))

    def pass_on(self, op: Op, gradient: int) -> None:
        if op.name in FLAT:
            return
        if op.name in RULES:
            RULES[op.name](self, op, gradient)
            return
        for place, argument in enumerate(op.args):
            if argument in self.moves:
                self.add(argument, self.code.emit("mul", gradient, self.derived(op, place)))
