"""Plain torch operations, one step at a time: the yardstick, and what is left where there is no kernel."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from spaic.Backend.element import Element
from spaic.Backend.Torch.steps.tape import BoundTape
from spaic.Dynamics.names import arrival, normal_name
from spaic.Graph.schedule import Stage

if TYPE_CHECKING:
    from spaic.Backend.Torch.run import Run


class Loop:
    """The loop over time of one element: its states, and the variables that someone reads."""

    def __init__(self, element: Element, tape: BoundTape, run: Run) -> None:
        self.element, self.tape, self.run = element, tape, run
        self.states = {s: run.arrays[element.place(s)] for s in element.step.states}
        self.kept: dict[str, list[Any]] = {v: [] for v in element.tape.outputs if v in element.recorded}
        paths = {v: element.place(v) for v in self.kept}
        self.gradients = {v: run.gradients[path] for v, path in paths.items() if path in run.gradients}
        self.reads_time = "t" in tape.reads
        self.normals = run.normals(element)

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
        program = self.run.program
        shape = (self.run.batch, *self.element.shape)
        for name, value in self.states.items():
            self.run.arrays[self.element.place(name)] = program.full(value, shape)
        for name, samples in self.kept.items():
            self.run.signals[self.element.place(name)] = torch.stack([program.full(x, shape) for x in samples])


class PlainIsland:
    """The common loop over time of populations that feed each other."""

    def __init__(self, run: Run, stage: Stage) -> None:
        self.run_, self.stage = run, stage
        self.outside: dict[str, tuple[Tensor, ...]] = {}
        self.links: dict[str, list[Any]] = {name: [] for name in stage.populations}
        program = run.program
        self.loops = {n: Loop(program.elements[n], run.bound(program.elements[n]), run) for n in stage.populations}
        self.synapses: dict[str, Loop] = {}
        self.now: dict[str, Any] = {}
        self.past: dict[str, list[Tensor]] = {}
        self.currents: dict[str, list[Tensor]] = {}

    def add(self, link: Any, delivered: Tensor | None) -> None:
        """A link into the island; `delivered` is what it brings over all time, if it comes from outside."""
        self.links[link.target_node].append(link)
        if delivered is not None:
            steps = delivered.to(self.run_.program.dtype).expand(self.run_.steps, *delivered.shape[1:])
            self.outside[link.name] = steps.unbind(0)
            return
        history = self.run_.signals.history.get(link.source)
        self.past[link.source] = [] if history is None else list(history.unbind(0))
        if f"{link.name}.current" in self.run_.program.probed and link.name not in self.run_.program.within:
            self.currents[f"{link.name}.current"] = []
        synapse = self.run_.program.synapses.get(link.name)
        if synapse is not None:
            self.synapses[link.name] = Loop(synapse, self.run_.bound(synapse), self.run_)

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
            port = self.loops[name].element.port(link)
            amounts[port] = amounts[port] + amount if port in amounts else amount
        result = self.loops[name].step(n, amounts)
        shape = (self.run_.batch, *self.run_.program.graph.shape(name))
        place = self.loops[name].element.place
        self.now.update({place(variable): self.run_.program.full(value, shape) for variable, value in result.items()})

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
