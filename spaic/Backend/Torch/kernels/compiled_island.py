"""Gathers what a compiled island needs from a run, and hands back what it did."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from spaic.Backend.element import Element
from spaic.Backend.Kernels.text.island import DIRECT, Feed
from spaic.Backend.Torch.kernels import looped
from spaic.Backend.Torch.kernels.island_call import Call, Member, Way
from spaic.Backend.Torch.kernels.prepared import Prepared, Times
from spaic.Graph.schedule import Stage

if TYPE_CHECKING:
    from spaic.Backend.Torch.run import Run


class CompiledIsland:
    """The loop over time of populations that feed each other, in one kernel.

    Parameters
    ----------
    run : Run
        Of the program.
    stage : Stage
        The populations.
    """

    def __init__(self, run: Run, stage: Stage) -> None:
        self.run_, self.stage = run, stage
        self.elements: dict[str, Element] = {}
        self.arriving: dict[str, dict[str, Tensor]] = {name: {} for name in stage.populations}
        self.ways: list[Way] = []
        self.inside: list[Any] = []

    def add(self, link: Any, delivered: Tensor | None) -> None:
        """A link into the island; `delivered` is what it brings over all time, if it comes from outside."""
        target = link.target_node
        port = self.run_.program.elements[target].port(link)
        if delivered is not None:
            self._arrives(target, port, delivered.to(self.run_.program.dtype))
            return
        self.inside.append(link)
        synapse = self.run_.program.synapses.get(link.name)
        if synapse is not None:
            self.elements[link.name], self.arriving[link.name] = synapse, {}
            output = synapse.model.output  # type: ignore[attr-defined]
            self.ways.append(Way(Feed(link.name, output, target, port, DIRECT), 0, None))
            target, port = link.name, synapse.model.ports[0]
        size = prod(self.run_.program.graph.shape(link.source_node))
        ways, bias = self.run_.deliveries[link.name].ways(target, port, size)
        self.ways += ways
        if bias is not None:
            shape = (synapse or self.run_.program.elements[target]).shape
            self._arrives(target, port, bias.to(self.run_.program.dtype).reshape(1, 1, *shape).expand(1, self.run_.batch, *shape))

    def _arrives(self, target: str, port: str, amount: Tensor) -> None:
        here = self.arriving[target]
        here[port] = here[port] + amount if port in here else amount

    def run(self) -> None:
        """All steps."""
        results, ends = looped.advance(self.call())
        for member, values in results.items():
            for variable, value in values.items():
                self.run_.signals[self._element(member).place(variable)] = value
            self.run_.arrays.update({self._element(member).place(s): x for s, x in ends[member].items()})
        apart = [k for k in self.inside if k.name not in self.run_.program.within]
        for link in (k for k in apart if f"{k.name}.current" in self.run_.program.probed):
            self.run_.signals[f"{link.name}.current"] = self._current(link)

    def _current(self, link: Any) -> Tensor:
        """What a link inside brought in each step, for those who read it: made again from what was sent."""
        run, shape = self.run_, self.run_.program.graph.shape(link.target_node)
        synapse = run.program.synapses.get(link.name)
        if synapse is not None:
            amount = run.signals[f"{link.name}.{synapse.model.output}"]  # type: ignore[attr-defined]
        else:
            amount = run.deliveries[link.name].over_time(run.signals)
        return amount.reshape(run.steps, run.batch, *shape).to(run.program.dtype)

    def call(self) -> Call:
        """What the kernel is called with."""
        run = self.run_
        order = [m for name in self.stage.populations for m in (*(w for w in self.elements if self._feeds(w, name)), name)]
        elements = {m: self._element(m) for m in order}
        states = {m: {s: run.arrays[e.place(s)] for s in e.step.states} for m, e in elements.items()}
        bounds = {m: run.bound(e) for m, e in elements.items()}
        past = {(w.feed.source, w.feed.variable) for w in self.ways}
        history = {k: run.signals.history[".".join(k)] for k in past if ".".join(k) in run.signals.history}
        involved = [x for m in order for x in (*states[m].values(), *self.arriving[m].values(), *bounds[m].slots)]
        involved += [*history.values(), *(w.weight for w in self.ways)]
        needs_gradient = torch.is_grad_enabled() and any(isinstance(x, Tensor) and x.requires_grad for x in involved)
        members: Mapping[str, Member] = {
            m: Member(
                Prepared(e, bounds[m], run.normals(e), run.batch, needs_gradient, is_inside=True, device=run.program.device),
                self.arriving[m],
                states[m],
            )
            for m, e in elements.items()
        }
        times = Times(run.start, run.steps, run.program.graph.clock.dt)
        return Call(" and ".join(self.stage.populations), members, self.ways, history, times)

    def _element(self, member: str) -> Element:
        return self.elements[member] if member in self.elements else self.run_.program.elements[member]

    def _feeds(self, synapse: str, population: str) -> bool:
        return any((w.feed.source, w.feed.target, w.feed.kind) == (synapse, population, DIRECT) for w in self.ways)
