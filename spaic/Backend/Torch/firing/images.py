"""Pooling of spikes that stay bytes, over all instants at once; on the CPU."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from spaic.Backend.Kernels.compiling.jit import shipped
from spaic.Backend.Kernels.shipped import images
from spaic.Backend.Torch.firing.bits import over_threads
from spaic.Backend.Torch.firing.spikes import Spikes, carrier
from spaic.Backend.Torch.workspace import empty
from spaic.Graph.transforms import Pool2d, Transform


@cache
def kernels() -> ModuleType:
    """The compiled :mod:`spaic.Backend.Kernels.shipped.images`."""
    return shipped(images, "images of spikes")


def can_pool(spikes: Spikes, transform: Transform) -> bool:
    """Whether a transform takes the maximum over squares of two by two, of images that are here."""
    is_square = isinstance(transform, Pool2d) and transform.kernel == transform.stride == (2, 2) and transform.padding == (0, 0)
    return is_square and transform.is_max and spikes.bytes.device.type == "cpu"  # type: ignore[attr-defined]


def pooled(spikes: Spikes) -> Spikes:
    """The maximum over squares of two by two; its gradient goes to the first place of a square that has it, as in torch.

    Parameters
    ----------
    spikes : Spikes
        ``[steps, batch, channels, height, width]``.
    """
    channels, height, width = spikes.shape
    rows = spikes.steps * spikes.batch
    small = torch.empty(spikes.steps, spikes.batch, channels, height // 2, width // 2, dtype=torch.uint8, device="cpu")
    winners = torch.empty_like(small)
    arrays = (small.view(rows, -1).numpy(), winners.view(rows, -1).numpy())
    over_threads(kernels().pool, rows, spikes.bytes.numel(), spikes.flat.contiguous().numpy(), channels, height, width, *arrays)
    if spikes.carrier is None or not spikes.carrier.requires_grad:
        return Spikes(small)
    return Spikes(small, _Pooled.apply(spikes.carrier, winners))


class _Pooled(torch.autograd.Function):
    """The carrier of pooled spikes."""

    @staticmethod
    def forward(ctx: Any, given: Tensor, winners: Tensor) -> Tensor:
        ctx.save_for_backward(winners)
        ctx.shape = given.shape
        return carrier(tuple(winners.shape), given.dtype, given.device)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (winners,) = ctx.saved_tensors
        rows = winners.shape[0] * winners.shape[1]
        out = empty(ctx.shape, gradients[0].dtype)
        arrays = (winners.view(rows, -1).numpy(), out.view(rows, -1).numpy())
        over_threads(kernels().unpool, rows, out.numel(), gradients[0].reshape(rows, -1).contiguous().numpy(), *ctx.shape[2:], *arrays)
        return out, None
