"""Matrices in colour: a scale that is honest about the sign, and a bar that says what it means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from spaic.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Limits = tuple[float, float]

#: Of cells without a value.
ABSENT = "#d4d4d8"


def draw_matrix(
    ax: Axes, matrix: np.ndarray, limits: Limits | None, label: str, path: str, *, aspect: Literal["equal", "auto"] = "equal"
) -> Any:
    """Draw `matrix`, NaN in grey, with a colour bar called `label`; the image is returned."""
    from matplotlib import colormaps

    low, high = scale(matrix, limits, path)
    colours = colormaps["RdBu_r" if low < 0 < high else "viridis"].with_extremes(bad=ABSENT)
    image = ax.imshow(matrix, cmap=colours, vmin=low, vmax=high, aspect=aspect, interpolation="auto" if matrix.size > 90_000 else "nearest")
    beyond = (bool(np.nanmin(matrix, initial=np.inf) < low), bool(np.nanmax(matrix, initial=-np.inf) > high))
    extend = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}[beyond]
    ax.figure.colorbar(image, ax=ax, label=label, extend=extend, fraction=0.05, pad=0.03, aspect=30)
    return image


def scale(matrix: np.ndarray, limits: Limits | None, path: str) -> Limits:
    """Ends of the colours: as given, alike on both sides of 0 for mixed signs, else the extremes.

    Examples
    --------
    >>> scale(np.array([-1.0, 3.0]), None, "weight_map"), scale(np.array([1.0, 3.0]), None, "weight_map")
    ((-3.0, 3.0), (1.0, 3.0))
    """
    if limits is not None:
        low, high = (float(end) for end in limits)
        if not low < high or not np.isfinite([low, high]).all():
            raise InputError(f"{path}: the limits {limits!r} are no interval; give the lowest and the highest value, such as (-1.0, 1.0)")
        return low, high
    present = matrix[np.isfinite(matrix)]
    if not present.size:
        return 0.0, 1.0
    low, high = float(present.min()), float(present.max())
    if low < 0 < high:
        return -max(-low, high), max(-low, high)
    return (low, high) if low < high else (low - 0.5 * (abs(low) or 1.0), high + 0.5 * (abs(high) or 1.0))
