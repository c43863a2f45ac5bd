"""Declarations as plain data and back: models as their equations, codes, links and initializers by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from spaic import registry
from spaic.Dynamics.models import NeuronModel, SynapseModel
from spaic.Dynamics.parameter import Parameter
from spaic.Dynamics.surrogate import Surrogate
from spaic.errors import DataError, SpaicError, UnsupportedError, nearest
from spaic.Graph.digest import digest
from spaic.Graph.values import Draw
from spaic.Network.connection import LinkType
from spaic.Network.policies import BoundaryPolicy, ConnectPolicy, ExcludedTypePolicy, IncludedTypePolicy, IndexConnectPolicy, _Both
from spaic.registry import Registry

#: The key that says what a mapping stands for.
KIND = "is"

#: What is written in full, because it is nothing but its fields.
_WHOLE: dict[str, type] = {
    "neuron model": NeuronModel,
    "synapse model": SynapseModel,
    "surrogate": Surrogate,
    "parameter": Parameter,
    "included types": IncludedTypePolicy,
    "excluded types": ExcludedTypePolicy,
    "places": IndexConnectPolicy,
    "boundary": BoundaryPolicy,
    "both": _Both,
}

#: What is written as a registered name and the fields of its dataclass.
_NAMED: dict[str, tuple[type, Registry[Any]]] = {
    "initializer": (Draw, registry.initializers),
    "link": (LinkType, registry.links),
}

#: Codes of nodes, which have no common base below the Library.
_CODES: dict[str, Registry[Any]] = {
    "encoder": registry.encoders,
    "generator": registry.generators,
    "decoder": registry.decoders,
    "action": registry.actions,
    "reward": registry.rewards,
}


def write(value: Any, path: str) -> Any:
    """`value` as plain data: numbers, text, lists, mappings and arrays.

    Parameters
    ----------
    value : Any
        A declaration, or plain data that may hold declarations.
    path : str
        Where it belongs, for messages.

    Raises
    ------
    UnsupportedError
        For a function, or an object of a class that is not registered.
    """
    if value is None or isinstance(value, (bool, int, float, str, np.ndarray)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        return [write(v, f"{path}[{i}]") for i, v in enumerate(value)]
    if isinstance(value, (set, frozenset)):
        return sorted(write(v, path) for v in value)
    if isinstance(value, Mapping):
        return {str(k): write(v, f"{path}.{k}") for k, v in value.items()}
    for kind, whole in _WHOLE.items():
        if type(value) is whole:
            return {KIND: kind, **_fields(value, path)}
    for kind, (base, names) in _NAMED.items():
        if isinstance(value, base):
            return {KIND: kind, "name": _name(value, names, path), **_fields(value, path)}
    for kind, names in _CODES.items():
        if type(value) in names.values():
            return {KIND: kind, "name": _name(value, names, path), **_fields(value, path)}
    what = "a Python function" if callable(value) else f"an object of the class {type(value).__name__}, which is not registered,"
    raise UnsupportedError(f"{path}: {what} cannot be written to a file; register the class, or leave it out")


def read(tree: Any, path: str) -> Any:
    """What :func:`write` wrote.

    Raises
    ------
    DataError
        If the data are not of that form, or name something that is not registered here.
    """
    if isinstance(tree, list):
        return [read(v, f"{path}[{i}]") for i, v in enumerate(tree)]
    if not isinstance(tree, dict):
        return tree
    if KIND not in tree:
        return {k: read(v, f"{path}.{k}") for k, v in tree.items()}
    fields = {k: read(v, f"{path}.{k}") for k, v in tree.items() if k not in (KIND, "name")}
    kind = tree[KIND]
    for key in (KIND, "name"):
        if key in tree and not isinstance(tree[key], str):
            raise DataError(f"{path}.{key}: {brief(tree[key])} is no text; give the name of a kind that is registered")
    if kind in _WHOLE:
        made = _made(_WHOLE[kind], {**fields, **({"name": tree["name"]} if "name" in tree else {})}, path)
        return _registered(kind, made)
    names = _CODES.get(kind) or (_NAMED[kind][1] if kind in _NAMED else None)
    if names is None:
        raise DataError(f"{path}: unknown kind {kind!r}; {nearest(kind, [*_WHOLE, *_NAMED, *_CODES])}")
    if tree.get("name") not in names:
        raise DataError(
            f"{path}: the {kind} {tree.get('name')!r} is not registered here; import the module that registers it before loading "
            f"({nearest(tree.get('name'), names)})"
        )
    return _made(names[tree["name"]], fields, path)


def read_as(tree: Any, path: str, kind: str) -> Any:
    """What :func:`write` wrote of something of a kind: link, policy, encoder, generator or decoder.

    Raises
    ------
    DataError
        If it is something else.
    """
    made = read(tree, path)
    base = {"link": LinkType, "policy": ConnectPolicy}.get(kind)
    is_right = isinstance(made, base) if base is not None else any(type(made) is c for c in _CODES[kind].values())
    if not is_right:
        raise DataError(f"{path}: {brief(tree)} is no {kind}; give a mapping with '{KIND}: {kind}' and its name")
    return made


def brief(value: Any) -> str:
    """The beginning of a value, for messages."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _fields(value: Any, path: str) -> dict[str, Any]:
    """Fields that differ from their defaults."""
    found: dict[str, Any] = {}
    for f in dataclasses.fields(value):
        own = getattr(value, f.name)
        default = f.default_factory() if f.default_factory is not dataclasses.MISSING else f.default
        if default is dataclasses.MISSING or not _equal(own, default):
            found[f.name] = write(own, f"{path}.{f.name}")
    return found


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return False
    return type(a) is type(b) and bool(a == b)


def _name(value: Any, names: Registry[Any], path: str) -> str:
    for name in names:
        if names[name] is type(value):
            return name
    raise UnsupportedError(
        f"{path}: the class {type(value).__name__} is not registered, so that a file cannot name it; register it with "
        "@spaic.registry.<kind>.register('name')"
    )


def _made(kind: type, fields: dict[str, Any], path: str) -> Any:
    known = [f.name for f in dataclasses.fields(kind)]
    for name in fields:
        if name not in known:
            raise DataError(f"{path}: {kind.__name__} has no field {name!r}; {nearest(name, known)}")
    tuples = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
    try:
        return kind(**tuples)
    except SpaicError as error:
        raise DataError(f"{path}: {error}") from error
    except (TypeError, ValueError, AttributeError, LookupError, RecursionError, ArithmeticError) as error:
        raise DataError(f"{path}: its fields do not make a {kind.__name__} ({error}); the file is damaged") from error


def _registered(kind: str, made: Any) -> Any:
    """The registered declaration, if it is the same one."""
    names = {"neuron model": registry.neurons, "synapse model": registry.synapses, "surrogate": registry.surrogates}.get(kind)
    if names is not None and made.name in names and digest(names[made.name]) == digest(made):
        return names[made.name]
    return made
