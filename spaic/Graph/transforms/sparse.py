"""A matrix of which only the synapses that exist are stored."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
from numpy.typing import ArrayLike

from spaic.errors import GraphError
from spaic.Graph.transforms.base import Shape, Transform
from spaic.Graph.values import Value


@dataclass(frozen=True, eq=False)
class Sparse(Transform):
    """``y = W x + b`` where only the synapses that exist are stored, ordered by presynaptic neuron.

    A synapse takes the 4 bytes of its target besides its weight, and its delay if there is one per synapse; a delay per synapse has the
    shape of the weight. :func:`sparse_order` brings pairs of neurons into this order.

    Attributes
    ----------
    pre, post : int
        Numbers of neurons.
    starts : ndarray of int64
        Shape (pre + 1,): the synapses of presynaptic neuron i are ``starts[i]`` to ``starts[i + 1] - 1``.
    targets : ndarray of int32
        Shape (synapses,): postsynaptic neurons, ascending and each once for every presynaptic neuron.
    weight : Value
        Shape (synapses,).
    bias : Value, optional
        Shape (post,), added in every step.

    Examples
    --------
    >>> starts, targets, order = sparse_order([1, 0, 1], [2, 1, 0], 2, 3, "links")
    >>> starts.tolist(), targets.tolist(), order.tolist()
    ([0, 1, 3], [1, 0, 2], [1, 2, 0])
    >>> Sparse(2, 3, starts, targets, 1.0).sources
    array([0, 1, 1], dtype=int32)
    """

    pre: int
    post: int
    starts: np.ndarray
    targets: np.ndarray
    weight: Value
    bias: Value | None = None

    def output_shape(self, shape: Shape, path: str) -> Shape:
        if prod(shape) != self.pre:
            raise GraphError(
                f"{path}: the source has {prod(shape)} neurons (shape {shape}), the synapses begin at {self.pre}; make them equal"
            )
        self._check(path)
        return (self.post,)

    def parameters(self) -> dict[str, tuple[Value, Shape]]:
        bias = {} if self.bias is None else {"bias": (self.bias, (self.post,))}
        return {"weight": (self.weight, (self.synapses,)), **bias}

    def fans(self) -> tuple[int, int]:
        return max(1, round(self.synapses / self.post)), max(1, round(self.synapses / self.pre))

    @property
    def synapses(self) -> int:
        """Number of synapses."""
        return len(self.targets)

    @cached_property
    def sources(self) -> np.ndarray:
        """Presynaptic neuron of every synapse, int32."""
        return np.repeat(np.arange(self.pre, dtype=np.int32), np.diff(self.starts))

    @cached_property
    def by_target(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The same synapses ordered by postsynaptic neuron: starts, sources, and the place in `weight` of each."""
        order = np.argsort(self.targets, kind="stable")
        starts = np.zeros(self.post + 1, np.int64)
        np.cumsum(np.bincount(self.targets, minlength=self.post), out=starts[1:])
        return starts, self.sources[order], order

    def part(self, chosen: np.ndarray) -> Sparse:
        """Only the synapses where `chosen` is true, without bias; their weight is the part of the whole one."""
        counts = np.concatenate([[0], np.cumsum(chosen)])
        return Sparse(self.pre, self.post, counts[self.starts], self.targets[chosen], 0.0)

    def _check(self, path: str) -> None:
        if self._is_ordered:
            return
        raise GraphError(
            f"{path}: starts (shape {self.starts.shape}) and targets (shape {self.targets.shape}) are not {self.pre} ascending lists of "
            f"neurons below {self.post}; build them with spaic.Graph.transforms.sparse_order"
        )

    @cached_property
    def _is_ordered(self) -> bool:
        starts, targets = self.starts, self.targets
        if (
            starts.shape != (self.pre + 1,)
            or targets.ndim != 1
            or starts[0] != 0
            or starts[-1] != len(targets)
            or (np.diff(starts) < 0).any()
        ):
            return False
        if starts.dtype != np.int64 or targets.dtype != np.int32 or (len(targets) and not 0 <= targets.min() <= targets.max() < self.post):
            return False
        is_first = np.zeros(len(targets) + 1, bool)
        is_first[starts] = True
        return bool(((np.diff(targets) > 0) | is_first[1:-1]).all())


def sparse_order(pre: ArrayLike, post: ArrayLike, pres: int, posts: int, path: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of neurons in the order of :class:`Sparse`.

    Parameters
    ----------
    pre, post : array of int
        Presynaptic and postsynaptic neuron of each synapse, in any order.
    pres, posts : int
        Numbers of neurons.
    path : str
        For messages.

    Returns
    -------
    tuple of ndarray
        `starts`, `targets`, and the place that each synapse in order had in what was given.

    Raises
    ------
    GraphError
        For a neuron that does not exist, and for a pair that is given twice.
    """
    sources, targets = np.asarray(pre), np.asarray(post)
    for side, index, count in (("presynaptic", sources, pres), ("postsynaptic", targets, posts)):
        if len(index) and not 0 <= index.min() <= index.max() < count:
            wrong = index.min() if index.min() < 0 else index.max()
            raise GraphError(f"{path}: the {side} neuron {wrong} does not exist, there are {count}; count from 0")
    starts = np.zeros(pres + 1, np.int64)
    np.cumsum(np.bincount(sources.astype(np.int64, copy=False), minlength=pres), out=starts[1:])
    order = _order(sources, targets, pres, posts)
    ordered = targets[order].astype(np.int32)
    is_again = (np.diff(ordered) == 0) & (np.diff(sources[order]) == 0)
    if is_again.any():
        first = int(order[np.argmax(is_again)])
        pair = (int(sources[first]), int(targets[first]))
        raise GraphError(f"{path}: the pair {pair} is given twice; a pair of neurons has one synapse, so add their weights")
    return starts, ordered, order


def _order(sources: np.ndarray, targets: np.ndarray, pres: int, posts: int) -> np.ndarray:
    """Places of the pairs by source and then by target: as they are, if that is their order, else two sorts by counting."""
    steps = np.diff(sources)
    if ((steps > 0) | ((steps == 0) & (np.diff(targets) >= 0))).all():
        return np.arange(len(sources))
    from scipy.sparse import coo_array  # SciPy is loaded when it is needed

    index = np.int32 if len(sources) < 2**31 else np.int64
    order = np.arange(len(sources), dtype=index)
    for key, count in ((targets, posts), (sources, pres)):
        rows = key[order].astype(index)
        order = order[coo_array((order, (rows, np.arange(len(order), dtype=index))), shape=(count, len(order))).tocsr().indices]
    return order
