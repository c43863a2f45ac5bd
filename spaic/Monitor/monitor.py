"""What all monitors have in common: what they watch, when, and where they put it."""

from __future__ import annotations

import os
from dataclasses import replace
from math import gcd, prod
from typing import Any, ClassVar

import numpy as np

from spaic.clock import Clock
from spaic.errors import DeclarationError, StateError
from spaic.Graph.events import Events
from spaic.Graph.graph import Graph, Probe
from spaic.Graph.nodes import Population
from spaic.Monitor.choice import check_choice, chosen
from spaic.Monitor.disk import DiskStore
from spaic.Monitor.earlier import EarlierRuns
from spaic.Monitor.facts import facts
from spaic.Monitor.file import Layout
from spaic.Monitor.gradients import Gradients
from spaic.Monitor.limits import Demand, check_disk, check_memory, check_own, parse_size
from spaic.Monitor.memory import MemoryStore
from spaic.Monitor.needs import Need, are_spikes, parameter_shape, sample_shape
from spaic.Monitor.series import Series
from spaic.Network.element import Annotation, Element
from spaic.Network.plan import Plan, Run
from spaic.units import in_unit
from spaic.version import VERSION


class Monitor(Annotation, Series):
    """Records a variable during runs, without any effect on results or gradients.

    Parameters
    ----------
    target : NeuronGroup, Node or Connection
        Whose variable it is.
    var_name : str
        Name of the variable.
    index : "full" or sequence of int
        Which neurons, or which weights, counted over the flattened shape; all by default.
    dt : float or str, optional
        Time between samples in ms (or as text, ``"1 ms"``), a whole number of steps; every step by default.
    name : str, optional
        Name where it is not assigned to an attribute.
    get_grad : bool
        Whether to keep the gradient of the loss with respect to a variable of a group too, for `grads`.
    nbatch : bool or int
        How many earlier runs to keep for `nbatch_values`: True for all, False for none.
    file : str or path-like, optional
        HDF5 file to record into while a run goes on; monitors of a network may share one. Each ``net.run`` makes it anew.
        :class:`spaic.Monitor.Recording` reads it without the network.
    overwrite : bool
        Whether a recording that others have left in the file may be replaced.
    memory_limit : int or str, optional
        Bytes that the recording may take in memory, such as ``"2 GB"``. By default all recordings of a run together may
        take half of the memory that is available before it.
    """

    kind = "monitor"
    refers = ("target",)
    volatile: ClassVar[frozenset[str]] = frozenset({"is_on"})

    def __init__(
        self,
        target: Any,
        var_name: str,
        index: Any = "full",
        dt: float | str | None = None,
        name: str | None = None,
        get_grad: bool = False,
        nbatch: bool | int = False,
        *,
        file: str | os.PathLike[str] | None = None,
        overwrite: bool = False,
        memory_limit: int | str | None = None,
    ) -> None:
        super().__init__(name)
        kind = type(self).__name__
        if not isinstance(target, Element):
            raise DeclarationError(f"{kind}: the target is {target!r}, not a part of a network; give a group, node or connection")
        self.target, self.var_name, self.interval = target, var_name, in_unit(dt, "ms", f"{kind}.dt")
        self.index = chosen(index)
        self.is_on = True
        self.get_grad = bool(get_grad)
        self._gradients = Gradients()
        self._options = {"get_grad": self.get_grad, "nbatch": nbatch, "file": file, "overwrite": overwrite, "memory_limit": memory_limit}
        self._earlier = EarlierRuns(nbatch, kind)
        self._limit = None if memory_limit is None else parse_size(memory_limit, f"{kind}: memory_limit")
        self._store: MemoryStore | DiskStore = MemoryStore() if file is None else _disk(file, overwrite, kind)
        if file is None and overwrite:
            raise DeclarationError(f"{kind}: overwrite=True is for a file; give file=, or leave it out")
        if file is not None and (nbatch or memory_limit is not None):
            raise DeclarationError(f"{kind}: nbatch and memory_limit are for recordings in memory; leave them out, or leave out file=")
        self._dt = 0.0
        self._like: Any = None  # an empty tensor of the kind that is recorded
        self._has_batch = True

    @property
    def reads(self) -> str:
        """Path of the variable."""
        place = getattr(self.target, "place", None)
        return str(place(self.var_name)) if place is not None else f"{self.target.path}.{self.var_name}"

    @property
    def options(self) -> dict[str, Any]:
        """How it keeps what it records, as it was given: get_grad, nbatch, file, overwrite and memory_limit."""
        return dict(self._options)

    def annotate(self, graph: Graph) -> Graph:
        every = self._every(graph.clock)
        others = tuple(p for p in graph.probes if p.reads != self.reads)
        common = gcd(every, *(p.every for p in graph.probes if p.reads == self.reads))
        if self.index is not None:
            check_choice(self.index, self.target, self.var_name, self.path, parameter_shape(graph, self.reads))
        if self.get_grad and not isinstance(graph.by_name.get(self.target.path), Population):
            raise DeclarationError(f"{self.path}: get_grad is for variables of a neuron group; a weight has its gradient in parameter.grad")
        wanted = self.get_grad or any(p.gradient for p in graph.probes if p.reads == self.reads)
        events = self._takes_events() and all(p.events for p in graph.probes if p.reads == self.reads)
        return replace(graph, probes=(*others, Probe(self.reads, common, wanted, events)))

    def _takes_events(self) -> bool:
        """Whether it has a use for spikes that come as a list."""
        return False

    # --- a run

    def check(self, is_continued: bool, plan: Plan) -> None:
        if not self.is_on:
            return
        store, need = self._store, self._need(plan)
        if isinstance(store, DiskStore):
            store.check(self.path, is_continued, [other for _, other in _sharing(plan, store)])
        if is_continued and store.shape not in (None, need.shape):
            raise StateError(f"{self.path}: its samples had the shape {store.shape} so far, now it would be {need.shape}; call net.run")
        if self._limit is not None:
            check_own(self._demand(is_continued, plan), self._limit)
        elif next(m for m in plan.watchers if self._is_weighed_with(m)) is self:
            self._check_together(is_continued, plan)

    def _is_weighed_with(self, other: Annotation) -> bool:
        """Whether one check serves both: they share a place, and none has a limit of its own."""
        return isinstance(other, Monitor) and other.is_on and other._limit is None and other._store.place == self._store.place

    def _check_together(self, is_continued: bool, plan: Plan) -> None:
        watching = [m for m in plan.watchers if isinstance(m, Monitor) and m.is_on]
        demands = [m._demand(is_continued, plan) for m in watching if self._is_weighed_with(m)]
        if isinstance(self._store, DiskStore):
            check_disk(demands, self._store.path)
        else:
            check_memory(demands, sum(m._demand(is_continued, plan).growth for m in watching if m._limit is not None))

    def start(self, is_continued: bool, plan: Plan) -> None:
        if not is_continued and self._earlier.most != 0 and self._store.shape is not None:
            self._earlier.add(self._samples(), self.times)
        if not is_continued:
            self._like = None
        self._has_batch = sample_shape(plan.graph, self.reads)[1]
        if not is_continued:
            self._gradients.clear()
        self._store.begin(is_continued, plan.samples(self._every(plan.clock)) if self.is_on else 0)

    def observe(self, run: Run) -> None:
        if not self.is_on:
            return
        store, self._dt = self._store, run.plan.clock.dt
        steps = run.sample_steps(self.reads)
        chosen = steps % self._every(run.plan.clock) == 0
        record = run.recordings[self.reads]
        if isinstance(record, Events):
            self._like = record.like
            if isinstance(store, MemoryStore):
                store.append_events(steps, record)
            return
        if self.get_grad:
            self._gradients.add(run.recordings.get(f"{self.reads}.gradient", []), self._recorded_steps(run))
        record, steps = (record, steps) if chosen.all() else (record[np.flatnonzero(chosen)], steps[chosen])
        if hasattr(record, "new_empty") and (self._like is None or not self._like.is_floating_point()):
            self._like = record.detach().new_empty(0)
        if isinstance(store, DiskStore) and store.file is None:
            parts = {m.path: (other, m._layout(run)) for m, other in _sharing(run.plan, store)}
            store.make(parts, {"spaic": VERSION})
        store.append(steps, self._selected(record))

    def clear(self) -> None:
        """Forget everything recorded."""
        self._earlier.clear()
        self._store.clear()

    def close(self) -> None:
        """Close the file, if there is one, for all monitors that share it; what was recorded can still be read."""
        self._store.close()

    def monitor_on(self) -> None:
        """Record from now on."""
        self.is_on = True

    def monitor_off(self) -> None:
        """Do not record from now on."""
        self.is_on = False

    # --- what was recorded

    @property
    def tensor_values(self) -> Any:
        """As `values`, on the device of the backend."""
        return self.values if self._like is None else self._like.new_tensor(self._samples()).movedim(0, -1)

    @property
    def grads(self) -> np.ndarray:
        """Gradient of the loss with respect to the recorded variable, as `values`, after ``loss.backward()``."""
        return np.moveaxis(self._selected(self._gradients.stacked(self.path)), 0, -1)

    grad = grads

    @property
    def nbatch_values(self) -> np.ndarray:
        """Values of the earlier runs that are kept and of the present one: ``[runs, *shape, samples, batch]``."""
        samples = self._all_runs()[0]
        return np.moveaxis(samples, (1, 2), (-2, -1)) if self._has_batch else np.moveaxis(samples, 1, -1)

    @property
    def nbatch_times(self) -> np.ndarray:
        """Times of their samples in ms, ``[runs, samples]``."""
        return self._all_runs()[1]

    def _all_runs(self) -> tuple[np.ndarray, np.ndarray]:
        present = None if self._store.shape is None else (self._samples(), self.times)
        return self._earlier.with_present(present, self.path)

    # --- how it is recorded

    def _every(self, clock: Clock) -> int:
        return 1 if self.interval is None else clock.steps(self.interval, f"{self.path}.dt")

    def _selected(self, record: Any) -> np.ndarray:
        record = record.detach() if hasattr(record, "detach") else record
        if self.index is not None:
            lead = 2 if self._has_batch else 1  # weights are the same for every sample of the batch
            record = record.reshape(*record.shape[:lead], prod(record.shape[lead:]))[..., self.index]
        return record.cpu().numpy() if hasattr(record, "cpu") else np.asarray(record)

    def _recorded_steps(self, run: Run) -> np.ndarray:
        """Which steps of a piece it records, counted from the first one of the piece."""
        done = np.arange(run.first_step + 1, run.first_step + run.steps + 1)
        return np.flatnonzero(done % self._every(run.plan.clock) == 0)

    def _need(self, plan: Plan) -> Need:
        shape, has_batch = sample_shape(plan.graph, self.reads)
        shape = shape if self.index is None else (len(self.index),)
        is_packed = isinstance(self._store, DiskStore) and are_spikes(plan.graph, self.reads)
        samples = plan.samples(self._every(plan.clock))
        return Need(samples, (plan.batch, *shape) if has_batch else shape, np.dtype(plan.dtype), is_packed)

    def _demand(self, is_continued: bool, plan: Plan) -> Demand:
        need, held = self._need(plan), self._store.nbytes
        kept = self._earlier.nbytes + held if is_continued else self._earlier.nbytes_with(held)
        return Demand(self.path, self.reads, need, kept, kept + need.nbytes - self._earlier.nbytes - held)

    def _layout(self, run: Run) -> Layout:
        need, empty = self._need(run.plan), self._selected(run.recordings[self.reads][:0])
        is_packed = need.is_packed or empty.dtype == np.uint8
        return Layout(need.shape, empty.dtype, is_packed, need.samples, facts(self, run.plan))


def _sharing(plan: Plan, store: DiskStore) -> list[tuple[Monitor, DiskStore]]:
    """All monitors of a run that write to one file."""
    found = [(m, m._store) for m in plan.watchers if isinstance(m, Monitor)]
    return [(m, s) for m, s in found if isinstance(s, DiskStore) and s.path == store.path]


def _disk(file: str | os.PathLike[str], overwrite: bool, kind: str) -> DiskStore:
    if not isinstance(file, (str, os.PathLike)) or not isinstance(os.fspath(file), str) or not os.fspath(file):
        raise DeclarationError(f"{kind}: file {file!r} is no path; give the path of an HDF5 file, such as 'rec.h5'")
    return DiskStore(os.fspath(file), overwrite)
