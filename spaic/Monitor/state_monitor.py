"""Recording of state variables."""

from __future__ import annotations

from typing import Any

import numpy as np

from spaic.Monitor.monitor import Monitor


class StateMonitor(Monitor):
    """Records any variable of a group, node or connection.

    Parameters
    ----------
    target : NeuronGroup, Node or Connection
        Whose variable it is.
    var_name : str
        A state or value of the model (``"V"`` is the value at the end of a step, ``"V_before_reset"`` that at the spike
        test), ``"O"`` for spikes, ``"weight"`` or ``"current"`` of a connection.
    index : "full" or sequence of int
        Which neurons.
    dt : float, optional
        Time between samples in ms.
    name : str, optional
        Name where it is not assigned to an attribute.
    """

    def __init__(self, target: Any, var_name: str, index: Any = "full", dt: float | None = None, name: str | None = None) -> None:
        super().__init__(target, var_name, index, dt, name)

    @property
    def values(self) -> np.ndarray:
        """Recorded values with time last: ``[batch, *shape, samples]``, weights ``[post, pre, samples]``."""
        return np.moveaxis(self._stacked(), 0, -1)

    @property
    def tensor_values(self) -> Any:
        """As :attr:`values`, on the device of the backend."""
        return self._joined()

    @property
    def time(self) -> np.ndarray:
        """As :attr:`times`."""
        return self.times

    def _joined(self) -> Any:
        record: Any = self._stacked()
        first: Any = self._chunks[0]
        if not hasattr(first, "detach"):
            return self.values
        joined = first if len(self._chunks) == 1 else first.new_tensor(record)
        return joined.movedim(0, -1)
