"""Transforms that send gradients another way than signals: one that stops them, and one that brings nothing but them.

They are put into a graph by learners. Signals are the same with and without them, bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from spaic.Backend.Event.rules.ways_back import WayBack, way_back
from spaic.Backend.Reference.transforms import apply as apply_in_numpy
from spaic.Backend.Torch.links.transforms import apply, effective_weight
from spaic.Graph.transforms import Dense, Transform
from spaic.Graph.transforms.base import Shape
from spaic.Graph.values import Draw, Value


class Matrix(Draw):
    """A matrix of the shape of a weight: normal numbers of standard deviation ``scale / sqrt(fan-in of the weight)``.

    Parameters
    ----------
    of : Transform
        What has the weight.
    scale : float
        Factor.
    """

    def __init__(self, of: Transform, scale: float) -> None:
        self.shape, self.deviation = of.parameters()["weight"][1], scale / float(np.sqrt(of.fans()[0]))

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
        return rng.standard_normal(shape) * self.deviation


@dataclass(frozen=True, eq=False)
class Cut(Transform):
    """``y = x``, and no gradient passes.

    Attributes
    ----------
    matrices : mapping of str to Matrix
        Parameters that the link holds for those that send gradients back in its place.
    """

    is_identity: ClassVar[bool] = True
    matrices: Mapping[str, Matrix] = field(default_factory=dict)

    def parameters(self) -> dict[str, tuple[Value, Shape]]:
        return {name: (matrix, matrix.shape) for name, matrix in self.matrices.items()}


@dataclass(frozen=True, eq=False)
class SentBack(Transform):
    """``y = 0``; the gradient of `y` goes to `x` through the transpose of a fixed matrix.

    Attributes
    ----------
    of : Transform
        A linear transform; the matrix has the shape of its weight.
    name : str
        Name of the matrix among the parameters of the link whose values it shares.
    """

    of: Transform
    name: str = "feedback"

    def output_shape(self, shape: Shape, path: str) -> Shape:
        return self.of.output_shape(shape, path)

    def fans(self) -> tuple[int, int]:
        return self.of.fans()


@apply.register
def _cut(transform: Cut, x: Tensor, parameters: Mapping[str, Any]) -> Tensor:
    return x.detach()


@apply.register
def _sent_back(transform: SentBack, x: Tensor, parameters: Mapping[str, Any]) -> Tensor:
    made: Tensor = _Way.apply(x, parameters[transform.name], transform.of)
    return made


@apply_in_numpy.register
def _cut_in_numpy(transform: Cut, x: np.ndarray, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    return x


@apply_in_numpy.register
def _sent_back_in_numpy(transform: SentBack, x: np.ndarray, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    return np.zeros((len(x), *transform.output_shape(x.shape[1:], "")))


@way_back.register
def _cut_in_events(transform: Cut) -> WayBack:
    return WayBack(passes=False)


@way_back.register
def _sent_back_in_events(transform: SentBack) -> WayBack:
    return WayBack(matrix=transform.name, of=transform.of)


class _Way(torch.autograd.Function):
    """Zeros forwards, the transpose of the matrix backwards."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, feedback: Tensor, of: Transform) -> Tensor:
        ctx.save_for_backward(feedback)
        ctx.of, ctx.shape = of, x.shape
        return x.new_zeros(()).expand(len(x), *of.output_shape(tuple(x.shape[1:]), ""))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (feedback,) = ctx.saved_tensors
        return transposed(ctx.of, gradients[0], feedback, ctx.shape), None, None


def transposed(of: Transform, y: Tensor, matrix: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The image of `y` under the transpose of `of` with `matrix` for its weight; `shape` is that of the image."""
    if isinstance(of, Dense):
        return (y.flatten(1) @ effective_weight(of, matrix)).reshape(shape)
    with torch.enable_grad():
        x = y.new_zeros(shape, requires_grad=True)
        image = apply(of, x, {"weight": matrix.detach()})
        return torch.autograd.grad(image, x, y.reshape(image.shape))[0]
