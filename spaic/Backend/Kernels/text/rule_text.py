"""A plasticity rule between two lists of spikes, as the text of a function: one step of a link in all samples of a batch.

Only what a statement concerns is visited: the rows of presynaptic neurons whose spikes arrive, the columns of postsynaptic neurons that
fire; all synapses where a statement is executed in every step, or a state belongs to a synapse.
"""

from __future__ import annotations

from collections.abc import Mapping

from spaic.Backend.Kernels.text.numba_body import indented, unpacked
from spaic.Backend.Kernels.text.numba_language import LANGUAGE
from spaic.Backend.Kernels.text.printing import Names, lines
from spaic.Backend.Kernels.text.rule_loops import LOOPS, NAMES
from spaic.Backend.Kernels.text.sparse_island import Learned
from spaic.Dynamics.kinds import TRUTH, kinds
from spaic.Dynamics.names import arrival
from spaic.Dynamics.rules import WEIGHT, Rule
from spaic.Dynamics.tape import Tape

_OWN = (*NAMES, "learn", "numbers", "states", "seen", "low", "high", "dt", "share", "change", "changes", "some_pre", "some_post")
#: Operations whose results are matrices.
_MATRICES = frozenset({"matrix_exp", "entry"})


def obstacle(rule: Rule) -> str:
    """Why a rule cannot be written as such a function; nothing if it can."""
    from spaic.Dynamics.rule_step import decays, updates

    tapes = [*decays(rule).values(), *(u.tape for section in updates(rule).values() for u in section)]
    if any(op.name in _MATRICES for tape in tapes for op in (*tape.prelude, *tape.body)):
        return f"the integrator of {rule.name} needs matrices"
    return ""


def numbers(rule: Rule) -> tuple[str, ...]:
    """Names of the parameters, in the order in which the function takes them."""
    return tuple(sorted(rule.parameters))


def reads(rule: Rule) -> tuple[tuple[str, str, str], ...]:
    """What is read of neurons, in the order in which the function takes it: name in the rule, side, variable."""
    return tuple((name, side, of) for side in ("pre", "post") for name, of in rule.reads(side).items())


def text(learned: Learned, name: str) -> str:
    """The function, called `name`: ``(dt, copies, numbers, share, low, high, sent, sent_by, arrived, fired, fired_by, now, states, seen,
    tables, weight, changes)``.

    `sent` and `sent_by` are the list of presynaptic spikes and `arrived` its row, `fired`, `fired_by` and `now` the postsynaptic one; the
    neurons of all samples are counted through, in these as in `seen`, the variables of :func:`reads`. `share` is what the change of one
    sample weighs, and `changes` memory for the sum over samples, all zero, of the shape of the weights. `tables` are those of
    :mod:`.rule_loops`.
    """
    return _Writer(learned).function(name)


class _Writer:
    """The function in the making."""

    def __init__(self, learned: Learned) -> None:
        from spaic.Dynamics.rule_step import decays, updates

        self.learned, self.rule, self.loops = learned, learned.rule, LOOPS[learned.kind]
        self.decays, self.updates = decays(self.rule), updates(self.rule)
        self.taken = {*LANGUAGE.reserved, *_OWN}
        free = Names({}, {}, self.taken).free
        self.parameters = {k: free(k) for k in numbers(self.rule)} | {"dt": "dt"}
        self.arrays = {k: free(f"all_{k}") for k in self.rule.states} | {WEIGHT: "weight"}
        self.seen = {k: free(f"seen_{k}") for k, _, _ in reads(self.rule)}
        self.largest = {k: free(f"largest_{k}") for k in self.rule.largest}
        self.head: list[str] = []  # what depends on parameters alone

    def function(self, name: str) -> str:
        body = self._section("each_step")
        for side in self.decays:
            body += self._decay(side)
        for when in ("on_pre", "on_post", "end_step"):
            body += self._section(when)
        own = [f"{self.parameters[k]} = number(numbers[{n}])" for n, k in enumerate(numbers(self.rule))]
        own += unpacked("states", (self.arrays[k] for k in self.rule.states))
        own += [*unpacked("tables", self.loops.tables), "dt = number(dt)", self.loops.head, *unpacked("seen", self.seen.values())]
        own += [f"{self.seen[k]} = {self.seen[k]}.reshape((copies, all_{side}))" for k, side, _ in reads(self.rule)]
        given = "dt, copies, numbers, share, low, high, sent, sent_by, arrived, fired, fired_by, now, states, seen, tables, weight, changes"
        return "\n".join([f"def {name}({given}):", *indented([*own, *self.head, *body], 1)])

    # --- parts

    def _decay(self, side: str) -> list[str]:
        """The states of a side, one step on."""
        tape = self.decays[side]
        code, made = self._results(tape)
        code += [f"{self._place(state)} = {made[state]}" for state in tape.outputs]
        return self.loops.over(side, code)

    def _section(self, when: str) -> list[str]:
        code = []
        for update in self.updates.get(when, ()):
            code += [line for k in self.rule.largest if k in update.tape.inputs for line in self._maximum(k)]
            made, result = self._results(update.tape)
            if update.side == "weight":
                code += self._weighed(when, made, result["result"], WEIGHT in update.tape.inputs)
            else:
                made.append(f"{self._place(update.target)} {'+=' if update.is_change else '='} {result['result']}")
                code += self.loops.around(when, update.side, made)
        if code and self.learned.is_bounded and any(u.side == "weight" for u in self.updates[when]):
            code += self.loops.around(when, "weight", [f"{self.weight} = least(greatest({self.weight}, low), high)"])
        side = {"on_pre": "pre", "on_post": "post"}.get(when)
        return self.loops.if_any(side, code) if code and side else code

    def _weighed(self, when: str, made: list[str], result: str, is_dependent: bool) -> list[str]:
        """A change of weights; where it depends on them, the samples add up what they ask for before it is done."""
        is_event = when in ("on_pre", "on_post")
        if not self.learned.is_shared:
            return self.loops.around(when, "weight", [*([] if is_event else ["b = 0"]), *made, f"{self.weight} += {result}"])
        if not is_event:
            summed = ["change = number(0.0)", "for b in range(copies):", *indented([*made, f"change += {result}"], 1)]
            return self.loops.around(when, "weight", [*summed, f"{self.weight} += share * change"])
        if not is_dependent:
            return self.loops.around(when, "weight", [*made, f"{self.weight} += share * ({result})"])
        place = f"changes{self.loops.weight}"
        done = [f"{self.weight} += share * {place}", f"{place} = number(0.0)"]
        asked = self.loops.around(when, "weight", [*made, f"{place} += {result}"])
        return [*asked, *self.loops.around(when, "weight", done)]

    @property
    def weight(self) -> str:
        return f"weight{self.loops.weight}"

    def _maximum(self, name: str) -> list[str]:
        """The largest of all values of a state."""
        of, found = self.rule.largest[name], self.largest[name]
        side = self.rule.side(of)
        every = self.loops.over(side, [f"{found} = greatest({found}, {self._place(of)})"])
        return [f"{found} = {self.arrays[of]}{self.loops.first(side)}", *every]

    def _place(self, name: str) -> str:
        name = next((k for k in self.seen if arrival(k) == name), name)  # what a decay reads is called an arrival
        if name in self.largest:
            return self.largest[name]
        return f"{self.seen.get(name) or self.arrays[name]}{self.loops.places[self.rule.side(name)]}"

    def _results(self, tape: Tape) -> tuple[list[str], dict[str, str]]:
        """Lines, and the text of each result."""
        kind, names = kinds(tape), Names({}, tape.names, self.taken)
        known: dict[int, str] = {slot: self.parameters[k] for k, slot in tape.inputs.items() if k in self.parameters}
        read = {k: slot for k, slot in tape.inputs.items() if k not in self.parameters}
        later = {a for op in tape.body for a in op.args} | set(tape.outputs.values())
        made, texts = self._lines(tape, tape.prelude, [op.out for op in tape.prelude if op.out in later], known, names, kind)
        self.head += made
        code = []
        for k, slot in read.items():
            code.append(f"{names[slot]} = {self._place(k)}")
            known[slot] = names[slot]
        made, texts = self._lines(tape, tape.body, list(tape.outputs.values()), {**known, **texts}, names, kind)
        results = {k: texts[slot] for k, slot in tape.outputs.items()}
        ones = "(number(1.0) if {0} else number(0.0))"
        return [*code, *made], {k: ones.format(t) if kind.get(tape.outputs[k]) == TRUTH else t for k, t in results.items()}

    def _lines(
        self, tape: Tape, ops: tuple[object, ...], wanted: list[int], known: Mapping[int, str], names: Names, kind: Mapping[int, str]
    ) -> tuple[list[str], dict[int, str]]:
        return lines(ops, wanted, known, names, kind, LANGUAGE, tape.constants)  # type: ignore[arg-type]
