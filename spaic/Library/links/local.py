"""Locally connected links: windows as in a convolution, with weights of their own at every place."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from spaic import spellings
from spaic.errors import GraphError
from spaic.Graph.transforms import Conv, Reshape, Transform
from spaic.Graph.values import Value
from spaic.Library.initializers import fan_in_normal
from spaic.Library.links.image import numbers, whole
from spaic.Library.links.pattern import Pairs, PatternLink
from spaic.Library.links.weights import KERNEL_MEAN, KERNEL_SPREAD
from spaic.registry import links
from spaic.seeds import Key

Shape = tuple[int, ...]
Sizes = int | tuple[int, ...]


@dataclass(frozen=True)
class LocallyConnected(PatternLink):
    """Every neuron sees a window of the source, as in a convolution, but with weights of its own.

    The source is a sequence (channels, length), an image (channels, height, width) or a volume (channels, depth, height, width).

    Parameters
    ----------
    out_channels : int, optional
        Channels of the result; those of the target's shape by default.
    kernel_size, stride, padding, dilation : int or tuple of int
        As for a convolution.
    allow_self : bool
        False leaves out the connection of a neuron to itself; only where a group is connected with itself.
    storage : str
        ``"dense"``, ``"sparse"`` or ``"auto"``, as for a random link.
    weight : array of shape (synapses,) or (post, pre), number or initializer, optional
        Initial weights.
    bias : array of shape (post,), number, initializer or bool, optional
        Added in every step.
    w_mean, w_std
        As for a full link.
    """

    out_channels: int | None = None
    kernel_size: Sizes = 3
    stride: Sizes = 1
    padding: Sizes = 0
    dilation: Sizes = 1

    def pairs(self, pre: Shape, post: Shape, path: str, key: Key) -> Pairs:
        conv = self._like(pre, post, path)  # `post` is the shape of the result
        places = conv.output_shape(pre, path)[1:]
        around = [(0, 0), *((p, p) for p in conv.padding)]
        index = np.pad(np.arange(prod(pre)).reshape(pre), around, constant_values=-1)
        reach = tuple(d * (k - 1) + 1 for k, d in zip(conv.kernel, conv.dilation, strict=True))
        views = np.lib.stride_tricks.sliding_window_view(index, reach, axis=tuple(range(1, len(pre))))
        views = views[(slice(None), *(slice(None, None, s) for s in conv.stride), *(slice(None, None, d) for d in conv.dilation))]
        seen = np.moveaxis(views, 0, len(places)).reshape(prod(places), -1)  # [place, everything in its window]
        sources = np.tile(seen, (conv.out_channels, 1))
        targets = np.broadcast_to(np.arange(len(sources))[:, None], sources.shape)
        return sources[sources >= 0], targets[sources >= 0]

    def transforms(self, pre: Shape, post: Shape, path: str, key: Key) -> tuple[Transform, ...]:
        result = self._like(pre, post, path).output_shape(pre, path)
        return (*super().transforms(pre, result, path, key), Reshape(result))

    def usual(self) -> Value:
        return fan_in_normal(KERNEL_MEAN, KERNEL_SPREAD)

    def _like(self, pre: Shape, post: Shape, path: str) -> Conv:
        """The convolution that has the same windows."""
        dimensions = len(pre) - 1
        if not 1 <= dimensions <= 3:
            raise GraphError(
                f"{path}: the source has shape {pre}, channels and one to three dimensions are needed; give the source a shape"
            )
        channels = whole(self.out_channels, f"{path}.out_channels") or (post[0] if len(post) == len(pre) else None)
        if channels is None:
            raise GraphError(f"{path}: the number of channels of the result is not known; give out_channels, or the target a shape")
        kernel, stride, padding, dilation = (
            numbers(getattr(self, k), dimensions, f"{path}.{k}", int(k != "padding"))
            for k in ("kernel_size", "stride", "padding", "dilation")
        )
        return Conv(pre[0], channels, kernel, 0.0, None, stride, padding, dilation)


links.add("locally_connected", LocallyConnected, spellings.aliases("link type", "locally_connected"))
