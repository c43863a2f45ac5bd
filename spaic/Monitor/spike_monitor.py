"""Recording of spikes."""

from __future__ import annotations

from typing import Any

import numpy as np

from spaic.Monitor.monitor import Monitor


class SpikeMonitor(Monitor):
    """Records the spikes of a group or node.

    Parameters
    ----------
    target : NeuronGroup or Node
        Whose spikes they are.
    var_name : str
        ``"O"``, the spikes.
    index : "full" or sequence of int
        Which neurons.
    dt : float, optional
        Time between samples in ms; leave it out to see every spike.
    name : str, optional
        Name where it is not assigned to an attribute.
    """

    def __init__(self, target: Any, var_name: str = "O", index: Any = "full", dt: float | None = None, name: str | None = None) -> None:
        super().__init__(target, var_name, index, dt, name)

    @property
    def values(self) -> np.ndarray:
        """Spike trains of 0 and 1 with time last: ``[batch, *shape, samples]``."""
        return np.moveaxis(self._stacked(), 0, -1)

    @property
    def time(self) -> np.ndarray:
        """As :attr:`times`."""
        return self.times

    @property
    def spk_index(self) -> list[np.ndarray]:
        """For each sample of the batch, the neuron of every spike (over the flattened shape), neuron by neuron."""
        found = [np.nonzero(train)[0] for train in self._trains()]
        return found if self.index is None else [np.asarray(self.index)[positions] for positions in found]

    @property
    def spk_times(self) -> list[np.ndarray]:
        """For each sample of the batch, the time in ms of every spike, in the order of :attr:`spk_index`."""
        times = self.times
        return [times[np.nonzero(train)[1]] for train in self._trains()]

    @property
    def spk_count(self) -> np.ndarray:
        """Number of spikes, ``[batch, neurons]``."""
        return np.asarray(self._trains().sum(-1), dtype=np.int64)

    @property
    def spk_rate(self) -> np.ndarray:
        """Mean firing rate in Hz, ``[batch, neurons]``."""
        return self.spk_count / (len(self.times) * self._dt * 1e-3)

    @property
    def time_spk_rate(self) -> np.ndarray:
        """Fraction of samples of the batch that spike, ``[neurons, samples]``."""
        return np.asarray(self._trains().mean(0))

    @property
    def time_pop_rate(self) -> np.ndarray:
        """Fraction of neurons that spike, ``[batch, samples]``."""
        return np.asarray(self._trains().mean(1))

    def _trains(self) -> np.ndarray:
        """``[batch, neurons, samples]``."""
        values = self.values
        return values.reshape(values.shape[0], -1, values.shape[-1])
