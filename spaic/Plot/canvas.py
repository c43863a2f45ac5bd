"""What all pictures share: colours, axes to draw on, names of axes, and numbers out of whatever holds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from spaic.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

# Told apart with every common kind of colour blindness (after Okabe and Ito, darkened to be read on white).
BLUE, ORANGE, GREEN, RED, GREY = "#0064a8", "#d9730d", "#008060", "#b3204d", "#6b7280"
CYCLE = (BLUE, ORANGE, GREEN, "#b06ba0", "#8a6d00", "#3fa7d6", RED, GREY)
#: The largest number of curves that colours of their own tell apart.
MOST = len(CYCLE)


def axes_for(ax: Axes | None, size: tuple[float, float] = (6.0, 3.5)) -> Axes:
    """Return `ax`, or the axes of a new figure of `size` inches."""
    if ax is None:
        return new_figure(size).add_subplot()
    if not hasattr(ax, "transData"):
        raise InputError(f"ax: {ax!r} is not a matplotlib Axes; give one, such as plt.figure().add_subplot(), or leave it out")
    return ax


def new_figure(size: tuple[float, float]) -> Figure:
    """A figure of `size` inches.

    pyplot knows it, so that ``plt.show()`` and notebooks show it and ``plt.close(figure)`` ends it. Without a screen it is drawn into
    memory.
    """
    from matplotlib import pyplot as plt

    return plt.figure(figsize=size, layout="constrained")


def tidy(ax: Axes, title: str = "", xlabel: str = "", ylabel: str = "") -> Axes:
    """Name `ax` and take away the two spines that carry no scale."""
    ax.set_title(title, loc="left")
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def legend_above(ax: Axes, handles: Sequence[Any] | None = None) -> None:
    """A legend above `ax`, where it hides nothing; the title, at the left, moves up."""
    handles = ax.get_legend_handles_labels()[0] if handles is None else handles
    if not handles:
        return
    widths = [0.07 * len(str(handle.get_label())) + 0.43 for handle in handles]  # in inches, with the line before it
    rows = 1
    while rows < len(handles) and sum(max(widths[i : i + rows]) for i in range(0, len(handles), rows)) > 1.1 * inches(ax)[0]:
        rows += 1
    across = -(-len(handles) // rows)
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "ncols": across, "borderaxespad": 0.2, "borderpad": 0.1}
    ax.legend(handles=handles, fontsize="small", frameon=False, handlelength=1.4, columnspacing=1.2, **place)
    if ax.get_title(loc="left"):
        ax.set_title(ax.get_title(loc="left"), loc="left", pad=6 + 14 * rows)


def inches(ax: Axes) -> tuple[float, float]:
    """Width and height of `ax` as they are now; a layout engine may still change them a little."""
    place = ax.get_window_extent()
    dpi: float = ax.figure.dpi
    return place.width / dpi, place.height / dpi


def whole_ticks(axis: Axis) -> None:
    """Marks at whole numbers only, in round steps."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=8, integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))


def remark(ax: Axes, text: str) -> None:
    """Say in the middle of empty axes why they are empty."""
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color=GREY, style="italic")


def as_array(values: Any, path: str) -> np.ndarray:
    """A NumPy array of `values`: a tensor of any device, with or without gradient, or anything array-like that holds numbers."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        if values.is_sparse:
            values = values.to_dense()
        if values.is_floating_point():
            values = values.double()  # NumPy has no bfloat16
    try:
        array = np.asarray(values)
    except (TypeError, ValueError):
        raise InputError(f"{path}: rows of different lengths make no array; give rows of one length") from None
    if array.dtype.kind not in "fiub":
        raise InputError(f"{path}: got {type(values).__name__} of {array.dtype}; give a monitor, or an array or tensor of real numbers")
    return array


def whole(number: Any, count: int, path: str, what: str, among: str = "") -> int:
    """`number` as an index into `count` things; a negative one counts from the end."""
    if not hasattr(number, "__index__") or isinstance(number, bool) or not -count <= number.__index__() < count:
        allowed = f"give one from 0 to {count - 1}" if count else "there are none"
        raise InputError(f"{path}: {what} {number!r} of {among}{count}; {allowed}")
    return int(number.__index__()) % count
