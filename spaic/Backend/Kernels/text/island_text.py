"""An island as the text of a module that Numba compiles: samples in small groups, each through all time, with the products inside."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from spaic.Backend.Kernels.text.island import DENSE, DIRECT, ONE_TO_ONE, Island
from spaic.Backend.Kernels.text.layer import Layer
from spaic.Backend.Kernels.text.numba_body import Body, indented, over_elements, unpacked
from spaic.Backend.Kernels.text.numba_language import LANGUAGE
from spaic.Backend.Kernels.text.numba_text import module
from spaic.Backend.Kernels.text.passes import Pass, Value
from spaic.Dynamics.show import listing

#: Samples that go through time together: each row of a weight that is read serves all of them.
GROUP = 8

#: What a product adds up. Four rows at a time, so that the sums are loaded and stored once for four.
_PRODUCTS = {
    "add_rows": """def add_rows(total, size, spikes, sources, samples, start, weight):
    for s in range(samples):
        base = s * size
        row = (start + s) * sources
        a = b = c = -1
        for k in range(sources):
            if spikes[row + k]:
                if a < 0:
                    a = k
                elif b < 0:
                    b = k
                elif c < 0:
                    c = k
                else:
                    wa, wb, wc, wd = weight[a], weight[b], weight[c], weight[k]
                    for j in range(size):
                        total[place(base + j)] += (wa[j] + wb[j]) + (wc[j] + wd[j])
                    a = b = c = -1
        for k in (a, b, c):
            if k >= 0:
                wa = weight[k]
                for j in range(size):
                    total[place(base + j)] += wa[j]""",
    "add_product": """def add_product(total, size, values, sources, samples, start, weight):
    k = 0
    while k + 4 <= sources:
        w0 = weight[k]
        w1 = weight[k + 1]
        w2 = weight[k + 2]
        w3 = weight[k + 3]
        for s in range(samples):
            base = s * size
            row = (start + s) * sources + k
            x0 = values[row]
            x1 = values[row + 1]
            x2 = values[row + 2]
            x3 = values[row + 3]
            for j in range(size):
                total[place(base + j)] += (x0 * w0[j] + x1 * w1[j]) + (x2 * w2[j] + x3 * w3[j])
        k += 4
    while k < sources:
        w0 = weight[k]
        for s in range(samples):
            base = s * size
            x0 = values[(start + s) * sources + k]
            for j in range(size):
                total[place(base + j)] += x0 * w0[j]
        k += 1""",
    "add_scaled": """def add_scaled(total, size, values, samples, start, weight):
    for s in range(samples):
        base = s * size
        row = (start + s) * size
        for j in range(size):
            total[place(base + j)] += values[place(row + j)] * weight[j]""",
    "add_direct": """def add_direct(total, size, values, samples, start):
    row = start * size
    for j in range(samples * size):
        total[j] += values[place(row + j)]""",
}


_OWN = ("outside", "first_sample", "samples", "group", "sizes", "delays", "depths", "memory", "start", "end")


@dataclass(frozen=True)
class Argument:
    """An argument of a kernel of an island.

    Attributes
    ----------
    role : str
        ``"value"`` of a member, ``"weight"`` of a feed, or, as memory for one group of samples, ``"carried"``, ``"arriving"`` and
        ``"sent"`` (the gradient of what is sent).
    member : str
        Label of the member; for weights the number.
    item : Value or str
        Which value; the name of what is carried, the port or the variable.
    """

    role: str
    member: str
    item: Value | str

    @property
    def is_scratch(self) -> bool:
        """Whether it is memory for one group of samples; these come last."""
        return self.role in ("carried", "arriving", "sent", "fired")


def source(island: Island, dtype: str) -> str:
    """The module: ``forward`` and, if there is a way back, ``backward``."""
    names = ["forward"] if any(layer.back is None for layer in island.layers) else ["forward", "backward"]
    functions = [_Function(name, island).text() for name in names]
    called = [text for word, text in _PRODUCTS.items() if any(f"{word}(" in f for f in functions)]
    steps = "\n\n".join(f"{m}:\n{listing(layer.tape)}" for m, layer in island.by_name.items())
    return module(f"{island.name}, {dtype}", steps, dtype, tuple(names), [*called, *functions], {"group": GROUP})


@lru_cache(maxsize=512)
def arguments(island: Island, goes_back: bool) -> tuple[Argument, ...]:
    """What a kernel reads and writes, in order."""
    return tuple(_Function("backward" if goes_back else "forward", island).arguments)


class _Function:
    """One kernel in the making."""

    def __init__(self, name: str, island: Island) -> None:
        self.name, self.island, self.goes_back = name, island, name == "backward"
        self.bodies: dict[str, Body] = {}
        counted = {f"{name}_{k}" for name in ("scalars", "size", "weight") for k in range(len(island.members) + len(island.feeds))}
        taken = {*LANGUAGE.reserved, *_PRODUCTS, *_OWN, *counted}
        self.arguments: dict[Argument, str] = {}
        for member, layer in island.by_name.items():
            body = self.bodies[member] = Body(layer, self._way(layer), taken, f"{member}_")
            for value, text in body.arrays.items():
                if value.role != "arrival" or (member, value.name) in island.outside:
                    self.arguments[Argument("value", member, value)] = text
            self.arguments |= {Argument("carried", member, c.name): text for c, text in body.carried.items()}
            self._place(member, body)
        self.arguments |= {Argument("weight", str(k), ""): f"weight_{k}" for k, f in enumerate(island.feeds) if f.kind != DIRECT}
        self.arguments = dict(sorted(self.arguments.items(), key=lambda item: item[0].is_scratch))

    def _way(self, layer: Layer) -> Pass:
        return layer.backward if self.goes_back else layer.forward

    def _place(self, member: str, body: Body) -> None:
        """What arrives, or the gradient of what is sent, is summed up in memory of its own."""
        role = "sent" if self.goes_back else "arriving"
        for value in body.way.values:
            is_summed = (member, value.name) in self.island.sent if value.role == "gradient" else value.role == "arrival"
            if value.role in ("arrival", "gradient") and is_summed:
                text = body.names.free(f"{member}_{role}_{value.name}")
                body.places[value] = f"{text}[i]"
                self.arguments[Argument(role, member, value.name)] = text
            if value.role == "result" and (member, value.name) in self.island.sent:
                body.steps[value] = f"n + depths[{self.island.sent.index((member, value.name))}]"

    def text(self) -> str:
        """The function."""
        members = list(self.bodies)
        code = [f"def {self.name}(lo, hi, steps, first_step, dt, sizes, delays, depths, scalars, arrays, memory):"]
        for k, body in enumerate(self.bodies.values()):
            code += indented([f"size_{k} = sizes[{k}]", f"scalars_{k} = scalars[{k}]", *body.scalars(f"scalars_{k}")], 1)
        code += indented(unpacked("arrays", (text for a, text in self.arguments.items() if not a.is_scratch)), 1)
        code.append("    end = 0")
        for argument in (a for a in self.arguments if a.is_scratch):
            start = f"    start, end = end, end + group * size_{members.index(argument.member)}"
            code += [start, f"    {self.arguments[argument]} = memory[start:end]"]
        code += ["    for first_sample in range(lo, hi, group):", "        samples = min(group, hi - first_sample)"]
        for member in members:
            code += self._around(member, self.bodies[member].starts(), 2)
        code += [f"        for n in {'range(steps - 1, -1, -1)' if self.goes_back else 'range(steps)'}:"]
        for member in reversed(members) if self.goes_back else members:
            code += self._step(member)
        for member in members:
            code += self._around(member, self.bodies[member].ends(), 2)
        return "\n".join(code)

    def _around(self, member: str, code: list[str], depth: int) -> list[str]:
        return indented(self._range(member), depth) + over_elements(code, depth) if code else []

    def _range(self, member: str) -> list[str]:
        k = self.island.members.index(member)
        return [f"first = first_sample * size_{k}", f"width = samples * size_{k}"]

    def _step(self, member: str) -> list[str]:
        body = self.bodies[member]
        code = [f"# {member}", *self._range(member), *body.time()]
        sums = [a for a in self.arguments if a.member == member and a.role in ("arriving", "sent")]
        for sum_ in sums:
            code += self._gradient(member, str(sum_.item)) if self.goes_back else self._arriving(member, str(sum_.item))
        return indented([*code, *body.views()], 3) + over_elements(body.lines(), 3)

    def _arriving(self, member: str, port: str) -> list[str]:
        """What arrives at a port in this step: from outside, and from members now or earlier."""
        k, total = self.island.members.index(member), self.arguments[Argument("arriving", member, port)]
        outside = next((t for a, t in self.arguments.items() if a == Argument("value", member, Value("arrival", port, True))), "")
        if outside:
            code = [
                f"outside = {outside}[n if len({outside}) > 1 else 0]",
                "for i in range(width):",
                f"    {total}[i] = outside[place(first + i)]",
            ]
        else:
            code = ["for i in range(width):", f"    {total}[i] = number(0.0)"]
        for number in self.island.into(member, port):
            feed = self.island.feeds[number]
            source, depth = self.island.members.index(feed.source), self.island.sent.index((feed.source, feed.variable))
            result = next(t for v, t in self.bodies[feed.source].arrays.items() if (v.role, v.name) == ("result", feed.variable))
            row = f"{result}[n + depths[{depth}] - delays[{number}]]"
            head = f"{total}, size_{k}, {row}"
            code.append(_added(feed.kind, head, source, number, self.island.is_spiking(feed)))
        return code

    def _gradient(self, member: str, variable: str) -> list[str]:
        """The gradient of what is sent in this step: from outside, and from the members at which it arrives now or later."""
        k, total = self.island.members.index(member), self.arguments[Argument("sent", member, variable)]
        given = self.arguments[Argument("value", member, Value("gradient", variable, True))]
        code = [f"outside = {given}[n if len({given}) > 1 else 0]", "for i in range(width):", f"    {total}[i] = outside[place(first + i)]"]
        for number in self.island.out_of(member, variable):
            feed = self.island.feeds[number]
            target = self.island.members.index(feed.target)
            arrays = self.bodies[feed.target].arrays
            back = next((t for v, t in arrays.items() if (v.role, v.name) == ("to_arrival", feed.port)), "")
            if not back:
                continue
            head = f"{total}, size_{k}, {back}[n + delays[{number}]]"
            code.append(f"if n + delays[{number}] < steps:")
            code.append("    " + _added(feed.kind, head, target, number))
        return code


def _added(kind: str, head: str, other: int, number: int, is_spiking: bool = False) -> str:
    """The call that adds what a feed brings, from the row of member `other` that `head` ends with."""
    if kind == DENSE:
        return f"add_{'rows' if is_spiking else 'product'}({head}, size_{other}, samples, first_sample, weight_{number})"
    if kind == ONE_TO_ONE:
        return f"add_scaled({head}, samples, first_sample, weight_{number})"
    return f"add_direct({head}, samples, first_sample)"
