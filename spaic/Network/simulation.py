"""A built network: graph, program, weights and state, and how a run goes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np

from spaic.errors import InputError, NumericalError, StateError
from spaic.Graph.events import Events
from spaic.Graph.graph import Graph, Probe
from spaic.Graph.program import Program, Recordings, State
from spaic.Graph.stream import Later, Stream
from spaic.Network.container import Container
from spaic.Network.element import Annotation, Element
from spaic.Network.learned import Learned
from spaic.Network.learning_watch import LearningWatch
from spaic.Network.pasts import Pasts
from spaic.Network.plan import Plan, Run
from spaic.Network.readers import Reader
from spaic.Network.snapshot import Snapshot
from spaic.Network.sources import Encoder, Generator
from spaic.seeds import Key

#: Without gradients a run goes in pieces of about this many values per variable, so that memory does not grow with time.
_PIECE = 1 << 22
#: Steps of a piece: few enough that arrays over time, not objects, take the memory; enough to share out what each piece costs.
_FEWEST, _MOST = 64, 4096


_numbers = count()


class Simulation:
    """What ``net.build()`` makes.

    Parameters
    ----------
    graph : Graph
        The verified graph.
    backend : Backend
        Compiles it.
    elements : mapping of str to Element
        Path -> element of the network.
    previous : Simulation, optional
        The earlier build: what it learned is kept for elements that are still there, and its state where it still fits.
    """

    def __init__(self, graph: Graph, backend: Any, elements: Mapping[str, Any], previous: Simulation | None = None) -> None:
        self.graph, self.backend, self.elements = graph, backend, elements
        self.sources = [e for e in elements.values() if isinstance(e, (Encoder, Generator))]
        self.readers = [e for e in elements.values() if isinstance(e, Reader)]
        self.program: Program = backend.compile(graph)
        self.number = next(_numbers)
        self.paths = {id(element): path for path, element in elements.items()}
        values = self._with_brought(self.program.initial_parameters(), previous)
        self.store: Any = backend.store(graph, values, previous and previous.store, self._same(values, previous))
        self.state: State | None = None
        self.streams: dict[str, Stream] = {}
        self.starts: dict[str, int] = {}  # node -> step at which its data were given
        self.frozen: set[str] = set()  # paths of elements that are not to be trained
        self.lengths: dict[str, int] = {}  # node -> steps for which its data were encoded
        self.runs: int = 0
        self.learning, self.pasts = LearningWatch(graph), Pasts(graph)
        if previous is not None:
            self._carry_on(previous)
            for element in previous.elements.values():
                if id(element) not in self.paths:
                    previous.remember(element)
        for element in elements.values():
            object.__setattr__(element, "_learned", None)

    def remember(self, element: Element) -> None:
        """Let an element, and all that is inside it, carry what it has learned here: for a copy, or for when it comes back."""
        inside = element.everything() if isinstance(element, Container) else ()
        owners = {self.paths[id(e)]: e for e in (element, *inside) if id(e) in self.paths}
        for path, value in self.store.learned(owners).items():
            owner, _, name = path.rpartition(".")
            if owners[owner]._learned is None or owners[owner]._learned.origin != self.number:
                object.__setattr__(owners[owner], "_learned", Learned(self.number))
            owners[owner]._learned.values[name] = value

    def _with_brought(self, values: dict[str, Any], previous: Simulation | None) -> dict[str, Any]:
        """Initial values, or what elements that come from elsewhere have learned there, where it fits."""
        brought: dict[str, Any] = {}
        for path, element in self.elements.items():
            if element._learned is None:
                continue
            if previous is None or id(element) not in previous.paths or element._learned.origin != previous.number:
                brought.update({f"{path}.{name}": value for name, value in element._learned.values.items()})
        return {k: brought[k] if k in brought and np.shape(brought[k]) == np.shape(v) else v for k, v in values.items()}

    def _same(self, paths: Iterable[str], previous: Simulation | None) -> dict[str, str]:
        """Path of a parameter -> its path in the earlier build, if its element was there and has not learned elsewhere since."""
        if previous is None:
            return {}
        same: dict[str, str] = {}
        for path in paths:
            owner, _, name = path.rpartition(".")
            element = self.elements.get(owner)
            if element is None or id(element) not in previous.paths:
                continue
            if element._learned is None or element._learned.origin == previous.number:
                same[path] = f"{previous.paths[id(element)]}.{name}"
        return same

    def _carry_on(self, previous: Simulation) -> None:
        """Take over the state of an earlier build if its variables, the time grid and the kind of arrays are the same."""
        self.learning.carry_on(previous.learning)
        self.runs = previous.runs
        state = previous.state
        if state is None or self.graph.clock != previous.graph.clock or self._arrays() != previous._arrays():
            return
        owners = {path.rpartition(".")[0] for path in state.arrays if not path.endswith(".history")}
        if any(self.elements.get(owner) is not previous.elements.get(owner) for owner in owners):
            return  # something new stands where something else was
        fresh = self.program.initial_state(self.store.tensors(), state.batch).arrays
        if {k: tuple(v.shape) for k, v in fresh.items()} == {k: tuple(v.shape) for k, v in state.arrays.items()}:
            kept = {node.path for node in self.sources if previous.elements.get(node.path) is node}
            self.state = state
            self.streams = {path: stream for path, stream in previous.streams.items() if path in kept}
            self.starts = {path: step for path, step in previous.starts.items() if path in kept}
            self.lengths = {path: steps for path, steps in previous.lengths.items() if path in kept}

    def _arrays(self) -> tuple[Any, ...]:
        """What kind of arrays the states are."""
        return type(self.backend), self.backend.dtype, str(self.backend.device)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "state": None, "streams": {}}  # a copy has not run yet

    def __setstate__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)
        self.paths = {id(element): path for path, element in self.elements.items()}  # other objects than those of the original

    def run(
        self, duration: float | str, is_continued: bool, keep_gradient: bool, annotations: Sequence[Annotation], is_training: bool = True
    ) -> None:
        """Run for `duration` ms, from the initial state or from where the last run ended."""
        steps = self.graph.clock.steps(duration, "net.run_continue" if is_continued else "net.run")
        self.store.confine()
        self._check_ranges()
        goes_on = is_continued and self.state is not None
        plan = self._plan(steps, goes_on, annotations)
        for annotation in annotations:
            annotation.check(goes_on, plan)
        if goes_on:
            self._go_on(steps)
        else:
            self._start(steps)
        state = replace(self._state(), is_training=is_training)
        for annotation in annotations:
            annotation.start(goes_on, plan)
        if goes_on and not keep_gradient:
            state = self.backend.without_gradient(state)
        self.state = self._pieces(state, plan)

    def _start(self, steps: int) -> None:
        batch, number = self._batch(), self.runs + 1
        self.pasts.check_memory(batch, self.backend.dtype)
        self.streams = {node.path: self._encode(node, batch, steps, number) for node in self.sources}
        self.starts = {node.path: 0 for node in self.sources}
        self.lengths = {node.path: steps for node in self.sources}
        fresh = self.program.initial_state(self.store.tensors(), batch)
        self.state, self.runs = State(0, batch, fresh.arrays, number), number

    def _go_on(self, steps: int) -> None:
        state = self._state()
        given = self._batch(state.batch)
        if given != state.batch:
            raise InputError(f"net.run_continue: the new input has {given} samples, the run to go on with {state.batch}; keep the batch")
        for node in self.sources:
            if node.is_new:
                self.starts[node.path] = state.step
            elif not getattr(node.code, "continues", True):
                continue
            start = self.starts.setdefault(node.path, state.step)
            self.lengths[node.path] = state.step - start + steps
            self.streams[node.path] = self._encoded(node, state)

    def _encoded(self, node: Any, state: State) -> Stream:
        """The stream of a node whose data may have been given in the middle of a run."""
        start = self.starts[node.path]
        stream = self._encode(node, state.batch, self.lengths[node.path], state.run, start)
        return Later(stream, start) if start else stream

    def snapshot(self) -> dict[str, Any]:
        """All that the next run depends on besides weights, as plain data and arrays."""
        state = self.state
        if state is None:
            return {"runs": self.runs, "state": None}
        arrays = {path: self.backend.as_numpy(value) for path, value in state.arrays.items()}
        return {
            "runs": self.runs,
            "state": {"step": state.step, "batch": state.batch, "run": state.run, "arrays": arrays},
            "starts": dict(self.starts),
            "lengths": dict(self.lengths),
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Go on from a snapshot.

        Raises
        ------
        StateError
            If it is of another network.
        """
        saved = Snapshot.of(snapshot, [node.path for node in self.sources])
        if saved.arrays is None:
            self.runs = saved.runs
            return
        fresh = self.program.initial_state(self.store.tensors(), saved.batch).arrays
        for path in sorted(set(fresh) | set(saved.arrays)):
            needed, given = (np.shape(side[path]) if path in side else None for side in (fresh, saved.arrays))
            if needed != given:
                raise StateError(f"{path}: the saved state has shape {given}, needed {needed}; restore it into the same network")
        arrays = {path: self.backend.as_array(saved.arrays[path]) for path in fresh}
        self.state, self.runs = State(saved.step, saved.batch, arrays, saved.run), saved.runs
        self.starts, self.lengths = saved.starts, saved.lengths
        for node in self.sources:
            if isinstance(node, Encoder) and node.source is not None and len(node.source) != saved.batch:
                continue  # other data were given after the run: they are for the next one
            node.is_new = False
            if node.path in self.starts:
                self.streams[node.path] = self._encoded(node, self.state)

    def _state(self) -> State:
        if self.state is None:
            raise StateError("net: there is no state yet; call net.run(T) first")
        return self.state

    def _plan(self, steps: int, goes_on: bool, annotations: Sequence[Annotation]) -> Plan:
        first, batch = (self._state().step, self._state().batch) if goes_on else (0, 1)
        return Plan(self.graph, first, steps, self._batch(batch), self.backend.dtype, tuple(annotations))

    def _pieces(self, state: State, plan: Plan) -> State:
        carries: dict[str, Any] = {}
        done, steps = 0, plan.steps
        if state.is_training and self.learning.learned:
            self.learning.check_inputs(self.streams)
            self.learning.before(self.store.tensors(), self.backend.as_numpy)
        while done < steps:
            is_measured = (state.is_training and self.graph.statistics) or self.graph.whole_runs  # over all steps of a run
            piece = steps if is_measured else min(steps - done, self._piece(state.batch))
            first = state.step
            before = state
            state, recordings = self.program.run(self.store.tensors(), state, self.streams, piece)
            if state.statistics:
                self.learning.after(state.statistics, self.backend.as_numpy)
                self.store.copy_in(state.statistics)
                state = replace(state, statistics={})
            self._check_finite(before, state, recordings, piece)
            for reader in self.readers:
                if reader.reads is not None:
                    carries[reader.path] = reader.fold(carries.get(reader.path), recordings[reader.reads], done, self.graph.clock)
            for annotation in plan.watchers:
                annotation.observe(Run(plan, recordings, first, piece))
            done += piece
        for reader in self.readers:
            is_later = plan.first_step > 0  # another choice when it goes on
            purpose = f"{reader.kind} from step {plan.first_step}" if is_later else reader.kind
            key = Key(self.graph.seed, reader.path, purpose, state.run)
            result = reader.finish(carries.get(reader.path), steps, self.graph.clock, key)
            reader.receive(self.backend.guarded(result, reader.path) if reader.kind == "decoder" else result)
        for node in self.sources:
            node.is_new = False
        return state

    def _piece(self, batch: int) -> int:
        if self.store.needs_gradient() or any(getattr(n.source, "requires_grad", False) for n in self.sources):
            return 1 << 62
        told = self.program.longest(batch, self.streams)
        if told:
            return told
        width = batch * self._width()
        fewest = min(_FEWEST, 4 * _PIECE // width)  # not at any price
        return max(1, min(max(_PIECE // width, fewest), _MOST))

    def _width(self) -> int:
        """Numbers that the widest part of the network makes in a step of a sample; spikes that come in are bytes, a quarter of one."""
        sizes = [math.prod(n.shape) for n in self.graph.populations]
        for node in self.graph.inputs:
            stream = self.streams.get(node.name)
            sizes.append(math.prod(node.shape) // (4 if stream is not None and stream.is_spiking else 1))
        return max(1, *sizes)

    def _batch(self, default: int = 1) -> int:
        """Number of samples that were given, the default if there is no input."""
        sizes = {n.path: len(n.source) for n in self.sources if isinstance(n, Encoder) and n.source is not None}
        if len(set(sizes.values())) > 1:
            raise InputError(f"net.run: the inputs have different numbers of samples, {sizes}; give all of them the same batch")
        return next(iter(sizes.values()), default)

    def _encode(self, node: Any, batch: int, steps: int, number: int, start: int = 0) -> Stream:
        key = Key(self.graph.seed, node.path, f"input from step {start}", number)
        if isinstance(node, Generator):
            made: Stream = node.code.generate(node.source, node.shape, batch, self.graph.clock, steps, key, self.backend.device)
            return made
        if node.source is None:
            raise StateError(f"{node.path}: there is no input; call net.{node.path}(data) before net.run(T)")
        encoded: Stream = node.code.stream(node.data, self.graph.clock, steps, key, self.backend.device, self.backend.dtype)
        return encoded

    def _check_ranges(self) -> None:
        """Parameters of neurons that were trained or loaded are still inside their ranges."""
        tensors = self.store.tensors()
        for population in self.graph.populations:
            for name in population.model.parameters:
                path = f"{population.name}.{name}"
                if not isinstance(tensors[path], float):
                    population.model.parameter(name).check(self.backend.as_numpy(tensors[path]), path)

    def _check_finite(self, before: State, after: State, recordings: Recordings, steps: int) -> None:
        given = {**after.arrays, **recordings}
        spikes = {f"{p.name}.O" for p in self.graph.populations}  # the answer to a comparison is never NaN
        seen = {k: v for k, v in given.items() if not (k in spikes or k.endswith((".history", ".gradient")) or isinstance(v, Events))}
        bad = [path for path, value in seen.items() if not self.backend.is_finite(value)]
        if bad:
            raise self._diagnosis(bad[0], before, steps)

    def _diagnosis(self, path: str, before: State, steps: int) -> NumericalError:
        """Run the piece again, watching everything, to name the first variable and step."""
        watched = [f"{p.name}.{v}" for p in self.graph.populations for v in p.model.variables]
        graph = Graph(self.graph.nodes, self.graph.links, tuple(Probe(w) for w in watched), self.graph.clock, self.graph.seed)
        program = self.backend.compile(graph)
        state = self.backend.without_gradient(before)
        for n in range(steps):
            state, seen = self.backend.run_without_gradient(program, self.store.tensors(), state, self.streams, 1)
            for name in watched:
                if not self.backend.is_finite(seen[name]):
                    group, _, variable = name.rpartition(".")
                    time = self.graph.clock.time(before.step + n + 1)
                    return NumericalError(
                        f"{group}: {variable} became NaN or infinite at step {before.step + n} (t = {time:g} ms); "
                        "use a smaller dt, another integrator, or smaller weights and inputs"
                    )
        return NumericalError(f"{path}: it became NaN or infinite within {steps} steps; use a smaller dt or smaller weights and inputs")
