"""What a connection becomes in the graph: one link, or several with hidden populations between them; a gap junction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from spaic.Dynamics.models import NeuronModel, SynapseModel
from spaic.errors import NetworkError, UnknownName, nearest, with_article
from spaic.Graph.links import Link, Synapse
from spaic.Graph.nodes import Population
from spaic.Graph.transforms import Dense, Junction, OneToOne, Reshape, Scale, Sparse, Transform
from spaic.Graph.values import Value
from spaic.Network.constraints import delays, held
from spaic.Network.stages import Shaping, hidden
from spaic.seeds import Key

if TYPE_CHECKING:
    from spaic.Network.connection import Connection

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Segment:
    """A part of a connection that becomes one link.

    Attributes
    ----------
    transforms : tuple of Transform
        What it does.
    shape : tuple of int
        What it delivers.
    has_weights : bool
        Whether the link itself is in it.
    synapse : Shaping or None
        What shapes that.
    target : str
        Name of the hidden population that it leads to; empty for the last one.
    """

    transforms: tuple[Transform, ...]
    shape: Shape
    has_weights: bool
    synapse: Shaping | None = None
    target: str = ""


def segments(connection: Connection, pre: Shape, seed: int) -> tuple[Segment, ...]:
    """The parts of a connection from a source of shape `pre`, in order."""
    path, shape, within = connection.path, pre, hidden(connection.chain)
    found: list[Segment] = []
    made: list[Transform] = []
    has_weights = False
    for i, stage in enumerate(connection.chain):
        if isinstance(stage, Shaping):
            found.append(Segment(tuple(made), shape, has_weights, stage, within.get(i, "")))
            made, has_weights = [], False
            continue
        has_weights = has_weights or stage is connection.link
        is_closed = stage is connection.link and connection.pre is connection.post and not connection.is_electrical
        purpose = "pattern" if stage is connection.link else f"stage {i}"
        for transform in (stage.closed() if is_closed else stage).transforms(shape, connection.post.shape, path, Key(seed, path, purpose)):
            made.append(transform)
            shape = transform.output_shape(shape, path)
    if not found or found[-1].target:
        found.append(Segment(tuple(made), shape, has_weights))
    return (*found[:-1], replace(found[-1], transforms=_delivered(found[-1].transforms)))


def _delivered(transforms: tuple[Transform, ...]) -> tuple[Transform, ...]:
    """Without a change of shape at the end: the target takes the values in its own. Weights then stand alone, and may have own delays."""
    return transforms[:-1] if len(transforms) > 1 and isinstance(transforms[-1], Reshape) else transforms


def links(connection: Connection, parts: tuple[Segment, ...]) -> Iterator[Link]:
    """The links of a connection. Only that with the weights has a delay, so that a loop has it once."""
    if connection.is_electrical:
        yield from _junction(connection, parts[0].transforms)
        return
    path, source = connection.path, f"{connection.pre.path}.{connection.pre_var_name}"
    for part in parts:
        at_end = not part.target
        target, name = (_end(connection), connection.post.name) if at_end else (_within(connection, part), part.target)
        if any(t.parameters() for t in part.transforms) and not part.has_weights:
            raise NetworkError(f"{path}: a synapse stands between the link and a stage that learns; put that stage beside the link")
        yield Link(
            name=connection.path if part.has_weights else f"{connection.path}.to_{name}",
            source=source,
            target=target,
            transforms=(held(connection, part.transforms) if part.has_weights else part.transforms) or (Scale(),),
            synapse=_synapse(part.synapse) if at_end and part.synapse is not None else None,
            delay=delays(connection, part.transforms) if part.has_weights else 0.0,
            bounds=_bounds(connection, part.transforms) if part.has_weights else {},
            delay_limit=connection.delay_limit if part.has_weights else None,
            norm=connection.w_norm if part.has_weights else None,
        )
        if part.synapse is not None and not at_end:
            source = f"{connection.path}.{part.target}.{part.synapse.model.output}"


def populations(connection: Connection, parts: tuple[Segment, ...]) -> Iterator[Population]:
    """The hidden populations of a connection."""
    for part in parts:
        if part.target and part.synapse is not None:
            synapse = _synapse(part.synapse)
            model = _as_neurons(part.synapse.model)
            yield Population(f"{connection.path}.{part.target}", part.shape, model, synapse.parameters, model.method)


def port(group: Any, given: str | None, path: str) -> str:
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


def _end(connection: Connection) -> str:
    """Path of the port at the end: a current port for what depends on the postsynaptic potential."""
    post, path = connection.post, connection.path
    what = "a gap junction" if connection.is_electrical else f"the synapse {connection.synapse.name!r}" if connection.synapse else ""
    if not (connection.is_electrical or (connection.synapse is not None and connection.synapse.reads)):
        return f"{post.path}.{port(post, connection.post_var_name, path)}"
    if not post.model.currents:
        raise NetworkError(
            f"{path}: {what} delivers a current, and {post.path!r} ({post.model.name}) has no port for one; change the model"
        )
    found = port(post, connection.post_var_name or post.model.currents[0], path)
    if found not in post.model.currents:
        raise NetworkError(f"{path}: {what} delivers a current, and {found!r} is a receive port; use {post.model.currents[0]!r}")
    return f"{post.path}.{found}"


def _within(connection: Connection, part: Segment) -> str:
    model = part.synapse.model if part.synapse is not None else None
    if model is None or not model.ports:
        raise NetworkError(f"{connection.path}: the synapse {part.target!r} receives nothing; add a receive text to it")
    return f"{connection.path}.{part.target}.{model.ports[0]}"


def _synapse(stage: Shaping) -> Synapse:
    defaults = {k: p.default for k, p in stage.model.parameters.items() if not isinstance(p.default, str)}  # type: ignore[union-attr]
    return Synapse(stage.model, {**defaults, **stage.values}, stage.model.method)


@lru_cache(maxsize=256)
def _as_neurons(model: SynapseModel) -> NeuronModel:
    """The model of a synapse as that of a population, which never fires."""
    return NeuronModel(
        equations=model.equations, parameters=model.parameters, receive=model.receive, inputs=model.inputs, initial=model.initial,
        units=model.units, method=model.method, substeps=model.substeps, name=model.name, summary=model.summary, source=model.source,
    )  # fmt: skip


def _bounds(connection: Connection, transforms: tuple[Transform, ...]) -> dict[str, tuple[float, float]]:
    if connection.bounds is None:
        return {}
    weight: Value | None = next((t.parameters()["weight"][0] for t in transforms if "weight" in t.parameters()), None)
    if weight is None:
        raise NetworkError(f"{connection.path}: w_min and w_max bound weights, and {connection.link_type!r} has none; leave them out")
    low, high = connection.bounds
    outside = isinstance(weight, (float, np.ndarray)) and bool((np.asarray(weight) < low).any() or (np.asarray(weight) > high).any())
    if outside:
        raise NetworkError(f"{connection.path}.weight: given values are outside [{low:g}, {high:g}]; change them, or w_min, w_max and sign")
    return {"weight": connection.bounds}


def _junction(connection: Connection, transforms: tuple[Transform, ...]) -> Iterator[Link]:
    """``W V_pre - (sum of the rows of W) V_post`` to the target, and the same backwards to the source if that is another group.

    All of it uses the one weight, so that a current that leaves one neuron arrives at the other whatever the weight becomes.
    """
    path, pre, post = connection.path, connection.pre, connection.post
    (weights,) = transforms if len(transforms) == 1 else (None,)
    if not isinstance(weights, (Dense, Sparse, OneToOne)) or weights.bias is not None:
        raise NetworkError(f"{path}: a gap junction needs a full, sparse or one-to-one link without bias; use one of these")
    if not hasattr(pre, "model"):
        raise NetworkError(f"{path}: a gap junction joins two neuron groups, and {pre.path!r} is {with_article(pre.kind)}; give a group")
    variable = "V" if connection.pre_var_name == "O" else connection.pre_var_name
    forward = Link(path, f"{pre.path}.{variable}", _end(connection), transforms, bounds=_bounds(connection, transforms))
    yield forward
    leak = replace(forward, source=f"{post.path}.{variable}", shares=path, bounds={})
    yield replace(leak, name=f"{path}.leak", transforms=(Junction(weights, "rows"),))
    if pre is post:
        return
    if not pre.model.currents:
        raise NetworkError(f"{path}: a gap junction works both ways, and {pre.path!r} ({pre.model.name}) has no current port")
    back = replace(leak, target=f"{pre.path}.{pre.model.currents[0]}")
    yield replace(back, name=f"{path}.back", transforms=(Junction(weights, "back"),))
    yield replace(back, name=f"{path}.back_leak", source=forward.source, transforms=(Junction(weights, "columns"),))
