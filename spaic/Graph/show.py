"""A graph as text: what it consists of, which delays its links got, in which order it runs, and a drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np

from spaic.Graph.graph import Graph
from spaic.Graph.links import Link
from spaic.Graph.nodes import Input, Output, Population
from spaic.Graph.schedule import Schedule, schedule
from spaic.Graph.transforms import Dense, Transform
from spaic.Graph.values import Value


class Explanation(str):
    """Text that has been printed: an interactive session that shows the value of a line does not show all of it once more."""

    def __repr__(self) -> str:
        return f"<explanation of {self.count(chr(10)) + 1} lines; print it to see it again>"

    def _ipython_display_(self) -> None:
        """What a notebook calls in place of showing the value."""


def explain(graph: Graph, sizes: Mapping[str, int] | None = None, execution: Sequence[str] = ()) -> str:
    """Text that says what a network is.

    Parameters
    ----------
    graph : Graph
        A verified graph.
    sizes : mapping of str to int, optional
        Path -> number of values, of what can be trained.
    execution : sequence of str
        How each part is executed, as the program says.
    """
    plan = schedule(graph)
    neurons = sum(p.size for p in graph.populations)
    weights = sum(_weights(t) for k in graph.links for t in k.transforms)
    groups = f"{len(graph.populations)} group{'s' if len(graph.populations) != 1 else ''}"
    head = f"{groups}, {neurons:,} neurons, {weights:,} weights, dt {graph.clock.dt:g} ms, seed {graph.seed}"
    parts = [head, _title("nodes"), *_nodes(graph), _title("connections"), *_links(graph, plan), _title("schedule"), *_stages(graph, plan)]
    if execution:
        parts += [_title("execution"), *(f"  {line}" for line in execution)]
    elif graph.plasticity:
        parts += [_title("learning"), *(f"  {p.link}: learns by {p.rule.name}" for p in graph.plasticity)]
    if sizes:
        parts += [_title("trainable"), *(f"  {path:<40} {n:>10,}" for path, n in sizes.items())]
    return "\n".join([*parts, _title("drawing"), *_drawing(graph, plan)])


def _weights(transform: Transform) -> int:
    """Number of values that a transform holds; absent synapses do not count."""
    absent = int((~transform.mask).sum()) if isinstance(transform, Dense) and transform.mask is not None else 0
    return sum(prod(shape) for _, shape in transform.parameters().values()) - absent


def _title(text: str) -> str:
    return f"\n{text}"


def _nodes(graph: Graph) -> list[str]:
    lines: list[str] = []
    shown: set[str] = set()
    for node in _by_assembly(graph):
        *above, name = node.name.split(".")
        for depth in range(len(above)):
            assembly = ".".join(above[: depth + 1])
            if assembly not in shown:
                shown.add(assembly)
                lines.append(f"{'  ' * (depth + 1)}{above[depth]}/")
        lines.append(f"{'  ' * (len(above) + 1)}{name:<16} {_describe(node)}")
    return lines


def _by_assembly(graph: Graph) -> list[Input | Population | Output]:
    """Nodes in their order, those of an assembly together where its first one stands."""
    first: dict[str, int] = {}
    for i, node in enumerate(graph.nodes):
        parts = node.name.split(".")
        for depth in range(1, len(parts) + 1):
            first.setdefault(".".join(parts[:depth]), i)
    return sorted(graph.nodes, key=lambda n: [first[".".join(n.name.split(".")[: d + 1])] for d in range(n.name.count(".") + 1)])


def _describe(node: Input | Population | Output) -> str:
    if isinstance(node, Input):
        return f"input {list(node.shape)}"
    if isinstance(node, Output):
        return f"output of {node.reads}"
    values = ", ".join(f"{k}={_value(v)}{_unit(node, k)}" for k, v in sorted(node.parameters.items()))
    surrogate = f", surrogate {node.surrogate.name}" if node.surrogate else ""
    return f"{node.model.name} {list(node.shape)}, {node.integrator}{surrogate}: {values}"


def _unit(node: Population, name: str) -> str:
    unit = getattr(node.model.parameters[name], "unit", "1")
    return "" if unit == "1" else f" {unit}"


def _value(value: Value) -> str:
    if isinstance(value, np.ndarray):
        return f"array{list(value.shape)} {value.min():g}..{value.max():g}"
    return f"{value:g}" if isinstance(value, (int, float)) else repr(value)


def _links(graph: Graph, plan: Schedule) -> list[str]:
    return [
        f"  {k.name:<16} {k.source} -> {k.target}, {_kind(k)}, delay {delay_text(plan, k, graph.clock.dt)}"
        + (", trained" if k.trainable else "")
        for k in sorted(graph.links, key=lambda k: k.name)
    ]


def _kind(link: Link) -> str:
    shapes = [f"{type(t).__name__} {[list(s) for _, s in t.parameters().values()]}" for t in link.transforms]
    return " then ".join(shapes) + (f" then synapse {link.synapse.model.name}" if link.synapse else "")


def delay_text(plan: Schedule, link: Link, dt: float) -> str:
    """The delay that a link got, in ms, and whether it was stated."""
    delay = plan.delays[link.name]
    if isinstance(delay, np.ndarray):
        synapses = link.transforms[0].synapses_shape((1,))
        what = "per synapse" if synapses is not None and len(synapses) == delay.ndim else "by source"
        return f"{delay.min(initial=delay.max(initial=0)) * dt:g}..{delay.max(initial=0) * dt:g} ms {what}"
    return f"{delay * dt:g} ms" + (" (not stated)" if link.delay is None else "")


def _stages(graph: Graph, plan: Schedule) -> list[str]:
    lines = []
    for number, stage in enumerate(plan.stages, 1):
        how = "island, step by step" if stage.is_island else "layer, over all time"
        lines.append(f"  {number}. {', '.join(stage.populations)} ({how})")
    return lines


def _drawing(graph: Graph, plan: Schedule) -> list[str]:
    """One line per link, from left to right in the order of execution; ``<-`` marks the way back in a loop."""
    rank = {n.name: -1 for n in graph.inputs}
    for number, stage in enumerate(plan.stages):
        for place, name in enumerate(stage.populations):
            rank[name] = number * 1000 + place
    lines = []
    for link in sorted(graph.links, key=lambda k: (rank[k.target_node], rank[k.source_node], k.name)):
        back = rank[link.source_node] >= rank[link.target_node]
        left, right = f"[{link.source_node}]", f"[{link.target_node}]"
        arrow = f"<--{link.name}--" if back else f"--{link.name}-->"
        lines.append(f"  {right} {arrow} {left}" if back else f"  {left} {arrow} {right}")
    return lines + [f"  [{o.reads.rpartition('.')[0]}] ==> ({o.name})" for o in graph.outputs]
