"""One run of a program: stage after stage, what links bring, and what is recorded."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from spaic.Backend.element import Element, by_owner, dropout_factors
from spaic.Backend.Torch.firing.fired import Fired
from spaic.Backend.Torch.kernels.compiled_island import CompiledIsland
from spaic.Backend.Torch.kernels.fused import advance
from spaic.Backend.Torch.kernels.prepared import Times
from spaic.Backend.Torch.links.delivery import Delivery
from spaic.Backend.Torch.links.normalization import moved, moving
from spaic.Backend.Torch.signals import Signals, trainable
from spaic.Backend.Torch.simulation.simulated import Simulated
from spaic.Backend.Torch.simulation.simulation_choice import gradient_flows, obstacle, passes_events
from spaic.Backend.Torch.steps.stepwise import Loop, PlainIsland
from spaic.Backend.Torch.steps.tape import BoundTape
from spaic.errors import NumericalError
from spaic.Graph.events import Events
from spaic.Graph.links import Link
from spaic.Graph.program import Recordings, State
from spaic.Graph.schedule import Stage
from spaic.Graph.stream import Stream
from spaic.seeds import Key, Noise

if TYPE_CHECKING:
    from spaic.Backend.Torch.program import TorchProgram


class Run:
    """One call of :meth:`TorchProgram.run`."""

    def __init__(
        self, program: TorchProgram, parameters: Mapping[str, Any], state: State, inputs: Mapping[str, Stream], steps: int
    ) -> None:
        self.program, self.parameters, self.start, self.steps, self.batch = program, parameters, state.step, steps, state.batch
        self.number, self.state = state.run, state
        self.gradients: dict[str, list[Tensor | None]] = {path: [None] * steps for path in program.differentiated}
        self.owned = by_owner(parameters)
        self.samples: dict[str, Tensor] = {}  # what was recorded at its samples only
        self.arrays: dict[str, Tensor] = {path: trainable(x) for path, x in state.arrays.items()}
        history = {k.removesuffix(".history"): v for k, v in self.arrays.items() if k.endswith(".history")}
        self.signals = Signals(inputs, history, state.step, steps, program.device, program.dtype)
        self.deliveries = {
            link.name: Delivery(
                link, program.schedule.delays[link.name], self._of_link(link), program.dtype, program.options.product(link.name)
            )
            for link in program.graph.links
        }

    def _of_link(self, link: Link) -> dict[str, Any]:
        factors = dropout_factors(self.program.graph, link, self.state)
        drawn = {k: torch.from_numpy(v).to(self.program.device, self.program.dtype) for k, v in factors.items()}
        own = self.owned.get(link.owner, {})
        statistics = moving(link, own, self.steps * self.batch) if self.state.is_training else {}
        return {**own, **drawn, **statistics}

    def advance_stage(self, stage: Stage) -> None:
        """All steps of a stage."""
        if not obstacle(self.program, stage) and not gradient_flows(self, stage):
            self.simulate(Simulated(self, stage))
        elif stage.is_island:
            self.island(stage)
        else:
            self.layer(stage.populations[0])

    def simulate(self, simulated: Simulated) -> None:
        """Sparse connections without gradients: only the spikes that occur are passed on."""
        self.gather_events(simulated)
        simulated.run()

    def gather_events(self, simulated: Simulated) -> None:
        """Add all links into a stage that is simulated."""
        for name in simulated.stage.populations:
            for link in self.program.graph.arriving(name):
                simulated.add(link, None if passes_events(self, link, simulated.stage) else self.delivered(link.name))

    def layer(self, name: str) -> None:
        """A population without feedback: all that arrives is known before its first step."""
        element = self.program.elements[name]
        arriving: dict[str, Tensor] = {}
        for link in self.program.graph.arriving(name):
            amount = self.delivered(link.name)
            port = element.port(link)
            arriving[port] = arriving[port] + amount if port in arriving else amount
        self._advance(element, self.bound(element), arriving)

    def island(self, stage: Stage) -> None:
        """Populations in a cycle: links from outside are multiplied for all steps first, the others in each step."""
        loop = CompiledIsland(self, stage) if self.program.is_compiled(stage) else PlainIsland(self, stage)
        self.gather(loop, lambda link: self.delivered(link.name))
        loop.run()

    def gather(self, loop: CompiledIsland | PlainIsland, outside: Callable[[Link], Tensor]) -> None:
        """Add all links into an island; `outside` says what those bring that begin elsewhere."""
        inside = set(loop.stage.populations)
        for name in loop.stage.populations:
            for link in self.program.graph.arriving(name):
                loop.add(link, None if link.source_node in inside else outside(link))

    def finish(self) -> tuple[State, Recordings]:
        for path in [p for p in self.arrays if p.endswith(".history")]:
            self.arrays[path] = self.signals.last(path.removesuffix(".history"), len(self.arrays[path])).to(self.program.dtype)
        for element in self.program.elements.values():
            for path, place in element.currents().items():
                if path in self.program.probed:
                    self.signals[path] = self.signals.values(place)
        every = self.program.graph.sampling()
        recordings: Recordings = {path: self._sampled(path, every[path]) for path in sorted(self.program.probed)}
        recordings |= {f"{path}.gradient": found for path, found in self.gradients.items()}
        statistics = {k: v for x in self.deliveries.values() for k, v in moved(x.link, x.parameters).items()}
        return replace(self.state, step=self.start + self.steps, arrays=self.arrays, statistics=statistics), recordings

    def _sampled(self, path: str, every: int) -> Tensor | Events:
        first = (-self.start - 1) % every
        if path in self.parameters:
            samples = len(range(first, self.steps, every))
            value = torch.as_tensor(self.parameters[path], device=self.program.device)
            return value.expand(samples, *value.shape)
        if path in self.samples:
            return self.samples[path]
        values = self.signals.known.get(path)
        if isinstance(values, Fired) and path in self.program.eventful and every == 1:
            return Events(values.events.lists, values.shape, torch.empty(0, dtype=self.program.dtype, device=self.program.device))
        return self.signals[path][first::every]

    def bound(self, element: Element) -> BoundTape:
        return BoundTape(element, element.own(self.owned), self.program.graph.clock.dt, self.program.dtype)

    def delivered(self, name: str) -> Tensor:
        """What a link brings: ``[steps, batch, *target shape]``, or one row if every step is the same."""
        amount = self.product(name)
        synapse = self.program.synapses.get(name)
        if synapse is not None:
            arriving = {synapse.model.ports[0]: amount.reshape(-1, self.batch, *synapse.shape)}
            self._advance(synapse, self.bound(synapse), arriving)
            amount = self.signals[f"{name}.{synapse.model.output}"]  # type: ignore[attr-defined]
        amount = amount.reshape(-1, self.batch, *self.program.graph.shape(self.deliveries[name].link.target_node)).to(self.program.dtype)
        if f"{name}.current" in self.program.probed and name not in self.program.within:
            self.signals[f"{name}.current"] = amount.expand(self.steps, *amount.shape[1:])
        return amount

    def product(self, name: str) -> Tensor:
        """What the transforms and delays of a link make of its source."""
        delivery = self.deliveries[name]
        amount = delivery.over_time(self.signals)
        if delivery.activity is not None:
            self.program.seen[name] = f"{delivery.done} product, {100 * delivery.activity:.2g} % of its inputs were spikes in the last run"
        self._check_finite(name, amount)
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
        if self.program.is_fused(element):
            self.advance_fused(element, tape, arriving)
            return
        loop = Loop(element, tape, self)
        # unbind, not x[t]: the backward pass of indexing costs O(steps) each
        amounts = {port: values.to(self.program.dtype).expand(self.steps, *values.shape[1:]).unbind(0) for port, values in arriving.items()}
        for n in range(self.steps):
            loop.step(n, {port: values[n] for port, values in amounts.items()})
        loop.finish()

    def advance_fused(self, element: Element, tape: BoundTape, arriving: Mapping[str, Tensor]) -> None:
        """Run an element over all steps in one kernel."""
        states = {s: self.arrays[element.place(s)] for s in element.step.states}
        times = Times(self.start, self.steps, self.program.graph.clock.dt)
        results, ends = advance(element, tape, arriving, self.normals(element), states, times, self.batch)
        self.arrays.update({element.place(s): value for s, value in ends.items()})
        for variable, values in results.items():
            self.signals[element.place(variable)] = values

    def normals(self, element: Element) -> Tensor | None:
        """Standard normal numbers ``[steps, noises, batch, *shape]`` for the white noises of an element."""
        noises, program = element.step.noises, self.program
        if not noises:
            return None
        noise = Noise(Key(program.graph.seed, element.path, "noise", self.number), (len(noises), self.batch, *element.shape))
        return torch.from_numpy(noise.steps(self.start, self.start + self.steps)).to(program.device, program.dtype)
