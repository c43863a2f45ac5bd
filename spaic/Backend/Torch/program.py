"""A graph compiled to plain torch operations: layers over all time, islands step by step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from spaic.Backend.element import Element, by_owner, dropout_factors, initial_parameters, population_element, synapse_element
from spaic.Backend.Torch.delivery import Delivery
from spaic.Backend.Torch.primitives import PRIMITIVES
from spaic.Backend.Torch.signals import Signals
from spaic.Backend.Torch.tape import BoundTape
from spaic.Dynamics.names import arrival, normal_name
from spaic.Dynamics.show import listing
from spaic.errors import NumericalError, UnknownName, nearest
from spaic.Graph.graph import Graph
from spaic.Graph.links import Link
from spaic.Graph.program import Program, Recordings, State
from spaic.Graph.schedule import Stage, schedule
from spaic.Graph.stream import Stream
from spaic.seeds import Key, Noise

Parameters = Mapping[str, Any]


class TorchProgram(Program):
    """Executes a graph with torch; differentiable in parameters, inputs and initial state.

    Parameters
    ----------
    graph : Graph
        A verified graph.
    device : torch.device
        Where to run.
    dtype : torch.dtype
        Of states and weights.
    """

    def __init__(self, graph: Graph, device: torch.device, dtype: torch.dtype) -> None:
        self.graph, self.device, self.dtype = graph, device, dtype
        self.schedule = schedule(graph)
        self.elements = {p.name: population_element(graph, p) for p in graph.populations}
        self.synapses = {k.name: s for k in graph.links if (s := synapse_element(graph, k)) is not None}
        self.probed = frozenset(graph.sampling())
        self.differentiated = frozenset(p.reads for p in graph.probes if p.gradient)

    def initial_parameters(self) -> dict[str, Any]:
        return initial_parameters(self.graph)

    def initial_state(self, parameters: Parameters, batch: int) -> State:
        arrays: dict[str, Tensor] = {}
        owned = by_owner(parameters)
        for element in (*self.elements.values(), *self.synapses.values()):
            own = owned.get(element.path, {})
            for name in element.step.states:
                value = element.initial_value(name, PRIMITIVES, own)
                start = value if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.float64)
                arrays[f"{element.path}.{name}"] = start.to(self.device, self.dtype).expand(batch, *element.shape)
        for link in self.graph.links:
            path, depth = f"{link.source}.history", self.schedule.depth[link.name]
            if depth > len(arrays.get(path, ())):
                shape = (depth, batch, *self.graph.shape(link.source_node))
                arrays[path] = torch.zeros(shape, device=self.device, dtype=self.dtype)
        return State(0, batch, arrays)

    def run(self, parameters: Parameters, state: State, inputs: Mapping[str, Stream], steps: int) -> tuple[State, Recordings]:
        run = _Run(self, parameters, state, inputs, steps)
        for stage in self.schedule.stages:
            if stage.is_island:
                run.island(stage)
            else:
                run.layer(stage.populations[0])
        return run.finish()

    def full(self, value: Any, shape: tuple[int, ...]) -> Tensor:
        """A result of a step, which may be one number for all, as a tensor of `shape`."""
        return torch.as_tensor(value, dtype=self.dtype, device=self.device).expand(shape)

    def source(self, path: str) -> str:
        if path not in self.elements:
            raise UnknownName(f"{path}: no population has this path; {nearest(path, self.elements)}")
        return listing(self.elements[path].tape)


class _Run:
    """One call of :meth:`TorchProgram.run`."""

    def __init__(self, program: TorchProgram, parameters: Parameters, state: State, inputs: Mapping[str, Stream], steps: int) -> None:
        self.program, self.parameters, self.start, self.steps, self.batch = program, parameters, state.step, steps, state.batch
        self.number, self.state = state.run, state
        self.gradients: dict[str, list[Tensor | None]] = {path: [None] * steps for path in program.differentiated}
        self.owned = by_owner(parameters)
        self.arrays: dict[str, Tensor] = dict(state.arrays)
        history = {k.removesuffix(".history"): v for k, v in self.arrays.items() if k.endswith(".history")}
        self.signals = Signals(inputs, history, state.step, steps, program.device)
        self.deliveries = {
            link.name: Delivery(link, program.schedule.delays[link.name], self._of_link(link), program.dtype)
            for link in program.graph.links
        }

    def _of_link(self, link: Link) -> dict[str, Any]:
        factors = dropout_factors(self.program.graph, link, self.state)
        drawn = {k: torch.from_numpy(v).to(self.program.device, self.program.dtype) for k, v in factors.items()}
        return {**self.owned.get(link.name, {}), **drawn}

    def layer(self, name: str) -> None:
        """A population without feedback: all that arrives is known before its first step."""
        element = self.program.elements[name]
        arriving: dict[str, Tensor] = {}
        for link in self.program.graph.arriving(name):
            amount = self._delivered(link.name)
            arriving[link.port] = arriving[link.port] + amount if link.port in arriving else amount
        self._advance(element, self._bound(element), arriving)

    def island(self, stage: Stage) -> None:
        """Populations in a cycle: links from outside are multiplied for all steps first, the others in each step."""
        inside = set(stage.populations)
        loop = _Island(self, stage)
        for name in stage.populations:
            for link in self.program.graph.arriving(name):
                loop.add(link, None if link.source_node in inside else self._delivered(link.name))
        loop.run()

    def finish(self) -> tuple[State, Recordings]:
        for path in [p for p in self.arrays if p.endswith(".history")]:
            self.arrays[path] = self.signals.last(path.removesuffix(".history"), len(self.arrays[path])).to(self.program.dtype)
        every = self.program.graph.sampling()
        recordings: Recordings = {path: self._sampled(path, every[path]) for path in sorted(self.program.probed)}
        recordings |= {f"{path}.gradient": found for path, found in self.gradients.items()}
        return replace(self.state, step=self.start + self.steps, arrays=self.arrays), recordings

    def _sampled(self, path: str, every: int) -> Tensor:
        first = (-self.start - 1) % every
        if path in self.parameters:
            samples = len(range(first, self.steps, every))
            value = torch.as_tensor(self.parameters[path])
            return value.expand(samples, *value.shape)
        return self.signals[path][first::every]

    def _bound(self, element: Element) -> BoundTape:
        own = self.owned.get(element.path, {})
        return BoundTape(element, own, self.program.graph.clock.dt, self.program.dtype)

    def _delivered(self, name: str) -> Tensor:
        """What a link brings in every step: ``[steps, batch, *target shape]``."""
        delivery = self.deliveries[name]
        amount = delivery.over_time(self.signals, self.batch)
        self._check_finite(name, amount)
        synapse = self.program.synapses.get(name)
        if synapse is not None:
            arriving = {synapse.model.ports[0]: amount.reshape(self.steps, self.batch, *synapse.shape)}
            self._advance(synapse, self._bound(synapse), arriving)
            amount = self.signals[f"{name}.{synapse.model.output}"]  # type: ignore[attr-defined]
        amount = amount.reshape(self.steps, self.batch, *self.program.graph.shape(delivery.link.target_node)).to(self.program.dtype)
        if f"{name}.current" in self.program.probed:
            self.signals[f"{name}.current"] = amount
        return amount

    def _check_finite(self, name: str, amount: Tensor) -> None:
        """An infinite input may be wiped out by a reset, so it is looked for where it arises."""
        if math.isfinite(amount.detach().sum().item()):
            return
        wrong = (~amount.detach().isfinite()).flatten(1).any(1)
        if wrong.any():
            step = self.start + int(wrong.nonzero()[0])
            raise NumericalError(
                f"{name}: current became NaN or infinite at step {step} (t = {self.program.graph.clock.time(step + 1):g} ms); "
                "use smaller weights or inputs"
            )

    def _advance(self, element: Element, tape: BoundTape, arriving: Mapping[str, Tensor]) -> None:
        """Run an element over all steps."""
        loop = Loop(element, tape, self)
        # unbind, not x[t]: the backward pass of indexing costs O(steps) each
        amounts = {port: values.to(self.program.dtype).unbind(0) for port, values in arriving.items()}
        for n in range(self.steps):
            loop.step(n, {port: values[n] for port, values in amounts.items()})
        loop.finish()


class Loop:
    """The loop over time of one element: its states, and the variables that someone reads."""

    def __init__(self, element: Element, tape: BoundTape, run: _Run) -> None:
        self.element, self.tape, self.run = element, tape, run
        self.states = {s: run.arrays[f"{element.path}.{s}"] for s in element.step.states}
        self.kept: dict[str, list[Any]] = {v: [] for v in element.tape.outputs if v in element.wanted}
        paths = {v: f"{element.path}.{v}" for v in self.kept}
        self.gradients = {v: run.gradients[path] for v, path in paths.items() if path in run.gradients}
        self.reads_time = "t" in tape.reads
        self.normals = self._normals()

    def step(self, n: int, amounts: Mapping[str, Tensor]) -> dict[str, Any]:
        """Step `n` of the run, with what arrives at each port."""
        values: dict[str, Any] = {**self.states, **{arrival(port): amount for port, amount in amounts.items()}}
        if self.normals is not None:
            values.update({normal_name(name): self.normals[n, i] for i, name in enumerate(self.element.step.noises)})
        if self.reads_time:
            values["t"] = (self.run.start + n) * self.run.program.graph.clock.dt
        result = self.tape.step(values)
        self.states = {s: result[s] for s in self.states}
        for name, samples in self.kept.items():
            samples.append(result[name])
        for name, gradients in self.gradients.items():
            if isinstance(result[name], Tensor) and result[name].requires_grad:
                result[name].register_hook(partial(gradients.__setitem__, n))
        return result

    def finish(self) -> None:
        """Hand over the final states and the recorded variables."""
        path, program = self.element.path, self.run.program
        shape = (self.run.batch, *self.element.shape)
        for name, value in self.states.items():
            self.run.arrays[f"{path}.{name}"] = program.full(value, shape)
        for name, samples in self.kept.items():
            self.run.signals[f"{path}.{name}"] = torch.stack([program.full(x, shape) for x in samples])

    def _normals(self) -> Tensor | None:
        noises, run = self.element.step.noises, self.run
        if not noises:
            return None
        noise = Noise(Key(run.program.graph.seed, self.element.path, "noise", run.number), (len(noises), run.batch, *self.element.shape))
        return torch.from_numpy(noise.steps(run.start, run.start + run.steps)).to(run.program.device, run.program.dtype)


class _Island:
    """The common loop over time of populations that feed each other."""

    def __init__(self, run: _Run, stage: Stage) -> None:
        self.run_, self.stage = run, stage
        self.outside: dict[str, tuple[Tensor, ...]] = {}
        self.links: dict[str, list[Any]] = {name: [] for name in stage.populations}
        program = run.program
        self.loops = {n: Loop(program.elements[n], run._bound(program.elements[n]), run) for n in stage.populations}
        self.synapses: dict[str, Loop] = {}
        self.now: dict[str, Any] = {}
        self.past: dict[str, list[Tensor]] = {}
        self.currents: dict[str, list[Tensor]] = {}

    def add(self, link: Any, delivered: Tensor | None) -> None:
        """A link into the island; `delivered` is what it brings over all time, if it comes from outside."""
        self.links[link.target_node].append(link)
        if delivered is not None:
            self.outside[link.name] = delivered.to(self.run_.program.dtype).unbind(0)
            return
        history = self.run_.signals.history.get(link.source)
        self.past[link.source] = [] if history is None else list(history.unbind(0))
        if f"{link.name}.current" in self.run_.program.probed:
            self.currents[f"{link.name}.current"] = []
        synapse = self.run_.program.synapses.get(link.name)
        if synapse is not None:
            self.synapses[link.name] = Loop(synapse, self.run_._bound(synapse), self.run_)

    def run(self) -> None:
        for n in range(self.run_.steps):
            for name in self.stage.populations:
                self._advance(name, n)
            for source, values in self.past.items():
                if values:
                    values.append(self.now[source])
                    del values[0]
        for loop in (*self.loops.values(), *self.synapses.values()):
            loop.finish()
        for path, samples in self.currents.items():
            self.run_.signals[path] = torch.stack(samples)

    def _advance(self, name: str, n: int) -> None:
        amounts: dict[str, Tensor] = {}
        for link in self.links[name]:
            amount = self.outside[link.name][n] if link.name in self.outside else self._within(link, n)
            amounts[link.port] = amounts[link.port] + amount if link.port in amounts else amount
        result = self.loops[name].step(n, amounts)
        shape = (self.run_.batch, *self.run_.program.graph.shape(name))
        self.now.update({f"{name}.{variable}": self.run_.program.full(value, shape) for variable, value in result.items()})

    def _within(self, link: Any, n: int) -> Tensor:
        shape = (self.run_.batch, *self.run_.program.graph.shape(link.target_node))
        amount = self.run_.deliveries[link.name].at_once(self.now.get(link.source), self.past[link.source])
        loop = self.synapses.get(link.name)
        if loop is not None:
            arriving = amount.reshape(self.run_.batch, *loop.element.shape)
            amount = loop.step(n, {loop.element.model.ports[0]: arriving})[loop.element.model.output]  # type: ignore[attr-defined]
        amount = amount.reshape(shape).to(self.run_.program.dtype)
        if f"{link.name}.current" in self.currents:
            self.currents[f"{link.name}.current"].append(amount)
        return amount
