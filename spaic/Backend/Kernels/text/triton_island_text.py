"""An island as the text of a module that Triton compiles for a GPU: a program takes one sample through all time, with the products inside.

What elements carry from step to step lies in the arrays of their last values, which the host has filled with the first ones. The threads
of a program wait for each other after each element, so that what one sends is there when the next one reads it.
"""

from __future__ import annotations

from functools import lru_cache

from spaic.Backend.Kernels.text.island import DENSE, DIRECT, ONE_TO_ONE, Feed, Island
from spaic.Backend.Kernels.text.island_text import Argument
from spaic.Backend.Kernels.text.passes import Carried, Value
from spaic.Backend.Kernels.text.printing import Names
from spaic.Backend.Kernels.text.triton_text import LANGUAGE, Kernel, module
from spaic.Dynamics.show import listing

#: How what is sent is added to what arrives: rows of a weight, of those that sent anything; by a factor; as it is.
_PRODUCTS = {
    DENSE: '''@triton.jit
def plus(a, b):
    return a + b


@triton.jit
def add_rows(total, values, count, weight, size, j, here, LANES: tl.constexpr):
    """Add the rows of `weight` whose value is not 0, times that value."""
    for first in range(0, count, LANES):
        k = first + tl.arange(0, LANES)
        x = tl.load(values + k, mask=k < count, other=0)
        wanted = (x != 0)[:, None] & here[None, :]
        rows = tl.load(weight + tl.cast(k, tl.int64)[:, None] * size + j[None, :], mask=wanted, other=0)
        total += tl.reduce(tl.cast(x, rows.dtype)[:, None] * rows, 0, plus)
    return total''',
    ONE_TO_ONE: '''@triton.jit
def add_scaled(total, values, count, weight, j):
    """Add each value to its own, times a factor."""
    there = j < count
    return total + tl.cast(tl.load(values + j, mask=there, other=0), total.dtype) * tl.load(weight + j, mask=there, other=0)''',
    DIRECT: '''@triton.jit
def add_direct(total, values, count, j):
    """Add each value to its own."""
    return total + tl.cast(tl.load(values + j, mask=j < count, other=0), total.dtype)''',
}
_NAMES = {DENSE: "add_rows", ONE_TO_ONE: "add_scaled", DIRECT: "add_direct"}
_HELD = ("sample", "j", "start", "size", "LANES", "plus", *_NAMES.values())


@lru_cache(maxsize=256)
def source(island: Island, dtype: str) -> str:
    """The module: ``forward`` and, if there is a way back, ``backward``."""
    names = ["forward"] if any(layer.back is None for layer in island.layers) else ["forward", "backward"]
    functions = [text for name in names for text in _Loop(name, island, dtype).texts()]
    called = [text for kind, text in _PRODUCTS.items() if any(f"{_NAMES[kind]}(" in f for f in functions)]
    steps = "\n\n".join(f"{m}:\n{listing(layer.tape)}" for m, layer in island.by_name.items())
    return module(f"{island.name}, {dtype}", steps, dtype, [*called, *functions])


@lru_cache(maxsize=512)
def arguments(island: Island, goes_back: bool) -> tuple[Argument, ...]:
    """The arrays that a kernel takes, in order; after each of :func:`repeatable` comes the distance of its rows."""
    return tuple(_Loop("backward" if goes_back else "forward", island, "float32").arrays)


@lru_cache(maxsize=512)
def repeatable(island: Island, goes_back: bool) -> frozenset[Argument]:
    """Arrays over time that are only read."""
    loop = _Loop("backward" if goes_back else "forward", island, "float32")
    return frozenset(Argument("value", m, v) for m, step in loop.steps.items() for v in step.strides)


class _Step(Kernel):
    """One step of a member: the neurons of a sample, a block after the other.

    Parameters
    ----------
    name : str
        Of the function.
    island : Island
        What the member belongs to.
    member : str
        Its label.
    goes_back : bool
        Which way.
    dtype : str
        Of its numbers.
    """

    def __init__(self, name: str, island: Island, member: str, goes_back: bool, dtype: str) -> None:
        layer = island.by_name[member]
        super().__init__(name, layer, layer.backward if goes_back else layer.forward, dtype, frozenset(_HELD))
        self.island, self.member, self.goes_back = island, member, goes_back
        self.sums = {v: self.names.free(f"sum_{v.name}") for v in self.way.values if self._is_summed(v)}
        given = {v for v in self.sums if v.role == "gradient" or (member, v.name) in island.outside}
        firsts = {c.first for c in self.way.carried}
        self.arrays = {v: text for v, text in self.arrays.items() if v not in firsts and (v not in self.sums or v in given)}
        self.strides = {v: text for v, text in self.strides.items() if v in self.arrays}
        sent = [v for v in self.arrays if v.role == "result" and (member, v.name) in island.sent]
        self.depths = {v: self.names.free(f"{v.name}_depth") for v in sent}
        #: For each way into this step: what it brings, how much of that there is, and its weight.
        self.ways = {f: tuple(self.names.free(f"{x}_{f.weight}") for x in ("values", "count", "weight")) for f in self._feeds()}

    def _is_summed(self, value: Value) -> bool:
        return value.role == "arrival" or (value.role == "gradient" and (self.member, value.name) in self.island.sent)

    def _feeds(self) -> list[Feed]:
        """Ways whose product is part of this step, of the sums in their order."""
        island, found = self.island, []
        for value in self.sums:
            numbers = island.out_of(self.member, value.name) if self.goes_back else island.into(self.member, value.name)
            found += [island.feeds[k] for k in numbers if not self.goes_back or self.returned(island.feeds[k]) is not None]
        return found

    def returned(self, feed: Feed) -> Value | None:
        """The gradient of what a way brings."""
        values = self.island.by_name[feed.target].backward.values
        return next((v for v in values if (v.role, v.name) == ("to_arrival", feed.port)), None)

    def text(self) -> str:
        """The function."""
        arrays = [x for v, text in self.arrays.items() for x in (text, *([self.strides[v]] if v in self.strides else []))]
        given = ["n", "sample", "first_step", "dt", "size", "width", "scalars", *arrays, *self.depths.values()]
        given += [x for f, texts in self.ways.items() for x in (texts if f.kind != DIRECT else texts[:2])]
        code = ["@triton.jit", f"def {self.name}({', '.join(given)}, BLOCK: tl.constexpr, LANES: tl.constexpr):"]
        code += [f"    {self.names[slot]} = tl.load(scalars + {k})" for k, slot in enumerate(self.layer.scalars)]
        inner = ["j = start + tl.arange(0, BLOCK)", "here = j < size", "m = sample * size + j", "row = n * width + m"]
        inner += [f"{self.names[int(v.name)]} = {self._load(v)}" for v in self.way.values if v.role == "parameter"]
        inner += [line for value in self.sums for line in self._summed(value)]
        inner += [f"{text} = tl.load({self.arrays[c.last]} + m, mask=here, other=0)" for c, text in self.carried.items()]
        inner += self._inner()
        inner += [f"tl.store({self.arrays[c.last]} + m, {text}, mask=here)" for c, text in self.carried.items()]
        return "\n".join([*code, "    for start in range(0, size, BLOCK):", *(f"        {line}" for line in inner)])

    def _summed(self, value: Value) -> list[str]:
        """What arrives in this step, or the gradient of what is sent: from outside, and from members now or at another time."""
        total = self.sums[value]
        code = [f"{total} = {self._load(value) if value in self.arrays else f'tl.full((BLOCK,), 0.0, {self.type})'}"]
        for feed, (values, count, weight) in self.ways.items():
            if value.name != (feed.variable if self.goes_back else feed.port):
                continue
            rest = {DENSE: f", {weight}, size, j, here, LANES", ONE_TO_ONE: f", {weight}, j", DIRECT: ", j"}[feed.kind]
            code.append(f"{total} = {_NAMES[feed.kind]}({total}, {values}, {count}{rest})")
        return code

    def _step(self, value: Value) -> str:
        return f"(n + {self.depths[value]})" if value in self.depths else "n"

    def _load(self, value: Value) -> str:
        place = f"{self._step(value)} * {self.strides[value]} + m" if value.over_time else "m"
        return f"tl.load({self.arrays[value]} + {place}, mask=here, other=0)"

    def _at(self, part: Value | Carried) -> str:
        return self.sums[part] if part in self.sums else super()._at(part)

    def _row(self, value: Value) -> str:
        return f"{self._step(value)} * width + m" if value in self.depths else "row"


class _Loop:
    """One kernel: all steps of all members.

    Attributes
    ----------
    steps : dict of str to _Step
        By member, in the order in which they are done.
    arrays : dict of Argument to str
        What the kernel is called with, and how it calls it.
    """

    def __init__(self, name: str, island: Island, dtype: str) -> None:
        self.name, self.island, self.goes_back = name, island, name == "backward"
        order = reversed(island.members) if self.goes_back else island.members
        self.steps = {m: _Step(f"{name}_{island.members.index(m)}", island, m, self.goes_back, dtype) for m in order}
        self.names = Names({}, {}, {*LANGUAGE.reserved, *_HELD, *(s.name for s in self.steps.values())})
        self.arrays = {
            Argument("value", m, v): self.names.free(f"{m}_{text}") for m, step in self.steps.items() for v, text in step.arrays.items()
        }
        used = {f.weight for step in self.steps.values() for f in step.ways if f.kind != DIRECT}
        self.arrays |= {Argument("weight", str(k), ""): self.names.free(f"weight_{k}") for k in sorted(used)}
        self.strides = {
            a: self.names.free(f"{text}_stride")
            for a, text in self.arrays.items()
            if isinstance(a.item, Value) and a.item in self.steps[a.member].strides
        }

    def texts(self) -> list[str]:
        """The functions."""
        members, feeds, sent = range(len(self.island.members)), range(len(self.island.feeds)), range(len(self.island.sent))
        numbers = [f"size_{k}" for k in members] + [f"width_{k}" for k in members]
        free = ["steps", "first_step", *(f"delay_{k}" for k in feeds), *(f"depth_{k}" for k in sent)]
        arrays = [x for a, text in self.arrays.items() for x in (text, *([self.strides[a]] if a in self.strides else []))]
        given = [*free, "dt", *numbers, *(f"scalars_{k}" for k in members), *arrays]
        code = [f"@triton.jit(do_not_specialize=[{', '.join(map(repr, free))}])"]
        code += [f"def {self.name}({', '.join(given)}, BLOCK: tl.constexpr, LANES: tl.constexpr):"]
        code += ["    sample = tl.cast(tl.program_id(0), tl.int64)", "    for k in range(steps):"]
        code += [f"        n = tl.cast({'steps - 1 - k' if self.goes_back else 'k'}, tl.int64)"]
        for member, step in self.steps.items():
            code += [f"        {self._call(member, step)}", "        tl.debug_barrier()"]
        return [*(step.text() for step in self.steps.values()), "\n".join(code)]

    def _call(self, member: str, step: _Step) -> str:
        k = self.island.members.index(member)
        given = ["n", "sample", "first_step", "dt", f"size_{k}", f"width_{k}", f"scalars_{k}"]
        for value in step.arrays:
            key = Argument("value", member, value)
            given += [self.arrays[key], *([self.strides[key]] if key in self.strides else [])]
        given += [f"depth_{self.island.sent.index((member, v.name))}" for v in step.depths]
        for feed in step.ways:
            given += self._way(step, feed)
        return f"{step.name}({', '.join(given)}, BLOCK, LANES)"

    def _way(self, step: _Step, feed: Feed) -> list[str]:
        """What a way brings: where it lies, how much there is, and its weight."""
        number = feed.weight
        if self.goes_back:
            value = step.returned(feed)
            end, instant = feed.target, f"n + delay_{number}"
        else:
            value = next(v for v in self.steps[feed.source].arrays if (v.role, v.name) == ("result", feed.variable))
            end, instant = feed.source, f"n + depth_{self.island.sent.index((feed.source, feed.variable))} - delay_{number}"
        k = self.island.members.index(end)
        array = self.arrays[Argument("value", end, value)]  # type: ignore[arg-type]
        count = f"tl.where({instant} < steps, size_{k}, 0)" if self.goes_back else f"size_{k}"
        weight = [] if feed.kind == DIRECT else [self.arrays[Argument("weight", str(number), "")]]
        return [f"{array} + ({instant}) * width_{k} + sample * size_{k}", count, *weight]
