"""A loop in plain torch, written well: products once over all time, `unbind` in place of x[t], few operations per step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from peers import torch_runner
from peers.works import DECAY, KERNEL, POOL, THRESHOLD, Layer, Work

TEXT = "products over all time, then a loop over `unbind` with a surrogate in an autograd.Function"
PACKAGES = ("torch",)

Neurons = Callable[[torch.Tensor, torch.Tensor | None], torch.Tensor]


class Spike(torch.autograd.Function):
    """A step at the threshold; its derivative is the fast sigmoid's."""

    @staticmethod
    def forward(ctx: Any, v: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(v)
        return (v > THRESHOLD).to(v.dtype)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        (v,) = ctx.saved_tensors
        return grad / (v - THRESHOLD).abs_().add_(1.0).square_()


def lif(current: torch.Tensor, recurrent: torch.Tensor | None = None) -> torch.Tensor:
    """Spikes ``[T, B, ...]`` of LIF neurons with this current, and with these weights from their own spikes of the step before."""
    v, spikes = None, []
    for now in current.unbind(0):
        if recurrent is not None and spikes:
            now = torch.addmm(now, spikes[-1], recurrent.T)
        v = now if v is None else torch.add(now, v, alpha=DECAY)
        spikes.append(Spike.apply(v))
        v = v * (1.0 - spikes[-1].detach())
    return torch.stack(spikes)


def current(layer: Layer, weight: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """What arrives at a layer over all time."""
    flat = x.flatten(0, 1)
    if layer.is_pooled:
        flat = F.max_pool2d(flat, POOL)
    arrived = F.conv2d(flat, weight, padding=KERNEL // 2) if layer.kind == "conv" else F.linear(flat.flatten(1), weight)
    return arrived.unflatten(0, x.shape[:2])


class Plain(torch_runner.TorchRunner):
    """The runner, with the spikes of all layers on demand."""

    def __init__(self, work: Work, arrays: dict[str, np.ndarray], is_training: bool, neurons: Neurons = lif, scale: float = 1.0) -> None:
        weights = torch_runner.parameters(work, arrays, scale)
        super().__init__(lambda x: self.spikes_of(x)[-1].sum(0), weights, arrays, is_training, scale=scale)
        self.work, self.neurons = work, neurons

    def spikes_of(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Spikes of every layer."""
        weights = dict(zip(self.work.weights, self.parameters, strict=True))
        found = []
        for i, layer in enumerate(self.work.layers):
            x = self.neurons(current(layer, weights[f"w{i}"], x), weights.get(f"r{i}"))
            found.append(x)
        return found

    def spikes(self, i: int) -> list[np.ndarray]:
        """Spikes of every layer on batch i, as bytes."""
        with torch.no_grad():
            return [s.to(torch.uint8).numpy() for s in self.spikes_of(self.x[i])]


def prepare(work: Work, arrays: dict[str, np.ndarray], is_training: bool) -> Plain:
    """The network, ready to run."""
    return Plain(work, arrays, is_training)
