"""A plasticity rule as functions: what happens to synapses between, at and after spikes."""

from __future__ import annotations

import re
from collections.abc import Iterable

from spaic.Backend.Event.rule_motion import GAP, between
from spaic.Backend.Kernels.numba_text import LANGUAGE
from spaic.Backend.Kernels.printing import Names, lines
from spaic.Dynamics.kinds import TRUTH, kinds
from spaic.Dynamics.rules import WEIGHT, Rule
from spaic.Dynamics.tape import Tape

#: What the functions take first: see :class:`spaic.Backend.Event.learning.Learning`.
ARRAYS = (
    "numbers", "bounds", "packet_rule", "packet_pre", "place_rule", "place_pre", "place_post", "column_first", "column", "pre_now",
    "pre_time", "post_now", "post_time", "synapse_now", "reached", "modulator_now", "modulator_time", "watched",
)  # fmt: skip
#: Function -> its arguments.
GIVEN = {
    "touch": "learning, weights, k, a, j, t",
    "arrive": "learning, weights, places, first, last, a, t, amount",
    "fire": "learning, weights, places, first, last, j, t",
}
#: Side -> where a state of it is, and since when it has decayed.
_VALUES = {
    "pre": "pre_now[a, {0}]", "post": "post_now[j, {0}]", "synapse": "synapse_now[k, {0}]", "modulator": "modulator_now[{1}, {0}]",
}  # fmt: skip
_TIMES = {"pre": "pre_time[a]", "post": "post_time[j]", "modulator": "modulator_time[0]"}
_OWN = (*ARRAYS, "learning", "weights", "k", "a", "j", "t", "s", "gap", "since", "amount", "places", "first", "last", "w", "low", "high")


class Writer:
    """The functions of one rule.

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
        """Their texts: what happens to a synapse between events, to those of a packet that arrives, and to those of a neuron that fires."""
        return [self._function("touch", self._touched()), self._function("arrive", self._section("on_pre", "pre")),
                self._function("fire", self._section("on_post", "post"))]  # fmt: skip

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

    # --- between events

    def _touched(self) -> list[str]:
        """A synapse up to time t: the weight first, from the states at the start, then its own states."""
        body = ["gap = t - reached[k]"]
        if self.between is not None:
            tape = self.between.tape
            for side in self.rule.models:
                if any(s in tape.inputs for s in self.rule.models[side].states):
                    body += self._read(side, "reached[k]")
            body += ["w = weights[k]", *self._lines(tape, {"result": "w"}), "weights[k] = least(greatest(w, low), high)"]
        if "synapse" in self.rule.models:
            body += self._read("synapse", "")
            body += self._lines(self.decays["synapse"], {s: self._place(s) for s in self.rule.models["synapse"].states})
        return body

    def _read(self, side: str, now: str) -> list[str]:
        """The states of a side at time `now`, in names of their own; the gap of the synapse is left as it was."""
        model = self.rule.models[side]
        body = [f"{self._local(s)} = {self._place(s)}" for s in model.states]
        if now and side != "synapse":
            body += ["since = gap", f"gap = max({now} - {_TIMES[side]}, 0.0)"]
            body += self._lines(self.decays[side], {s: self._local(s) for s in model.states})
            body += ["gap = since"]
        return body

    # --- at events

    def _section(self, when: str, side: str) -> list[str]:
        """The statements of an occasion; `a` presynaptic and `j` postsynaptic, the neuron of `side` is the one that has a spike."""
        if when not in self.updates:
            return ["pass"]
        body = ["gap = 0.0"]
        if side in self.rule.models:
            body += [*self._read(side, "t"), *(f"{self._place(s)} = {self._local(s)}" for s in self.rule.models[side].states)]
            body += [f"{_TIMES[side]} = t"]
        group: list[str] = []
        changes = False
        for update in self.updates[when]:
            if update.side in ("weight", "synapse"):
                group += self._statement(update, side)
                changes = changes or update.side == "weight"
            else:
                body += [*self._over(group, side), *self._statement(update, side)]
                group = []
        body += self._over(group, side)
        return body + (self._over(["weights[k] = least(greatest(weights[k], low), high)"], side) if changes else [])

    def _over(self, code: list[str], side: str) -> list[str]:
        """A loop over the synapses of the neuron that has a spike."""
        if not code:
            return []
        find = "j = {0} * (len(column_first) - 1) + place_post[k]" if side == "pre" else "a = place_pre[k]"
        text = "\n".join(code)
        wanted = {self.rule.side(s) for s in self.rule.states if re.search(rf"\b{self._local(s)}\b", text)}
        reads = [line for s in self.rule.models if s in wanted and s not in (side, "synapse") for line in self._read(s, "t")]
        inner = ["k = places[s]", *([f"if place_rule[k] != {self.number}:", "    continue"] if side == "post" else [])]
        return ["for s in range(first, last):", *_indented([*inner, find.format(self.number), *reads, *code])]

    def _statement(self, update: object, side: str) -> list[str]:
        """One statement; values that it reads are looked up again, as earlier ones may have changed them."""
        tape, target, own, is_change = update.tape, update.target, update.side, update.is_change  # type: ignore[attr-defined]
        body = []
        for name in tape.inputs:
            where = self.rule.side(name)
            if name == WEIGHT:
                body.append("w = weights[k]")
            elif where == "synapse" or where == side:
                body.append(f"{self._local(name)} = {self._place(name)}")
        body += self._lines(tape, {"result": "w"})
        place = "weights[k]" if own == "weight" else self._place(target)
        times = "amount * " if side == "pre" and is_change else ""
        return [*body, f"{place} {'+=' if is_change else '='} {times}w"]

    def _place(self, name: str) -> str:
        return _VALUES[self.rule.side(name)].format(self.columns[name], self.number)

    def _lines(self, tape: Tape, results: dict[str, str]) -> list[str]:
        """A tape as code; results are assigned at the end, at once."""
        kind, names = (
            kinds(tape),
            Names(
                {},
                tape.names,
                {*LANGUAGE.reserved, *_OWN, *map(self._local, self.rule.states), *map(self._parameter, self.rule.parameters)},
            ),
        )
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
