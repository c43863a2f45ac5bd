"""Edits that happen whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from spaic.Network.container import Container
from spaic.Network.element import Element

F = TypeVar("F", bound=Callable[..., Any])
Kept = list[tuple[Element, dict[str, Any]]]

#: Attributes of containers that an addition changes in place.
_CHANGING = frozenset({"_members", "_unnamed", "_origins"})


def whole(edit: F) -> F:
    """An edit of a container that leaves everything as it was if it raises an error.

    What is kept are the attributes of every element of the network around the container and of all elements among the arguments.
    """

    return _guarded(edit, _attributes)


def whole_addition(edit: F) -> F:
    """As :func:`whole`, for an edit that does nothing but give a new element a place in the container: it takes the same time in a large
    network as in a small one.

    What is kept are the attributes of the container, of those around it, and of what is inside a new element.
    """
    return _guarded(edit, _of_addition)


def _guarded(edit: F, kept: Callable[..., Kept]) -> F:
    @wraps(edit)
    def edited(self: Container, *args: Any, **options: Any) -> Any:
        before = kept(self, *args, *options.values())
        try:
            return edit(self, *args, **options)
        except BaseException:
            for element, values in before:
                element.__dict__.clear()
                element.__dict__.update(values)
            raise

    return edited  # type: ignore[return-value]


def _of_addition(container: Container, *given: Any) -> Kept:
    around: list[Any] = [container]
    while around[-1].parent is not None:
        around.append(around[-1].parent)
    kept: Kept = [(c, {**c.__dict__, **{k: _shallow(c.__dict__[k]) for k in c.__dict__.keys() & _CHANGING}}) for c in around]
    return kept + _attributes(*(e for e in given if isinstance(e, Element) and e.parent is None and e is not around[-1]))


def _attributes(*given: Any) -> Kept:
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
