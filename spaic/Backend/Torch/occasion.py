"""What decides, besides the graph, over the code that a run is made of: kinds of values, none of the values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from spaic.Backend.element import initial_parameters
from spaic.Graph.graph import Graph

if TYPE_CHECKING:
    from spaic.Backend.Torch.run import Run


@dataclass(frozen=True)
class Occasion:
    """What a run was like.

    Attributes
    ----------
    parameters : mapping of str to (tuple, bool) or float
        Path -> shape, and whether a gradient was wanted; or a plain number.
    states : frozenset of str
        Paths of states at the start through which gradient flows.
    inputs : mapping of str to (bool, bool)
        ``"node.O"`` -> whether it was the same in every step, and whether it required a gradient.
    steps : int
        Of the run.
    has_gradient : bool
        Whether gradients were recorded at all.
    """

    parameters: Mapping[str, Any]
    states: frozenset[str] = frozenset()
    inputs: Mapping[str, tuple[bool, bool]] = field(default_factory=dict)
    steps: int = 2
    has_gradient: bool = True

    @classmethod
    def of(cls, run: Run) -> Occasion:
        """That of a run that is done."""
        signals = run.signals
        inputs = {k: (stream.is_constant, signals.known.get(k, signals.constant(k))) for k, stream in signals.inputs.items()}
        return cls(
            {k: (tuple(v.shape), v.requires_grad) if isinstance(v, Tensor) else v for k, v in run.parameters.items()},
            frozenset(k for k, v in run.state.arrays.items() if v.requires_grad),
            {k: (is_constant, isinstance(x, Tensor) and x.requires_grad) for k, (is_constant, x) in inputs.items()},
            run.steps,
            torch.is_grad_enabled(),
        )

    @classmethod
    def expected(cls, graph: Graph) -> Occasion:
        """That of a first run: what learners train is trained, and the input changes from step to step."""
        trained = {f"{k.name}.{p}" for k in graph.links for p in k.trainable}
        trained |= {f"{n.name}.{p}" for n in graph.populations for p in n.trainable}
        weights = {f"{k.name}.{p}" for k in graph.links for t in k.transforms for p in t.parameters()}
        values = initial_parameters(graph)
        return cls({k: (v.shape, k in trained) if v.ndim or k in weights | trained else float(v) for k, v in values.items()})
