"""What a gap junction consists of besides its weights."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from spaic.errors import GraphError
from spaic.Graph.transforms.base import Shape, Transform
from spaic.Graph.transforms.matrix import Dense, OneToOne
from spaic.Graph.transforms.sparse import Sparse


@dataclass(frozen=True, eq=False)
class Junction(Transform):
    """The other parts of a gap junction whose weights W are those of another link, which shares its parameters.

    Attributes
    ----------
    of : Dense, Sparse or OneToOne
        What has the weights.
    part : str
        ``"rows"``: ``y = -(sums of the rows of W) x``; ``"back"``: ``y = W^T x``; ``"columns"``: ``y = -(sums of the columns of W) x``.
    """

    of: Dense | Sparse | OneToOne
    part: str

    def output_shape(self, shape: Shape, path: str) -> Shape:
        pre, post = (self.of.size, self.of.size) if isinstance(self.of, OneToOne) else (self.of.pre, self.of.post)
        taken = pre if self.part == "columns" else post
        if prod(shape) != taken:
            raise GraphError(f"{path}: the source has {prod(shape)} neurons (shape {shape}), the weight takes {taken}; make them equal")
        return (post,) if self.part == "rows" else (pre,)
