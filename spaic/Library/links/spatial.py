"""Links that depend on where neurons are: by distance, and small worlds."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from spaic.errors import DeclarationError, GraphError, nearest
from spaic.Graph.values import as_value
from spaic.Library.links.pattern import Pairs, PatternLink
from spaic.Library.links.random import demand_probability, demand_whole
from spaic.Library.ranges import demand_flag
from spaic.registry import links
from spaic.seeds import Key

Shape = tuple[int, ...]

#: Distances that are held at a time.
CHUNK = 1 << 22
#: Name -> what it makes of distance / width.
_KERNELS = {
    "gaussian": lambda d: np.exp(-0.5 * d**2),
    "exponential": lambda d: np.exp(-d),
    "box": lambda d: (d <= 1).astype(np.float64),
}


@dataclass(frozen=True)
class Distance(PatternLink):
    """Connections that become rarer, or weaker, with the distance.

    The neurons of a group stand on the grid of its shape, which fills the unit square (line, cube): neuron i of n stands at (i + 1/2) / n;
    or where `pre_position` and `post_position` say. Both groups have as many dimensions.

    Parameters
    ----------
    kernel : str
        ``"gaussian"`` exp(-d^2 / (2 width^2)), ``"exponential"`` exp(-d / width), or ``"box"``: 1 up to `width`, 0 beyond.
    width : float
        As a part of the side of the square, or in the unit of the positions.
    probability : float
        Of a synapse at distance 0, in [0, 1].
    decays : str
        ``"probability"``: the probability is multiplied with the kernel. ``"weight"``: the initial weights are, and the probability is the
        same everywhere.
    is_periodic : bool
        Whether opposite sides of the square are joined; positions then lie in [0, 1].
    pre_position, post_position : array of shape (neurons, dimensions), optional
        Where the neurons stand.
    allow_self : bool
        False leaves out the connection of a neuron to itself; only where a group is connected with itself.
    storage : str
        ``"dense"``, ``"sparse"`` or ``"auto"``, as for a random link.
    weight, bias, w_mean, w_std
        As for a full link; an array of weights has shape (post, pre).
    """

    kernel: str = "gaussian"
    width: float = 0.1
    probability: float = 1.0
    decays: str = "probability"
    is_periodic: bool = False
    pre_position: Any = None
    post_position: Any = None

    def __post_init__(self) -> None:
        super().__post_init__()
        demand_probability(self.probability, f"{self.label}.probability")
        demand_flag(f"{self.label}.is_periodic", self.is_periodic)
        if not isinstance(self.kernel, str) or self.kernel not in _KERNELS:
            raise DeclarationError(f"{self.label}.kernel: unknown kernel {self.kernel!r}; {nearest(self.kernel, _KERNELS)}")
        if self.decays not in ("probability", "weight"):
            raise DeclarationError(f"{self.label}.decays: {self.decays!r} does not decay; use 'probability' or 'weight'")
        if isinstance(self.width, bool) or not isinstance(self.width, (int, float)) or not 0 < self.width < float("inf"):
            raise DeclarationError(f"{self.label}.width: {self.width!r} is not above 0; give a part of the side of the square")

        for name in ("pre_position", "post_position"):
            object.__setattr__(self, name, self._given(name))

    def _given(self, name: str) -> np.ndarray | None:
        if getattr(self, name) is None:
            return None
        values = as_value(getattr(self, name), f"{self.label}.{name}")
        if not isinstance(values, np.ndarray) or values.ndim != 2:
            shape = getattr(values, "shape", ())
            raise DeclarationError(f"{self.label}.{name}: shape {shape} is not (neurons, dimensions); give the coordinates of every neuron")
        if self.is_periodic and not (values.min(initial=0.0) >= 0 and values.max(initial=0.0) <= 1):
            raise DeclarationError(f"{self.label}.{name}: positions on a torus lie in [0, 1], got {values.max():g}; rescale them")
        return values

    def pairs(self, pre: Shape, post: Shape, path: str, key: Key) -> Pairs:
        here, there = self._places(pre, post, path)
        rng, step = key.generator(), max(1, CHUNK // prod(post))
        found = []
        for first in range(0, prod(pre), step):
            sources = np.arange(first, min(first + step, prod(pre)))
            likely = np.full((len(sources), prod(post)), float(self.probability))
            if self.decays == "probability":
                likely *= self._kernel(here[sources][:, None], there[None])
            rows, targets = np.nonzero(rng.random(likely.shape) < likely)
            found.append((rows + first, targets))
        return np.concatenate([f[0] for f in found]), np.concatenate([f[1] for f in found])

    def factors(self, pairs: Pairs, pre: Shape, post: Shape) -> np.ndarray | None:
        if self.decays != "weight":
            return None
        here, there = self._places(pre, post, self.label)
        return self._kernel(here[pairs[0]], there[pairs[1]])

    def _places(self, pre: Shape, post: Shape, path: str) -> tuple[np.ndarray, np.ndarray]:
        """Where the neurons of both groups stand, ``[neurons, dimensions]``."""
        found = []
        for name, shape in (("pre_position", pre), ("post_position", post)):
            given = getattr(self, name)
            if given is not None and len(given) != prod(shape):
                raise GraphError(
                    f"{path}.{name}: there are {len(given)} positions and {prod(shape)} neurons (shape {shape}); give one for each"
                )
            found.append(places(shape) if given is None else given)
        if found[0].shape[1] != found[1].shape[1]:
            raise GraphError(
                f"{path}: the groups have shapes {pre} and {post} and stand in {found[0].shape[1]} and {found[1].shape[1]} dimensions, "
                "so there is no distance; give both as many dimensions"
            )
        return found[0], found[1]

    def _kernel(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        gap = np.abs(a - b)
        if self.is_periodic:
            gap = np.minimum(gap, 1 - gap)
        values: np.ndarray = _KERNELS[self.kernel](np.sqrt((gap**2).sum(-1)) / self.width)
        return values


@dataclass(frozen=True)
class SmallWorld(PatternLink):
    """A ring in which every neuron sends to its nearest neighbours, some of which are exchanged for others at random.

    Parameters
    ----------
    neighbours : int
        How many neurons each one sends to, half of them on either side; an even number.
    rewiring : float
        Probability, in [0, 1], that a neighbour is exchanged for a neuron that is neither the sender nor one of its targets.
    allow_self : bool
        A neuron never sends to itself here; False says that the group is connected with itself.
    storage : str
        ``"dense"``, ``"sparse"`` or ``"auto"``, as for a random link.
    weight, bias, w_mean, w_std
        As for a full link; an array of weights has shape (post, pre).

    Notes
    -----
    Source: Watts and Strogatz 1998, Nature 393:440, for directed edges: the end of an edge is moved, its beginning stays.
    """

    neighbours: int = 4
    rewiring: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.neighbours is None:
            raise DeclarationError(f"{self.label}.neighbours: None is no number of neighbours; give an even number")
        demand_whole(self.neighbours, f"{self.label}.neighbours", least=2)
        if self.neighbours % 2:
            raise DeclarationError(f"{self.label}.neighbours: {self.neighbours} is odd; give an even number, half for each side")
        demand_probability(self.rewiring, f"{self.label}.rewiring")

    def pairs(self, pre: Shape, post: Shape, path: str, key: Key) -> Pairs:
        n, k, rng = prod(pre), self.neighbours, key.generator()
        if n != prod(post) or k > n - 2:
            raise GraphError(
                f"{path}: {k} neighbours on one ring need groups of the same size above {k + 1}, got shapes {pre} and {post}; change them"
            )
        steps = np.concatenate([np.arange(-(k // 2), 0), np.arange(1, k // 2 + 1)])
        targets = (np.arange(n)[:, None] + steps) % n
        _rewire(targets, rng.random((n, k)) < self.rewiring, rng)
        return np.repeat(np.arange(n), k), targets.ravel()


def _rewire(targets: np.ndarray, moves: np.ndarray, rng: np.random.Generator) -> None:
    """Exchange targets ``[sources, k]`` where `moves` says so, in all rows at once, drawing again what a source has already."""
    for column in range(targets.shape[1]):
        rows = np.flatnonzero(moves[:, column])
        while len(rows):
            drawn = rng.integers(0, len(targets), len(rows))
            is_free = (drawn != rows) & (targets[rows] != drawn[:, None]).all(1)
            targets[rows[is_free], column] = drawn[is_free]
            rows = rows[~is_free]


def places(shape: Shape) -> np.ndarray:
    """Where the neurons of a group stand: ``[neurons, dimensions]``, in (0, 1)."""
    return (np.stack(np.unravel_index(np.arange(prod(shape)), shape), axis=-1) + 0.5) / np.array(shape)


links.add("distance", Distance, ("dist_depd", "distance_dependent"))
links.add("small_world", SmallWorld, ("watts_strogatz",))
