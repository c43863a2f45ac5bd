"""The report of a training: one figure from monitors, history and predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spaic.errors import InputError
from spaic.Learning.history import History
from spaic.Monitor.spike_monitor import SpikeMonitor
from spaic.Monitor.state_monitor import StateMonitor
from spaic.Plot.canvas import as_array
from spaic.Plot.confusion import confusion_counts
from spaic.Plot.summary import training_summary

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
    predicted, true : array or tensor of int, ``[samples]``
        Classes, as :func:`spaic.predict` gives them.
    sample : int
        Which sample of the last batch to show.

    Returns
    -------
    matplotlib Figure
        To be saved with ``figure.savefig(path)``.
    """
    answers, truth = as_array(predicted, "training_report: predicted"), as_array(true, "training_report: true")
    if not answers.size or not truth.size:
        raise InputError(f"training_report: there are {answers.size} answers and {truth.size} labels; give what spaic.predict returned")
    counts = confusion_counts(truth, answers, int(max(answers.max(), truth.max())) + 1)
    accuracy = float(np.trace(counts)) / counts.sum()
    return training_summary(inputs, hidden, membrane, "auto", history, counts, sample=sample, title=f"test accuracy {accuracy:.1%}")
