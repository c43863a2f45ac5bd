"""What the entries of a description may hold, checked before anything is made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod
from typing import Any

from spaic.errors import DataError, nearest

#: Keys of the network itself.
NETWORK = ("name", "seed", "runtime", "training", "type", "backend", "lists")

#: Keys of what makes a connection, without its ends.
PATTERN = (
    *("link", "delay", "variable", "port", "synapse", "synapse_values", "is_parameter", "bounds", "before", "after"),
    *("delay_limit", "sign", "norm"),
)

_ALL = ("path", "kind", "hidden", "frozen")
_NODE = (*_ALL, "code")

#: Keys of each kind of element; those of learners and optimizers are checked by what they declare.
KEYS: dict[str, tuple[str, ...] | None] = {
    "assembly": (*_ALL, "type", "lists"),
    "neurongroup": (*_ALL, "model", "num", "shape", "integrator", "parameters", "initial", "trainable", "type"),
    "encoder": (*_NODE, "shape"),
    "generator": (*_NODE, "shape", "target", "variable"),
    "decoder": (*_NODE, "target", "variable"),
    "action": (*_NODE, "target", "variable", "num"),
    "reward": (*_NODE, "target", "variable"),
    "projection": (*_ALL, "pre", "post", "type", "lists", "policies", "pattern", "expanded"),
    "connection": (*_ALL, "pre", "post", *PATTERN),
    "monitor": (*_ALL, *("class", "target", "var_name", "index", "dt", "get_grad", "nbatch", "file", "overwrite", "memory_limit")),
    "learner": None,
    "optimizer": None,
}

#: Neurons and inputs that a description may declare in all.
_MOST = 10**8


def demand(tree: Any, keys: Mapping[str, Any], where: str) -> None:
    """Refuse a mapping that lacks keys, or whose values are of another type."""
    if not isinstance(tree, Mapping):
        raise DataError(f"{where}: a mapping is needed, there is {type(tree).__name__}; the file is damaged or of another kind")
    for key, kinds in keys.items():
        if key not in tree:
            raise DataError(f"{where}: {key!r} is missing; the file is damaged or of another kind")
        if not isinstance(tree[key], kinds) or (isinstance(tree[key], bool) and kinds is not bool):
            raise DataError(f"{where}.{key}: {str(tree[key])[:60]!r} is of the wrong type; the file is damaged or of another kind")


def demand_known(where: str, tree: Any, known: Iterable[str] | None) -> None:
    """Refuse keys that mean nothing there; None is for entries that are checked elsewhere."""
    demand(tree, {}, where)
    for key in tree if known is not None else ():
        if key not in (names := tuple(known or ())):
            raise DataError(f"{where}: unknown key {key!r}; {nearest(key, names)}")


def demand_flags(where: str, tree: Mapping[str, Any], keys: Iterable[str]) -> None:
    """Refuse anything but a truth value under these keys."""
    for key in keys:
        if key in tree and not isinstance(tree[key], bool):
            raise DataError(f"{where}.{key}: {str(tree[key])[:60]!r} is no truth value; give true or false")


def demand_moderate(entries: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse more neurons and inputs than any machine this is for could hold."""
    total = 0
    for path, entry in entries.items():
        if entry["kind"] in ("neurongroup", "encoder", "generator"):
            total += _size(path, entry)
        if total > _MOST:
            raise DataError(f"{path}: with it the network has {total:,} neurons and inputs, more than {_MOST:,}; the file is damaged")


def _size(path: str, entry: Mapping[str, Any]) -> int:
    shape = [entry.get("num")] if entry.get("shape") is None else entry["shape"]
    sizes = list(shape) if isinstance(shape, (list, tuple)) else [shape]
    for size in sizes:
        if size is not None and (isinstance(size, bool) or not isinstance(size, int)):
            raise DataError(f"{path}: its size is {str(shape)[:60]}; give whole numbers")
    return prod(1 if size is None else max(size, 1) for size in sizes)


def tags(entry: Mapping[str, Any], path: str) -> tuple[str, ...]:
    """The types of an assembly or group: a list of text, or one text."""
    given = entry.get("type", ())
    found = (given,) if isinstance(given, str) else tuple(given) if isinstance(given, (list, tuple)) else None
    if found is None or not all(isinstance(tag, str) for tag in found):
        raise DataError(f"{path}.type: {str(given)[:60]!r} is of the wrong type; give a list of text")
    return found


def referred(entry: Mapping[str, Any], key: str, among: Mapping[str, Any]) -> Any:
    """What an entry names under a key: a model, or another element."""
    name = entry[key]
    if not isinstance(name, str) or name not in among:
        raise DataError(f"{entry.get('path', key)}: unknown {key} {str(name)[:60]!r}; {nearest(name, (n for n in among if n))}")
    return among[name]
