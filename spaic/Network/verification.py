"""The same network on several backends: do they agree, and where do they part?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np

from spaic.clock import Clock
from spaic.errors import DeclarationError, NetworkError, SpaicError, reject_unknown
from spaic.Graph.graph import Graph, Probe
from spaic.Graph.program import State
from spaic.Graph.stream import Stream
from spaic.Network.agreement import Comparison, Execution, Setting, compared, orders
from spaic.Network.lower import lower
from spaic.registry import backends as registered


class Replayed(Stream):
    """Input that is the same on every time grid: spikes with their times, or piecewise constant values.

    Parameters
    ----------
    shape, batch : tuple of int, int
        Of the values.
    clock : Clock
        The grid.
    events : (ndarray, ndarray, ndarray, ndarray)
        Sample, neuron, time in ms and amount.
    values : ndarray or None
        ``[steps, batch, *shape]`` on a grid of `unit` ms, in place of events.
    unit : float
        In ms.
    make : callable
        Turns an array into what the backend takes.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        batch: int,
        clock: Clock,
        events: tuple[np.ndarray, ...],
        values: np.ndarray | None,
        unit: float,
        make: Any,
    ) -> None:
        self.shape, self.batch, self.clock, self.values, self.unit, self.make = shape, batch, clock, values, unit, make
        self.sample, self.neuron, self.time, self.amount = events
        if values is None and (self.amount == 1.0).all():
            self.exact = self.sample, self.neuron, self.time
        self.step = np.maximum(np.ceil(self.time / clock.dt - 1e-6).astype(np.int64) - 1, 0)

    def chunk(self, start: int, stop: int) -> Any:
        if self.values is not None:
            place = np.floor((np.arange(start, stop) + 0.5) * self.clock.dt / self.unit).astype(np.int64)
            return self.make(self.values[np.minimum(place, len(self.values) - 1)])
        dense = np.zeros((stop - start, self.batch, prod(self.shape)))
        mine = np.flatnonzero((self.step >= start) & (self.step < stop))
        np.add.at(dense, (self.step[mine] - start, self.sample[mine], self.neuron[mine]), self.amount[mine])
        return self.make(dense.reshape(stop - start, self.batch, *self.shape))


@dataclass(frozen=True, eq=False)
class Verification:
    """What ``net.verify`` found; ``print`` shows the table.

    Attributes
    ----------
    yardstick : Execution
        What the others are compared with: exact events, else the finest time step.
    comparisons : tuple of Comparison
        One for each other run.
    orders : dict of str to float
        Backend -> order in dt with which spike times converge, where there are several time steps.
    sampled : float
        Distance of the samples of traces in ms.
    refused : tuple of str
        Backends that cannot run the network, and why.
    """

    yardstick: Execution
    comparisons: tuple[Comparison, ...]
    orders: Mapping[str, float]
    sampled: float
    refused: tuple[str, ...] = field(default=())

    @property
    def agrees(self) -> bool:
        """Whether all runs have the same spikes, each within what its time grid allows."""
        return all(not c.missing and not c.divergence for c in self.comparisons)

    @property
    def verdict(self) -> str:
        """One sentence."""
        if not self.comparisons:
            return "there is nothing to compare"
        if self.agrees:
            return "all runs agree: the same spikes, within what the time grid allows"
        finest = [c for c in self.comparisons if c.execution.dt == min((k.execution.dt or np.inf) for k in self.comparisons)]
        if all(not c.missing and not c.divergence for c in finest):
            return f"they agree at dt {finest[0].execution.dt:g} ms; larger steps do not resolve all spikes"
        return "they do not agree: " + next(c.divergence or "other numbers of spikes" for c in finest if c.missing or c.divergence)

    def __str__(self) -> str:
        count = sum(len(t) for _, _, t in self.yardstick.spikes.values())
        head = f"{'run':<24} {'spikes':>7} {'missing':>8} {'worst/ms':>10} {'median/ms':>10} {'V before':>10}  first divergence"
        rows = [f"{self.yardstick.label + ' *':<24} {count:>7} {'':>8} {'':>10} {'':>10} {'':>10}"]
        for c in self.comparisons:
            rows.append(
                f"{c.execution.label:<24} {c.spikes:>7} {c.missing:>8} {c.worst:>10.3g} {c.typical:>10.3g} {c.before:>10.2g}  "
                f"{c.divergence or '-'}"
            )
        orders = [f"{name}: spike times converge with order {order:.2f} in dt" for name, order in self.orders.items()]
        return "\n".join([head, *(r.rstrip() for r in rows), *orders, *self.refused, f"verdict: {self.verdict}"])

    def plot(self, group: str | None = None, sample: int = 0, neuron: int = 0) -> Any:
        """Traces of one neuron over each other, and the error of spike times against dt; the figure."""
        import matplotlib.pyplot as plt

        name = group if group is not None else next(iter(self.yardstick.traces))
        reject_unknown("Verification.plot", (name,), self.yardstick.traces, "group")
        for what, index, count in zip(("sample", "neuron"), (sample, neuron), self.yardstick.traces[name].shape[1:], strict=True):
            if not 0 <= index < count:
                raise DeclarationError(f"Verification.plot: {name} has no {what} {index}; give one from 0 to {count - 1}")
        figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
        for run in (*(c.execution for c in self.comparisons), self.yardstick):
            trace = run.traces[name][:, sample, neuron]
            left.plot((np.arange(len(trace)) + 1) * self.sampled, trace, label=run.label)
        left.set(xlabel="time (ms)", ylabel=f"{name}, first state")
        left.legend()
        for backend in sorted({c.execution.backend for c in self.comparisons}):
            points = [(c.execution.dt, c.typical) for c in self.comparisons if c.execution.backend == backend and c.execution.dt]
            if points:
                right.loglog(*zip(*points, strict=True), "o-", label=backend)
        right.set(xlabel="dt (ms)", ylabel="median error of spike times (ms)")
        if right.lines:
            right.legend()
        return figure


def verify(net: Any, run_time: float, runs: Sequence[str], dts: Sequence[float] | None) -> Verification:
    """Run `net` on several backends with the same weights and input; see :meth:`spaic.Network.verify`."""
    simulation = net._built()
    base = simulation.graph.clock
    steps = base.steps(run_time, "net.verify")
    grids = (base.dt, base.dt / 4, base.dt / 16) if dts is None else _grids(dts, base.dt)
    if not runs:
        raise DeclarationError("net.verify: backends is empty; name at least two, such as ('torch', 'event')")
    given = _inputs(simulation, steps)
    found, refused = [], []
    for name in runs:
        is_exact = registered.canonical(name) == "event"
        for dt in (base.dt,) if is_exact else grids:
            try:
                found.append(_execute(net, simulation, name, dt, is_exact, run_time, given))
            except SpaicError as error:
                refused.append(f"{name}: {error}")
                break
    if not found:
        raise NetworkError("net.verify: no backend runs this network:\n  " + "\n  ".join(refused))
    yardstick = next((r for r in found if r.dt is None), min(found, key=lambda r: r.dt or 0.0))
    setting = Setting(simulation.graph, {path: events for path, (_, events, _) in given.items()}, steps * base.dt, base.dt)
    others = [compared(r, yardstick, setting) for r in found if r is not yardstick]
    return Verification(yardstick, tuple(others), orders(others), base.dt, tuple(refused))


def _grids(dts: Any, base: float) -> tuple[float, ...]:
    """Time steps in ms, each of which divides that of the network."""
    found = tuple(Clock(dt).dt for dt in (dts if isinstance(dts, Sequence) and not isinstance(dts, str) else np.ravel(dts).tolist()))
    if not found:
        raise DeclarationError("net.verify: dt is empty; give time steps in ms, or leave it out")
    for dt in found:
        if not np.isclose(round(base / dt) * dt, base, rtol=1e-9):
            raise DeclarationError(f"net.verify: dt {dt:g} ms does not divide the network's {base:g} ms; give such steps")
    return found


def _inputs(simulation: Any, steps: int) -> dict[str, tuple[Any, ...]]:
    """Node -> batch, events, values: what enters, read once on the network's own grid."""
    batch, number, clock = simulation._batch(), simulation.runs + 1, simulation.graph.clock
    found: dict[str, tuple[Any, ...]] = {}
    for node in simulation.sources:
        stream = simulation._encode(node, batch, steps, number)
        values = simulation.backend.as_numpy(stream.chunk(0, steps)).astype(np.float64)
        links = [k for k in simulation.graph.links if k.source_node == node.path]
        is_current = any(k.synapse is None and k.port in simulation.graph.by_name[k.target_node].model.currents for k in links)
        known = getattr(stream, "exact", None)
        if known is not None:
            sample, neuron = known[0], known[1]
            time = simulation.backend.as_numpy(known[2]) if hasattr(known[2], "detach") else np.asarray(known[2])
            amount = np.ones(len(time))
        else:
            places = np.argwhere(values.reshape(steps, batch, -1))
            sample, neuron, time = places[:, 1], places[:, 2], (places[:, 0] + 1) * clock.dt
            amount = values.reshape(steps, batch, -1)[tuple(places.T)]
        found[node.path] = batch, (sample, neuron, time, amount), values if is_current else None
    return found


def _execute(net: Any, simulation: Any, name: str, dt: float, is_exact: bool, run_time: float, given: Mapping[str, Any]) -> Execution:
    base = simulation.graph.clock
    backend = registered[name](dt=dt, dtype="float64")
    lowered: Graph = lower(net, backend.clock, net._seed)
    every = round(base.dt / dt)
    probes = [Probe(f"{p.name}.O") for p in lowered.populations if p.model.condition is not None]
    probes += [Probe(f"{p.name}.{p.model.states[0]}", every) for p in lowered.populations]
    graph = replace(lowered, probes=tuple(probes), nodes=(*lowered.inputs, *lowered.populations))
    program = backend.compile(graph)
    values = {**program.initial_parameters(), **simulation.store.learned()}
    tensors = backend.store(graph, values).tensors()
    batch = next((entry[0] for entry in given.values()), 1)
    streams = {
        path: Replayed(graph.shape(path), batch, backend.clock, events, steps, base.dt, backend.as_array)
        for path, (batch, events, steps) in given.items()
    }
    start = program.initial_state(tensors, batch)
    state = State(0, batch, start.arrays, simulation.runs + 1, False)
    _, recorded = backend.run_without_gradient(program, tensors, state, streams, backend.clock.steps(run_time, "net.verify"))
    spikes: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
    traces: dict[str, np.ndarray] = {}
    for p in graph.populations:
        trace = backend.as_numpy(recorded[f"{p.name}.{p.model.states[0]}"])
        traces[p.name] = trace.reshape(len(trace), batch, p.size)
        if p.model.condition is not None:
            spikes[p.name] = _spikes(backend, program, recorded, p, dt, is_exact, batch)
    return Execution(name, None if is_exact else dt, spikes, traces)


def _spikes(
    backend: Any, program: Any, recorded: Any, p: Any, dt: float, is_exact: bool, batch: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if is_exact:
        exact = program.spikes[p.name]
        sample, neuron, time = exact.sample, exact.neuron, backend.as_numpy(exact.times)
    else:
        found = recorded[f"{p.name}.O"]
        dense = found.dense(np.uint8) if hasattr(found, "dense") else backend.as_numpy(found)
        places = np.argwhere(dense.reshape(len(dense), batch, p.size))
        sample, neuron, time = places[:, 1], places[:, 2], (places[:, 0] + 1) * dt
    order = np.lexsort((time, neuron, sample))
    return sample[order], neuron[order], time[order]
