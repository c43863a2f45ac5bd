"""The sum of the weights that enter a neuron, in torch: as :mod:`spaic.Graph.constraints` says."""

from __future__ import annotations

import torch
from torch import Tensor

from spaic.Graph.transforms import Dense, Sparse, Transform


def confine(transform: Transform, weight: Tensor, bounds: tuple[float, float] | None, norm: float | None) -> None:
    """Put weights on their bounds, absent ones to 0, and the absolute sums of what enters a neuron to `norm`, in place."""
    if bounds is not None:
        weight.clamp_(*bounds)
    if isinstance(transform, Dense) and transform.mask is not None:
        weight.mul_(torch.from_numpy(transform.mask).to(weight.device))
    if norm is None:
        return
    if isinstance(transform, Sparse):
        targets = torch.from_numpy(transform.targets).to(weight.device, torch.int64)
        sums = weight.new_zeros(transform.post).index_add_(0, targets, weight.abs())
        weight.mul_(_factors(sums, norm)[targets])
    else:
        weight.mul_(_factors(weight.abs().sum(tuple(range(1, weight.ndim)), keepdim=True), norm))


def _factors(sums: Tensor, norm: float) -> Tensor:
    return norm / torch.where(sums == 0, norm, sums)
