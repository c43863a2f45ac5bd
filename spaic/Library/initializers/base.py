"""What every initializer is."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from spaic.errors import DeclarationError
from spaic.Graph.values import Draw


class BaseInitializer(Draw):
    """A distribution: a frozen dataclass whose fields are its parameters, with one method."""

    @abstractmethod
    def sample(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
        """Draw an array.

        Parameters
        ----------
        rng : numpy.random.Generator
            Where the random numbers come from.
        shape : tuple of int
            Shape of the array.
        fan_in, fan_out : int
            Number of connections that enter and leave a neuron.

        Returns
        -------
        numpy.ndarray
            float64 array of shape `shape`.
        """


def demand_fan(path: str, fan: float) -> None:
    """Refuse a link without connections, where the weights scale with their number."""
    if not fan > 0:
        raise DeclarationError(f"{path}: it scales with the number of connections, which is {fan!r} here; connect something first")
