"""What the kernel of a simulation by events is called with: the arrays of all samples, and what becomes of its results."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from spaic.Backend.Kernels.compiling import jit
from spaic.Backend.Kernels.text import sparse_text
from spaic.Backend.Kernels.text.island_text import Argument
from spaic.Backend.Kernels.text.passes import Value
from spaic.Backend.Kernels.text.rule_text import numbers
from spaic.Backend.Kernels.text.sparse_island import DIRECT, Events, Feed, Learned
from spaic.Backend.Kernels.text.sparse_meeting import COUNTERS
from spaic.Backend.Kernels.threads.team import together
from spaic.Backend.Torch.firing.fired import Fired
from spaic.Backend.Torch.firing.fired_lists import Lists
from spaic.Backend.Torch.firing.spikes import Spikes, compact
from spaic.Backend.Torch.kernels.prepared import Prepared, numpy_name

if TYPE_CHECKING:
    from spaic.Backend.Plastic.at_work import RuleAtWork
    from spaic.Backend.Torch.simulation.simulated import Afferent, Simulated

#: Bytes of a line of the cache.
LINE = 64


class Call:
    """One call: the arrays of all samples."""

    def __init__(self, simulated: Simulated) -> None:
        self.simulated, self.run, self.threads, self.copies = simulated, simulated.run_, simulated.threads, simulated.copies
        run, ways = self.run, simulated.ways
        order = [m for name in simulated.stage.populations for m in (*self._synapses(name), name)]
        self.elements = {m: simulated.elements.get(m) or run.program.elements[m] for m in order}
        self.prepared = {m: Prepared(e, run.bound(e), None, 1, False, is_inside=True) for m, e in self.elements.items()}
        self.samples = run.batch // self.copies
        self.sizes = {m: prod(e.shape) * self.copies for m, e in self.elements.items()}
        layers = tuple(p.layer for p in self.prepared.values())
        outside = tuple((x, len(amount) == 1) for x, amount in simulated.arriving.items())
        feeds = tuple(Feed(f.source, f.variable, f.target, f.port, f.kind, k) for k, f in enumerate(w.feed for w in ways))
        instant = frozenset(k for k, w in enumerate(ways) if w.feed.source in self.elements and w.feed.kind != DIRECT and w.delay == 0)
        sampled = frozenset((m, v) for m, layer in zip(order, layers, strict=True) for v in layer.recorded if self._is_sampled(m, v, layer))
        name = " and ".join(simulated.stage.populations)
        learned = tuple(self._learned(r) for r in simulated.rules)
        self.events = _one(Events(name, tuple(order), layers, feeds, outside, sampled, instant, learned))
        self.lists = {x: self._lists(*x) for x in self.events.sources}
        self.states = {
            (m, s): _aligned(run.arrays[f"{m}.{s}"].detach().reshape(self.samples, -1).numpy(), self.dtype)
            for m, e in self.elements.items()
            for s in e.step.states
        }
        self.normals = {m: x for m, e in self.elements.items() if (x := run.normals(e)) is not None}
        self.every = self._every()
        self.records = {x: np.zeros((self.samples, self._count(*x) + 1, self.sizes[x[0]]), self.dtype) for x in sampled}
        self.text = sparse_text.source(self.events, numpy_name(run.program.dtype))

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(numpy_name(self.run.program.dtype))

    def _learned(self, rule: RuleAtWork) -> Learned:
        feed = self.simulated.numbers[rule.link.name]
        kind = self.simulated.ways[feed].feed.kind
        return Learned(rule.rule, feed, kind, rule.link.target_node, rule.bounds is not None, self.copies > 1)

    def _synapses(self, name: str) -> list[str]:
        return [w.feed.source for w in self.simulated.ways if w.feed.kind == DIRECT and w.feed.target == name]

    def _is_sampled(self, member: str, variable: str, layer: Any) -> bool:
        path = f"{member}.{variable}"
        return not layer.is_byte(layer.tape.outputs[variable]) and (path in self.run.program.probed or self._leaves(path))

    def _leaves(self, path: str) -> bool:
        """Whether links of other stages read a variable that is no spike."""
        return any(
            link.source == path and link.target_node not in self.simulated.stage.populations for link in self.run.program.graph.links
        )

    def _lists(self, member: str, variable: str) -> Lists:
        run, path = self.run, f"{member}.{variable}"
        depth = max((w.deepest for w in self.simulated.ways if (w.feed.source, w.feed.variable) == (member, variable)), default=0)
        past = run.signals.history[path][-depth:].reshape(depth, self.samples, -1) if depth else None
        if member in self.elements:
            return Lists.empty(self.sizes[member], run.steps, self.threads, past, self.samples)
        values = run.signals.values(path)
        spikes = values if isinstance(values, Spikes) else compact(values)
        return Lists.given(spikes if self.copies == 1 else Spikes(spikes.bytes.reshape(run.steps, self.samples, -1)), past)

    def _every(self) -> np.ndarray:
        """For each member and variable that is recorded, the steps between samples and the first step with one."""
        widest = max(len(layer.recorded) for layer in self.events.layers)
        found = np.ones((2, len(self.events.members), max(1, widest)), np.int64)
        sampling = self.run.program.graph.sampling()
        for k, (member, layer) in enumerate(self.events.by_name.items()):
            for x, variable in enumerate(layer.recorded):
                path = f"{member}.{variable}"
                every = 1 if self._leaves(path) else sampling.get(path, 1)
                found[:, k, x] = every, (-self.run.start - 1) % every
        return found

    def _count(self, member: str, variable: str) -> int:
        k, x = self.events.members.index(member), self.events.by_name[member].recorded.index(variable)
        return len(range(int(self.every[1, k, x]), self.run.steps, int(self.every[0, k, x])))

    def simulate(self, sample: int) -> None:
        """One sample, over all time."""
        run, events = self.run, self.events
        arrays = tuple(self._array(a, sample) for a in sparse_text.arguments(events))
        delayed = (np.array([w.delay for w in self.simulated.ways], np.int64), np.array([x.depth for x in self.lists.values()], np.int64))
        cuts = np.stack([self.simulated.cuts(size) for size in self.sizes.values()])
        scalars = tuple(p.scalars for p in self.prepared.values())
        counters = np.zeros(COUNTERS, np.int64)
        delays = [w.delay for w in self.simulated.ways if w.feed.source in self.elements and w.feed.kind != DIRECT]
        least = 1 if events.instant else min(delays, default=run.steps)
        args = (
            run.steps, run.start, run.program.graph.clock.dt, self.copies, counters, least, *delayed, *self.every, cuts, scalars, arrays,
        )  # fmt: skip
        kernel = jit.load(self.text, "events", events.name).simulate
        together(kernel, self.threads, args)
        for x in self.lists.values():
            x.collect()

    def _array(self, argument: Argument, sample: int) -> np.ndarray:
        role, member, item = argument.role, argument.member, argument.item
        if isinstance(item, Value):
            return self._of_element(member, item, sample)
        if role in ("weight", "starts", "targets", "late", "ring"):
            return self._of_way(role, self.simulated.ways[int(member)])
        if role in ("traces", "numbers", "changes", "ends", "incoming", "origins"):
            return self._of_rule(role, int(member), item)
        if role in ("pointers", "indices"):
            return getattr(self.lists[member, item], role)(sample)
        return self._over_neurons(role, (member, item), sample)

    def _over_neurons(self, role: str, of: tuple[str, str], sample: int) -> np.ndarray:
        """A state, what arrives, who fires, or a record."""
        size = self.sizes[of[0]]
        if role == "state":
            return self.states[of][sample]
        if role == "fired":
            return _aligned(np.zeros(-(-size // LINE) * LINE, np.uint8), np.dtype(np.uint8))
        if role == "arriving":
            return _aligned(np.zeros(size, self.dtype), self.dtype)
        if role == "outside":
            amount = self.simulated.arriving[of]
            return amount.reshape(len(amount), self.samples, -1)[:, sample].contiguous().numpy()
        known = self.records.get(of)
        return np.zeros((1, size), self.dtype) if known is None else known[sample]

    def _of_element(self, member: str, value: Value, sample: int) -> np.ndarray:
        """A parameter of single neurons, or noise."""
        if value.role == "parameter":
            return np.tile(self.prepared[member].parameters[int(value.name)].contiguous().numpy()[0].reshape(-1), self.copies)
        noises = self.elements[member].step.noises
        normals = self.normals[member][:, noises.index(value.name)].reshape(self.run.steps, self.samples, -1)
        return normals[:, sample].contiguous().numpy()

    def _of_way(self, role: str, way: Afferent) -> np.ndarray:
        if role == "ring":
            return np.zeros((1 << int(way.deepest - way.delay).bit_length(), self.sizes[way.feed.target]), self.dtype)
        return way.arrays[role]

    def _of_rule(self, role: str, number: int, state: str) -> np.ndarray:
        rule = self.simulated.rules[number]
        if role == "traces":
            return self.simulated.traces[f"{number}.{state}"]
        if role == "numbers":
            share = 1.0 / self.copies if rule.plasticity.reduction == "mean" else 1.0
            return np.array([*(rule.parameters[k] for k in numbers(rule.rule)), share, *(rule.bounds or (-np.inf, np.inf))])
        if role == "changes":
            shape = self.simulated.weight(rule.link.name).shape
            return np.zeros(shape if self.copies > 1 else (1,) * len(shape), self.dtype)
        own = self.simulated.learned[rule.link.name].arrays
        return (own or self.run.program.tables.back(rule.link.name, rule.link.transforms[0]))[role]  # type: ignore[arg-type]

    def hand_over(self) -> None:
        """Final states, spikes and records."""
        run = self.run
        for (member, state), value in self.states.items():
            run.arrays[f"{member}.{state}"] = torch.from_numpy(value.reshape(run.batch, *self.elements[member].shape))
        for (member, variable), lists in self.lists.items():
            if member in self.elements:
                run.signals[f"{member}.{variable}"] = Fired(lists.events(self.elements[member].shape, self.copies))
        for (member, variable), values in self.records.items():
            shape = (values.shape[1] - 1, run.batch, *self.elements[member].shape)
            found = torch.from_numpy(values[:, :-1].swapaxes(0, 1).reshape(shape))
            (run.signals if self._leaves(f"{member}.{variable}") else run.samples)[f"{member}.{variable}"] = found


def _aligned(values: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """A copy that begins with a line of the cache: wide instructions take longer where they reach over two."""
    size = values.size * dtype.itemsize
    memory = np.empty(size + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    found = memory[start : start + size].view(dtype).reshape(values.shape)
    found[...] = values
    return found


@lru_cache(maxsize=256)
def _one(events: Events) -> Events:
    """One object for each, so that its text is made once."""
    return events
