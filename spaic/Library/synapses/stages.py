"""Stages of a connection besides its link: batch normalization, upsampling, and what makes of it a gap junction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite
from typing import Any

from spaic.errors import DeclarationError, GraphError
from spaic.Graph.transforms import BatchNorm, Transform, Upsample
from spaic.Graph.values import as_value
from spaic.Library.links.image import numbers, whole
from spaic.Network.connection import LinkType
from spaic.registry import links
from spaic.seeds import Key

Shape = tuple[int, ...]


@dataclass(frozen=True)
class BatchNormStage(LinkType):
    """Batch normalization over time and batch, for each channel of an image or each value of a vector.

    Parameters
    ----------
    eps : float
        Added to the variance.
    momentum : float
        Part by which a training run moves the running statistics, in [0, 1].
    alpha, V_th : float
        Their product scales the result: with the threshold of the target as `V_th`, and 1 / sqrt(n) as `alpha` where n branches meet.
    gamma, beta : array of shape (channels,), number or initializer
        Initial gain and offset, which are trained.
    num_features : int, optional
        Number of channels, which must agree with the shape.

    Notes
    -----
    Source: Zheng et al. 2021, Going deeper with directly-trained larger spiking neural networks, AAAI, eq. 6 to 9 (tdBN).
    """

    eps: float = 1e-5
    momentum: float = 0.1
    alpha: float = 1.0
    V_th: float = 1.0
    gamma: Any = 1.0
    beta: Any = 0.0
    num_features: int | None = None

    def __post_init__(self) -> None:
        for name in ("eps", "alpha", "V_th"):
            _demand_number(getattr(self, name), name, 0.0, float("inf"), "(0, inf)")
        _demand_number(self.momentum, "momentum", -1e-300, 1.0, "[0, 1]")
        whole(self.num_features, "Connection(batchnorm).num_features")

    def transforms(self, pre: Shape, post: Shape, path: str, key: Key) -> tuple[Transform, ...]:
        if not pre:
            raise GraphError(f"{path}: batch normalization needs a shape with channels, got (); give the source a shape")
        if self.num_features not in (None, pre[0]):
            raise GraphError(f"{path}: num_features is {self.num_features}, and there are {pre[0]} channels (shape {pre}); leave it out")
        gamma, beta = (as_value(getattr(self, k), f"{path}.{k}") for k in ("gamma", "beta"))
        scale = float(self.alpha * self.V_th)
        return (BatchNorm(pre[0], f"batchnorm {key.purpose}", float(self.eps), float(self.momentum), scale, gamma, beta),)


@dataclass(frozen=True)
class UpsampleStage(LinkType):
    """Every place of an image (channels, height, width), or of a sequence or volume, becomes several places.

    Parameters
    ----------
    upscale : int or tuple of int
        How many places in each dimension.
    interpolation : str
        ``"nearest"``: copies of the place; ``"linear"``: interpolated between the centres (bilinear for images), as in torch.
    """

    upscale: int | tuple[int, ...] = 2
    interpolation: str = "nearest"

    def __post_init__(self) -> None:
        given = tuple(self.upscale) if isinstance(self.upscale, Iterable) else (self.upscale,) * 2
        count = len(given)
        if not 1 <= count <= 3:
            raise DeclarationError(f"Connection(upsample).upscale: {self.upscale!r} has {count} dimensions; give one to three numbers")
        numbers(self.upscale, count, "Connection(upsample).upscale")
        if self.interpolation not in ("nearest", "linear"):
            raise DeclarationError(f"Connection(upsample).interpolation: unknown way {self.interpolation!r}; use 'nearest' or 'linear'")

    def transforms(self, pre: Shape, post: Shape, path: str, key: Key) -> tuple[Transform, ...]:
        if not 2 <= len(pre) <= 4:
            raise GraphError(f"{path}: the source has shape {pre}, an image (channels, height, width) is needed; give the source a shape")
        return (Upsample(numbers(self.upscale, len(pre) - 1, f"{path}.upscale"), self.interpolation == "linear"),)


@dataclass(frozen=True)
class GapJunction(LinkType):
    """Makes a connection a gap junction: ``W V_pre - (sums of the rows of W) V_post`` to the target's current port, and back alike.

    Both ways use the same weights (conductances), whatever they become; within one group W holds each junction in both directions.
    The potentials are those of the end of the last step.

    Notes
    -----
    Source: Gerstner et al. 2014, Neuronal Dynamics, section 3.1.
    """

    is_junction = True

    def transforms(self, pre: Shape, post: Shape, path: str, key: Key) -> tuple[Transform, ...]:
        return ()


def _demand_number(value: Any, name: str, above: float, most: float, interval: str) -> None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not isfinite(value) or not above < value <= most:
        raise DeclarationError(f"Connection(batchnorm).{name}: {value!r} is outside {interval}; give a number inside")


links.add("batchnorm", BatchNormStage, ("batchnorm2d", "tdbn"))
links.add("electrical", GapJunction, ("gap_junction",))
links.add("upsample", UpsampleStage)
