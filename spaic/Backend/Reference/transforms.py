"""Transforms in NumPy, one sample batch ``[batch, *shape]`` at a time."""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch

import numpy as np

from spaic.errors import UnsupportedError
from spaic.Graph.transforms import Conv2d, Dense, Dropout, OneToOne, Pool2d, Scale, Transform


@singledispatch
def apply(transform: Transform, x: np.ndarray, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    """The image of `x` under `transform`."""
    raise UnsupportedError(f"{type(transform).__name__}: the reference backend does not know this transform; add a function for it")


@apply.register
def _dense(transform: Dense, x: np.ndarray, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    weight = parameters["weight"] if transform.mask is None else parameters["weight"] * transform.mask
    return x.reshape(len(x), -1) @ weight.T + parameters.get("bias", 0.0)


@apply.register
def _one_to_one(transform: OneToOne, x: np.ndarray, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    return (x.reshape(len(x), -1) * parameters["weight"] + parameters.get("bias", 0.0)).reshape(x.shape)


@apply.register
def _conv(transform: Conv2d, x: np.ndarray, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    weight, groups = parameters["weight"], transform.groups
    windows = _windows(_padded(x, transform.padding, 0.0), transform.kernel, transform.stride, transform.dilation)
    out_per, in_per = transform.out_channels // groups, transform.in_channels // groups
    parts = [
        np.einsum("bchwij,ocij->bohw", windows[:, g * in_per : (g + 1) * in_per], weight[g * out_per : (g + 1) * out_per])
        for g in range(groups)
    ]
    bias = parameters.get("bias")
    return np.concatenate(parts, axis=1) + (0.0 if bias is None else bias[:, None, None])


@apply.register
def _pool(transform: Pool2d, x: np.ndarray, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    padded = _padded(x, transform.padding, -np.inf if transform.is_max else 0.0)
    windows = _windows(padded, transform.kernel, transform.stride, (1, 1))
    return windows.max(axis=(-2, -1)) if transform.is_max else windows.mean(axis=(-2, -1))


@apply.register
def _scale(transform: Scale, x: np.ndarray, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    return transform.factor * x


def _padded(x: np.ndarray, padding: tuple[int, int], value: float) -> np.ndarray:
    return np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2), constant_values=value)


def _windows(x: np.ndarray, kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]) -> np.ndarray:
    """Views ``[batch, channel, row, column, kernel row, kernel column]``."""
    reach = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    views = np.lib.stride_tricks.sliding_window_view(x, reach, axis=(2, 3))
    return views[:, :, :: stride[0], :: stride[1], :: dilation[0], :: dilation[1]]


@apply.register
def _dropout(transform: Dropout, x: np.ndarray, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    return x * parameters.get(transform.name, 1.0)
