"""Batch normalization."""

from __future__ import annotations

from dataclasses import dataclass

from spaic.errors import GraphError
from spaic.Graph.transforms.base import Shape, Transform
from spaic.Graph.values import Value


@dataclass(frozen=True, eq=False)
class BatchNorm(Transform):
    """``y = gamma scale (x - mean) / sqrt(variance + eps) + beta`` for each channel of an image, or each value of a vector.

    In a training run mean and variance are those of all steps and samples (and places of an image); otherwise the running ones, which
    each training run moves by the part `momentum` towards its own.

    Attributes
    ----------
    channels : int
        First size of the shape.
    name : str
        Under which a backend finds what it needs in a training run.
    eps, momentum, scale : float
        As above.
    gamma, beta : Value
        Initial values, shape (channels,).
    """

    channels: int
    name: str
    eps: float = 1e-5
    momentum: float = 0.1
    scale: float = 1.0
    gamma: Value = 1.0
    beta: Value = 0.0

    def output_shape(self, shape: Shape, path: str) -> Shape:
        if shape[:1] != (self.channels,):
            raise GraphError(f"{path}: batch normalization of {self.channels} channels is given shape {shape}; make them equal")
        return shape

    def parameters(self) -> dict[str, tuple[Value, Shape]]:
        return {"gamma": (self.gamma, (self.channels,)), "beta": (self.beta, (self.channels,))}

    def statistics(self) -> dict[str, tuple[Value, Shape]]:
        return {"running_mean": (0.0, (self.channels,)), "running_var": (1.0, (self.channels,))}
