"""One figure of a trained classifier: what went in, what the neurons did, how it learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spaic.Learning.history import History
from spaic.Plot.canvas import new_figure
from spaic.Plot.confusion import confusion_matrix
from spaic.Plot.raster import raster
from spaic.Plot.recording import recorded
from spaic.Plot.traces import traces
from spaic.Plot.training import learning_curve

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def training_summary(
    input_spikes: Any,
    hidden_spikes: Any,
    membrane: Any,
    threshold: float | str | None,
    history: Mapping[str, Sequence[float]] | History,
    confusion: Any,
    times: Any = None,
    *,
    sample: int = 0,
    title: str = "",
) -> Figure:
    """Draw input and hidden raster, membrane with threshold, learning curve and confusion matrix.

    Parameters
    ----------
    input_spikes, hidden_spikes : SpikeMonitor, array or tensor, ``[T, N]`` or ``[batch, N, T]``
        Spike trains of the input and of a hidden layer.
    membrane : StateMonitor, or array or tensor like `hidden_spikes`
        Membrane potential of the hidden layer; three neurons that fire in about an eighth of the steps are drawn.
    threshold : float, "auto" or None
        Firing threshold, as :func:`~spaic.Plot.traces.traces` takes it.
    history : mapping
        As :func:`~spaic.Plot.training.learning_curve` takes it.
    confusion : array of int, ``[classes, classes]``
        As :func:`~spaic.Plot.confusion.confusion_matrix` takes it.
    times : array, ``[T]``, optional
        Time of each step in ms; by default those of the monitors.
    sample : int, default 0
        Which sample of a batch the rasters and the membrane show.

    Returns
    -------
    matplotlib Figure
        To be saved with ``figure.savefig(path)``.
    """
    figure = new_figure((13.0, 7.2))
    panels = figure.subplot_mosaic([["input", "hidden", "curve"], ["membrane", "membrane", "confusion"]])
    shown = _typical(hidden_spikes, membrane, sample)
    raster(input_spikes, times, panels["input"], sample=sample, title="input spikes", ylabel="input")
    raster(hidden_spikes, times, panels["hidden"], sample=sample, title="hidden spikes")
    about = {"threshold": threshold, "spikes": hidden_spikes, "sample": sample}
    traces(membrane, times, panels["membrane"], neurons=shown, title="membrane potential", **about)
    learning_curve(history, panels["curve"], title="learning curve")
    confusion_matrix(confusion, panels["confusion"], title="confusion matrix")
    if title:
        figure.suptitle(title)
    return figure


def _typical(hidden_spikes: Any, membrane: Any, sample: int) -> list[int]:
    """Three recorded neurons that fire in about an eighth of the steps: silent and saturated ones show little."""
    hidden = recorded(hidden_spikes, "training_summary", sample)
    watched = recorded(membrane, "training_summary", sample).neurons.tolist()
    counts = (hidden.values != 0).sum(axis=0)
    distance = {int(neuron): abs(count - len(hidden.values) / 8) for neuron, count in zip(hidden.neurons, counts, strict=True)}
    known = [neuron for neuron in watched if neuron in distance]
    return sorted(sorted(known, key=lambda neuron: distance[neuron])[:3])
