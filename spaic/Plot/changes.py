"""How weights are distributed, and how they change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from spaic.errors import InputError
from spaic.Plot.canvas import BLUE, CYCLE, GREY, MOST, ORANGE, as_array, axes_for, legend_above, remark, tidy, whole
from spaic.Plot.recording import time_axis
from spaic.Plot.weights import Weights, weights_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: At so many instants, at most, the spread of the weights is drawn.
_INSTANTS = 500


def weight_histogram(
    weights: Any,
    after: Any = None,
    ax: Axes | None = None,
    *,
    bins: int = 50,
    names: tuple[str, str] = ("before", "after"),
    title: str = "",
    xlabel: str = "weight",
) -> Axes:
    """Draw how weights are distributed, or how two sets of them differ.

    Parameters
    ----------
    weights : Connection, StateMonitor of ``"weight"``, array or tensor
        Of any shape. A monitor alone shows the first and the last sample of its recording.
    after : like `weights`, optional
        Weights to compare with, drawn over the same bins.
    ax : matplotlib Axes, optional
        Where to draw; a new figure otherwise.
    bins : int, default 50
        Number of bins.
    names : (str, str)
        What the two sets are called.

    Returns
    -------
    matplotlib Axes
    """
    if not hasattr(bins, "__index__") or isinstance(bins, bool) or bins < 1:
        raise InputError(f"weight_histogram: {bins!r} bins; give a positive whole number")
    sets = _sets(weights, after)
    everything = np.concatenate(sets)
    edges = (np.histogram_bin_edges(everything, bins) if everything.size else np.linspace(0.0, 1.0, bins + 1)).tolist()
    ax = axes_for(ax)
    for values, colour, name in zip(sets, (BLUE, ORANGE), names, strict=False):
        spread = f"{values.mean():.3g} ± {values.std():.2g}" if values.size else "no synapses"
        label = f"{name}: {spread}" if len(sets) > 1 else f"{len(values):,} synapses: {spread}"
        ax.hist(values, edges, color=colour, alpha=0.35, histtype="stepfilled")
        ax.hist(values, edges, color=colour, histtype="step", linewidth=1.2, label=label)
    if edges[0] < 0 < edges[-1]:
        ax.axvline(0.0, color=GREY, linewidth=0.8, linestyle=":")
    if not everything.size:
        remark(ax, "no weights")
    ax.margins(x=0.01)
    tidy(ax, title, xlabel, "number of synapses")
    legend_above(ax)
    return ax


def weight_course(
    weights: Any,
    times: Any = None,
    ax: Axes | None = None,
    *,
    synapses: Sequence[Sequence[int]] = (),
    title: str = "",
    ylabel: str = "weight",
) -> Axes:
    """Draw how the weights of a connection change in time: their median, the middle 80 % and the extremes.

    Parameters
    ----------
    weights : StateMonitor of ``"weight"``, array or tensor, ``[post, pre, T]``
        Weights with time last.
    times : array, ``[T]``, optional
        In ms; by default those of the monitor, for an array the numbers of the samples.
    ax : matplotlib Axes, optional
        Where to draw; a new figure otherwise.
    synapses : sequence of (int, int)
        Synapses drawn one by one, as (post, pre).

    Returns
    -------
    matplotlib Axes
    """
    found = weights_of(weights, "weight_course")
    courses = found.values
    if courses.ndim < 2 or (times is None and found.times is None and courses.ndim < 3):
        raise InputError(f"weight_course: the shape {list(courses.shape)} has no axis of time; give [post, pre, T], or a StateMonitor")
    instants, label = time_axis(found.times if times is None else times, courses.shape[-1], "weight_course")
    named = [_synapse(courses, place) for place in synapses]
    ax = axes_for(ax)
    _draw_bands(ax, instants, courses.reshape(-1, courses.shape[-1]))
    for number, (place, course) in enumerate(zip(synapses, named, strict=True)):
        ax.plot(instants, course, color=CYCLE[(number + 1) % MOST], linewidth=1.1, label=" ← ".join(map(str, place)))
    ax.margins(x=0.01)
    tidy(ax, title, label, ylabel)
    legend_above(ax)
    return ax


def _sets(weights: Any, after: Any) -> list[np.ndarray]:
    """One or two sets of weights as vectors, without absent synapses."""
    first = weights_of(weights, "weight_histogram")
    found: list[Weights] = [first.at(None, "weight_histogram")]
    if after is not None:
        found.append(weights_of(after, "weight_histogram").at(None, "weight_histogram"))
    elif first.times is not None:
        found.insert(0, first.at(first.times[0], "weight_histogram"))
    return [f.values[np.isfinite(f.values)] for f in found]


def _synapse(courses: np.ndarray, place: Sequence[int]) -> np.ndarray:
    """Course of one weight."""
    numbers = as_array(place, "weight_course: synapses")
    if numbers.shape != (courses.ndim - 1,):
        raise InputError(f"weight_course: {place!r} names no synapse of weights {list(courses.shape[:-1])}; give (post, pre)")
    index = tuple(whole(n, size, "weight_course", "synapse") for n, size in zip(place, courses.shape, strict=False))
    return np.asarray(courses[index])


def _draw_bands(ax: Axes, times: np.ndarray, courses: np.ndarray) -> None:
    present = courses[np.isfinite(courses).all(axis=1)]
    if not present.size:
        return
    every = -(-len(times) // _INSTANTS)
    times, present = times[::every], present[:, ::every]
    low, tenth, middle, ninetieth, high = np.quantile(present, (0.0, 0.1, 0.5, 0.9, 1.0), axis=0)
    ax.fill_between(times, low, high, color=BLUE, alpha=0.12, linewidth=0.0, label="all")
    ax.fill_between(times, tenth, ninetieth, color=BLUE, alpha=0.3, linewidth=0.0, label="middle 80 %")
    ax.plot(times, middle, color=BLUE, linewidth=1.4, label="median")
