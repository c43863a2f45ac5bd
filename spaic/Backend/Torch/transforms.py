"""Transforms in torch, on samples ``[n, *shape]`` where n runs over time and batch together."""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from spaic.errors import UnsupportedError
from spaic.Graph.transforms import Conv2d, Dense, Dropout, OneToOne, Pool2d, Scale, Transform

Parameters = Mapping[str, Any]


@singledispatch
def apply(transform: Transform, x: Tensor, parameters: Parameters) -> Tensor:
    """The image of `x` under `transform`."""
    raise UnsupportedError(f"{type(transform).__name__}: the torch backend does not know this transform; add a function for it")


@apply.register
def _dense(transform: Dense, x: Tensor, parameters: Parameters) -> Tensor:
    return F.linear(x.flatten(1), effective_weight(transform, parameters["weight"]), parameters.get("bias"))


@apply.register
def _one_to_one(transform: OneToOne, x: Tensor, parameters: Parameters) -> Tensor:
    y = x.flatten(1) * parameters["weight"]
    return (y if "bias" not in parameters else y + parameters["bias"]).reshape(x.shape)


@apply.register
def _conv(transform: Conv2d, x: Tensor, parameters: Parameters) -> Tensor:
    return F.conv2d(
        x, parameters["weight"], parameters.get("bias"), transform.stride, transform.padding, transform.dilation, transform.groups
    )


@apply.register
def _pool(transform: Pool2d, x: Tensor, parameters: Parameters) -> Tensor:
    pool = F.max_pool2d if transform.is_max else F.avg_pool2d
    return pool(x, transform.kernel, transform.stride, transform.padding)


@apply.register
def _scale(transform: Scale, x: Tensor, parameters: Parameters) -> Tensor:
    return x * transform.factor


@apply.register
def _dropout(transform: Dropout, x: Tensor, parameters: Parameters) -> Tensor:
    factors = parameters.get(transform.name)
    return x if factors is None else (x.reshape(-1, *factors.shape) * factors).reshape(x.shape)


def effective_weight(transform: Transform, weight: Tensor) -> Tensor:
    """The weight with absent synapses at 0."""
    if not isinstance(transform, Dense) or transform.mask is None:
        return weight
    return weight * torch.from_numpy(transform.mask).to(weight.device, weight.dtype)


class _ByteProduct(torch.autograd.Function):
    """``x @ W.T`` for spikes kept as bytes, without ever holding them as floats.

    Few spikes: the columns of the weights that belong to them are added up. Many: dense products, block by block.
    """

    BLOCK = 1 << 22  # elements: fits the cache with its product
    FEW = 0.01  # of all inputs; above it the dense product is faster

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):  # sums of spikes stay in the type of the weights
            return _ByteProduct.product(ctx, x, weight)

    @staticmethod
    def product(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.is_sparse = int(torch.count_nonzero(x)) < _ByteProduct.FEW * x.numel()
        ctx.shape, ctx.dtype = weight.shape, weight.dtype
        if not ctx.is_sparse:
            ctx.save_for_backward(x)
            return torch.cat([part.to(weight.dtype) @ weight.T for part in _ByteProduct.blocks(x)])
        row, column = x.nonzero(as_tuple=True)
        ctx.save_for_backward(row, column)
        return weight.new_zeros(len(x), len(weight)).index_add_(0, row, weight.T[column])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor]:
        gradient = gradients[0].to(ctx.dtype)
        if ctx.is_sparse:
            row, column = ctx.saved_tensors
            post, pre = ctx.shape
            return None, gradient.new_zeros(pre, post).index_add_(0, column, gradient[row]).T
        (x,) = ctx.saved_tensors
        total = torch.zeros(ctx.shape, dtype=ctx.dtype, device=x.device)
        parts = _ByteProduct.blocks(x)
        for piece, part in zip(gradient.split([len(p) for p in parts]), parts, strict=True):
            total.addmm_(piece.T, part.to(ctx.dtype))
        return None, total

    @staticmethod
    def blocks(x: Tensor) -> tuple[Tensor, ...]:
        return x.split(max(1, _ByteProduct.BLOCK // max(1, x.shape[1])))


def apply_to_bytes(transform: Transform, x: Tensor, parameters: Parameters, dtype: torch.dtype) -> Tensor:
    """As :func:`apply`, for spikes kept as bytes."""
    if isinstance(transform, Dense):
        y: Tensor = _ByteProduct.apply(x.flatten(1), effective_weight(transform, parameters["weight"]))
        return y if "bias" not in parameters else y + parameters["bias"]
    return apply(transform, x.to(dtype), parameters)
