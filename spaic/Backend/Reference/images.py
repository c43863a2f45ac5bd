"""Transforms of what has places in NumPy, in any number of dimensions: samples ``[batch, channel, *places]``."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from spaic.Backend.Reference.transforms import apply
from spaic.Graph.transforms import Conv, Pool, TransposedConv, Upsample

Shape = tuple[int, ...]


@apply.register
def _conv(transform: Conv, x: np.ndarray, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    weight, groups = parameters["weight"], transform.groups
    windows = _windows(_padded(x, transform.padding, 0.0), transform.kernel, transform.stride, transform.dilation)
    windows = windows.reshape(*windows.shape[: -len(transform.kernel)], prod(transform.kernel))
    places = windows.shape[2:-1]
    out_per, in_per = transform.out_channels // groups, transform.in_channels // groups
    flat = weight.reshape(*weight.shape[:2], -1)
    parts = [
        np.einsum("bc...k,ock->bo...", windows[:, g * in_per : (g + 1) * in_per], flat[g * out_per : (g + 1) * out_per])
        for g in range(groups)
    ]
    return np.concatenate(parts, axis=1) + _per_channel(parameters.get("bias"), len(places))


@apply.register
def _transposed(transform: TransposedConv, x: np.ndarray, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    """Each place of the source adds its kernel to the result, which is cut by the padding at the end."""
    weight, groups = parameters["weight"], transform.groups
    shape, padding = transform.output_shape(x.shape[1:], ""), transform.padding
    whole = np.zeros((len(x), shape[0], *(n + 2 * p for n, p in zip(shape[1:], padding, strict=True))))
    out_per, in_per = transform.out_channels // groups, transform.in_channels // groups
    for tap in np.ndindex(*transform.kernel):
        starts = [t * d for t, d in zip(tap, transform.dilation, strict=True)]
        at = [slice(b, b + n * s, s) for b, n, s in zip(starts, x.shape[2:], transform.stride, strict=True)]
        for g in range(groups):
            of = slice(g * in_per, (g + 1) * in_per)
            part = np.einsum("bc...,co->bo...", x[:, of], weight[(of, slice(None), *tap)])
            target = whole[(slice(None), slice(g * out_per, (g + 1) * out_per), *at)]
            target += part[(slice(None), slice(None), *(slice(n) for n in target.shape[2:]))]
    inner = whole[(slice(None), slice(None), *(slice(p, p + n) for n, p in zip(shape[1:], padding, strict=True)))]
    return inner + _per_channel(parameters.get("bias"), len(padding))


@apply.register
def _pool(transform: Pool, x: np.ndarray, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    padded = _padded(x, transform.padding, -np.inf if transform.is_max else 0.0)
    windows = _windows(padded, transform.kernel, transform.stride, (1,) * len(transform.kernel))
    inside = tuple(range(-len(transform.kernel), 0))
    return windows.max(axis=inside) if transform.is_max else windows.mean(axis=inside)


def at_tap(transform: Pool, x: np.ndarray, tap: Shape) -> np.ndarray:
    """What one place of its window sees, for all windows: ``[batch, channel, *result]``."""
    padded = _padded(x, transform.padding, -np.inf if transform.is_max else 0.0)
    windows = _windows(padded, transform.kernel, transform.stride, (1,) * len(transform.kernel))
    seen: np.ndarray = windows[(..., *tap)]  # type: ignore[arg-type]
    return seen


@apply.register
def _upsample(transform: Upsample, x: np.ndarray, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    for axis, factor in enumerate(transform.factor, start=2):
        if transform.is_linear:
            x = np.moveaxis(np.moveaxis(x, axis, -1) @ _between(x.shape[axis], factor).T, -1, axis)
        else:
            x = np.repeat(x, factor, axis=axis)
    return x


def _between(size: int, factor: int) -> np.ndarray:
    """Matrix that interpolates between the centres of `size` places; beyond the first and the last centre it keeps their values."""
    at = np.clip((np.arange(size * factor) + 0.5) / factor - 0.5, 0, size - 1)
    low = np.minimum(at.astype(int), max(0, size - 2))
    matrix = np.zeros((size * factor, size))
    rows = np.arange(size * factor)
    matrix[rows, low] = 1 - (at - low)
    matrix[rows, np.minimum(low + 1, size - 1)] += at - low
    return matrix


def _per_channel(bias: np.ndarray | None, dimensions: int) -> np.ndarray:
    return np.zeros(()) if bias is None else bias.reshape(-1, *(1,) * dimensions)


def _padded(x: np.ndarray, padding: Shape, value: float) -> np.ndarray:
    return np.pad(x, ((0, 0), (0, 0), *((p, p) for p in padding)), constant_values=value)


def _windows(x: np.ndarray, kernel: Shape, stride: Shape, dilation: Shape) -> np.ndarray:
    """Views ``[batch, channel, *places, *kernel]``."""
    reach = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    views = np.lib.stride_tricks.sliding_window_view(x, reach, axis=tuple(range(2, x.ndim)))
    return views[(slice(None), slice(None), *(slice(None, None, s) for s in stride), *(slice(None, None, d) for d in dilation))]
