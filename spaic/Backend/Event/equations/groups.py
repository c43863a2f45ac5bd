"""Populations ready for exact events: a linear system, and what enters it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from spaic.Backend.element import Element, population_element, synapse_element
from spaic.Backend.Event.arrivals import Sent
from spaic.Backend.Event.equations.algebra import DRIVE, Form, NotLinear, form
from spaic.Backend.Event.wiring import Wiring, wiring
from spaic.errors import SpaicError
from spaic.Graph.graph import Graph
from spaic.Graph.links import Link
from spaic.Graph.nodes import Input, Population


@dataclass(frozen=True, eq=False)
class Inlet:
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
    inlets: tuple[Inlet, ...]

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
    synapses, drives, inlets = {}, [], []
    if population.trainable:
        problems.append(f"{population.name}: {', '.join(sorted(population.trainable))} cannot be trained by exact events; train weights")
    for link in graph.arriving(population.name):
        try:
            inlet = _inlet(graph, link, population, delays)
        except SpaicError as error:
            problems.append(f"{link.name}: {error}")
            continue
        inlets.append(inlet)
        if link.synapse is not None:
            synapses[link.name] = (link.synapse.model, link.port)
        elif inlet.is_drive and link.port not in drives:
            drives.append(link.port)
    try:
        found = form(population.model, synapses, drives)
    except SpaicError as error:
        problems.append(f"{population.name}: {error}")
    if problems:
        raise NotLinear("\n".join(problems))
    elements = {k.link.name: e for k in inlets if (e := synapse_element(graph, k.link)) is not None}
    return Group(population, population_element(graph, population), elements, found, tuple(inlets))


def _inlet(graph: Graph, link: Link, population: Population, delays: Mapping[str, Any]) -> Inlet:
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
    return Inlet(link, wiring(graph, link, default), port, is_drive)


def values_of(group: Group, parameters: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Parameters of the neurons and of the synapses before them, by the names of the form."""
    own = {k: parameters[f"{group.population.name}.{k}"] for k in group.population.model.parameters}
    for element in group.synapses.values():
        own.update({f"{element.path}.{k}": parameters[f"{element.path}.{k}"] for k in element.model.parameters})
    return own


def nothing_sent() -> Sent:
    """What a population inside a loop has sent before it starts."""
    none = np.zeros(0, np.int64)
    return Sent(none, none, np.zeros(0), np.zeros(0))
