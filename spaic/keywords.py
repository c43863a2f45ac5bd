"""Misspelt keywords of what users call: refused with the nearest name, in one way for all classes and functions."""

from __future__ import annotations

import inspect
from abc import ABCMeta
from collections.abc import Callable, Iterable, MutableMapping
from functools import cache, wraps
from typing import Any, TypeVar

from spaic.errors import reject_unknown

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


def refuse_misspelt(names: MutableMapping[str, Any], public: Iterable[str]) -> None:
    """Let the public classes and functions of a module name the keywords that they do not know.

    Parameters
    ----------
    names : mapping
        The module's own names, in which functions are exchanged.
    public : iterable of str
        Those that users call.
    """
    for name in public:
        if inspect.isclass(names[name]):
            named_keywords(names[name])
        elif inspect.isfunction(names[name]):
            names[name] = checked(names[name])


def named_keywords(kind: type[T]) -> type[T]:
    """Let the constructor of a class name a keyword that it does not know; returns the class.

    Examples
    --------
    >>> class Box:
    ...     def __init__(self, width=1, *, height=1):
    ...         self.area = width * height
    >>> named_keywords(Box)(2, height=3).area
    6
    >>> Box(hieght=3)
    Traceback (most recent call last):
        ...
    spaic.errors.DeclarationError: Box: unknown keyword 'hieght'; did you mean 'height'?
    """
    if type(kind) not in (type, ABCMeta) or issubclass(kind, BaseException):  # elements of a network: their metaclass does it
        return kind
    entry = "__new__" if kind.__init__ is object.__init__ else "__init__"
    owner = next(c for c in kind.__mro__ if entry in vars(c))
    if owner.__module__.partition(".")[0] == kind.__module__.partition(".")[0]:
        made = checked(getattr(owner, entry), is_constructor=True)
        setattr(owner, entry, staticmethod(made) if entry == "__new__" else made)
    return kind


@cache
def checked(function: F, is_constructor: bool = False) -> F:
    """`function`, which names a keyword that it does not know; itself where it takes any keyword, or looks at them already."""
    parameters = list(inspect.signature(function, follow_wrapped=False).parameters.values())
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return function
    parameters = parameters[is_constructor or (bool(parameters) and parameters[0].name == "self") :]
    known = tuple(p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))
    is_known = frozenset(known).__contains__

    @wraps(function)
    def called(*args: Any, **options: Any) -> Any:
        if not all(map(is_known, options)):
            reject_unknown(_name(args[0]) if is_constructor else function.__qualname__, options, known)
        return function(*args, **options)

    return called  # type: ignore[return-value]


def _name(made: Any) -> str:
    """Of the class that is called: its object comes first, or itself for ``__new__``."""
    return str((made if isinstance(made, type) else type(made)).__name__)
