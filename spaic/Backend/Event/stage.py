"""A stage of a program: populations with what enters them, ready to be run, and to be asked for gradients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import spaic.Backend.Event.island as island
import spaic.Backend.Event.layer as layer
from spaic.Backend.element import Element, population_element, synapse_element
from spaic.Backend.Event.algebra import DRIVE, Form, NotLinear, form
from spaic.Backend.Event.arrivals import Afferent, Sent
from spaic.Backend.Event.layer import Limits, Start
from spaic.Backend.Event.learning import Learning
from spaic.Backend.Event.tables import Cells, Tables, cells, tables
from spaic.Backend.Event.wiring import Wiring, wiring
from spaic.Backend.Plastic.at_work import RuleAtWork
from spaic.errors import SpaicError, UnsupportedError
from spaic.Graph.graph import Graph
from spaic.Graph.links import Link
from spaic.Graph.nodes import Input, Population


@dataclass(frozen=True, eq=False)
class Entry:
    """A link into a population: its synapses, where its events go, and where its weights come from.

    Attributes
    ----------
    link : Link
        As declared.
    wiring : Wiring
        Its synapses.
    port : str
        Entry point of the form: a receive port, the link itself, or a drive.
    is_drive : bool
        Whether its source gives piecewise constant values.
    """

    link: Link
    wiring: Wiring
    port: str
    is_drive: bool


@dataclass(frozen=True, eq=False)
class Group:
    """A population ready for exact events."""

    population: Population
    element: Element
    synapses: dict[str, Element]
    form: Form
    entries: tuple[Entry, ...]

    @property
    def ports(self) -> list[str]:
        """Entry points in the order of their numbers."""
        return list(self.form.jumps)


def prepare(graph: Graph, population: Population, delays: Mapping[str, Any]) -> Group:
    """What exact events need of a population, or an error that says why that is not to be had.

    Parameters
    ----------
    graph : Graph
        The whole.
    population : Population
        One of it.
    delays : mapping of str to int or ndarray
        Delay of links in steps, for those whose delay is not stated.
    """
    problems: list[str] = []
    synapses, drives, entries = {}, [], []
    if population.trainable:
        problems.append(f"{population.name}: {', '.join(sorted(population.trainable))} cannot be trained by exact events; train weights")
    for link in graph.arriving(population.name):
        try:
            entry = _entry(graph, link, population, delays)
        except SpaicError as error:
            problems.append(f"{link.name}: {error}")
            continue
        entries.append(entry)
        if link.synapse is not None:
            synapses[link.name] = (link.synapse.model, link.port)
        elif entry.is_drive and link.port not in drives:
            drives.append(link.port)
    try:
        found = form(population.model, synapses, drives)
    except SpaicError as error:
        problems.append(f"{population.name}: {error}")
    if problems:
        raise NotLinear("\n".join(problems))
    elements = {k.link.name: e for k in entries if (e := synapse_element(graph, k.link)) is not None}
    return Group(population, population_element(graph, population), elements, found, tuple(entries))


def _entry(graph: Graph, link: Link, population: Population, delays: Mapping[str, Any]) -> Entry:
    source = graph.by_name[link.source_node]
    if link.variable != "O":
        raise NotLinear(f"it reads {link.source}, which changes all the time; exact events carry spikes, connect from O")
    is_drive = link.port in population.model.currents and link.synapse is None
    if is_drive and not isinstance(source, Input):
        raise NotLinear(f"it brings spikes, which have no duration, to the current port {link.port!r}; use a receive port or a synapse")
    if link.synapse is not None and link.port not in population.model.currents:
        raise NotLinear(f"its synapse delivers a current to {link.port!r}, where amounts are jumps; connect it to a current port")
    biased = [t for t in link.transforms if "bias" in t.parameters()]
    if biased and not is_drive:
        raise NotLinear("it has a bias, which is one jump per time step; leave it out, or put a constant current into a current port")
    default = 0.0 if link.delay is not None else graph.clock.dt * float(np.max(delays[link.name]))
    port = f"{DRIVE}{link.port}" if is_drive else link.name if link.synapse is not None else link.port
    return Entry(link, wiring(graph, link, default), port, is_drive)


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
        self.rules = [rules[e.link.name] for g in groups for e in g.entries if e.link.name in rules]
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
            values = _values(group, parameters)
            size = group.population.size
            full = np.stack([np.broadcast_to(v.reshape(-1) if v.ndim else v, (size,)) for v in values.values()] or [np.zeros(size)])
            distinct, kind = np.unique(full, axis=1, return_inverse=True)
            own = dict(zip(values, distinct, strict=False))
            period = group.population.model.refractory_period
            t_ref = own[period[0]] if period else np.zeros(distinct.shape[1])
            parts.append(cells(group.form, group.ports, own, t_ref))
            kinds.append(kind.reshape(-1) + count)
            periods.append(t_ref[kind.reshape(-1)])
            count += distinct.shape[1]
        path = ", ".join(self.names)
        return layer.Population(path, np.concatenate(kinds), np.concatenate(periods), tables(parts)), parts

    def parameter_paths(self) -> list[str]:
        """Paths of the parameters of its neurons and synapses."""
        own = [f"{g.population.name}.{k}" for g in self.groups for k in g.population.model.parameters]
        return own + [f"{e.path}.{k}" for g in self.groups for e in g.synapses.values() for k in e.model.parameters]


def _values(group: Group, parameters: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    own = {k: parameters[f"{group.population.name}.{k}"] for k in group.population.model.parameters}
    for element in group.synapses.values():
        own.update({f"{element.path}.{k}": parameters[f"{element.path}.{k}"] for k in element.model.parameters})
    return own


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
        #: Weights by which errors go back, where these are others.
        self.back: np.ndarray | None = None
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

    def gradients(self, given: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Gradients with respect to times, weights and delays."""
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
                self.neurons, self.record, given, self.sent, self.with_delays, self.batch, self.threads, limits, self.back
            )
        return d_times, d_weights, d_delays if self.with_delays else np.zeros(0)

    def _given(self, a: Afferent, times: np.ndarray, delays: np.ndarray) -> Afferent:
        sent = replace(a.sent, time=times[a.sent.first : a.sent.first + len(a.sent.neuron)])
        if not self.with_delays:
            return replace(a, sent=sent)
        own = delays[a.offset : a.offset + a.wiring.weights]
        delay: Any = float(own[0]) if np.ndim(a.wiring.delay) == 0 else own[a.wiring.index]
        return replace(a, sent=sent, wiring=replace(a.wiring, delay=delay))


def nothing_sent() -> Sent:
    """What a population inside a loop has sent before it starts."""
    none = np.zeros(0, np.int64)
    return Sent(none, none, np.zeros(0), np.zeros(0))


__all__ = ["Entry", "Group", "Pass", "Stage", "Tables", "nothing_sent", "prepare"]
