"""What all peers on torch share: everything of a step but the network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from peers.works import LEARNING_RATE, Work

Forward = Callable[[torch.Tensor], torch.Tensor]


class TorchRunner:
    """Steps of a network on torch.

    Parameters
    ----------
    forward : callable
        Input ``[T, B, *shape]`` (or as `arrange` makes it) -> spike counts ``[B, classes]``, from a fresh state.
    parameters : sequence of torch.Tensor
        The weights, in the order of ``work.weights``.
    arrays : mapping of str to array
        Of `peers.arrays`.
    is_training : bool
        Whether a step is forward, backward and Adam, or forward without gradient.
    arrange : callable, optional
        Brings an input into the layout that the peer wants, before anything is measured.
    scale : float
        Factor on the weights of this peer, for those that scale their input down.
    """

    def __init__(
        self,
        forward: Forward,
        parameters: Sequence[torch.Tensor],
        arrays: dict[str, np.ndarray],
        is_training: bool,
        arrange: Callable[[torch.Tensor], torch.Tensor] = lambda x: x,
        scale: float = 1.0,
    ) -> None:
        self.forward, self.parameters, self.is_training, self.scale = forward, list(parameters), is_training, scale
        self.x = [arrange(torch.from_numpy(x).float()) for x in arrays["x"]]
        self.y = [torch.from_numpy(y) for y in arrays["y"]]
        self.optimizer = torch.optim.Adam(self.parameters, lr=LEARNING_RATE)

    def step(self, i: int) -> None:
        """One step on batch i."""
        if not self.is_training:
            with torch.no_grad():
                self.forward(self.x[i])
            return
        self.optimizer.zero_grad()
        F.cross_entropy(self.forward(self.x[i]), self.y[i]).backward()
        self.optimizer.step()

    def counts(self, i: int) -> np.ndarray:
        """Output spike counts of batch i."""
        with torch.no_grad():
            return self.forward(self.x[i]).numpy()

    def gradients(self, i: int) -> list[np.ndarray]:
        """Gradients of the loss of batch i with respect to the weights of the work."""
        self.optimizer.zero_grad()
        F.cross_entropy(self.forward(self.x[i]), self.y[i]).backward()
        return [p.grad.numpy() * self.scale for p in self.parameters]


def parameters(work: Work, arrays: dict[str, Any], scale: float = 1.0) -> list[torch.nn.Parameter]:
    """The weights as parameters."""
    return [torch.nn.Parameter(torch.from_numpy(arrays[name] * np.float32(scale))) for name in work.weights]
