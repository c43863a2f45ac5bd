"""One figure of a trained classifier: what went in, what the neurons did, how it learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spaic.Learning.training import History
from spaic.Plot.canvas import over_time
from spaic.Plot.raster import raster
from spaic.Plot.traces import traces
from spaic.Plot.training import confusion_matrix, learning_curve

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def training_summary(
    input_spikes: Any,
    hidden_spikes: Any,
    membrane: Any,
    threshold: float,
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
    input_spikes, hidden_spikes : array or tensor, ``[T, N]`` or ``[batch, N, T]``
        Spike trains of the input and of a hidden layer.
    membrane : array or tensor, like `hidden_spikes`
        Membrane potential of the hidden layer; three neurons that fire in about an eighth of the steps are drawn.
    threshold : float
        Firing threshold, in the unit of `membrane`.
    history : mapping
        As :func:`~spaic.Plot.training.learning_curve` takes it.
    confusion : array of int, ``[classes, classes]``
        As :func:`~spaic.Plot.training.confusion_matrix` takes it.
    times : array, ``[T]``, optional
        Time of each step in ms.
    sample : int, default 0
        Which sample of a batch the rasters and the membrane show.

    Returns
    -------
    matplotlib Figure
        To be saved with ``figure.savefig(path)``.
    """
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(13.0, 7.2), layout="constrained")
    panels = figure.subplot_mosaic([["input", "hidden", "curve"], ["membrane", "membrane", "confusion"]])
    hidden = over_time(hidden_spikes, "training_summary", sample)
    counts = (hidden != 0).sum(axis=0)
    typical = sorted(abs(counts - len(hidden) / 8).argsort(kind="stable")[:3].tolist())  # silent and saturated ones show little
    raster(input_spikes, times, panels["input"], sample=sample, title="input spikes", ylabel="input")
    raster(hidden, times, panels["hidden"], title="hidden spikes")
    potential = over_time(membrane, "training_summary", sample)
    traces(potential, times, panels["membrane"], neurons=typical, threshold=threshold, spikes=hidden, title="membrane potential")
    learning_curve(history, panels["curve"], title="learning curve")
    confusion_matrix(confusion, panels["confusion"], title="confusion matrix")
    if title:
        figure.suptitle(title)
    return figure
