"""The spikes of a run, each with its exact time."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from spaic.Backend.Event.arrivals import Sent
from spaic.Backend.Torch import exact


@dataclass(frozen=True, eq=False)
class Spikes:
    """Spikes of one node in one run, ordered by sample, neuron and time.

    Attributes
    ----------
    path : str
        Of the node.
    shape : tuple of int
        Shape of the node.
    batch : int
        Number of samples.
    sample, neuron : ndarray of int64
        Which; neurons are counted through the flattened shape.
    times : Tensor
        In ms, float64, differentiable with respect to weights, delays and input times.
    amount : ndarray
        1, but for inputs that are no plain spikes.
    end : float
        When the run ended, in ms.
    """

    path: str
    shape: tuple[int, ...]
    batch: int
    sample: np.ndarray
    neuron: np.ndarray
    times: Any
    amount: np.ndarray
    end: float

    @property
    def size(self) -> int:
        """Number of neurons."""
        return prod(self.shape)

    def __len__(self) -> int:
        return len(self.sample)

    def arrays(self, sample: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Neurons and times in ms of one sample, in the order of time (ties by neuron)."""
        mine = np.flatnonzero(self.sample == sample)
        times = exact.numpy_of(self.times)[mine]
        order = np.lexsort((self.neuron[mine], times))
        return self.neuron[mine][order], times[order]

    def counts(self) -> np.ndarray:
        """Number of spikes of every neuron, ``[batch, neurons]``."""
        return np.bincount(self.sample * self.size + self.neuron, minlength=self.batch * self.size).reshape(self.batch, self.size)

    def first_times(self, default: float | None = None) -> Any:
        """Time of the first spike of every neuron in ms, ``[batch, neurons]``, differentiable.

        Parameters
        ----------
        default : float, optional
            For neurons that do not spike; the end of the run by default. It is a constant: such neurons have no gradient.
        """
        last = self.end if default is None else default
        return exact.first_times(self.times, self.sample, self.neuron, self.batch, self.size, last)

    def soft_counts(self, unit: float) -> Any:
        """Number of spikes of every neuron, ``[batch, neurons]``: in gradients a spike that comes `unit` ms earlier counts for one more."""
        zero = np.zeros(len(self), np.int64)
        return exact.counted(self.times, zero, self.sample, self.neuron, (1, self.batch, self.size), unit)[0]

    def sent(self, first: int) -> Sent:
        """As events for a layer, numbered from `first`."""
        return Sent(self.sample, self.neuron, exact.numpy_of(self.times), self.amount, first)
