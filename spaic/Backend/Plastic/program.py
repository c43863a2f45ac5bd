"""A program whose weights change while it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any, Protocol

from spaic.Backend.Plastic.arithmetic import Arithmetic
from spaic.Backend.Plastic.at_work import RuleAtWork
from spaic.Backend.Plastic.per_sample import centred, demand_separable, deviation, deviations, each_sample, is_per_sample
from spaic.errors import InputError, UnsupportedError
from spaic.Graph.graph import Graph, Probe
from spaic.Graph.program import Program, Recordings, State
from spaic.Graph.stream import Stream

Weights = dict[str, Any]
States = dict[RuleAtWork, dict[str, Any]]


class AtOnce(Protocol):
    """A faster way to run a network together with its rules."""

    obstacle: str

    def advance(
        self, parameters: Mapping[str, Any], weights: Weights, states: States, state: State, inputs: Mapping[str, Stream], steps: int
    ) -> tuple[State, Recordings] | None:
        """All steps; what was learned is put into `weights` and `states`. None if this run has to go step by step."""


#: Makes such a way for a program and its rules.
Way = Callable[[Any, list[RuleAtWork]], AtOnce]


def with_plasticity(graph: Graph, compile_graph: Callable[[Graph], Program], arithmetic: Arithmetic, way: Way | None = None) -> Program:
    """The program of `graph`, with its rules at work if it has any."""
    return PlasticProgram(graph, compile_graph, arithmetic, way) if graph.plasticity else compile_graph(graph)


class PlasticProgram(Program):
    """Runs the program of the network step by step and the rules in between.

    Parameters
    ----------
    graph : Graph
        With plasticity.
    compile_graph : callable
        Makes the program of the network without it.
    arithmetic : Arithmetic
        Of the arrays of that program.
    way : callable, optional
        Makes a faster way to run both together.
    """

    def __init__(self, graph: Graph, compile_graph: Callable[[Graph], Program], arithmetic: Arithmetic, way: Way | None = None) -> None:
        self.graph, self.arithmetic = graph, arithmetic
        self.rules = [RuleAtWork(graph, p, arithmetic) for p in graph.plasticity]
        self.is_per_sample = is_per_sample(self.rules)
        if graph.whole_runs:
            path, learning = min(graph.whole_runs), self.rules[0].link.name
            raise UnsupportedError(
                f"{path}: it needs all steps of a run at once, and the rule of {learning} learns after each; leave one of them out"
            )
        read = {path for rule in self.rules for path in rule.reads()}
        self.wanted = graph.sampling()
        probes = tuple(
            Probe(path, gradient=path in {p.reads for p in graph.probes if p.gradient}) for path in sorted(read | set(self.wanted))
        )
        self.inner = compile_graph(replace(graph, probes=probes, plasticity=()))
        self.at_once = None if way is None else way(self.inner, self.rules)

    def initial_parameters(self) -> dict[str, Any]:
        return self.inner.initial_parameters()

    def initial_state(self, parameters: Mapping[str, Any], batch: int) -> State:
        for rule in self.rules:
            if batch > 1 and rule.plasticity.reduction is None:
                raise InputError(
                    f"{rule.link.name}: {batch} samples ask for different changes of one weight; give the learner reduction='mean', "
                    "'sum' or 'per_sample', or run one sample at a time"
                )
        state = self.inner.initial_state(parameters, batch)
        own = self._named({r: r.initial(batch) for r in self.rules})
        if self.is_per_sample and batch > 1:
            demand_separable(self.graph, self.rules, batch)
            own |= deviations(self.rules, self.arithmetic, batch)
        return replace(state, arrays={**state.arrays, **own})

    def run(self, parameters: Mapping[str, Any], state: State, inputs: Mapping[str, Stream], steps: int) -> tuple[State, Recordings]:
        if self.is_per_sample and state.batch > 1 and state.is_training:
            return each_sample(self._run, self.rules, self.arithmetic, parameters, state, inputs, steps)
        return self._run(parameters, state, inputs, steps)

    def _run(self, parameters: Mapping[str, Any], state: State, inputs: Mapping[str, Stream], steps: int) -> tuple[State, Recordings]:
        weights = {rule.path: self.arithmetic.copy(parameters[rule.path]) for rule in self.rules}
        states = self._states(state)
        inner = replace(state, arrays={k: v for k, v in state.arrays.items() if k not in self._named(states)})
        done = None
        if not state.is_training:
            done = self._sampled(state.step, *self.inner.run(parameters, inner, inputs, steps))
        elif self.at_once is not None:
            done = self._in_pieces(self.at_once, parameters, weights, states, inner, inputs, steps)
        if done is None:
            inner, recorded = self._step_by_step(parameters, weights, states, inner, inputs, steps)
        else:
            inner, recorded = done
        return replace(inner, arrays={**inner.arrays, **self._named(states)}, statistics={**inner.statistics, **weights}), recorded

    def rewarded(self, parameters: Mapping[str, Any], state: State, reward: Any, names: frozenset[str]) -> State:
        """What a reward does, ``[batch]``, to the rules of these names: a state, whose statistics hold the weights."""
        if self.is_per_sample and state.batch > 1:
            return self._rewarded_alone(parameters, state, reward, names)
        states = self._states(state)
        weights: dict[str, Any] = {}
        with self.arithmetic.frozen():
            for rule in self.rules:
                if rule.plasticity.name in names:
                    weight = weights.get(rule.path, parameters[rule.path])
                    states[rule], weights[rule.path] = rule.rewarded(states[rule], weight, reward)
        return replace(state, arrays={**state.arrays, **self._named(states)}, statistics=weights)

    def source(self, path: str) -> str:
        return self.inner.source(path)

    def execution(self) -> list[str]:
        how = "step by step"
        if self.at_once is not None:
            obstacle = self.at_once.obstacle
            how = f"{how}, as {obstacle}" if obstacle else f"in one compiled loop over time; {how} in runs with gradients"
        return [*self.inner.execution(), *(f"{r.link.name}: learns by {r.rule.name}, {how}" for r in self.rules)]

    # --- parts

    def _rewarded_alone(self, parameters: Mapping[str, Any], state: State, reward: Any, names: frozenset[str]) -> State:
        """What rewards do to the weights of each sample."""
        states, arrays = self._states(state), dict(state.arrays)
        weights = {r.path: parameters[r.path] + arrays[deviation(r)] for r in self.rules}
        with self.arithmetic.frozen():
            for rule in [r for r in self.rules if r.plasticity.name in names]:
                own = states[rule]
                done = [
                    rule.rewarded({k: v[b : b + 1] for k, v in own.items()}, weights[rule.path][b], reward[b : b + 1])
                    for b in range(state.batch)
                ]
                states[rule] = {k: self.arithmetic.joined([d[0][k] for d in done]) for k in own}
                weights[rule.path] = self.arithmetic.joined([d[1][None] for d in done])
            means, away = centred(self.arithmetic, weights)
        arrays |= {**self._named(states), **{deviation(r): away[r.path] for r in self.rules}}
        return replace(state, arrays=arrays, statistics=means)

    def _step_by_step(
        self, parameters: Mapping[str, Any], weights: Weights, states: States, inner: State, inputs: Mapping[str, Stream], steps: int
    ) -> tuple[State, Recordings]:
        parts: list[Recordings] = []
        for _ in range(steps):
            before = inner
            inner, seen = self.inner.run({**parameters, **weights}, inner, inputs, 1)
            with self.arithmetic.frozen():
                self._learn(states, weights, before, seen)
            parts.append({k: v for k, v in seen.items() if self._is_wanted(k, inner.step)})
        return inner, {path: self._joined(path, parts, seen) for path in self._paths(seen)}

    def _in_pieces(
        self, way: AtOnce, parameters: Mapping[str, Any], weights: Weights, states: States, inner: State, inputs: Mapping[str, Stream],
        steps: int,
    ) -> tuple[State, Recordings] | None:  # fmt: skip
        """As few pieces as there are samples of weights that are watched: a piece begins with the step of a sample."""
        first, parts = inner.step, []
        watched = {every for path, every in self.wanted.items() if path in weights}
        cuts = sorted({cut for every in watched for cut in range(every - 1, first + steps, every) if cut > first})
        for start, stop in pairwise((first, *cuts, first + steps)):
            done = way.advance(parameters, weights, states, inner, inputs, stop - start)
            if done is None:
                return None
            inner, seen = self._sampled(start, *done)
            parts.append(seen)
        return inner, {path: self.arithmetic.joined([part[path] for part in parts]) for path in parts[0]}

    def _sampled(self, start: int, state: State, seen: Recordings) -> tuple[State, Recordings]:
        """Of recordings of every step those that are wanted."""
        found = {}
        for path in self._paths(seen):
            every = self.wanted[path.removesuffix(".gradient")]
            found[path] = seen[path][(-start - 1) % every :: every]
        return state, found

    def _learn(self, states: States, weights: Weights, before: State, seen: Recordings) -> None:
        now = {path: values[-1] for path, values in seen.items()}
        for rule in self.rules:
            arrived = rule.arrivals.at(now, before.arrays)
            states[rule], weights[rule.path] = rule.step(states[rule], weights[rule.path], arrived, now)

    def _states(self, state: State) -> States:
        return {r: {name: state.arrays[f"{r.plasticity.name}.{name}"] for name in r.rule.states} for r in self.rules}

    def _named(self, states: Mapping[RuleAtWork, Mapping[str, Any]]) -> dict[str, Any]:
        return {f"{r.plasticity.name}.{name}": value for r, own in states.items() for name, value in own.items()}

    def _is_wanted(self, path: str, step: int) -> bool:
        every = self.wanted.get(path.removesuffix(".gradient"))
        return every is not None and step % every == 0

    def _paths(self, seen: Recordings) -> list[str]:
        return [path for path in seen if path.removesuffix(".gradient") in self.wanted]

    def _joined(self, path: str, parts: list[Recordings], last: Recordings) -> Any:
        found = [part[path] for part in parts if path in part]
        return self.arithmetic.joined(found) if found else last[path][:0]
