"""What all pictures share: colours, axes to draw on, and recordings as arrays over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spaic.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, ORANGE, GREEN, RED, GREY = "#2563a8", "#d9730d", "#3a8a4d", "#c0392b", "#6b7280"
CYCLE = (BLUE, ORANGE, GREEN, "#8e5ea2", "#b8860b", "#17818a", RED, GREY)


def axes_for(ax: Axes | None, size: tuple[float, float] = (6.0, 3.5)) -> Axes:
    """Return `ax`, or the axes of a new figure of `size` inches."""
    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.subplots(figsize=size, layout="constrained")[1]
    return ax


def tidy(ax: Axes, title: str = "", xlabel: str = "", ylabel: str = "") -> Axes:
    """Name `ax` and take away the two spines that carry no scale."""
    ax.set_title(title, loc="left")
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def as_array(values: Any) -> np.ndarray:
    """A NumPy array of `values`: a tensor of any device, with or without gradient, or anything array-like."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        if hasattr(values, "is_floating_point") and values.is_floating_point():
            values = values.double()  # NumPy has no bfloat16
    return np.asarray(values)


def over_time(values: Any, path: str, sample: int = 0) -> np.ndarray:
    """One sample of a recording as ``[T, N]``.

    Parameters
    ----------
    values : array or tensor, ``[T, N]`` or ``[batch, N, T]``
        The second form is what monitors give; further axes of the neurons are flattened in it.
    path : str
        Who asks, for the message.
    sample : int, default 0
        Which sample of a batch.
    """
    array = as_array(values)
    if array.ndim == 2:
        return array
    if array.ndim < 2:
        raise InputError(f"{path}: expected [T, N] or [batch, N, T], got the shape {list(array.shape)}; add the missing axis")
    if not -len(array) <= sample < len(array):
        raise InputError(f"{path}: sample {sample} of a batch of {len(array)}; give one from 0 to {len(array) - 1}")
    return array[sample].reshape(-1, array.shape[-1]).T


def time_axis(times: Any, steps: int, path: str) -> tuple[np.ndarray, str]:
    """The instants of `steps` steps, and the label of their axis (step numbers where `times` is None)."""
    if times is None:
        return np.arange(steps), "step"
    array = as_array(times)
    if array.shape != (steps,):
        raise InputError(f"{path}: times has the shape {list(array.shape)} for {steps} steps; give one time in ms per step")
    return array, "time (ms)"
