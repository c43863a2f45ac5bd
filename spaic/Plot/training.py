"""How training went: the learning curve and the confusion matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from spaic.errors import InputError, reject_unknown
from spaic.Learning.training import History
from spaic.Plot.canvas import BLUE, GREEN, ORANGE, as_array, axes_for, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: What a history may hold: which axes it belongs to, its colour and line style.
_CURVES = {
    "loss": ("left", ORANGE, "-"),
    "test_loss": ("left", ORANGE, "--"),
    "accuracy": ("right", BLUE, "-"),
    "test_accuracy": ("right", GREEN, "--"),
}


def learning_curve(
    history: Mapping[str, Sequence[float]] | History, ax: Axes | None = None, *, title: str = "", xlabel: str = "epoch"
) -> Axes:
    """Draw loss (left scale) and accuracy (right scale) over the epochs.

    Parameters
    ----------
    history : mapping or History
        What ``net.fit`` returned, or any of ``loss``, ``test_loss``, ``accuracy``, ``test_accuracy``; one value per epoch,
        accuracies from 0 to 1.
    ax : matplotlib Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    matplotlib Axes
        The one of the loss; that of the accuracy is its twin.
    """
    from matplotlib.ticker import MaxNLocator

    curves = history if isinstance(history, Mapping) else {k: v for k, v in vars(history).items() if v}
    reject_unknown("learning_curve", curves, _CURVES, "curve")
    left = axes_for(ax)
    right = left.twinx()
    lines = []
    for name, values in curves.items():
        side, colour, style = _CURVES[name]
        course = as_array(values)
        target, course = (left, course) if side == "left" else (right, 100.0 * course)
        marker = "o" if len(course) <= 30 else ""
        label = name.replace("_", " ")
        lines += target.plot(np.arange(1, len(course) + 1), course, style, color=colour, marker=marker, markersize=3.5, label=label)
    right.spines["top"].set_visible(False)
    right.set_ylabel("accuracy (%)")
    left.set_ylim(bottom=0.0)
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    left.legend(handles=lines, loc="center right", fontsize="small", frameon=False)
    tidy(left, title, xlabel, "loss").spines["right"].set_visible(True)
    return left


def confusion_counts(truth: Any, predicted: Any, classes: int) -> np.ndarray:
    """Count how often each class was taken for each other.

    Parameters
    ----------
    truth, predicted : array or tensor of int, ``[samples]``
        The label of each sample and the answer of the network.
    classes : int
        Number of classes.

    Returns
    -------
    ndarray of int, ``[classes, classes]``
        Rows are true classes, columns answers.

    Examples
    --------
    >>> confusion_counts([0, 1, 1], [0, 1, 0], 2)
    array([[1, 0],
           [1, 1]])
    """
    rows, columns = as_array(truth), as_array(predicted)
    if rows.shape != columns.shape or rows.ndim != 1:
        raise InputError(
            f"confusion_counts: {list(rows.shape)} labels and {list(columns.shape)} answers; give two vectors of the same length"
        )
    for name, labels in (("truth", rows), ("predicted", columns)):
        if labels.size and (labels.min() < 0 or labels.max() >= classes):
            spread = f"{labels.min()} to {labels.max()}"
            raise InputError(f"confusion_counts: {name} runs from {spread}; the labels of {classes} classes are 0 to {classes - 1}")
    counts = np.zeros((classes, classes), dtype=int)
    np.add.at(counts, (rows.astype(int), columns.astype(int)), 1)
    return counts


def confusion_matrix(counts: Any, ax: Axes | None = None, *, labels: Sequence[str] | None = None, title: str = "") -> Axes:
    """Draw a confusion matrix with its counts.

    Parameters
    ----------
    counts : array of int, ``[classes, classes]``
        Rows are true classes, columns answers, as :func:`confusion_counts` gives them.
    ax : matplotlib Axes, optional
        Where to draw; a new figure otherwise.
    labels : sequence of str, optional
        Names of the classes; their numbers otherwise.

    Returns
    -------
    matplotlib Axes
    """
    matrix = as_array(counts)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise InputError(f"confusion_matrix: expected [classes, classes], got the shape {list(matrix.shape)}; see confusion_counts")
    names = [str(i) for i in range(len(matrix))] if labels is None else list(labels)
    if len(names) != len(matrix):
        raise InputError(f"confusion_matrix: {len(names)} labels for {len(matrix)} classes; give one per class")
    ax = axes_for(ax, (4.5, 4.5))
    # Rows are coloured by their share, so that a rare class reads like a frequent one.
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    ax.imshow(share, cmap="Blues", vmin=0.0, vmax=1.0)
    for row, column in np.argwhere(matrix):
        dark = share[row, column] > 0.5
        colour = "white" if dark else "black"
        ax.text(column, row, f"{matrix[row, column]:g}", ha="center", va="center", fontsize="x-small", color=colour)
    ax.set_xticks(range(len(names)), names)
    ax.set_yticks(range(len(names)), names)
    ax.tick_params(length=0)
    return tidy(ax, title, "answer", "true class")
