"""What a recording is going to be: shape, type and number of its samples, known before the run."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from spaic.Graph.delays import of_link
from spaic.Graph.graph import Graph
from spaic.Graph.nodes import Population
from spaic.Graph.verify import delivered_shape

#: Bytes of the number of the step that goes with each sample.
_STEP_BYTES = 8


@dataclass(frozen=True)
class Need:
    """The samples that a monitor will take in a run.

    Attributes
    ----------
    samples : int
        How many.
    shape : tuple of int
        Of one.
    dtype : numpy.dtype
        Of its values; inputs may turn out smaller, as spikes are given in bytes.
    is_packed : bool
        Whether bits will do.
    """

    samples: int
    shape: tuple[int, ...]
    dtype: np.dtype
    is_packed: bool = False

    @property
    def nbytes(self) -> int:
        """Bytes of memory or disk."""
        sample = -(-prod(self.shape) // 8) if self.is_packed else prod(self.shape) * self.dtype.itemsize
        return self.samples * (sample + _STEP_BYTES)

    def __str__(self) -> str:
        values = f"{prod(self.shape):,} bits" if self.is_packed else f"{prod(self.shape):,} values of {self.dtype.itemsize} bytes"
        return f"{self.samples:,} samples of {values}"


def sample_shape(graph: Graph, path: str) -> tuple[tuple[int, ...], bool]:
    """Shape of a variable without the batch, and whether it has a value for every sample of the batch, as weights have not."""
    owner, _, variable = path.rpartition(".")
    link = next((k for k in graph.links if k.name == owner), None)
    if link is None:
        return graph.shape(owner), True
    own = parameter_shape(graph, path)
    if own is not None:
        return own, False
    is_of_target = variable == "current" or (link.synapse is not None and bool(link.synapse.model.reads))
    return (graph.shape(link.target_node) if is_of_target else delivered_shape(graph, link)), True


def parameter_shape(graph: Graph, path: str) -> tuple[int, ...] | None:
    """Shape of what the synapses of a link have: weights, a bias, learned delays; None for other variables."""
    owner, _, variable = path.rpartition(".")
    link = next((k for k in graph.links if k.name == owner), None)
    if link is None:
        return None
    if variable == "delay" and link.delay_limit is not None:
        return np.shape(link.delay) if isinstance(link.delay, (float, np.ndarray)) else of_link(link, graph.shape(link.source_node)).whole
    return next((t.parameters()[variable][1] for t in link.transforms if variable in t.parameters()), None)


def are_spikes(graph: Graph, path: str) -> bool:
    """Whether a variable is 0 or 1 by what it is: the spikes of a population."""
    owner, _, variable = path.rpartition(".")
    return variable == "O" and isinstance(graph.by_name.get(owner), Population)
