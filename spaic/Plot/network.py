"""A drawing of a network as it is declared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from spaic.errors import InputError
from spaic.Graph.graph import Graph
from spaic.Graph.links import Link
from spaic.Graph.nodes import Input, Node, Output, Population
from spaic.Graph.schedule import schedule
from spaic.Network.connection import Connection
from spaic.Network.network import Network
from spaic.Network.node import Node as CodingNode
from spaic.Plot.graph import LinkArrow, NodeBox, draw_graph

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: What may stand before or after the link proper: transform -> the word for it.
_STAGES = {"Dropout": "dropout", "Pool2d": "pool", "BatchNorm": "batchnorm", "Upsample": "upsample"}


def draw_network(net: Network, ax: Axes | None = None, *, depth: int | None = None, title: str = "") -> Axes:
    """Draw groups, nodes and connections of `net`, with the delay that each connection got.

    What is hidden is left out. Connections of one kind and delay between the same two boxes are one arrow that tells their number.

    Parameters
    ----------
    net : Network
        The network; it need not be built.
    ax : matplotlib Axes, optional
        Where to draw; a new figure otherwise.
    depth : int, optional
        Assemblies nested deeper than this are drawn as one box each: 0 for a box per assembly of the network itself. All are opened
        by default.
    title : str
        Title of the axes.

    Returns
    -------
    matplotlib Axes
    """
    if not isinstance(net, Network):
        raise InputError(f"draw_network: {net!r} is not a network; give the spaic.Network that it belongs to")
    if depth is not None and (not hasattr(depth, "__index__") or isinstance(depth, bool) or depth < 0):
        raise InputError(f"draw_network: depth {depth!r} is not a whole number of at least 0; give one, or leave it out")
    graph = net.graph
    codes = {node.path: node.coding_method for node in net.members(CodingNode)}
    boxes = [_box(node, graph, codes.get(node.name, "")) for node in graph.nodes]
    arrows = _arrows(net, graph)
    if depth is not None:
        boxes, arrows = _closed(boxes, arrows, depth)
    return draw_graph(boxes, _merged(arrows), ax, title=title)


def _box(node: Node, graph: Graph, code: str) -> NodeBox:
    if isinstance(node, Population):
        return NodeBox(node.name, "population", node.shape, node.model.name)
    if isinstance(node, Input):
        return NodeBox(node.name, "input", node.shape, code)
    return NodeBox(node.name, "output", graph.shape(_read(node)), code)


def _arrows(net: Network, graph: Graph) -> list[LinkArrow]:
    plan = schedule(graph)
    kinds = {connection.path: connection.link_type for connection in net.members(Connection)}
    arrows = []
    for link in graph.links:
        steps = np.asarray(plan.delays[link.name])
        least, most = (float(end) * graph.clock.dt for end in (steps.min(), steps.max()))
        arrows.append(LinkArrow(link.name, link.source_node, link.target_node, (least, most), _kind(link, kinds.get(link.name, ""))))
    return arrows + [LinkArrow(o.name, _read(o), o.name) for o in graph.outputs]


def _kind(link: Link, link_type: str) -> str:
    """Type of a link with the stages around it and its synapse; a generator drives its target without a link."""
    stages = [_STAGES.get(type(transform).__name__, "") for transform in link.transforms]
    extra = [stage for stage in dict.fromkeys(stages) if stage != link_type]
    return " + ".join(part for part in (link_type, *extra, link.synapse.model.name if link.synapse else "") if part)


def _read(output: Output) -> str:
    """Path of the group that an output reads."""
    return output.reads.rpartition(".")[0]


def _closed(boxes: Sequence[NodeBox], arrows: Sequence[LinkArrow], depth: int) -> tuple[list[NodeBox], list[LinkArrow]]:
    """Boxes and arrows with every assembly below `depth` drawn as one box."""
    homes = {box.path: ".".join(box.path.split(".")[: depth + 1]) for box in boxes}
    inside: dict[str, list[NodeBox]] = {}
    for box in boxes:
        inside.setdefault(homes[box.path], []).append(box)
    kept = [members[0] if members[0].path == home else _module(home, members) for home, members in inside.items()]
    outer = [replace(arrow, source=homes[arrow.source], target=homes[arrow.target]) for arrow in arrows]
    modules = {box.path for box in kept if box.kind == "module"}
    return kept, [arrow for arrow in outer if arrow.source != arrow.target or arrow.source not in modules]


def _module(path: str, members: Sequence[NodeBox]) -> NodeBox:
    groups = [box for box in members if box.kind == "population"]
    neurons = sum(prod(box.shape) for box in groups)
    return NodeBox(path, "module", (), f"{len(groups)} group{'s' if len(groups) != 1 else ''} · {neurons:,}")


def _merged(arrows: Sequence[LinkArrow]) -> list[LinkArrow]:
    """One arrow for all that join the same boxes and carry the same label."""
    alike: dict[tuple[str, str, str], list[LinkArrow]] = {}
    for arrow in arrows:
        alike.setdefault((arrow.source, arrow.target, arrow.label), []).append(arrow)
    return [replace(same[0], kind=f"{len(same)}× {same[0].kind}".strip()) if len(same) > 1 else same[0] for same in alike.values()]
