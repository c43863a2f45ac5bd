"""The weights of a connection as an array, out of whatever holds them, and as a heat map."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from spaic.errors import InputError, StateError
from spaic.Graph.transforms import Dense, Sparse
from spaic.Monitor.monitor import Monitor
from spaic.Network.connection import Connection
from spaic.Network.element import Element
from spaic.Network.network import Network
from spaic.Plot.canvas import as_array, axes_for, tidy, whole_ticks
from spaic.Plot.colours import Limits, draw_matrix
from spaic.Plot.recording import time_axis
from spaic.Plot.thresholds import network_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False)
class Weights:
    """Weights and what they join.

    Attributes
    ----------
    values : ndarray
        ``[post, pre]``, kernels ``[out, in, height, width]``, one-to-one ``[neurons]``; NaN where there is no synapse. With `times` a
        last axis of time.
    pre, post : str
        Names of the two sides.
    pre_shape : tuple of int or None
        Shape of the presynaptic side, where it is known.
    times : ndarray or None
        In ms, of what a monitor recorded.
    """

    values: np.ndarray
    pre: str = "presynaptic neuron"
    post: str = "postsynaptic neuron"
    pre_shape: tuple[int, ...] | None = None
    times: np.ndarray | None = None

    def at(self, time: float | None, path: str) -> Weights:
        """The weights at a time in ms: the last sample that is not later, or the last of all."""
        if self.times is None:
            if time is not None:
                raise InputError(
                    f"{path}: time {time!r} is given, but these weights are not recorded over time; give a StateMonitor of 'weight'"
                )
            return self
        if time is None:
            return replace(self, values=self.values[..., -1], times=None)
        if not hasattr(time, "__float__") or not self.times[0] <= time <= self.times[-1] + 1e-9:
            raise InputError(
                f"{path}: time {time!r} ms is outside of the recording; give one from {self.times[0]:g} to {self.times[-1]:g} ms"
            )
        sample = int(np.searchsorted(self.times, time + 1e-9)) - 1
        return replace(self, values=self.values[..., sample], times=None)


def weight_map(
    weights: Any, ax: Axes | None = None, *, time: float | None = None, limits: Limits | None = None, title: str = "", label: str = "weight"
) -> Axes:
    """Draw a weight matrix as a heat map, presynaptic neurons from left to right and postsynaptic ones from top to bottom.

    Weights of both signs are blue and red about white at 0. Grey: no synapse.

    Parameters
    ----------
    weights : Connection, StateMonitor of ``"weight"``, array or tensor, ``[post, pre]``
        The weights that a connection of a network has now, those that a monitor recorded, or any matrix. A one-to-one connection, with one
        weight per neuron, is a single row.
    ax : matplotlib Axes, optional
        Where to draw; a new figure otherwise.
    time : float, optional
        For a monitor: when, in ms; the end of the recording otherwise.
    limits : (float, float), optional
        Lowest and highest weight of the colours, to compare maps.
    label : str
        Name of the colour bar.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InputError
        For a connection without weights, or a shape that is no matrix.
    """
    found = weights_of(weights, "weight_map").at(time, "weight_map")
    matrix = np.atleast_2d(found.values)
    if matrix.ndim != 2 or 0 in matrix.shape:
        hint = "use spaic.Plot.kernels" if matrix.ndim == 4 else "give [post, pre]"
        raise InputError(f"weight_map: the weights have the shape {list(found.values.shape)}, a matrix is needed; {hint}")
    post, pre = matrix.shape
    ax = axes_for(ax, _size(post, pre))
    is_squarish = 0.2 < post / pre < 5
    draw_matrix(ax, matrix, limits, label, "weight_map", aspect="equal" if is_squarish else "auto")
    whole_ticks(ax.xaxis)
    whole_ticks(ax.yaxis)
    if found.values.ndim == 1:
        ax.set_yticks([])
    ax = tidy(ax, title, found.pre, found.post if found.values.ndim == 2 else "")
    ax.spines[["top", "right"]].set_visible(True)
    return ax


def weights_of(source: Any, path: str) -> Weights:
    """Read weights from a connection, a monitor, a tensor or an array."""
    if isinstance(source, Connection):
        return _of_connection(source, path)
    if isinstance(source, Monitor):
        return _of_monitor(source, path)
    if isinstance(source, Element):
        raise InputError(f"{path}: {source!r} has no weights of its own{_inner(source)}; give a connection, a monitor or an array")
    return Weights(_real(as_array(source, path)))


def _of_connection(connection: Connection, path: str) -> Weights:
    network = network_of(connection)
    if network is None:
        raise StateError(f"{path}: {connection.path!r} belongs to no network yet, so it has no weights; assign it to a network")
    stored = network.state_dict()
    own = f"{connection.path}.weight"
    if own not in stored:
        hint = "it is hidden, show() it first" if not connection.takes_part() else "give a connection that has"
        raise InputError(f"{path}: {connection.path!r} ({connection.link_type}) has no weights in the built network; {hint}")
    return _joining(connection, network, _real(as_array(stored[own], path)))


def _of_monitor(monitor: Monitor, path: str) -> Weights:
    if monitor.var_name != "weight" or not isinstance(monitor.target, Connection):
        raise InputError(f"{path}: the monitor records {monitor.reads!r}, not weights; give a StateMonitor of a connection's 'weight'")
    recorded: Any = monitor
    values = np.moveaxis(_real(as_array(recorded.values, path)), -1, 0)
    found = _joining(monitor.target, network_of(monitor.target), values)
    return replace(found, values=np.moveaxis(found.values, 0, -1), times=time_axis(monitor.times, len(values), path)[0])


def _joining(connection: Connection, network: Network | None, values: np.ndarray) -> Weights:
    """Weights with what the network knows of them: names, the shape of the presynaptic side, NaN where there is no synapse."""
    pre, post = connection.pre, connection.post
    shape = getattr(pre, "shape", None)
    if network is not None:
        graph = network.graph
        shape = getattr(graph.by_name.get(pre.path), "shape", shape)
        values = _spread(
            values, next((t for k in graph.links if k.name == connection.path for t in k.transforms if isinstance(t, Sparse)), None)
        )
        mask = next((t.mask for k in graph.links if k.name == connection.path for t in k.transforms if isinstance(t, Dense)), None)
        if mask is not None and values.shape[-2:] == mask.shape:
            values = np.where(mask, values, np.nan)
    return Weights(values, f"neuron of {pre.path}", f"neuron of {post.path}", shape)


def _spread(values: np.ndarray, transform: Sparse | None) -> np.ndarray:
    """A list of synapses as a matrix ``[..., post, pre]``."""
    if transform is None:
        return values
    matrix = np.full((*values.shape[:-1], transform.post, transform.pre), np.nan)
    matrix[..., transform.targets, transform.sources] = values
    return matrix


def _inner(element: Element) -> str:
    """The connections inside a container, for a message."""
    paths = [c.path for c in element.members(Connection)][:8] if hasattr(element, "members") else []
    return f" (inside it: {', '.join(paths)})" if paths else ""


def _real(array: np.ndarray) -> np.ndarray:
    """Floating-point numbers, with NaN for what is not finite."""
    array = array.astype(np.float64)
    return np.where(np.isfinite(array), array, np.nan)


def _size(post: int, pre: int) -> tuple[float, float]:
    """Inches of a figure in which cells are square where that looks well."""
    ratio = float(np.clip(post / pre, 0.3, 2.0))
    return (6.0, 4.6 * ratio + 0.8) if ratio <= 1.0 else (4.6 / ratio + 2.0, 5.4)
