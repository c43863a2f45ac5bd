"""What a link does to a spike vector on its way: pure data. Each backend has one function per class."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from spaic.errors import GraphError
from spaic.Graph.values import Value

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Transform:
    """Base of all transforms."""

    def output_shape(self, shape: Shape, path: str) -> Shape:
        """Shape after the transform of a sample of `shape`, or GraphError."""
        return shape

    def parameters(self) -> dict[str, tuple[Value, Shape]]:
        """Parameter name -> (declared value, shape)."""
        return {}

    def fans(self) -> tuple[int, int]:
        """Fan-in and fan-out, for initializers."""
        return 1, 1


@dataclass(frozen=True, eq=False)
class Dense(Transform):
    """``y = W x + b`` from all presynaptic to all postsynaptic neurons.

    Attributes
    ----------
    pre, post : int
        Numbers of neurons.
    weight : Value
        Shape (post, pre).
    bias : Value, optional
        Shape (post,), added in every step.
    mask : ndarray of bool, optional
        Shape (post, pre): False where there is no synapse.
    """

    pre: int
    post: int
    weight: Value
    bias: Value | None = None
    mask: np.ndarray | None = None

    def output_shape(self, shape: Shape, path: str) -> Shape:
        if prod(shape) != self.pre:
            raise GraphError(f"{path}: the source has {prod(shape)} neurons (shape {shape}), the weight takes {self.pre}; make them equal")
        return (self.post,)

    def parameters(self) -> dict[str, tuple[Value, Shape]]:
        bias = {} if self.bias is None else {"bias": (self.bias, (self.post,))}
        return {"weight": (self.weight, (self.post, self.pre)), **bias}

    def fans(self) -> tuple[int, int]:
        if self.mask is None:
            return self.pre, self.post
        return max(1, round(self.mask.sum() / self.post)), max(1, round(self.mask.sum() / self.pre))


@dataclass(frozen=True, eq=False)
class OneToOne(Transform):
    """``y_i = w_i x_i``; `weight` has shape (size,)."""

    size: int
    weight: Value
    bias: Value | None = None

    def output_shape(self, shape: Shape, path: str) -> Shape:
        if prod(shape) != self.size:
            raise GraphError(f"{path}: one-to-one needs equal numbers, got {prod(shape)} and {self.size}; make the groups the same size")
        return shape

    def parameters(self) -> dict[str, tuple[Value, Shape]]:
        bias = {} if self.bias is None else {"bias": (self.bias, (self.size,))}
        return {"weight": (self.weight, (self.size,)), **bias}


@dataclass(frozen=True, eq=False)
class Conv2d(Transform):
    """Two-dimensional cross-correlation as in torch; `weight` has shape (out, in / groups, kh, kw)."""

    in_channels: int
    out_channels: int
    kernel: tuple[int, int]
    weight: Value
    bias: Value | None = None
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    def output_shape(self, shape: Shape, path: str) -> Shape:
        _check_image(shape, self.in_channels, path)
        reach = tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))
        return (self.out_channels, *_windows(shape[1:], reach, self.stride, self.padding, path))

    def parameters(self) -> dict[str, tuple[Value, Shape]]:
        bias = {} if self.bias is None else {"bias": (self.bias, (self.out_channels,))}
        return {"weight": (self.weight, (self.out_channels, self.in_channels // self.groups, *self.kernel)), **bias}

    def fans(self) -> tuple[int, int]:
        return self.in_channels // self.groups * prod(self.kernel), self.out_channels // self.groups * prod(self.kernel)


@dataclass(frozen=True, eq=False)
class Pool2d(Transform):
    """Mean (``is_max=False``) or maximum over windows of an image (channels, height, width)."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] = (0, 0)
    is_max: bool = False

    def output_shape(self, shape: Shape, path: str) -> Shape:
        _check_image(shape, None, path)
        return (shape[0], *_windows(shape[1:], self.kernel, self.stride, self.padding, path))


@dataclass(frozen=True, eq=False)
class Scale(Transform):
    """``y = factor x``: a link without parameters, such as a current clamp."""

    factor: float = 1.0


@dataclass(frozen=True, eq=False)
class Dropout(Transform):
    """Sets values to 0 with probability `p` and divides the others by 1 - p; the same ones during a whole run, none outside training.

    Attributes
    ----------
    p : float
        Probability, in [0, 1).
    name : str
        Under which a backend finds the factors of a run, ``[batch, *shape]``.
    """

    p: float
    name: str


def _check_image(shape: Shape, channels: int | None, path: str) -> None:
    if len(shape) != 3:
        raise GraphError(f"{path}: the source has shape {shape}, an image (channels, height, width) is needed; give the source a shape")
    if channels is not None and shape[0] != channels:
        raise GraphError(f"{path}: the source has {shape[0]} channels (shape {shape}), the kernel takes {channels}; make them equal")


def _windows(size: Shape, reach: Shape, stride: Shape, padding: Shape, path: str) -> Shape:
    result = tuple((n + 2 * p - r) // s + 1 for n, r, s, p in zip(size, reach, stride, padding, strict=True))
    if min(result) < 1:
        raise GraphError(
            f"{path}: a window of {reach} does not fit into {size} with padding {padding}; use a smaller kernel or more padding"
        )
    return result
