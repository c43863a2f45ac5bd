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
from spaic.Backend.Event.algebra import NotLinear
from spaic.Backend.Event.arrivals import Afferent
from spaic.Backend.Event.layer import Limits
from spaic.Backend.Event.learning import Learned, Learning
from spaic.Backend.Event.rule_motion import between
from spaic.Backend.Event.spikes import Spikes
from spaic.Backend.Event.stage import Entry, Group, Pass, Stage, _values, nothing_sent, prepare
from spaic.Backend.Event.ways_back import is_cut, matrix
from spaic.Backend.Plastic.arithmetic import Arithmetic
from spaic.Backend.Plastic.at_work import RuleAtWork
from spaic.Backend.Torch import exact
from spaic.Dynamics.names import BEFORE_RESET, REFRACTORY
from spaic.Dynamics.primitives import PRIMITIVES
from spaic.errors import InputError, SpaicError, UnsupportedError
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
    arithmetic : Arithmetic
        Of the states of plasticity rules.

    Attributes
    ----------
    spikes : dict of str to Spikes
        The spikes of every node in the last run.
    """

    def __init__(self, graph: Graph, limits: Limits, count_unit: float, arithmetic: Arithmetic) -> None:
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
        self.rules = rules_at_work(graph, arithmetic, problems)
        if problems:
            raise UnsupportedError("Event_Backend: it cannot run this network exactly:\n  " + "\n  ".join("\n".join(problems).splitlines()))
        self.groups = groups
        rules = {k.link.name: k for k in self.rules}
        self.stages = [Stage(tuple(groups[n] for n in s.populations), s.is_island, limits, rules) for s in self.schedule.stages]

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
        for rule in self.rules:
            arrays.update({f"{rule.plasticity.name}.{k}": v for k, v in rule.initial(batch).items()})
        return State(0, batch, arrays)

    def rewarded(self, parameters: Mapping[str, Any], state: State, reward: Any, names: frozenset[str]) -> State:
        """What a reward does, ``[batch]``, to the rules of these names: a state, whose statistics hold the weights."""
        arrays = dict(state.arrays)
        weights: dict[str, Any] = {}
        for rule in [k for k in self.rules if k.plasticity.name in names]:
            own = {name: arrays[f"{rule.plasticity.name}.{name}"] for name in rule.rule.states}
            with rule.arithmetic.frozen():
                own, weights[rule.path] = rule.rewarded(own, weights.get(rule.path, parameters[rule.path]), reward)
            arrays.update({f"{rule.plasticity.name}.{k}": v for k, v in own.items()})
        return replace(state, arrays=arrays, statistics=weights)

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
        how = [
            f"{', '.join(s.names)}: exact events{', in one queue' if s.is_island or s.rules else ', neuron by neuron'}" for s in self.stages
        ]
        return [*how, *(f"{k.link.name}: learns by {k.rule.name}, at every spike" for k in self.rules)]


def rules_at_work(graph: Graph, arithmetic: Arithmetic, problems: list[str]) -> list[RuleAtWork]:
    """Rules that exact events can execute; to `problems` is added why others cannot be."""
    found = []
    for plasticity in graph.plasticity:
        try:
            motion = between(plasticity.rule)
            work = RuleAtWork(graph, plasticity, arithmetic)
            if motion is not None and motion.terms > 1 and work.bounds is not None:
                raise NotLinear(
                    f"{plasticity.rule.name}: between spikes a weight may reach a bound and leave it again; take the bounds away"
                )
            if not work.layout.has_synapses:
                raise NotLinear("its weights are shared by many synapses, each with traces of its own times; use another link")
            if work.link.delay_limit is not None or not isinstance(work.link.delay, (int, float, type(None))):
                raise NotLinear(f"{plasticity.rule.name}: exact events have rules for connections with one delay; give it one")
            if work.arrivals.copies > 1:
                raise NotLinear("its synapses have delays of their own, and a rule here has one trace per neuron; give it one delay")
        except SpaicError as error:
            text = str(error)
            problems.append(text if text.startswith(plasticity.link) else f"{plasticity.link}: {text}")
            continue
        found.append(work)
    return found


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
        self.learned: dict[str, np.ndarray] = {}
        self.watched: dict[str, np.ndarray] = {}
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
        statistics = {**self.state.statistics, **{k: exact.as_tensor(v) for k, v in self.learned.items()}}
        after = replace(self.state, step=self.state.step + self.steps, arrays=self.arrays, statistics=statistics)
        return after, {k: self.recorded[k] for k in sorted(sampling)}

    def _run_stage(self, stage: Stage) -> None:
        neurons, parts = stage.neurons({k: self.numbers[k] for k in stage.parameter_paths()})
        # the first instant of all belongs to the run, later ones end the run before
        begins = float(np.nextafter(self.begin, -np.inf)) if self.state.step == 0 else self.begin
        start = states.begin(stage, neurons, parts, self.arrays, self.state.batch, begins)
        times, weights, delays, afferents, inner = self._afferents(stage)
        marks = self._marks(stage)
        learning = self._learning(stage, afferents, len(marks), begins)
        done = Pass(stage, neurons, start, afferents, inner, self.state.batch, self.end, marks, bool(delays), exact.threads(), learning)
        done.back = self._back(stage, weights)
        found = exact.exact(done, times, weights, delays)
        record = done.record
        if learning is not None:
            self._keep_learned(learning, done)
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
        rules = {r.link.name: n for n, r in enumerate(stage.rules)} if self.state.is_training else {}
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
                    afferents.append(Afferent(sent, entry.wiring, port, offset, target, rules.get(entry.link.name, -1)))
                    inner.append(inside if sent_spikes is None else -1)
                offset += entry.wiring.weights
        return times, weights, delays, afferents, inner

    def _learning(self, stage: Stage, afferents: list[Afferent], marks: int, begins: float) -> Learning | None:
        """What changes the weights of a stage in this run."""
        if not stage.rules or not self.state.is_training:
            return None
        if self.state.batch > 1:
            raise InputError(
                f"{stage.rules[0].link.name}: {self.state.batch} samples would change the same weights at times of their own; run one at a "
                "time, or call net.eval()"
            )
        own = {a.rule: a for a in afferents if a.rule >= 0}
        links = [Learned(work, own[n].wiring, own[n].offset, own[n].target) for n, work in enumerate(stage.rules)]
        paths = [f"{k.name}.{s}" for k in links for s in k.work.rule.states]
        weights = sum(e.wiring.weights for g in stage.groups for e in g.entries)
        watched = marks if any(k.path in self.graph.sampling() for k in stage.rules) else 0
        return Learning(links, {p: exact.numpy_of(self.arrays[p]) for p in paths}, int(stage.firsts[-1]), weights, watched, begins)

    def _keep_learned(self, learning: Learning, done: Pass) -> None:
        """Weights and states that a run has changed."""
        old = {f"{k.name}.{s}": exact.numpy_of(self.arrays[f"{k.name}.{s}"]) for k in learning.links for s in k.work.rule.states}
        self.arrays.update({k: exact.as_tensor(v) for k, v in learning.states(self.end, old).items()})
        for link in learning.links:
            own, shape = slice(link.offset, link.offset + link.wiring.weights), self.numbers[link.work.path].shape
            self.learned[link.work.path] = done.weights[own].reshape(shape)
            seen = learning.arrays["watched"][:, own].reshape(-1, *shape)
            self.watched[link.work.path] = np.concatenate([self.numbers[link.work.path][None], seen])[:-1]  # as steps use them

    def _declared_delay(self, entry: Entry) -> np.ndarray:
        """Delay by the place of the weight."""
        wiring = entry.wiring
        if np.ndim(wiring.delay) == 0:
            return np.full(wiring.weights, wiring.delay)
        found = np.zeros(wiring.weights)
        found[wiring.index] = wiring.delay
        return found

    def _back(self, stage: Stage, weights: list[Any]) -> np.ndarray | None:
        """Weights by which errors go back, if some are not those by which spikes go forwards."""
        entries = [e for g in stage.groups for e in g.entries]
        if not any(is_cut(e.link) or matrix(e.link) for e in entries):
            return None
        found = []
        for entry, weight in zip(entries, weights, strict=True):
            own = self.numbers[matrix(entry.link)] if matrix(entry.link) else exact.numpy_of(weight)
            found.append(np.zeros(entry.wiring.weights) if is_cut(entry.link) else own.reshape(-1))
        return np.concatenate(found)

    def _weight(self, entry: Entry) -> Any:
        if matrix(entry.link):
            return np.zeros(entry.wiring.weights)
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
        is_watched = self.state.is_training and any(k.path in self.graph.sampling() for k in stage.rules)
        if not is_watched and not any(self._is_state(g, p) for g in stage.groups for p in self._wanted(g)):
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
            elif path in self.watched:
                self.recorded[path] = exact.as_tensor(self.watched[path][self._chosen(every[path])])
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
