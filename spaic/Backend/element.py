"""A population or synapse ready to be executed: its tape, its parameters, its initial values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from spaic.Dynamics.expression import Expression
from spaic.Dynamics.model import Model
from spaic.Dynamics.models import NeuronModel
from spaic.Dynamics.names import REFRACTORY
from spaic.Dynamics.primitives import PRIMITIVES
from spaic.Dynamics.surrogate import Surrogate
from spaic.Dynamics.tape import Tape
from spaic.Graph.constraints import normalised
from spaic.Graph.delays import of_link
from spaic.Graph.graph import Graph
from spaic.Graph.links import Link
from spaic.Graph.nodes import Population
from spaic.Graph.program import State
from spaic.Graph.transforms import Dense, Dropout, Transform
from spaic.Graph.values import Draw, Value, materialise
from spaic.Graph.verify import delivered_shape
from spaic.seeds import Key

if TYPE_CHECKING:
    from spaic.Dynamics.step import Step


@dataclass(frozen=True, eq=False)
class Element:
    """Something with equations, as a backend sees it.

    Attributes
    ----------
    path : str
        Path of the population or link.
    shape : tuple of int
        Shape of its states, without batch.
    model : Model
        The declaration.
    given : mapping of str to Value
        Parameter values that the user gave.
    initial : mapping of str to Value
        Initial values that the user gave.
    integrator : str
        Method.
    connected : frozenset of str
        Ports with links.
    trainable : frozenset of str
        Parameters that a learner changes.
    surrogate : Surrogate, optional
        Derivative of the spike.
    reset_gradient : bool
        Whether the spike in the reset carries gradient.
    wanted : frozenset of str
        Variables that someone reads.
    seed : int
        Seed of the graph.
    """

    path: str
    shape: tuple[int, ...]
    model: Model
    given: Mapping[str, Value]
    initial: Mapping[str, Value]
    integrator: str
    connected: frozenset[str]
    trainable: frozenset[str]
    surrogate: Surrogate | None
    reset_gradient: bool
    wanted: frozenset[str]
    seed: int

    @property
    def within(self) -> Mapping[str, int]:
        """Paths of links whose synapses are a part of it: they read its states (:mod:`spaic.Backend.coupled`)."""
        return {}

    @property
    def recorded(self) -> frozenset[str]:
        """Variables of its step that someone reads."""
        return self.wanted

    def place(self, name: str) -> str:
        """Path of a state or result of its step."""
        return f"{self.path}.{name}"

    def port(self, link: Link) -> str:
        """Where in its step a link arrives."""
        return link.port

    def own(self, owned: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
        """Parameters by their names in its step; `owned` has those of all elements."""
        return owned.get(self.path, {})

    def currents(self) -> dict[str, str]:
        """Path of what a link brings -> path under which it is among its results."""
        return {}

    @cached_property
    def parameters(self) -> dict[str, np.ndarray]:
        """Every parameter as declared: float64, a scalar or of `shape`."""
        values: dict[str, np.ndarray] = {}
        for name in self.model.default_order:
            declared = self.model.parameter(name)
            value = self.given.get(name, declared.default)
            if isinstance(value, str):
                array = evaluate(Expression(value, f"{self.path}.{name}"), values)
            else:
                array = materialise(value, self.shape, Key(self.seed, self.path, name))
            values[name] = declared.check(array, f"{self.path}.{name}")
        return values

    @cached_property
    def step(self) -> Step:
        """Straight-line code of one step, with known zeros and ones folded in."""
        fixed = {k: v for k, v in self.parameters.items() if v.ndim == 0 and k not in self.trainable}
        known = tuple(sorted((k, int(v)) for k, v in fixed.items() if v in (0.0, 1.0)))
        is_refractory = False
        if isinstance(self.model, NeuronModel) and self.model.refractory_period:
            is_refractory = bool(fixed.get(self.model.refractory_period[0], np.ones(())) > 0)  # an array may be loaded anew
        return _step(self.model, self.integrator, self.connected, known, is_refractory, self.reset_gradient)

    @cached_property
    def tape(self) -> Tape:
        """Operations of one step; outputs are the states and what is read from outside."""
        wanted = {*self.step.states, *(w for w in self.wanted if w in self.step.results)}
        return _tape(self.step, self.model, tuple(sorted(wanted)))

    @cached_property
    def initial_tapes(self) -> dict[str, Tape]:
        """State -> operations that give its initial value from the parameters."""
        from spaic.Dynamics.lowering import lower

        texts = {s: self.model.initial.get(s, 0.0) for s in self.model.states}
        assigned = {s: Expression(str(t), f"{self.path}.{s}").sympy for s, t in texts.items() if s not in self.initial}
        return {s: lower([(f"initial:{s}", e)], {s: f"initial:{s}"}, self.model.parameters) for s, e in assigned.items()}

    def initial_value(self, state: str, table: Mapping[str, Any], parameters: Mapping[str, Any]) -> Any:
        """Initial value of `state` in the arithmetic of `table`: a scalar or of `shape`."""
        if state == REFRACTORY:
            return 0.0
        if state in self.initial:
            return materialise(self.initial[state], self.shape, Key(self.seed, self.path, f"initial {state}"))
        return self.initial_tapes[state].run(table, parameters)[state]


@lru_cache(maxsize=1024)
def _step(
    model: Model, method: str, connected: frozenset[str], known: tuple[tuple[str, int], ...], is_refractory: bool, reset_gradient: bool
) -> Step:
    """As :func:`build_step`; groups of the same model share one derivation."""
    from spaic.Dynamics.step import build_step  # SymPy is loaded when it is needed

    return build_step(model, method, connected, dict(known), is_refractory, reset_gradient)


@lru_cache(maxsize=1024)
def _tape(step: Step, model: Model, wanted: tuple[str, ...]) -> Tape:
    from spaic.Dynamics.lowering import lower

    return lower(step.assignments, step.results, {*model.parameters, "dt"}, wanted)


def evaluate(expression: Expression, values: Mapping[str, Any]) -> np.ndarray:
    """The value of `expression` in NumPy."""
    from spaic.Dynamics.lowering import lower

    tape = lower([("result", expression.sympy)], {"result": "result"}, values)
    return np.asarray(tape.run(PRIMITIVES, values)["result"], dtype=np.float64)


def population_element(graph: Graph, population: Population) -> Element:
    """`population` as its links and readers in `graph` want it."""
    return Element(
        path=population.name,
        shape=population.shape,
        model=population.model,
        given=population.parameters,
        initial=population.initial,
        integrator=population.integrator,
        connected=frozenset(k.port for k in graph.arriving(population.name)),
        trainable=population.trainable,
        surrogate=population.surrogate,
        reset_gradient=population.reset_gradient,
        wanted=_wanted(graph, population.name),
        seed=graph.seed,
    )


def synapse_element(graph: Graph, link: Link) -> Element | None:
    """The synapse of `link`, if it has one."""
    if link.synapse is None:
        return None
    synapse = link.synapse
    return Element(
        path=link.name,
        shape=delivered_shape(graph, link),
        model=synapse.model,
        given=synapse.parameters,
        initial={},
        integrator=synapse.integrator,
        connected=frozenset((*synapse.model.ports[:1], *synapse.model.reads)),
        trainable=link.trainable & frozenset(synapse.model.parameters),
        surrogate=None,
        reset_gradient=True,
        wanted=_wanted(graph, link.name) | {synapse.model.output},
        seed=graph.seed,
    )


def _wanted(graph: Graph, name: str) -> frozenset[str]:
    return frozenset(v for node, _, v in (path.rpartition(".") for path in graph.read_variables()) if node == name)


def initial_parameters(graph: Graph) -> dict[str, np.ndarray]:
    """Path -> initial array of every parameter of every link and element."""
    arrays: dict[str, np.ndarray] = {}
    for link in graph.links:
        for transform in link.transforms:
            fan_in, fan_out = transform.fans()
            for name, (value, shape) in {**transform.parameters(), **transform.statistics()}.items():
                drawn = materialise(value, shape, Key(graph.seed, link.name, name), fan_in, fan_out)
                arrays[f"{link.name}.{name}"] = _confined(link, transform, name, np.broadcast_to(drawn, shape))
        if link.delay_limit is not None and link.delay is not None:
            shape = of_link(link, graph.shape(link.source_node)).whole if isinstance(link.delay, Draw) else np.shape(link.delay)
            delay = materialise(link.delay, shape, Key(graph.seed, link.name, "delay"))
            arrays[f"{link.name}.delay"] = np.clip(delay, 0.0, link.delay_limit)
        synapse = synapse_element(graph, link)
        if synapse is not None:
            arrays.update({f"{link.name}.{k}": v for k, v in synapse.parameters.items()})
    for population in graph.populations:
        element = population_element(graph, population)
        arrays.update({f"{population.name}.{k}": v for k, v in element.parameters.items()})
    return arrays


def _confined(link: Link, transform: Transform, name: str, drawn: np.ndarray) -> np.ndarray:
    """Initial values on their bounds, with absent synapses at 0, and of the sum that is asked for."""
    low, high = link.bounds.get(name, (-np.inf, np.inf))
    values = np.clip(drawn, low, high)
    if name == "weight" and isinstance(transform, Dense) and transform.mask is not None:
        values = values * transform.mask
    return normalised(transform, values, link.norm) if name == "weight" and link.norm is not None else np.array(values)


def by_owner(parameters: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Path of an element -> its parameters by their own names."""
    found: dict[str, dict[str, Any]] = {}
    for path, value in parameters.items():
        owner, _, name = path.rpartition(".")
        found.setdefault(owner, {})[name] = value
    return found


def dropout_factors(graph: Graph, link: Link, state: State) -> dict[str, np.ndarray]:
    """Name -> factors ``[batch, *shape]`` of the dropouts of `link` in one run: nothing outside training."""
    found: dict[str, np.ndarray] = {}
    shape = graph.shape(link.source_node)
    for transform in link.transforms if state.is_training else ():
        if isinstance(transform, Dropout):
            drawn = Key(graph.seed, link.name, transform.name, state.run).generator().random((state.batch, *shape))
            found[transform.name] = (drawn >= transform.p) / (1.0 - transform.p)
        shape = transform.output_shape(shape, link.name)
    return found
