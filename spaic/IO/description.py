"""A network as plain data."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from spaic.errors import UnsupportedError
from spaic.IO.declarations import write
from spaic.Learning.learner import Learner
from spaic.Learning.optimizer import Optimizer
from spaic.Monitor.monitor import Monitor
from spaic.Monitor.spike_monitor import SpikeMonitor
from spaic.Monitor.state_monitor import StateMonitor
from spaic.Network.assembly import Assembly
from spaic.Network.connection import Connection
from spaic.Network.container import Container
from spaic.Network.element import Element
from spaic.Network.network import Network
from spaic.Network.neurongroup import NeuronGroup
from spaic.Network.projection import Projection
from spaic.Network.readers import Action, Reader
from spaic.Network.sources import Encoder, Generator
from spaic.Network.stages import Shaping
from spaic.registry import backends

Tree = dict[str, Any]


def describe(net: Network) -> Tree:
    """Everything that declares a network, as plain data: numbers, text, lists, mappings, arrays.

    Parameters
    ----------
    net : Network
        The network. Weights are not part of it, but given initial values are.

    Raises
    ------
    UnsupportedError
        Listing every element that is tied to Python code which a file cannot hold.
    """
    problems: list[str] = []
    elements: list[Tree] = []
    models: dict[str, Tree] = {}
    for path, member in _everything(net):
        try:
            elements.append({"path": path, **_element(member, models), **_flags(member)})
        except UnsupportedError as error:
            problems.append(str(error))
    if problems:
        raise UnsupportedError(
            "\n  ".join([f"{len(problems)} {'element' if len(problems) == 1 else 'elements'} cannot be written to a file:", *problems])
        )
    return {"network": _network(net), "models": models, "elements": elements}


def _everything(container: Container, above: str = "") -> Iterator[tuple[str, Any]]:
    """Path and member, containers before what is in them."""
    for name, member in container._members.items():
        yield above + name, member
        if isinstance(member, Container):
            yield from _everything(member, f"{above}{name}.")


def _network(net: Network) -> Tree:
    backend = net._backend
    found: Tree = {"name": net.name, "seed": net._seed, "runtime": net._runtime, "training": net._is_training, "type": list(net.type)}
    if backend is not None:
        name = next((n for n in backends if backends[n] is type(backend)), None)
        if name is None:
            raise UnsupportedError(
                f"net: the backend {type(backend).__name__} is not registered; register it with @backends.register('name')"
            )
        found["backend"] = {"name": name, "device": str(backend.device), "dt": backend.dt, "dtype": backend.dtype}
    return {**found, **_lists(net)}


def _flags(member: Any) -> Tree:
    flags = {"hidden": member._is_hidden, "frozen": member._is_frozen} if isinstance(member, Element) else {}
    return {k: v for k, v in flags.items() if v}


def _lists(container: Container) -> Tree:
    """Attributes that hold elements in a list or dict: their names."""
    names = {id(m): n for n, m in container._members.items()}
    found: Tree = {}
    for attribute, value in container.__dict__.items():
        if attribute.startswith("_"):
            continue
        if isinstance(value, (list, tuple)) and value and all(id(v) in names for v in value):
            found[attribute] = [names[id(v)] for v in value]
        elif isinstance(value, dict) and value and all(id(v) in names for v in value.values()):
            found[attribute] = {str(k): names[id(v)] for k, v in value.items()}
    return {"lists": found} if found else {}


def _element(member: Any, models: dict[str, Tree]) -> Tree:
    for kind, writer in _WRITERS.items():
        if isinstance(member, kind):
            return writer(member, models)
    raise UnsupportedError(f"{getattr(member, 'path', member)}: a {type(member).__name__} cannot be written to a file; remove it first")


def _model_key(model: Any, models: dict[str, Tree], path: str) -> str:
    """Name under which a model is written once; another model of that name gets a number."""
    written = write(model, path)
    number, key = 0, model.name
    while key in models and models[key] != written:
        number += 1
        key = f"{model.name} {number}"
    models[key] = written
    return key


def _group(group: NeuronGroup, models: dict[str, Tree]) -> Tree:
    return {
        "kind": "neurongroup",
        "model": _model_key(group.model, models, group.path),
        **({"shape": list(group.shape)} if group.has_shape else {"num": group.num}),
        "integrator": group.integrator,
        "parameters": write(group.parameters, group.path),
        "initial": write(group.initial, group.path),
        "trainable": sorted(group.trainable),
        "type": list(group.type),
    }


def _node(node: Any, models: dict[str, Tree]) -> Tree:
    found = {"kind": node.kind, "code": write(node.code, node.path)}
    if isinstance(node, Encoder):
        found["shape"] = list(node.shape)
    elif isinstance(node, Generator):
        found["shape"] = None if node.own_shape is None else list(node.own_shape)
    if isinstance(node, Action):
        found["num"] = node.own_num
    if not isinstance(node, Encoder):
        found["target"] = None if node.dec_target is None else node.dec_target.path
        found["variable"] = node.coding_var_name
    return found


def _connection(c: Connection, models: dict[str, Tree]) -> Tree:
    return {"kind": "connection", "pre": c.pre.path, "post": c.post.path, **_pattern(c, models)}


def _pattern(c: Connection, models: dict[str, Tree]) -> Tree:
    found: Tree = {
        "link": write(c.link, c.path),
        "delay": write(c.delay, f"{c.path}.delay"),
        "variable": c.pre_var_name,
        "port": c.post_var_name,
        "synapse": None if c.synapse is None else _model_key(c.synapse, models, c.path),
        "synapse_values": {} if c.synapse is None else write(dict(c.synapse_values), c.path),
        "is_parameter": c.is_parameter,
        "bounds": None if c.bounds is None else [None if math.isinf(b) else b for b in c.bounds],
    }
    held = {"delay_limit": c.delay_limit, "sign": c.sign, "norm": c.w_norm}
    found.update({k: v for k, v in held.items() if v is not None})
    around = c.chain if c.synapse is None else c.chain[:-1]
    if len(around) > 1:
        found["before"] = [_stage(s, c.path, models) for s in around[: around.index(c.link)]]
        found["after"] = [_stage(s, c.path, models) for s in around[around.index(c.link) + 1 :]]
    return found


def _stage(stage: Any, path: str, models: dict[str, Tree]) -> Tree:
    """A stage of a connection before another one."""
    if not isinstance(stage, Shaping):
        return dict(write(stage, path))
    return {"synapse": _model_key(stage.model, models, path), "synapse_values": write(dict(stage.values), path)}


def _projection(p: Projection, models: dict[str, Tree]) -> Tree:
    found: Tree = {"kind": "projection", "pre": p.pre.path, "post": p.post.path, "type": list(p.type), **_lists(p)}
    try:
        policies = write(p.policies, f"{p.path}.policies")
    except UnsupportedError:  # a policy written in Python: its choice is written instead
        return found
    if p.pattern is not None:
        found.update(policies=policies, pattern=_pattern(p.pattern, models), expanded=sorted(p._expanded))
    return found


def _assembly(assembly: Assembly, models: dict[str, Tree]) -> Tree:
    return {"kind": "assembly", "type": list(assembly.type), **_lists(assembly)}


def _monitor(monitor: Monitor, models: dict[str, Tree]) -> Tree:
    if type(monitor) not in (StateMonitor, SpikeMonitor):
        raise UnsupportedError(
            f"{monitor.path}: a {type(monitor).__name__} is a class of your own, which a file cannot hold; remove it first"
        )
    options = {"var_name": monitor.var_name, "index": "full" if monitor.index is None else monitor.index, "dt": monitor.interval}
    kept = {k: v for k, v in monitor.options.items() if v not in (None, False)}
    kept |= {"file": str(kept["file"])} if "file" in kept else {}
    return {"kind": "monitor", "class": type(monitor).__name__, "target": monitor.target.path, **write({**options, **kept}, monitor.path)}


def _learner(learner: Learner, models: dict[str, Tree]) -> Tree:
    return {"kind": "learner", **write(learner.describe(), learner.path)}


def _optimizer(optimizer: Optimizer, models: dict[str, Tree]) -> Tree:
    return {"kind": "optimizer", **write(optimizer.describe(), optimizer.name)}


_WRITERS: dict[type, Callable[[Any, dict[str, Tree]], Tree]] = {
    NeuronGroup: _group,
    Encoder: _node,
    Generator: _node,
    Reader: _node,
    Connection: _connection,
    Projection: _projection,
    Assembly: _assembly,
    Monitor: _monitor,
    Learner: _learner,
    Optimizer: _optimizer,
}
