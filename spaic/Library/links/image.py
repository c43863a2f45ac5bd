"""Links between images: convolution and pooling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spaic import spellings
from spaic.errors import DeclarationError, GraphError
from spaic.Graph.transforms import Conv2d, Pool2d, Transform
from spaic.Library.links.weights import WeightedLink
from spaic.Network.connection import LinkType
from spaic.registry import links
from spaic.seeds import Key

Shape = tuple[int, ...]
Pair = int | tuple[int, int]


@dataclass(frozen=True)
class Convolution(WeightedLink):
    """Two-dimensional convolution of an image (channels, height, width).

    Parameters
    ----------
    out_channels : int, optional
        Channels of the result; those of the target's shape by default.
    in_channels : int, optional
        Channels of the source; must agree with its shape.
    kernel_size, stride, padding, dilation : int or pair
        As in torch.
    groups : int
        Number of independent parts.
    weight : array of shape (out, in / groups, height, width), number or initializer, optional
        Initial weights.
    bias : array of shape (out,), number, initializer or bool, optional
        Added in every step.
    w_mean, w_std : float, optional
        Mean and standard deviation of normal initial weights.
    """

    out_channels: int | None = None
    in_channels: int | None = None
    kernel_size: Pair = 3
    stride: Pair = 1
    padding: Pair = 0
    dilation: Pair = 1
    groups: int = 1

    def transforms(self, pre: Shape, post: Shape, path: str, key: Key) -> tuple[Transform, ...]:
        _demand_image(pre, path)
        channels = self.in_channels or pre[0]
        result = self.out_channels or (post[0] if len(post) == 3 else None)
        if result is None:
            raise GraphError(f"{path}: the number of channels of the result is not known; give out_channels, or the target a shape")
        if self.groups < 1 or channels % self.groups or result % self.groups:
            raise GraphError(f"{path}: {channels} and {result} channels do not divide into {self.groups} groups; change groups")
        return (
            Conv2d(
                channels, result, pair(self.kernel_size, f"{path}.kernel_size"),
                self.initial_weight(path), self.initial_bias(path),
                pair(self.stride, f"{path}.stride"), pair(self.padding, f"{path}.padding", 0),
                pair(self.dilation, f"{path}.dilation"), self.groups,
            ),
        )  # fmt: skip


@dataclass(frozen=True)
class Pooling(LinkType):
    """Pooling of an image (channels, height, width).

    Parameters
    ----------
    pool_kernel_size : int or pair
        Size of the window.
    pool_stride : int or pair, optional
        Step of the window; its size by default.
    pool_padding : int or pair
        Margin around the image.
    mode : str
        ``"avg"`` or ``"max"``.
    """

    pool_kernel_size: Pair = 2
    pool_stride: Pair | None = None
    pool_padding: Pair = 0
    mode: str = "avg"

    def __post_init__(self) -> None:
        if self.mode not in ("avg", "max"):
            raise DeclarationError(f"Connection(pool).mode: unknown mode {self.mode!r}; use 'avg' or 'max'")

    def transforms(self, pre: Shape, post: Shape, path: str, key: Key) -> tuple[Transform, ...]:
        _demand_image(pre, path)
        kernel = pair(self.pool_kernel_size, f"{path}.pool_kernel_size")
        stride = kernel if self.pool_stride is None else pair(self.pool_stride, f"{path}.pool_stride")
        padding = pair(self.pool_padding, f"{path}.pool_padding", 0)
        if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
            raise GraphError(f"{path}.pool_padding: {padding} is more than half of the window {kernel}; make it smaller")
        return (Pool2d(kernel, stride, padding, self.mode == "max"),)


def pair(value: Any, path: str, least: int = 1) -> tuple[int, int]:
    """One whole number for both directions, or two."""
    numbers = (value, value) if hasattr(value, "__index__") else tuple(value)
    if len(numbers) != 2 or any(not hasattr(n, "__index__") or isinstance(n, bool) or n.__index__() < least for n in numbers):
        raise DeclarationError(f"{path}: {value!r} is not a whole number of at least {least}, or two of them; give one")
    return int(numbers[0]), int(numbers[1])


def _demand_image(shape: Shape, path: str) -> None:
    if len(shape) != 3:
        raise GraphError(f"{path}: the source has shape {shape}, an image (channels, height, width) is needed; give the source a shape")


links.add("conv", Convolution, spellings.aliases("link type", "conv"))
links.add("pool", Pooling, spellings.aliases("link type", "pool"))
