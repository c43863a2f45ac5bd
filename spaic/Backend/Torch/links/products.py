"""The product of spikes with a matrix: sums over the rows of those who fired, or dense, whichever takes less time.

Both are exact and agree to the rounding of sums. Which one is done depends on the number of spikes, on shapes and on the type only.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from spaic.Backend.Torch.firing.spikes import Spikes
from spaic.Backend.Torch.links.product_ways import PRODUCTS, Bags, Dense, ProductWay, Sums
from spaic.Backend.Torch.workspace import empty
from spaic.errors import InputError, UnknownName, nearest


def product(spikes: Spikes, weight: Tensor, bias: Tensor | None = None, how: str = "auto") -> tuple[Tensor, str]:
    """``spikes @ weight.T + bias`` in every instant.

    Parameters
    ----------
    spikes : Spikes
        ``[steps, batch, *shape]``. Their carrier, if it needs one, receives a dense gradient.
    weight : Tensor
        ``[post, pre]``, pre being the number of elements of a sample. Layout is free.
    bias : Tensor, optional
        ``[post]``.
    how : str
        ``"dense"``, ``"sparse"`` or ``"auto"``.

    Returns
    -------
    Tensor
        ``[steps, batch, post]``, of the type of `weight`.
    str
        What was done: ``"dense"`` or ``"sparse"``.

    Raises
    ------
    InputError
        If shapes do not fit.
    UnknownName
        If `how` is none of the three.

    Examples
    --------
    >>> spikes = Spikes(torch.tensor([[[1, 0, 1]]], dtype=torch.uint8))
    >>> product(spikes, torch.tensor([[1.0, 2.0, 4.0], [0.5, 0.0, 0.25]]))
    (tensor([[[5.0000, 0.7500]]]), 'sparse')
    """
    way = _way(spikes, weight, how)
    y: Tensor = _Product.apply(spikes.carrier, weight, bias, way)
    return y.reshape(spikes.steps, spikes.batch, len(weight)), way.name


def weight_gradient(spikes: Spikes, gradient: Tensor, weight: Tensor, how: str = "auto") -> Tensor:
    """``gradient.T @ spikes`` over all instants, where :func:`product` is not what made the gradient.

    Parameters
    ----------
    spikes : Spikes
        ``[steps, batch, *shape]``.
    gradient : Tensor
        ``[steps, batch, post]``: of the results of the product.
    weight : Tensor
        ``[post, pre]``; what is returned has its shape and type.
    how : str
        As in :func:`product`.

    Returns
    -------
    Tensor
        ``[post, pre]``.
    """
    with torch.no_grad(), torch.autocast(weight.device.type, enabled=False):
        rows = gradient.to(weight.dtype).flatten(0, 1).contiguous()
        return _way(spikes, weight, how).gradient(rows)


def _way(spikes: Spikes, weight: Tensor, how: str) -> ProductWay:
    size = math.prod(spikes.shape)
    if weight.dim() != 2 or weight.shape[1] != size:
        raise InputError(f"product: a weight of shape {tuple(weight.shape)} for {size} inputs; it must be [post, {size}]")
    if how not in PRODUCTS:
        raise UnknownName(f"product: unknown way {how!r}; {nearest(how, PRODUCTS)}")
    has_kernels = weight.device.type == "cpu" and weight.dtype in (torch.float32, torch.float64)
    if how == "auto":
        is_sparse = has_kernels and sparse_is_faster(spikes.count, spikes.steps * spikes.batch, weight.shape[1], len(weight), weight.dtype)
    else:
        is_sparse = how == "sparse"
    if not is_sparse:
        return Dense(spikes.flat)
    return Sums(spikes.bits, weight) if has_kernels else Bags(spikes)


def sparse_is_faster(count: int, rows: int, pre: int, post: int, dtype: torch.dtype) -> bool:
    """Whether sums over `count` spikes in `rows` instants take less time than the dense product, forward and for the weight.

    Nanoseconds on one thread, fitted to 528 works in each type (AMD Zen 4, MKL; half of them within 10 %), but 0.03 for two
    multiplications that took 0.04: other machines have faster matrix units, not faster caches.

    Examples
    --------
    >>> [sparse_is_faster(int(5000 * 784 * rate), 5000, 784, 100, torch.float32) for rate in (0.1, 0.2, 0.4)]
    [True, True, False]
    """
    weight, bytes_per = pre * post, dtype.itemsize / 4
    dense = 34_000 + bytes_per * (0.03 * rows * weight + 0.28 * weight + 0.87 * rows * pre)
    if count < pre:
        sparse = 17_000 + bytes_per * (1.0 * count * post + 0.08 * weight) + 0.27 * rows * pre
    else:
        sums = 0.074 * count * post + 1.1 * weight + 0.62 * (rows + pre) * post
        sparse = 45_000 + bytes_per * sums + 3.6 * count + 0.27 * rows * pre
    return sparse < dense


class _Product(torch.autograd.Function):
    """``x @ W.T + b`` in a given way; between the passes only what that way keeps of the spikes is held, never floats."""

    @staticmethod
    def forward(ctx: Any, carrier: Tensor | None, weight: Tensor, bias: Tensor | None, way: ProductWay) -> Tensor:
        ctx.way = way
        if ctx.needs_input_grad[0] and carrier is not None:
            ctx.shape = carrier.shape
            ctx.save_for_backward(weight)
        with torch.autocast(weight.device.type, enabled=False):  # sums of spikes stay in the type of the weights
            return way.times(weight.detach(), None if bias is None else bias.detach().to(weight.dtype))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        to_carrier, to_weight, to_bias = ctx.needs_input_grad[:3]
        gradient = gradients[0].contiguous()
        with torch.autocast(gradient.device.type, enabled=False):
            return (
                _back(gradient, ctx.saved_tensors[0]).reshape(ctx.shape) if to_carrier else None,
                ctx.way.gradient(gradient) if to_weight else None,
                gradient.sum(0) if to_bias else None,
                None,
            )


def _back(gradient: Tensor, weight: Tensor) -> Tensor:
    """The gradient of the spikes: of every one, fired or not."""
    return torch.mm(gradient, weight, out=empty((len(gradient), weight.shape[1]), gradient.dtype, gradient.device))
