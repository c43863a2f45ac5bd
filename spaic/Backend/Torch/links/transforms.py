"""Transforms in torch, on samples ``[n, *shape]`` where n runs over time and batch together."""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from spaic.Backend.Torch.firing.spikes import Spikes
from spaic.Backend.Torch.links import sparse
from spaic.Backend.Torch.links.normalization import normalized
from spaic.errors import UnsupportedError
from spaic.Graph.transforms import (
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Junction,
    OneToOne,
    OverTime,
    Pool,
    Reshape,
    Scale,
    Sparse,
    Transform,
    TransposedConv,
    Upsample,
)  # fmt: skip

Parameters = Mapping[str, Any]


@singledispatch
def apply(transform: Transform, x: Tensor, parameters: Parameters) -> Tensor:
    """The image of `x` under `transform`."""
    raise UnsupportedError(f"{type(transform).__name__}: the torch backend does not know this transform; add a function for it")


@apply.register
def _dense(transform: Dense, x: Tensor, parameters: Parameters) -> Tensor:
    return F.linear(x.flatten(1), effective_weight(transform, parameters["weight"]), parameters.get("bias"))


@apply.register
def _sparse(transform: Sparse, x: Tensor, parameters: Parameters) -> Tensor:
    y = sparse.product(transform, x.flatten(1), parameters["weight"])
    return y if "bias" not in parameters else y + parameters["bias"]


@apply.register
def _one_to_one(transform: OneToOne, x: Tensor, parameters: Parameters) -> Tensor:
    y = x.flatten(1) * parameters["weight"]
    return (y if "bias" not in parameters else y + parameters["bias"]).reshape(x.shape)


@apply.register
def _conv(transform: Conv, x: Tensor, parameters: Parameters) -> Tensor:
    conv = (F.conv1d, F.conv2d, F.conv3d)[len(transform.kernel) - 1]
    return conv(x, parameters["weight"], parameters.get("bias"), transform.stride, transform.padding, transform.dilation, transform.groups)


@apply.register
def _transposed(transform: TransposedConv, x: Tensor, parameters: Parameters) -> Tensor:
    conv = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[len(transform.kernel) - 1]
    t = transform
    return conv(x, parameters["weight"], parameters.get("bias"), t.stride, t.padding, t.output_padding, t.groups, t.dilation)


@apply.register
def _pool(transform: Pool, x: Tensor, parameters: Parameters) -> Tensor:
    pools = (F.max_pool1d, F.max_pool2d, F.max_pool3d) if transform.is_max else (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)
    return pools[len(transform.kernel) - 1](x, transform.kernel, transform.stride, transform.padding)


@apply.register
def _upsample(transform: Upsample, x: Tensor, parameters: Parameters) -> Tensor:
    size = list(transform.output_shape(tuple(x.shape[1:]), "")[1:])
    if not transform.is_linear:
        return F.interpolate(x, size)
    return F.interpolate(x, size, mode=("linear", "bilinear", "trilinear")[len(size) - 1], align_corners=False)


@apply.register
def _reshape(transform: Reshape, x: Tensor, parameters: Parameters) -> Tensor:
    return x.reshape(len(x), *transform.shape)


@apply.register
def _scale(transform: Scale, x: Tensor, parameters: Parameters) -> Tensor:
    return x * transform.factor


@apply.register
def _dropout(transform: Dropout, x: Tensor, parameters: Parameters) -> Tensor:
    factors = parameters.get(transform.name)
    return x if factors is None else (x.reshape(-1, *factors.shape) * factors).reshape(x.shape)


@apply.register
def _batch_norm(transform: BatchNorm, x: Tensor, parameters: Parameters) -> Tensor:
    return normalized(transform, x, parameters)


@apply.register
def _junction(transform: Junction, x: Tensor, parameters: Parameters) -> Tensor:
    if isinstance(transform.of, Sparse) and transform.part == "back":
        return sparse_back(transform.of, x.flatten(1), parameters["weight"])
    weight, kind = junction_weight(transform, parameters["weight"])
    return F.linear(x.flatten(1), weight) if kind is Dense else x.flatten(1) * weight


def over_time(transform: OverTime, x: Any, parameters: Parameters, dtype: torch.dtype) -> Tensor:
    """The mixtures of all steps, ``[steps, batch, ...]``; `x` has them, or one row if every step is the same."""
    values = x.floats(dtype) if isinstance(x, Spikes) else x.to(dtype)
    weight = parameters["weight"]
    if transform.mask is not None:
        weight = weight * torch.from_numpy(transform.mask).to(weight.device, weight.dtype)
    rows = values.expand(transform.steps, *values.shape[1:]).flatten(1)
    mixed = torch.addmm(parameters["bias"][:, None], weight, rows)
    return mixed.reshape(transform.steps, *values.shape[1:])


def junction_weight(transform: Junction, weight: Tensor) -> tuple[Tensor, type[Dense] | type[OneToOne]]:
    """The weight of a part of a gap junction, and the transform that it is used by."""
    if isinstance(transform.of, OneToOne):
        return (weight if transform.part == "back" else -weight), OneToOne
    if isinstance(transform.of, Sparse):
        index, size = (transform.of.targets, transform.of.post) if transform.part == "rows" else (transform.of.sources, transform.of.pre)
        return -weight.new_zeros(size).index_add(0, torch.from_numpy(index).to(weight.device), weight), OneToOne
    present = effective_weight(transform.of, weight)
    if transform.part == "back":
        return present.T, Dense
    return -present.sum(1 if transform.part == "rows" else 0), OneToOne


def sparse_back(transform: Sparse, x: Tensor, weight: Tensor) -> Tensor:
    """``x W``: from the postsynaptic to the presynaptic neurons."""
    targets, sources = (torch.from_numpy(index).to(x.device) for index in (transform.targets, transform.sources))
    return x.new_zeros(len(x), transform.pre).index_add(1, sources, x[:, targets] * weight)


def effective_weight(transform: Transform, weight: Tensor) -> Tensor:
    """The weight with absent synapses at 0."""
    if not isinstance(transform, Dense) or transform.mask is None:
        return weight
    return weight * torch.from_numpy(transform.mask).to(weight.device, weight.dtype)
