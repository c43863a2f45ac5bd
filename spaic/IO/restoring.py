"""From what a checkpoint holds to a network: weights, learners, states, all of it or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from spaic.errors import DataError, StateError
from spaic.Learning.learner import Learner
from spaic.Learning.progress import Progress
from spaic.Network.container import Container
from spaic.Network.learned import Learned
from spaic.Network.network import Network
from spaic.Network.sources import Encoder, Generator
from spaic.Network.weights import Mismatch, demand_numbers

#: Steps that a delay may have at most; each of them is kept for every neuron.
_LONGEST = 1_000_000


def attach(net: Network, values: Mapping[str, np.ndarray]) -> None:
    """Let every element carry its weights into the next build."""
    demand_numbers(values, "weights")
    elements = {e.path: e for e in net.everything()}
    for name in values:
        if name.rpartition(".")[0] not in elements:
            raise DataError(f"the weight {name!r} belongs to no element of the network; the file is damaged")
    for name, value in values.items():
        owner, _, parameter = name.rpartition(".")
        element = elements[owner]
        if element._learned is None:
            object.__setattr__(element, "_learned", Learned(-1))
        element._learned.values[parameter] = value


def demand_sizes(net: Network, values: Mapping[str, np.ndarray]) -> None:
    """The declared weights have the shapes of those in the file, and delays can be kept: asked before memory is taken for them."""
    graph = net.graph
    for link in graph.links:
        for transform in link.transforms:
            for name, (_, shape) in transform.parameters().items():
                path = f"{link.name}.{name}"
                given = values[path].shape if path in values else None
                if given != tuple(shape) and (given is not None or np.prod(shape) > 1):
                    what = f"missing: {path}" if given is None else f"of another shape: {path} {given}, needed {tuple(shape)}"
                    raise DataError(f"weights and network do not fit ({what}); the file is damaged")
        if isinstance(link.delay, (int, float, np.ndarray)) and np.size(link.delay) and np.max(link.delay) > _LONGEST * net.dt:
            raise DataError(f"{link.name}: a delay of {np.max(link.delay):g} ms has more than {_LONGEST:,} steps; the file is damaged")


def demand_all(net: Network, values: Mapping[str, np.ndarray]) -> None:
    """Every weight of the file has found its place."""
    if net._simulation is None:
        return
    own = net._simulation.store.learned()
    active = {e.path for e in net.members() if not isinstance(e, Container)}
    given = {p: v for p, v in values.items() if p.rpartition(".")[0] in active}
    mismatch = Mismatch(
        tuple(p for p in own if p not in given),
        tuple(p for p in given if p not in own),
        tuple(f"{p} {v.shape}, needed {own[p].shape}" for p, v in given.items() if p in own and own[p].shape != v.shape),
    )
    if mismatch:
        raise DataError(f"weights and network do not fit ({mismatch}); the file is damaged")


def demand_parts(tree: Mapping[str, Any]) -> None:
    """A file has what it says it has."""
    holds = tree.get("holds")
    if not isinstance(holds, Mapping) or not all(isinstance(holds.get(k), bool) for k in ("training", "state")):
        raise DataError("it does not say whether it holds training and states; the file is damaged")
    if not isinstance(tree["built"], bool):
        raise DataError(f"'built' is {tree['built']!r}, not a truth value; the file is damaged")
    for part, keys in (("training", ("learners", "progress")), ("state", ("sources", "state"))):
        for key in keys:
            if holds[part] != (key in tree):
                raise DataError(f"{key!r} is {'missing' if holds[part] else 'there, but not announced'}; the file is damaged")
            if holds[part] and tree["built"] and key in ("learners", "sources", "state") and not isinstance(tree[key], dict):
                raise DataError(f"{key!r} is {type(tree[key]).__name__}, a mapping is needed; the file is damaged")


def take_over(net: Network, tree: Mapping[str, Any], is_same: bool) -> None:
    """Learners, states and the position in a training; `is_same` demands those of every learner and source."""
    learners = {k.path: k for k in net.everything(Learner)}
    sources = {node.path: node for node in net.everything((Encoder, Generator))}
    saved, data = tree.get("learners") or {}, tree.get("sources") or {}
    for what, given, own in (("learner", saved, learners), ("source", data, sources)):
        for name in given:
            if name not in own:
                raise StateError(f"{name}: the network has no such {what}")
    if is_same and tree["built"] and tree["holds"]["training"] and set(saved) != set(learners):
        raise DataError(f"{min(set(learners) - set(saved))}: the state of this learner is missing; the file is damaged")
    if is_same and tree["holds"]["state"] and set(data) != set(sources):
        raise DataError(f"{min(set(sources) - set(data))}: the data of this source are missing; the file is damaged")
    progress = None if tree.get("progress") is None else Progress.from_state(tree["progress"])
    for name, state in saved.items():
        learners[name].check_state_dict(state)
    with _unless_it_fails(net):
        for name, value in data.items():
            if value is None:
                sources[name].source, sources[name].is_new = None, False
            else:
                sources[name](value)
        if tree.get("state") is not None:
            net._built().restore(tree["state"])
        for name, state in saved.items():
            learners[name].load_state_dict(state)
    if progress is not None:
        object.__setattr__(net, "_progress", progress)


@contextmanager
def kept_weights(net: Network) -> Iterator[None]:
    """Put the weights back if something fails."""
    store, elements = net._built().store, list(net.everything())
    before = store.learned()
    learned = [None if e._learned is None else Learned(e._learned.origin, dict(e._learned.values)) for e in elements]
    try:
        yield
    except BaseException:
        store.copy_in(before)
        for element, earlier in zip(elements, learned, strict=True):
            object.__setattr__(element, "_learned", earlier)
        raise


@contextmanager
def _unless_it_fails(net: Network) -> Iterator[None]:
    """Put data and states back if something fails."""
    nodes = list(net.everything((Encoder, Generator)))
    data = [(node.source, node.is_new) for node in nodes]
    simulation = net._simulation
    fields = ("runs", "state", "starts", "lengths", "streams")
    states = {} if simulation is None else {f: getattr(simulation, f) for f in fields}
    copied = {f: dict(v) if isinstance(v, dict) else v for f, v in states.items()}
    try:
        yield
    except BaseException:
        for node, (source, is_new) in zip(nodes, data, strict=True):
            node.source, node.is_new = source, is_new
        for field, value in copied.items():
            setattr(simulation, field, value)
        raise
