"""Pooling in one, two and three dimensions, and changes of shape."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

from spaic import spellings
from spaic.errors import DeclarationError, GraphError
from spaic.Graph.transforms import Pool, Pool2d, Reshape, Transform
from spaic.Graph.transforms.image import demand_layout
from spaic.Library.links.image import numbers
from spaic.Library.ranges import demand_sizes
from spaic.Network.connection import LinkType
from spaic.registry import links
from spaic.seeds import Key

Shape = tuple[int, ...]
Sizes = int | tuple[int, ...]


@dataclass(frozen=True)
class Pooling(LinkType):
    """Pooling of an image (channels, height, width).

    Parameters
    ----------
    pool_kernel_size : int or tuple of int
        Size of the window.
    pool_stride : int or tuple of int, optional
        Step of the window; its size by default.
    pool_padding : int or tuple of int
        Margin around the image.
    mode : str
        ``"avg"`` or ``"max"``.
    """

    pool_kernel_size: Sizes = 2
    pool_stride: Sizes | None = None
    pool_padding: Sizes = 0
    mode: str = "avg"

    dimensions: ClassVar[int] = 2

    def __post_init__(self) -> None:
        if self.mode not in ("avg", "max"):
            raise DeclarationError(f"Connection(pool).mode: unknown mode {self.mode!r}; use 'avg' or 'max'")

    def transforms(self, pre: Shape, post: Shape, path: str, key: Key) -> tuple[Transform, ...]:
        demand_layout(pre, self.dimensions, path)
        kernel = numbers(self.pool_kernel_size, self.dimensions, f"{path}.pool_kernel_size")
        stride = kernel if self.pool_stride is None else numbers(self.pool_stride, self.dimensions, f"{path}.pool_stride")
        padding = numbers(self.pool_padding, self.dimensions, f"{path}.pool_padding", 0)
        if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
            raise GraphError(f"{path}.pool_padding: {padding} is more than half of the window {kernel}; make it smaller")
        kind: Any = Pool2d if self.dimensions == 2 else Pool  # what images can do faster is looked for by this class
        return (kind(kernel, stride, padding, self.mode == "max"),)


@dataclass(frozen=True)
class Pooling1d(Pooling):
    """Pooling of a sequence (channels, length).

    Parameters
    ----------
    pool_kernel_size, pool_stride, pool_padding, mode
        As for the pooling of an image.
    """

    dimensions: ClassVar[int] = 1


@dataclass(frozen=True)
class Pooling3d(Pooling):
    """Pooling of a volume (channels, depth, height, width).

    Parameters
    ----------
    pool_kernel_size, pool_stride, pool_padding, mode
        As for the pooling of an image.
    """

    dimensions: ClassVar[int] = 3


@dataclass(frozen=True)
class Flatten(LinkType):
    """The same values as a vector: neuron i to neuron i, without weights."""

    def transforms(self, pre: Shape, post: Shape, path: str, key: Key) -> tuple[Transform, ...]:
        return (Reshape((prod(pre),)),)


@dataclass(frozen=True)
class Unflatten(LinkType):
    """The same values in a shape: neuron i to neuron i, without weights.

    Parameters
    ----------
    shape : tuple of int, optional
        The shape; that of the target by default.
    """

    shape: tuple[int, ...] | None = None

    def transforms(self, pre: Shape, post: Shape, path: str, key: Key) -> tuple[Transform, ...]:
        shape = post if self.shape is None else demand_sizes(f"{path}.shape", self.shape)
        if prod(shape) != prod(pre):
            raise GraphError(f"{path}: {prod(pre)} values (shape {pre}) do not fill the shape {shape}; make the numbers equal")
        return (Reshape(shape),)


links.add("pool", Pooling, (*spellings.aliases("link type", "pool"), "pool2d"))
links.add("pool1d", Pooling1d)
links.add("pool3d", Pooling3d)
links.add("flatten", Flatten)
links.add("unflatten", Unflatten)
