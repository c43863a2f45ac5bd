"""From what a user wrote to the graph: assemblies flattened, shapes inferred, annotations attached."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from spaic.clock import Clock
from spaic.Dynamics.models import METHODS
from spaic.Dynamics.parameter import Parameter
from spaic.errors import GraphError, NetworkError, UnknownName, nearest
from spaic.Graph.graph import Graph
from spaic.Graph.links import Link, Synapse
from spaic.Graph.nodes import Input, Node, Output, Population
from spaic.Graph.transforms import Scale, Transform
from spaic.Graph.verify import verify
from spaic.Network.assembly import Assembly
from spaic.Network.connection import Connection
from spaic.Network.element import Annotation
from spaic.Network.neurongroup import NeuronGroup
from spaic.Network.node import Decoder, Encoder, Generator
from spaic.Network.projection import Projection
from spaic.seeds import Key

Shape = tuple[int, ...]


def lower(network: Assembly, clock: Clock, seed: int) -> Graph:
    """The verified graph of `network`.

    Raises
    ------
    GraphError
        Listing all dangling connections, or everything else that breaks a rule of :mod:`spaic.Graph.verify`.
    """
    expand(network)
    connections = list(network.members(Connection))
    _check_membership(network, connections)
    for decoder in network.members(Decoder):
        decoder.code.check(decoder.num, decoder.path)
    transforms = _transforms(network, connections, seed)
    links = [_link(c, transforms[c.path][0]) for c in connections]
    links += [_direct_link(g) for g in network.members(Generator) if g.dec_target is not None]
    nodes = _nodes(network, _images(connections, transforms))
    graph = Graph(tuple(nodes), tuple(links), (), clock, seed)
    for annotation in sorted(network.members(Annotation), key=lambda a: a.path):  # the order of declaration has no meaning
        graph = annotation.annotate(graph)
    return verify(graph)


def expand(network: Assembly) -> None:
    """Take in what lists have gained, and make the connections of projections."""
    network._gather()
    for projection in list(network.members(Projection)):
        projection.expand()


def _nodes(network: Assembly, delivered: dict[str, Shape]) -> list[Node]:
    nodes: list[Node] = [Input(n.path, n.shape) for n in network.members((Encoder, Generator))]
    nodes += [_population(group, _group_shape(group, delivered)) for group in network.members(NeuronGroup)]
    return nodes + [Output(d.path, f"{d.dec_target.path}.{d.coding_var_name}") for d in network.members(Decoder)]


def _population(group: NeuronGroup, shape: Shape) -> Population:
    model = group.model
    if group.integrator not in METHODS:
        raise NetworkError(f"{group.path}.integrator: unknown integrator {group.integrator!r}; {nearest(group.integrator, METHODS)}")
    defaults = {k: p.default for k, p in model.parameters.items() if isinstance(p, Parameter) and not isinstance(p.default, str)}
    return Population(
        name=group.path,
        shape=shape,
        model=model,
        parameters={**defaults, **group.parameters},
        integrator=group.integrator,
        initial=group.initial,
    )


def _group_shape(group: NeuronGroup, delivered: dict[str, Shape]) -> Shape:
    """A group declared by its number alone takes the shape of the image that reaches it."""
    image = delivered.get(group.path)
    if group.has_shape or image is None or len(image) < 2 or prod(image) != group.num:
        return group.shape
    return image


def _link(connection: Connection, transforms: tuple[Transform, ...]) -> Link:
    synapse = None
    if connection.synapse is not None:
        model = connection.synapse
        defaults = {k: p.default for k, p in model.parameters.items() if not isinstance(p.default, str)}
        synapse = Synapse(model, {**defaults, **connection.synapse_values}, model.method)
    return Link(
        name=connection.path,
        source=f"{connection.pre.path}.{connection.pre_var_name}",
        target=f"{connection.post.path}.{_port(connection.post, connection.post_var_name, connection.path)}",
        transforms=transforms,
        synapse=synapse,
        delay=connection.delay,
        bounds=_bounds(connection, transforms),
    )


def _bounds(connection: Connection, transforms: tuple[Transform, ...]) -> dict[str, tuple[float, float]]:
    if connection.bounds is None:
        return {}
    weight = next((t.parameters()["weight"][0] for t in transforms if "weight" in t.parameters()), None)
    if weight is None:
        raise NetworkError(f"{connection.path}: w_min and w_max bound weights, and {connection.link_type!r} has none; leave them out")
    low, high = connection.bounds
    outside = isinstance(weight, (float, np.ndarray)) and bool((np.asarray(weight) < low).any() or (np.asarray(weight) > high).any())
    if outside:
        raise NetworkError(f"{connection.path}.weight: given values are outside [{low:g}, {high:g}]; change them, or w_min and w_max")
    return {"weight": connection.bounds}


def _direct_link(generator: Generator) -> Link:
    target = generator.dec_target
    currents = target.model.currents
    default = currents[0] if currents and generator.coding_var_name is None else None
    port = _port(target, generator.coding_var_name or default, generator.path)
    return Link(f"{generator.path}.to_{target.name}", f"{generator.path}.O", f"{target.path}.{port}", (Scale(),))


def _port(group: Any, given: str | None, path: str) -> str:
    """The port that is meant: the first one unless named; ``Isyn`` and ``Iext`` are SPAIC's names for the first and the current."""
    model = group.model
    if not model.ports:
        raise NetworkError(f"{path}: the model {model.name!r} of {group.path!r} receives nothing; add an input or a receive text to it")
    if given is None or given.lower() == "isyn":
        return str(model.ports[0])
    if given in model.ports:
        return given
    if given.lower() in ("iext", "i") and model.currents:
        return str(model.currents[0])
    raise UnknownName(f"{path}: {group.path!r} ({model.name}) has no port {given!r}; {nearest(given, model.ports)}")


def _images(connections: list[Connection], transforms: dict[str, tuple[tuple[Transform, ...], Shape]]) -> dict[str, Shape]:
    """Group -> the shape with most dimensions that a connection delivers to it."""
    images: dict[str, Shape] = {}
    for c in sorted(connections, key=lambda c: c.path):
        images[c.post.path] = max(images.get(c.post.path, ()), transforms[c.path][1], key=len)
    return images


def _check_membership(network: Assembly, connections: list[Connection]) -> None:
    """All dangling ends at once."""
    inside = set(map(id, network.everything()))
    problems = []
    for c in connections:
        for role, end in (("pre", c.pre), ("post", c.post)):
            if id(end) not in inside:
                problems.append(f"{c.path}: its {role} {end.path!r} is not in the network; add it, or remove the connection")
            elif role == "post" and not isinstance(end, NeuronGroup):
                problems.append(f"{c.path}: its post {end.path!r} is a {end.kind}, which receives nothing; connect to a neuron group")
            elif role == "pre" and not isinstance(end, (NeuronGroup, Encoder, Generator)):
                problems.append(f"{c.path}: its pre {end.path!r} is a {end.kind}, which sends nothing; connect from a group or node")
    for element in network.members((Decoder, Generator, Annotation)):
        for part in element.parts():
            if id(part) not in inside and part is not network:
                problems.append(f"{element.path}: its target {part.path!r} is not in the network; add it, or remove the {element.kind}")
    if problems:
        count = f"{len(problems)} problems:\n  " if len(problems) > 1 else ""
        raise GraphError(count + "\n  ".join(problems))


def _transforms(network: Assembly, connections: list[Connection], seed: int) -> dict[str, tuple[tuple[Transform, ...], Shape]]:
    """Transforms of every connection and the shape it delivers, found by following shapes from node to node."""
    shapes: dict[str, Shape] = {n.path: n.shape for n in network.members((Encoder, Generator))}
    groups = {g.path: g for g in network.members(NeuronGroup)}
    shapes.update({p: g.shape for p, g in groups.items() if g.has_shape})
    paths = {id(c): c.path for c in connections}
    ordered = sorted(connections, key=lambda c: paths[id(c)])
    into: dict[str, list[Connection]] = {p: [] for p in groups}
    leaving: dict[str, list[Connection]] = {}
    for c in ordered:
        into[c.post.path].append(c)
        leaving.setdefault(c.pre.path, []).append(c)
    found: dict[str, tuple[tuple[Transform, ...], Shape]] = {}
    known = [*shapes, *(p for p in groups if p not in shapes and not into[p])]
    while len(found) < len(connections):
        if not known:  # a loop of groups without a stated shape: they are vectors
            known.append(next(c.pre.path for c in ordered if paths[id(c)] not in found))
        path = known.pop()
        shapes.setdefault(path, groups[path].shape if path in groups else ())
        for c in leaving.get(path, ()):
            if paths[id(c)] in found:
                continue
            found[paths[id(c)]] = _shaped(c, shapes[path], seed)
            target = c.post.path
            if target not in shapes and all(paths[id(k)] in found for k in into[target]):
                shapes[target] = _group_shape(groups[target], _images(into[target], found))
                known.append(target)
    return found


def _shaped(connection: Connection, pre: Shape, seed: int) -> tuple[tuple[Transform, ...], Shape]:
    path, shape = connection.path, pre
    made: list[Transform] = []
    for i, stage in enumerate(connection.chain):
        purpose = "pattern" if stage is connection.link else f"stage {i}"
        for transform in stage.transforms(shape, connection.post.shape, path, Key(seed, path, purpose)):
            made.append(transform)
            shape = transform.output_shape(shape, path)
    return tuple(made), shape
