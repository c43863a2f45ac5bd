"""Links with many delays, or with learned ones: each distinct delay shifts the source once.

Between two steps what arrives is interpolated, so that it has a gradient with respect to the delay: a delay of k + f steps brings
``(1 - f) x[n - k] + f x[n - k - 1]``, whose derivative is the difference of the two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from spaic.Backend.Torch.firing.spikes import Spikes
from spaic.Graph.transforms import BatchNorm, Pool, Transform

#: The source so many steps ago, ``[..., *source]``.
Late = Callable[[int], Tensor | Spikes]
#: Whole steps -> which part of each synapse, or of each value of the source, comes so late.
Shares = dict[int, Tensor]


def learned(delay: Tensor, most: int) -> Shares:
    """Which part comes how late, of delays in steps that a gradient flows to; `most` is the longest that is allowed."""
    delay = delay.clamp(0, most)
    whole = delay.detach().floor().clamp(max=most - 1)
    part = delay - whole
    steps = sorted({int(d) + k for d in whole.unique().tolist() for k in (0, 1)})
    if delay.ndim == 0:
        return dict(zip(steps, (1 - part, part), strict=True))
    return {d: (whole == d) * (1 - part) + (whole == d - 1) * part for d in steps}


def fixed(delay: np.ndarray, dtype: torch.dtype, device: torch.device) -> Shares:
    """Which part comes how late, of delays in whole steps."""
    return {d: torch.as_tensor(delay == d, device=device).to(dtype) for d in np.unique(delay).tolist()}


def mixed(parts: Mapping[int, Tensor], late: Late, dtype: torch.dtype) -> Tensor:
    """The source with each value as late as it is."""
    total: Any = 0.0
    for d, share in parts.items():
        x = late(d)
        total = total + (x.floats(dtype) if isinstance(x, Spikes) else x.to(dtype)) * share
    return torch.as_tensor(total)


def taps(transform: Pool, parts: Mapping[int, Tensor], late: Late, dtype: torch.dtype) -> Tensor:
    """Mean or maximum over the taps of a window, each as late as `parts`, ``[channels, *kernel]``, say: ``[..., *result]``."""
    seen = []
    for tap in product(*map(range, transform.kernel)):
        own = {d: _of_tap(share, tap) for d, share in parts.items()}
        seen.append(_at_tap(transform, mixed({d: s for d, s in own.items() if s.requires_grad or bool(s.any())}, late, dtype), tap))
    found = torch.stack(seen)
    return found.max(0).values if transform.is_max else found.mean(0)


def is_linear(transforms: tuple[Transform, ...]) -> bool:
    """Whether what they make of a sum is the sum of what they make of its parts, but for a bias."""
    return not any(isinstance(t, BatchNorm) or (isinstance(t, Pool) and t.is_max) for t in transforms)


def _of_tap(share: Tensor, tap: tuple[int, ...]) -> Tensor:
    """One number for each channel, ``[channels, 1, ...]``; sizes of the share may be 1."""
    place = tuple(min(t, n - 1) for t, n in zip(tap, share.shape[1:], strict=True))
    index: tuple[slice | int, ...] = (slice(None), *place)
    return share[index].reshape(-1, *(1 for _ in tap))


def _at_tap(transform: Pool, x: Tensor, tap: tuple[int, ...]) -> Tensor:
    """What one place of its window sees, for all windows."""
    around = [p for p in reversed(transform.padding) for _ in range(2)]
    padded = F.pad(x, around, value=-torch.inf if transform.is_max else 0.0) if any(around) else x
    numbers = transform.output_shape(tuple(x.shape[-len(tap) - 1 :]), "")[1:]
    cuts = [slice(t, t + (n - 1) * s + 1, s) for t, n, s in zip(tap, numbers, transform.stride, strict=True)]
    whole = [slice(None)] * (x.ndim - len(cuts))
    return padded[(*whole, *cuts)]
