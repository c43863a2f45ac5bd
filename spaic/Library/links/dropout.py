"""Dropout: a stage of a connection."""

from __future__ import annotations

from dataclasses import dataclass

from spaic.errors import DeclarationError
from spaic.Graph.transforms import Dropout, Transform
from spaic.Network.connection import LinkType
from spaic.registry import links
from spaic.seeds import Key

Shape = tuple[int, ...]


@dataclass(frozen=True)
class DropoutStage(LinkType):
    """Drops values at random during training: the same ones for a whole run, others in the next.

    Parameters
    ----------
    p : float
        Probability, in [0, 1).

    Notes
    -----
    Source: Srivastava et al. 2014, JMLR 15:1929; one mask per run as in Lee et al. 2020, Front. Neurosci. 14:119.
    """

    p: float = 0.5

    def __post_init__(self) -> None:
        if isinstance(self.p, bool) or not isinstance(self.p, (int, float)) or not 0 <= self.p < 1:
            raise DeclarationError(f"Connection(dropout).p: {self.p!r} is outside [0, 1); give a probability")

    def transforms(self, pre: Shape, post: Shape, path: str, key: Key) -> tuple[Transform, ...]:
        return (Dropout(float(self.p), f"dropout {key.purpose}"),)


links.add("dropout", DropoutStage)
