"""Elements with sparse connections, run over all time without gradients by a kernel that passes on only the spikes that occur."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from spaic.Backend.element import Element
from spaic.Backend.Kernels import jit, sparse_text
from spaic.Backend.Kernels.free_cores import free
from spaic.Backend.Kernels.island_text import Argument
from spaic.Backend.Kernels.passes import Value
from spaic.Backend.Kernels.rule_text import numbers
from spaic.Backend.Kernels.sparse_island import DELAYED, DENSE, DIRECT, ONE_TO_ONE, SCATTERED, SPARSE, Events, Feed, Learned
from spaic.Backend.Kernels.sparse_meeting import COUNTERS
from spaic.Backend.Kernels.team import together
from spaic.Backend.Torch.fired import Fired
from spaic.Backend.Torch.fired_lists import Lists
from spaic.Backend.Torch.prepared import Prepared, numpy_name
from spaic.Backend.Torch.spikes import Spikes, compact
from spaic.Backend.Torch.synapse_tables import is_common
from spaic.Backend.Torch.transforms import effective_weight
from spaic.Graph.links import Link
from spaic.Graph.schedule import Stage
from spaic.Graph.transforms import Dense, OneToOne, Sparse

if TYPE_CHECKING:
    from spaic.Backend.Plastic.at_work import RuleAtWork
    from spaic.Backend.Torch.kernel_order import KernelOrder
    from spaic.Backend.Torch.run import Run

#: Neurons that are worth a thread: for fewer the threads would mostly wait for each other.
_WORTH = 1024
_LINE = 64


@dataclass
class Way:
    """A way into the stage: how it is written, its delay in steps (the least one), and its tables."""

    feed: Feed
    delay: int
    deepest: int
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


class Simulated:
    """The loop over time of a stage, in one kernel that passes on spikes as events.

    Parameters
    ----------
    run : Run
        Of the program.
    stage : Stage
        The populations.
    orders : mapping of RuleAtWork to KernelOrder
        Rules on links into them, which pass on events, and how synapses are kept.
    """

    def __init__(self, run: Run, stage: Stage, orders: Mapping[RuleAtWork, KernelOrder] | None = None) -> None:
        self.run_, self.stage, self.rules = run, stage, tuple(orders or ())
        self.learned = {rule.link.name: order for rule, order in (orders or {}).items()}
        self.traces: dict[str, np.ndarray] = {}  # number of the rule and name of the state
        self.numbers: dict[str, int] = {}  # link -> number of its way
        self.elements: dict[str, Element] = {}
        self.arriving: dict[tuple[str, str], Tensor] = {}
        self.ways: list[Way] = []
        neurons = sum(prod(run.program.elements[name].shape) for name in stage.populations)
        self.copies = run.batch if orders else 1  # samples that share what is learned go through time side by side, as one large network
        self.threads = 1 if orders else free(max(1, min(torch.get_num_threads(), neurons // _WORTH)))

    def add(self, link: Link, delivered: Tensor | None) -> None:
        """A link into the stage; `delivered` is what it brings over all time, if it is not passed on as events."""
        target, port = link.target_node, link.port
        if delivered is not None:
            self._arrives(target, port, delivered)
            return
        synapse = self.run_.program.synapses.get(link.name)
        if synapse is not None:
            self.elements[link.name] = synapse
            output = synapse.model.output  # type: ignore[attr-defined]
            self.ways.append(Way(Feed(link.name, output, target, port, DIRECT), 0, 0))
            target, port = link.name, synapse.model.ports[0]
        self.numbers[link.name] = len(self.ways)
        self.ways.append(self._way(link, target, port))
        bias = self.run_.owned.get(link.name, {}).get("bias")
        if bias is not None:
            self._arrives(target, port, bias.reshape(1, 1, -1).expand(1, self.run_.batch, -1))

    def _arrives(self, target: str, port: str, amount: Tensor) -> None:
        amount = amount.detach().to(self.run_.program.dtype).reshape(len(amount), self.run_.batch, -1)
        here = (target, port)
        self.arriving[here] = self.arriving[here] + amount if here in self.arriving else amount

    def _way(self, link: Link, target: str, port: str) -> Way:
        run, (transform,) = self.run_, link.transforms
        delay = run.program.schedule.delays[link.name]
        weight = run.owned[link.name]["weight"].detach().to(run.program.dtype)
        deepest = int(np.max(delay, initial=0))
        order = self.learned.get(link.name)
        if order is not None and order.arrays:
            arrays, kind = {"weight": order.to_kernel(weight)}, DELAYED
        elif isinstance(transform, Dense):
            arrays, kind = {"weight": effective_weight(transform, weight).T}, DENSE
        elif isinstance(transform, OneToOne):
            arrays, kind = {"weight": weight}, ONE_TO_ONE
        else:
            arrays, kind = {"weight": weight}, SPARSE if isinstance(delay, int) else SCATTERED
        way = Way(Feed(link.source_node, link.variable, target, port, kind), int(np.min(delay, initial=deepest)), deepest)
        form = torch.contiguous_format
        way.arrays = {k: (x.contiguous() if order is None else x.clone(memory_format=form)).numpy() for k, x in arrays.items()}
        if kind == DELAYED and order is not None:
            way.arrays |= order.arrays
        elif isinstance(transform, Sparse):
            way.arrays |= run.program.tables.of(link, transform, delay, self._cuts(transform.post))
            if kind == SPARSE and order is None and is_common(run.owned[link.name]["weight"]):
                way.arrays["weight"] = way.arrays["weight"][:1]
        return way

    def _cuts(self, size: int) -> np.ndarray:
        """Where the parts of the threads begin and end: at multiples of 64, so that they share no line of the cache."""
        return np.minimum(size, -(-np.arange(self.threads + 1) * size // self.threads // 64) * 64)

    def weight(self, link: str) -> np.ndarray:
        """The weights of a link as the kernel has them, a row for each presynaptic neuron of a full one."""
        return self.ways[self.numbers[link]].arrays["weight"]

    def run(self) -> None:
        """All steps."""
        call = self.call()
        for sample in range(self.run_.batch // self.copies):
            call.simulate(sample)
        call.hand_over()

    def call(self) -> Call:
        """What the kernel is called with."""
        return Call(self)


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
        cuts = np.stack([self.simulated._cuts(size) for size in self.sizes.values()])
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
        if role in ("pointers", "indices"):
            return getattr(self.lists[member, str(item)], role)(sample)
        if role == "fired":
            return _aligned(np.zeros(-(-self.sizes[member] // _LINE) * _LINE, np.uint8), np.dtype(np.uint8))
        if role == "state":
            return self.states[member, str(item)][sample]
        if role == "sampled":
            known = self.records.get((member, str(item)))
            return np.zeros((1, self.sizes[member]), self.dtype) if known is None else known[sample]
        if role == "outside":
            amount = self.simulated.arriving[member, str(item)]
            return amount.reshape(len(amount), self.samples, -1)[:, sample].contiguous().numpy()
        if role == "arriving":
            return _aligned(np.zeros(self.sizes[member], self.dtype), self.dtype)
        if isinstance(item, Value) and item.role == "parameter":
            return np.tile(self.prepared[member].parameters[int(item.name)].contiguous().numpy()[0].reshape(-1), self.copies)
        if isinstance(item, Value):
            noises = self.elements[member].step.noises
            normals = self.normals[member][:, noises.index(item.name)].reshape(self.run.steps, self.samples, -1)
            return normals[:, sample].contiguous().numpy()
        if role == "traces":
            return self.simulated.traces[f"{member}.{item}"]
        if role == "numbers":
            rule = self.simulated.rules[int(member)]
            share = 1.0 / self.copies if rule.plasticity.reduction == "mean" else 1.0
            return np.array([*(rule.parameters[k] for k in numbers(rule.rule)), share, *(rule.bounds or (-np.inf, np.inf))])
        if role == "changes":
            rule = self.simulated.rules[int(member)]
            shape = self.simulated.weight(rule.link.name).shape
            return np.zeros(shape if self.copies > 1 else (1,) * len(shape), self.dtype)
        if role in ("ends", "incoming", "origins"):
            link = self.simulated.rules[int(member)].link
            if self.simulated.learned[link.name].arrays:
                return self.simulated.learned[link.name].arrays[role]
            return self.run.program.tables.back(link.name, link.transforms[0])[role]  # type: ignore[arg-type]
        way = self.simulated.ways[int(member)]
        if role == "ring":
            length = 1 << int(way.deepest - way.delay).bit_length()
            return np.zeros((length, self.sizes[way.feed.target]), self.dtype)
        return way.arrays[role]

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
    memory = np.empty(size + _LINE, np.uint8)
    start = -memory.ctypes.data % _LINE
    found = memory[start : start + size].view(dtype).reshape(values.shape)
    found[...] = values
    return found


@lru_cache(maxsize=256)
def _one(events: Events) -> Events:
    """One object for each, so that its text is made once."""
    return events
