"""Variables over the time of a run, with the past that delayed links reach back to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from spaic.Backend.Torch.firing.bits import Bits
from spaic.Backend.Torch.firing.fired import Packed
from spaic.Backend.Torch.firing.spikes import Spikes
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
    dtype : torch.dtype
        Of spikes that are asked for as numbers.
    """

    def __init__(
        self, inputs: Mapping[str, Stream], history: Mapping[str, Tensor], start: int, steps: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        self.inputs = {f"{name}.O": stream for name, stream in inputs.items()}
        self.history, self.start, self.steps, self.device, self.dtype = history, start, steps, device, dtype
        self.known: dict[str, Tensor | Spikes] = {}

    def __getitem__(self, path: str) -> Tensor:
        """Values as a tensor: bytes where they come from outside as bytes, else numbers that carry gradient."""
        values = self.values(path)
        if isinstance(values, Tensor):
            return values
        return values.bytes if path in self.inputs else values.floats(self.dtype)

    def __setitem__(self, path: str, values: Tensor | Spikes) -> None:
        self.known[path] = values

    def values(self, path: str) -> Tensor | Spikes:
        """Values as they were made."""
        if path not in self.known:
            self.known[path] = self._from_outside(self.inputs[path])
        return self.known[path]

    def constant(self, path: str) -> Tensor | None:
        """The values of one step, if all steps are the same."""
        stream = self.inputs.get(path)
        return self._chunk(stream, self.start, self.start + 1) if stream is not None and stream.is_constant else None

    def delayed(self, path: str, delay: int) -> Tensor | Spikes:
        """Values `delay` steps earlier."""
        values = self.values(path)
        if delay == 0:
            return values
        past = self.history[path]
        past = past[len(past) - delay :]
        if isinstance(values, Spikes):
            return values.delayed(past, delay)
        return self._joined(past, values)[: self.steps]

    def last(self, path: str, depth: int) -> Tensor:
        """The `depth` latest values, the history of the next run."""
        values = self.values(path)
        latest = values.latest(depth).floats(self.dtype) if isinstance(values, Spikes) else values[-depth:]
        return latest if len(latest) == depth else self._joined(self.history[path], latest)[-depth:]

    def _joined(self, past: Tensor, values: Tensor) -> Tensor:
        return torch.cat([past.to(values.dtype), values])

    def _from_outside(self, stream: Stream) -> Tensor | Spikes:
        words = stream.words(self.start, self.start + self.steps) if self.device.type == "cpu" else None
        if words is not None:
            return Packed(Bits.of_words(words, math.prod(stream.shape)), stream.batch, stream.shape)
        chunk = self._chunk(stream, self.start, self.start + self.steps)
        return Spikes(chunk) if chunk.dtype == torch.uint8 else chunk

    def _chunk(self, stream: Any, start: int, stop: int) -> Tensor:
        return trainable(torch.as_tensor(stream.chunk(start, stop), device=self.device))


def trainable(x: Tensor) -> Tensor:
    """`x`, or a copy if it was made in ``torch.inference_mode`` and is used outside, where autograd does not take it."""
    return x.clone() if x.is_inference() and not torch.is_inference_mode_enabled() else x
