"""One call of the kernel of an island: its members, the ways between them, its arrays, and what is kept for the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from spaic.Backend.Kernels.compiling import jit
from spaic.Backend.Kernels.text import island_text, triton_island_text
from spaic.Backend.Kernels.text.island import DENSE, Feed, Island
from spaic.Backend.Kernels.text.island_text import Argument
from spaic.Backend.Kernels.text.layer import Layer
from spaic.Backend.Kernels.text.passes import Value
from spaic.Backend.Kernels.threads.team import spread
from spaic.Backend.Torch.firing.spikes import Spikes
from spaic.Backend.Torch.kernels import looped_cuda
from spaic.Backend.Torch.kernels.prepared import Prepared, Times, numpy_name
from spaic.Backend.Torch.links import products


@dataclass(frozen=True)
class Member:
    """An element of an island in one run.

    Attributes
    ----------
    prepared : Prepared
        Its plan and parameters.
    arriving : mapping of str to Tensor
        Port -> what arrives from outside.
    states : mapping of str to Tensor
        Before the first step.
    """

    prepared: Prepared
    arriving: Mapping[str, Tensor]
    states: Mapping[str, Tensor]


@dataclass(frozen=True)
class Way:
    """A way inside an island in one run.

    Attributes
    ----------
    feed : Feed
        From where to where; its number of a weight is ignored.
    delay : int
        In steps.
    weight : Tensor or None
        ``[post, pre]`` if dense, ``[size]`` if one to one.
    how : str
        How the gradient of a dense weight is summed up: ``"auto"``, ``"dense"`` or ``"sparse"``.
    """

    feed: Feed
    delay: int
    weight: Tensor | None
    how: str = "auto"


Results = dict[str, dict[str, Tensor | Spikes]]


class Call:
    """One call of a kernel: its arrays, and what is kept for the way back.

    Parameters
    ----------
    name : str
        What it is, for people who read the generated code.
    members : mapping of str to Member
        In the order within a step.
    ways : sequence of Way
        Inside the island.
    history : mapping of (str, str) to Tensor
        Member and variable -> its values before the first step, ``[steps, batch, *shape]``, where delays reach back.
    times : Times
        When.
    """

    def __init__(
        self, name: str, members: Mapping[str, Member], ways: Sequence[Way], history: Mapping[tuple[str, str], Tensor], times: Times
    ) -> None:
        self.members, self.ways, self.times = dict(members), tuple(ways), times
        layers = tuple(m.prepared.layer for m in members.values())
        outside = frozenset((m, p) for m, member in members.items() for p in member.arriving)
        feeds = tuple(Feed(w.feed.source, w.feed.variable, w.feed.target, w.feed.port, w.feed.kind, k) for k, w in enumerate(ways))
        self.island = _island(name, tuple(members), layers, feeds, outside)
        self.depths = [max(self.ways[k].delay for k in self.island.out_of(m, v)) for m, v in self.island.sent]
        prepared = next(iter(members.values())).prepared
        self.dtype, self.device = prepared.dtype, prepared.device.type
        self.name = name
        self.sources: dict[Argument, Tensor] = {}
        for label, member in members.items():
            values = member.prepared.sources(member.states, member.arriving)
            self.sources |= {Argument("value", label, v): x for v, x in values.items()}
        self.sources |= {Argument("weight", str(k), ""): w.weight for k, w in enumerate(ways) if w.weight is not None}
        self.sources |= {
            Argument("past", m, v): history[m, v][len(history[m, v]) - depth :]
            for (m, v), depth in zip(self.island.sent, self.depths, strict=True)
            if depth
        }
        self.given = tuple(self.sources.values())
        self.made: dict[Argument, Tensor] = {}

    @property
    def text(self) -> str:
        """The generated code."""
        return _source(self.island, numpy_name(self.dtype), self.device)

    def forward(self) -> None:
        """Run the way forward."""
        known: dict[Argument, Tensor] = {}
        for argument, x in self.sources.items():
            if argument.role == "value":
                known[argument] = self.members[argument.member].prepared.flat(x)
            elif argument.role == "weight":
                feed = self.island.feeds[int(argument.member)]
                known[argument] = (x.detach().T if feed.kind == DENSE else x.detach()).to(self.dtype).contiguous()
        for label, member in self.members.items():
            known |= {Argument("value", label, v): x for v, x in member.prepared.normals.items()}
        for (label, variable), depth in zip(self.island.sent, self.depths, strict=True):
            prepared = self.members[label].prepared
            whole = prepared.empty(prepared.result(variable), self.times.steps + depth)
            if depth:
                whole[:depth] = self.sources[Argument("past", label, variable)].detach().reshape(depth, -1)
            known[Argument("value", label, prepared.result(variable))] = whole
        self.made = self.run("forward", known)

    def run(self, name: str, known: Mapping[Argument, Tensor]) -> dict[Argument, Tensor]:
        """Call a kernel; `known` and what it wrote."""
        if self.device == "cuda":
            return looped_cuda.run(self, name, known)
        order = island_text.arguments(self.island, name == "backward")
        sizes = {m: x.prepared.width // x.prepared.size[0] for m, x in self.members.items()}
        made, arrays = dict(known), []
        for argument in (a for a in order if not a.is_scratch):
            if argument not in made and isinstance(argument.item, Value):
                made[argument] = self.members[argument.member].prepared.empty(argument.item, self.times.steps)
            is_row = isinstance(argument.item, Value) and not argument.item.over_time
            arrays.append(made[argument].numpy()[0] if is_row else made[argument].numpy())
        numbers = (np.array(list(sizes.values())), np.array([w.delay for w in self.ways]), np.array(self.depths))
        scalars = tuple(m.prepared.scalars for m in self.members.values())
        threads, module = torch.get_num_threads(), jit.load(self.text, "island", self.name)
        length = sum(island_text.GROUP * sizes[a.member] for a in order if a.is_scratch)
        memory = np.empty((threads, length), dtype=numpy_name(self.dtype))
        args = (self.times.steps, self.times.first, self.times.dt, *numbers, scalars, tuple(arrays))
        batch = next(iter(self.members.values())).prepared.size[0]
        spread(getattr(module, name), batch, args, 1, threads=threads, scratch=[memory])
        return made

    def result(self, label: str, variable: str) -> Tensor:
        """``[steps, batch, *shape]``."""
        prepared = self.members[label].prepared
        whole = self.made[Argument("value", label, prepared.result(variable))]
        return whole[len(whole) - self.times.steps :].reshape(self.times.steps, *prepared.size)

    def results(self, floats: Mapping[tuple[str, str], Tensor]) -> Results:
        """What someone reads."""
        found: Results = {}
        for label, member in self.members.items():
            of_member: dict[str, Tensor | Spikes] = {}
            for variable in member.prepared.layer.recorded:
                carried = floats.get((label, variable))
                if member.prepared.result(variable).is_byte:
                    of_member[variable] = Spikes(self.result(label, variable), carried)
                else:
                    of_member[variable] = self.result(label, variable) if carried is None else carried
            found[label] = of_member
        return found

    def ends(self) -> dict[str, dict[str, Tensor]]:
        """The states after the last step."""
        return {
            label: {
                s: self.made[Argument("value", label, Value("end", s, False))].reshape(m.prepared.size) for s in m.prepared.layer.states
            }
            for label, m in self.members.items()
        }

    def sent(self, way: Way) -> Tensor:
        """What arrived over a way in each step, as it was when it was sent: ``[steps, batch, size]``."""
        prepared = self.members[way.feed.source].prepared
        depth = self.depths[self.island.sent.index((way.feed.source, way.feed.variable))]
        whole = self.made[Argument("value", way.feed.source, prepared.result(way.feed.variable))]
        return whole[depth - way.delay : depth - way.delay + self.times.steps].reshape(self.times.steps, prepared.size[0], -1)

    def to_arrival(self, way: Way, made: Mapping[Argument, Tensor]) -> Tensor | None:
        """The gradient of what arrives over a way: ``[steps, batch, size]``."""
        found = made.get(Argument("value", way.feed.target, Value("to_arrival", way.feed.port, True)))
        return None if found is None else found.reshape(self.times.steps, self.members[way.feed.target].prepared.size[0], -1)

    def weight_gradient(self, way: Way, made: Mapping[Argument, Tensor]) -> Tensor | None:
        """The gradient of the weight of a way."""
        gradient, x = self.to_arrival(way, made), self.sent(way)
        if gradient is None or way.weight is None:
            return None
        if way.feed.kind != DENSE:
            return (gradient * x).sum((0, 1))
        if x.dtype == torch.uint8:
            return products.weight_gradient(Spikes(x), gradient, way.weight, way.how)
        return gradient.flatten(0, 1).T @ x.flatten(0, 1)

    def past_gradient(self, label: str, variable: str, made: Mapping[Argument, Tensor]) -> Tensor:
        """The gradient of the values before the first step."""
        source = self.sources[Argument("past", label, variable)]
        total = torch.zeros(len(source), source.shape[1], source[0, 0].numel(), dtype=self.dtype, device=source.device)
        for number in self.island.out_of(label, variable):
            way = self.ways[number]
            gradient = self.to_arrival(way, made)
            if gradient is None or way.delay == 0:
                continue
            early = gradient[: way.delay]
            back = early if way.weight is None else early @ way.weight.detach() if way.feed.kind == DENSE else early * way.weight.detach()
            first = len(source) - way.delay
            total[first : first + len(early)] += back
        return total.reshape(source.shape)


@lru_cache(maxsize=256)
def _island(
    name: str, members: tuple[str, ...], layers: tuple[Layer, ...], feeds: tuple[Feed, ...], outside: frozenset[tuple[str, str]]
) -> Island:
    """One object for each, so that its text is made once."""
    return Island(name, members, layers, feeds, outside)


@lru_cache(maxsize=256)
def _source(island: Island, dtype: str, device: str) -> str:
    return (triton_island_text if device == "cuda" else island_text).source(island, dtype)
