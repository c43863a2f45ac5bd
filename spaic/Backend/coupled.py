"""A population together with the synapses that read its states: their steps as one."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from spaic.Backend.element import Element, population_element, synapse_element
from spaic.Dynamics.models import SynapseModel
from spaic.Dynamics.names import arrival
from spaic.Dynamics.tape import Tape
from spaic.errors import UnsupportedError
from spaic.Graph.graph import Graph
from spaic.Graph.links import Link
from spaic.Graph.nodes import Population

if TYPE_CHECKING:
    from spaic.Dynamics.step import Step

#: Methods that not every equation allows.
LINEAR = ("exact", "impulse")

_PREFIX = re.compile(r"s\d+_")


def executed(graph: Graph) -> tuple[dict[str, Element], dict[str, Element]]:
    """What is executed: populations by path, and the synapses that are elements of their own by the path of their link."""
    populations = {p.name: _with_synapses(graph, p) for p in graph.populations}
    within = {path for element in populations.values() for path in element.within}
    apart = [k for k in graph.links if k.name not in within]
    synapses = {k.name: s for k in apart if (s := synapse_element(graph, k)) is not None}
    for element in (*populations.values(), *synapses.values()):
        if element.integrator in LINEAR:
            element.step  # noqa: B018  an equation that is not linear is refused now, not in the first run
    return populations, synapses


def _with_synapses(graph: Graph, population: Population) -> Element:
    """`population`, with the synapses that read its states."""
    readers = [k for k in graph.arriving(population.name) if k.synapse is not None and k.synapse.model.reads]
    alone = population_element(graph, population)
    if not readers:
        return alone
    direct = frozenset(k.port for k in graph.arriving(population.name) if k not in readers)
    taken = [name for name in (*alone.model.variables, *alone.model.parameters) if _PREFIX.match(name)]
    if taken:
        raise UnsupportedError(f"{population.name}.{taken[0]}: names like s0_x are those of synapses that read its states; rename it")
    synapses = tuple(replace(element, shape=population.shape) for link in readers if (element := synapse_element(graph, link)) is not None)
    fields = {f.name: getattr(alone, f.name) for f in dataclasses.fields(alone)}
    return Coupled(**fields, readers=synapses, targets=tuple(k.port for k in readers), direct=direct)


@dataclass(frozen=True, eq=False)
class Coupled(Element):
    """A population whose synapses read its states.

    In its step each synapse comes first, with the states of the population as they are at the start of the step; what it delivers is
    added to what arrives at its port. Names of synapse k begin with ``s<k>_``, so that equal networks have equal code.

    Attributes
    ----------
    readers : tuple of Element
        The synapses, by the path of their link.
    targets : tuple of str
        The port of the population to which each delivers.
    direct : frozenset of str
        Ports at which links arrive without such a synapse.
    """

    readers: tuple[Element, ...] = ()
    targets: tuple[str, ...] = ()
    direct: frozenset[str] = frozenset()

    @cached_property
    def within(self) -> dict[str, int]:
        """Path of the link of each synapse -> its number."""
        return {reader.path: k for k, reader in enumerate(self.readers)}

    @cached_property
    def step(self) -> Step:
        own = Element.step.func(self)  # type: ignore[attr-defined]
        parts = tuple((r.step, port, r.model) for r, port in zip(self.readers, self.targets, strict=True))
        return _joined(own, parts, self.direct)

    @cached_property
    def tape(self) -> Tape:
        from spaic.Dynamics.lowering import lower

        parameters = {*self.model.parameters, *(f"s{k}_{p}" for k, r in enumerate(self.readers) for p in r.model.parameters), "dt"}
        wanted = {*self.step.states, *(w for w in self.wanted if w in self.step.results)}
        wanted |= {f"s{k}_{v}" for k, r in enumerate(self.readers) for v in r.wanted if f"s{k}_{v}" in self.step.results}
        return _lowered(self.step, frozenset(parameters), tuple(sorted(wanted)), lower)

    @cached_property
    def recorded(self) -> frozenset[str]:
        return self.wanted | {f"s{k}_{v}" for k, r in enumerate(self.readers) for v in r.wanted}

    def place(self, name: str) -> str:
        k, own = self._split(name)
        return f"{self.path if k is None else self.readers[k].path}.{own}"

    def port(self, link: Link) -> str:
        k = self.within.get(link.name)
        return link.port if k is None else f"s{k}"

    def own(self, owned: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        found = dict(owned.get(self.path, {}))
        for k, reader in enumerate(self.readers):
            given = owned.get(reader.path, {})
            found |= {f"s{k}_{p}": given[p] for p in reader.model.parameters if p in given}
        return found

    def initial_value(self, state: str, table: Mapping[str, Any], parameters: Mapping[str, Any]) -> Any:
        k, own = self._split(state)
        if k is None:
            return super().initial_value(state, table, parameters)
        prefix = f"s{k}_"
        of_reader = {p.removeprefix(prefix): v for p, v in parameters.items() if p.startswith(prefix)}
        return self.readers[k].initial_value(own, table, of_reader)

    def currents(self) -> dict[str, str]:
        return {f"{r.path}.current": f"{r.path}.{r.model.output}" for r in self.readers}  # type: ignore[attr-defined]

    def _split(self, name: str) -> tuple[int | None, str]:
        """Number of the synapse that a name of the step belongs to, and its own name there."""
        for k, reader in enumerate(self.readers):
            own = name.removeprefix(f"s{k}_")
            if own != name and own in reader.model.variables:
                return k, own
        return None, name


@lru_cache(maxsize=256)
def _joined(own: Step, parts: tuple[tuple[Step, str, SynapseModel], ...], direct: frozenset[str]) -> Step:
    """One step of the synapses and then of the population."""
    from spaic.Dynamics.step import Step
    from spaic.Dynamics.system import symbol

    assignments: list[tuple[str, Any]] = []
    results, states, ports = dict(own.results), list(own.states), [p for p in own.ports if p in direct]
    total: dict[str, Any] = {port: symbol(arrival(port)) for port in ports}
    for k, (step, port, model) in enumerate(parts):
        new = _names(step, model, k)
        assignments += [(new[name], _renamed(right, new)) for name, right in step.assignments]
        results |= {f"s{k}_{variable}": new[name] for variable, name in step.results.items()}
        states += [f"s{k}_{s}" for s in step.states]
        ports.append(f"s{k}")
        delivered = symbol(new[step.results[model.output]])
        total[port] = total[port] + delivered if port in total else delivered
    sums = {symbol(arrival(port)): symbol(f"total_{port}:all") for port in total}
    assignments += [(f"total_{port}:all", amount) for port, amount in total.items()]
    assignments += [(name, right.xreplace(sums)) for name, right in own.assignments]
    return Step(tuple(states), tuple(ports), own.noises, tuple(assignments), results)


def _names(step: Step, model: SynapseModel, k: int) -> dict[str, str]:
    """Name in the step of a synapse -> name in the common step."""
    names = {name: f"s{k}_{name}" for name in (*step.states, *model.parameters, *(name for name, _ in step.assignments))}
    names |= {arrival(port): arrival(f"s{k}") for port in step.ports}
    return names | {arrival(name): state for name, state in model.reads.items()}


def _renamed(expression: Any, names: Mapping[str, str]) -> Any:
    from spaic.Dynamics.system import symbol

    return expression.xreplace({s: symbol(names[s.name]) for s in expression.free_symbols if s.name in names})


@lru_cache(maxsize=256)
def _lowered(step: Step, parameters: frozenset[str], wanted: tuple[str, ...], lower: Any) -> Tape:
    made: Tape = lower(step.assignments, step.results, set(parameters), wanted)
    return made
