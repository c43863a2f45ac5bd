"""Spikes as bits, and the threads that work on them; on the CPU."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, cached_property
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spaic.Backend.Kernels.compiling.jit import shipped
from spaic.Backend.Kernels.shipped import spike_lists
from spaic.Backend.Kernels.threads.team import spread
from spaic.errors import InputError

RowLists = tuple[Tensor, Tensor]
_COMPILED = (torch.uint8, torch.float32, torch.float64)
_WORTH = 1 << 20  # additions, or bytes read, that take longer than handing them to another thread


@cache
def kernels() -> ModuleType:
    """The compiled :mod:`spaic.Backend.Kernels.shipped.spike_lists`."""
    return shipped(spike_lists, "sums over spikes")


def over_threads(kernel: Callable[..., Any], total: int, work: int, *args: Any) -> None:
    """Call a kernel for ``range(total)``, on as many threads of torch as `work` (additions) is worth."""
    spread(kernel, total, args, math.ceil(total * _WORTH / max(work, 1)), threads=torch.get_num_threads())


class Bits:
    """One bit for each neuron (or column) in each instant (or row), on the CPU.

    Parameters
    ----------
    words : ndarray of uint64
        ``[rows, ceil(size / 64)]``, the lowest bit first.
    size : int
        Number of columns.
    count : int
        Number of ones.
    """

    def __init__(self, words: np.ndarray, size: int, count: int) -> None:
        self.words, self.size, self.count = words, size, count

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.words)

    @classmethod
    def of(cls, values: Tensor) -> Bits:
        """The bits of ``[rows, size]`` bytes that are 0 or 1."""
        rows, size = values.shape
        words, counts = np.empty((rows, -(-size // 64)), np.uint64), np.empty(rows, np.int64)
        over_threads(kernels().pack, rows, rows * size, values.contiguous().numpy(), words, counts)
        if rows and counts.min() < 0:
            raise InputError(f"spikes: a byte is {int(values.max())}; give 0 where a neuron is silent and 1 where it fires")
        return cls(words, size, int(counts.sum()))

    @classmethod
    def of_numbers(cls, values: Tensor) -> Bits | None:
        """The bits of numbers ``[steps, batch, *shape]``, one row for each instant of a sample; None where a number is neither 0 nor 1."""
        batch, size = values.shape[1], math.prod(values.shape[2:])
        values = values.detach().flatten(2)
        values = values if values.stride(2) == 1 else values.contiguous()
        rows, (of_step, of_sample, _) = len(values) * batch, values.stride()
        reach = (len(values) - 1) * of_step + (batch - 1) * of_sample + size if rows and size else 0
        flat = values.as_strided((reach,), (1,)).numpy()
        words, counts = np.empty((rows, -(-size // 64)), np.uint64), np.empty(rows, np.int64)
        for part in (slice(0, batch), slice(batch, rows)):  # numbers of other kinds show in the first step
            own = counts[part]
            given = flat[min(part.start, 1) * of_step :], batch, of_step, of_sample, size, words[part], own
            over_threads(kernels().to_bits, len(own), len(own) * size, *given)
            if len(own) and own.min() < 0:
                return None
        return cls(words, size, int(counts.sum()))

    @classmethod
    def of_words(cls, words: np.ndarray, size: int) -> Bits:
        """Bits whose ones are counted."""
        counts = np.empty(len(words), np.int64)
        kernels().count(0, len(words), words, counts)
        return cls(words, size, int(counts.sum()))

    def bytes(self) -> Tensor:
        """``[rows, size]`` bytes that are 0 or 1."""
        found = torch.empty((self.rows, self.size), dtype=torch.uint8, device="cpu")
        over_threads(kernels().unpack, self.rows, self.rows * self.size, self.words, found.numpy())
        return found

    @cached_property
    def flipped(self) -> Bits:
        """Rows for columns."""
        groups = -(-self.rows // 64)
        words = np.empty((self.size, groups), np.uint64)
        over_threads(kernels().flip, groups, self.rows * self.size, self.words, words)
        return Bits(words, self.rows, self.count)

    def lists(self) -> RowLists:
        """The places of the ones of each row: pointers ``[rows + 1]`` into indices ``[count]``."""
        pointers = torch.zeros(self.rows + 1, dtype=torch.int64, device="cpu")
        indices = torch.empty(self.count, dtype=torch.int32, device="cpu")
        found = pointers.numpy()
        kernels().count(0, self.rows, self.words, found[1:])
        np.cumsum(found, out=found)
        over_threads(kernels().list_rows, self.rows, self.rows * self.size, self.words, found, indices.numpy())
        return pointers, indices


def can_be_bits(values: Tensor) -> bool:
    """Whether :meth:`Bits.of_numbers` takes numbers of this kind."""
    return values.device.type == "cpu" and values.dtype in _COMPILED


def ones_as_bytes(values: Tensor) -> tuple[Tensor, bool]:
    """Where `values` are 1, as bytes; and whether all others are 0. On any device."""
    if not can_be_bits(values):
        ones = values == 1
        return ones.view(torch.uint8), bool((values == ones).all())
    flat = values.contiguous().view(-1)
    found, wrong = torch.empty_like(flat, dtype=torch.uint8), np.zeros(-(-len(flat) // spike_lists.STRETCH), np.uint8)
    over_threads(kernels().to_bytes, len(wrong), len(flat), flat.numpy(), found.numpy(), wrong)
    return found.view(values.shape), not wrong.any()
