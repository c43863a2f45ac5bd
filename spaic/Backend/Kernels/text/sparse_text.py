"""Elements that pass on spikes as events, as the text of a module that Numba compiles: one loop over all time, forward only.

The neurons of every element are divided among threads. A thread advances its own neurons, and adds to them what the spikes of all
bring; no two threads write the same place, and the order of a sum does not depend on their number. They meet once in as many steps
as the shortest delay has.

Spikes are lists: for each thread and step, who fired. A list begins with the steps that delays reach back to, so that a delay is
an earlier row. Where each synapse has its own delay, what arrives later is summed up in a ring of future steps.
"""

from __future__ import annotations

from functools import lru_cache

from spaic.Backend.Kernels.text import rule_text
from spaic.Backend.Kernels.text.island_text import Argument
from spaic.Backend.Kernels.text.numba_body import indented, unpacked
from spaic.Backend.Kernels.text.numba_language import LANGUAGE
from spaic.Backend.Kernels.text.numba_text import module
from spaic.Backend.Kernels.text.passes import Value
from spaic.Backend.Kernels.text.rule_loops import LOOPS
from spaic.Backend.Kernels.text.sparse_island import DELAYED, DIRECT, EVENTS, SCATTERED, SPARSE, Events, Learned
from spaic.Backend.Kernels.text.sparse_meeting import JOIN, TEAM, meeting
from spaic.Backend.Kernels.text.sparse_step import OWN, Step
from spaic.Backend.Kernels.text.sparse_sums import COPIED, LISTED, ROW, SUMS, TABLES
from spaic.Dynamics.show import listing

_IMPORT = "from spaic.Backend.Kernels.shipped.sparse_team import add, eight, fork, look"


@lru_cache(maxsize=256)
def source(events: Events, dtype: str) -> str:
    """The module, with the function ``simulate``."""
    function = _Function(events)
    text = function.text()
    sums = [text_ for kind, text_ in (COPIED if events.learned else SUMS).items() if f"add_{kind}(" in text]
    loops = [loop.replace("def advance(", f"def advance_{k}(", 1) for k, loop in enumerate(function.loops)]
    rules = [rule_text.text(x, f"learn_{k}") for k, x in enumerate(events.learned)]
    parts = [*loops, *sums, *rules, *(part for name, part in (("list_fired", LISTED), ("row_of", ROW)) if f"{name}(" in text)]
    called = {"PARTS": tuple(part.partition("(")[0].removeprefix("def ") for part in parts)}
    steps = "\n\n".join(f"{m}:\n{listing(layer.tape)}" for m, layer in events.by_name.items())
    return module(f"{events.name}, {dtype}", steps, dtype, ("simulate",), [*parts, text], called, _IMPORT)


@lru_cache(maxsize=256)
def arguments(events: Events) -> tuple[Argument, ...]:
    """The arrays that the function takes, in order.

    Roles are ``"value"`` (parameters, noise), ``"state"``, ``"outside"`` (what arrives over time), ``"arriving"`` (memory for its sum),
    ``"sampled"`` (records of variables, one row more than samples), ``"fired"`` (memory for the spikes of a step), ``"pointers"`` and
    ``"indices"`` (lists of spikes), for each way ``"weight"``, ``"starts"``, ``"targets"``, ``"late"`` and ``"ring"``, and for each rule
    ``"numbers"`` (its parameters; the last three are the share of a sample and the bounds), ``"changes"`` (memory, of the shape of the
    weights), ``"traces"`` (a state), and the tables of :mod:`.rule_loops`.
    """
    return tuple(_Function(events).arguments)


class _Function:
    """The kernel in the making."""

    def __init__(self, events: Events) -> None:
        self.events = events
        counted = {
            f"{x}_{k}" for x in ("scalars", "advance", "count", "from", "to") for k in range(len(events.members) + len(events.sources))
        }
        self.taken = {*LANGUAGE.reserved, *OWN, *counted, *(f"add_{kind}" for kind in EVENTS)}
        self.arguments: dict[Argument, str] = {}
        self.outside = dict(events.outside)
        self.tables = {k: self._tables(k) for k, feed in enumerate(events.feeds) if feed.kind != DIRECT}
        self.lists = {k: self._lists(*x) for k, x in enumerate(events.sources)}
        self.rules = [self._rule(k, x) for k, x in enumerate(events.learned)]
        self.steps = {member: Step(events, member) for member in events.members}
        self.loops: list[str] = []
        self.calls = {member: self._call(step) for member, step in self.steps.items()}
        for member, port in self.outside:
            self._argument("outside", member, port, f"{member}_outside_{port}")

    def _call(self, step: Step) -> str:
        """The call of the loop over the neurons of a member."""
        text = step.text()
        if text not in self.loops:
            self.loops.append(text)
        k = self.events.members.index(step.member)
        arrays = "".join(f"{self._given(key)}, " for key in step.given)
        rows = "".join(f"{self._row_of(key)}, " for key in step.rows)
        return f"advance_{self.loops.index(text)}(from_{k}, to_{k} - from_{k}, n, first_step, dt, scalars_{k}, ({rows}), ({arrays}))"

    def _row_of(self, key: Argument) -> str:
        """The row of a record in this step."""
        k = self.events.members.index(key.member)
        x = self.events.layers[k].recorded.index(str(key.item))
        return f"row_of(n, first_sample[{k}, {x}], every[{k}, {x}], len({self.arguments[key]}))"

    def _given(self, key: Argument) -> str:
        """What a loop is called with."""
        hint = key.item if isinstance(key.item, str) else key.item.name
        return self._argument(key.role, key.member, key.item, f"{key.member}_{key.role}_{hint}")

    def _free(self, hint: str) -> str:
        name, number = "".join(c if c.isalnum() else "_" for c in hint), 0
        while (text := f"{name}_{number}" if number else name) in self.taken:
            number += 1
        self.taken.add(text)
        return text

    def _argument(self, role: str, member: str, item: Value | str, hint: str) -> str:
        key = Argument(role, member, item)
        if key not in self.arguments:
            self.arguments[key] = self._free(hint)
        return self.arguments[key]

    def _tables(self, k: int) -> dict[str, str]:
        return {role: self._argument(role, str(k), "", f"{role}_{k}") for role in ("weight", *TABLES[self.events.feeds[k].kind])}

    def _lists(self, member: str, variable: str) -> tuple[str, str]:
        pair = (self._argument(role, member, variable, f"{member}_{variable}_{role}") for role in ("pointers", "indices"))
        return next(pair), next(pair)

    def _rule(self, k: int, learned: Learned) -> tuple[str, str, list[str], list[str]]:
        """Parameters, memory and states of a rule; and where its synapses are: what its way has, and what only the rule needs."""
        known = self.tables[learned.feed]
        tables = [known.get(x) or self._argument(x, str(k), "", f"{x}_{k}") for x in LOOPS[learned.kind].tables]
        states = [self._argument("traces", str(k), s, f"trace_{s}_{k}") for s in learned.rule.states]
        return self._argument("numbers", str(k), "", f"numbers_{k}"), self._argument("changes", str(k), "", f"changes_{k}"), states, tables

    # --- the text

    def text(self) -> str:
        """The function."""
        given = "steps, first_step, dt, copies, counters, least_delay, delays, depths, every, first_sample, cuts, scalars, arrays"
        code = [f"def simulate(address, threads, {given}):", "    if address != 0:", "        fork(address, threads)", "        return"]
        code += [*indented(JOIN, 1), "    if own < threads:"]
        start = [f"team = look(counters, {TEAM}, 0)", "p0 = threads * own // team", "p1 = threads * (own + 1) // team"]
        start += unpacked("arrays", self.arguments.values())
        for k in range(len(self.events.members)):
            start += [f"scalars_{k} = scalars[{k}]", f"from_{k} = cuts[{k}, p0]", f"to_{k} = cuts[{k}, p1]"]
        code += indented([*start, *self._starts(), *self._earlier(), *self._constants()], 2)
        code += ["        for n in range(steps):"]
        for k, member in enumerate(self.events.members):
            if self.events.waits(member):
                code += indented(meeting(f"n * {self._meetings} + {self._waiting(k)}"), 3)
            code += indented(self._step(k, member), 3)
        for k in range(len(self.rules)):
            code += indented(self._learned(k), 3)
        met = ["if (n + 1) % least_delay == 0:", *indented(meeting(self._met), 1)]
        return "\n".join([*code, *indented(met, 3)])

    @property
    def _meetings(self) -> int:
        return 1 + sum(self.events.waits(m) for m in self.events.members)

    @property
    def _met(self) -> str:
        return f"(n + 1) * {self._meetings}" if self._meetings > 1 else "(n + 1) // least_delay"

    @property
    def _copies(self) -> tuple[str, ...]:
        return ("copies",) if self.events.learned else ()

    def _waiting(self, k: int) -> int:
        return sum(self.events.waits(m) for m in self.events.members[: k + 1])

    def _starts(self) -> list[str]:
        """Where the lists of the thread begin."""
        code = []
        for s, (member, _) in enumerate(self.events.sources):
            if member in self.events.members:
                k, (pointers, _) = self.events.members.index(member), self.lists[s]
                code += [f"count_{s} = (steps * from_{k})", f"for row in range(depths[{s}] + 1):", f"    {pointers}[own, row] = count_{s}"]
        return code

    def _earlier(self) -> list[str]:
        """What spikes before the first step still bring, where each synapse has its own delay."""
        code = []
        for number, feed in enumerate(self.events.feeds):
            if feed.kind == SCATTERED:
                s = self.events.sources.index((feed.source, feed.variable))
                code += [f"for n in range(delays[{number}] - depths[{s}], 0):", f"    {self._scatter(number)}"]
        return code

    def _constants(self) -> list[str]:
        """What is the same in every step is there before the first."""
        code = []
        for member, port in (x for x, is_constant in self.outside.items() if is_constant):
            code += self._from_outside(member, port, "0")
        return code

    def _from_outside(self, member: str, port: str, row: str) -> list[str]:
        k = self.events.members.index(member)
        outside = self.arguments[Argument("outside", member, port)]
        total = self.arguments[Argument("arriving", member, port)]
        return [f"for m in range(from_{k}, to_{k}):", f"    {total}[m] = {outside}[{row}, m]"]

    def _step(self, k: int, member: str) -> list[str]:
        layer = self.events.by_name[member]
        code = [f"# {member}"]
        for port in layer.ports:
            if self.outside.get((member, port)) is False:
                code += self._from_outside(member, port, "n")
            for number in self.events.into(member, port):
                code += self._delivered(number, k)
        return [*code, self.calls[member], *self._listed(member, k)]

    def _delivered(self, number: int, k: int) -> list[str]:
        feed, tables = self.events.feeds[number], self.tables.get(number, {})
        if feed.kind == DIRECT:
            return []
        total = self.arguments[Argument("arriving", feed.target, feed.port)]
        if feed.kind == SCATTERED:
            ring = tables["ring"]
            taken = [f"now = n & (len({ring}) - 1)", f"for m in range(from_{k}, to_{k}):"]
            return [self._scatter(number), *taken, f"    {total}[m] += {ring}[now, m]", f"    {ring}[now, m] = number(0.0)"]
        part = {SPARSE: ["p0, p1"], DELAYED: []}.get(feed.kind, [f"from_{k}, to_{k}"])
        given = [total, *self._copies, self._row(number), *part, *list(tables.values())[1:], tables["weight"]]
        return [f"add_{feed.kind}({', '.join(given)})"]

    def _scatter(self, number: int) -> str:
        t = self.tables[number]
        given = [t["ring"], *self._copies, self._row(number), "p0, p1", t["starts"], t["targets"], t["weight"], t["late"], "n"]
        return f"add_scattered({', '.join(given)})"

    def _row(self, number: int) -> str:
        feed = self.events.feeds[number]
        s = self.events.sources.index((feed.source, feed.variable))
        return f"{', '.join(self.lists[s])}, n + depths[{s}] - delays[{number}]"

    def _learned(self, k: int) -> list[str]:
        """What a rule does at the end of a step."""
        learned, (given, changes, states, tables) = self.events.learned[k], self.rules[k]
        sent = self._row(learned.feed)
        fired = sent
        if (learned.target, "O") in self.events.sources:
            s = self.events.sources.index((learned.target, "O"))
            fired = f"{', '.join(self.lists[s])}, n + depths[{s}]"
        weight = self.tables[learned.feed]["weight"]
        limits = f"number({given}[-3]), number({given}[-2]), number({given}[-1])"
        ends = {"pre": self.events.feeds[learned.feed].source, "post": learned.target}
        read = [Argument("sampled", ends[side], variable) for _, side, variable in rule_text.reads(learned.rule)]
        traces, seen = ("".join(f"{x}, " for x in part) for part in (states, [f"{self._given(x)}[{self._row_of(x)}]" for x in read]))
        where = "".join(f"{x}, " for x in tables)
        return [f"learn_{k}(dt, copies, {given}, {limits}, {sent}, {fired}, ({traces}), ({seen}), ({where}), {weight}, {changes})"]

    def _listed(self, member: str, k: int) -> list[str]:
        code = []
        for s, (source_, variable) in enumerate(self.events.sources):
            if source_ == member:
                pointers, indices = self.lists[s]
                fired = self.arguments[Argument("fired", member, variable)]
                code.append(f"count_{s} = list_fired({fired}, from_{k}, to_{k}, {indices}, count_{s})")
                code.append(f"{pointers}[own, n + depths[{s}] + 1] = count_{s}")
        return code
