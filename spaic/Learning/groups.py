"""Groups of parameters that an optimizer treats differently: another learning rate, no weight decay."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from spaic.errors import DeclarationError, NetworkError
from spaic.Network.element import Element


@dataclass(frozen=True, eq=False)
class ParamGroup:
    """Some of the parameters that a learner trains, and the options of the optimizer that are theirs.

    Parameters
    ----------
    parts : tuple of Element
        Connections, groups and assemblies; everything the learner trains if there are none.
    names : tuple of str
        Names of parameters, such as ``"bias"``; all of them if there are none.
    options : mapping
        Option of the optimizer -> value.
    key : str
        By which it is known when a copy of it stands for other elements.
    """

    parts: tuple[Element, ...] = ()
    names: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    key: str = field(default_factory=lambda: uuid4().hex)

    def holds(self, element: Element, name: str) -> bool:
        """Whether a parameter of an element belongs to it."""
        return (not self.names or name in self.names) and (not self.parts or any(is_inside(element, part) for part in self.parts))

    def redirected(self, exchange: Callable[[Element], Element | None]) -> ParamGroup | None:
        """The same group of other elements; None if nothing of it is left."""
        parts = tuple(e for e in map(exchange, self.parts) if e is not None)
        return replace(self, parts=parts) if parts or not self.parts else None

    @property
    def is_hidden(self) -> bool:
        """Whether all its parts are hidden, so that it may well be empty."""
        return bool(self.parts) and not any(part.takes_part() for part in self.parts)

    def __repr__(self) -> str:
        shown = [", ".join(map(repr, self.parts)), f"names={list(self.names)}" if self.names else ""]
        return f"the parameter group of {' and '.join(s for s in shown if s)}"


def param_group(path: str, parts: Any, names: Any, options: Mapping[str, Any], others: Sequence[ParamGroup]) -> ParamGroup:
    """A checked group of a learner that has `others` already; `path` is for the messages."""
    chosen = elements(parts, path)
    called = (names,) if isinstance(names, str) else tuple(names)
    if not chosen and not called:
        raise DeclarationError(f"{path}: a parameter group of nothing; give parts (connections, groups, assemblies), names, or both")
    if not all(isinstance(n, str) and n for n in called):
        raise DeclarationError(f"{path}: names of parameters are {names!r}; give text such as 'bias', or a list of it")
    if not options:
        raise DeclarationError(f"{path}: a parameter group without options is as if it were not there; give one, such as lr=0.001")
    made = ParamGroup(chosen, called, dict(options))
    for part in chosen:
        earlier = [g for g in others if any(part is p for p in g.parts) and (not g.names or not called or set(g.names) & set(called))]
        if earlier or sum(part is p for p in chosen) > 1:
            raise DeclarationError(f"{path}: {part!r} is in two parameter groups, or twice in one; give each part once")
    return made


def divided(path: str, owned: Mapping[str, Element], groups: Sequence[ParamGroup]) -> list[list[str]]:
    """Paths of the parameters in no group, then of those in each group.

    Parameters
    ----------
    path : str
        Path of the learner, for the messages.
    owned : mapping of str to Element
        Path of a parameter -> whose it is.
    groups : sequence of ParamGroup
        The groups.
    """
    found: list[list[str]] = [[] for _ in range(len(groups) + 1)]
    for parameter, element in owned.items():
        holding = [i for i, group in enumerate(groups, 1) if group.holds(element, parameter.rpartition(".")[2])]
        if len(holding) > 1:
            both = " and in ".join(repr(groups[i - 1]) for i in holding)
            raise NetworkError(f"{path}: {parameter!r} is in {both}; name smaller parts, or parameters with names=, so that it is in one")
        found[holding[0] if holding else 0].append(parameter)
    for group, inside in zip(groups, found[1:], strict=True):
        if not inside and not group.is_hidden:
            raise NetworkError(
                f"{path}: {group!r} holds nothing that this learner trains ({', '.join(owned)}); correct it, or leave it out"
            )
    return found


def is_inside(element: Element, part: Element) -> bool:
    """Whether `element` is `part`, or in it."""
    above: Any = element
    while above is not None and above is not part:
        above = above.parent
    return above is not None


def elements(given: Any, path: str) -> tuple[Element, ...]:
    """One part of a network or several, as a tuple."""
    parts = () if given is None else tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
    for part in parts:
        if not isinstance(part, Element):
            raise DeclarationError(f"{path}: {part!r} is not a part of a network; give a network, assembly, group, connection or a list")
    return parts
