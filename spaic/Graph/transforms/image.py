"""Transforms of what has places: channels and one, two or three dimensions of space."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from spaic.errors import GraphError
from spaic.Graph.transforms.base import Shape, Transform
from spaic.Graph.values import Value

#: Number of dimensions -> what a sample looks like.
_LAYOUTS = {1: "a sequence (channels, length)", 2: "an image (channels, height, width)", 3: "a volume (channels, depth, height, width)"}


@dataclass(frozen=True, eq=False)
class Conv(Transform):
    """Cross-correlation as in torch, in as many dimensions as `kernel` has; `weight` has shape (out, in / groups, *kernel)."""

    in_channels: int
    out_channels: int
    kernel: Shape
    weight: Value
    bias: Value | None
    stride: Shape
    padding: Shape
    dilation: Shape
    groups: int = 1

    def output_shape(self, shape: Shape, path: str) -> Shape:
        demand_layout(shape, len(self.kernel), path, self.in_channels)
        reach = tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))
        return (self.out_channels, *_windows(shape[1:], reach, self.stride, self.padding, path))

    def parameters(self) -> dict[str, tuple[Value, Shape]]:
        bias = {} if self.bias is None else {"bias": (self.bias, (self.out_channels,))}
        return {"weight": (self.weight, (self.out_channels, self.in_channels // self.groups, *self.kernel)), **bias}

    def fans(self) -> tuple[int, int]:
        return self.in_channels // self.groups * prod(self.kernel), self.out_channels // self.groups * prod(self.kernel)


@dataclass(frozen=True, eq=False)
class Conv2d(Conv):
    """Two-dimensional cross-correlation as in torch; `weight` has shape (out, in / groups, kh, kw)."""

    kernel: tuple[int, int]
    bias: Value | None = None
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)


@dataclass(frozen=True, eq=False)
class TransposedConv(Transform):
    """The transpose of :class:`Conv`, from small to large; `weight` has shape (in, out / groups, *kernel) as in torch."""

    in_channels: int
    out_channels: int
    kernel: Shape
    weight: Value
    bias: Value | None
    stride: Shape
    padding: Shape
    output_padding: Shape
    dilation: Shape
    groups: int = 1

    def output_shape(self, shape: Shape, path: str) -> Shape:
        demand_layout(shape, len(self.kernel), path, self.in_channels)
        sizes = tuple(
            (n - 1) * s - 2 * p + d * (k - 1) + more + 1
            for n, k, s, p, more, d in zip(
                shape[1:], self.kernel, self.stride, self.padding, self.output_padding, self.dilation, strict=True
            )
        )
        if min(sizes) < 1:
            raise GraphError(
                f"{path}: a kernel of {self.kernel} with padding {self.padding} leaves {sizes} of {shape[1:]}; use less padding"
            )
        for more, s, d in zip(self.output_padding, self.stride, self.dilation, strict=True):
            if more >= max(s, d):
                raise GraphError(f"{path}.output_padding: {more} is not below the stride {s} or the dilation {d}; make it smaller")
        return (self.out_channels, *sizes)

    def parameters(self) -> dict[str, tuple[Value, Shape]]:
        bias = {} if self.bias is None else {"bias": (self.bias, (self.out_channels,))}
        return {"weight": (self.weight, (self.in_channels, self.out_channels // self.groups, *self.kernel)), **bias}

    def fans(self) -> tuple[int, int]:
        meeting = max(1, prod(self.kernel) // prod(self.stride))  # windows that overlap at a place
        return self.in_channels // self.groups * meeting, self.out_channels // self.groups * prod(self.kernel)


@dataclass(frozen=True, eq=False)
class Pool(Transform):
    """Mean (``is_max=False``) or maximum over windows, in as many dimensions as `kernel` has."""

    kernel: Shape
    stride: Shape
    padding: Shape
    is_max: bool = False

    def output_shape(self, shape: Shape, path: str) -> Shape:
        demand_layout(shape, len(self.kernel), path)
        return (shape[0], *_windows(shape[1:], self.kernel, self.stride, self.padding, path))

    def synapses_shape(self, shape: Shape) -> Shape | None:
        return (shape[0], *self.kernel)


@dataclass(frozen=True, eq=False)
class Pool2d(Pool):
    """Mean (``is_max=False``) or maximum over windows of an image (channels, height, width)."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] = (0, 0)


@dataclass(frozen=True, eq=False)
class Upsample(Transform):
    """Each place becomes `factor` places: copies of it, or (``is_linear``) interpolated linearly between the centres, as in torch."""

    factor: Shape
    is_linear: bool = False

    def output_shape(self, shape: Shape, path: str) -> Shape:
        demand_layout(shape, len(self.factor), path)
        return (shape[0], *(n * f for n, f in zip(shape[1:], self.factor, strict=True)))


@dataclass(frozen=True, eq=False)
class Reshape(Transform):
    """The same values in another shape."""

    shape: Shape

    def output_shape(self, shape: Shape, path: str) -> Shape:
        if prod(shape) != prod(self.shape):
            raise GraphError(f"{path}: {prod(shape)} values (shape {shape}) do not fill the shape {self.shape}; make the numbers equal")
        return self.shape


def demand_layout(shape: Shape, dimensions: int, path: str, channels: int | None = None) -> None:
    """Refuse a sample that has other dimensions, or another number of channels."""
    if len(shape) != dimensions + 1:
        raise GraphError(f"{path}: the source has shape {shape}, {_LAYOUTS[dimensions]} is needed; give the source a shape")
    if channels is not None and shape[0] != channels:
        raise GraphError(f"{path}: the source has {shape[0]} channels (shape {shape}), the kernel takes {channels}; make them equal")


def _windows(size: Shape, reach: Shape, stride: Shape, padding: Shape, path: str) -> Shape:
    result = tuple((n + 2 * p - r) // s + 1 for n, r, s, p in zip(size, reach, stride, padding, strict=True))
    if min(result) < 1:
        raise GraphError(
            f"{path}: a window of {reach} does not fit into {size} with padding {padding}; use a smaller kernel or more padding"
        )
    return result
