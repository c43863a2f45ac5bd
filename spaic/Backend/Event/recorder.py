"""What monitors and decoders get of an exact run: samples on the grid of its clock."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from spaic.Backend.Event import states
from spaic.Backend.Event.equations.groups import Group, values_of
from spaic.Backend.Event.spikes import Spikes
from spaic.Backend.Event.stage import Pass, Stage
from spaic.Backend.Torch import exact
from spaic.Dynamics.names import BEFORE_RESET
from spaic.errors import UnsupportedError
from spaic.Graph.graph import Graph
from spaic.Graph.program import Recordings, State
from spaic.Graph.stream import Stream


class Recorder:
    """Records one run.

    Parameters
    ----------
    graph : Graph
        Says what is wanted.
    numbers : mapping of str to ndarray
        Parameters.
    state : State
        Where the run starts.
    steps : int
        How long it is.
    count_unit : float
        In gradients of counts, a spike that comes this many ms earlier counts for one more.

    Attributes
    ----------
    watched : dict of str to ndarray
        Path -> what a weight that learns was at each sample.
    """

    def __init__(self, graph: Graph, numbers: Mapping[str, np.ndarray], state: State, steps: int, count_unit: float) -> None:
        self.graph, self.numbers, self.state, self.steps, self.count_unit = graph, numbers, state, steps, count_unit
        self.recorded: Recordings = {}
        self.watched: dict[str, np.ndarray] = {}

    def found(self) -> Recordings:
        """All that was recorded."""
        return {k: self.recorded[k] for k in sorted(self.graph.sampling())}

    def _wanted(self, group: Group) -> list[str]:
        name = group.population.name
        paths = [f"{e.path}" for e in group.synapses.values()]
        return [p for p in self.graph.sampling() if p.rpartition(".")[0] in (name, *paths) and not p.endswith(".O")]

    def marks(self, stage: Stage) -> np.ndarray:
        """Times in ms at which a stage is sampled."""
        is_watched = self.state.is_training and any(k.path in self.graph.sampling() for k in stage.rules)
        if not is_watched and not any(p not in self.numbers for g in stage.groups for p in self._wanted(g)):
            return np.zeros(0)
        return (np.arange(self.state.step, self.state.step + self.steps) + 1) * self.graph.clock.dt

    def group(self, group: Group, part: Any, neurons: Any, own: slice, done: Pass, marks: np.ndarray, spikes: Spikes) -> None:
        """Spikes and states of a population that has run; `own` are its neurons in the stage."""
        name, shape, batch = group.population.name, group.population.shape, self.state.batch
        every = self.graph.sampling()
        if f"{name}.O" in every:
            self.recorded[f"{name}.O"] = self._counts(spikes)[self._chosen(every[f"{name}.O"])]
        wanted = [p for p in self._wanted(group) if p not in self.numbers]
        if not wanted:
            return
        samples = done.samples[:, :, own]
        after = states.states_of(part, neurons, own, samples[..., :-1], samples[..., -1])
        before = (
            self._before_reset(group, part, neurons, own, done, marks, after) if any(p.endswith(BEFORE_RESET) for p in wanted) else after
        )
        values = {k: np.broadcast_to(v.reshape(-1), (prod(shape),)) for k, v in values_of(group, self.numbers).items()}
        for path in wanted:
            owner, _, variable = path.rpartition(".")
            found = before if variable.endswith(BEFORE_RESET) else after
            variable = variable.removesuffix(BEFORE_RESET)
            state = variable if owner == name else f"{owner}:{variable}"
            if state in found:
                array = found[state]
            elif state in group.form.values:
                array = states.value_of(group, state, found, values, (len(marks), batch, prod(shape)))
            else:
                raise UnsupportedError(f"{path}: it is not linear in the states, so exact events have no value for it; record the states")
            self.recorded[path] = exact.as_tensor(array.reshape(len(marks), batch, *shape)[self._chosen(every[path])])

    def _before_reset(
        self, group: Group, part: Any, neurons: Any, own: slice, done: Pass, marks: np.ndarray, after: dict[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """As `after`, but before the first spike of those neurons that fire in the instant of a sample."""
        record = done.record
        times = record.time
        at = np.searchsorted(marks, times)
        hit = np.flatnonzero((record.neuron >= own.start) & (record.neuron < own.stop) & (at < len(marks)))
        hit = hit[marks[at[hit]] == times[hit]][::-1]  # the first of an instant is written last
        modes = np.zeros((len(marks), self.state.batch, own.stop - own.start, neurons.tables.modes))
        is_hit = np.zeros(modes.shape[:3], bool)
        where = (at[hit], record.sample[hit], record.neuron[hit] - own.start)
        modes[where] = record.modes[record.spikes[hit]]
        is_hit[where] = True
        at_spikes = states.states_of(part, neurons, own, modes, np.zeros(modes.shape[:3]))
        return {k: np.where(is_hit, at_spikes[k], v) for k, v in after.items()}

    def _counts(self, spikes: Spikes) -> Any:
        step = np.ceil(exact.numpy_of(spikes.times) / self.graph.clock.dt * (1 - 1e-13)).astype(np.int64) - 1 - self.state.step
        step = np.clip(step, 0, self.steps - 1)
        size = (self.steps, self.state.batch, spikes.size)
        dense = exact.counted(spikes.times, step, spikes.sample, spikes.neuron, size, self.count_unit)
        return dense.reshape(self.steps, self.state.batch, *spikes.shape)

    def _chosen(self, every: int) -> slice:
        return slice((-self.state.step - 1) % every, None, every)

    def inputs_and_weights(self, streams: Mapping[str, Stream]) -> None:
        """What streams bring, and parameters as they are or, where they learn, as they were."""
        every = self.graph.sampling()
        inputs = {n.name for n in self.graph.inputs}
        for path in every:
            owner = path.rpartition(".")[0]
            if owner in inputs:
                found = streams[owner].chunk(self.state.step, self.state.step + self.steps)
                self.recorded[path] = exact.as_tensor(exact.numpy_of(found))[self._chosen(every[path])]
            elif path in self.watched:
                self.recorded[path] = exact.as_tensor(self.watched[path][self._chosen(every[path])])
            elif path in self.numbers:
                value = exact.as_tensor(self.numbers[path])
                count = len(range(self.steps)[self._chosen(every[path])])
                self.recorded[path] = value.expand(count, *value.shape)
