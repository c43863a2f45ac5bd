"""The graph: everything a backend needs to know about a network, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from spaic.clock import Clock
from spaic.errors import UnknownName, nearest
from spaic.Graph.digest import digest
from spaic.Graph.links import Link
from spaic.Graph.nodes import Input, Node, Output, Population
from spaic.Graph.plasticity import Plasticity
from spaic.Graph.transforms import OverTime


@dataclass(frozen=True)
class Probe:
    """A variable to record.

    Attributes
    ----------
    reads : str
        Its path.
    every : int
        Number of steps from one sample to the next.
    gradient : bool
        Whether the gradient with respect to it is wanted too, as ``<path>.gradient``: one entry per step, None before a backward pass.
    events : bool
        Whether spikes may come as :class:`~spaic.Graph.events.Events`.
    """

    reads: str
    every: int = 1
    gradient: bool = False
    events: bool = False


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes, links and probes. The order of declaration has no meaning.

    Attributes
    ----------
    nodes, links, probes : tuple
        The elements.
    clock : Clock
        Time grid.
    seed : int
        Seed of everything random.
    plasticity : tuple of Plasticity
        Rules at work on weights.
    """

    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    probes: tuple[Probe, ...] = ()
    clock: Clock = field(default_factory=Clock)
    seed: int = 0
    plasticity: tuple[Plasticity, ...] = ()

    def __deepcopy__(self, memo: dict[int, object]) -> Graph:
        return self  # a graph never changes

    @cached_property
    def by_name(self) -> dict[str, Node]:
        """Nodes by path."""
        return {n.name: n for n in self.nodes}

    @property
    def inputs(self) -> tuple[Input, ...]:
        """Input nodes."""
        return tuple(n for n in self.nodes if isinstance(n, Input))

    @property
    def populations(self) -> tuple[Population, ...]:
        """Populations."""
        return tuple(n for n in self.nodes if isinstance(n, Population))

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Output nodes."""
        return tuple(n for n in self.nodes if isinstance(n, Output))

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of an input or population."""
        node = self.by_name.get(name)
        if node is None or isinstance(node, Output):
            raise UnknownName(f"{name}: no input or population has this path; {nearest(name, self.by_name)}")
        return node.shape

    def arriving(self, name: str) -> tuple[Link, ...]:
        """Links into a population, sorted by path: the order in which they are summed."""
        return self._arriving.get(name, ())

    @cached_property
    def _arriving(self) -> dict[str, tuple[Link, ...]]:
        found: dict[str, tuple[Link, ...]] = {}
        for link in sorted(self.links, key=lambda k: k.name):
            found[link.target_node] = (*found.get(link.target_node, ()), link)
        return found

    @cached_property
    def statistics(self) -> frozenset[str]:
        """Paths of what training runs measure, such as running means."""
        return frozenset(f"{k.name}.{name}" for k in self.links for t in k.transforms for name in t.statistics())

    @cached_property
    def whole_runs(self) -> dict[str, int]:
        """Path of a link that sees all steps of a run at once -> how many these are."""
        return {k.name: t.steps for k in self.links for t in k.transforms if isinstance(t, OverTime)}

    def sampling(self) -> dict[str, int]:
        """Path of every recorded variable -> steps from one sample to the next; outputs need every step."""
        return {p.reads: p.every for p in self.probes} | {o.reads: 1 for o in self.outputs}

    @cached_property
    def digest(self) -> str:
        """A fingerprint: equal for the same network, whatever the way and the order in which it was declared."""
        by_path = {e.name: e for e in (*self.nodes, *self.links)}
        rules = [{p.name: p for p in self.plasticity}] if self.plasticity else []
        return digest([by_path, {p.reads: p.every for p in self.probes}, self.clock.dt, self.seed, *rules])

    def read_variables(self) -> frozenset[str]:
        """Paths of all variables that a link, output or probe reads."""
        return frozenset({k.source for k in self.links} | {o.reads for o in self.outputs} | {p.reads for p in self.probes})
