"""Transforms in torch, on samples ``[n, *shape]`` where n runs over time and batch together."""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from spaic.errors import UnsupportedError
from spaic.Graph.transforms import Conv2d, Dense, OneToOne, Pool2d, Scale, Transform

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


def effective_weight(transform: Transform, weight: Tensor) -> Tensor:
    """The weight with absent synapses at 0."""
    if not isinstance(transform, Dense) or transform.mask is None:
        return weight
    return weight * torch.from_numpy(transform.mask).to(weight.device, weight.dtype)


class _ByteProduct(torch.autograd.Function):
    """``x @ W.T`` for spikes kept as bytes: only a block at a time is turned into floats, on the way forward and back."""

    BLOCK = 1 << 22  # elements: fits the cache with its product

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        ctx.dtype = weight.dtype
        return torch.cat([part.to(weight.dtype) @ weight.T for part in _ByteProduct.blocks(x)])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor]:
        (x,) = ctx.saved_tensors
        parts = _ByteProduct.blocks(x)
        pieces = gradients[0].split([len(p) for p in parts])
        total = pieces[0].T @ parts[0].to(ctx.dtype)
        for gradient, part in zip(pieces[1:], parts[1:], strict=True):
            total.addmm_(gradient.T, part.to(ctx.dtype))
        return None, total

    @staticmethod
    def blocks(x: Tensor) -> tuple[Tensor, ...]:
        return x.split(max(1, _ByteProduct.BLOCK // max(1, x.shape[1])))


def apply_to_bytes(transform: Transform, x: Tensor, parameters: Parameters, dtype: torch.dtype) -> Tensor:
    """As :func:`apply`, for spikes kept as bytes."""
    if isinstance(transform, Dense):
        y: Tensor = _ByteProduct.apply(x.flatten(1), effective_weight(transform, parameters["weight"]))  # type: ignore[no-untyped-call]
        return y if "bias" not in parameters else y + parameters["bias"]
    return apply(transform, x.to(dtype), parameters)
