"""What a link brings: transforms and delays, over all time at once or one step at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spaic.Backend.Torch.signals import Signals
from spaic.Backend.Torch.transforms import apply, apply_to_bytes
from spaic.Graph.links import Link


class Delivery:
    """One link in one run.

    Parameters
    ----------
    link : Link
        The link.
    delay : int or ndarray of int
        In steps: for the link, or for each synapse.
    parameters : mapping of str to Tensor
        By their own names.
    dtype : torch.dtype
        Of the result.
    """

    def __init__(self, link: Link, delay: int | np.ndarray, parameters: Mapping[str, Any], dtype: torch.dtype) -> None:
        self.link, self.delay, self.parameters, self.dtype = link, delay, parameters, dtype
        self._parts: dict[int, dict[str, Any]] | None = None

    def over_time(self, signals: Signals, batch: int) -> Tensor:
        """``[steps, batch, ...]``."""
        if isinstance(self.delay, int):
            constant = signals.constant(self.link.source) if self.delay == 0 else None
            if constant is not None:
                once = self._transformed(constant.flatten(0, 1), self.parameters)
                return once.expand(signals.steps, *once.shape)
            return self._many(signals.delayed(self.link.source, self.delay), self.parameters)
        parts = [self._many(signals.delayed(self.link.source, d), own) for d, own in self._by_delay().items()]
        return self._with_bias(torch.stack(parts).sum(0) if len(parts) > 1 else parts[0], 2)

    def at_once(self, now: Tensor | None, past: list[Tensor]) -> Tensor:
        """``[batch, ...]`` of one step; `now` is the source in this step, ``past[-d]`` that of `d` steps ago."""
        if isinstance(self.delay, int):
            return self._transformed(now if self.delay == 0 else past[-self.delay], self.parameters)
        parts = [self._transformed(now if d == 0 else past[-d], own) for d, own in self._by_delay().items()]
        return self._with_bias(torch.stack(parts).sum(0) if len(parts) > 1 else parts[0], 1)

    def _many(self, x: Tensor, parameters: Mapping[str, Any]) -> Tensor:
        steps, batch = x.shape[:2]
        y = self._transformed(x.flatten(0, 1), parameters)
        return y.reshape(steps, batch, *y.shape[1:])

    def _transformed(self, x: Any, parameters: Mapping[str, Any]) -> Tensor:
        first, *others = self.link.transforms
        is_bytes = x.dtype == torch.uint8
        y = apply_to_bytes(first, x, parameters, self.dtype) if is_bytes else apply(first, x.to(self.dtype), parameters)
        for transform in others:
            y = apply(transform, y, parameters)
        return y

    def _by_delay(self) -> dict[int, dict[str, Any]]:
        """Distinct delay -> parameters whose weight keeps only the synapses with that delay."""
        if self._parts is None:
            weight = self.parameters["weight"]
            delay = torch.as_tensor(self.delay, device=weight.device)
            self._parts = {int(d): {"weight": weight * (delay == d)} for d in np.unique(self.delay)}
        return self._parts

    def _with_bias(self, y: Tensor, lead: int) -> Tensor:
        """Add the bias to `y`, whose first `lead` dimensions are time and batch."""
        bias = self.parameters.get("bias")
        return y if bias is None else y + bias.reshape(y.shape[lead:])
