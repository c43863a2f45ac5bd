"""Links between some pairs of neurons: how a list of pairs becomes a transform."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from math import prod

import numpy as np

from spaic.errors import DeclarationError, GraphError
from spaic.Graph.transforms import Dense, Sparse, Transform, sparse_order
from spaic.Graph.values import Draw, Value
from spaic.Library.links.weights import WeightedLink
from spaic.seeds import Key

Shape = tuple[int, ...]
Pairs = tuple[np.ndarray, np.ndarray]

#: From this number of pairs on, with at most this part of them connected, only the synapses that exist are stored.
LARGE, THIN = 1 << 20, 0.1


@dataclass(frozen=True)
class PatternLink(WeightedLink):
    """A link between some pairs of neurons.

    The weights are a matrix ``[post, pre]`` with a mask, or, where there are at least a million pairs of which at most one in ten is
    connected, a list with one entry per synapse, ordered by presynaptic and then by postsynaptic neuron.

    Parameters
    ----------
    allow_self : bool
        False leaves out the connection of a neuron to itself; only where a group is connected with itself.
    storage : str
        ``"dense"`` for the matrix, ``"sparse"`` for the list, ``"auto"`` as above.
    """

    allow_self: bool = True
    storage: str = "auto"

    def __post_init__(self) -> None:
        if self.storage not in ("auto", "dense", "sparse"):
            raise DeclarationError(f"{self.label}.storage: unknown way {self.storage!r}; use 'auto', 'dense' or 'sparse'")
        if not isinstance(self.allow_self, bool):
            raise DeclarationError(f"{self.label}.allow_self: {self.allow_self!r} is no truth value; use True or False")

    @property
    def label(self) -> str:
        """Where it stands, for messages of the declaration."""
        return f"Connection({type(self).__name__.lower()})"

    @abstractmethod
    def pairs(self, pre: Shape, post: Shape, path: str, key: Key) -> Pairs:
        """Presynaptic and postsynaptic neurons of all synapses."""

    def factors(self, pairs: Pairs, pre: Shape, post: Shape) -> np.ndarray | None:
        """What the weights of the pairs are multiplied with at the beginning, if they are."""
        return None

    def transforms(self, pre: Shape, post: Shape, path: str, key: Key) -> tuple[Transform, ...]:
        pairs = self.pairs(pre, post, path, key)
        if not self.allow_self:
            others = pairs[0] != pairs[1]
            pairs = pairs[0][others], pairs[1][others]
        weight, bias = self.initial_weight(path), self.initial_bias(path)
        return (connect(pairs, prod(pre), prod(post), weight, bias, path, self.storage, self.factors(pairs, pre, post)),)


@dataclass(frozen=True)
class Scaled(Draw):
    """What another rule draws, times given factors.

    Parameters
    ----------
    rule : Draw
        The other rule.
    factors : ndarray
        Of the shape that is drawn.
    """

    rule: Draw
    factors: np.ndarray

    def sample(self, rng: np.random.Generator, shape: Shape, fan_in: int, fan_out: int) -> np.ndarray:
        return np.asarray(self.rule.sample(rng, shape, fan_in, fan_out)) * self.factors


def connect(
    pairs: Pairs,
    pres: int,
    posts: int,
    weight: Value,
    bias: Value | None,
    path: str,
    storage: str = "auto",
    factors: np.ndarray | None = None,
) -> Transform:
    """The transform that connects pairs of neurons.

    Parameters
    ----------
    pairs : (ndarray, ndarray)
        Presynaptic and postsynaptic neurons.
    pres, posts : int
        Numbers of neurons.
    weight : Value
        An array is of shape (posts, pres), or has one value for each pair.
    bias : Value or None
        Added in every step.
    path : str
        Of the connection, for messages.
    storage : str
        ``"auto"``, ``"dense"`` or ``"sparse"``.
    factors : ndarray, optional
        What the weight of each pair is multiplied with.
    """
    starts, targets, order = sparse_order(*pairs, pres, posts, path)
    sources = np.asarray(pairs[0])[order]
    is_sparse = storage == "sparse" or (storage == "auto" and is_thin(len(targets), pres, posts))
    weight = _per_pair(weight, order, sources, targets, (posts, pres), path)
    scales = None if factors is None else factors[order]
    if is_sparse:
        return Sparse(pres, posts, starts, targets, _scaled(weight, scales), bias)
    mask = np.zeros((posts, pres), bool)
    mask[targets, sources] = True

    def spread(values: np.ndarray) -> np.ndarray:
        matrix = np.zeros((posts, pres))
        matrix[targets, sources] = values
        return matrix

    if isinstance(weight, np.ndarray):
        weight = spread(weight)
    return Dense(pres, posts, _scaled(weight, None if scales is None else spread(scales)), bias, mask)


def is_thin(synapses: float, pres: int, posts: int) -> bool:
    """Whether synapses are stored one by one where nothing else is said."""
    return pres * posts >= LARGE and synapses <= THIN * pres * posts


def _per_pair(value: Value, order: np.ndarray, sources: np.ndarray, targets: np.ndarray, shape: Shape, path: str) -> Value:
    if not isinstance(value, np.ndarray):
        return value
    if value.shape == shape:
        return value[targets, sources]
    if value.shape == order.shape:
        return value[order]
    raise GraphError(
        f"{path}.weight: the values have shape {value.shape}, needed (post, pre) = {shape}, or one for each of {len(order)} synapses; "
        "give values of such a shape"
    )


def _scaled(value: Value, factors: np.ndarray | None) -> Value:
    if factors is None:
        return value
    return Scaled(value, factors) if isinstance(value, Draw) else value * factors
