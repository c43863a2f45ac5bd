"""A plasticity rule between two lists of spikes, as the text of a function: one step of a full connection in all samples of a batch.

Only what a statement concerns is visited: the rows of presynaptic neurons whose spikes arrive, the columns of postsynaptic neurons that
fire; all synapses where a statement is executed in every step, or a state belongs to a synapse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from spaic.Backend.Kernels.numba_text import LANGUAGE, indented, unpacked
from spaic.Backend.Kernels.printing import Names, lines
from spaic.Dynamics.kinds import TRUTH, kinds
from spaic.Dynamics.rules import WEIGHT, Rule
from spaic.Dynamics.tape import Tape

#: Side -> place of a value in its array; `b` is the sample, `j` presynaptic, `m` postsynaptic.
_PLACES = {"pre": "[b, j]", "post": "[b, m]", "synapse": "[b, j, m]", "modulator": "[b]", "weight": "[j, m]"}
_OWN = (
    "learn", "numbers", "states", "weight", "low", "high", "sent", "sent_by", "arrived", "fired", "fired_by", "now", "q", "e", "b", "j",
    "m", "all_pre", "all_post", "dt", "copies", "share", "change", "changes",
)  # fmt: skip
_LISTS = {"pre": ("sent", "sent_by", "arrived", "j"), "post": ("fired", "fired_by", "now", "m")}
_EVERY = {"pre": "for j in range(all_pre):", "post": "for m in range(all_post):", "copies": "for b in range(copies):"}
#: Operations whose results are matrices.
_MATRICES = frozenset({"matrix_exp", "entry"})


@dataclass(frozen=True)
class Learned:
    """A rule at work on a way into a member.

    Attributes
    ----------
    rule : Rule
        What is learned.
    feed : int
        Number of the way.
    target : str
        Label of the member whose spikes are postsynaptic.
    is_bounded : bool
        Whether the weights have bounds.
    is_shared : bool
        Whether several samples change the same weights.
    """

    rule: Rule
    feed: int
    target: str
    is_bounded: bool
    is_shared: bool


def obstacle(rule: Rule) -> str:
    """Why a rule cannot be written as such a function; nothing if it can."""
    from spaic.Dynamics.rule_step import decays, updates

    for side in ("pre", "post"):
        if rule.reads(side):
            return f"{rule.name} reads {next(iter(rule.reads(side).values()))} of neurons"
    if rule.largest:
        return f"{rule.name} reads the largest of many values"
    tapes = [*decays(rule).values(), *(u.tape for section in updates(rule).values() for u in section)]
    if any(op.name in _MATRICES for tape in tapes for op in (*tape.prelude, *tape.body)):
        return f"the integrator of {rule.name} needs matrices"
    return ""


def numbers(rule: Rule) -> tuple[str, ...]:
    """Names of the parameters, in the order in which the function takes them."""
    return tuple(sorted(rule.parameters))


def text(learned: Learned, name: str) -> str:
    """The function, called `name`: ``(dt, copies, numbers, share, low, high, sent, sent_by, arrived, fired, fired_by, now, states, weight,
    changes)``.

    `sent` and `sent_by` are the list of presynaptic spikes and `arrived` its row, `fired`, `fired_by` and `now` the postsynaptic one; the
    neurons of all samples are counted through. `share` is what the change of one sample weighs, and `changes` memory for the sum over
    samples, all zero, of the shape of the weights.
    """
    return _Writer(learned).function(name)


class _Writer:
    """The function in the making."""

    def __init__(self, learned: Learned) -> None:
        from spaic.Dynamics.rule_step import decays, updates

        self.learned, self.rule = learned, learned.rule
        self.decays, self.updates = decays(self.rule), updates(self.rule)
        self.taken = {*LANGUAGE.reserved, *_OWN}
        free = Names({}, {}, self.taken).free
        self.parameters = {k: free(k) for k in numbers(self.rule)} | {"dt": "dt"}
        self.arrays = {k: free(f"all_{k}") for k in self.rule.states} | {WEIGHT: "weight"}
        self.head: list[str] = []  # what depends on parameters alone

    def function(self, name: str) -> str:
        body = self._section("each_step")
        for side in self.decays:
            body += self._decay(side)
        for when in ("on_pre", "on_post", "end_step"):
            body += self._section(when)
        own = [f"{self.parameters[k]} = number(numbers[{n}])" for n, k in enumerate(numbers(self.rule))]
        own += unpacked("states", (self.arrays[k] for k in self.rule.states))
        own += ["dt = number(dt)", "all_pre, all_post = weight.shape"]
        given = "dt, copies, numbers, share, low, high, sent, sent_by, arrived, fired, fired_by, now, states, weight, changes"
        return "\n".join([f"def {name}({given}):", *indented([*own, *self.head, *body], 1)])

    # --- parts

    def _decay(self, side: str) -> list[str]:
        """The states of a side, one step on."""
        tape = self.decays[side]
        code, made = self._results(tape)
        code += [f"{self._place(state)} = {made[state]}" for state in tape.outputs]
        return _over(side, code)

    def _section(self, when: str) -> list[str]:
        code = []
        for update in self.updates.get(when, ()):
            made, result = self._results(update.tape)
            if update.side == "weight":
                code += self._weighed(when, made, result["result"], WEIGHT in update.tape.inputs)
            else:
                made.append(f"{self._place(update.target)} {'+=' if update.is_change else '='} {result['result']}")
                code += _around(when, update.side, made)
        if code and self.learned.is_bounded and any(u.side == "weight" for u in self.updates[when]):
            code += _around(when, "weight", ["weight[j, m] = least(greatest(weight[j, m], low), high)"])
        side = {"on_pre": "pre", "on_post": "post"}.get(when)
        if code and side:
            lists, _, row, _ = _LISTS[side]
            some = [f"some_{side} = 0", f"for q in range(len({lists})):", f"    some_{side} += {lists}[q, {row} + 1] - {lists}[q, {row}]"]
            return [*some, f"if some_{side} > 0:", *indented(code, 1)]
        return code

    def _weighed(self, when: str, made: list[str], result: str, is_dependent: bool) -> list[str]:
        """A change of weights; where it depends on them, the samples add up what they ask for before it is done."""
        if not self.learned.is_shared:
            return _around(when, "weight", [*(["b = 0"] if when not in ("on_pre", "on_post") else []), *made, f"weight[j, m] += {result}"])
        if when not in ("on_pre", "on_post"):
            summed = ["change = number(0.0)", _EVERY["copies"], *indented([*made, f"change += {result}"], 1)]
            return _around(when, "weight", [*summed, "weight[j, m] += share * change"])
        if not is_dependent:
            return _around(when, "weight", [*made, f"weight[j, m] += share * ({result})"])
        done = ["weight[j, m] += share * changes[j, m]", "changes[j, m] = number(0.0)"]
        return [*_around(when, "weight", [*made, f"changes[j, m] += {result}"]), *_around(when, "weight", done)]

    def _place(self, name: str) -> str:
        return f"{self.arrays[name]}{_PLACES[self.rule.side(name)]}"

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


def _around(when: str, side: str, code: list[str]) -> list[str]:
    """The loops of a statement."""
    if when not in ("on_pre", "on_post"):
        return _over(side, code)
    at_synapses = side in ("weight", "synapse")
    if when == "on_pre":
        return _over_spikes("pre", [_EVERY["post"], *indented(code, 1)] if at_synapses else code)
    own = _over_spikes("post", code)
    return [_EVERY["pre"], *indented(own, 1)] if at_synapses else own


def _over(side: str, code: list[str]) -> list[str]:
    """The loops over all values of a side."""
    loops = {"pre": ("copies", "pre"), "post": ("copies", "post"), "synapse": ("copies", "pre", "post"), "weight": ("pre", "post")}
    for loop in reversed(loops.get(side, ("copies",))):
        code = [_EVERY[loop], *indented(code, 1)]
    return code


def _over_spikes(side: str, code: list[str]) -> list[str]:
    """The loops over spikes: sample `b`, and the neuron in it."""
    lists, who, row, place = _LISTS[side]
    spikes = f"for e in range({lists}[q, {row}], {lists}[q, {row} + 1]):"
    own = [f"b = {who}[e] // all_{side}", f"{place} = {who}[e] - b * all_{side}", *code]
    return [f"for q in range(len({lists})):", f"    {spikes}", *indented(own, 2)]
