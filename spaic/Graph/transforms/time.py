"""A transform that sees all steps of a run at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spaic.errors import GraphError
from spaic.Graph.transforms.base import Shape, Transform
from spaic.Graph.values import Value


@dataclass(frozen=True, eq=False)
class OverTime(Transform):
    """``y[n] = sum over m of weight[n, m] x[m], + bias[n]``: each step is a mixture of all steps of a run, those to come too.

    Attributes
    ----------
    steps : int
        Of a run.
    weight : Value
        Shape (steps, steps), the same for every neuron.
    bias : Value
        Shape (steps,).
    order : int or None
        Of how many steps each one is a mixture: itself and those just before. None: of all.
    """

    steps: int
    weight: Value
    bias: Value = 0.0
    order: int | None = None

    def output_shape(self, shape: Shape, path: str) -> Shape:
        if self.order is not None and self.order > self.steps:
            raise GraphError(f"{path}.order: {self.order} is more than the {self.steps} steps of a run; make it smaller")
        return shape

    def parameters(self) -> dict[str, tuple[Value, Shape]]:
        return {"weight": (self.weight, (self.steps, self.steps)), "bias": (self.bias, (self.steps,))}

    def synapses_shape(self, shape: Shape) -> Shape | None:
        return None

    def fans(self) -> tuple[int, int]:
        return self.steps, self.steps

    @property
    def mask(self) -> np.ndarray | None:
        """Where the weight counts, ``[steps, steps]``; None if everywhere."""
        if self.order is None:
            return None
        ones = np.ones((self.steps, self.steps), dtype=bool)
        return np.tril(ones) & ~np.tril(ones, -self.order)
