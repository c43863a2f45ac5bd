"""What every transform says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from spaic.Graph.values import Value

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Transform:
    """Base of all transforms."""

    #: Whether signals are the same before and after it, and only gradients differ.
    is_identity: ClassVar[bool] = False

    def output_shape(self, shape: Shape, path: str) -> Shape:
        """Shape after the transform of a sample of `shape`, or GraphError."""
        return shape

    def parameters(self) -> dict[str, tuple[Value, Shape]]:
        """Parameter name -> (declared value, shape)."""
        return {}

    def statistics(self) -> dict[str, tuple[Value, Shape]]:
        """Name -> (initial value, shape) of what training runs measure and no learner changes."""
        return {}

    def synapses_shape(self, shape: Shape) -> Shape | None:
        """Shape of what may have delays of its own where a source of `shape` comes in: of the weights; None if there is nothing."""
        weight = self.parameters().get("weight")
        return None if weight is None else weight[1]

    def fans(self) -> tuple[int, int]:
        """Fan-in and fan-out, for initializers."""
        return 1, 1
