"""Elements that pass on spikes as events, as the text of a module that Numba compiles: one loop over all time, forward only.

The neurons of every element are divided among threads. A thread advances its own neurons, and adds to them what the spikes of all
bring; no two threads write the same place, and the order of a sum does not depend on their number. They meet once in as many steps
as the shortest delay has.

Spikes are lists: for each thread and step, who fired. A list begins with the steps that delays reach back to, so that a delay is
an earlier row. Where each synapse has its own delay, what arrives later is summed up in a ring of future steps.
"""

from __future__ import annotations

from functools import lru_cache

from spaic.Backend.Kernels.island_text import Argument
from spaic.Backend.Kernels.layer import Value
from spaic.Backend.Kernels.numba_text import LANGUAGE, Body, indented, module, over_elements
from spaic.Backend.Kernels.sparse_island import DENSE, DIRECT, EVENTS, ONE_TO_ONE, SCATTERED, SPARSE, Events
from spaic.Backend.Kernels.sparse_team import TEXTS
from spaic.Dynamics.show import listing

_HEAD = """def {name}(total, {given}):
    for q in range(len(pointers)):
        for e in range(pointers[q, row], pointers[q, row + 1]):
            j = indices[e]
"""
#: What a way adds up: for each spike of a row, what it brings to the neurons `start` to `stop` - 1, which are the parts `p0` to `p1` - 1.
_SUMS = {
    SPARSE: _HEAD.format(name="add_sparse", given="pointers, indices, row, p0, p1, starts, targets, weight")
    + """            for k in range(starts[j, p0], starts[j, p1]):
                total[targets[k]] += weight[k]""",
    SCATTERED: _HEAD.format(name="add_scattered", given="pointers, indices, row, p0, p1, starts, targets, weight, late, now")
    + """            for k in range(starts[j, p0], starts[j, p1]):
                then = now + late[k]
                if then >= 0:
                    total[then & (len(total) - 1), targets[k]] += weight[k]""",
    DENSE: _HEAD.format(name="add_dense", given="pointers, indices, row, start, stop, weight")
    + """            own = weight[j]
            for m in range(start, stop):
                total[m] += own[m]""",
    ONE_TO_ONE: _HEAD.format(name="add_one_to_one", given="pointers, indices, row, start, stop, weight")
    + """            if start <= j < stop:
                total[j] += weight[j]""",
}
#: Arrays of a way besides the weight.
_TABLES = {SPARSE: ("starts", "targets"), SCATTERED: ("starts", "targets", "late", "ring"), DENSE: (), ONE_TO_ONE: ()}
_LISTED = """def list_fired(fired, first, width, indices, count):
    words = fired.view(np.uint64)
    for k in range((width + 7) // 8):
        if words[k] != 0:
            for i in range(8 * k, 8 * k + 8):
                if fired[i] != 0:
                    indices[count] = first + i
                    count += 1
    return count"""
_OWN = (
    "counters", "threads", "cuts", "own", "team", "p0", "p1", "start", "stop", "count", "then", "now", "row", "samples", "every", "sample",
    "join", "meet", "add", "look", "list_fired", "words", "least_delay", "delays", "depths", "first_sample",
)  # fmt: skip


@lru_cache(maxsize=256)
def source(events: Events, dtype: str) -> str:
    """The module, with the function ``simulate``."""
    text = _Function(events).text()
    sums = [text_ for kind, text_ in _SUMS.items() if f"add_{kind}(" in text]
    helpers = [*sums, *([_LISTED] if "list_fired(" in text else [])]
    steps = "\n\n".join(f"{m}:\n{listing(layer.tape)}" for m, layer in events.by_name.items())
    whole = module(f"{events.name}, {dtype}", steps, dtype, ("simulate",), [*helpers, *TEXTS.values(), text], {})
    return whole.replace("import numpy as np\n", "import numpy as np\n\nfrom spaic.Backend.Kernels.sparse_team import add, look\n", 1)


@lru_cache(maxsize=256)
def arguments(events: Events) -> tuple[Argument, ...]:
    """The arrays that the function takes, in order.

    Roles are ``"value"`` (parameters, noise), ``"state"``, ``"outside"`` (what arrives over time), ``"arriving"`` (memory for its sum),
    ``"sampled"`` (records of variables, one row more than samples), ``"fired"`` (memory for the spikes of a step), ``"pointers"`` and
    ``"indices"`` (lists of spikes), and for each way ``"weight"``, ``"starts"``, ``"targets"``, ``"late"`` and ``"ring"``.
    """
    return tuple(_Function(events).arguments)


class _Function:
    """The kernel in the making."""

    def __init__(self, events: Events) -> None:
        self.events = events
        counted = {f"{x}_{k}" for x in ("first", "width", "scalars", "row", "count", "from", "to") for k in range(len(events.members))}
        self.taken = {*LANGUAGE.reserved, *_OWN, *counted, *(f"add_{kind}" for kind in EVENTS)}
        self.arguments: dict[Argument, str] = {}
        self.own: list[str] = []  # lines before the loop over time: the part of each array that belongs to the thread
        self.bodies: dict[str, Body] = {}
        self.outside = dict(events.outside)
        self.tables = {k: self._tables(k) for k, feed in enumerate(events.feeds) if feed.kind != DIRECT}
        self.lists = {k: self._lists(*x) for k, x in enumerate(events.sources)}
        self.results: dict[tuple[str, str], str] = {}
        for member in events.members:
            self._member(member)

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
        return {role: self._argument(role, str(k), "", f"{role}_{k}") for role in ("weight", *_TABLES[self.events.feeds[k].kind])}

    def _lists(self, member: str, variable: str) -> tuple[str, str]:
        pair = (self._argument(role, member, variable, f"{member}_{variable}_{role}") for role in ("pointers", "indices"))
        return next(pair), next(pair)

    def _part(self, member: str, text: str) -> str:
        """The part of an array over neurons that belongs to the thread."""
        k, part = self.events.members.index(member), self._free(f"{text}_part")
        self.own.append(f"{part} = {text}[from_{k}:to_{k}]")
        return part

    def _member(self, member: str) -> None:
        layer = self.events.by_name[member]
        body = self.bodies[member] = Body(layer, layer.forward, self.taken, f"{member}_")
        for carried in layer.forward.carried:
            text = self._argument("state", member, carried.name, f"{member}_{carried.name}")
            body.places[carried] = f"{self._part(member, text)}[i]"
        for value in layer.forward.values:
            if value.role == "parameter":
                text = self._argument("value", member, value, body.arrays[value])
                body.places[value] = f"{self._part(member, text)}[i]"
            elif value.role == "normal":
                self.arguments[Argument("value", member, value)] = body.arrays[value]
            elif value.role == "arrival":
                body.places[value] = self._arrival(member, value.name)
            elif value.role == "result":
                body.places[value] = f"{self._result(member, value)}[i]"

    def _arrival(self, member: str, port: str) -> str:
        """What arrives at a port of a neuron: the sum of the events, and what synapses of this port give."""
        feeds = [(k, self.events.feeds[k]) for k in self.events.into(member, port)]
        parts = [f"{self.results[f.source, f.variable]}[i]" for _, f in feeds if f.kind == DIRECT]
        if (member, port) in self.outside or any(f.kind != DIRECT for _, f in feeds):
            text = self._argument("arriving", member, port, f"{member}_arriving_{port}")
            parts.insert(0, f"{self._part(member, text)}[i]")
        return f"({' + '.join(parts)})" if len(parts) > 1 else parts[0] if parts else "number(0.0)"

    def _result(self, member: str, value: Value) -> str:
        if value.is_byte:
            text = self._argument("fired", member, value.name, f"{member}_fired_{value.name}")
            part = self._free(f"{text}_own")
            self.own.append(f"{part} = {text}[own]")
            self.results[member, value.name] = part
            return part
        text = self._argument("sampled", member, value.name, f"{member}_sampled_{value.name}")
        if (member, value.name) in self.events.sampled:
            self.results[member, value.name] = self._free(f"{text}_now")
        else:
            self.results[member, value.name] = self._part(member, f"{text}[0]")
        return self.results[member, value.name]

    # --- the text

    def text(self) -> str:
        """The function."""
        given = "steps, first_step, dt, counters, threads, least_delay, delays, depths, every, first_sample, cuts, scalars, arrays"
        code = [f"def simulate(lo, hi, {given}):", "    own = join(counters, threads)", "    if own < threads:"]
        start = ["team = look(counters, 8, 0)", "p0 = threads * own // team", "p1 = threads * (own + 1) // team"]
        start += [f"{text} = arrays[{k}]" for k, text in enumerate(self.arguments.values())]
        for k, (member, body) in enumerate(self.bodies.items()):
            start += [f"scalars_{k} = scalars[{k}]", *body.scalars(f"scalars_{k}")]
            start += [f"from_{k} = cuts[{k}, p0]", f"to_{k} = cuts[{k}, p1]", f"width_{k} = to_{k} - from_{k}"]
        code += indented([*start, *self.own, *self._starts(), *self._earlier(), *self._constants()], 2)
        code += ["        for n in range(steps):"]
        for k, member in enumerate(self.events.members):
            if self.events.waits(member):
                code += indented(self._meeting(f"n * {self._meetings} + {self._waiting(k)}"), 3)
            code += indented(self._step(k, member), 3)
        met = [f"if (n + 1) % least_delay == 0:", *indented(self._meeting(self._met), 1)]
        return "\n".join(code + indented(met, 3))

    @property
    def _meetings(self) -> int:
        return 1 + sum(self.events.waits(m) for m in self.events.members)

    @property
    def _met(self) -> str:
        return f"(n + 1) * {self._meetings}" if self._meetings > 1 else "(n + 1) // least_delay"

    def _waiting(self, k: int) -> int:
        return sum(self.events.waits(m) for m in self.events.members[: k + 1])

    def _meeting(self, times: str) -> list[str]:
        return ["if team > 1:", f"    meet(counters, team, {times})"]

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
        outside = self._argument("outside", member, port, f"{member}_outside_{port}")
        total = self.arguments[Argument("arriving", member, port)]
        return [f"for m in range(from_{k}, to_{k}):", f"    {total}[m] = {outside}[{row}, m]"]

    def _step(self, k: int, member: str) -> list[str]:
        body, layer = self.bodies[member], self.events.by_name[member]
        code = [f"# {member}", f"first = from_{k}", f"width = width_{k}", *body.time()]
        for port in layer.ports:
            if self.outside.get((member, port)) is False:
                code += self._from_outside(member, port, "n")
            for number in self.events.into(member, port):
                code += self._delivered(number, k)
        for x, variable in enumerate(self.events.by_name[member].recorded):
            code += self._sampled(member, variable, k, x)
        code += body.views()
        code += over_elements([*body.lines(), *self._cleared(member)], 0)
        return code + self._listed(member)

    def _delivered(self, number: int, k: int) -> list[str]:
        feed, tables = self.events.feeds[number], self.tables.get(number, {})
        if feed.kind == DIRECT:
            return []
        total = self.arguments[Argument("arriving", feed.target, feed.port)]
        if feed.kind == SCATTERED:
            ring = tables["ring"]
            taken = [f"now = n & (len({ring}) - 1)", f"for m in range(from_{k}, to_{k}):"]
            return [self._scatter(number), *taken, f"    {total}[m] += {ring}[now, m]", f"    {ring}[now, m] = number(0.0)"]
        part = "p0, p1" if feed.kind == SPARSE else f"from_{k}, to_{k}"
        return [f"add_{feed.kind}({total}, {self._row(number)}, {part}, {', '.join([*list(tables.values())[1:], tables['weight']])})"]

    def _scatter(self, number: int) -> str:
        t = self.tables[number]
        return f"add_scattered({t['ring']}, {self._row(number)}, p0, p1, {t['starts']}, {t['targets']}, {t['weight']}, {t['late']}, n)"

    def _row(self, number: int) -> str:
        feed = self.events.feeds[number]
        s = self.events.sources.index((feed.source, feed.variable))
        return f"{', '.join(self.lists[s])}, n + depths[{s}] - delays[{number}]"

    def _sampled(self, member: str, variable: str, k: int, x: int) -> list[str]:
        """The row of a record, or the last one, which nobody reads, where no sample is taken."""
        if (member, variable) not in self.events.sampled:
            return []
        text = self.arguments[Argument("sampled", member, variable)]
        place = f"{text}[(n - first_sample[{k}, {x}]) // every[{k}, {x}] if (n - first_sample[{k}, {x}]) % every[{k}, {x}] == 0 else -1]"
        return [f"{self.results[member, variable]} = {place}[from_{k}:to_{k}]"]

    def _cleared(self, member: str) -> list[str]:
        """What was summed up is 0 again, after it was read."""
        found = []
        for port in self.events.by_name[member].ports:
            key = Argument("arriving", member, port)
            if key in self.arguments and (member, port) not in self.outside:
                part = self.bodies[member].places[Value("arrival", port, True)].strip("()").partition("[i]")[0]
                found.append(f"{part}[i] = number(0.0)")
            elif key in self.arguments and self.outside[member, port]:
                part = self.bodies[member].places[Value("arrival", port, True)].strip("()").partition("[i]")[0]
                outside = self.arguments[Argument("outside", member, port)]
                found.append(f"{part}[i] = {outside}[0, m]")
        return found

    def _listed(self, member: str) -> list[str]:
        code = []
        for s, (source_, variable) in enumerate(self.events.sources):
            if source_ == member:
                pointers, indices = self.lists[s]
                code.append(f"count_{s} = list_fired({self.results[member, variable]}, first, width, {indices}, count_{s})")
                code.append(f"{pointers}[own, n + depths[{s}] + 1] = count_{s}")
        return code
