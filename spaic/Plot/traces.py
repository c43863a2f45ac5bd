"""State variables over time, with the threshold and the spikes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from spaic.errors import InputError
from spaic.Plot.canvas import CYCLE, GREY, axes_for, over_time, tidy, time_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: How many neurons are drawn when none are named.
_SHOWN = 3


def traces(
    values: Any,
    times: Any = None,
    ax: Axes | None = None,
    *,
    neurons: Sequence[int] | None = None,
    threshold: float | None = None,
    spikes: Any = None,
    sample: int = 0,
    title: str = "",
    ylabel: str = "V",
) -> Axes:
    """Draw the variable of some neurons over time.

    Parameters
    ----------
    values : array or tensor, ``[T, N]`` or ``[batch, N, T]``
        The recorded variable.
    times : array, ``[T]``, optional
        Time of each step in ms; step numbers are shown without it.
    ax : matplotlib Axes, optional
        Where to draw; a new figure otherwise.
    neurons : sequence of int, optional
        Which neurons; the first three otherwise.
    threshold : float, optional
        Drawn as a dashed line, in the unit of `values`.
    spikes : array or tensor, shaped like `values`, optional
        A triangle above the traces marks every spike of a drawn neuron.
    sample : int, default 0
        Which sample of a batch.

    Returns
    -------
    matplotlib Axes
    """
    courses = over_time(values, "traces", sample)
    instants, label = time_axis(times, len(courses), "traces")
    chosen = _chosen(neurons, courses.shape[1])
    ax = axes_for(ax)
    for neuron, colour in zip(chosen, _colours(len(chosen)), strict=True):
        ax.plot(instants, courses[:, neuron], color=colour, linewidth=1.1, label=f"neuron {neuron}")
    if threshold is not None:
        ax.axhline(threshold, color=GREY, linestyle="--", linewidth=1.0, label="threshold", zorder=1)
    if spikes is not None:
        _mark_spikes(ax, instants, courses, over_time(spikes, "traces: spikes", sample), chosen, threshold)
    ax.margins(x=0.01)
    if len(chosen) + (threshold is not None) > 1:
        # Above the axes, where no trace runs; the title is at the left.
        ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=4, fontsize="small", frameon=False, handlelength=1.4, borderpad=0)
    return tidy(ax, title, label, ylabel)


def _chosen(neurons: Sequence[int] | None, available: int) -> list[int]:
    if neurons is None:
        return list(range(min(_SHOWN, available)))
    for neuron in neurons:
        if not 0 <= neuron < available:
            raise InputError(f"traces: neuron {neuron} of {available}; give indices from 0 to {available - 1}")
    return list(neurons)


def _colours(count: int) -> list[str]:
    return [CYCLE[i % len(CYCLE)] for i in range(count)]


def _mark_spikes(
    ax: Axes, instants: np.ndarray, courses: np.ndarray, trains: np.ndarray, chosen: list[int], threshold: float | None
) -> None:
    if trains.shape != courses.shape:
        raise InputError(f"traces: spikes are {list(trains.shape)} and values {list(courses.shape)}; record both over the same run")
    drawn = np.append(courses[:, chosen], [] if threshold is None else threshold)
    if not drawn.size:
        return
    low, high = np.nanmin(drawn), np.nanmax(drawn)
    step = 0.05 * (high - low or 1.0)
    for row, (neuron, colour) in enumerate(zip(chosen, _colours(len(chosen)), strict=True)):
        at = instants[trains[:, neuron] != 0]
        height = high + (row + 1) * step
        ax.plot(at, np.full(len(at), height), "v", color=colour, markersize=4.5, label=f"_spikes {neuron}")
