"""A drawing of a network: boxes in the order of the signal, arrows for links, frames for assemblies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spaic.errors import InputError, nearest
from spaic.Plot.arrows import COLUMN, HEIGHT, ROW, WIDTH, Point, along, curves, draw_arrow
from spaic.Plot.canvas import BLUE, GREEN, GREY, ORANGE, axes_for
from spaic.Plot.layout import Block, columns, feedback_links, place

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class NodeBox:
    """A node to draw.

    Parameters
    ----------
    path : str
        Its path; ``"column.exc"`` is drawn inside a frame called ``column``.
    kind : str
        ``"input"``, ``"population"``, ``"module"`` or ``"output"``: the colour.
    shape : tuple of int
        Shape of one sample, without batch and time.
    model : str
        Neuron model or coding method.
    """

    path: str
    kind: str = "population"
    shape: tuple[int, ...] = ()
    model: str = ""


@dataclass(frozen=True)
class LinkArrow:
    """A link to draw.

    Parameters
    ----------
    name : str
        Its path, for messages.
    source, target : str
        Paths of the nodes it joins.
    delay_ms : float
        Delay in ms; written beside the arrow where it is not 0.
    kind : str
        Type of the link, such as ``"full"``.
    """

    name: str
    source: str
    target: str
    delay_ms: float = 0.0
    kind: str = ""


_COLOURS = {"input": GREEN, "population": BLUE, "module": "#8e5ea2", "output": ORANGE}


def draw_graph(nodes: Sequence[NodeBox], links: Sequence[LinkArrow], ax: Axes | None = None, *, title: str = "") -> Axes:
    """Draw a network from left to right; links that close a cycle run back below the boxes.

    Parameters
    ----------
    nodes : sequence of NodeBox
        In the order of declaration.
    links : sequence of LinkArrow
        Links between these nodes.
    ax : matplotlib Axes, optional
        Where to draw; a new figure of fitting size otherwise.

    Returns
    -------
    matplotlib Axes
    """
    position = _positions(nodes)
    pairs = [(_find(link, link.source, position), _find(link, link.target, position)) for link in links]
    column = columns(len(nodes), pairs)
    drawing = place([node.path for node in nodes], column)
    centres = [(0.0, 0.0)] * len(nodes)
    for block in drawing.inner():
        if block.node is not None:
            centres[block.node] = (COLUMN * block.first, -ROW * (block.top + 0.5))
    paths = curves(pairs, column, centres)
    ax = _sheet(ax, drawing, paths, title)
    for block in drawing.inner():
        if block.node is None:
            _draw_frame(ax, block)
        else:
            _draw_node(ax, nodes[block.node], centres[block.node])
    feedback = feedback_links(len(nodes), pairs)
    for link, pair, path in zip(links, pairs, paths, strict=True):
        draw_arrow(ax, path, _label(link), is_feedback=pair in feedback)
    return ax


def _sheet(ax: Axes | None, drawing: Block, paths: Sequence[np.ndarray], title: str) -> Axes:
    """Axes that show all of the drawing, an inch to an inch where the figure is new."""
    heights = [y for path in paths for y in along(path, np.linspace(0.0, 1.0, 9))[:, 1]]
    low, high = min(-ROW * drawing.height, *heights, 0.0) - 0.2, max(0.0, *heights, 0.0) + 0.2
    left, right = -0.5 * COLUMN, COLUMN * (drawing.last + 0.5)
    ax = axes_for(ax, (right - left, high - low + (0.3 if title else 0.0)))
    ax.set(xlim=(left, right), ylim=(low, high), title=title, aspect="equal")
    ax.set_axis_off()
    return ax


def _label(link: LinkArrow) -> str:
    return ", ".join(part for part in (link.kind, f"{link.delay_ms:g} ms" if link.delay_ms else "") if part)


def _positions(nodes: Sequence[NodeBox]) -> dict[str, int]:
    for path, times in Counter(node.path for node in nodes).items():
        if times > 1:
            raise InputError(f"draw_graph: {times} nodes are called {path!r}; give each its own path")
    return {node.path: i for i, node in enumerate(nodes)}


def _find(link: LinkArrow, end: str, position: dict[str, int]) -> int:
    if end not in position:
        raise InputError(f"draw_graph: link {link.name!r} joins the unknown node {end!r}; {nearest(end, position)}")
    return position[end]


def _draw_frame(ax: Axes, block: Block) -> None:
    from matplotlib.patches import FancyBboxPatch

    inset = 0.04 * (block.path.count(".") + 1)  # a frame inside a frame stays clear of its border
    left, right = COLUMN * (block.first - 0.45) + inset, COLUMN * (block.last + 0.45) - inset
    top, bottom = -ROW * (block.top + 0.03), -ROW * (block.top + block.height - 0.03)
    shape = FancyBboxPatch(
        (left, bottom), right - left, top - bottom, boxstyle="round,pad=0,rounding_size=0.12", facecolor="#00000008", edgecolor="#9ca3af"
    )
    shape.set(linestyle=(0, (4, 3)), zorder=0)
    ax.add_patch(shape)
    ax.text(left + 0.12, top - 0.08, block.path.rpartition(".")[2], va="top", fontsize=8, color=GREY, style="italic")


def _draw_node(ax: Axes, node: NodeBox, centre: Point) -> None:
    from matplotlib.patches import FancyBboxPatch

    x, y = centre
    colour = _COLOURS.get(node.kind, GREY)
    for face, edge in (("white", "none"), (colour + "1f", colour)):  # white first: no link shines through
        corner = (x - WIDTH / 2, y - HEIGHT / 2)
        shape = FancyBboxPatch(corner, WIDTH, HEIGHT, boxstyle="round,pad=0,rounding_size=0.1", facecolor=face, edgecolor=edge)
        shape.set(linewidth=1.3, zorder=3)
        ax.add_patch(shape)
    details = " · ".join(part for part in (node.model, "×".join(map(str, node.shape))) if part)
    ax.text(x, y + 0.1, _clipped(node.path.rpartition(".")[2], 18), ha="center", va="center", fontsize=9, weight="bold", zorder=4)
    ax.text(x, y - 0.13, _clipped(details, 24), ha="center", va="center", fontsize=7.5, color="#374151", zorder=4)


def _clipped(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
