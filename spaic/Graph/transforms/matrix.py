"""Transforms from neurons to neurons: matrices, one weight per neuron, a factor."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from spaic.errors import GraphError
from spaic.Graph.transforms.base import Shape, Transform
from spaic.Graph.values import Value


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
