"""A network from its description, without the code that declared it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import PureWindowsPath
from typing import Any

from spaic.Dynamics.expression import is_name
from spaic.Dynamics.models import SynapseModel
from spaic.errors import DataError, SpaicError, nearest, reject_unknown
from spaic.Graph.values import as_value
from spaic.IO.declarations import brief, read, read_as
from spaic.IO.entries import KEYS, NETWORK, PATTERN, demand, demand_flags, demand_known, demand_moderate, referred, tags
from spaic.Learning.learner import Learner
from spaic.Learning.optimizer import Optimizer
from spaic.Monitor.monitor import Monitor
from spaic.Monitor.spike_monitor import SpikeMonitor
from spaic.Monitor.state_monitor import StateMonitor
from spaic.Network import context
from spaic.Network.assembly import Assembly
from spaic.Network.connection import Connection
from spaic.Network.container import Container
from spaic.Network.network import Network
from spaic.Network.neurongroup import NeuronGroup
from spaic.Network.projection import Projection
from spaic.Network.readers import Action, Decoder, Reward
from spaic.Network.sources import Encoder, Generator
from spaic.Network.stages import Shaping
from spaic.registry import links

Tree = dict[str, Any]


def rebuild(tree: Mapping[str, Any]) -> Network:
    """The network that a description declares.

    Raises
    ------
    DataError
        If the description is not one, naming the element.
    """
    demand(tree, {"network": dict, "models": dict, "elements": list}, "description")
    demand_known("description", tree, ("network", "models", "elements"))
    head = tree["network"]
    demand(head, {"name": (str, type(None)), "seed": int}, "network")
    demand_known("network", head, NETWORK)
    demand_flags("network", head, ("training",))
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


def _restore_settings(net: Network, head: Mapping[str, Any]) -> None:
    object.__setattr__(net, "type", tags(head, "network"))
    backend = head.get("backend")
    if backend is not None:
        demand_known("network.backend", backend, ("name", "device", "dt", "dtype"))
        demand(backend, {"name": str, "device": str, "dt": (int, float), "dtype": str}, "network.backend")
        net.set_backend(backend["name"], backend["device"], dt=backend["dt"], dtype=backend["dtype"])
    if head.get("runtime") is not None:
        net.set_runtime(head["runtime"])
    net.train(head.get("training", True))


def _restore_elements(net: Network, tree: Mapping[str, Any]) -> None:
    models = {name: read(model, f"models.{name}") for name, model in tree["models"].items()}
    entries: dict[str, Tree] = {}
    for i, entry in enumerate(tree["elements"]):
        demand(entry, {"path": str, "kind": str}, f"elements[{i}]")
        if entry["path"] in entries:
            raise DataError(f"{entry['path']}: the description has this path twice; the file is damaged")
        if entry["kind"] not in _READERS:
            raise DataError(f"{entry['path']}: unknown kind {entry['kind']!r}; {nearest(entry['kind'], _READERS)}")
        demand_known(entry["path"], entry, KEYS[entry["kind"]])
        demand_flags(entry["path"], entry, ("hidden", "frozen", "is_parameter"))
        entries[entry["path"]] = entry
    demand_moderate(entries)
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
    if name.startswith("_") or (name in vars(holder) and name not in holder._members):
        raise DataError(f"{path}: {name!r} is an attribute of every {holder.kind}; choose another name")
    setattr(holder, name, made[path])


def _restore_lists(holder: Any, lists: Mapping[str, Any], path: str) -> None:
    if not isinstance(lists, Mapping):
        raise DataError(f"{path}: 'lists' is {brief(lists)}; give a mapping from attributes to lists of names")
    for attribute, names in lists.items():
        if not is_name(attribute) or attribute.startswith("_") or hasattr(type(holder), attribute) or attribute in vars(holder):
            raise DataError(f"{path}: {attribute!r} cannot name a list of elements; the file is damaged")
        if not isinstance(names, (dict, list)):
            raise DataError(f"{path}: the list {attribute!r} is {brief(names)}; give the names of elements")
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
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError, MemoryError) as error:
        raise DataError(f"{path}: its description is not complete ({type(error).__name__}: {error}); the file is damaged") from error


def _read_group(entry: Tree, models: Mapping[str, Any], made: Mapping[str, Any]) -> NeuronGroup:
    return NeuronGroup(
        entry.get("num"),
        referred(entry, "model", models),
        entry.get("shape"),
        integrator=entry["integrator"],
        initial=read(entry["initial"], "initial"),
        trainable=entry["trainable"],
        neuron_type=list(tags(entry, entry["path"])),
        param=read(entry["parameters"], "parameters"),
    )


def _read_node(entry: Tree, models: Mapping[str, Any], made: Mapping[str, Any]) -> Any:
    kinds: dict[str, Any] = {"encoder": Encoder, "generator": Generator, "decoder": Decoder, "action": Action, "reward": Reward}
    kind = kinds[entry["kind"]]
    code = read_as(entry["code"], "code", entry["kind"])
    name = next(n for n in kind.codes if kind.codes[n] is type(code))
    given: Tree = {"coding_method": name}
    if kind in (Encoder, Generator):
        given["shape"] = entry["shape"]
    if kind is Action:
        given["num"] = entry["num"]
    if kind is not Encoder:
        given.update(dec_target=None if entry["target"] is None else referred(entry, "target", made), coding_var_name=entry["variable"])
    node = kind(**given)
    object.__setattr__(node, "code", code)
    return node


def _read_connection(entry: Tree, models: Mapping[str, Any], made: Mapping[str, Any]) -> Connection:
    return _read_pattern(entry, referred(entry, "pre", made), referred(entry, "post", made), models)


def _read_pattern(entry: Tree, pre: Any, post: Any, models: Mapping[str, Any]) -> Connection:
    low, high = entry["bounds"] or (None, None)
    c = Connection.pattern(
        pre,
        post,
        link_type=read_as(entry["link"], "link", "link"),
        delay=read(entry["delay"], "delay"),
        pre_var_name=entry["variable"],
        post_var_name=entry["port"],
        is_parameter=entry["is_parameter"],
        w_min=low,
        w_max=high,
        delay_trainable=entry.get("delay_limit") is not None,
        max_delay=entry.get("delay_limit"),
        sign=entry.get("sign"),
        w_norm=entry.get("norm"),
    )
    around = [tuple(_read_stage(stage, side, models) for stage in entry.get(side, ())) for side in ("before", "after")]
    last = () if entry["synapse"] is None else (_read_shaping(entry, models),)
    name = links.canonical(entry["link"]["name"])
    for attribute, value in (
        ("link_type", name),
        ("chain", (*around[0], c.link, *around[1], *last)),
    ):
        object.__setattr__(c, attribute, value)
    return c


def _read_stage(stage: Tree, side: str, models: Mapping[str, Any]) -> Any:
    """A stage of a connection before another one."""
    if not (isinstance(stage, Mapping) and "synapse" in stage):
        return read_as(stage, side, "link")
    demand_known(side, stage, ("synapse", "synapse_values"))
    return _read_shaping(stage, models)


def _read_shaping(entry: Tree, models: Mapping[str, Any]) -> Shaping:
    model, values = referred(entry, "synapse", models), read(entry["synapse_values"], "synapse_values")
    if not isinstance(model, SynapseModel):
        raise DataError(f"synapse: {entry['synapse']!r} is no synapse model; the file is damaged")
    reject_unknown(model.name, values, model.parameters, "synapse parameter")
    return Shaping(model, {k: as_value(v, k) for k, v in values.items()})


def _read_projection(entry: Tree, models: Mapping[str, Any], made: Mapping[str, Any]) -> Projection:
    pre, post = referred(entry, "pre", made), referred(entry, "post", made)
    p = Projection(pre, post)
    if "pattern" in entry:
        demand_known(entry["path"], entry["pattern"], PATTERN)
        demand_flags(entry["path"], entry["pattern"], ("is_parameter",))
        policies = tuple(read_as(p, "policies", "policy") for p in entry["policies"])
        object.__setattr__(p, "policies", policies)
        object.__setattr__(p, "pattern", _read_pattern(entry["pattern"], pre, post, models))
        object.__setattr__(p, "_expanded", set(entry["expanded"]))
    object.__setattr__(p, "type", tags(entry, entry["path"]))
    return p


def _read_assembly(entry: Tree, models: Mapping[str, Any], made: Mapping[str, Any]) -> Assembly:
    assembly = Assembly()
    object.__setattr__(assembly, "type", tags(entry, entry["path"]))
    return assembly


def _read_monitor(entry: Tree, models: Mapping[str, Any], made: Mapping[str, Any]) -> Monitor:
    kinds: dict[str, type[Monitor]] = {k.__name__: k for k in (StateMonitor, SpikeMonitor)}
    options = {k: read(v, k) for k, v in entry.items() if k not in ("path", "kind", "class", "target", "hidden", "frozen")}
    if "file" in options and not _is_near(options["file"]):
        warnings.warn(
            f"{entry['path']}: it recorded into {options.pop('file')!r}, outside of this folder; it records in memory now", stacklevel=2
        )
        options.pop("overwrite", None)
    return kinds[entry["class"]](referred(entry, "target", made), **options)


def _is_near(file: Any) -> bool:
    """Whether a file is in the folder one works in, or below it."""
    parts = PureWindowsPath(file) if isinstance(file, str) else PureWindowsPath("/")
    return not parts.anchor and ".." not in parts.parts


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
    "action": _read_node,
    "reward": _read_node,
    "projection": _read_projection,
    "connection": _read_connection,
    "monitor": _read_monitor,
    "learner": _read_learner,
    "optimizer": _read_optimizer,
}
