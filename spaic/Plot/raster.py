"""The spike raster: one tick per spike, one row per neuron."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spaic.errors import InputError
from spaic.Plot.canvas import BLUE, axes_for, remark, tidy, whole_ticks
from spaic.Plot.recording import Recording, recorded

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: More spikes than these are drawn as an image, of at most so many rows and columns.
_TICKS, _ROWS, _COLUMNS = 20_000, 300, 600


def raster(
    spikes: Any, times: Any = None, ax: Axes | None = None, *, sample: int = 0, colour: str = BLUE, title: str = "", ylabel: str = "neuron"
) -> Axes:
    """Draw a tick for every spike.

    More than 20,000 spikes are drawn as an image: the darker a cell, the more spikes fall into it; a single one is seen.

    Parameters
    ----------
    spikes : SpikeMonitor, array or tensor, ``[T, N]`` or ``[batch, N, T]``
        A value other than 0 is a spike.
    times : array, ``[T]``, optional
        Time of each step in ms; by default those of the monitor, for an array step numbers.
    ax : matplotlib Axes, optional
        Where to draw; a new figure otherwise.
    sample : int, default 0
        Which sample of a batch.
    colour : str
        Colour of the ticks.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InputError
        For a wrong shape, a value that is not finite, or a monitor of something else than spikes.
    """
    from matplotlib.ticker import FuncFormatter

    record = recorded(spikes, "raster", sample, times)
    _check_spikes(record)
    at, who = np.nonzero(record.values)
    neurons = record.values.shape[1]
    ax = axes_for(ax)
    if len(at) > _TICKS:
        _draw_density(ax, record, at, who, colour)
    else:
        _draw_ticks(ax, record, at, who, colour)
    if not len(at):
        remark(ax, "no spikes" if record.values.size else "nothing recorded")
    ax.set_ylim(-0.5, max(neurons, 1) - 0.5)
    if len(record.times):
        left, right = _edges(record.times)
        ax.set_xlim(left - 0.01 * (right - left), right + 0.01 * (right - left))
    for axis in (ax.yaxis, *((ax.xaxis,) if record.time_label == "step" else ())):
        whole_ticks(axis)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda row, _: _number(record, row)))
    return tidy(ax, title, record.time_label, ylabel)


def _check_spikes(record: Recording) -> None:
    if record.variable not in ("", "O"):
        name = f"{record.target.path}.{record.variable}"
        raise InputError(f"raster: the monitor records {name!r}, which is no spike train; use spaic.Plot.traces, or a SpikeMonitor")
    if record.values.dtype.kind == "f" and not np.isfinite(record.values).all():
        step, neuron = np.argwhere(~np.isfinite(record.values))[0]
        raise InputError(f"raster: neuron {neuron} holds {record.values[step, neuron]} in step {step}; give spikes of 0 and 1")


def _draw_ticks(ax: Axes, record: Recording, at: np.ndarray, who: np.ndarray, colour: str) -> None:
    """Ticks over 80 % of their row; where rows are too low to be seen, over a part of the height, the more the fewer spikes there are."""
    steps, neurons = record.values.shape
    half = max(0.4, neurons / (200 if len(at) > 500 else 80))
    width = float(np.clip(250 / max(steps, 1), 0.8 if len(at) > 500 else 1.2, 2.0))
    ax.vlines(record.times[at], who - half, who + half, colors=colour, linewidths=width)


def _edges(times: np.ndarray) -> tuple[float, float]:
    """Where the first step begins and the last one ends, half a step beyond their instants."""
    margin = 0.5 * (times[-1] - times[0]) / max(len(times) - 1, 1) or 0.5
    return float(times[0] - margin), float(times[-1] + margin)


def _number(record: Recording, row: float) -> str:
    """Number of the neuron in a row; rows differ from neurons where a monitor watches some only."""
    inside = float(row).is_integer() and 0 <= row < len(record.neurons)
    return f"{record.neurons[int(row)]}" if inside else ""


def _draw_density(ax: Axes, record: Recording, at: np.ndarray, who: np.ndarray, colour: str) -> None:
    from matplotlib.colors import LinearSegmentedColormap, to_rgba

    left, right = _edges(record.times)
    neurons = record.values.shape[1]
    box = (left, right, -0.5, neurons - 0.5)
    bins = (min(neurons, _ROWS), min(len(record.times), _COLUMNS))
    counts = np.histogram2d(who, record.times[at], bins, ((box[2], box[3]), (left, right)))[0]
    # The busiest cells are all of one colour, and a lone spike stands out from none.
    shade = np.where(counts > 0, 0.3 + 0.7 * np.minimum(counts / np.quantile(counts[counts > 0], 0.98), 1.0), 0.0)
    ramp = LinearSegmentedColormap.from_list("spikes", [to_rgba(colour, 0.0), to_rgba(colour, 1.0)])
    ax.imshow(shade, cmap=ramp, vmin=0.0, vmax=1.0, extent=box, origin="lower", aspect="auto", interpolation="nearest")
