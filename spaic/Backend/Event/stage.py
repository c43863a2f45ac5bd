"""A stage of a program: populations that run together, and one run of them, which may be asked for gradients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

import spaic.Backend.Event.island as island
import spaic.Backend.Event.layer as layer
from spaic.Backend.Event.arrivals import Afferent
from spaic.Backend.Event.equations.groups import Group, values_of
from spaic.Backend.Event.equations.tables import Cells, cells, tables
from spaic.Backend.Event.layer import Limits, Start
from spaic.Backend.Event.rules.learning import Learning
from spaic.Backend.Event.rules.ways_back import Back
from spaic.Backend.Plastic.at_work import RuleAtWork
from spaic.errors import NumericalError, UnsupportedError


class Stage:
    """One population, or the populations of a loop.

    Parameters
    ----------
    groups : sequence of Group
        In the order of the schedule.
    is_island : bool
        Whether they feed back on each other.
    limits : Limits
        When to stop.
    rules : mapping of str to RuleAtWork
        Links of the graph that learn.
    """

    def __init__(self, groups: tuple[Group, ...], is_island: bool, limits: Limits, rules: Mapping[str, RuleAtWork]) -> None:
        self.groups, self.is_island, self.limits = groups, is_island, limits
        self.rules = [rules[e.link.name] for g in groups for e in g.inlets if e.link.name in rules]
        self.firsts = np.cumsum([0, *(g.population.size for g in groups)])
        self._cache: tuple[Any, Any] | None = None

    @property
    def names(self) -> list[str]:
        """Paths of its populations."""
        return [g.population.name for g in self.groups]

    def neurons(self, parameters: Mapping[str, np.ndarray]) -> tuple[layer.Population, list[Cells]]:
        """Classes and tables for these values of parameters, which are kept until they change."""
        key = tuple((k, v.tobytes()) for k, v in sorted(parameters.items()))
        if self._cache is None or self._cache[0] != key:
            self._cache = key, self._neurons(parameters)
        found: tuple[layer.Population, list[Cells]] = self._cache[1]
        return found

    def _neurons(self, parameters: Mapping[str, np.ndarray]) -> tuple[layer.Population, list[Cells]]:
        parts, kinds, periods, count = [], [], [], 0
        for group in self.groups:
            values = values_of(group, parameters)
            size = group.population.size
            full = np.stack([np.broadcast_to(v.reshape(-1) if v.ndim else v, (size,)) for v in values.values()] or [np.zeros(size)])
            distinct, kind = np.unique(full, axis=1, return_inverse=True)
            own = dict(zip(values, distinct, strict=False))
            period = group.population.model.refractory_period
            t_ref = own[period[0]] if period else np.zeros(distinct.shape[1])
            parts.append(cells(group.form, group.ports, own, t_ref))
            if not parts[-1].is_finite:
                raise NumericalError(
                    f"{group.population.name}: these parameters give no finite numbers, as a division by 0 would; change them"
                )
            kinds.append(kind.reshape(-1) + count)
            periods.append(t_ref[kind.reshape(-1)])
            count += distinct.shape[1]
        path = ", ".join(self.names)
        return layer.Population(path, np.concatenate(kinds), np.concatenate(periods), tables(parts)), parts

    def parameter_paths(self) -> list[str]:
        """Paths of the parameters of its neurons and synapses."""
        own = [f"{g.population.name}.{k}" for g in self.groups for k in g.population.model.parameters]
        return own + [f"{e.path}.{k}" for g in self.groups for e in g.synapses.values() for k in e.model.parameters]


class Pass:
    """One run of a stage: it gives spike times, and takes their gradients back.

    Parameters
    ----------
    stage : Stage
        What runs.
    neurons : layer.Population
        Its classes and tables.
    start : Start
        Where it starts.
    afferents : sequence of Afferent
        What enters, from outside and, with nothing sent yet, from inside.
    inner : sequence of int
        For each afferent the place of its source among the populations of the stage, or -1.
    batch : int
        Number of samples.
    end : float
        In ms.
    marks : ndarray
        Times of samples.
    with_delays : bool
        Whether delays have gradients.
    threads : int
        How many to use.
    learning : Learning, optional
        What changes the weights meanwhile.
    """

    def __init__(
        self, stage: Stage, neurons: layer.Population, start: Start, afferents: list[Afferent], inner: list[int], batch: int, end: float,
        marks: np.ndarray, with_delays: bool, threads: int, learning: Learning | None = None,
    ) -> None:  # fmt: skip
        self.stage, self.neurons, self.start, self.afferents, self.inner = stage, neurons, start, afferents, inner
        self.batch, self.end, self.marks, self.with_delays, self.threads = batch, end, marks, with_delays, threads
        self.learning, self.weights = learning, np.zeros(0)
        #: Weights by which errors go back, where some are others.
        self.back: Back | None = None
        self.record: Any = None
        self.ended: Start
        self.samples: np.ndarray

    def run(self, times: np.ndarray, weights: np.ndarray, delays: np.ndarray) -> np.ndarray:
        """Times of all spikes, ordered by sample, neuron and time."""
        given = [self._given(a, times, delays) for a in self.afferents]
        self.sent = len(times)
        if self.stage.is_island or self.learning is not None:
            self.weights = weights.copy()  # what learns changes them
            self.record, self.ended, self.samples = island.run(
                self.neurons, self.start, given, self.inner, self.stage.firsts, self.weights, self.batch, self.end, self.marks,
                self.stage.limits, self.learning,
            )  # fmt: skip
        else:
            self.record, self.ended, self.samples = layer.run(
                self.neurons, self.start, given, weights, self.batch, self.end, self.marks, self.threads, self.stage.limits
            )
        found: np.ndarray = self.record.time
        return found

    def gradients(self, given: np.ndarray, with_times: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Gradients with respect to times, zeros if not `with_times`, weights and delays."""
        limits = self.stage.limits
        if self.learning is not None:
            links = ", ".join(k.work.link.name for k in self.learning.links)
            raise UnsupportedError(
                f"{links}: no gradient passes weights that a rule changes meanwhile; call net.eval(), or detach the loss"
            )
        if self.stage.is_island:
            d_weights, d_times, d_delays = island.gradients(self.neurons, self.record, given, self.sent, limits, self.back)
        else:
            d_weights, d_times, d_delays = layer.gradients(
                self.neurons, self.record, given, self.sent, self.with_delays, self.batch, self.threads, limits, self.back, with_times
            )
        return d_times, d_weights, d_delays if self.with_delays else np.zeros(0)

    def _given(self, a: Afferent, times: np.ndarray, delays: np.ndarray) -> Afferent:
        sent = replace(a.sent, time=times[a.sent.first : a.sent.first + len(a.sent.neuron)])
        if not self.with_delays:
            return replace(a, sent=sent)
        own = delays[a.offset : a.offset + a.wiring.weights]
        delay: Any = float(own[0]) if np.ndim(a.wiring.delay) == 0 else own[a.wiring.index]
        return replace(a, sent=sent, wiring=replace(a.wiring, delay=delay))
