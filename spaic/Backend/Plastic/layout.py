"""Where the synapses of a transform are: how values of neurons meet at them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from spaic.Backend.Plastic.arithmetic import Arithmetic
from spaic.errors import UnsupportedError
from spaic.Graph.transforms import Dense, OneToOne, Sparse, Transform


class Layout(ABC):
    """How values of the two sides are brought together at the synapses.

    Parameters
    ----------
    transform : Transform
        What has the weights.
    arithmetic : Arithmetic
        Kind of arrays.
    """

    #: Whether there is one value per synapse: without, only sums of products of both sides can be learned.
    has_synapses = True

    def __init__(self, transform: Transform, arithmetic: Arithmetic) -> None:
        self.transform, self.arithmetic = transform, arithmetic

    @abstractmethod
    def pre(self, values: Any) -> Any:
        """``[batch, pre]`` as it meets the synapses."""

    @abstractmethod
    def post(self, values: Any) -> Any:
        """``[batch, post]`` as it meets the synapses."""

    def modulator(self, values: Any) -> Any:
        """``[batch]`` as it meets the synapses."""
        return values.reshape(-1, *(1 for _ in self.shape))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the weights."""
        return self.transform.parameters()["weight"][1]

    def product(self, pre: Any, post: Any, weight: Any) -> Any:
        """Sum over samples of products of both sides, at each weight; a side that is None is 1."""
        pre = 1.0 if pre is None else self.pre(pre)
        post = 1.0 if post is None else self.post(post)
        return self.confined((pre * post).sum(0))

    def pairs(self, batch: int, weight: Any) -> Any:
        """How many pairs of neurons, in all samples, each weight joins."""
        return self.confined(self.arithmetic.full(self.shape, float(batch)))

    def confined(self, change: Any) -> Any:
        """`change` where there are synapses."""
        return change


class Gathered(Layout):
    """A layout whose synapses have delays of their own, so that one presynaptic neuron is another value at each of them.

    Parameters
    ----------
    of : Layout
        The layout without delays.
    sources : ndarray of int
        Presynaptic neuron of every synapse.
    which : ndarray of int
        The place of its delay among the distinct ones.
    pre : int
        Number of presynaptic neurons.
    """

    def __init__(self, of: Layout, sources: np.ndarray, which: np.ndarray, pre: int) -> None:
        super().__init__(of.transform, of.arithmetic)
        self.of, self.index = of, of.arithmetic.array((which * pre + sources).astype(np.int64))

    def pre(self, values: Any) -> Any:
        return values[:, self.index]

    def post(self, values: Any) -> Any:
        return self.of.post(values)

    def confined(self, change: Any) -> Any:
        return self.of.confined(change)


class Matrix(Layout):
    """All pairs: ``[batch, post, pre]``."""

    def __init__(self, transform: Dense, arithmetic: Arithmetic) -> None:
        super().__init__(transform, arithmetic)
        self.mask = None if transform.mask is None else arithmetic.array(np.asarray(transform.mask))

    def pre(self, values: Any) -> Any:
        return values[:, None, :]

    def post(self, values: Any) -> Any:
        return values[:, :, None]

    def product(self, pre: Any, post: Any, weight: Any) -> Any:
        if pre is None or post is None:
            return super().product(pre, post, weight)
        return self.confined(post.T @ pre)

    def confined(self, change: Any) -> Any:
        return change if self.mask is None else change * self.mask


class Pairs(Layout):
    """Neuron i with neuron i."""

    def pre(self, values: Any) -> Any:
        return values

    post = pre


class Listed(Layout):
    """Only the synapses there are, one after the other."""

    def __init__(self, transform: Sparse, arithmetic: Arithmetic) -> None:
        super().__init__(transform, arithmetic)
        sources = np.repeat(np.arange(transform.pre), np.diff(transform.starts))
        self.sources, self.targets = arithmetic.array(sources.astype(np.int64)), arithmetic.array(transform.targets.astype(np.int64))

    def pre(self, values: Any) -> Any:
        return values[:, self.sources]

    def post(self, values: Any) -> Any:
        return values[:, self.targets]


class Shared(Layout):
    """Weights that several pairs share, as in a convolution: a weight learns the sum over its pairs."""

    has_synapses = False

    def __init__(
        self, transform: Transform, arithmetic: Arithmetic, pre: tuple[int, ...], post: tuple[int, ...], which: np.ndarray | None = None
    ) -> None:
        super().__init__(transform, arithmetic)
        self.pre_shape, self.post_shape = pre, post
        copies = 1 if which is None else int(which.max()) + 1
        self.masks = [1.0] if which is None else [arithmetic.array((which == k).astype(np.float64)) for k in range(copies)]

    def pre(self, values: Any) -> Any:
        return values.reshape(-1, *self.pre_shape)

    def post(self, values: Any) -> Any:
        return values.reshape(-1, *self.post_shape)

    def pairs(self, batch: int, weight: Any) -> Any:
        ones = self.arithmetic.full((batch, 1), 1.0)
        return self.product(ones, ones, weight)

    def product(self, pre: Any, post: Any, weight: Any) -> Any:
        one = self.arithmetic.full((1, 1), 1.0)
        pre = one + 0 * post[:, :1] if pre is None else pre
        post = one + 0 * pre[:, :1] if post is None else post
        post = self.arithmetic.full((len(post), int(np.prod(self.post_shape))), 1.0) * post
        size = int(np.prod(self.pre_shape))
        pre = self.arithmetic.full((len(pre), len(self.masks) * size), 1.0) * pre
        found: Any = 0.0
        for k, mask in enumerate(self.masks):
            late = self.pre(pre[:, k * size : (k + 1) * size])
            found = found + self.arithmetic.linear_adjoint(self.transform, late, self.post(post), weight) * mask
        return found


def layout(
    transform: Transform,
    arithmetic: Arithmetic,
    path: str,
    pre: tuple[int, ...],
    post: tuple[int, ...],
    which: np.ndarray | None = None,
) -> Layout:
    """The layout of a transform with weights.

    Parameters
    ----------
    transform : Transform
        What has the weights.
    arithmetic : Arithmetic
        Kind of arrays.
    path : str
        Of the link, for messages.
    pre, post : tuple of int
        Shapes of both sides.
    which : ndarray of int, optional
        For each synapse, which of the values of its presynaptic neuron it sees: there is one for each distinct delay.
    """
    if "weight" not in transform.parameters():
        raise UnsupportedError(f"{path}: {type(transform).__name__} has no weights, so nothing can be learned; name another connection")
    if isinstance(transform, Dense):
        found: Layout = Matrix(transform, arithmetic)
        sources = np.broadcast_to(np.arange(transform.pre), (transform.post, transform.pre))
    elif isinstance(transform, OneToOne):
        found, sources = Pairs(transform, arithmetic), np.arange(transform.size)
    elif isinstance(transform, Sparse):
        found, sources = Listed(transform, arithmetic), transform.sources
    else:
        return Shared(transform, arithmetic, pre, post, which)
    return found if which is None else Gathered(found, sources, which, int(np.prod(pre)))
