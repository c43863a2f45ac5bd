"""Which element an error at its declaration is about: its name where it is given, else what it is to join."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from spaic.Dynamics.expression import is_name
from spaic.errors import SpaicError
from spaic.Network import context


def introduce(error: SpaicError, kind: type, args: tuple[Any, ...], options: Mapping[str, Any]) -> None:
    """Begin the text of an error with the element that could not be made, as far as that is known.

    Parameters
    ----------
    error : SpaicError
        From the constructor of the element, or of one that the element makes.
    kind : type
        Class of the element.
    args, options : tuple, mapping
        What the constructor was given.
    """
    if not error.args or not isinstance(error.args[0], str):
        return
    given = _given(inspect.signature(kind.__init__), args, options)  # type: ignore[misc]
    name = _path(given.get("name", options.get("name")))
    inner, text = getattr(error, "_element", (None, error.args[0]))
    if name is None:
        name = _joined(kind, given) if inner is None else None
        if name is None:
            return
    elif inner is not None:
        name = f"{name}.{inner}" if all(map(is_name, inner.split("."))) else f"{name}, {inner}"
    error._element = name, text  # type: ignore[attr-defined]
    error.args = (f"{name}: {text}", *error.args[1:])


def _given(constructor: inspect.Signature, args: tuple[Any, ...], options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Arguments by name, without those that the constructor does not know."""
    takes_any = any(p.kind is p.VAR_KEYWORD for p in constructor.parameters.values())
    known = {k: v for k, v in options.items() if takes_any or k in constructor.parameters}
    try:
        return constructor.bind_partial(None, *args, **known).arguments
    except TypeError:  # more arguments than it takes
        return known


def _path(name: Any) -> str | None:
    """Where the element would be: under its name in the innermost open block."""
    if not isinstance(name, str) or not is_name(name):
        return None
    around = context.owner()
    return f"{around.path}.{name}" if around is not None and around.parent is not None else name


def _joined(kind: Any, given: Mapping[str, Any]) -> str | None:
    """An element without a name, told by what it refers to: of what has a place in a network, so that the path is known."""
    paths = [given[role].path for role in kind.refers if getattr(given.get(role), "parent", None) is not None]
    if not paths:
        return None
    if kind.refers == ("pre", "post"):
        return f"{kind.kind} from {paths[0]!r} to {paths[1]!r}" if len(paths) == 2 else None
    return f"{kind.kind} of {paths[0]!r}"
