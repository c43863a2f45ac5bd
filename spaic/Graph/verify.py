"""The executable specification of a graph: one small function per rule. All problems are reported at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import prod

import numpy as np

from spaic.Dynamics.model import Model
from spaic.Dynamics.models import NeuronModel
from spaic.Dynamics.parameter import Parameter
from spaic.errors import GraphError, SpaicError, nearest
from spaic.Graph.delays import meaning, shapes
from spaic.Graph.graph import Graph
from spaic.Graph.links import Link
from spaic.Graph.nodes import Input, Output, Population
from spaic.Graph.schedule import schedule
from spaic.Graph.transforms import BatchNorm
from spaic.Graph.values import Draw, Value

Rule = Callable[[Graph], Iterator[str]]


def verify(graph: Graph) -> Graph:
    """Return `graph` if it keeps all rules.

    Raises
    ------
    GraphError
        Listing everything that is wrong.
    """
    for rules in (_NAMES, _PARTS, _WHOLE, _ORDERED):  # later rules rely on earlier ones
        problems = [problem for rule in rules for problem in rule(graph)]
        if problems:
            count = f"{len(problems)} problems:\n  " if len(problems) > 1 else ""
            raise GraphError(count + "\n  ".join(problems))
    return graph


def names_are_unique(graph: Graph) -> Iterator[str]:
    """Every path names one thing."""
    seen: set[str] = set()
    for element in (*graph.nodes, *graph.links):
        if element.name in seen:
            yield f"{element.name}: two elements have this path; rename one"
        seen.add(element.name)


def links_have_ends(graph: Graph) -> Iterator[str]:
    """Both ends of every link are in the graph."""
    ends = [n.name for n in graph.nodes if not isinstance(n, Output)]
    for link in graph.links:
        for role, end in (("source", link.source_node), ("target", link.target_node)):
            if end not in ends:
                yield f"{link.name}: its {role} {end!r} is not in the network; add it, or remove the connection ({nearest(end, ends)})"
            elif role == "target" and isinstance(graph.by_name[end], Input):
                yield f"{link.name}: its target {end!r} is an input; connect to a neuron group"


def variables_exist(graph: Graph) -> Iterator[str]:
    """Links, outputs and probes read variables that their node has."""
    reads = [(k.name, k.source) for k in graph.links] + [(o.name, o.reads) for o in graph.outputs]
    for name, path in reads + [(p.reads, p.reads) for p in graph.probes]:
        node_name, _, variable = path.rpartition(".")
        known = recordable(graph, node_name)
        if variable not in known:
            yield f"{name}: {node_name!r} has no variable {variable!r}; {nearest(variable, known)}"


def recordable(graph: Graph, name: str) -> tuple[str, ...]:
    """Variables of a node or link that can be read."""
    node = graph.by_name.get(name)
    if isinstance(node, Population):
        return node.model.variables
    if isinstance(node, Input):
        return ("O",)
    for link in graph.links:
        if link.name == name:
            states = () if link.synapse is None else tuple(v for v in link.synapse.model.variables if not v.endswith("_before_reset"))
            learned = ("delay",) if link.delay_limit is not None else ()
            return ("current", *learned, *states, *(p for t in link.transforms for p in t.parameters()))
    return ()


def ports_exist(graph: Graph) -> Iterator[str]:
    """Links arrive at ports that their target has."""
    for link in graph.links:
        target = graph.by_name.get(link.target_node)
        if isinstance(target, Population) and link.port not in target.model.ports:
            yield f"{link.name}: {target.name!r} ({target.model.name}) has no port {link.port!r}; {nearest(link.port, target.model.ports)}"


def states_are_there(graph: Graph) -> Iterator[str]:
    """Synapses read states that their target has."""
    for link in graph.links:
        target = graph.by_name.get(link.target_node)
        if link.synapse is None or not isinstance(target, Population):
            continue
        for state in link.synapse.model.reads.values():
            if state not in target.model.states:
                yield (
                    f"{link.name}: its synapse {link.synapse.model.name!r} reads {state!r}, and {target.name!r} ({target.model.name}) has "
                    f"no such state; {nearest(state, target.model.states)}"
                )


def parameters_are_valid(graph: Graph) -> Iterator[str]:
    """Parameter values have the shape of their population and lie in the declared range."""
    for population in graph.populations:
        yield from _check_values(population.name, population.model, population.parameters, population.shape)
        for name, value in population.initial.items():
            yield from _check_shape(f"{population.name}.{name}", value, population.shape)
    for link in graph.links:
        if link.synapse is not None:
            yield from _check_values(link.name, link.synapse.model, link.synapse.parameters, ())


def _check_values(path: str, model: Model, values: Mapping[str, Value], shape: tuple[int, ...]) -> Iterator[str]:
    for name, value in values.items():
        yield from _check_shape(f"{path}.{name}", value, shape)
        declared = model.parameters[name]
        if isinstance(declared, Parameter) and not isinstance(value, Draw):
            try:
                declared.check(value, f"{path}.{name}")
            except SpaicError as error:
                yield str(error)


def _check_shape(path: str, value: Value, shape: tuple[int, ...]) -> Iterator[str]:
    if isinstance(value, np.ndarray) and value.shape != shape:
        yield f"{path}: the values have shape {value.shape}, needed a number or shape {shape}; reshape them"


def shapes_fit(graph: Graph) -> Iterator[str]:
    """What a link delivers has as many elements as its target has neurons; given arrays have the shape of their parameter."""
    for link in graph.links:
        try:
            delivered = delivered_shape(graph, link)
        except SpaicError as error:
            yield str(error)
            continue
        target = graph.shape(link.target_node)
        if prod(delivered) != prod(target):
            yield (
                f"{link.name}: it delivers {prod(delivered)} values (shape {delivered}), {link.target_node!r} has {prod(target)} "
                f"neurons (shape {target}); make them equal"
            )
        for transform in link.transforms:
            for name, (value, shape) in transform.parameters().items():
                if isinstance(value, np.ndarray) and value.shape != shape:
                    way = "transpose them, rows are postsynaptic" if value.shape == shape[::-1] else "give values of that shape"
                    yield f"{link.name}.{name}: the values have shape {value.shape}, needed {shape}; {way}"


def delivered_shape(graph: Graph, link: Link) -> tuple[int, ...]:
    """Shape of what a link delivers."""
    shape = graph.shape(link.source_node)
    for transform in link.transforms:
        shape = transform.output_shape(shape, link.name)
    return shape


def delays_fit(graph: Graph) -> Iterator[str]:
    """Delays lie within their limits, and many of them are one for each synapse or one for each value of the source."""
    for link in graph.links:
        if link.delay_limit is not None and link.delay is not None and not isinstance(link.delay, Draw):
            low, high = float(np.min(link.delay)), float(np.max(link.delay))
            if not 0 <= low <= high <= link.delay_limit:
                yield f"{link.name}.delay: {low:g} to {high:g} ms do not lie between 0 and max_delay = {link.delay_limit:g} ms; change them"
        source = graph.shape(link.source_node)
        if isinstance(link.delay, np.ndarray) and meaning(link.transforms[0], source, link.delay.shape) is None:
            yield f"{link.name}.delay: the delays have shape {link.delay.shape}, needed {shapes(link.transforms[0], source)}; reshape them"


def refractory_periods_fit(graph: Graph) -> Iterator[str]:
    """Refractory periods are whole numbers of steps."""
    for population in graph.populations:
        model = population.model
        if isinstance(model, NeuronModel) and model.refractory_period:
            name = model.refractory_period[0]
            for value in np.unique(np.asarray(population.parameters[name])) if not isinstance(population.parameters[name], Draw) else ():
                try:
                    graph.clock.wait(float(value), f"{population.name}.{name}")
                except SpaicError as error:
                    yield str(error)


def order_exists(graph: Graph) -> Iterator[str]:
    """No loop is without delay, and all delays are on the time grid."""
    try:
        schedule(graph)
    except SpaicError as error:
        yield str(error)


def normalization_is_possible(graph: Graph) -> Iterator[str]:
    """Batch normalization over time needs all steps of its source before the first step of its target."""
    inside = {name: stage.populations for stage in schedule(graph).stages if stage.is_island for name in stage.populations}
    for link in graph.links:
        if link.source_node in inside.get(link.target_node, ()) and any(isinstance(t, BatchNorm) for t in link.transforms):
            yield (
                f"{link.name}: it normalizes over all steps of a run what its own target depends on, since it lies in the loop "
                f"{' -> '.join(inside[link.target_node])}; leave batchnorm out, or the loop"
            )


def mixing_over_time_is_possible(graph: Graph) -> Iterator[str]:
    """A link that mixes all steps stands alone, outside of loops, and all of them mean the same run."""
    inside = {name: stage.populations for stage in schedule(graph).stages if stage.is_island for name in stage.populations}
    for path in graph.whole_runs:
        link = next(k for k in graph.links if k.name == path)
        if len(link.transforms) > 1:
            yield f"{path}: a link over time has no other stages; put them on connections before or after it"
        if link.source_node in inside.get(link.target_node, ()):
            yield (
                f"{path}: it reads steps to come of what its own target feeds, since it lies in the loop "
                f"{' -> '.join(inside[link.target_node])}; leave the loop out, or use the model 'sliding_psn'"
            )
    if len(set(graph.whole_runs.values())) > 1:
        yield f"{min(graph.whole_runs)}: links over time are declared for runs of {graph.whole_runs} steps; give all of them the same"


_NAMES: tuple[Rule, ...] = (names_are_unique, links_have_ends)
_PARTS: tuple[Rule, ...] = (
    variables_exist,
    ports_exist,
    states_are_there,
    parameters_are_valid,
    shapes_fit,
    delays_fit,
    refractory_periods_fit,
)
_WHOLE: tuple[Rule, ...] = (order_exists,)
_ORDERED: tuple[Rule, ...] = (normalization_is_possible, mixing_over_time_is_possible)
