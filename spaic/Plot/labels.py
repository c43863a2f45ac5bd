"""Where the labels of arrows go: along their arrow, clear of boxes, names and each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spaic.Plot.arrows import HEIGHT, WIDTH, Point, along

#: Inches of a letter of a label, of its height, and the size of its type in points.
LETTER, LINE, TYPE = 0.053, 0.13, 6.5

#: Left, bottom, right and top.
Box = tuple[float, float, float, float]

#: Places along an arrow, the best first; distances from it, and how much worse than the first each is.
_PLACES = (0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.18, 0.82)
_BESIDE = (0.11, -0.11, 0.0, 0.2, -0.2)
_WORSE = (0.0, 0.06, 0.12, 0.5, 0.5)
#: Inches around an arrow within which its label stays.
_REACH = 1.0


def place_labels(texts: Sequence[str], curves: Sequence[np.ndarray], boxes: Sequence[Box]) -> list[Point | None]:
    """The middle of each label, None for an empty one.

    Parameters
    ----------
    texts : sequence of str
        The label of each arrow.
    curves : sequence of ndarray
        Control points ``[4, 2]`` of each arrow.
    boxes : sequence of Box
        What labels must not cover: nodes and names.
    """
    lines = [along(curve, np.linspace(0.0, 1.0, 41)) for curve in curves]
    covered = np.array(boxes, dtype=float).reshape(-1, 4)
    found: list[Point | None] = []
    for number, (text, curve) in enumerate(zip(texts, curves, strict=True)):
        if not text:
            found.append(None)
            continue
        size = (LETTER * len(text) + 0.04, LINE)
        others = np.concatenate([line for i, line in enumerate(lines) if i != number] or [np.zeros((0, 2))])
        middles = _middles(curve)
        low, high = curve.min(axis=0) - _REACH, curve.max(axis=0) + _REACH
        others = others[((others > low) & (others < high)).all(axis=1)]
        costs = [
            0.03 * (rank % len(_PLACES)) + _WORSE[rank // len(_PLACES)] + _cost(middle, size, covered, others)
            for rank, middle in enumerate(middles)
        ]
        best = middles[int(np.argmin(costs))]
        found.append(best)
        covered = np.vstack([covered, _around(best, size)])
    return found


def node_box(centre: Point) -> Box:
    """The box of a node."""
    return _around(centre, (WIDTH, HEIGHT))


def _middles(curve: np.ndarray) -> list[Point]:
    """Places for the middle of a label, the best first."""
    t = np.array(_PLACES)
    points, ahead = along(curve, t), along(curve, t + 0.01) - along(curve, t - 0.01)
    is_level = np.abs(ahead[:, 0]) >= np.abs(ahead[:, 1])  # a label stands above or below a level arrow, beside a steep one
    aside = np.where(is_level[:, None], [0.0, 1.0], [1.8, 0.0])
    return [(float(x), float(y)) for beside in _BESIDE for x, y in points + beside * aside]


def _cost(middle: Point, size: tuple[float, float], covered: np.ndarray, others: np.ndarray) -> float:
    """The area of boxes that a label covers, and the arrows that it hides."""
    left, bottom, right, top = _around(middle, size)
    wide = np.minimum(right, covered[:, 2]) - np.maximum(left, covered[:, 0])
    tall = np.minimum(top, covered[:, 3]) - np.maximum(bottom, covered[:, 1])
    overlap = float((np.clip(wide + 0.015, 0.0, None) * np.clip(tall + 0.015, 0.0, None)).sum())
    crossed = ((others > (left, bottom)) & (others < (right, top))).all(axis=1).sum()
    return 60.0 * overlap + 0.05 * float(crossed)


def _around(middle: Point, size: tuple[float, float]) -> Box:
    return middle[0] - size[0] / 2, middle[1] - size[1] / 2, middle[0] + size[0] / 2, middle[1] + size[1] / 2
