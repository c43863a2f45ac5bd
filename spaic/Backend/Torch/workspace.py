"""Large memory that is used again: the pages of a fresh block have to be made by the system, which takes longer than filling them."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from spaic.Backend.Kernels.compiling.forks import in_child

_WORTH = 1 << 22  # bytes: smaller blocks are used again by the allocator itself
_MOST = 1 << 30  # bytes that are kept for later
_WASTE = 1.25  # a block may be larger than what it serves

_lock = threading.Lock()
_free: list[np.ndarray] = []  # the latest last
_returned: deque[np.ndarray] = deque()  # not yet among them: a finalizer runs anywhere, and must wait for nothing


@in_child
def _forget() -> None:
    """A thread of the parent may have been in the middle of a change."""
    global _lock
    _lock = threading.Lock()
    _free.clear()


class _Lease:
    """Holds a block while a tensor uses it, and hands it back when the last one is gone."""

    def __init__(self, block: np.ndarray) -> None:
        self.block = block

    @property
    def __array_interface__(self) -> dict[str, object]:
        return self.block.__array_interface__

    def __del__(self) -> None:
        _returned.append(self.block)


def empty(size: Sequence[int], dtype: torch.dtype, device: torch.device | str = "cpu") -> Tensor:
    """As ``torch.empty``; on the CPU in memory that was used before, if it is large.

    Examples
    --------
    >>> empty((2, 3), torch.float32).shape
    torch.Size([2, 3])
    """
    count = math.prod(size) * dtype.itemsize
    if count < _WORTH or torch.device(device).type != "cpu":
        return torch.empty(tuple(size), dtype=dtype, device=device)
    flat = torch.from_numpy(np.asarray(_Lease(_block(count))))
    return flat[:count].view(dtype).reshape(tuple(size))


def _block(count: int) -> np.ndarray:
    with _lock:
        _collect()
        for place in range(len(_free) - 1, -1, -1):
            if count <= _free[place].nbytes <= _WASTE * count:
                return _free.pop(place)
    return np.empty(-(-count // 4096) * 4096, np.uint8)


def _collect() -> None:
    while _returned:
        _free.append(_returned.popleft())
    while sum(block.nbytes for block in _free) > _MOST:
        _free.pop(0)


def release() -> int:
    """Give what is kept for later back to the system; the number of bytes."""
    with _lock:
        _collect()
        total = sum(block.nbytes for block in _free)
        _free.clear()
        return total
