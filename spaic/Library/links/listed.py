"""Links whose synapses are given one by one: as pairs of neurons, or as a matrix."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from spaic.errors import DeclarationError, GraphError
from spaic.Graph.values import Value, as_value
from spaic.Library.links.pattern import Pairs, PatternLink
from spaic.Library.ranges import demand_sizes
from spaic.registry import links
from spaic.seeds import Key

Shape = tuple[int, ...]


@dataclass(frozen=True)
class IndexList(PatternLink):
    """The pairs of neurons that are given.

    Parameters
    ----------
    index_list : array of int of shape (synapses, 2)
        Presynaptic and postsynaptic neuron of each synapse, each pair once.
    weight : array of shape (synapses,) or (post, pre), number or initializer, optional
        Initial weights; one for each pair in the order of `index_list`, or as for a full link.
    allow_self : bool
        False leaves out the connection of a neuron to itself; only where a group is connected with itself.
    storage : str
        ``"dense"``, ``"sparse"`` or ``"auto"``, as for a random link.
    bias, w_mean, w_std
        As for a full link.
    """

    index_list: Any = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.index_list is None:
            raise DeclarationError(f"{self.label}: there is no index_list; give the pairs of neurons, an array of shape (synapses, 2)")
        given = np.array(self.index_list)
        if given.size == 0:
            given = given.reshape(0, 2).astype(np.int64)
        if given.ndim != 2 or given.shape[1] != 2 or given.dtype.kind not in "iuf" or (given != np.rint(given)).any():
            raise DeclarationError(
                f"{self.label}.index_list: shape {given.shape} of {given.dtype} is no list of pairs of whole numbers; give (synapses, 2)"
            )
        given = given.astype(np.int64)
        given.setflags(write=False)
        object.__setattr__(self, "index_list", given)

    def pairs(self, pre: Shape, post: Shape, path: str, key: Key) -> Pairs:
        return self.index_list[:, 0], self.index_list[:, 1]


@dataclass(frozen=True)
class Matrix(PatternLink):
    """The synapses and weights of a matrix: its entries that are not 0.

    Parameters
    ----------
    matrix : array or SciPy sparse matrix of shape (post, pre)
        The weights. A sparse matrix is read without being spread out; entries that it stores are synapses even if they are 0.
    matrix_shape : (int, int), optional
        Of a sparse matrix; given by files alone, where `matrix` is the list of (post, pre, weight).
    allow_self : bool
        False leaves out the connection of a neuron to itself; only where a group is connected with itself.
    storage : str
        ``"dense"``, ``"sparse"`` or ``"auto"``, as for a random link.
    bias : array of shape (post,), number, initializer or bool, optional
        Added in every step.
    weight, w_mean, w_std
        Other weights than those of the matrix, as for an index list.
    """

    matrix: Any = None
    matrix_shape: Any = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.matrix is None:
            raise DeclarationError(f"{self.label}: there is no matrix; give an array or a SciPy sparse matrix of shape (post, pre)")
        where = f"{self.label}.matrix"
        if self.matrix_shape is not None:
            object.__setattr__(self, "matrix_shape", demand_sizes(f"{self.label}.matrix_shape", self.matrix_shape, 2))
        if hasattr(self.matrix, "tocoo"):
            entries = self.matrix.tocoo()
            object.__setattr__(self, "matrix_shape", entries.shape)
            object.__setattr__(self, "matrix", np.stack([entries.coords[0], entries.coords[1], entries.data], axis=1))
        values = as_value(self.matrix, where)
        if not isinstance(values, np.ndarray) or values.ndim != 2:
            raise DeclarationError(f"{where}: it is {self.matrix!r}; give an array or a SciPy sparse matrix of shape (post, pre)")
        object.__setattr__(self, "matrix", values)

    def pairs(self, pre: Shape, post: Shape, path: str, key: Key) -> Pairs:
        needed, shape = (prod(post), prod(pre)), self.matrix_shape or self.matrix.shape
        if tuple(shape) != needed:
            raise GraphError(
                f"{path}.matrix: its shape is {tuple(shape)}, needed (post, pre) = {needed} for shapes {post} and {pre}; transpose it"
            )
        targets, sources, _ = self._entries()
        return sources, targets

    def usual(self) -> Value:
        targets, sources, values = self._entries()
        return values if self.allow_self else values[targets != sources]

    def _entries(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Postsynaptic and presynaptic neurons and weights."""
        if self.matrix_shape is not None:
            return self.matrix[:, 0].astype(np.int64), self.matrix[:, 1].astype(np.int64), self.matrix[:, 2]
        targets, sources = np.nonzero(self.matrix)
        return targets, sources, self.matrix[targets, sources]


links.add("index_list", IndexList, ("pairs",))
links.add("matrix", Matrix)
