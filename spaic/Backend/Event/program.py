"""A compiled graph that runs from spike to spike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from spaic.Backend.element import by_owner, dropout_factors, initial_parameters
from spaic.Backend.Event import inputs as given
from spaic.Backend.Event import states
from spaic.Backend.Event.arrivals import Afferent
from spaic.Backend.Event.layer import Limits
from spaic.Backend.Event.spikes import Spikes
from spaic.Backend.Event.stage import Entry, Group, Pass, Stage, _values, nothing_sent, prepare
from spaic.Backend.Torch import exact
from spaic.Dynamics.names import BEFORE_RESET, REFRACTORY
from spaic.Dynamics.primitives import PRIMITIVES
from spaic.errors import SpaicError, UnsupportedError
from spaic.Graph.graph import Graph
from spaic.Graph.program import Program, Recordings, State
from spaic.Graph.schedule import schedule
from spaic.Graph.stream import Stream
from spaic.Graph.transforms import Dropout

_HISTORY = ".history"


class EventProgram(Program):
    """Executes a graph exactly; docs/events.md says how.

    Parameters
    ----------
    graph : Graph
        The graph.
    limits : Limits
        When to stop.
    count_unit : float
        In gradients of spike counts: a spike that comes this many ms earlier counts for one more.

    Attributes
    ----------
    spikes : dict of str to Spikes
        The spikes of every node in the last run.
    """

    def __init__(self, graph: Graph, limits: Limits, count_unit: float) -> None:
        self.graph, self.count_unit = graph, count_unit
        self.schedule = schedule(graph)
        self.spikes: dict[str, Spikes] = {}
        problems = _refused(graph)
        groups: dict[str, Group] = {}
        for population in graph.populations:
            try:
                groups[population.name] = prepare(graph, population, self.schedule.delays)
            except SpaicError as error:
                problems.append(str(error))
        if problems:
            raise UnsupportedError("Event_Backend: it cannot run this network exactly:\n  " + "\n  ".join("\n".join(problems).splitlines()))
        self.groups = groups
        self.stages = [Stage(tuple(groups[n] for n in s.populations), s.is_island, limits) for s in self.schedule.stages]

    def initial_parameters(self) -> dict[str, Any]:
        return initial_parameters(self.graph)

    def initial_state(self, parameters: Mapping[str, Any], batch: int) -> State:
        arrays: dict[str, Any] = {}
        owned = by_owner({k: exact.numpy_of(v) for k, v in parameters.items()})
        for group in self.groups.values():
            for element in (group.element, *group.synapses.values()):
                for name in element.model.states:
                    value = element.initial_value(name, PRIMITIVES, owned.get(element.path, {}))
                    arrays[f"{element.path}.{name}"] = exact.as_tensor(np.broadcast_to(value, (batch, *element.shape)).astype(np.float64))
            if group.population.model.refractory_period:
                arrays[f"{group.population.name}.{REFRACTORY}"] = exact.as_tensor(np.zeros((batch, *group.population.shape)))
        for group in self.groups.values():
            for entry in group.entries:
                if np.max(entry.wiring.delay, initial=0.0) > 0 or entry.link.name + ".delay" in parameters:
                    arrays[f"{entry.link.source}{_HISTORY}"] = exact.as_tensor(np.zeros((0, 4)))
        return State(0, batch, arrays)

    def run(self, parameters: Mapping[str, Any], state: State, inputs: Mapping[str, Stream], steps: int) -> tuple[State, Recordings]:
        return _Run(self, parameters, state, inputs, steps).run()

    def source(self, path: str) -> str:
        group = self.groups[path]
        lines = [f"d{s}/dt = {_linear(r)}" for s, r in group.form.slopes.items()]
        lines += [f"arrival at {p}: {', '.join(f'{s} += {e} * w' for s, e in r.items())}" for p, r in group.form.jumps.items()]
        lines += [f"spike where {_linear(group.form.residual)} {'>' if group.form.is_strict else '>='} 0"] if group.form.residual else []
        lines += [f"reset: {s} = {_linear(r)}" for s, r in group.form.reset.items()]
        return "\n".join([*lines, *([f"refractory: {', '.join(group.form.held)} held"] if group.form.held else [])])

    def execution(self) -> list[str]:
        return [f"{', '.join(s.names)}: exact events{', in one queue' if s.is_island else ', neuron by neuron'}" for s in self.stages]


def _linear(row: Mapping[str, Any]) -> str:
    return " + ".join(f"({e}) * {s}" if s else f"({e})" for s, e in row.items()) or "0"


def _refused(graph: Graph) -> list[str]:
    """What is to be recorded but has no value in an exact run."""
    problems = []
    nodes = {n.name: n for n in graph.nodes}
    for path in sorted(graph.sampling()):
        owner, _, name = path.rpartition(".")
        if owner not in nodes and name == "current":
            problems.append(f"{path}: the current of a connection is a sum of instants here; record the states of its target")
    problems += [f"{p.reads}: gradients of variables are not recorded here; use the spike times" for p in graph.probes if p.gradient]
    return problems


class _Run:
    """One run of a program."""

    def __init__(
        self, program: EventProgram, parameters: Mapping[str, Any], state: State, streams: Mapping[str, Stream], steps: int
    ) -> None:
        self.program, self.graph = program, program.graph
        self.tensors, self.state, self.streams, self.steps = parameters, state, streams, steps
        self.numbers = {k: exact.numpy_of(v) for k, v in parameters.items()}
        clock = self.graph.clock
        self.begin, self.end = state.step * clock.dt, (state.step + steps) * clock.dt
        self.spikes: dict[str, Spikes] = {}
        self.arrays = dict(state.arrays)
        self.recorded: Recordings = {}
        self.dropped = {k.name: list(dropout_factors(self.graph, k, state).values()) for k in self.graph.links if _drops(k)}

    def run(self) -> tuple[State, Recordings]:
        clock = self.graph.clock
        for node in self.graph.inputs:
            self.spikes[node.name] = given.spikes(node.name, self.streams[node.name], clock, self.state.step, self.steps)
        for stage in self.program.stages:
            self._run_stage(stage)
        self._record_inputs_and_weights()
        self._keep_history()
        self.program.spikes.clear()
        self.program.spikes.update(self.spikes)
        sampling = self.graph.sampling()
        return replace(self.state, step=self.state.step + self.steps, arrays=self.arrays), {k: self.recorded[k] for k in sorted(sampling)}

    def _run_stage(self, stage: Stage) -> None:
        neurons, parts = stage.neurons({k: self.numbers[k] for k in stage.parameter_paths()})
        # the first instant of all belongs to the run, later ones end the run before
        begins = float(np.nextafter(self.begin, -np.inf)) if self.state.step == 0 else self.begin
        start = states.begin(stage, neurons, parts, self.arrays, self.state.batch, begins)
        times, weights, delays, afferents, inner = self._afferents(stage)
        marks = self._marks(stage)
        done = Pass(stage, neurons, start, afferents, inner, self.state.batch, self.end, marks, bool(delays), exact.threads())
        found = exact.exact(done, times, weights, delays)
        record = done.record
        ended = states.end(stage, neurons, parts, done.ended, self.state.batch, self.arrays)
        self.arrays.update({k: exact.as_tensor(v) for k, v in ended.items()})
        for k, group in enumerate(stage.groups):
            low, high = int(stage.firsts[k]), int(stage.firsts[k + 1])
            mine = np.flatnonzero((record.neuron >= low) & (record.neuron < high))
            own = found if len(mine) == len(record.neuron) else found[exact.as_tensor(mine)]
            name, shape = group.population.name, group.population.shape
            self.spikes[name] = Spikes(
                name, shape, self.state.batch, record.sample[mine], record.neuron[mine] - low, own, np.ones(len(mine)), self.end
            )
            self._record(group, parts[k], neurons, slice(low, high), done, marks)

    def _afferents(self, stage: Stage) -> tuple[list[Any], list[Any], list[Any], list[Afferent], list[int]]:
        times: list[Any] = []
        weights: list[Any] = []
        delays: list[Any] = []
        afferents: list[Afferent] = []
        inner: list[int] = []
        offset = first = 0
        trains_delays = any(f"{e.link.name}.delay" in self.tensors for g in stage.groups for e in g.entries)
        for k, group in enumerate(stage.groups):
            for entry in group.entries:
                source = entry.link.source_node
                inside = stage.names.index(source) if source in stage.names else -1
                weights.append(self._weight(entry))
                if trains_delays:
                    own = self.tensors.get(f"{entry.link.name}.delay", None)
                    delays.append(self._declared_delay(entry) if own is None else exact.repeated(own, entry.wiring.weights))
                for sent_spikes in self._sent(entry, inside >= 0):
                    sent = nothing_sent() if sent_spikes is None else sent_spikes.sent(first)
                    if sent_spikes is not None:
                        times.append(sent_spikes.times)
                        first += len(sent.sample)
                    target, port = int(stage.firsts[k]), group.ports.index(entry.port)
                    afferents.append(Afferent(sent, entry.wiring, port, offset, target))
                    inner.append(inside if sent_spikes is None else -1)
                offset += entry.wiring.weights
        return times, weights, delays, afferents, inner

    def _declared_delay(self, entry: Entry) -> np.ndarray:
        """Delay by the place of the weight."""
        wiring = entry.wiring
        if np.ndim(wiring.delay) == 0:
            return np.full(wiring.weights, wiring.delay)
        found = np.zeros(wiring.weights)
        found[wiring.index] = wiring.delay
        return found

    def _weight(self, entry: Entry) -> Any:
        for transform in entry.link.transforms:
            if "weight" in transform.parameters():
                return self.tensors[f"{entry.link.name}.weight"]
        return np.ones(1)

    def _sent(self, entry: Entry, is_inside: bool) -> list[Spikes | None]:
        """Events that a link carries: those of this run, and those of earlier ones that are under way; None for what a loop will send."""
        source = entry.link.source_node
        found: list[Spikes | None] = []
        history = self.arrays.get(f"{entry.link.source}{_HISTORY}")
        if history is not None and len(history):
            rows = exact.numpy_of(history)
            old = self._spikes(source, rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64), rows[:, 2], rows[:, 3])
            found.append(self._with_dropout(entry, old))
        if is_inside:
            if entry.link.name in self.dropped:
                raise UnsupportedError(f"{entry.link.name}: dropout inside a loop is not there for exact events; call net.eval()")
            return [*found, None]
        now = self.spikes[source]
        if entry.is_drive:
            now = given.currents(source, self.streams[source], self.graph.clock, self.state.step, self.steps)
            bias = next((self.numbers[f"{entry.link.name}.bias"] for t in entry.link.transforms if "bias" in t.parameters()), None)
            if bias is not None and np.any(bias):
                raise UnsupportedError(f"{entry.link.name}.bias: exact events take no bias; add it to the values of the input")
            return [self._with_dropout(entry, now)]
        return [*found, self._with_dropout(entry, now)]

    def _spikes(self, name: str, sample: np.ndarray, neuron: np.ndarray, times: np.ndarray, amount: np.ndarray) -> Spikes:
        return Spikes(name, self.graph.shape(name), self.state.batch, sample, neuron, exact.as_tensor(times), amount, self.end)

    def _with_dropout(self, entry: Entry, found: Spikes) -> Spikes:
        amount = found.amount
        for factors in self.dropped.get(entry.link.name, ()):
            amount = amount * factors.reshape(self.state.batch, -1)[found.sample, found.neuron]
        return replace(found, amount=amount)

    # --- what is recorded

    def _wanted(self, group: Group) -> list[str]:
        name = group.population.name
        paths = [f"{e.path}" for e in group.synapses.values()]
        return [p for p in self.graph.sampling() if p.rpartition(".")[0] in (name, *paths) and not p.endswith(".O")]

    def _marks(self, stage: Stage) -> np.ndarray:
        if not any(self._is_state(g, p) for g in stage.groups for p in self._wanted(g)):
            return np.zeros(0)
        return (np.arange(self.state.step, self.state.step + self.steps) + 1) * self.graph.clock.dt

    def _is_state(self, group: Group, path: str) -> bool:
        return path not in self.tensors

    def _record(self, group: Group, part: Any, neurons: Any, own: slice, done: Pass, marks: np.ndarray) -> None:
        name, shape, batch = group.population.name, group.population.shape, self.state.batch
        every = self.graph.sampling()
        if f"{name}.O" in every:
            self.recorded[f"{name}.O"] = self._counts(self.spikes[name])[self._chosen(every[f"{name}.O"])]
        wanted = [p for p in self._wanted(group) if self._is_state(group, p)]
        if not wanted:
            return
        samples = done.samples[:, :, own]
        after = states.states_of(group, part, neurons, own, samples[..., :-1], samples[..., -1])
        before = (
            self._before_reset(group, part, neurons, own, done, marks, after) if any(p.endswith(BEFORE_RESET) for p in wanted) else after
        )
        values = {k: np.broadcast_to(v.reshape(-1), (prod(shape),)) for k, v in _values(group, self.numbers).items()}
        for path in wanted:
            owner, _, variable = path.rpartition(".")
            found = before if variable.endswith(BEFORE_RESET) else after
            variable = variable.removesuffix(BEFORE_RESET)
            state = variable if owner == name else f"{owner}:{variable}"
            if state in found:
                array = found[state]
            elif state in group.form.values:
                array = states.value_of(group, state, found, values, (len(marks), batch, prod(shape)))
            else:
                raise UnsupportedError(f"{path}: it is not linear in the states, so exact events have no value for it; record the states")
            self.recorded[path] = exact.as_tensor(array.reshape(len(marks), batch, *shape)[self._chosen(every[path])])

    def _before_reset(
        self, group: Group, part: Any, neurons: Any, own: slice, done: Pass, marks: np.ndarray, after: dict[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """As `after`, but before the first spike of those neurons that fire in the instant of a sample."""
        record = done.record
        times = record.time
        at = np.searchsorted(marks, times)
        hit = np.flatnonzero((record.neuron >= own.start) & (record.neuron < own.stop) & (at < len(marks)))
        hit = hit[marks[at[hit]] == times[hit]][::-1]  # the first of an instant is written last
        modes = np.zeros((len(marks), self.state.batch, own.stop - own.start, neurons.tables.modes))
        is_hit = np.zeros(modes.shape[:3], bool)
        where = (at[hit], record.sample[hit], record.neuron[hit] - own.start)
        modes[where] = record.modes[record.spikes[hit]]
        is_hit[where] = True
        at_spikes = states.states_of(group, part, neurons, own, modes, np.zeros(modes.shape[:3]))
        return {k: np.where(is_hit, at_spikes[k], v) for k, v in after.items()}

    def _counts(self, spikes: Spikes) -> Any:
        step = np.ceil(exact.numpy_of(spikes.times) / self.graph.clock.dt * (1 - 1e-13)).astype(np.int64) - 1 - self.state.step
        step = np.clip(step, 0, self.steps - 1)
        size = (self.steps, self.state.batch, spikes.size)
        dense = exact.counted(spikes.times, step, spikes.sample, spikes.neuron, size, self.program.count_unit)
        return dense.reshape(self.steps, self.state.batch, *spikes.shape)

    def _chosen(self, every: int) -> slice:
        return slice((-self.state.step - 1) % every, None, every)

    def _record_inputs_and_weights(self) -> None:
        every = self.graph.sampling()
        inputs = {n.name for n in self.graph.inputs}
        for path in every:
            owner = path.rpartition(".")[0]
            if owner in inputs:
                found = self.streams[owner].chunk(self.state.step, self.state.step + self.steps)
                self.recorded[path] = exact.as_tensor(exact.numpy_of(found))[self._chosen(every[path])]
            elif path in self.tensors:
                value = exact.as_tensor(self.numbers[path])
                count = len(range(self.steps)[self._chosen(every[path])])
                self.recorded[path] = value.expand(count, *value.shape)

    def _keep_history(self) -> None:
        """Spikes that have not arrived everywhere."""
        longest: dict[str, float] = {}
        for group in self.program.groups.values():
            for entry in group.entries:
                delay = self.numbers.get(f"{entry.link.name}.delay", entry.wiring.delay)
                longest[entry.link.source] = max(longest.get(entry.link.source, 0.0), float(np.max(delay, initial=0.0)))
        for path in [p for p in self.arrays if p.endswith(_HISTORY)]:
            source = path.removesuffix(_HISTORY)
            spikes = self.spikes[source.rpartition(".")[0]]
            new = np.stack([spikes.sample, spikes.neuron, exact.numpy_of(spikes.times), spikes.amount], axis=1)
            rows = np.concatenate([exact.numpy_of(self.arrays[path]), new])
            self.arrays[path] = exact.as_tensor(rows[rows[:, 2] + longest.get(source, 0.0) > self.end])


def _drops(link: Any) -> bool:
    return any(isinstance(t, Dropout) for t in link.transforms)
