"""The arrows of a network drawing: forward to the right, across columns above the boxes, back below them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from spaic.Plot.canvas import GREY
from spaic.Plot.layout import Pair, feedback_links

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Inches from column to column and from row to row, and the size of a box.
COLUMN, ROW, WIDTH, HEIGHT = 2.3, 1.0, 1.35, 0.56

Point = tuple[float, float]


def curves(pairs: Sequence[Pair], column: Sequence[int], centres: Sequence[Point]) -> list[np.ndarray]:
    """The control points ``[4, 2]`` of one cubic Bezier curve per link, in inches.

    Parameters
    ----------
    pairs : sequence of (int, int)
        Source and target of each link.
    column : sequence of int
        Column of each node.
    centres : sequence of (float, float)
        Middle of each node's box.
    """
    feedback = feedback_links(len(column), pairs)
    drawn: Counter[Pair] = Counter()
    found = []
    for pair in pairs:
        source, target = pair
        ends, beside = (centres[source], centres[target]), 0.22 * drawn[pair]  # parallel links fan out
        drawn[pair] += 1
        if source == target:
            found.append(_loop(centres[source], beside))
        elif pair in feedback:
            found.append(_backward(*ends, beside))
        elif column[target] - column[source] > 1:
            found.append(_across(*ends, beside))
        else:
            found.append(_forward(*ends, beside))
    return found


def draw_arrow(ax: Axes, curve: np.ndarray, label: str, *, is_feedback: bool) -> None:
    """Draw `curve` with a head at its end and `label` beside it."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    arrow = FancyArrowPatch(
        path=Path(curve, [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]), arrowstyle="-|>", mutation_scale=9, color=GREY, zorder=2
    )
    arrow.set(linewidth=1.1, linestyle="dashed" if is_feedback else "solid", fill=False)
    ax.add_patch(arrow)
    if label:
        # A link that climbs or falls carries its label near its end, clear of those that cross the same gap.
        t = 0.5 if is_feedback or curve[0, 1] == curve[-1, 1] else 0.7
        x, y = along(curve, np.array([t]))[0]
        beside = -0.1 if y < min(curve[0, 1], curve[-1, 1]) else 0.1
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.6}
        ax.text(x, y + beside, label, ha="center", va="center", fontsize=6.5, color="#374151", zorder=5, bbox=box)


def along(curve: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Points ``[len(t), 2]`` of a cubic Bezier curve at the parameters `t` from 0 to 1."""
    weights = np.stack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3], axis=1)
    return weights @ curve


def _forward(source: Point, target: Point, beside: float) -> np.ndarray:
    start, end = (source[0] + WIDTH / 2, source[1]), (target[0] - WIDTH / 2, target[1])
    reach = 0.45 * (end[0] - start[0])
    return np.array([start, (start[0] + reach, start[1] + beside), (end[0] - reach, end[1] + beside), end])


def _across(source: Point, target: Point, beside: float) -> np.ndarray:
    start, end = (source[0] + 0.35, source[1] + HEIGHT / 2), (target[0] - 0.35, target[1] + HEIGHT / 2)
    height = max(start[1], end[1]) + 0.6 * ROW + beside
    return np.array([start, (start[0] + 0.4, height), (end[0] - 0.4, height), end])


def _backward(source: Point, target: Point, beside: float) -> np.ndarray:
    start, end = (source[0] - 0.25, source[1] - HEIGHT / 2), (target[0] + 0.25, target[1] - HEIGHT / 2)
    depth = min(start[1], end[1]) - 0.4 * ROW - beside
    return np.array([start, (start[0] - 0.1, depth), (end[0] + 0.1, depth), end])


def _loop(centre: Point, beside: float) -> np.ndarray:
    x, top = centre[0], centre[1] + HEIGHT / 2
    height = top + 0.5 + beside
    return np.array([(x + 0.25, top), (x + 0.5, height), (x - 0.5, height), (x - 0.25, top)])
