"""Edits that happen whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from spaic.Network.container import Container
from spaic.Network.element import Element

F = TypeVar("F", bound=Callable[..., Any])


def whole(edit: F) -> F:
    """An edit of a container that leaves everything as it was if it raises an error.

    What is kept are the attributes of every element of the network around the container and of all elements among the arguments.
    """

    @wraps(edit)
    def edited(self: Container, *args: Any, **options: Any) -> Any:
        before = _attributes(self, *args, *options.values())
        try:
            return edit(self, *args, **options)
        except BaseException:
            for element, values in before:
                element.__dict__.clear()
                element.__dict__.update(values)
            raise

    return edited  # type: ignore[return-value]


def _attributes(*given: Any) -> list[tuple[Element, dict[str, Any]]]:
    """Elements within reach of what is given, and copies of their attributes."""
    found: dict[int, Element] = {}
    for value in given:
        for item in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(item, Element):
                top = item._top
                found[id(top)] = top
                found.update({id(e): e for e in (top.everything() if isinstance(top, Container) else ())})
    return [(element, {k: _shallow(v) for k, v in element.__dict__.items()}) for element in found.values()]


def _shallow(value: Any) -> Any:
    return value.copy() if type(value) in (dict, set, list) else value
