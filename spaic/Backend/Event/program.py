"""A compiled graph that runs from spike to spike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from spaic.Backend.element import by_owner, initial_parameters
from spaic.Backend.Event.equations.algebra import NotLinear
from spaic.Backend.Event.equations.groups import Group, prepare
from spaic.Backend.Event.layer import Limits
from spaic.Backend.Event.rules.rule_motion import between
from spaic.Backend.Event.run import HISTORY, Run
from spaic.Backend.Event.spikes import Spikes
from spaic.Backend.Event.stage import Stage
from spaic.Backend.Plastic.arithmetic import Arithmetic
from spaic.Backend.Plastic.at_work import RuleAtWork
from spaic.Backend.Torch import exact
from spaic.Dynamics.names import REFRACTORY
from spaic.Dynamics.primitives import PRIMITIVES
from spaic.errors import SpaicError, UnsupportedError
from spaic.Graph.graph import Graph
from spaic.Graph.program import Program, Recordings, State
from spaic.Graph.schedule import schedule
from spaic.Graph.stream import Stream


class EventProgram(Program):
    """Executes a graph exactly; docs/events.md says how.

    Parameters
    ----------
    graph : Graph
        The graph.
    limits : Limits
        When to stop.
    count_unit : float
        In gradients of spike counts: a spike that comes this many ms earlier counts for one more.
    arithmetic : Arithmetic
        Of the states of plasticity rules.

    Attributes
    ----------
    spikes : dict of str to Spikes
        The spikes of every node in the last run.
    """

    def __init__(self, graph: Graph, limits: Limits, count_unit: float, arithmetic: Arithmetic) -> None:
        self.graph, self.count_unit = graph, count_unit
        self.schedule = schedule(graph)
        self.spikes: dict[str, Spikes] = {}
        problems = _refused(graph)
        groups: dict[str, Group] = {}
        for population in graph.populations:
            try:
                groups[population.name] = prepare(graph, population, self.schedule.delays)
            except SpaicError as error:
                problems.append(str(error))
        self.rules = rules_at_work(graph, arithmetic, problems)
        if problems:
            raise UnsupportedError("Event_Backend: it cannot run this network exactly:\n  " + "\n  ".join("\n".join(problems).splitlines()))
        self.groups = groups
        rules = {k.link.name: k for k in self.rules}
        self.stages = [Stage(tuple(groups[n] for n in s.populations), s.is_island, limits, rules) for s in self.schedule.stages]

    def initial_parameters(self) -> dict[str, Any]:
        return initial_parameters(self.graph)

    def initial_state(self, parameters: Mapping[str, Any], batch: int) -> State:
        arrays: dict[str, Any] = {}
        owned = by_owner({k: exact.numpy_of(v) for k, v in parameters.items()})
        for group in self.groups.values():
            for element in (group.element, *group.synapses.values()):
                for name in element.model.states:
                    value = element.initial_value(name, PRIMITIVES, owned.get(element.path, {}))
                    arrays[f"{element.path}.{name}"] = exact.as_tensor(np.broadcast_to(value, (batch, *element.shape)).astype(np.float64))
            if group.population.model.refractory_period:
                arrays[f"{group.population.name}.{REFRACTORY}"] = exact.as_tensor(np.zeros((batch, *group.population.shape)))
        for group in self.groups.values():
            for inlet in group.inlets:
                if np.max(inlet.wiring.delay, initial=0.0) > 0 or inlet.link.name + ".delay" in parameters:
                    arrays[f"{inlet.link.source}{HISTORY}"] = exact.as_tensor(np.zeros((0, 4)))
        for rule in self.rules:
            arrays.update({f"{rule.plasticity.name}.{k}": v for k, v in rule.initial(batch).items()})
        return State(0, batch, arrays)

    def rewarded(self, parameters: Mapping[str, Any], state: State, reward: Any, names: frozenset[str]) -> State:
        """What a reward does, ``[batch]``, to the rules of these names: a state, whose statistics hold the weights."""
        arrays = dict(state.arrays)
        weights: dict[str, Any] = {}
        for rule in [k for k in self.rules if k.plasticity.name in names]:
            own = {name: arrays[f"{rule.plasticity.name}.{name}"] for name in rule.rule.states}
            with rule.arithmetic.frozen():
                own, weights[rule.path] = rule.rewarded(own, weights.get(rule.path, parameters[rule.path]), reward)
            arrays.update({f"{rule.plasticity.name}.{k}": v for k, v in own.items()})
        return replace(state, arrays=arrays, statistics=weights)

    def run(self, parameters: Mapping[str, Any], state: State, inputs: Mapping[str, Stream], steps: int) -> tuple[State, Recordings]:
        done = Run(self.graph, self.stages, self.count_unit, parameters, state, inputs, steps)
        found = done.run()
        self.spikes.clear()
        self.spikes.update(done.spikes)
        return found

    def source(self, path: str) -> str:
        group = self.groups[path]
        lines = [f"d{s}/dt = {_linear(r)}" for s, r in group.form.slopes.items()]
        lines += [f"arrival at {p}: {', '.join(f'{s} += {e} * w' for s, e in r.items())}" for p, r in group.form.jumps.items()]
        lines += [f"spike where {_linear(group.form.residual)} {'>' if group.form.is_strict else '>='} 0"] if group.form.residual else []
        lines += [f"reset: {s} = {_linear(r)}" for s, r in group.form.reset.items()]
        return "\n".join([*lines, *([f"refractory: {', '.join(group.form.held)} held"] if group.form.held else [])])

    def execution(self) -> list[str]:
        how = [
            f"{', '.join(s.names)}: exact events{', in one queue' if s.is_island or s.rules else ', neuron by neuron'}" for s in self.stages
        ]
        return [*how, *(f"{k.link.name}: learns by {k.rule.name}, at every spike" for k in self.rules)]


def rules_at_work(graph: Graph, arithmetic: Arithmetic, problems: list[str]) -> list[RuleAtWork]:
    """Rules that exact events can execute; to `problems` is added why others cannot be."""
    found = []
    for plasticity in graph.plasticity:
        try:
            motion = between(plasticity.rule)
            work = RuleAtWork(graph, plasticity, arithmetic)
            if motion is not None and motion.terms > 1 and work.bounds is not None:
                raise NotLinear(
                    f"{plasticity.rule.name}: between spikes a weight may reach a bound and leave it again; take the bounds away"
                )
            if not work.layout.has_synapses:
                raise NotLinear("its weights are shared by many synapses, each with traces of its own times; use another link")
            if work.link.delay_limit is not None or not isinstance(work.link.delay, (int, float, type(None))):
                raise NotLinear(f"{plasticity.rule.name}: exact events have rules for connections with one delay; give it one")
        except SpaicError as error:
            text = str(error)
            problems.append(text if text.startswith(plasticity.link) else f"{plasticity.link}: {text}")
            continue
        found.append(work)
    return found


def _linear(row: Mapping[str, Any]) -> str:
    return " + ".join(f"({e}) * {s}" if s else f"({e})" for s, e in row.items()) or "0"


def _refused(graph: Graph) -> list[str]:
    """What is to be recorded but has no value in an exact run."""
    problems = []
    nodes = {n.name: n for n in graph.nodes}
    for path in sorted(graph.sampling()):
        owner, _, name = path.rpartition(".")
        if owner not in nodes and name == "current":
            problems.append(f"{path}: the current of a connection is a sum of instants here; record the states of its target")
    problems += [f"{p.reads}: gradients of variables are not recorded here; use the spike times" for p in graph.probes if p.gradient]
    return problems
