"""Elements with sparse connections, run over all time without gradients by a kernel that passes on only the spikes that occur."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from spaic.Backend.element import Element
from spaic.Backend.Kernels.text.sparse_island import DELAYED, DENSE, DIRECT, ONE_TO_ONE, SCATTERED, SPARSE, Feed
from spaic.Backend.Kernels.threads.free_cores import free
from spaic.Backend.Torch.links.transforms import effective_weight
from spaic.Backend.Torch.simulation.simulated_call import LINE, Call
from spaic.Backend.Torch.simulation.synapse_tables import is_common
from spaic.Graph.links import Link
from spaic.Graph.schedule import Stage
from spaic.Graph.transforms import Dense, OneToOne, Sparse

if TYPE_CHECKING:
    from spaic.Backend.Plastic.at_work import RuleAtWork
    from spaic.Backend.Torch.run import Run
    from spaic.Backend.Torch.simulation.kernel_order import KernelOrder

#: Neurons that are worth a thread: for fewer the threads would mostly wait for each other.
_WORTH = 1024


@dataclass
class Afferent:
    """A way into the stage: how it is written, its delay in steps (the least one), and its tables."""

    feed: Feed
    delay: int
    deepest: int
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


class Simulated:
    """The loop over time of a stage, in one kernel that passes on spikes as events.

    Parameters
    ----------
    run : Run
        Of the program.
    stage : Stage
        The populations.
    orders : mapping of RuleAtWork to KernelOrder
        Rules on links into them, which pass on events, and how synapses are kept.
    """

    def __init__(self, run: Run, stage: Stage, orders: Mapping[RuleAtWork, KernelOrder] | None = None) -> None:
        self.run_, self.stage, self.rules = run, stage, tuple(orders or ())
        self.learned = {rule.link.name: order for rule, order in (orders or {}).items()}
        self.traces: dict[str, np.ndarray] = {}  # number of the rule and name of the state
        self.numbers: dict[str, int] = {}  # link -> number of its way
        self.elements: dict[str, Element] = {}
        self.arriving: dict[tuple[str, str], Tensor] = {}
        self.ways: list[Afferent] = []
        neurons = sum(prod(run.program.elements[name].shape) for name in stage.populations)
        self.copies = run.batch if orders else 1  # samples that share what is learned go through time side by side, as one large network
        self.threads = 1 if orders else free(max(1, min(torch.get_num_threads(), neurons // _WORTH)))

    def add(self, link: Link, delivered: Tensor | None) -> None:
        """A link into the stage; `delivered` is what it brings over all time, if it is not passed on as events."""
        target, port = link.target_node, link.port
        if delivered is not None:
            self._arrives(target, port, delivered)
            return
        synapse = self.run_.program.synapses.get(link.name)
        if synapse is not None:
            self.elements[link.name] = synapse
            output = synapse.model.output  # type: ignore[attr-defined]
            self.ways.append(Afferent(Feed(link.name, output, target, port, DIRECT), 0, 0))
            target, port = link.name, synapse.model.ports[0]
        self.numbers[link.name] = len(self.ways)
        self.ways.append(self._way(link, target, port))
        bias = self.run_.owned.get(link.name, {}).get("bias")
        if bias is not None:
            self._arrives(target, port, bias.reshape(1, 1, -1).expand(1, self.run_.batch, -1))

    def _arrives(self, target: str, port: str, amount: Tensor) -> None:
        amount = amount.detach().to(self.run_.program.dtype).reshape(len(amount), self.run_.batch, -1)
        here = (target, port)
        self.arriving[here] = self.arriving[here] + amount if here in self.arriving else amount

    def _way(self, link: Link, target: str, port: str) -> Afferent:
        run, (transform,) = self.run_, link.transforms
        delay = run.program.schedule.delays[link.name]
        weight = run.owned[link.name]["weight"].detach().to(run.program.dtype)
        deepest = int(np.max(delay, initial=0))
        order = self.learned.get(link.name)
        if order is not None and order.arrays:
            arrays, kind = {"weight": order.to_kernel(weight)}, DELAYED
        elif isinstance(transform, Dense):
            arrays, kind = {"weight": effective_weight(transform, weight).T}, DENSE
        elif isinstance(transform, OneToOne):
            arrays, kind = {"weight": weight}, ONE_TO_ONE
        else:
            arrays, kind = {"weight": weight}, SPARSE if isinstance(delay, int) else SCATTERED
        way = Afferent(Feed(link.source_node, link.variable, target, port, kind), int(np.min(delay, initial=deepest)), deepest)
        form = torch.contiguous_format
        way.arrays = {k: (x.contiguous() if order is None else x.clone(memory_format=form)).numpy() for k, x in arrays.items()}
        if kind == DELAYED and order is not None:
            way.arrays |= order.arrays
        elif isinstance(transform, Sparse):
            way.arrays |= run.program.tables.of(link, transform, delay, self.cuts(transform.post))
            if kind == SPARSE and order is None and is_common(run.owned[link.name]["weight"]):
                way.arrays["weight"] = way.arrays["weight"][:1]
        return way

    def cuts(self, size: int) -> np.ndarray:
        """Where the parts of the threads begin and end: at multiples of a line of the cache, so that they share none."""
        return np.minimum(size, -(-np.arange(self.threads + 1) * size // self.threads // LINE) * LINE)

    def weight(self, link: str) -> np.ndarray:
        """The weights of a link as the kernel has them, a row for each presynaptic neuron of a full one."""
        return self.ways[self.numbers[link]].arrays["weight"]

    def run(self) -> None:
        """All steps."""
        call = self.call()
        for sample in range(self.run_.batch // self.copies):
            call.simulate(sample)
        call.hand_over()

    def call(self) -> Call:
        """What the kernel is called with."""
        return Call(self)
