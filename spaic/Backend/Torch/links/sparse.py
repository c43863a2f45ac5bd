"""Products of many samples with a sparse matrix, with gradients for the samples and for the synapses that exist."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from spaic.Graph.transforms import Sparse

#: Numbers that the gradient of the weights may hold at a time, where torch cannot form it alone.
CHUNK = 1 << 24


def product(transform: Sparse, x: Tensor, weight: Tensor) -> Tensor:
    """``x @ W``: samples ``[n, pre]`` to ``[n, post]``, in the dtype of `x`."""
    result: Tensor = _Product.apply(x, weight.to(x.dtype), transform)
    return result


class _Product(torch.autograd.Function):
    """Rows of the matrix are added up in the order of the presynaptic neurons: by target forward, by source backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, transform: Sparse) -> Tensor:
        ctx.transform = transform
        ctx.save_for_backward(x, weight)
        starts, sources, order = transform.by_target
        values = weight[torch.from_numpy(order).to(weight.device)]
        return _times(starts, sources, values, (transform.post, transform.pre), x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        (x, weight), transform, gradient = ctx.saved_tensors, ctx.transform, gradients[0]
        of_x = of_weight = None
        if ctx.needs_input_grad[0]:
            of_x = _times(transform.starts, transform.targets, weight, (transform.pre, transform.post), gradient)
        if ctx.needs_input_grad[1]:
            of_weight = _at_synapses(transform, x, gradient)
        return of_x, of_weight, None


def _times(starts: np.ndarray, columns: np.ndarray, values: Tensor, shape: tuple[int, int], x: Tensor) -> Tensor:
    return (_matrix(starts, columns, values, shape) @ x.t().contiguous()).t().contiguous()


def _matrix(starts: np.ndarray, columns: np.ndarray, values: Tensor, shape: tuple[int, int]) -> Tensor:
    index = torch.int32 if len(columns) < 2**31 else torch.int64
    places = (torch.from_numpy(starts).to(values.device, index), torch.from_numpy(columns).to(values.device, index))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(*places, values, shape, device=values.device, check_invariants=False)


def _at_synapses(transform: Sparse, x: Tensor, gradient: Tensor) -> Tensor:
    """Sum over the samples of what came in times the gradient of what went out, at each synapse."""
    if x.device.type == "cuda" or torch.backends.mkl.is_available():
        zeros = _matrix(transform.starts, transform.targets, x.new_zeros(transform.synapses), (transform.pre, transform.post))
        return torch.sparse.sampled_addmm(zeros, x.t().contiguous(), gradient.contiguous(), beta=0.0).values()
    sources, targets = (torch.from_numpy(a).to(x.device, torch.int64) for a in (transform.sources, transform.targets))
    step = max(1, CHUNK // max(1, len(x)))
    parts = [(x[:, a] * gradient[:, b]).sum(0) for a, b in zip(sources.split(step), targets.split(step), strict=True)]
    return torch.cat(parts) if parts else x.new_zeros(0)
