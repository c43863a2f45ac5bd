"""Weights as images: receptive fields and convolution kernels, side by side in one grid."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, isqrt, prod, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from spaic.errors import InputError
from spaic.Plot.canvas import axes_for, tidy, whole
from spaic.Plot.colours import Limits, draw_matrix
from spaic.Plot.weights import Weights, weights_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: How many fields, and kernels per side, are drawn when none are named; and the names of the sides of a bank of kernels.
_FIELDS, _KERNELS = 64, 16
_SIDES = ("output channel", "input channel")


def receptive_fields(
    weights: Any,
    ax: Axes | None = None,
    *,
    shape: tuple[int, int] | None = None,
    neurons: Sequence[int] | int | None = None,
    columns: int | None = None,
    time: float | None = None,
    limits: Limits | None = None,
    title: str = "",
    label: str = "weight",
) -> Axes:
    """Draw what each postsynaptic neuron looks for: its row of the weight matrix as an image.

    Parameters
    ----------
    weights : Connection, StateMonitor of ``"weight"``, array or tensor, ``[post, pre]``
        As :func:`~spaic.Plot.weights.weight_map` takes them.
    ax : matplotlib Axes, optional
        Where to draw; a new figure otherwise.
    shape : (int, int), optional
        Height and width of the image. By default the shape of the presynaptic side if that is an image, else a square; the channels
        of an image (channels, height, width) stand side by side.
    neurons : sequence of int or int, optional
        Which neurons; the first 64 otherwise.
    columns : int, optional
        Fields in a row; so many that the whole is about square otherwise.
    time, limits, label
        As for :func:`~spaic.Plot.weights.weight_map`.

    Returns
    -------
    matplotlib Axes
        One for all fields, which share its colours.
    """
    found = weights_of(weights, "receptive_fields").at(time, "receptive_fields")
    if found.values.ndim != 2 or 0 in found.values.shape:
        hint = "use spaic.Plot.kernels" if found.values.ndim == 4 else "give [post, pre]"
        raise InputError(f"receptive_fields: the weights have the shape {list(found.values.shape)}, a matrix is needed; {hint}")
    count = len(found.values)
    asked = range(min(count, _FIELDS)) if neurons is None else [neurons] if isinstance(neurons, (int, np.integer)) else neurons
    chosen = [whole(n, count, "receptive_fields", "neuron") for n in asked]
    if not chosen:
        raise InputError("receptive_fields: no neurons are named; name some, or leave neurons out")
    images = found.values[chosen].reshape(len(chosen), *_image(found, shape))
    tiles = images.transpose(0, 2, 1, 3).reshape(len(chosen), images.shape[2], -1)
    channels = images.shape[1]
    across = ceil(sqrt(len(chosen) * tiles.shape[1] / tiles.shape[2])) if columns is None else columns
    names = [str(n) for n in chosen] if channels == 1 and len(chosen) <= _FIELDS else []
    shown = f"{len(chosen)} of {count} neurons" if len(chosen) < count else "one field per neuron"
    note = shown + (f", {channels} channels each" if channels > 1 else "")
    return _draw_tiles(ax, tiles, across, names, limits, (title, note, label), "receptive_fields")[0]


def kernels(
    weights: Any,
    ax: Axes | None = None,
    *,
    time: float | None = None,
    limits: Limits | None = None,
    title: str = "",
    label: str = "weight",
) -> Axes:
    """Draw the kernels of a convolution: a row for each output channel, a column for each input channel.

    With one input channel, the kernels fill a grid instead. Of many channels the first 16 are drawn.

    Parameters
    ----------
    weights : Connection, StateMonitor of ``"weight"``, array or tensor, ``[out, in, height, width]``
        The kernels.
    ax : matplotlib Axes, optional
        Where to draw; a new figure otherwise.
    time, limits, label
        As for :func:`~spaic.Plot.weights.weight_map`.

    Returns
    -------
    matplotlib Axes
        One for all kernels, which share its colours.
    """
    values = weights_of(weights, "kernels").at(time, "kernels").values
    if values.ndim != 4 or 0 in values.shape:
        raise InputError(f"kernels: the weights have the shape {list(values.shape)}; give [out, in, height, width], or use weight_map")
    out, into = values.shape[:2]
    if into == 1:
        shown = values[: _KERNELS**2, 0]
        note = f"output channel ({len(shown)} of {out})" if len(shown) < out else "output channel"
        names = [str(i) for i in range(len(shown))]
        return _draw_tiles(ax, shown, ceil(sqrt(len(shown))), names, limits, (title, note, label), "kernels")[0]
    shown = values[:_KERNELS, :_KERNELS]
    tiles = shown.reshape(-1, *shown.shape[2:])
    parts = [f"{side} ({n} of {all_})" if n < all_ else side for n, all_, side in zip(shown.shape, (out, into), _SIDES, strict=False)]
    ax, middles = _draw_tiles(ax, tiles, shown.shape[1], [], limits, (title, parts[1], label), "kernels")
    ax.set_xticks(middles[: shown.shape[1], 1], [str(i) for i in range(shown.shape[1])])
    ax.set_yticks(middles[:: shown.shape[1], 0], [str(i) for i in range(shown.shape[0])])
    ax.set_ylabel(parts[0])
    return ax


def _image(found: Weights, shape: tuple[int, int] | None) -> tuple[int, int, int]:
    """Channels, height and width of what the columns of a weight matrix stand for."""
    count = found.values.shape[1]
    sizes = tuple(shape) if shape is not None else found.pre_shape if len(found.pre_shape or ()) in (2, 3) else None
    if sizes is None and isqrt(count) ** 2 == count:
        sizes = (isqrt(count), isqrt(count))
    if sizes is None:
        raise InputError(f"receptive_fields: {count} inputs are no square image; give shape=(height, width)")
    if len(sizes) not in (2, 3) or prod(sizes) != count:
        raise InputError(f"receptive_fields: the shape {sizes} does not hold {count} inputs; give (height, width) with that product")
    channels, height, width = sizes if len(sizes) == 3 else (1, *sizes)
    return channels, height, width


def _draw_tiles(
    ax: Axes | None, tiles: np.ndarray, across: Any, names: Sequence[str], limits: Limits | None, texts: tuple[str, str, str], path: str
) -> tuple[Axes, np.ndarray]:
    """Draw images ``[n, height, width]`` as one, `across` in a row, each under its name; the axes, and where each has its middle."""
    if not hasattr(across, "__index__") or across < 1:
        raise InputError(f"{path}: {across!r} columns; give a positive whole number")
    count, height, width = tiles.shape
    side = ceil(max(height, width) / 12)
    pitch = (height + (ceil(0.3 * height) if names else side), width + side)
    across = min(int(across), count)
    places = np.array([divmod(i, across) for i in range(count)]) * pitch
    sheet = np.full((places[:, 0].max() + height, places[:, 1].max() + width), np.nan)
    is_tile = np.zeros(sheet.shape)
    for (top, left), tile in zip(places, tiles, strict=True):
        sheet[top : top + height, left : left + width] = tile
        is_tile[top : top + height, left : left + width] = 1.0
    title, note, label = texts
    ax = axes_for(ax, (6.0, float(np.clip(5.0 * sheet.shape[0] / sheet.shape[1], 1.0, 7.0)) + 0.8))
    draw_matrix(ax, sheet, limits, label, path).set_alpha(is_tile)  # between the images nothing is drawn
    ax.set(xticks=[], yticks=[])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    middles = places + (np.array([height, width]) - 1) / 2
    for (row, column), name in zip(middles, names, strict=False):
        ax.text(column, row - height / 2, name, ha="center", va="bottom", fontsize=min(8.0, 60.0 / across))
    if names:
        ax.set_ylim(sheet.shape[0] - 0.5, -0.5 - 0.3 * height)
    return tidy(ax, title, note, ""), middles
