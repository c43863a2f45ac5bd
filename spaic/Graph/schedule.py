"""In which order a graph is executed: derived from what is read and written, never from the order of declaration."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from math import prod

import numpy as np

from spaic.errors import GraphError
from spaic.Graph.delays import of_link
from spaic.Graph.graph import Graph
from spaic.Graph.links import Link
from spaic.Graph.nodes import Population
from spaic.Graph.values import Draw, materialise
from spaic.seeds import Key


@dataclass(frozen=True)
class Stage:
    """Populations that are executed together.

    Attributes
    ----------
    populations : tuple of str
        Paths, in the order within a step.
    is_island : bool
        True if they form a cycle and must go step by step; False for a layer, which runs over all time at once.
    """

    populations: tuple[str, ...]
    is_island: bool


@dataclass(frozen=True)
class Schedule:
    """Stages in order, and the delay of every link in steps (a number, or one per synapse)."""

    stages: tuple[Stage, ...]
    delays: dict[str, int | np.ndarray]

    @cached_property
    def depth(self) -> dict[str, int]:
        """Link -> its longest delay in steps."""
        return {name: int(np.max(d, initial=0)) for name, d in self.delays.items()}


def schedule(graph: Graph) -> Schedule:
    """Strongly connected components in topological order, with the delays that follow.

    Raises
    ------
    GraphError
        For a loop without delay, naming its members.
    """
    component = _components(graph)
    delays = {link.name: _delay(graph, link, component) for link in graph.links}
    _demand_room(graph, delays)
    members: dict[int, list[str]] = {}
    for population in graph.populations:
        members.setdefault(component[population.name], []).append(population.name)
    links = [
        (k, component[k.source_node], component[k.target_node]) for k in graph.links if isinstance(graph.by_name[k.source_node], Population)
    ]
    order = TopologicalSorter(
        {
            min(members[c]): sorted({min(members[a]) for _, a, b in links if b == c and a != c})
            for c in sorted(members, key=lambda c: min(members[c]))
        }
    )
    by_leader = {min(names): names for names in members.values()}
    looped = {a for _, a, b in links if a == b}
    stages = []
    for leader in order.static_order():
        names = by_leader[leader]
        is_island = component[leader] in looped
        stages.append(Stage(_order_within(graph, names, delays) if is_island else tuple(names), is_island))
    return Schedule(tuple(stages), delays)


def delay_in_ms(graph: Graph, name: str) -> float | np.ndarray:
    """The delay of a link as it is in a run: a number, or an array of the shape of its synapses (or values of the source)."""
    link = next(k for k in graph.links if k.name == name)
    if graph.clock.is_continuous and link.delay is not None:
        return _exact(graph, link) if isinstance(link.delay, (Draw, np.ndarray)) else float(link.delay)
    delay = _delay(graph, link, _components(graph))
    return graph.clock.time(delay) if isinstance(delay, int) else delay * graph.clock.dt


def _components(graph: Graph) -> dict[str, int]:
    """Node -> number of its strongly connected component."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    names = sorted(n.name for n in graph.nodes)
    index = {n: i for i, n in enumerate(names)}
    pairs = [(index[k.source_node], index[k.target_node]) for k in graph.links]
    rows, columns = zip(*pairs, strict=True) if pairs else ((), ())
    matrix = coo_array((np.ones(len(pairs)), (rows, columns)), shape=(len(names), len(names)))
    _, labels = connected_components(matrix, directed=True, connection="strong")
    return {n: int(labels[i]) for n, i in index.items()}


def _demand_room(graph: Graph, delays: dict[str, int | np.ndarray]) -> None:
    """Refuse a past that would not fit into the memory of this machine, at 4 bytes a value and for a single sample."""
    room = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 1 << 40
    for link in graph.links:
        depth, values = int(np.max(delays[link.name], initial=0)), prod(graph.shape(link.source_node))
        if 4 * depth * values > room:
            raise GraphError(
                f"{link.name}.delay: {depth:,} steps of {values:,} values take {4 * depth * values:,} bytes for each sample, there are "
                f"{room:,}; use a shorter delay or a larger dt"
            )


def _delay(graph: Graph, link: Link, component: dict[str, int]) -> int | np.ndarray:
    if link.delay_limit is not None:
        if component[link.source_node] == component[link.target_node] and not graph.clock.is_continuous:
            raise GraphError(f"{link.name}.delay: it lies in a loop, where delays cannot be learned; leave delay_trainable out")
        return max(1, graph.clock.wait(link.delay_limit, f"{link.name}.max_delay"))
    if link.delay is None:
        return int(component[link.source_node] == component[link.target_node])
    if not isinstance(link.delay, (Draw, np.ndarray)):
        return graph.clock.wait(link.delay, f"{link.name}.delay")
    delays = _many_delays(graph, link)
    return delays if delays.size else 0  # a link without synapses brings nothing, whenever


def _many_delays(graph: Graph, link: Link) -> np.ndarray:
    """In steps."""
    return graph.clock.waits(_exact(graph, link), f"{link.name}.delay", isinstance(link.delay, Draw))


def _exact(graph: Graph, link: Link) -> np.ndarray:
    """In ms: of the shape of the synapses, or as given for the values of the source."""
    source = graph.shape(link.source_node)
    given = link.delay.shape if isinstance(link.delay, np.ndarray) else None
    found = of_link(link, source, given)
    delays = materialise(link.delay, found.whole, Key(graph.seed, link.name, "delay"))  # type: ignore[arg-type]
    if not found.is_by_source:
        delays = np.ascontiguousarray(np.broadcast_to(delays.reshape(found.aligned(delays.shape)), found.whole))
    if (delays < 0).any():
        raise GraphError(f"{link.name}.delay: {delays.min():g} ms is negative; a delay cannot go back in time")
    return delays


def _order_within(graph: Graph, names: list[str], delays: dict[str, int | np.ndarray]) -> tuple[str, ...]:
    inside = set(names)
    before: dict[str, set[str]] = {n: set() for n in sorted(names)}
    for link in graph.links:
        if link.source_node in inside and link.target_node in inside and np.min(delays[link.name]) == 0:
            before[link.target_node].add(link.source_node)
    try:
        return tuple(TopologicalSorter({k: sorted(v) for k, v in before.items()}).static_order())
    except CycleError as error:
        loop = " -> ".join(error.args[1])
        raise GraphError(
            f"{error.args[1][0]}: the loop {loop} has no delay; give one of its connections a delay of at least one step"
        ) from None
