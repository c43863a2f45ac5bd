"""Ways to multiply spikes with a matrix: sums over the rows of those who fired, and dense products."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from spaic.Backend.Torch.firing.bits import Bits, kernels, over_threads
from spaic.Backend.Torch.firing.spikes import Spikes
from spaic.Backend.Torch.workspace import empty

#: What may be asked for: the names of ways, or the one that takes less time.
PRODUCTS = ("auto", "dense", "sparse")
_ALIGNED = 64  # bytes: rows of a table begin where lines of the cache do
_LISTED = 32  # spikes that are worth a pass over a part of the table


class ProductWay(ABC):
    """How a product is made, and what is kept of its spikes until its weight gradient is made."""

    name: str

    @abstractmethod
    def times(self, weight: Tensor, bias: Tensor | None) -> Tensor:
        """``[rows, post]``."""

    @abstractmethod
    def gradient(self, gradient: Tensor) -> Tensor:
        """With respect to the weight, ``[post, pre]``."""


class Sums(ProductWay):
    """Sums over the rows of those who fired."""

    name = "sparse"

    def __init__(self, bits: Bits, weight: Tensor) -> None:
        self.bits, self.is_turned = bits, weight.T.is_contiguous()
        #: Fewer spikes than inputs: turning the weight would take longer than the sums.
        self.is_picked = bits.count < bits.size and not self.is_turned

    def times(self, weight: Tensor, bias: Tensor | None) -> Tensor:
        start = weight.new_zeros(len(weight)) if bias is None else bias.contiguous()
        y = empty((self.bits.rows, len(weight)), weight.dtype)
        if self.is_picked:
            self._pick(kernels().add_picked, len(weight), start, weight.contiguous(), y)
        else:
            _add_rows(self.bits, start, weight.T if self.is_turned else _table(weight), y)
        return y

    def gradient(self, gradient: Tensor) -> Tensor:
        post = gradient.shape[1]
        if self.is_picked:
            y = gradient.new_zeros(post, self.bits.size)
            self._pick(kernels().add_into_picked, post, gradient, y)
            return y
        turned = gradient.new_empty(self.bits.size, post)
        _add_rows(self.bits.flipped, gradient.new_zeros(post), gradient, turned)
        return turned.T if self.is_turned else turned.T.contiguous()

    def _pick(self, kernel: Callable[..., Any], post: int, *tensors: Tensor) -> None:
        over_threads(kernel, post, self.bits.count * post, self.bits.words, *(x.numpy() for x in tensors))


def _table(weight: Tensor) -> Tensor:
    """The weight with a row for each input, all of them aligned."""
    post, pre = weight.shape
    lanes = _ALIGNED // weight.element_size()
    table = weight.new_empty(pre, -(-post // lanes) * lanes)
    table[:, :post].copy_(weight.T)
    return table


def _add_rows(bits: Bits, start: Tensor, table: Tensor, y: Tensor) -> None:
    if bits.count == 0:
        y.copy_(start)
        return
    cells = bits.rows * bits.size
    near = int(np.clip(_LISTED * cells / (64 * bits.count), 4, 16))
    work = bits.count * y.shape[1] + cells
    over_threads(kernels().add_rows, bits.rows, work, bits.words, start.numpy(), table.numpy(), near, y.numpy())


class Dense(ProductWay):
    """Products of blocks that are made floats one after the other."""

    name = "dense"
    BLOCK = 1 << 20  # elements: fits the cache with its product

    def __init__(self, x: Tensor) -> None:
        self.x = x

    def times(self, weight: Tensor, bias: Tensor | None) -> Tensor:
        y = empty((len(self.x), len(weight)), weight.dtype, weight.device)
        for rows, block in self._blocks(weight.dtype):
            torch.mm(block, weight.T, out=y[rows])
        return y if bias is None else y.add_(bias)

    def gradient(self, gradient: Tensor) -> Tensor:
        total = gradient.new_zeros(gradient.shape[1], self.x.shape[1])
        for rows, block in self._blocks(gradient.dtype):
            total.addmm_(gradient[rows].T, block)
        return total

    def _blocks(self, dtype: torch.dtype) -> Iterator[tuple[slice, Tensor]]:
        rows, size = self.x.shape
        step = max(1, min(rows, self.BLOCK // max(size, 1)))
        memory = torch.empty(step, size, dtype=dtype, device=self.x.device)
        for start in range(0, rows, step):
            part = self.x[start : start + step]
            yield slice(start, start + step), memory[: len(part)].copy_(part)


class Bags(ProductWay):
    """As :class:`Sums` with operations of torch, for other devices and types."""

    name = "sparse"

    def __init__(self, spikes: Spikes) -> None:
        self.rows, self.columns = spikes.rows, spikes.columns

    def times(self, weight: Tensor, bias: Tensor | None) -> Tensor:
        y = _bagged(*self.rows(), weight.T)
        return y if bias is None else y + bias

    def gradient(self, gradient: Tensor) -> Tensor:
        return _bagged(*self.columns(), gradient).T.contiguous()


def _bagged(pointers: Tensor, indices: Tensor, table: Tensor) -> Tensor:
    return F.embedding_bag(indices.long(), table.contiguous(), pointers, mode="sum", include_last_offset=True)
