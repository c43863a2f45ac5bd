"""The shapes of a network drawing, in the scale of its axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spaic.Plot.arrows import HEIGHT, WIDTH, Point
from spaic.Plot.canvas import BLUE, GREEN, GREY, ORANGE, inches
from spaic.Plot.labels import TYPE, Box

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = {"input": GREEN, "population": BLUE, "module": "#8e5ea2", "output": ORANGE}
_INK, _PALE = "#111827", "#374151"


class Sheet:
    """Axes with an inch of the drawing as their unit.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw.
    size : (float, float)
        Width and height of the drawing in inches; type and lines shrink with it where the axes are smaller.
    """

    def __init__(self, ax: Axes, size: tuple[float, float]) -> None:
        width, height = inches(ax)
        self.ax = ax
        self.scale = float(np.clip(min(width / size[0], height / size[1]) * 1.08, 0.1, 1.0))

    def frame(self, box: Box, name: str, depth: int) -> None:
        """A frame around an assembly."""
        left, bottom, right, top = box
        self._box((left, bottom), right - left, top - bottom, "#6b728014", "#9ca3af", zorder=0.1 * depth, style=(0, (4, 3)), line=1.0)
        self._text((left + 0.12, top - 0.08), name, 8.0, GREY, ha="left", va="top", style="italic", zorder=1)

    def node(self, centre: Point, name: str, details: str, kind: str) -> None:
        """A box with two lines of text."""
        x, y = centre
        colour = _COLOURS.get(kind, GREY)
        corner = (x - WIDTH / 2, y - HEIGHT / 2)
        self._box(corner, WIDTH, HEIGHT, "white", "none", zorder=3)  # no link shines through
        self._box(corner, WIDTH, HEIGHT, colour + "1f", colour, zorder=3)
        name, details = _clipped(name, 22), _clipped(details, 30)
        self._text((x, y + 0.1 if details else y), name, _fitting(name, 9.0, 15), _INK, weight="bold", zorder=4)
        self._text((x, y - 0.13), details, _fitting(details, 7.5, 22), _PALE, zorder=4)

    def arrow(self, curve: np.ndarray, *, is_feedback: bool) -> None:
        """A curve with a head at its end."""
        from matplotlib.patches import FancyArrowPatch
        from matplotlib.path import Path

        path = Path(curve, [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4])
        arrow = FancyArrowPatch(path=path, arrowstyle="-|>", mutation_scale=9 * self.scale, color=GREY, zorder=2)
        arrow.set(linewidth=1.1 * self.scale, linestyle="dashed" if is_feedback else "solid", fill=False)
        self.ax.add_patch(arrow)

    def label(self, middle: Point, text: str) -> None:
        """The label of an arrow."""
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5 * self.scale}
        self._text(middle, text, TYPE, _PALE, zorder=5, bbox=box)

    def _box(
        self, corner: Point, width: float, height: float, face: str, edge: str, *, zorder: float, style: object = "solid", line: float = 1.3
    ) -> None:
        from matplotlib.patches import FancyBboxPatch

        shape = FancyBboxPatch(corner, width, height, boxstyle="round,pad=0,rounding_size=0.1", facecolor=face, edgecolor=edge)
        shape.set(linewidth=line * self.scale, linestyle=style, zorder=zorder)
        self.ax.add_patch(shape)

    def _text(self, place: Point, text: str, size: float, colour: str, **options: Any) -> None:
        if text:
            options = {"ha": "center", "va": "center", **options}
            self.ax.text(*place, text, fontsize=size * self.scale, color=colour, clip_on=False, **options)


def _fitting(text: str, size: float, letters: int) -> float:
    """The size of type in which `text` is not wider than so many letters at `size`."""
    return size * min(1.0, letters / max(len(text), 1))


def _clipped(text: str, letters: int) -> str:
    """`text` without its middle where it is too long; names that begin alike often end differently."""
    if len(text) <= letters:
        return text
    return f"{text[: letters // 2]}…{text[len(text) - (letters - letters // 2 - 1) :]}"
