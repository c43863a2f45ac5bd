"""The living definition of a network: NumPy in float64, one step at a time, nothing clever."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from spaic.Backend.coupled import executed
from spaic.Backend.element import Element, by_owner, dropout_factors, initial_parameters
from spaic.Backend.Reference.delays import delivered
from spaic.Backend.Reference.normalization import measured_first, moving, statistics
from spaic.Backend.Reference.transforms import STEP, WHOLE, apply
from spaic.Backend.whole_runs import demand_whole
from spaic.Dynamics.names import arrival, normal_name
from spaic.Dynamics.primitives import PRIMITIVES
from spaic.Graph.graph import Graph
from spaic.Graph.links import Link
from spaic.Graph.program import Program, Recordings, State
from spaic.Graph.schedule import schedule
from spaic.Graph.stream import Stream
from spaic.Graph.transforms import BatchNorm
from spaic.seeds import Key, Noise

Arrays = Mapping[str, Any]
Owned = Mapping[str, Mapping[str, Any]]


class ReferenceProgram(Program):
    """Executes a graph step by step, as docs/semantics.md says."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.schedule = schedule(graph)
        self.order = [name for stage in self.schedule.stages for name in stage.populations]
        self.elements, self.synapses = executed(graph)

    def initial_parameters(self) -> dict[str, Any]:
        return initial_parameters(self.graph)

    def initial_state(self, parameters: Arrays, batch: int) -> State:
        arrays: dict[str, Any] = {}
        owned = by_owner(parameters)
        for element in (*self.elements.values(), *self.synapses.values()):
            own = element.own(owned)
            for name in element.step.states:
                value = element.initial_value(name, PRIMITIVES, own)
                arrays[element.place(name)] = np.array(np.broadcast_to(value, (batch, *element.shape)))
        for link in self.graph.links:
            path, depth = f"{link.source}.history", self.schedule.depth[link.name]
            if depth > len(arrays.get(path, ())):
                shape = (depth, batch, *self.graph.shape(link.source_node))
                arrays[path] = np.array(np.broadcast_to(arrays.get(link.source, 0.0), shape))  # a state was what it is at the start
        return State(0, batch, arrays)

    def run(self, parameters: Arrays, state: State, inputs: Mapping[str, Stream], steps: int) -> tuple[State, Recordings]:
        """As docs/semantics.md says; what needs to know all steps is measured before, by runs of its own."""
        measured: dict[str, dict[str, Any]] = {}
        moved: dict[str, Any] = {}
        demand_whole(self.graph, state, steps)
        for link, transform in measured_first(self.graph, self.order, state.is_training):
            arriving: list[np.ndarray] = []
            key = transform.name if isinstance(transform, BatchNorm) else WHOLE
            measured[link.name] = {key: arriving}
            self._run(parameters, state, inputs, steps, measured)
            if isinstance(transform, BatchNorm):
                measured[link.name] = {key: statistics(arriving, link.name)}
                moved |= moving(link.name, transform, arriving, parameters)
            else:
                measured[link.name] = {key: np.stack(arriving)}
        after, recordings = self._run(parameters, state, inputs, steps, measured)
        return replace(after, statistics=moved), recordings

    def _run(
        self, parameters: Arrays, state: State, inputs: Mapping[str, Stream], steps: int, measured: Mapping[str, Mapping[str, Any]]
    ) -> tuple[State, Recordings]:
        arrays = dict(state.arrays)
        recorded: dict[str, list[Any]] = {path: [] for path in sorted(self.graph.sampling())}
        now: dict[str, Any] = {}
        owned = by_owner(parameters)
        for link in self.graph.links:
            owned.setdefault(link.name, {}).update({**dropout_factors(self.graph, link, state), **measured.get(link.name, {})})
        for n in range(state.step, state.step + steps):
            now = {f"{name}.O": values_of(s.chunk(n, n + 1)[0]) for name, s in inputs.items()}
            with np.errstate(all="ignore"):  # also where a condition keeps it away; what stays is found by those who read it
                for name in self.order:
                    now.update(self._advance(self.elements[name], owned, arrays, now, n, state))
            for path in [p for p in arrays if p.endswith(".history")]:
                arrays[path] = np.concatenate([arrays[path][1:], now[path.removesuffix(".history")][None]])
            self._record(recorded, {**parameters, **now}, n)
        return replace(state, step=state.step + steps, arrays=arrays), {
            k: np.stack(v) if v else np.zeros((0, *np.shape({**parameters, **now}[k]))) for k, v in recorded.items()
        }

    def source(self, path: str) -> str:
        from spaic.Dynamics.show import listing

        return listing(self.elements[path].tape)

    def _advance(self, element: Element, owned: Owned, arrays: dict[str, Any], now: dict[str, Any], n: int, state: State) -> dict[str, Any]:
        """One step of a population; `arrays` gets its new states, the result what others may read. `state` is that before the run."""
        amounts: dict[str, Any] = {}
        for link in self.graph.arriving(element.path):
            delivered = self._deliver(link, owned, arrays, now, n, state).reshape(-1, *element.shape)
            now[f"{link.name}.current"] = delivered
            port = element.port(link)
            amounts[port] = amounts[port] + delivered if port in amounts else delivered
        result = self._step(element, owned, arrays, amounts, n, state)
        return {**result, **{path: result[place] for path, place in element.currents().items()}}

    def _step(
        self, element: Element, owned: Owned, arrays: dict[str, Any], amounts: dict[str, Any], n: int, state: State
    ) -> dict[str, Any]:
        dt, batch = self.graph.clock.dt, state.batch
        own = {name: arrays[element.place(name)] for name in element.step.states}
        normals: dict[str, Any] = {}
        if element.step.noises:
            shape = (len(element.step.noises), batch, *element.shape)
            drawn = Noise(Key(self.graph.seed, element.path, "noise", state.run), shape).steps(n, n + 1)[0]
            normals = {normal_name(name): drawn[i] for i, name in enumerate(element.step.noises)}
        given = {**element.own(owned), **own, **normals, **{arrival(p): a for p, a in amounts.items()}}
        result = element.tape.run(PRIMITIVES, {**given, "dt": dt, "t": n * dt})
        full = {k: np.broadcast_to(v, (batch, *element.shape)) for k, v in result.items()}
        arrays.update({element.place(k): full[k] for k in element.step.states})
        return {element.place(k): v for k, v in full.items()}

    def _deliver(self, link: Link, owned: Owned, arrays: dict[str, Any], now: dict[str, Any], n: int, state: State) -> np.ndarray:
        """What `link` brings at this step."""
        delay, shape = self.schedule.delays[link.name], self.graph.shape(link.source_node)
        own = {**owned.get(link.owner, {}), **owned.get(link.name, {}), STEP: n}

        def late(d: int) -> np.ndarray:
            past: np.ndarray = now[link.source] if d == 0 else arrays[f"{link.source}.history"][-d]
            return past

        if link.delay_limit is not None:
            x = delivered(link, shape, np.asarray(own["delay"]) / self.graph.clock.dt, int(delay), own, late)
        elif isinstance(delay, int):
            x = late(delay)
            for transform in link.transforms:
                x = apply(transform, x, own)
        else:
            x = delivered(link, shape, delay, int(delay.max(initial=0)), own, late)
        synapse = self.synapses.get(link.name)
        if synapse is None:
            return x
        x = x.reshape(len(x), *synapse.shape)
        result = self._step(synapse, owned, arrays, {synapse.model.ports[0]: x}, n, state)
        now.update(result)
        return result[f"{link.name}.{synapse.model.output}"]  # type: ignore[attr-defined]

    def _record(self, recorded: dict[str, list[Any]], now: Mapping[str, Any], n: int) -> None:
        every = self.graph.sampling()
        for path, samples in recorded.items():
            if (n + 1) % every[path] == 0:
                samples.append(np.array(now[path]))


def values_of(chunk: Any) -> np.ndarray:
    """What a stream brings, in float64; there are no gradients here."""
    if hasattr(chunk, "detach"):
        chunk = chunk.detach().cpu().double()  # NumPy does not know all types of tensors
    return np.asarray(chunk, dtype=np.float64)
