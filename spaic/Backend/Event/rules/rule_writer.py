"""A plasticity rule as functions: what happens to synapses between, at and after spikes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from spaic.Backend.Event.rules.rule_motion import GAP, between
from spaic.Backend.Kernels.text.numba_language import LANGUAGE
from spaic.Backend.Kernels.text.printing import Names, lines
from spaic.Dynamics.kinds import TRUTH, kinds
from spaic.Dynamics.rules import WEIGHT, Rule
from spaic.Dynamics.tape import Tape

if TYPE_CHECKING:
    from spaic.Dynamics.rule_step import Update

#: What the functions take first: see :class:`spaic.Backend.Event.rules.learning.Learning`.
ARRAYS = (
    "numbers", "bounds", "packet_rule", "packet_pre", "place_rule", "place_pre", "place_post", "column_first", "column", "pre_first",
    "pre_now", "post_now", "synapse_now", "modulator_now", "origin", "lasting", "reached", "watched",
)  # fmt: skip
#: Function -> its arguments.
GIVEN = {
    "settle": "learning, t",
    "touch": "learning, weights, k, a, j, t",
    "arrive": "learning, weights, places, first, last, a, t, amount",
    "fire": "learning, weights, places, first, last, j, t",
}
#: Side -> where a state of it is, divided by how much is left since the time ``origin[0]``.
_VALUES = {
    "pre": "pre_now[a, {0}]", "post": "post_now[j, {0}]", "synapse": "synapse_now[k, {0}]", "modulator": "modulator_now[{1}, {0}]",
}  # fmt: skip
_EVERY = {
    "pre": ["for a in range(pre_first[{0}], pre_first[{0} + 1]):"],
    "post": ["for j in range({0} * (len(column_first) - 1), ({0} + 1) * (len(column_first) - 1)):"],
    "synapse": ["for k in range(len(place_rule)):", "    if place_rule[k] != {0}:", "        continue"],
    "modulator": ["for _ in range(1):"],
}
_OWN = (*ARRAYS, "learning", "weights", "k", "a", "j", "t", "s", "gap", "amount", "places", "first", "last", "w", "low", "high")


class Writer:
    """The functions of one rule.

    All states decay by themselves, so that each is stored divided by what is left of it since a time that is the same for all: one
    exponential for each state serves all synapses of an event.

    Parameters
    ----------
    rule : Rule
        What is written.
    number : int
        Its place among the rules of a loop.
    """

    def __init__(self, rule: Rule, number: int) -> None:
        from spaic.Dynamics.rule_step import decays, updates

        self.rule, self.number, self.between = rule, number, between(rule)
        self.decays, self.updates = decays(rule), updates(rule)
        self.names = [f"{name}_{number}" for name in GIVEN]
        self.columns = {s: n for model in rule.models.values() for n, s in enumerate(model.states)}

    def functions(self) -> list[str]:
        """Their texts: all states at one time, a synapse between events, those of a packet that arrives, those of a neuron that fires."""
        bodies = {
            "settle": self._settled(), "touch": self._touched(), "arrive": self._section("on_pre", "pre"),
            "fire": self._section("on_post", "post"),
        }  # fmt: skip
        return [self._function(name, body) for name, body in bodies.items()]

    def _function(self, name: str, body: list[str]) -> str:
        given = ", ".join(f"{k}: Any" for k in GIVEN[name].split(", "))
        head = [f"{', '.join(ARRAYS)} = learning"]
        head += [f"{self._parameter(k)} = numbers[{self.number}, {n}]" for n, k in enumerate(sorted(self.rule.parameters))]
        head += [f"low, high = bounds[{self.number}, 0], bounds[{self.number}, 1]"]
        return "\n".join([f"def {name}_{self.number}({given}) -> Any:", *_indented([*head, *body])])

    def _parameter(self, name: str) -> str:
        return f"p_{name}"

    def _local(self, name: str) -> str:
        return f"x_{name}"

    def _left(self, name: str) -> str:
        """What is left of a state since the origin."""
        return f"left_{name}"

    # --- between events

    def _factors(self, time: str, wanted: Iterable[str]) -> list[str]:
        """What is left at a time of the states `wanted`."""
        wanted, body = set(wanted), [f"gap = {time} - origin[0]"]
        for side, model in self.rule.models.items():
            if wanted & set(model.states):
                body += [f"{self._local(s)} = 1.0" for s in model.states]
                body += self._lines(self.decays[side], {s: self._left(s) for s in model.states})
        return body

    def _settled(self) -> list[str]:
        body = self._factors("t", self.rule.states)
        for side, model in self.rule.models.items():
            code = [f"{self._place(s)} *= {self._left(s)}" for s in model.states]
            body += [*(line.format(self.number) for line in _EVERY[side]), *_indented(code)]
        return body

    def _touched(self) -> list[str]:
        """The weight of a synapse at time t, from the states at the time up to which it was known."""
        if self.between is None:
            return ["pass"]
        tape = self.between.tape
        states = [s for s in self.rule.states if s in tape.inputs]
        body = [*self._factors("reached[k]", states), *(self._read(s) for s in states), "gap = t - reached[k]", "w = weights[k]"]
        return [*body, *self._lines(tape, {"result": "w"}), "weights[k] = least(greatest(w, low), high)"]

    def _read(self, name: str) -> str:
        return f"{self._local(name)} = {self._left(name)} * {self._place(name)}"

    # --- at events

    def _section(self, when: str, side: str) -> list[str]:
        """The statements of an occasion; `a` presynaptic and `j` postsynaptic, the neuron of `side` is the one that has a spike."""
        if when not in self.updates:
            return ["pass"]
        every = self.updates[when]
        used = {name for update in every for name in (update.target, *update.tape.inputs)}
        body = self._factors("t", used & set(self.rule.states))
        group: list[str] = []
        for update in every:
            if update.side in ("weight", "synapse"):
                group += self._statement(update, side)
            else:
                body += [*self._over(group, side), *self._statement(update, side)]
                group = []
        body += self._over(group, side)
        changes = any(update.side == "weight" for update in every)
        return body + (self._over(["weights[k] = least(greatest(weights[k], low), high)"], side) if changes else [])

    def _over(self, code: list[str], side: str) -> list[str]:
        """A loop over the synapses of the neuron that has a spike."""
        if not code:
            return []
        find = "j = {0} * (len(column_first) - 1) + place_post[k]" if side == "pre" else "a = place_pre[k]"
        inner = ["k = places[s]", *([f"if place_rule[k] != {self.number}:", "    continue"] if side == "post" else [])]
        return ["for s in range(first, last):", *_indented([*inner, find.format(self.number), *code])]

    def _statement(self, update: Update, side: str) -> list[str]:
        """One statement; values that it reads are looked up again, as earlier ones may have changed them."""
        reads = [self._read(name) for name in update.tape.inputs if name in self.rule.states]
        body = [*reads, *(["w = weights[k]"] if WEIGHT in update.tape.inputs else []), *self._lines(update.tape, {"result": "w"})]
        value = "amount * w" if side == "pre" and update.is_change else "w"
        place = "weights[k]"
        if update.side != "weight":
            place, value = self._place(update.target), f"{value} / {self._left(update.target)}"
        return [*body, f"{place} {'+=' if update.is_change else '='} {value}"]

    def _place(self, name: str) -> str:
        return _VALUES[self.rule.side(name)].format(self.columns[name], self.number)

    def _lines(self, tape: Tape, results: dict[str, str]) -> list[str]:
        """A tape as code; results are assigned at the end, at once."""
        states = self.rule.states
        own = (*map(self._local, states), *map(self._left, states), *map(self._parameter, self.rule.parameters))
        kind, names = kinds(tape), Names({}, tape.names, {*LANGUAGE.reserved, *_OWN, *own})
        known = {slot: self._known(name) for name, slot in tape.inputs.items()}
        wanted = [tape.outputs[k] for k in results]
        code, texts = lines((*tape.prelude, *tape.body), wanted, known, names, kind, LANGUAGE, tape.constants)
        values = [texts[slot] for slot in wanted]
        values = [f"(1.0 if {v} else 0.0)" if kind.get(slot) == TRUTH else v for v, slot in zip(values, wanted, strict=True)]
        return [*code, f"{', '.join(results.values())} = {', '.join(values)}"]

    def _known(self, name: str) -> str:
        if name in self.rule.parameters:
            return self._parameter(name)
        return "gap" if name == GAP else "w" if name == WEIGHT else self._local(name)


def _indented(code: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in code]
