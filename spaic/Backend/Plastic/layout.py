"""Where the synapses of a transform are: how values of neurons meet at them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import singledispatch
from typing import Any

import numpy as np

from spaic.Backend.Plastic.arithmetic import Arithmetic
from spaic.errors import UnsupportedError
from spaic.Graph.transforms import Conv2d, Dense, OneToOne, Sparse, Transform


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

    def __init__(self, transform: Transform, arithmetic: Arithmetic, pre: tuple[int, ...], post: tuple[int, ...]) -> None:
        super().__init__(transform, arithmetic)
        self.pre_shape, self.post_shape = pre, post

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
        pre = self.arithmetic.full((len(pre), int(np.prod(self.pre_shape))), 1.0) * pre
        post = self.arithmetic.full((len(post), int(np.prod(self.post_shape))), 1.0) * post
        return self.arithmetic.linear_adjoint(self.transform, self.pre(pre), self.post(post), weight)


@singledispatch
def layout(transform: Transform, arithmetic: Arithmetic, path: str, pre: tuple[int, ...], post: tuple[int, ...]) -> Layout:
    """The layout of a transform with weights."""
    if "weight" not in transform.parameters():
        raise UnsupportedError(f"{path}: {type(transform).__name__} has no weights, so nothing can be learned; name another connection")
    return Shared(transform, arithmetic, pre, post)


@layout.register
def _dense(transform: Dense, arithmetic: Arithmetic, path: str, pre: tuple[int, ...], post: tuple[int, ...]) -> Layout:
    return Matrix(transform, arithmetic)


@layout.register
def _pairs(transform: OneToOne, arithmetic: Arithmetic, path: str, pre: tuple[int, ...], post: tuple[int, ...]) -> Layout:
    return Pairs(transform, arithmetic)


@layout.register
def _listed(transform: Sparse, arithmetic: Arithmetic, path: str, pre: tuple[int, ...], post: tuple[int, ...]) -> Layout:
    return Listed(transform, arithmetic)


@layout.register
def _conv(transform: Conv2d, arithmetic: Arithmetic, path: str, pre: tuple[int, ...], post: tuple[int, ...]) -> Layout:
    return Shared(transform, arithmetic, pre, post)
