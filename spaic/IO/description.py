"""A network as plain data, and a network from plain data, without the code that declared it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from spaic.Dynamics.expression import is_name
from spaic.errors import DataError, SpaicError, UnsupportedError, nearest, reject_unknown
from spaic.Graph.values import as_value
from spaic.IO.declarations import read, write
from spaic.Learning.learner import Learner
from spaic.Learning.optimizer import Optimizer
from spaic.Monitor.monitor import Monitor
from spaic.Monitor.spike_monitor import SpikeMonitor
from spaic.Monitor.state_monitor import StateMonitor
from spaic.Network import context
from spaic.Network.assembly import Assembly
from spaic.Network.connection import Connection
from spaic.Network.container import Container
from spaic.Network.element import Element
from spaic.Network.network import Network
from spaic.Network.neurongroup import NeuronGroup
from spaic.Network.node import Decoder, Encoder, Generator
from spaic.Network.projection import Projection
from spaic.registry import backends, links

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
        raise UnsupportedError("\n  ".join([f"{len(problems)} elements cannot be written to a file:", *problems]))
    return {"network": _network(net), "models": models, "elements": elements}


def rebuild(tree: Mapping[str, Any]) -> Network:
    """The network that a description declares.

    Raises
    ------
    DataError
        If the description is not one, naming the element.
    """
    _demand(tree, {"network": dict, "models": dict, "elements": list}, "description")
    head = tree["network"]
    _demand(head, {"name": (str, type(None)), "seed": int}, "network")
    net = Network(head["name"], head["seed"])
    context.forget(net)
    try:
        _restore_settings(net, head)
        _restore_elements(net, tree)
    except DataError:
        raise
    except SpaicError as error:
        raise DataError(f"description: {error}") from error
    return net


# --- writing


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
    if not isinstance(node, Decoder):
        found["shape"] = list(node.shape)
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
        "synapse_values": write(c.synapse_values, c.path),
        "is_parameter": c.is_parameter,
        "bounds": None if c.bounds is None else list(c.bounds),
    }
    if len(c.chain) > 1:
        found["before"] = [write(s, c.path) for s in c.chain[: c.chain.index(c.link)]]
        found["after"] = [write(s, c.path) for s in c.chain[c.chain.index(c.link) + 1 :]]
    return found


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
    options = {"var_name": monitor.var_name, "index": "full" if monitor.index is None else monitor.index, "dt": monitor.interval}
    return {"kind": "monitor", "class": type(monitor).__name__, "target": monitor.target.path, **write(options, monitor.path)}


def _learner(learner: Learner, models: dict[str, Tree]) -> Tree:
    return {"kind": "learner", **write(learner.describe(), learner.path)}


def _optimizer(optimizer: Optimizer, models: dict[str, Tree]) -> Tree:
    return {"kind": "optimizer", **write(optimizer.describe(), optimizer.name)}


_WRITERS: dict[type, Callable[[Any, dict[str, Tree]], Tree]] = {
    NeuronGroup: _group,
    Encoder: _node,
    Generator: _node,
    Decoder: _node,
    Connection: _connection,
    Projection: _projection,
    Assembly: _assembly,
    Monitor: _monitor,
    Learner: _learner,
    Optimizer: _optimizer,
}

# --- reading


def _restore_settings(net: Network, head: Mapping[str, Any]) -> None:
    object.__setattr__(net, "type", tuple(head.get("type", ())))
    backend = head.get("backend")
    if backend is not None:
        _demand(backend, {"name": str, "device": str, "dt": (int, float), "dtype": str}, "network.backend")
        net.set_backend(backend["name"], backend["device"], dt=backend["dt"], dtype=backend["dtype"])
    if head.get("runtime") is not None:
        net.set_runtime(head["runtime"])
    net.train(bool(head.get("training", True)))


def _restore_elements(net: Network, tree: Mapping[str, Any]) -> None:
    models = {name: read(model, f"models.{name}") for name, model in tree["models"].items()}
    entries: dict[str, Tree] = {}
    for i, entry in enumerate(tree["elements"]):
        _demand(entry, {"path": str, "kind": str}, f"elements[{i}]")
        if entry["path"] in entries:
            raise DataError(f"{entry['path']}: the description has this path twice; the file is damaged")
        if entry["kind"] not in _READERS:
            raise DataError(f"{entry['path']}: unknown kind {entry['kind']!r}; {nearest(entry['kind'], _READERS)}")
        entries[entry["path"]] = entry
    made: dict[str, Any] = {"": net}
    for kind, reader in _READERS.items():  # what is referred to comes first
        for path, entry in entries.items():
            if entry["kind"] == kind:
                made[path] = _made(lambda e=entry, r=reader: r(e, models, made), path)  # type: ignore[misc]
                context.forget(made[path])
    for path, entry in entries.items():
        _adopt(made, path)
        for flag in ("hidden", "frozen"):
            object.__setattr__(made[path], f"_is_{flag}", bool(entry.get(flag)))
    for path, holder in {"": tree["network"], **entries}.items():
        _restore_lists(made[path], holder.get("lists", {}), path)


def _adopt(made: Mapping[str, Any], path: str) -> None:
    above, _, name = path.rpartition(".")
    holder = made.get(above)
    if not isinstance(holder, Container) or not is_name(name):
        raise DataError(f"{path}: there is no assembly {above!r} that could hold {name!r}; the file is damaged")
    setattr(holder, name, made[path])


def _restore_lists(holder: Any, lists: Mapping[str, Any], path: str) -> None:
    for attribute, names in lists.items():
        if not is_name(attribute) or attribute.startswith("_") or hasattr(type(holder), attribute):
            raise DataError(f"{path}: {attribute!r} cannot name a list of elements; the file is damaged")
        if isinstance(names, dict):
            value: Any = {k: _made(lambda n=n: holder._members[n], path) for k, n in names.items()}  # type: ignore[misc]
        else:
            value = [_made(lambda n=n: holder._members[n], path) for n in names]  # type: ignore[misc]
        object.__setattr__(holder, attribute, value)


def _made(make: Callable[[], Any], path: str) -> Any:
    """What `make` makes; whatever goes wrong is an error of the file that names the element."""
    try:
        return make()
    except SpaicError as error:
        raise error if isinstance(error, DataError) and path in str(error) else DataError(f"{path}: {error}") from error
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: its description is not complete ({type(error).__name__}: {error}); the file is damaged") from error


def _read_group(entry: Tree, models: Mapping[str, Any], made: Mapping[str, Any]) -> NeuronGroup:
    return NeuronGroup(
        entry.get("num"),
        models[entry["model"]],
        entry.get("shape"),
        integrator=entry["integrator"],
        initial=read(entry["initial"], "initial"),
        trainable=entry["trainable"],
        neuron_type=entry["type"],
        param=read(entry["parameters"], "parameters"),
    )


def _read_node(entry: Tree, models: Mapping[str, Any], made: Mapping[str, Any]) -> Any:
    kinds: dict[str, Any] = {"encoder": Encoder, "generator": Generator, "decoder": Decoder}
    kind = kinds[entry["kind"]]
    code = read(entry["code"], "code")
    name = next((n for n in kind.codes if kind.codes[n] is type(code)), None)
    given: Tree = {"coding_method": name}
    if kind is not Decoder:
        given["shape"] = entry["shape"]
    if kind is not Encoder:
        given.update(dec_target=None if entry["target"] is None else made[entry["target"]], coding_var_name=entry["variable"])
    node = kind(**given)
    object.__setattr__(node, "code", code)
    return node


def _read_connection(entry: Tree, models: Mapping[str, Any], made: Mapping[str, Any]) -> Connection:
    return _read_pattern(entry, made[entry["pre"]], made[entry["post"]], models)


def _read_pattern(entry: Tree, pre: Any, post: Any, models: Mapping[str, Any]) -> Connection:
    low, high = (None if b is None or math.isinf(b) else b for b in entry["bounds"] or (None, None))
    c = Connection.pattern(
        pre,
        post,
        link_type=read(entry["link"], "link"),
        delay=read(entry["delay"], "delay"),
        pre_var_name=entry["variable"],
        post_var_name=entry["port"],
        is_parameter=bool(entry["is_parameter"]),
        w_min=low,
        w_max=high,
    )
    around = [tuple(read(stage, side) for stage in entry.get(side, ())) for side in ("before", "after")]
    synapse = None if entry["synapse"] is None else models[entry["synapse"]]
    values = read(entry["synapse_values"], "synapse_values")
    if synapse is not None:
        reject_unknown(synapse.name, values, synapse.parameters, "synapse parameter")
    name = links.canonical(entry["link"]["name"])
    for attribute, value in (
        ("link_type", name),
        ("chain", (*around[0], c.link, *around[1])),
        ("synapse", synapse),
        ("synapse_values", {k: as_value(v, k) for k, v in values.items()}),
    ):
        object.__setattr__(c, attribute, value)
    return c


def _read_projection(entry: Tree, models: Mapping[str, Any], made: Mapping[str, Any]) -> Projection:
    pre, post = made[entry["pre"]], made[entry["post"]]
    p = Projection(pre, post)
    if "pattern" in entry:
        policies = tuple(read(entry["policies"], "policies"))
        object.__setattr__(p, "policies", policies)
        object.__setattr__(p, "pattern", _read_pattern(entry["pattern"], pre, post, models))
        object.__setattr__(p, "_expanded", set(entry["expanded"]))
    object.__setattr__(p, "type", tuple(entry.get("type", ())))
    return p


def _read_assembly(entry: Tree, models: Mapping[str, Any], made: Mapping[str, Any]) -> Assembly:
    assembly = Assembly()
    object.__setattr__(assembly, "type", tuple(entry.get("type", ())))
    return assembly


def _read_monitor(entry: Tree, models: Mapping[str, Any], made: Mapping[str, Any]) -> Monitor:
    kinds: dict[str, type[Monitor]] = {k.__name__: k for k in (StateMonitor, SpikeMonitor)}
    options = {k: read(v, k) for k, v in entry.items() if k not in ("path", "kind", "class", "target", "hidden", "frozen")}
    return kinds[entry["class"]](made[entry["target"]], **options)


def _read_learner(entry: Tree, models: Mapping[str, Any], made: Mapping[str, Any]) -> Learner:
    description = {k: read(v, k) for k, v in entry.items() if k not in ("path", "kind", "hidden", "frozen")}
    return Learner.from_description(description, made)


def _read_optimizer(entry: Tree, models: Mapping[str, Any], made: Mapping[str, Any]) -> Optimizer:
    return Optimizer(**{k: read(v, k) for k, v in entry.items() if k not in ("path", "kind")})


#: In the order in which they can be made.
_READERS: dict[str, Callable[[Tree, Mapping[str, Any], Mapping[str, Any]], Any]] = {
    "assembly": _read_assembly,
    "neurongroup": _read_group,
    "encoder": _read_node,
    "generator": _read_node,
    "decoder": _read_node,
    "projection": _read_projection,
    "connection": _read_connection,
    "monitor": _read_monitor,
    "learner": _read_learner,
    "optimizer": _read_optimizer,
}


def _demand(tree: Any, keys: Mapping[str, Any], where: str) -> None:
    """Refuse a mapping that lacks keys, or whose values are of another type."""
    if not isinstance(tree, Mapping):
        raise DataError(f"{where}: a mapping is needed, there is {type(tree).__name__}; the file is damaged or of another kind")
    for key, kinds in keys.items():
        if key not in tree:
            raise DataError(f"{where}: {key!r} is missing; the file is damaged or of another kind")
        if not isinstance(tree[key], kinds):
            raise DataError(f"{where}.{key}: {tree[key]!r} is of the wrong type; the file is damaged or of another kind")
