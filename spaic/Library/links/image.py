"""Convolutions, plain and transposed, in one, two and three dimensions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar

from spaic import spellings
from spaic.errors import DeclarationError, GraphError
from spaic.Graph.transforms import Conv, Conv2d, Transform, TransposedConv
from spaic.Graph.transforms.image import demand_layout
from spaic.Graph.values import Value
from spaic.Library.initializers import fan_in_normal
from spaic.Library.links.weights import KERNEL_MEAN, KERNEL_SPREAD, WeightedLink
from spaic.Library.ranges import demand_count
from spaic.registry import links
from spaic.seeds import Key

Shape = tuple[int, ...]
Sizes = int | tuple[int, ...]


@dataclass(frozen=True)
class Convolution(WeightedLink):
    """Two-dimensional convolution of an image (channels, height, width).

    Parameters
    ----------
    out_channels : int, optional
        Channels of the result; those of the target's shape by default.
    in_channels : int, optional
        Channels of the source; must agree with its shape.
    kernel_size, stride, padding, dilation : int or tuple of int
        As in torch: one number for all dimensions, or one for each.
    groups : int
        Number of independent parts.
    weight : array of shape (out, in / groups, height, width), number or initializer, optional
        Initial weights; by default normal with mean 0 and standard deviation ``2 / sqrt(fan_in)``.
    bias : array of shape (out,), number, initializer or bool, optional
        Added in every step.
    w_mean, w_std : float, optional
        Mean and standard deviation of normal initial weights.
    """

    out_channels: int | None = None
    in_channels: int | None = None
    kernel_size: Sizes = 3
    stride: Sizes = 1
    padding: Sizes = 0
    dilation: Sizes = 1
    groups: int = 1

    dimensions: ClassVar[int] = 2

    def usual(self) -> Value:
        return fan_in_normal(KERNEL_MEAN, KERNEL_SPREAD)

    def transforms(self, pre: Shape, post: Shape, path: str, key: Key) -> tuple[Transform, ...]:
        demand_layout(pre, self.dimensions, path)
        channels, result = self._channels(pre, post, path)
        kernel, stride, padding, dilation = (
            numbers(getattr(self, k), self.dimensions, f"{path}.{k}", int(k != "padding"))
            for k in ("kernel_size", "stride", "padding", "dilation")
        )
        weight, bias = self.initial_weight(path), self.initial_bias(path)
        kind: Any = Conv2d if self.dimensions == 2 else Conv  # what images can do faster is looked for by this class
        return (kind(channels, result, kernel, weight, bias, stride, padding, dilation, self.groups),)

    def _channels(self, pre: Shape, post: Shape, path: str) -> tuple[int, int]:
        """Channels of the source and of the result."""
        channels = whole(self.in_channels, f"{path}.in_channels") or pre[0]
        result = whole(self.out_channels, f"{path}.out_channels") or (post[0] if len(post) == len(pre) else None)
        if result is None:
            raise GraphError(f"{path}: the number of channels of the result is not known; give out_channels, or the target a shape")
        demand_count(f"{path}.groups", self.groups)
        if channels % self.groups or result % self.groups:
            raise GraphError(f"{path}: {channels} and {result} channels do not divide into {self.groups} groups; change groups")
        return channels, result


@dataclass(frozen=True)
class Convolution1d(Convolution):
    """Convolution of a sequence (channels, length).

    Parameters
    ----------
    out_channels, in_channels, kernel_size, stride, padding, dilation, groups, bias, w_mean, w_std
        As for a two-dimensional convolution.
    weight : array of shape (out, in / groups, length), number or initializer, optional
        Initial weights.
    """

    dimensions: ClassVar[int] = 1


@dataclass(frozen=True)
class Convolution3d(Convolution):
    """Convolution of a volume (channels, depth, height, width).

    Parameters
    ----------
    out_channels, in_channels, kernel_size, stride, padding, dilation, groups, bias, w_mean, w_std
        As for a two-dimensional convolution.
    weight : array of shape (out, in / groups, depth, height, width), number or initializer, optional
        Initial weights.
    """

    dimensions: ClassVar[int] = 3


@dataclass(frozen=True)
class Depthwise(WeightedLink):
    """Two-dimensional convolution of each channel of an image (channels, height, width) for itself.

    Parameters
    ----------
    multiplier : int
        Channels of the result for each channel of the source.
    kernel_size, stride, padding, dilation : int or tuple of int
        As for a convolution.
    weight : array of shape (channels * multiplier, 1, height, width), number or initializer, optional
        Initial weights.
    bias : array of shape (channels * multiplier,), number, initializer or bool, optional
        Added in every step.
    w_mean, w_std : float, optional
        Mean and standard deviation of normal initial weights.
    """

    multiplier: int = 1
    kernel_size: Sizes = 3
    stride: Sizes = 1
    padding: Sizes = 0
    dilation: Sizes = 1

    def usual(self) -> Value:
        return fan_in_normal(KERNEL_MEAN, KERNEL_SPREAD)

    def transforms(self, pre: Shape, post: Shape, path: str, key: Key) -> tuple[Transform, ...]:
        demand_layout(pre, 2, path)
        (times,) = numbers(self.multiplier, 1, f"{path}.multiplier")
        same = {k: getattr(self, k) for k in ("weight", "bias", "w_mean", "w_std", "kernel_size", "stride", "padding", "dilation")}
        return Convolution(**same, out_channels=pre[0] * times, groups=pre[0]).transforms(pre, post, path, key)


@dataclass(frozen=True)
class TransposedConvolution(Convolution):
    """Two-dimensional transposed convolution, which makes images larger.

    Parameters
    ----------
    out_channels, in_channels, kernel_size, stride, padding, dilation, groups
        As for a convolution; a stride makes the image larger.
    output_padding : int or tuple of int
        Places that are added at the end of each dimension; less than the stride or the dilation.
    weight : array of shape (in, out / groups, height, width), number or initializer, optional
        Initial weights, as torch has them.
    bias : array of shape (out,), number, initializer or bool, optional
        Added in every step.
    w_mean, w_std : float, optional
        Mean and standard deviation of normal initial weights.
    """

    output_padding: Sizes = 0

    def transforms(self, pre: Shape, post: Shape, path: str, key: Key) -> tuple[Transform, ...]:
        demand_layout(pre, self.dimensions, path)
        channels, result = self._channels(pre, post, path)
        kernel, stride, padding, more, dilation = (
            numbers(getattr(self, k), self.dimensions, f"{path}.{k}", int("padding" not in k))
            for k in ("kernel_size", "stride", "padding", "output_padding", "dilation")
        )
        weight, bias = self.initial_weight(path), self.initial_bias(path)
        return (TransposedConv(channels, result, kernel, weight, bias, stride, padding, more, dilation, self.groups),)


@dataclass(frozen=True)
class TransposedConvolution1d(TransposedConvolution):
    """Transposed convolution of a sequence (channels, length).

    Parameters
    ----------
    out_channels, in_channels, kernel_size, stride, padding, output_padding, dilation, groups, weight, bias, w_mean, w_std
        As for the two-dimensional one.
    """

    dimensions: ClassVar[int] = 1


@dataclass(frozen=True)
class TransposedConvolution3d(TransposedConvolution):
    """Transposed convolution of a volume (channels, depth, height, width).

    Parameters
    ----------
    out_channels, in_channels, kernel_size, stride, padding, output_padding, dilation, groups, weight, bias, w_mean, w_std
        As for the two-dimensional one.
    """

    dimensions: ClassVar[int] = 3


def whole(value: int | None, path: str) -> int | None:
    """A whole number of at least 1, or None."""
    if value is not None:
        demand_count(path, value)
    return value


def numbers(value: Any, count: int, path: str, least: int = 1) -> Shape:
    """One whole number for all dimensions, or one for each."""
    given = (value,) * count if isinstance(value, Integral) else tuple(value) if isinstance(value, Iterable) else ()
    if len(given) != count or any(isinstance(n, bool) or not isinstance(n, Integral) or n < least for n in given):
        several = "" if count == 1 else f", or {('two', 'three')[count - 2]} of them"
        raise DeclarationError(f"{path}: {value!r} is not a whole number of at least {least}{several}; give one")
    return tuple(int(n) for n in given)


links.add("conv", Convolution, (*spellings.aliases("link type", "conv"), "conv2d"))
links.add("conv1d", Convolution1d)
links.add("conv3d", Convolution3d)
links.add("depthwise", Depthwise, ("depthwise_conv",))
links.add("conv_transpose", TransposedConvolution, ("conv_transpose2d", "conv_transposed"))
links.add("conv_transpose1d", TransposedConvolution1d)
links.add("conv_transpose3d", TransposedConvolution3d)
