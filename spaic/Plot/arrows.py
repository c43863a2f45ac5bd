"""The arrows of a network drawing: each takes, of several ways, the one that meets the fewest boxes and other arrows."""

from __future__ import annotations

from collections.abc import Sequence, Set

import numpy as np

from spaic.Plot.layout import Pair, feedback_links

#: Inches from column to column and from row to row, and the size of a box.
COLUMN, ROW, WIDTH, HEIGHT = 2.3, 1.0, 1.35, 0.56

Point = tuple[float, float]

#: Where a curve is compared with boxes and other curves.
_STEPS = np.linspace(0.0, 1.0, 33)


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
    found: list[np.ndarray] = []
    taken: set[tuple[int, int]] = set()
    for pair in pairs:
        ways = _ways(*pair, column, centres, pair in feedback)
        costs = [0.4 * place + _cost(along(way, _STEPS), pair, centres, taken) for place, way in enumerate(ways)]
        found.append(ways[int(np.argmin(costs))])
        taken.update(_cells(along(found[-1], _STEPS)))
    return found


def along(curve: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Points ``[len(t), 2]`` of a cubic Bezier curve at the parameters `t` from 0 to 1."""
    weights = np.stack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3], axis=1)
    return weights @ curve


def _ways(source: int, target: int, column: Sequence[int], centres: Sequence[Point], is_feedback: bool) -> list[np.ndarray]:
    """The curves that a link may take, the plainest first."""
    start, end = centres[source], centres[target]
    if source == target:
        return [_loop(start, reach, side) for reach in (0.42, 0.75, 1.1) for side in (1, -1)]
    over = [_bow(start, end, reach, 1) for reach in (0.45, 0.6, 0.8, 1.1, 1.5, 2.0)]
    under = [_bow(start, end, reach, -1) for reach in (0.45, 0.6, 0.8, 1.1, 1.5, 2.0)]
    if column[source] == column[target]:
        return [_beside(start, end, reach, side) for reach in (0.45, 0.65, 0.85) for side in (1, -1)]
    if is_feedback:
        back = [_forward(start, end, shift, -1) for shift in (0.13, -0.13)] if start[1] != end[1] else []
        return [*under[:2], *back, over[0], *(way for both in zip(under[2:], over[1:], strict=False) for way in both)]
    straight = [_forward(start, end, shift) for shift in (0.0, 0.14, -0.14, 0.26, -0.26)]
    if column[target] - column[source] == 1:
        return [*straight, *over[:3], *under[:3]]
    flat = straight[:3] if abs(start[1] - end[1]) > 0.5 * ROW else []
    return [*flat, *(way for both in zip(over, under, strict=True) for way in both)]


def _cost(points: np.ndarray, pair: Pair, centres: Sequence[Point], taken: Set[tuple[int, int]]) -> float:
    """How much a way is in the way: boxes that it crosses, arrows that it runs along or meets, its length."""
    boxes = np.array(centres)
    margin = np.where(np.isin(np.arange(len(boxes)), pair), -0.03, 0.1)[:, None]
    distance = np.abs(points[None] - boxes[:, None])
    inside = (distance[..., 0] < WIDTH / 2 + margin) & (distance[..., 1] < HEIGHT / 2 + margin)
    length = float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())
    shared = sum(cell in taken for cell in _cells(points))
    return 1.5 * float(inside.sum()) + 0.12 * shared + 0.15 * length


def _cells(points: np.ndarray) -> list[tuple[int, int]]:
    """The cells of a fine grid that points fall into."""
    return [(int(x), int(y)) for x, y in np.round(points / 0.1)]


def _forward(source: Point, target: Point, shift: float, ahead: int = 1) -> np.ndarray:
    """From the side of a box to that of one further right (`ahead` 1) or left (-1); `shift` keeps parallel links apart."""
    start, end = (source[0] + ahead * WIDTH / 2, source[1] + shift), (target[0] - ahead * WIDTH / 2, target[1] + shift)
    reach = 0.45 * (end[0] - start[0])
    return np.array([start, (start[0] + reach, start[1]), (end[0] - reach, end[1]), end])


def _bow(source: Point, target: Point, reach: float, side: int) -> np.ndarray:
    """From the top (`side` 1) or bottom (-1) of a box to that of another one, `reach` beyond the outer one."""
    ahead = 1.0 if target[0] > source[0] else -1.0
    start = (source[0] + 0.3 * ahead, source[1] + side * HEIGHT / 2)
    end = (target[0] - 0.3 * ahead, target[1] + side * HEIGHT / 2)
    peak = side * max(side * start[1], side * end[1]) + side * reach
    lean = 0.12 * abs(end[0] - start[0])
    return np.array([start, (start[0] + ahead * lean, peak), (end[0] - ahead * lean, peak), end])


def _beside(source: Point, target: Point, reach: float, side: int) -> np.ndarray:
    """From the right (`side` 1) or left (-1) of a box to that of one above or below it."""
    lift = 0.12 if target[1] > source[1] else -0.12
    start = (source[0] + side * WIDTH / 2, source[1] + lift)
    end = (target[0] + side * WIDTH / 2, target[1] - lift)
    out = source[0] + side * (WIDTH / 2 + reach)
    return np.array([start, (out, start[1]), (out, end[1]), end])


def _loop(centre: Point, reach: float, side: int) -> np.ndarray:
    """From the top (`side` 1) or bottom (-1) of a box back to it."""
    x, edge = centre[0], centre[1] + side * HEIGHT / 2
    return np.array([(x + 0.2, edge), (x + 0.45, edge + side * reach), (x - 0.45, edge + side * reach), (x - 0.2, edge)])
