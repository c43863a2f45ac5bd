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
