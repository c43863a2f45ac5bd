"""A recording as the pictures over time need it, out of a monitor, a tensor or an array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from spaic.errors import InputError
from spaic.Monitor.series import Series
from spaic.Plot.canvas import as_array, whole

#: Ending of the companion of a variable that holds its value at the spike test.
_BEFORE_RESET = "_before_reset"


@dataclass(frozen=True, eq=False)
class Recording:
    """One sample of what was recorded.

    Attributes
    ----------
    values : ndarray, ``[T, N]``
        The neurons are flattened.
    times : ndarray, ``[T]``
        In ms, or step numbers.
    time_label : str
        ``"time (ms)"`` or ``"step"``.
    neurons : ndarray of int, ``[N]``
        Number of the neuron in each column.
    target : Element or None
        What a monitor watched.
    variable : str
        Its variable; empty for an array.
    """

    values: np.ndarray
    times: np.ndarray
    time_label: str
    neurons: np.ndarray
    target: Any = None
    variable: str = ""

    @property
    def label(self) -> str:
        """The variable with its unit, for an axis."""
        if not self.variable:
            return "value"
        name = self.variable.removesuffix(_BEFORE_RESET)
        model = getattr(self.target, "synapse", None) or getattr(self.target, "model", None)
        unit = getattr(model, "units", {}).get(name, "1")
        text = f"potential {name}" if name in ("V", "v") else name
        return text if unit in ("", "1") else f"{text} ({unit})"


def recorded(source: Any, path: str, sample: int = 0, times: Any = None) -> Recording:
    """Read a recording.

    Parameters
    ----------
    source : Monitor, array or tensor, ``[T, N]`` or ``[batch, N, T]``
        The second form is what the values of a monitor are; further axes of the neurons are flattened in it.
    path : str
        Who asks, for messages.
    sample : int
        Which sample of a batch.
    times : array, ``[T]``, optional
        In ms; those of the monitor by default, step numbers for an array.
    """
    if not isinstance(source, Series):
        values = over_time(source, path, sample)
        return Recording(values, *time_axis(times, len(values), path), np.arange(values.shape[1]))
    monitor: Any = source
    target = getattr(monitor, "target", None)  # a recording read from a file has none
    variable = getattr(monitor, "var_name", monitor.facts.get("variable", ""))
    values = over_time(monitor.values, path, sample)
    instants, label = time_axis(monitor.times if times is None else times, len(values), path)
    return Recording(values, instants, label, _numbers(monitor, values.shape[1]), target, variable)


def over_time(values: Any, path: str, sample: int = 0) -> np.ndarray:
    """One sample of a recording as ``[T, N]``, from ``[T, N]`` or ``[batch, ..., T]``."""
    array = as_array(values, path)
    if array.ndim == 2:
        return array
    if array.ndim < 2:
        raise InputError(f"{path}: expected [T, N] or [batch, N, T], got the shape {list(array.shape)}; add the missing axis")
    chosen = array[whole(sample, len(array), path, "sample", "a batch of ")]
    return chosen.reshape(int(np.prod(chosen.shape[:-1])), chosen.shape[-1]).T


def time_axis(times: Any, steps: int, path: str) -> tuple[np.ndarray, str]:
    """The instants of `steps` steps, and the label of their axis (step numbers where `times` is None)."""
    if times is None:
        return np.arange(steps), "step"
    array = as_array(times, f"{path}: times")
    if array.shape != (steps,):
        raise InputError(f"{path}: times has the shape {list(array.shape)} for {steps} steps; give one time in ms per step")
    if not np.isfinite(array).all() or (np.diff(array) <= 0).any():
        raise InputError(f"{path}: times do not rise from step to step; give the time of each step in ms")
    return array, "time (ms)"


def _numbers(monitor: Any, count: int) -> np.ndarray:
    """Number of the neuron in each column of a monitor."""
    if monitor.index is None:
        return np.arange(count)
    target = getattr(monitor, "target", None)
    size = getattr(target, "num", None) or getattr(getattr(target, "post", None), "num", 0)
    return np.array([i % size if size else i for i in monitor.index])
