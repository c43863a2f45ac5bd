"""Pooling and convolution of spikes that stay bytes, over all instants at once; on the CPU."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from spaic.Backend.Kernels import images
from spaic.Backend.Kernels.jit import shipped
from spaic.Backend.Torch.bits import over_threads
from spaic.Backend.Torch.spikes import Spikes, carrier
from spaic.Graph.transforms import Pool2d


@cache
def kernels() -> ModuleType:
    """The compiled :mod:`spaic.Backend.Kernels.images`."""
    return shipped(images, "images of spikes")


def pooled(spikes: Spikes, transform: Pool2d) -> Spikes:
    """The maximum over windows; its gradient goes to the first place of a window that has it, as in torch.

    Parameters
    ----------
    spikes : Spikes
        ``[steps, batch, channels, height, width]``.
    transform : Pool2d
        A maximum.
    """
    shape = transform.output_shape(spikes.shape, "pool")
    sizes = np.array([*spikes.shape, *shape[1:], *transform.kernel, *transform.stride, *transform.padding])
    rows = spikes.steps * spikes.batch
    small = torch.empty(spikes.steps, spikes.batch, *shape, dtype=torch.uint8)
    winners = torch.empty(small.shape, dtype=torch.uint8)
    flat = (spikes.flat.contiguous().numpy(), sizes, small.reshape(rows, -1).numpy(), winners.reshape(rows, -1).numpy())
    over_threads(kernels().pool, rows, spikes.bytes.numel(), *flat)
    if spikes.carrier is None or not spikes.carrier.requires_grad:
        return Spikes(small)
    return Spikes(small, _Pooled.apply(spikes.carrier, winners, sizes))


class _Pooled(torch.autograd.Function):
    """The carrier of pooled spikes."""

    @staticmethod
    def forward(ctx: Any, given: Tensor, winners: Tensor, sizes: np.ndarray) -> Tensor:
        ctx.save_for_backward(winners)
        ctx.sizes, ctx.shape = sizes, given.shape
        return carrier(tuple(winners.shape), given.dtype, given.device)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (winners,) = ctx.saved_tensors
        rows = winners.shape[0] * winners.shape[1]
        out = torch.empty(ctx.shape, dtype=gradients[0].dtype)
        flat = (gradients[0].reshape(rows, -1).contiguous().numpy(), ctx.sizes, winners.reshape(rows, -1).numpy())
        over_threads(kernels().unpool, rows, out.numel(), *flat, out.reshape(rows, -1).numpy())
        return out, None, None
