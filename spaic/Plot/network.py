"""A drawing of a network as it is declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spaic.Graph.graph import Graph
from spaic.Graph.nodes import Input, Node, Output
from spaic.Graph.schedule import schedule
from spaic.Network.network import Network
from spaic.Plot.graph import LinkArrow, NodeBox, draw_graph

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_network(net: Network, ax: Axes | None = None, *, title: str = "") -> Axes:
    """Draw groups, nodes and connections of `net`, with the delay that each connection got.

    Parameters
    ----------
    net : Network
        The network; it need not be built.
    ax : matplotlib Axes, optional
        Where to draw; a new figure otherwise.
    title : str
        Title of the axes.
    """
    graph = net.graph
    plan = schedule(graph)
    boxes = [_box(node, graph) for node in graph.nodes]
    arrows = [
        LinkArrow(
            k.name, k.source_node, k.target_node, float(np.max(plan.delays[k.name])) * graph.clock.dt, type(k.transforms[-1]).__name__
        )
        for k in graph.links
    ]
    arrows += [LinkArrow(o.name, _read(o), o.name) for o in graph.outputs]
    return draw_graph(boxes, arrows, ax, title=title)


def _box(node: Node, graph: Graph) -> NodeBox:
    if isinstance(node, Input):
        return NodeBox(node.name, "input", node.shape)
    if isinstance(node, Output):
        return NodeBox(node.name, "output", graph.shape(_read(node)))
    return NodeBox(node.name, "population", node.shape, node.model.name)


def _read(output: Output) -> str:
    """Path of the group that an output reads."""
    return output.reads.rpartition(".")[0]
