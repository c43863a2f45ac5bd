"""A drawing of a network: boxes in the order of the signal, arrows for links, frames for assemblies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spaic.errors import InputError, nearest
from spaic.Plot.arrows import COLUMN, ROW, WIDTH, Point, along, curves
from spaic.Plot.canvas import axes_for
from spaic.Plot.labels import LETTER, LINE, Box, node_box, place_labels
from spaic.Plot.layout import Block, columns, feedback_links, place
from spaic.Plot.shapes import Sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Inches above which a drawing is not made wider or higher; it is scaled down, its type too.
_LARGEST = 48.0


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

    @property
    def details(self) -> str:
        """The second line in the box."""
        return " · ".join(part for part in (self.model, "×".join(map(str, self.shape))) if part)


@dataclass(frozen=True)
class LinkArrow:
    """A link to draw.

    Parameters
    ----------
    name : str
        Its path, for messages.
    source, target : str
        Paths of the nodes it joins.
    delay_ms : float or (float, float)
        Delay in ms, or the least and the largest one; written beside the arrow where it is not 0.
    kind : str
        Type of the link, such as ``"full"``.
    """

    name: str
    source: str
    target: str
    delay_ms: float | tuple[float, float] = 0.0
    kind: str = ""

    @property
    def label(self) -> str:
        """What is written beside the arrow."""
        delay = self.delay_ms
        low, high = delay if isinstance(delay, tuple) else (delay, delay)
        text = "" if not high else f"{high:g} ms" if low == high else f"{low:g} to {high:g} ms"
        return ", ".join(part for part in (self.kind, text) if part)


def draw_graph(nodes: Sequence[NodeBox], links: Sequence[LinkArrow], ax: Axes | None = None, *, title: str = "") -> Axes:
    """Draw a network from left to right; links that close a cycle are dashed.

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
    frames = [(block, _frame(block)) for block in drawing.inner() if block.node is None]
    covered = [*(node_box(centre) for centre in centres), *(_name_box(block, frame) for block, frame in frames)]
    texts = [link.label for link in links]
    places = place_labels(texts, paths, covered)
    sheet = _sheet(ax, drawing, [frame for _, frame in frames], paths, (texts, places), title)
    for block, frame in frames:
        sheet.frame(frame, block.path.rpartition(".")[2], block.path.count("."))
    for node, centre in zip(nodes, centres, strict=True):
        sheet.node(centre, node.path.rpartition(".")[2], node.details, node.kind)
    feedback = feedback_links(len(nodes), pairs)
    for pair, path, text, middle in zip(pairs, paths, texts, places, strict=True):
        sheet.arrow(path, is_feedback=pair in feedback)
        if middle is not None:
            sheet.label(middle, text)
    return sheet.ax


def _sheet(
    ax: Axes | None,
    drawing: Block,
    frames: Sequence[Box],
    paths: Sequence[np.ndarray],
    labels: tuple[Sequence[str], Sequence[Point | None]],
    title: str,
) -> Sheet:
    """Axes that show all of the drawing, an inch to an inch where the figure is new and not too large."""
    ends = [along(path, np.linspace(0.0, 1.0, 9)) for path in paths]
    for text, middle in zip(*labels, strict=True):
        if middle is not None:
            ends.append(np.array(middle) + np.array([[-0.5, -1.0], [0.5, 1.0]]) * (LETTER * len(text), LINE))
    ends.append(np.array([(-0.5 * WIDTH, 0.0), (COLUMN * drawing.last + 0.5 * WIDTH, -ROW * drawing.height)]))
    ends += [np.array([frame[:2], frame[2:]]) for frame in frames]
    (left, low), (right, high) = np.concatenate(ends).min(axis=0) - 0.15, np.concatenate(ends).max(axis=0) + 0.15
    shrink = min(1.0, _LARGEST / max(right - left, high - low))
    ax = axes_for(ax, (shrink * (right - left), shrink * (high - low) + (0.3 if title else 0.0)))
    ax.set(xlim=(left, right), ylim=(low, high), aspect="equal")
    ax.set_title(title, loc="left")
    ax.set_axis_off()
    return Sheet(ax, (right - left, high - low))


def _positions(nodes: Sequence[NodeBox]) -> dict[str, int]:
    for path, times in Counter(node.path for node in nodes).items():
        if times > 1:
            raise InputError(f"draw_graph: {times} nodes are called {path!r}; give each its own path")
    return {node.path: i for i, node in enumerate(nodes)}


def _find(link: LinkArrow, end: str, position: dict[str, int]) -> int:
    if end not in position:
        raise InputError(f"draw_graph: link {link.name!r} joins the unknown node {end!r}; {nearest(end, position)}")
    return position[end]


def _frame(block: Block) -> Box:
    """The frame of an assembly, inside that of the one around it."""
    inset = 0.04 * (block.path.count(".") + 1)
    left, right = COLUMN * (block.first - 0.45) + inset, COLUMN * (block.last + 0.45) - inset
    return left, -ROW * (block.top + block.height - 0.03), right, -ROW * (block.top + 0.03)


def _name_box(block: Block, frame: Box) -> Box:
    """What the name of an assembly covers."""
    left, _, _, top = frame
    return left + 0.08, top - 0.24, left + 0.16 + 0.07 * len(block.path.rpartition(".")[2]), top - 0.04
