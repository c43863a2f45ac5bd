"""The recurrent links of a reservoir."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from spaic.errors import DeclarationError, GraphError
from spaic.Graph.transforms import Sparse, Transform
from spaic.Graph.values import Value, materialise
from spaic.Library.initializers import normal
from spaic.Library.links.pattern import Pairs, PatternLink
from spaic.Library.links.random import demand_probability, each_with
from spaic.registry import links
from spaic.seeds import Key

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Shape = tuple[int, ...]

#: Up to this number of neurons all eigenvalues are found.
SMALL = 400


@dataclass(frozen=True)
class Reservoir(PatternLink):
    """Random recurrent connections, scaled to a spectral radius.

    Parameters
    ----------
    spectral_radius : float
        Largest absolute eigenvalue of the matrix of weights.
    density : float
        Probability of a synapse, in [0, 1].
    allow_self : bool
        False leaves out the connection of a neuron to itself.
    storage : str
        ``"dense"``, ``"sparse"`` or ``"auto"``, as for a random link.
    weight : array of shape (post, pre), number or initializer, optional
        Weights before they are scaled; by default normal with mean 0.
    bias, w_mean, w_std
        As for a full link.

    Notes
    -----
    Source: Jaeger 2001, The "echo state" approach to analysing and training recurrent neural networks, GMD report 148.
    """

    spectral_radius: float = 0.9
    density: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        demand_probability(self.density, f"{self.label}.density")
        radius = self.spectral_radius
        if isinstance(radius, bool) or not isinstance(radius, (int, float)) or not 0 < radius < float("inf"):
            raise DeclarationError(f"{self.label}.spectral_radius: {radius!r} is not above 0; give a number such as 0.9")

    def usual(self) -> Value:
        return normal(0.0, 1.0)

    def pairs(self, pre: Shape, post: Shape, path: str, key: Key) -> Pairs:
        if prod(pre) != prod(post):
            raise GraphError(f"{path}: a reservoir connects a group with itself, got shapes {pre} and {post}; make them equal")
        return each_with(self.density, prod(pre), prod(post), key.generator())

    def transforms(self, pre: Shape, post: Shape, path: str, key: Key) -> tuple[Transform, ...]:
        """The weights are drawn here, because their eigenvalues say how they are scaled."""
        (made,) = super().transforms(pre, post, path, key)
        value, shape = made.parameters()["weight"]
        drawn = np.broadcast_to(materialise(value, shape, Key(key.seed, path, "weight"), *made.fans()), shape)
        return (_scaled(made, drawn, self.spectral_radius, path),)


def _scaled(made: Transform, drawn: np.ndarray, radius: float, path: str) -> Transform:
    from scipy.sparse import csr_array  # SciPy's graph of imports is loaded when it is needed

    if isinstance(made, Sparse):
        found = _radius(csr_array((drawn, made.targets, made.starts), shape=(made.pre, made.post)))
        values = drawn
    else:
        values = drawn if made.mask is None else drawn * made.mask  # type: ignore[attr-defined]
        found = _radius(csr_array(values))
    if found < 1e-9 * max(1e-300, np.abs(values).max(initial=0.0)):
        raise GraphError(f"{path}: the weights that were drawn have no eigenvalue but 0; use a higher density, or another seed")
    return replace(made, weight=values * (radius / found))  # type: ignore[call-arg]


def _radius(matrix: csr_array) -> float:
    """Largest absolute eigenvalue; that of the transpose is the same."""
    from scipy.sparse.linalg import ArpackNoConvergence, eigs

    if matrix.shape[0] > SMALL:
        start = np.ones(matrix.shape[0])  # else the search begins at random
        try:
            return float(np.abs(eigs(matrix, k=min(6, matrix.shape[0] - 2), v0=start, return_eigenvectors=False)).max())
        except ArpackNoConvergence:
            pass  # many eigenvalues of nearly the same size: find all
    return float(np.abs(np.linalg.eigvals(matrix.toarray())).max(initial=0.0))


links.add("reservoir", Reservoir)
