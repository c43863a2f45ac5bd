"""One run of a graph from spike to spike: what every stage receives, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from spaic.Backend.element import dropout_factors
from spaic.Backend.Event import inputs as given
from spaic.Backend.Event import states
from spaic.Backend.Event.arrivals import Afferent
from spaic.Backend.Event.equations.groups import Inlet, nothing_sent
from spaic.Backend.Event.recorder import Recorder
from spaic.Backend.Event.rules.learning import Learned, Learning
from spaic.Backend.Event.rules.ways_back import Back, is_cut, matrix
from spaic.Backend.Event.spikes import Spikes
from spaic.Backend.Event.stage import Pass, Stage
from spaic.Backend.Torch import exact
from spaic.errors import InputError, UnsupportedError
from spaic.Graph.graph import Graph
from spaic.Graph.program import Recordings, State
from spaic.Graph.stream import Stream
from spaic.Graph.transforms import Dropout

#: Path of what a source has sent that is still under way, after that of the source.
HISTORY = ".history"


class Run:
    """One run of a program.

    Parameters
    ----------
    graph : Graph
        What runs.
    stages : sequence of Stage
        Its populations, in the order in which they are run.
    count_unit : float
        See :class:`spaic.Backend.Event.program.EventProgram`.
    parameters, state, streams, steps
        As for the program.
    """

    def __init__(
        self, graph: Graph, stages: Sequence[Stage], count_unit: float, parameters: Mapping[str, Any], state: State,
        streams: Mapping[str, Stream], steps: int,
    ) -> None:  # fmt: skip
        self.graph, self.stages = graph, stages
        self.tensors, self.state, self.streams, self.steps = parameters, state, streams, steps
        self.numbers = {k: exact.numpy_of(v) for k, v in parameters.items()}
        clock = self.graph.clock
        self.begin, self.end = state.step * clock.dt, (state.step + steps) * clock.dt
        self.spikes: dict[str, Spikes] = {}
        self.arrays = dict(state.arrays)
        self.recorder = Recorder(graph, self.numbers, state, steps, count_unit)
        self.learned: dict[str, np.ndarray] = {}
        self.dropped = {k.name: list(dropout_factors(self.graph, k, state).values()) for k in self.graph.links if _drops(k)}

    def run(self) -> tuple[State, Recordings]:
        clock = self.graph.clock
        for node in self.graph.inputs:
            self.spikes[node.name] = given.spikes(node.name, self.streams[node.name], clock, self.state.step, self.steps)
        for stage in self.stages:
            self._run_stage(stage)
        self.recorder.inputs_and_weights(self.streams)
        self._keep_history()
        statistics = {**self.state.statistics, **{k: exact.as_tensor(v) for k, v in self.learned.items()}}
        after = replace(self.state, step=self.state.step + self.steps, arrays=self.arrays, statistics=statistics)
        return after, self.recorder.found()

    def _run_stage(self, stage: Stage) -> None:
        neurons, parts = stage.neurons({k: self.numbers[k] for k in stage.parameter_paths()})
        # the first instant of all belongs to the run, later ones end the run before
        begins = float(np.nextafter(self.begin, -np.inf)) if self.state.step == 0 else self.begin
        start = states.begin(stage, neurons, parts, self.arrays, self.state.batch, begins)
        times, weights, delays, afferents, inner = self._afferents(stage)
        marks = self.recorder.marks(stage)
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
            self.recorder.group(group, parts[k], neurons, slice(low, high), done, marks, self.spikes[name])

    def _afferents(self, stage: Stage) -> tuple[list[Any], list[Any], list[Any], list[Afferent], list[int]]:
        times: list[Any] = []
        weights: list[Any] = []
        delays: list[Any] = []
        afferents: list[Afferent] = []
        inner: list[int] = []
        offset = first = 0
        rules = {r.link.name: n for n, r in enumerate(stage.rules)} if self.state.is_training else {}
        trains_delays = any(f"{e.link.name}.delay" in self.tensors for g in stage.groups for e in g.inlets)
        for k, group in enumerate(stage.groups):
            for inlet in group.inlets:
                source = inlet.link.source_node
                inside = stage.names.index(source) if source in stage.names else -1
                weights.append(self._weight(inlet))
                if trains_delays:
                    own = self.tensors.get(f"{inlet.link.name}.delay", None)
                    delays.append(self._declared_delay(inlet) if own is None else exact.repeated(own, inlet.wiring.weights))
                for sent_spikes in self._sent(inlet, inside >= 0):
                    sent = nothing_sent() if sent_spikes is None else sent_spikes.sent(first)
                    if sent_spikes is not None:
                        times.append(sent_spikes.times)
                        first += len(sent.sample)
                    target, port = int(stage.firsts[k]), group.ports.index(inlet.port)
                    afferents.append(Afferent(sent, inlet.wiring, port, offset, target, rules.get(inlet.link.name, -1)))
                    inner.append(inside if sent_spikes is None else -1)
                offset += inlet.wiring.weights
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
        weights = sum(e.wiring.weights for g in stage.groups for e in g.inlets)
        watched = marks if any(k.path in self.graph.sampling() for k in stage.rules) else 0
        return Learning(links, {p: exact.numpy_of(self.arrays[p]) for p in paths}, int(stage.firsts[-1]), weights, watched, begins)

    def _keep_learned(self, learning: Learning, done: Pass) -> None:
        """Weights and states that a run has changed."""
        old = {f"{k.name}.{s}": exact.numpy_of(self.arrays[f"{k.name}.{s}"]) for k in learning.links for s in k.work.rule.states}
        self.arrays.update({k: exact.as_tensor(v) for k, v in learning.states(old).items()})
        for link in learning.links:
            own, shape = slice(link.offset, link.offset + link.wiring.weights), self.numbers[link.work.path].shape
            self.learned[link.work.path] = done.weights[own].reshape(shape)
            seen = learning.arrays["watched"][:, own].reshape(-1, *shape)
            self.recorder.watched[link.work.path] = np.concatenate([self.numbers[link.work.path][None], seen])[:-1]  # as steps use them

    def _declared_delay(self, inlet: Inlet) -> np.ndarray:
        """Delay by the place of the weight."""
        wiring = inlet.wiring
        if np.ndim(wiring.delay) == 0:
            return np.full(wiring.weights, wiring.delay)
        found = np.zeros(wiring.weights)
        found[wiring.index] = wiring.delay
        return found

    def _back(self, stage: Stage, weights: list[Any]) -> Back | None:
        """Weights by which errors go back, if some are not those by which spikes go forwards."""
        inlets = [e for g in stage.groups for e in g.inlets]
        if not any(is_cut(e.link) or matrix(e.link) for e in inlets):
            return None
        found: list[np.ndarray] = []
        is_same: list[np.ndarray] = []
        for inlet, weight in zip(inlets, weights, strict=True):
            own = self.numbers[matrix(inlet.link)] if matrix(inlet.link) else exact.numpy_of(weight)
            found.append(np.zeros(inlet.wiring.weights) if is_cut(inlet.link) else own.reshape(-1))
            is_same.append(np.full(inlet.wiring.weights, not (is_cut(inlet.link) or matrix(inlet.link))))
        return Back(np.concatenate(found), np.concatenate(is_same))

    def _weight(self, inlet: Inlet) -> Any:
        if matrix(inlet.link):
            return np.zeros(inlet.wiring.weights)
        for transform in inlet.link.transforms:
            if "weight" in transform.parameters():
                return self.tensors[f"{inlet.link.name}.weight"]
        return np.ones(1)

    def _sent(self, inlet: Inlet, is_inside: bool) -> list[Spikes | None]:
        """Events that a link carries: those of this run, and those of earlier ones that are under way; None for what a loop will send."""
        source = inlet.link.source_node
        found: list[Spikes | None] = []
        history = self.arrays.get(f"{inlet.link.source}{HISTORY}")
        if history is not None and len(history):
            rows = exact.numpy_of(history)
            old = self._spikes(source, rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64), rows[:, 2], rows[:, 3])
            found.append(self._with_dropout(inlet, old))
        if is_inside:
            if inlet.link.name in self.dropped:
                raise UnsupportedError(f"{inlet.link.name}: dropout inside a loop is not there for exact events; call net.eval()")
            return [*found, None]
        now = self.spikes[source]
        if inlet.is_drive:
            now = given.currents(source, self.streams[source], self.graph.clock, self.state.step, self.steps)
            bias = next((self.numbers[f"{inlet.link.name}.bias"] for t in inlet.link.transforms if "bias" in t.parameters()), None)
            if bias is not None and np.any(bias):
                raise UnsupportedError(f"{inlet.link.name}.bias: exact events take no bias; add it to the values of the input")
            return [self._with_dropout(inlet, now)]
        return [*found, self._with_dropout(inlet, now)]

    def _spikes(self, name: str, sample: np.ndarray, neuron: np.ndarray, times: np.ndarray, amount: np.ndarray) -> Spikes:
        return Spikes(name, self.graph.shape(name), self.state.batch, sample, neuron, exact.as_tensor(times), amount, self.end)

    def _with_dropout(self, inlet: Inlet, found: Spikes) -> Spikes:
        amount = found.amount
        for factors in self.dropped.get(inlet.link.name, ()):
            amount = amount * factors.reshape(self.state.batch, -1)[found.sample, found.neuron]
        return replace(found, amount=amount)

    def _keep_history(self) -> None:
        """Spikes that have not arrived everywhere."""
        longest: dict[str, float] = {}
        for group in [g for s in self.stages for g in s.groups]:
            for inlet in group.inlets:
                delay = self.numbers.get(f"{inlet.link.name}.delay", inlet.wiring.delay)
                longest[inlet.link.source] = max(longest.get(inlet.link.source, 0.0), float(np.max(delay, initial=0.0)))
        for path in [p for p in self.arrays if p.endswith(HISTORY)]:
            source = path.removesuffix(HISTORY)
            spikes = self.spikes[source.rpartition(".")[0]]
            new = np.stack([spikes.sample, spikes.neuron, exact.numpy_of(spikes.times), spikes.amount], axis=1)
            rows = np.concatenate([exact.numpy_of(self.arrays[path]), new])
            self.arrays[path] = exact.as_tensor(rows[rows[:, 2] + longest.get(source, 0.0) > self.end])


def _drops(link: Any) -> bool:
    return any(isinstance(t, Dropout) for t in link.transforms)
