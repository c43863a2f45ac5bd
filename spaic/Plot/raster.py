"""The spike raster: one tick per spike, one row per neuron."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spaic.Plot.canvas import BLUE, axes_for, over_time, tidy, time_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def raster(
    spikes: Any, times: Any = None, ax: Axes | None = None, *, sample: int = 0, colour: str = BLUE, title: str = "", ylabel: str = "neuron"
) -> Axes:
    """Draw a tick for every spike.

    Parameters
    ----------
    spikes : array or tensor, ``[T, N]`` or ``[batch, N, T]``
        A value other than 0 is a spike.
    times : array, ``[T]``, optional
        Time of each step in ms; step numbers are shown without it.
    ax : matplotlib Axes, optional
        Where to draw; a new figure otherwise.
    sample : int, default 0
        Which sample of a batch.

    Returns
    -------
    matplotlib Axes
    """
    from matplotlib.ticker import MaxNLocator

    trains = over_time(spikes, "raster", sample)
    steps, neurons = trains.shape
    instants, label = time_axis(times, steps, "raster")
    at, who = np.nonzero(trains)
    ax = axes_for(ax)
    # Ticks span 80 % of their row, so that a raster of 10 neurons and one of 1,000 both read as rows.
    ax.vlines(instants[at], who - 0.4, who + 0.4, colors=colour, linewidths=1.8 if steps <= 150 else 0.7)
    ax.set_ylim(-0.5, max(neurons, 1) - 0.5)
    if steps:
        margin = 0.5 * (instants[-1] - instants[0]) / max(steps - 1, 1) or 0.5
        ax.set_xlim(instants[0] - margin, instants[-1] + margin)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    return tidy(ax, title, label, ylabel)
