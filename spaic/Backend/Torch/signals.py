"""Variables over the time of a run, with the past that delayed links reach back to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from spaic.Graph.stream import Stream


class Signals:
    """Path of a variable -> its values ``[steps, batch, *shape]`` in this run.

    Parameters
    ----------
    inputs : mapping of str to Stream
        Streams of the input nodes.
    history : mapping of str to Tensor
        Path -> the values of the steps before the run, oldest first.
    start, steps : int
        First step and number of steps.
    device : torch.device
        Where tensors live.
    """

    def __init__(self, inputs: Mapping[str, Stream], history: Mapping[str, Tensor], start: int, steps: int, device: torch.device) -> None:
        self.inputs = {f"{name}.O": stream for name, stream in inputs.items()}
        self.history, self.start, self.steps, self.device = history, start, steps, device
        self.known: dict[str, Tensor] = {}

    def __getitem__(self, path: str) -> Tensor:
        if path not in self.known:
            self.known[path] = self._chunk(self.inputs[path], self.start, self.start + self.steps)
        return self.known[path]

    def __setitem__(self, path: str, values: Tensor) -> None:
        self.known[path] = values

    def constant(self, path: str) -> Tensor | None:
        """The values of one step, if all steps are the same."""
        stream = self.inputs.get(path)
        return self._chunk(stream, self.start, self.start + 1) if stream is not None and stream.is_constant else None

    def delayed(self, path: str, delay: int) -> Tensor:
        """Values `delay` steps earlier."""
        if delay == 0:
            return self[path]
        past = self.history[path]
        return self._joined(past[len(past) - delay :], self[path])[: self.steps]

    def last(self, path: str, depth: int) -> Tensor:
        """The `depth` latest values, the history of the next run."""
        return self._joined(self.history[path], self[path])[-depth:]

    def _joined(self, past: Tensor, values: Tensor) -> Tensor:
        return torch.cat([past.to(values.dtype), values])

    def _chunk(self, stream: Any, start: int, stop: int) -> Tensor:
        return torch.as_tensor(stream.chunk(start, stop)).to(self.device)
