"""Eligibility traces of any equations: what each synapse has done to the states of its own neuron."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spaic.Backend.Plastic.layout import Layout, layout
from spaic.Backend.Torch.arithmetic import TorchArithmetic
from spaic.Backend.Torch.links.transforms import apply
from spaic.errors import UnsupportedError
from spaic.Graph.graph import Graph
from spaic.Graph.links import Link
from spaic.Graph.nodes import Population
from spaic.Graph.schedule import schedule
from spaic.Graph.transforms import Transform
from spaic.Graph.verify import delivered_shape
from spaic.Learning.forwards import Moment, Sensitivity

#: Values of one cell type: name of a state (and of a row, of what it sent some steps ago) -> ``[batch, neurons]``.
Place = tuple[str, int]


@dataclass(frozen=True, eq=False)
class Tap(Transform):
    """``y = x``, plus a parameter `tap` where one is given: derivatives by what arrives are taken there."""


@apply.register
def _tap(transform: Tap, x: Tensor, parameters: Mapping[str, Any]) -> Tensor:
    tap = parameters.get("tap")
    return x if tap is None else (x.flatten(1) + tap).reshape(x.shape)


@dataclass(eq=False)
class Synapses:
    """One parameter whose values belong to one postsynaptic neuron each.

    Attributes
    ----------
    path : str
        Of the parameter.
    link : Link
        Its link.
    delay : int
        Of the link, in steps.
    layout : Layout or None
        Where the weights are; None for a bias.
    traces : dict
        State of the own neuron -> derivative ``[batch, *shape of the parameter]``.
    beyond : dict
        State of a neuron that reads it out -> derivative ``[batch, neurons, *shape of the parameter]``.
    """

    path: str
    link: Link
    delay: int
    layout: Layout | None
    traces: dict[Place, Tensor] = field(default_factory=dict)
    beyond: dict[str, dict[Place, Tensor]] = field(default_factory=dict)

    def met(self, post: Tensor) -> Tensor:
        """``[batch, neurons]`` of the postsynaptic side at each value of the parameter."""
        met: Tensor = post if self.layout is None else self.layout.post(post)
        return met

    def driven(self, post: Tensor, arrived: Tensor) -> Tensor:
        """``[batch, *shape]``: derivatives by what arrives at each neuron, times what each synapse contributes to it."""
        if self.layout is None:
            return post
        found: Tensor = self.layout.confined(self.layout.post(post) * self.layout.pre(arrived.flatten(1)))
        return found


@dataclass(frozen=True)
class Slopes:
    """Derivatives of one number within a step.

    Attributes
    ----------
    states : dict
        By the states of a group at the start of the step, ``[batch, neurons]``.
    arrivals : dict
        Link -> by what it brings in this step, ``[batch, neurons]``.
    """

    states: dict[Place, Tensor]
    arrivals: dict[str, Tensor]


class Eligibility(Sensitivity):
    """Traces of each synapse within its own neuron, and on the way through neurons that read it out.

    Parameters
    ----------
    graph : Graph
        In which gradients go only where they are to go.
    paths : sequence of str
        Weights and biases.
    readouts : mapping of str to sequence of str
        Group -> groups whose memory of its spikes counts.
    follows_delays : bool
        Whether errors come back to spikes of earlier steps, through delays.

    Raises
    ------
    UnsupportedError
        For a parameter whose values do not belong to one neuron each.
    """

    def __init__(
        self,
        graph: Graph,
        paths: Sequence[str],
        readouts: Mapping[str, Sequence[str]],
        dtype: torch.dtype,
        device: torch.device,
        follows_delays: bool = True,
    ) -> None:
        self.graph, self.readouts, self.follows_delays = graph, readouts, follows_delays
        self.arithmetic = TorchArithmetic(device, dtype)
        self.gradients: dict[str, Tensor] = {}
        self.delays = schedule(graph).delays
        links = {k.name: k for k in graph.links}
        self.synapses = [self._synapses(path, links) for path in paths]
        self.links = sorted({s.link.name for s in self.synapses})
        self.cells = sorted({s.link.target_node for s in self.synapses})
        self.sizes = {s.link.name: prod(delivered_shape(graph, s.link)) for s in self.synapses}

    def prepared(self, graph: Graph) -> Graph:
        links = tuple(replace(k, transforms=(*k.transforms, Tap())) if k.name in self.links else k for k in graph.links)
        return replace(graph, links=links)

    def leaves(self, parameters: Mapping[str, Any], batch: int) -> dict[str, Tensor]:
        return {f"{name}.tap": self.arithmetic.full((batch, self.sizes[name]), 0.0).requires_grad_() for name in self.links}

    def step(self, moment: Moment) -> None:
        self._learn(moment)
        states = {group: self._places(group, moment.after) for group in {*self.cells, *self._readers()}}
        for cell in self.cells:
            self._advance(cell, states, moment)

    # --- the gradient of the error

    def _learn(self, moment: Moment) -> None:
        if not moment.loss.requires_grad:
            return
        slopes = {group: self._slopes(moment.loss, group, moment) for group in {*self.cells, *self._readers()}}
        for synapses in self.synapses:
            change = self._sum(synapses, slopes[synapses.link.target_node], moment).sum(0)
            for readout, traces in synapses.beyond.items():
                for place, slope in slopes[readout].states.items():
                    if place in traces:
                        change = change + torch.einsum("bm,bm...->...", slope, traces[place])
            self.gradients[synapses.path] = self.gradients.get(synapses.path, 0) + change

    # --- the traces

    def _advance(self, cell: str, states: Mapping[str, Mapping[Place, Tensor]], moment: Moment) -> None:
        """Derivatives at the end of a step from those at its start; the states of a neuron depend on no other neuron here."""
        own = [s for s in self.synapses if s.link.target_node == cell]
        slopes = {place: self._slopes(value.sum(), cell, moment) for place, value in states[cell].items()}
        for readout in self.readouts.get(cell, ()):
            self._read_out(own, cell, readout, states[readout], moment)
        for synapses in own:
            synapses.traces = {place: self._sum(synapses, found, moment) for place, found in slopes.items()}

    def _read_out(self, own: Sequence[Synapses], cell: str, readout: str, after: Mapping[Place, Tensor], moment: Moment) -> None:
        """The same for the states of the neurons that read a group out; each of them hears of all of its synapses."""
        new: dict[str, dict[Place, Tensor]] = {s.path: {} for s in own}
        for place, value in after.items():
            each = [self._slopes(value[:, n].sum(), cell, moment) for n in range(value.shape[1])]
            kept = self._slopes(value.sum(), readout, moment).states
            for synapses in own:
                found, earlier = torch.stack([self._sum(synapses, one, moment) for one in each], 1), synapses.beyond.get(readout, {})
                for before in kept.keys() & earlier.keys():
                    trace, slope = earlier[before], kept[before]
                    found = torch.addcmul(found, slope.reshape(*slope.shape, *(1 for _ in trace.shape[2:])), trace)
                new[synapses.path][place] = found
        for synapses in own:
            synapses.beyond[readout] = new[synapses.path]

    def _sum(self, synapses: Synapses, slopes: Slopes, moment: Moment) -> Tensor:
        """``[batch, *shape of the parameter]``: through the states of the own neuron, and through what arrives in this step."""
        found = synapses.driven(slopes.arrivals[synapses.link.name], self._arrived(synapses, moment))
        for place in slopes.states.keys() & synapses.traces.keys():
            found = torch.addcmul(found, synapses.met(slopes.states[place]), synapses.traces[place])
        return found

    # --- one step

    def _slopes(self, value: Tensor, group: str, moment: Moment) -> Slopes:
        leaves = {path: moment.before[path] for path in self._paths(group, moment.before)}
        taps = {k.name: moment.extra[f"{k.name}.tap"] for k in self.graph.arriving(group) if k.name in self.sizes}
        if not value.requires_grad or not (leaves or taps):
            return Slopes({}, {name: torch.zeros_like(tap) for name, tap in taps.items()})
        found = torch.autograd.grad(value, [*leaves.values(), *taps.values()], retain_graph=True, allow_unused=True)
        states = {place: x for path, g in zip(leaves, found, strict=False) if g is not None for place, x in _rows(path, g)}
        arrivals = {name: torch.zeros_like(taps[name]) if g is None else g for name, g in zip(taps, found[len(leaves) :], strict=True)}
        return Slopes(states, arrivals)

    def _readers(self) -> set[str]:
        return {readout for found in self.readouts.values() for readout in found}

    def _places(self, group: str, arrays: Mapping[str, Tensor]) -> dict[Place, Tensor]:
        """States of a group as ``[batch, neurons]`` each."""
        return {place: values for path in self._paths(group, arrays) for place, values in _rows(path, arrays[path])}

    def _paths(self, group: str, arrays: Mapping[str, Tensor]) -> list[str]:
        """Paths of the states of a group, and of the synapses that lead to it."""
        owners = {group, *(k.name for k in self.graph.arriving(group))}
        sent = [p for p in arrays if p.endswith(".history") and p.removesuffix(".history").rpartition(".")[0] == group]
        return [p for p in arrays if p.rpartition(".")[0] in owners and not p.endswith(".history")] + sent * self.follows_delays

    def _arrived(self, synapses: Synapses, moment: Moment) -> Tensor:
        source = synapses.link.source
        value = moment.seen[source] if synapses.delay == 0 else moment.before[f"{source}.history"][-synapses.delay]
        return value.detach().to(self.arithmetic.dtype)

    def _synapses(self, path: str, links: Mapping[str, Link]) -> Synapses:
        owner, _, name = path.rpartition(".")
        link = links.get(owner)
        if link is None or name not in ("weight", "bias"):
            raise UnsupportedError(
                f"{path}: eligibility traces are those of weights and biases; train it by spaic.SurrogateBP or spaic.RTRL"
            )
        delay = self.delays[owner]
        if not isinstance(delay, (int, np.integer)) or link.delay_limit is not None:
            raise UnsupportedError(f"{owner}: eligibility traces with delays of single synapses are not supported; give it one delay")
        weights, *others = [t for t in link.transforms if not t.is_identity]
        where = layout(weights, self.arithmetic, owner, self.graph.shape(link.source_node), delivered_shape(self.graph, link))
        if not where.has_synapses or others:
            what = ", ".join(type(t).__name__ for t in (others or [weights]))
            raise UnsupportedError(f"{owner}: with {what} a weight has more than one neuron; train it by loss.backward(), or spaic.RTRL")
        if not isinstance(self.graph.by_name[link.target_node], Population):
            raise UnsupportedError(f"{owner}: it leads to no population; leave it out of what is trained")
        return Synapses(path, link, int(delay), where if name == "weight" else None)


def _rows(path: str, values: Tensor) -> list[tuple[Place, Tensor]]:
    """``[batch, neurons]``: the state itself, or one for each step of what was sent before."""
    if path.endswith(".history"):
        return [((path, n), row.flatten(1)) for n, row in enumerate(values)]
    return [((path, 0), values.flatten(1))]
