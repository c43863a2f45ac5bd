"""Learners as plain data, for files, and back."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from typing import Any

from spaic.Dynamics.parameter import Parameter
from spaic.Dynamics.surrogate import Surrogate
from spaic.errors import DeclarationError, UnknownName, UnsupportedError, nearest
from spaic.Learning.optimizer import Optimizer
from spaic.Learning.plain import plain
from spaic.Learning.schedule import Schedule
from spaic.Network import context
from spaic.Network.element import Element
from spaic.registry import learners, surrogates

#: What a description holds.
KEYS = ("algorithm", "trainable", "options", "optimizer", "schedule", "groups")

#: Arguments of a learner that have a place of their own in it.
_OURS = ("self", "trainable", "name", "optimizer", "groups")


def described(learner: Any) -> dict[str, Any]:
    """How `learner` was declared: registered name, paths of what it trains, and the arguments of its constructor."""
    where = learner.path
    schedule, declared = learner._schedule, learner._declared
    if schedule is not None and schedule.functions:
        raise UnsupportedError(f"{where}: the schedule {schedule.name} has a Python function; use one with numbers, such as SequentialLR")
    return {
        "algorithm": _registered(learner),
        "trainable": [_path(part) for part in learner.trainable] or None,
        "options": {name: _option(learner, name) for name in _arguments(type(learner))},
        "optimizer": None if declared is None else declared.describe(),
        "schedule": None if schedule is None else plain(dataclasses.asdict(schedule), f"{where}.schedule"),
        "groups": [
            {"parts": [_path(part) for part in g.parts], "names": list(g.names), "options": plain(g.options, f"{where}: {g!r}")}
            for g in learner.param_groups
        ],
    }


def rebuilt(description: Mapping[str, Any], elements: Mapping[str, Element]) -> Any:
    """The learner that :func:`described` wrote down, of `elements` by their paths."""
    if not isinstance(description, Mapping) or sorted(description) != sorted(KEYS):
        keys = sorted(description) if isinstance(description, Mapping) else repr(description)
        raise DeclarationError(f"learner: the description has keys {keys}, not {sorted(KEYS)}; give what describe() returned")
    options = {name: _read(value) for name, value in description["options"].items()}
    paths, optimizer = description["trainable"], description["optimizer"]
    trainable = None if paths is None else [_element(path, elements) for path in paths]
    made = learners[description["algorithm"]](trainable=trainable, **options)
    if optimizer is not None:
        made.set_optimizer(Optimizer(**optimizer))
    if description["schedule"] is not None:
        made.set_schedule(Schedule(**description["schedule"]))
    for group in description["groups"]:
        parts = [_element(path, elements) for path in group["parts"]]
        made.add_param_group(parts or None, names=group["names"], **group["options"])
    context.forget(made)
    return made


def _registered(learner: Any) -> str:
    name = next((n for n in learners if learners[n] is type(learner)), None)
    if name is None:
        raise UnsupportedError(
            f"{learner.path}: {type(learner).__name__} is not registered, so that a file could not name it; decorate the class with "
            "spaic.registry.learners.register('a name')"
        )
    return name


def _arguments(kind: type) -> list[str]:
    """Names of the constructor's own arguments; where it takes any (``**options``), those of its base too."""
    found: dict[str, None] = {}
    for base in kind.__mro__:
        if "__init__" not in vars(base):
            continue
        parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
        named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        found.update(dict.fromkeys(p.name for p in parameters if p.kind in named and p.name not in _OURS))
        if all(p.kind is not inspect.Parameter.VAR_KEYWORD for p in parameters):
            break
    return list(found)


def _option(learner: Any, name: str) -> Any:
    """The value of a constructor's argument, which a learner keeps under the same name."""
    if not hasattr(learner, name):
        raise UnsupportedError(
            f"{learner.path}: {type(learner).__name__} does not keep its argument {name!r}; set self.{name} in its __init__"
        )
    value = getattr(learner, name)
    return _surrogate(value) if isinstance(value, Surrogate) else plain(value, f"{learner.path}.{name}")


def _surrogate(surrogate: Surrogate) -> dict[str, Any]:
    """The registered name and the values; the whole declaration if it is not registered."""
    own = {"surrogate": surrogate.name, "values": dict(surrogate.values)}
    known = surrogates.get(surrogate.name)
    if known is not None and (known.derivative, known.parameters) == (surrogate.derivative, surrogate.parameters):
        return own
    parameters = {name: dataclasses.asdict(p) for name, p in surrogate.parameters.items()}
    return {**own, "derivative": surrogate.derivative, "parameters": parameters}


def _read(value: Any) -> Any:
    if not isinstance(value, Mapping) or "surrogate" not in value:
        return value
    if "derivative" not in value:
        return surrogates[value["surrogate"]].using(**value["values"])
    parameters = {name: Parameter(**fields) for name, fields in value["parameters"].items()}
    return Surrogate(value["surrogate"], value["derivative"], parameters, value["values"])


def _path(element: Element) -> str:
    return "" if element.parent is None else element.path


def _element(path: str, elements: Mapping[str, Element]) -> Element:
    if path not in elements:
        raise UnknownName(f"learner: there is no element {path!r} to train; {nearest(path, elements)}")
    return elements[path]
