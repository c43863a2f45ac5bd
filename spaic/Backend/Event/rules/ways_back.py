"""Links whose errors go another way than their spikes: feedback alignment and local gradients."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch

import numpy as np

from spaic.Graph.links import Link
from spaic.Graph.transforms import Transform


@dataclass(frozen=True)
class WayBack:
    """How errors go back through a transform.

    Attributes
    ----------
    passes : bool
        Whether they pass at all.
    matrix : str
        Name of the parameter by which errors travel, where nothing is sent forwards; empty for a transform that is what it is.
    of : Transform, optional
        What has the shape of that matrix.
    """

    passes: bool = True
    matrix: str = ""
    of: Transform | None = None


@dataclass(frozen=True, eq=False)
class Back:
    """Weights by which errors go back, and for each whether it is the one by which spikes came."""

    weights: np.ndarray
    is_same: np.ndarray

    @classmethod
    def of(cls, weights: np.ndarray) -> Back:
        """The way back that is the way of the spikes."""
        return cls(weights, np.ones(len(weights), np.bool_))


@singledispatch
def way_back(transform: Transform) -> WayBack:
    """The way of errors through `transform`; other kinds than the usual one register here."""
    return WayBack()


def stages(link: Link) -> list[Transform]:
    """The transforms of a link as synapses, without those that only concern errors."""
    found = []
    for transform in link.transforms:
        way = way_back(transform)
        if way.passes:
            found.append(transform if way.of is None else way.of)
    return found


def is_cut(link: Link) -> bool:
    """Whether no error goes back through the link."""
    return not all(way_back(t).passes for t in link.transforms)


def matrix(link: Link) -> str:
    """Path of the matrix by which a link sends errors back, and nothing forwards; empty for other links."""
    return next((f"{link.shares}.{way.matrix}" for t in link.transforms if (way := way_back(t)).matrix), "")
