"""When the spikes of the source arrive at the synapses that learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from spaic.Backend.Plastic.arithmetic import Arithmetic
from spaic.errors import UnsupportedError
from spaic.Graph.delays import of_link
from spaic.Graph.graph import Graph
from spaic.Graph.links import Link
from spaic.Graph.schedule import schedule


class Arrivals:
    """The source as it arrives: once for every distinct delay of single synapses, else once.

    Parameters
    ----------
    graph : Graph
        Where the link is.
    link : Link
        The link.
    arithmetic : Arithmetic
        Kind of arrays.

    Attributes
    ----------
    delay : int or ndarray of int
        In steps: of the link, of each value of the source, or of each synapse.
    late : tuple of int
        The distinct delays, ascending.
    which : ndarray of int or None
        For each synapse the place of its delay in `late`; None where a presynaptic neuron has one delay for all its synapses.

    Raises
    ------
    UnsupportedError
        If the delay is learned.
    """

    def __init__(self, graph: Graph, link: Link, arithmetic: Arithmetic) -> None:
        self.link, self.arithmetic = link, arithmetic
        self.delay, self.which, self._masks = schedule(graph).delays[link.name], None, []
        if link.delay_limit is not None:
            raise UnsupportedError(
                f"{link.name}: its delay is learned and lies between steps, where no spike arrives as a whole; leave delay_trainable "
                "out, or the rule"
            )
        self.late = tuple(np.unique(self.delay).tolist())
        if isinstance(self.delay, int):
            return
        source = graph.shape(link.source_node)
        found = of_link(link, source, self.delay.shape)
        if not found.is_by_source:
            self.which = np.searchsorted(self.late, self.delay)
            return
        each = np.broadcast_to(self.delay.reshape(found.aligned(self.delay.shape)), source)
        self._masks = [arithmetic.array((each == d).astype(np.float64)) for d in self.late]

    @property
    def copies(self) -> int:
        """How often the source arrives."""
        return 1 if self.which is None else max(1, len(self.late))

    def at(self, now: Mapping[str, Any], before: Mapping[str, Any]) -> Any:
        """What arrives in a step, ``[batch, copies * pre]``; `before` has what was sent before it."""
        if len(self.late) < 2:
            sent = self._sent(self.late[0] if self.late else 0, now, before)
            return sent.reshape(len(sent), -1)
        past = before[f"{self.link.source}.history"]
        rows = self.arithmetic.real(past[[len(past) - d for d in self.late if d]])
        if not self.late[0]:
            rows = self.arithmetic.joined([self._sent(0, now, before)[None], rows])
        if self._masks:
            return sum(x * mask for x, mask in zip(rows, self._masks, strict=True)).reshape(rows.shape[1], -1)
        return rows.swapaxes(0, 1).reshape(rows.shape[1], -1)

    def of_source(self, values: Any) -> Any:
        """What the source is now, ``[batch, pre]``, for every copy of it."""
        if self.copies == 1:
            return values
        return (values[:, None, :] + self.arithmetic.full((1, self.copies, 1), 0.0)).reshape(len(values), -1)

    def _sent(self, delay: int, now: Mapping[str, Any], before: Mapping[str, Any]) -> Any:
        source = self.link.source
        return self.arithmetic.real(now[source] if delay == 0 else before[f"{source}.history"][-delay])
