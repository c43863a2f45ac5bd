"""The report of a training: one figure from monitors, history and predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spaic.Learning.training import History
from spaic.Monitor.spike_monitor import SpikeMonitor
from spaic.Monitor.state_monitor import StateMonitor
from spaic.Plot.summary import training_summary
from spaic.Plot.training import confusion_counts

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def training_report(
    inputs: SpikeMonitor, hidden: SpikeMonitor, membrane: StateMonitor, history: History, predicted: Any, true: Any, *, sample: int = 0
) -> Figure:
    """Draw rasters and membranes of the last run, the learning curve and the confusion matrix.

    Parameters
    ----------
    inputs, hidden : SpikeMonitor
        Of the input node and of the group that `membrane` watches.
    membrane : StateMonitor
        Of a membrane potential.
    history : History
        What ``net.fit`` returned.
    predicted, true : array of int
        Classes, as :func:`spaic.predict` gives them.
    sample : int
        Which sample of the last batch to show.

    Returns
    -------
    matplotlib Figure
        To be saved with ``figure.savefig(path)``.
    """
    group: Any = membrane.target
    threshold = group.parameters.get("V_th", getattr(group.model.parameters.get("V_th"), "default", float("nan")))
    accuracy = float((predicted == true).float().mean()) if hasattr(predicted, "float") else float((predicted == true).mean())
    classes = int(max(predicted.max(), true.max())) + 1
    return training_summary(
        inputs.values,
        hidden.values,
        membrane.values,
        float(threshold),
        history,
        confusion_counts(true, predicted, classes),
        membrane.times,
        sample=sample,
        title=f"test accuracy {accuracy:.1%}",
    )
