"""State variables over time, with the threshold and the spikes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from spaic.errors import InputError
from spaic.Monitor.monitor import Monitor
from spaic.Plot.canvas import CYCLE, GREY, MOST, axes_for, legend_above, remark, tidy, whole_ticks
from spaic.Plot.recording import Recording, recorded
from spaic.Plot.thresholds import level

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: How many neurons are drawn when none are named, and the number of samples from which a trace is thinned.
_SHOWN, _SAMPLES = 3, 10_000


def traces(
    values: Any,
    times: Any = None,
    ax: Axes | None = None,
    *,
    neurons: Sequence[int] | int | None = None,
    threshold: float | str | None = "auto",
    spikes: Any = None,
    sample: int = 0,
    title: str = "",
    ylabel: str | None = None,
) -> Axes:
    """Draw the variable of some neurons over time.

    Values that are not finite leave a gap. Of more than 10,000 samples the extremes of equal stretches are drawn, so that no peak is lost.

    Parameters
    ----------
    values : StateMonitor, array or tensor, ``[T, N]`` or ``[batch, N, T]``
        The recorded variable. ``"V_before_reset"`` shows how a membrane reaches its threshold, ``"V"`` what the reset leaves.
    times : array, ``[T]``, optional
        Time of each step in ms; by default those of the monitor, for an array step numbers.
    ax : matplotlib Axes, optional
        Where to draw; a new figure otherwise.
    neurons : sequence of int or int, optional
        Numbers of the neurons in their group; the first three that were recorded otherwise.
    threshold : float or None, optional
        Drawn as a dashed line, in the unit of `values`. By default the firing threshold of the group that a monitor watches, if it is one
        number; None for no line.
    spikes : SpikeMonitor, or array or tensor shaped like `values`, optional
        A triangle above the traces marks every spike of a drawn neuron.
    sample : int, default 0
        Which sample of a batch.
    ylabel : str, optional
        By default the variable of the monitor, with the unit that its model declares.

    Returns
    -------
    matplotlib Axes
    """
    record = recorded(values, "traces", sample, times)
    columns = _columns(record, neurons, "traces")
    height = _line(threshold, record)
    marks = None if spikes is None else _spike_times(record, spikes, sample, columns)
    colours = _colours(len(columns))
    ax = axes_for(ax)
    for column, colour in zip(columns, colours, strict=True):
        course = _thinned(record.times, record.values[:, column])
        ax.plot(*course, color=colour, linewidth=1.2, label=f"neuron {record.neurons[column]}", marker="." if len(course[0]) == 1 else None)
    if height is not None:
        ax.axhline(height, color=GREY, linestyle="--", linewidth=1.0, label="threshold", zorder=1)
    if marks is not None:
        _mark(ax, record, columns, marks, colours, height)
    ax.margins(x=0.01)
    if record.time_label == "step":
        whole_ticks(ax.xaxis)
    if not np.isfinite(record.values[:, columns]).any():
        remark(ax, "no finite value" if record.values.size else "nothing recorded")
    tidy(ax, title, record.time_label, record.label if ylabel is None else ylabel)
    if len(columns) > MOST:
        _bar(ax, record, columns, colours)
    elif len(columns) + (height is not None) > 1:
        legend_above(ax)
    return ax


def _columns(record: Recording, neurons: Sequence[int] | int | None, path: str) -> list[int]:
    """Columns of the neurons to be drawn."""
    if neurons is None:
        return list(range(min(_SHOWN, len(record.neurons))))
    neurons = [neurons] if isinstance(neurons, (int, np.integer)) else list(neurons)
    known = record.neurons.tolist()
    for neuron in neurons:
        if neuron not in known:
            has = f"0 to {len(known) - 1}" if known == list(range(len(known))) else ", ".join(map(str, known[:12]))
            raise InputError(f"{path}: neuron {neuron!r} of {len(known)} that were recorded; give numbers from {has}")
    return [known.index(neuron) for neuron in neurons]


def _line(threshold: Any, record: Recording) -> float | None:
    """Height of the line at the threshold."""
    if isinstance(threshold, str) and threshold == "auto":
        return level(record)
    if threshold is None:
        return None
    if isinstance(threshold, str) or not hasattr(threshold, "__float__") or not np.isfinite(float(threshold)):
        raise InputError(f"traces: the threshold is {threshold!r}; give a number, None for no line, or leave it out")
    return float(threshold)


def _colours(count: int) -> list[Any]:
    """Colours that are told apart, or a ramp where there are too many."""
    if count <= MOST:
        return list(CYCLE[:count])
    from matplotlib import colormaps

    return list(colormaps["viridis"](np.linspace(0.0, 0.9, count)))


def _thinned(times: np.ndarray, course: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`course` with gaps where it is not finite; of a long one the lowest and the highest value of equal stretches."""
    course = np.where(np.isfinite(course), course, np.nan)
    if len(course) <= _SAMPLES:
        return times, course
    length = -(-2 * len(course) // _SAMPLES)
    stretches = [slice(start, start + length) for start in range(0, len(course), length)]
    kept = [i for s in stretches for i in _extremes(course[s], s.start)]
    return times[kept], course[kept]


def _extremes(stretch: np.ndarray, start: int) -> list[int]:
    """Positions of the lowest and the highest value of a stretch, in their order, and of one gap if there is one."""
    gaps = np.flatnonzero(np.isnan(stretch))[:1].tolist()
    ends = [] if len(gaps) and np.isnan(stretch).all() else [int(np.nanargmin(stretch)), int(np.nanargmax(stretch))]
    return sorted({start + i for i in gaps + ends})


def _spike_times(record: Recording, spikes: Any, sample: int, columns: list[int]) -> list[np.ndarray]:
    """For each drawn neuron, when it fired."""
    fired = recorded(spikes, "traces: spikes", sample)
    if not isinstance(spikes, Monitor):
        if fired.values.shape != record.values.shape:
            shapes = f"spikes are {list(fired.values.shape)} and values {list(record.values.shape)}"
            raise InputError(f"traces: {shapes}; record both over the same run")
        return [record.times[fired.values[:, column] != 0] for column in columns]
    if fired.variable != "O" or (record.target is not None and fired.target is not record.target):
        raise InputError(f"traces: spikes are {spikes.reads!r}, values of {_name(record)}; give a SpikeMonitor of the same group")
    places = _columns(fired, record.neurons[columns].tolist(), "traces: spikes")
    return [fired.times[fired.values[:, place] != 0] for place in places]


def _name(record: Recording) -> str:
    return "an array" if record.target is None else repr(record.target.path)


def _mark(ax: Axes, record: Recording, columns: list[int], marks: list[np.ndarray], colours: list[Any], height: float | None) -> None:
    """Triangles above the traces, one row for each neuron."""
    drawn = np.append(record.values[:, columns].astype(float), [] if height is None else height)
    drawn = drawn[np.isfinite(drawn)]
    if not drawn.size:
        return
    low, high = drawn.min(), drawn.max()
    step = 0.05 * (high - low or 1.0) * min(1.0, MOST / len(columns))
    for row, (column, at, colour) in enumerate(zip(columns, marks, colours, strict=True)):
        heights = np.full(len(at), high + (row + 1) * step)
        ax.plot(at, heights, "v", color=colour, markersize=4.5, markeredgewidth=0.0, label=f"_spikes {record.neurons[column]}")


def _bar(ax: Axes, record: Recording, columns: list[int], colours: list[Any]) -> None:
    """A scale of colours in place of a legend that would be too long."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    places = Normalize(-0.5, len(columns) - 0.5)
    bar = ax.figure.colorbar(ScalarMappable(places, ListedColormap(colours)), ax=ax, label="neuron", pad=0.02)
    shown = np.unique(np.linspace(0, len(columns) - 1, 6).round().astype(int))
    bar.set_ticks(shown.tolist(), labels=[str(record.neurons[columns[i]]) for i in shown])
