"""How training went: loss, accuracy and learning rate over the epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spaic.errors import InputError, reject_unknown
from spaic.Learning.history import History
from spaic.Plot.canvas import BLUE, GREEN, GREY, ORANGE, RED, as_array, axes_for, legend_above, remark, tidy, whole_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: What a history may hold: the scale it belongs to, its colour and line style.
_CURVES = {
    "loss": ("loss", ORANGE, "-"),
    "test_loss": ("loss", RED, "--"),
    "accuracy": ("accuracy (%)", BLUE, "-"),
    "test_accuracy": ("accuracy (%)", GREEN, "--"),
    "lr": ("learning rate", GREY, ":"),
}
#: Curves with more values than these have no markers.
_MARKED = 30


@dataclass(frozen=True, eq=False)
class Curve:
    """A curve to draw: its name in a history, its label and its values, ``[epochs]``."""

    name: str
    label: str
    values: np.ndarray

    @property
    def scale(self) -> str:
        """The scale it belongs to."""
        return _CURVES[self.name][0]


def learning_curve(
    history: Mapping[str, Sequence[float]] | History | Any, ax: Axes | None = None, *, title: str = "", xlabel: str = "epoch"
) -> Axes:
    """Draw loss, accuracy and learning rate over the epochs, each on its own scale.

    Values that are not finite leave a gap.

    Parameters
    ----------
    history : History, mapping, array or tensor
        What ``net.fit`` returned, or any of ``loss``, ``test_loss``, ``accuracy``, ``test_accuracy`` and ``lr``, one value per epoch,
        accuracies from 0 to 1. An array ``[epochs]`` is the loss. The rates of several learners are curves of their own;
        those of a History are drawn if they change.
    ax : matplotlib Axes, optional
        Where to draw; a new figure otherwise.
    xlabel : str
        What the values are counted in.

    Returns
    -------
    matplotlib Axes
        The one of the loss, if there is one; those of the accuracy and the learning rate are its twins.
    """
    curves = _curves(history)
    scales = list(dict.fromkeys(curve.scale for curve in curves))
    main = axes_for(ax)
    sides = {scale: main if place == 0 else _twin(main, place) for place, scale in enumerate(scales)}
    lines = []
    for number, curve in enumerate(curves):
        _, colour, style = _CURVES[curve.name]
        is_second = curve.name in [other.name for other in curves[:number]]
        marker = "o" if len(curve.values) <= _MARKED else None
        epochs = np.arange(1, len(curve.values) + 1)
        look: dict[str, Any] = {"color": colour, "marker": marker, "markersize": 3.5, "alpha": 0.5 if is_second else 1.0}
        lines += sides[curve.scale].plot(epochs, curve.values, style, label=curve.label, **look)
    for scale, side in sides.items():
        side.set_ylabel(scale)
    _set_scales(sides, curves)
    whole_ticks(main.xaxis)
    tidy(main, title, xlabel, scales[0] if scales else "loss").spines["right"].set_visible(len(scales) > 1)
    legend_above(main, lines)
    if not any(np.isfinite(curve.values).any() for curve in curves):
        remark(main, "no epochs")
    return main


def _curves(history: Any) -> list[Curve]:
    """The curves of a history, accuracies in %, with NaN where a value is not finite."""
    if isinstance(history, History):
        given: Mapping[str, Any] = {name: values for name, values in vars(history).items() if name in _CURVES and len(values)}
        if all(rate == given["lr"][0] for rate in given.get("lr", ())):
            given = {name: values for name, values in given.items() if name != "lr"}  # a scale for a level line says little
    elif isinstance(history, Mapping):
        reject_unknown("learning_curve", history, _CURVES, "curve")
        given = history
    else:
        given = {"loss": history}
    found = []
    for name in _CURVES:
        for label, values in _series(name, given[name]) if name in given else ():
            course = as_array(values, f"learning_curve: {label}")
            if course.ndim != 1:
                raise InputError(f"learning_curve: {label} has the shape {list(course.shape)}; give one value per epoch")
            factor = 100.0 if _CURVES[name][0].startswith("accuracy") else 1.0
            found.append(Curve(name, label, factor * np.where(np.isfinite(course), course, np.nan)))
    return found


def _series(name: str, values: Any) -> list[tuple[str, Any]]:
    """The curves behind a name with their labels: one, or one for each key where every epoch has a mapping, as the rates of learners."""
    if not isinstance(values, (list, tuple)) or not values or not all(isinstance(value, Mapping) for value in values):
        return [(name.replace("_", " "), values)]
    keys = list(dict.fromkeys(key for value in values for key in value))
    rows = {key: [value.get(key, np.nan) for value in values] for key in keys}
    return [(name if len(keys) == 1 else f"{name} of {key}", row) for key, row in rows.items()]


def _twin(main: Axes, place: int) -> Axes:
    """Axes over the same epochs with a scale at the right; the second one stands further out."""
    side = main.twinx()
    side.spines["top"].set_visible(False)
    if place > 1:
        side.spines["right"].set_position(("outward", 52))
    return side


def _set_scales(sides: Mapping[str, Axes], curves: Sequence[Curve]) -> None:
    """Losses from 0 unless some are negative; learning rates, if they differ much, in powers of ten."""
    for scale, side in sides.items():
        values = np.concatenate([curve.values for curve in curves if curve.scale == scale])
        values = values[np.isfinite(values)]
        if not values.size:
            continue
        if scale == "loss" and values.min() >= 0:
            side.set_ylim(0.0, 1.05 * values.max() or 1.0)
        elif scale == "learning rate" and 0 < values.min() < 0.05 * values.max():
            side.set_yscale("log")
