"""What all monitors have in common: what they watch, when, and how recordings are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import gcd
from typing import Any, ClassVar

import numpy as np

from spaic.clock import Clock
from spaic.errors import DeclarationError, StateError
from spaic.Graph.graph import Graph, Probe
from spaic.Network.element import Annotation, Element
from spaic.Network.simulation import Run


class Monitor(Annotation):
    """Records a variable during runs, without any effect on results or gradients.

    Parameters
    ----------
    target : NeuronGroup, Node or Connection
        Whose variable it is.
    var_name : str
        Name of the variable.
    index : "full" or sequence of int
        Which neurons, counted over the flattened shape; all by default.
    dt : float, optional
        Time between samples in ms, a whole number of steps; every step by default.
    name : str, optional
        Name where it is not assigned to an attribute.
    """

    kind = "monitor"
    refers = ("target",)
    volatile: ClassVar[frozenset[str]] = frozenset({"is_on"})

    def __init__(self, target: Any, var_name: str, index: Any = "full", dt: float | None = None, name: str | None = None) -> None:
        super().__init__(name)
        if not isinstance(target, Element):
            raise DeclarationError(
                f"{type(self).__name__}: the target is {target!r}, not a part of a network; give a group, node or connection"
            )
        self.target, self.var_name, self.interval = target, var_name, dt
        self.index = _index(index)
        self.is_on = True
        self._chunks: list[Any] = []
        self._steps: list[np.ndarray] = []
        self._dt = 0.0

    @property
    def reads(self) -> str:
        """Path of the variable."""
        return f"{self.target.path}.{self.var_name}"

    def annotate(self, graph: Graph) -> Graph:
        every = self._every(graph.clock)
        others = tuple(p for p in graph.probes if p.reads != self.reads)
        common = gcd(every, *(p.every for p in graph.probes if p.reads == self.reads))
        self._check_index(graph)
        return replace(graph, probes=(*others, Probe(self.reads, common)))

    def start(self, is_continued: bool) -> None:
        if not is_continued:
            self.clear()

    def observe(self, run: Run) -> None:
        if not self.is_on:
            return
        steps = run.sample_steps(self.reads)
        chosen = steps % self._every(run.clock) == 0
        record = run.recordings[self.reads]
        record, steps = (record, steps) if chosen.all() else (record[np.flatnonzero(chosen)], steps[chosen])
        self._dt = run.clock.dt
        self._chunks.append(self._selected(record))
        self._steps.append(steps)

    def clear(self) -> None:
        """Forget everything recorded."""
        self._chunks, self._steps = [], []

    def monitor_on(self) -> None:
        """Record from now on."""
        self.is_on = True

    def monitor_off(self) -> None:
        """Do not record from now on."""
        self.is_on = False

    @property
    def times(self) -> np.ndarray:
        """Times of the samples in ms, ``[samples]``; the first step ends at dt."""
        return np.concatenate(self._steps) * self._dt if self._steps else np.zeros(0)

    def _every(self, clock: Clock) -> int:
        return 1 if self.interval is None else clock.steps(self.interval, f"{self.path}.dt")

    def _selected(self, record: Any) -> Any:
        record = record.detach().clone() if hasattr(record, "detach") else np.array(record)
        if self.index is None:
            return record
        lead = record.shape[:2]
        return record.reshape(*lead, -1)[:, :, self.index]

    def _stacked(self) -> np.ndarray:
        """``[samples, batch, ...]``."""
        if not self._chunks:
            raise StateError(f"{self.path}: nothing is recorded yet; call net.run(T), and monitor_on() if it was off")
        parts = [c.cpu().numpy() if hasattr(c, "detach") else c for c in self._chunks]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _check_index(self, graph: Graph) -> None:
        if self.index is None:
            return
        neurons = getattr(self.target, "post", self.target) if self.var_name == "current" else self.target
        if not hasattr(neurons, "shape"):
            raise DeclarationError(f"{self.path}.index: {self.reads!r} has no neurons to choose from; leave the index out")
        size = int(np.prod(neurons.shape))
        wrong = [i for i in self.index if not -size <= i < size]
        if wrong:
            raise DeclarationError(
                f"{self.path}.index: {wrong} is outside of {self.target.path!r} with {size} neurons; give indices from 0 to {size - 1}"
            )


def _index(index: Any) -> list[int] | None:
    if isinstance(index, str):
        if index != "full":
            raise DeclarationError(f"monitor: index {index!r} is not known; use 'full' or a list of neuron numbers")
        return None
    numbers = list(index) if isinstance(index, (Sequence, np.ndarray)) else [index]
    if len(numbers) == 1 and isinstance(numbers[0], (Sequence, np.ndarray)):
        numbers = list(numbers[0])
    if not numbers or any(not hasattr(i, "__index__") or isinstance(i, bool) for i in numbers):
        raise DeclarationError(f"monitor: index {index!r} is not a list of neuron numbers; give whole numbers, or 'full'")
    return [i.__index__() for i in numbers]
