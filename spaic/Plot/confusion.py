"""The confusion matrix: which class was taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from spaic.errors import InputError
from spaic.Plot.canvas import as_array, axes_for, inches, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: From so many classes on, cells are too small to be written into.
_UNREADABLE = 26


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
    rows, columns = as_array(truth, "confusion_counts: truth"), as_array(predicted, "confusion_counts: predicted")
    if rows.shape != columns.shape or rows.ndim != 1:
        raise InputError(
            f"confusion_counts: {list(rows.shape)} labels and {list(columns.shape)} answers; give two vectors of the same length"
        )
    for name, labels in (("truth", rows), ("predicted", columns)):
        if labels.size and not (labels == np.floor(labels)).all():
            raise InputError(f"confusion_counts: {name} holds {labels[labels != np.floor(labels)][0]}; give the numbers of classes")
        if labels.size and (labels.min() < 0 or labels.max() >= classes):
            spread = f"{labels.min()} to {labels.max()}"
            raise InputError(f"confusion_counts: {name} runs from {spread}; the labels of {classes} classes are 0 to {classes - 1}")
    counts = np.zeros((classes, classes), dtype=int)
    np.add.at(counts, (rows.astype(int), columns.astype(int)), 1)
    return counts


def confusion_matrix(
    counts: Any, ax: Axes | None = None, *, labels: Sequence[str] | None = None, rates: bool = False, title: str = ""
) -> Axes:
    """Draw a confusion matrix: the darker a cell, the larger its share of the true class.

    Parameters
    ----------
    counts : array or tensor, ``[classes, classes]``
        Rows are true classes, columns answers, as :func:`confusion_counts` gives them.
    ax : matplotlib Axes, optional
        Where to draw; a new figure otherwise.
    labels : sequence of str, optional
        Names of the classes; their numbers otherwise.
    rates : bool, default False
        Write the share of the true class in % under every count. From 26 classes on nothing is written, a bar explains the colours.

    Returns
    -------
    matplotlib Axes
    """
    matrix = _checked(counts)
    names = [str(i) for i in range(len(matrix))] if labels is None else [str(name) for name in labels]
    if len(names) != len(matrix):
        raise InputError(f"confusion_matrix: {len(names)} labels for {len(matrix)} classes; give one per class")
    longest = max(len(name) for name in names)
    side = float(np.clip(1.6 + (0.45 if rates else 0.33) * len(matrix) + 0.07 * longest, 3.4, 9.0))
    ax = axes_for(ax, (side, side))
    cell = 0.92 * min(inches(ax)) / len(matrix)
    # Rows are coloured by their share, so that a rare class reads like a frequent one.
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    image = ax.imshow(share, cmap="Blues", vmin=0.0, vmax=1.0)
    if len(matrix) < _UNREADABLE:
        _write(ax, matrix, share, rates, cell)
    else:
        ax.figure.colorbar(image, ax=ax, label="share of the true class", fraction=0.05, pad=0.03)
    _name_classes(ax, names, cell)
    tidy(ax, title, "answer", "true class")
    ax.spines[:].set_visible(False)
    return ax


def _checked(counts: Any) -> np.ndarray:
    matrix = as_array(counts, "confusion_matrix")
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size:
        raise InputError(f"confusion_matrix: expected [classes, classes], got the shape {list(matrix.shape)}; see confusion_counts")
    matrix = matrix.astype(float)
    wrong = matrix[~(np.isfinite(matrix) & (matrix >= 0))]
    if wrong.size:
        raise InputError(f"confusion_matrix: it holds {wrong[0]}; give counts or shares of at least 0")
    return matrix


def _write(ax: Axes, matrix: np.ndarray, share: np.ndarray, rates: bool, cell: float) -> None:
    """The counts of all cells but empty ones, and their shares, in cells of so many inches."""
    from matplotlib import colormaps

    is_counts = (matrix == np.floor(matrix)).all()
    letters = max(len(f"{matrix.max():.0f}") if is_counts else 4, 5 if rates else 1)
    size = float(np.clip(72 * cell * min(1.3 / letters, 0.36 if rates else 0.55), 3.5, 9.0))
    for row, column in np.argwhere(matrix):
        text = f"{matrix[row, column]:.0f}" if is_counts else f"{matrix[row, column]:.2f}"
        if rates:
            text += f"\n{100 * share[row, column]:.{0 if len(matrix) > 5 else 1}f} %"
        red, green, blue, _ = colormaps["Blues"](share[row, column])
        colour = "white" if 0.3 * red + 0.6 * green + 0.1 * blue < 0.55 else "black"
        ax.text(column, row, text, ha="center", va="center", fontsize=size, color=colour, linespacing=1.1)


def _name_classes(ax: Axes, names: list[str], cell: float) -> None:
    every = -(-len(names) // 25)
    shown = names[::every]
    upright = 0.085 * max(len(name) for name in shown) + 0.06 > cell * every  # side by side they would touch
    ax.set_xticks(range(0, len(names), every), shown, rotation=90 if upright else 0)
    ax.set_yticks(range(0, len(names), every), shown)
    ax.tick_params(length=0)
