"""What a run is going to be, and the pieces in which it goes, for those who watch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spaic.clock import Clock
from spaic.Graph.graph import Graph
from spaic.Graph.program import Recordings

if TYPE_CHECKING:
    from spaic.Network.element import Annotation


@dataclass(frozen=True)
class Plan:
    """What a run is going to be, for those who watch.

    Attributes
    ----------
    graph : Graph
        What runs.
    first_step, steps : int
        Steps done before it, and those to do.
    batch : int
        Number of samples.
    dtype : str
        Number type of states and weights.
    watchers : tuple of Annotation
        All who watch it.
    """

    graph: Graph
    first_step: int
    steps: int
    batch: int
    dtype: str
    watchers: tuple[Annotation, ...]

    @property
    def clock(self) -> Clock:
        """Time grid."""
        return self.graph.clock

    def samples(self, every: int) -> int:
        """Number of steps that are a multiple of `every`."""
        return (self.first_step + self.steps) // every - self.first_step // every


@dataclass(frozen=True)
class Run:
    """One piece of a run, for those who watch.

    Attributes
    ----------
    plan : Plan
        The whole run.
    recordings : dict of str to array
        Path of a variable -> ``[samples, batch, *shape]``.
    first_step, steps : int
        Steps done before this piece, and those in it.
    """

    plan: Plan
    recordings: Recordings
    first_step: int
    steps: int

    def sample_steps(self, path: str) -> np.ndarray:
        """Number of steps done at each recorded sample of a variable."""
        done = np.arange(self.first_step + 1, self.first_step + self.steps + 1)
        return done[done % self.plan.graph.sampling()[path] == 0]
