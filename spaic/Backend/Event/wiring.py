"""Links as lists of synapses: who, to whom, by which value of the weight, after how long."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from spaic.Backend.Event.equations.algebra import NotLinear
from spaic.Backend.Event.rules.ways_back import stages
from spaic.Backend.Reference.transforms import apply
from spaic.Graph.delays import of_link
from spaic.Graph.graph import Graph
from spaic.Graph.links import Link
from spaic.Graph.transforms import Conv, Dense, Dropout, OneToOne, Pool, Scale, Sparse, Transform
from spaic.Graph.values import materialise
from spaic.seeds import Key

#: Sources whose image under a convolution is found at a time.
_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class Wiring:
    """The synapses of a link, ordered by presynaptic neuron.

    Attributes
    ----------
    pre, post, weights : int
        Numbers of neurons, and of values of the weight.
    starts : ndarray of int64, or None
        Shape (pre + 1,): where the synapses of a neuron begin. None: all neurons to all, ``index = post * pre_count + pre``.
    targets, index : ndarray of int64
        Postsynaptic neuron, and place in the flat weight; for a link without weights the place is 0.
    factor : ndarray
        What the weight is multiplied with.
    delay : float or ndarray
        In ms, one for all synapses or one for each.
    """

    pre: int
    post: int
    weights: int
    starts: np.ndarray | None
    targets: np.ndarray
    index: np.ndarray
    factor: np.ndarray
    delay: float | np.ndarray

    @property
    def is_shared(self) -> bool:
        """Whether several synapses may have the same value of the weight."""
        return self.starts is not None and len(np.unique(self.index)) < len(self.index)

    def listed(self) -> Wiring:
        """The same with a list of synapses, also where all are connected to all."""
        if self.starts is not None:
            return self
        pre, post = self.pre, self.post
        index = (np.arange(post, dtype=np.int64) * pre)[None, :] + np.arange(pre, dtype=np.int64)[:, None]
        targets = np.broadcast_to(np.arange(post, dtype=np.int64), (pre, post))
        return Wiring(pre, post, self.weights, np.arange(pre + 1) * post, targets.ravel(), index.ravel(), np.ones(pre * post), self.delay)


def wiring(graph: Graph, link: Link, default_delay: float) -> Wiring:
    """The synapses of `link`; :class:`NotLinear` for a transform that is no sum over synapses."""
    moving = [t for t in stages(link) if not isinstance(t, Dropout)]
    shape = graph.shape(link.source_node)
    weighted = [t for t in moving if "weight" in t.parameters()]
    if len(weighted) > 1:
        raise NotLinear("it has several weighted stages; give each its own connection with a group between them")
    if len(moving) == 1 and isinstance(moving[0], Dense):
        dense = moving[0]
        if dense.mask is None and (link.delay is None or isinstance(link.delay, (int, float))):
            delay = default_delay if link.delay is None else float(link.delay)
            none = np.zeros(0, np.int64)
            return Wiring(dense.pre, dense.post, dense.pre * dense.post, None, none, none, np.zeros(0), delay)
    pre, targets, index, factor = _synapses(moving, shape)
    order = np.argsort(pre, kind="stable")
    starts = np.searchsorted(pre[order], np.arange(prod(shape) + 1))
    count = prod(weighted[0].parameters()["weight"][1]) if weighted else 1
    post = prod(_out(moving, shape, link.name))
    found = Wiring(prod(shape), post, count, starts, targets[order], index[order], factor[order], 0.0)
    return _delayed(graph, link, found, default_delay)


def _out(transforms: list[Transform], shape: tuple[int, ...], path: str) -> tuple[int, ...]:
    for transform in transforms:
        shape = transform.output_shape(shape, path)
    return shape


def _delayed(graph: Graph, link: Link, found: Wiring, default: float) -> Wiring:
    if link.delay is None:
        delay: Any = default
    elif isinstance(link.delay, (int, float)):
        delay = float(link.delay)
    else:
        given = link.delay.shape if isinstance(link.delay, np.ndarray) else None
        many = of_link(link, graph.shape(link.source_node), given)
        weight = link.transforms[0].parameters().get("weight")
        is_whole = weight is not None and given in (None, weight[1])
        if many.is_by_source or weight is None or not (is_whole or link.delay_limit is None):
            raise NotLinear(f"its delays have shape {given or many.whole}, exact events need one delay, or one delay per weight; give one")
        values = materialise(link.delay, many.whole, Key(graph.seed, link.name, "delay"))
        delay = np.broadcast_to(values, many.whole).ravel()[found.index]
    return Wiring(found.pre, found.post, found.weights, found.starts, found.targets, found.index, found.factor, delay)


def _synapses(moving: list[Transform], shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Presynaptic, postsynaptic neuron, place of the weight and factor of every synapse."""
    scale = float(prod(t.factor for t in moving if isinstance(t, Scale)))
    rest = [t for t in moving if not isinstance(t, Scale)]
    if not rest:
        own = np.arange(prod(shape))
        return own, own, np.zeros(len(own), np.int64), np.full(len(own), scale)
    if len(rest) > 1:
        raise NotLinear(f"its stages {' -> '.join(type(t).__name__ for t in rest)} are not one sum over synapses; give each a connection")
    transform = rest[0]
    if isinstance(transform, Dense):
        post, pre = np.nonzero(np.ones((transform.post, transform.pre), bool) if transform.mask is None else transform.mask)
        index = post * transform.pre + pre
    elif isinstance(transform, OneToOne):
        pre = post = index = np.arange(transform.size)
    elif isinstance(transform, Sparse):
        pre = np.repeat(np.arange(transform.pre), np.diff(transform.starts))
        post, index = transform.targets.astype(np.int64), np.arange(len(transform.targets))
    elif isinstance(transform, Conv):
        return _scaled(_probed(transform, shape, True), scale)
    elif isinstance(transform, Pool) and not transform.is_max:
        return _scaled(_probed(transform, shape, False), scale)
    else:
        raise NotLinear(f"{type(transform).__name__} is not a sum over synapses; use full, sparse, one_to_one, conv or mean pooling")
    return pre, post, index, np.full(len(pre), scale)


def _scaled(found: tuple[np.ndarray, ...], scale: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    pre, post, index, factor = found
    return pre, post, index, factor * scale


def _probed(transform: Transform, shape: tuple[int, ...], has_weight: bool) -> tuple[np.ndarray, ...]:
    """Synapses of an image transform, from its image of one pixel at a time, with the places of the kernel in place of its values."""
    size, found = prod(shape), []
    given: dict[str, np.ndarray] = {}
    if has_weight:
        of_weight = transform.parameters()["weight"][1]
        given["weight"] = np.arange(1.0, prod(of_weight) + 1).reshape(of_weight)
    for first in range(0, size, _AT_ONCE):
        pixels = np.zeros((min(_AT_ONCE, size - first), size))
        np.fill_diagonal(pixels[:, first:], 1.0)
        image = apply(transform, pixels.reshape(-1, *shape), given).reshape(len(pixels), -1)
        pre, post = np.nonzero(image)
        found.append((pre + first, post, image[pre, post]))
    pre, post, value = (np.concatenate(part) for part in zip(*found, strict=True))
    if has_weight:
        return pre, post, np.rint(value).astype(np.int64) - 1, np.ones(len(pre))
    return pre, post, np.zeros(len(pre), np.int64), value
