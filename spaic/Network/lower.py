"""From what a user wrote to the graph: assemblies flattened, shapes inferred, annotations attached."""

from __future__ import annotations

from math import prod

from spaic.clock import Clock
from spaic.Dynamics.model import METHODS
from spaic.Dynamics.parameter import Parameter
from spaic.Dynamics.stiffness import warn_if_stiff
from spaic.errors import GraphError, NetworkError, nearest, with_article
from spaic.Graph.graph import Graph
from spaic.Graph.links import Link
from spaic.Graph.nodes import Input, Node, Output, Population
from spaic.Graph.transforms import Scale
from spaic.Graph.verify import verify
from spaic.Network import chains
from spaic.Network.assembly import Assembly
from spaic.Network.chains import Segment
from spaic.Network.connection import Connection
from spaic.Network.element import Annotation
from spaic.Network.neurongroup import NeuronGroup
from spaic.Network.projection import Projection
from spaic.Network.readers import Reader
from spaic.Network.sources import Encoder, Generator

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
    for reader in network.members(Reader):
        reader.check()
    parts = _parts(network, connections, seed)
    links = [k for c in connections for k in chains.links(c, parts[c.path])]
    links += [_direct_link(g) for g in network.members(Generator) if g.dec_target is not None]
    nodes = _nodes(network, _images(connections, parts))
    nodes += [p for c in connections for p in chains.populations(c, parts[c.path])]
    graph = Graph(tuple(nodes), tuple(links), (), clock, seed)
    for annotation in sorted(network.members(Annotation), key=lambda a: a.path):  # the order of declaration has no meaning
        graph = annotation.annotate(graph)
    graph = verify(graph)
    warn_if_stiff(((p.name, p.model, p.integrator, p.parameters, p.initial) for p in graph.populations), clock.dt)
    return graph


def expand(network: Assembly) -> None:
    """Take in what lists have gained, and make the connections of projections."""
    network._gather()
    for projection in list(network.members(Projection)):
        projection.expand()


def _nodes(network: Assembly, delivered: dict[str, Shape]) -> list[Node]:
    nodes: list[Node] = [Input(n.path, n.shape) for n in network.members((Encoder, Generator))]
    nodes += [_population(group, _group_shape(group, delivered)) for group in network.members(NeuronGroup)]
    return nodes + [Output(r.path, r.reads) for r in network.members(Reader) if r.reads is not None]


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


def _direct_link(generator: Generator) -> Link:
    target = generator.dec_target
    currents = target.model.currents
    default = currents[0] if currents and generator.coding_var_name is None else None
    port = chains.port(target, generator.coding_var_name or default, generator.path)
    return Link(f"{generator.path}.to_{target.name}", f"{generator.path}.O", f"{target.path}.{port}", (Scale(),))


def _images(connections: list[Connection], parts: dict[str, tuple[Segment, ...]]) -> dict[str, Shape]:
    """Group -> the shape with most dimensions that a connection delivers to it."""
    images: dict[str, Shape] = {}
    for c in sorted(connections, key=lambda c: c.path):
        images[c.post.path] = max(images.get(c.post.path, ()), parts[c.path][-1].shape, key=len)
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
                what = with_article(end.kind)
                problems.append(f"{c.path}: its post {end.path!r} is {what}, which receives nothing; connect to a neuron group")
            elif role == "pre" and not isinstance(end, (NeuronGroup, Encoder, Generator)):
                what = with_article(end.kind)
                problems.append(f"{c.path}: its pre {end.path!r} is {what}, which sends nothing; connect from a group or node")
    for element in network.members((Reader, Generator, Annotation)):
        for part in element.parts():
            if id(part) not in inside and part is not network:
                problems.append(f"{element.path}: its target {part.path!r} is not in the network; add it, or remove the {element.kind}")
    if problems:
        count = f"{len(problems)} problems:\n  " if len(problems) > 1 else ""
        raise GraphError(count + "\n  ".join(problems))


def _parts(network: Assembly, connections: list[Connection], seed: int) -> dict[str, tuple[Segment, ...]]:
    """The parts of every connection, with the shapes they deliver, found by following shapes from node to node."""
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
    found: dict[str, tuple[Segment, ...]] = {}
    known = [*shapes, *(p for p in groups if p not in shapes and not into[p])]
    while len(found) < len(connections):
        if not known:  # a loop of groups without a stated shape: they are vectors
            known.append(next(c.pre.path for c in ordered if paths[id(c)] not in found))
        path = known.pop()
        shapes.setdefault(path, groups[path].shape if path in groups else ())
        for c in leaving.get(path, ()):
            if paths[id(c)] in found:
                continue
            found[paths[id(c)]] = chains.segments(c, shapes[path], seed)
            target = c.post.path
            if target not in shapes and all(paths[id(k)] in found for k in into[target]):
                shapes[target] = _group_shape(groups[target], _images(into[target], found))
                known.append(target)
    return found
