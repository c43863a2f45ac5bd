"""Containers: named elements, nested as deep as one likes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from spaic.Dynamics.expression import is_name
from spaic.errors import NetworkError, nearest
from spaic.Network import context
from spaic.Network.element import Attachment, Element
from spaic.Network.foreign import refuse_torch

C = TypeVar("C", bound="Container")

#: Attributes of every container.
_RESERVED = ("name", "parent", "type")


class Container(Element):
    """Elements under names: by assignment, in a ``with`` block, or by a method of :class:`spaic.Assembly`.

    Parameters
    ----------
    name : str, optional
        Name where it is not assigned to an attribute.
    """

    def __init__(self, name: str | None = None) -> None:
        object.__setattr__(self, "_members", {})
        object.__setattr__(self, "_unnamed", set())
        object.__setattr__(self, "_origins", {})
        super().__init__(name)

    _members: dict[str, Any]
    _unnamed: set[str]
    _origins: dict[str, str]  # member -> the attribute whose list or dict brought it

    def __setattr__(self, name: str, value: Any) -> None:
        if "_members" not in self.__dict__:
            raise NetworkError(f"{type(self).__name__}: {name!r} is assigned before super().__init__() ran; call it first in __init__")
        if isinstance(value, Attachment):
            self._adopt(name, value)
        elif not name.startswith("_"):
            refuse_torch(self._label(), name, value)
            if name in self._members:
                self._release(name)
            items = _items(name, value)
            collected = self._collected(name)
            for own, item in items:
                self._check(own, item, leaving=collected)
            for old in collected:
                self._release(old)
            for own, item in items:
                self._adopt(own, item)
                self._origins[own] = name
        object.__setattr__(self, name, value)

    def __enter__(self: C) -> C:
        context.enter(self)
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        made = context.leave()
        if error is not None:
            return
        new = [(n, e) for n, e in made if getattr(e, "parent", None) is None and not any(e is m for m in self._members.values())]
        replaced = [self._members[n] for n, _ in new if n in self._members]
        for name, member in list(self._members.items()):  # a cell that is run again: what had no name goes with what it joined
            if name in self._unnamed and any(part is old for part in member.parts() for old in replaced):
                self._release(name)
        before = {_likeness(self._members[name]): self._members[name] for name in self._members if name in self._unnamed}
        for variable, element in new:
            own = variable or getattr(element, "name", None)
            if own is None:
                own = self._automatic_name(element)
                self._unnamed.add(own)
                self._warn_of_double(own, before.get(_likeness(element)))
            setattr(self, own, element)

    def members(self, kind: type | tuple[type, ...] = Element) -> Iterator[Any]:
        """All elements of a kind that take part, in this container and those inside it."""
        for member in self.everything(kind):
            if member.takes_part():
                yield member

    def everything(self, kind: type | tuple[type, ...] = Element) -> Iterator[Any]:
        """All elements of a kind, the hidden ones too."""
        for member in self._members.values():
            if isinstance(member, kind):
                yield member
            if isinstance(member, Container):
                yield from member.everything(kind)

    def attachments(self, kind: type) -> list[Any]:
        """What belongs to this container itself and is of a kind, elements or not."""
        return [m for m in self._members.values() if isinstance(m, kind)]

    def __contains__(self, element: object) -> bool:
        """Whether an element is in this container or one inside it."""
        return any(element is e for e in self.everything())

    def _check(self, name: Any, value: Any, leaving: Iterable[str] = ()) -> None:
        """Refuse a name that cannot be one, or an element that cannot be here; members that are `leaving` are as good as gone."""
        if not isinstance(name, str) or not is_name(name) or name.startswith("_"):
            raise NetworkError(f"{self._label()}: {name!r} cannot be a name; use letters, digits and underscores, beginning with a letter")
        if hasattr(type(self), name):
            raise NetworkError(f"{self._label()}: {name!r} is a method of {type(self).__name__}; choose another name")
        if name in _RESERVED:
            raise NetworkError(f"{self._label()}: {name!r} is an attribute of every {self.kind}; choose another name")
        if isinstance(value, Element) and not (value.parent is self and str(value.name) in leaving):
            self._check_adoption(name, value)

    def _adopt(self, name: str, value: Any) -> None:
        self._check(name, value)
        if isinstance(value, Element) and value.parent is None:
            value._enter()
        context.forget(value)  # it has its place, whatever block it was made in
        if name in self._members and self._members[name] is not value:
            self._release(name)
        self._members[name] = value
        if isinstance(value, Element):
            object.__setattr__(value, "name", name)
            object.__setattr__(value, "parent", self)
        self._changed()

    def _check_adoption(self, name: str, value: Element) -> None:
        above: Any = self
        while above is not None:
            if above is value:
                raise NetworkError(f"{self._label()}: {name!r} would put the assembly inside itself; make a new one")
            above = above.parent
        if value.parent is not None and value.parent is not self:
            raise NetworkError(f"{self._label()}: {value.path!r} belongs to another assembly already; remove it there or make a new one")
        if value.parent is self and value.name != name and self._members.get(str(value.name)) is value:
            raise NetworkError(f"{self._label()}: {value.name!r} is a member already, {name!r} would be its second name; keep one")

    def _release(self, name: str) -> None:
        member = self._members.pop(name)
        self.__dict__.pop(name, None)
        for attribute, value in list(self.__dict__.items()):
            if not attribute.startswith("_") and any(item is member for _, item in _items(attribute, value)):
                self.__dict__[attribute] = _kept(value, lambda item: item is not member)
        self._unnamed.discard(name)
        self._origins.pop(name, None)
        if isinstance(member, Element):
            self._top._remember(member)
            object.__setattr__(member, "parent", None)
        self._changed()

    def _remember(self, element: Element) -> None:
        """Let an element that leaves carry what it has learned; overridden by networks, which hold weights."""

    def _collected(self, name: str) -> list[str]:
        """Names of the members that a list or dict under this attribute holds."""
        held = [id(item) for _, item in _items(name, self.__dict__.get(name))]
        return [n for n, m in self._members.items() if id(m) in held and n != name] if held else []

    def _gather(self) -> None:
        """Take in what was put into lists and dicts after they were assigned, and let go what left them."""
        held = {name: _items(name, value) for name, value in self.__dict__.items() if not name.startswith("_")}
        inside = {name: {id(item) for _, item in items} for name, items in held.items() if items}
        for name, attribute in list(self._origins.items()):
            if id(self._members[name]) not in inside.get(attribute, ()):
                self._release(name)
        for attribute in inside:
            for own, item in held[attribute]:
                if isinstance(item, Element) and item.parent is None:
                    free = own if own not in self._members else self._free_name(own)
                    self._adopt(free, item)
                    self._origins[free] = attribute
        for member in list(self._members.values()):
            if isinstance(member, Container):
                member._gather()

    def _free_name(self, name: str) -> str:
        """`name`, or the first of ``name_1``, ``name_2``, ... that nothing here has."""
        taken = set(self._members)
        number, free = 0, name
        while free in taken or hasattr(type(self), free):
            number += 1
            free = f"{name}_{number}"
        return free

    def _automatic_name(self, element: Any) -> str:
        kind = getattr(element, "kind", type(element).__name__.lower())
        number = 1
        while f"{kind}{number}" in self._members:
            number += 1
        return f"{kind}{number}"

    def _warn_of_double(self, name: str, double: Any) -> None:
        """A cell that is run again makes what it does not name once more, which nobody may have meant."""
        if isinstance(double, Element) and double.parts():
            warnings.warn(
                f"{self._label()}: {name!r} refers to the same elements as {double.name!r}, and both are there now; if a cell was run "
                f"again, remove one with del_assembly({double.name!r}), and give it a name, under which the next one takes its place",
                UserWarning,
                stacklevel=3,
            )

    def _label(self) -> str:
        return self.path if self.parent is not None else (self.name or type(self).__name__)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        members = self.__dict__.get("_members", {})
        if name in members:
            return members[name]
        known = [*members, *(n for n in dir(type(self)) if not n.startswith("_"))]
        raise AttributeError(f"{type(self).__name__} has no member or attribute {name!r}; {nearest(name, known)}")


def _likeness(element: Any) -> Any:
    """Equal for elements of one kind that refer to the same others; their numbers may differ."""
    if not isinstance(element, Element):
        return id(element)
    words = frozenset((k, v) for k, v in vars(element).items() if isinstance(v, str) and k != "name")
    return type(element), tuple(map(id, element.parts())), words


def _items(name: str, value: Any) -> list[tuple[str, Any]]:
    """What a list, tuple or dict of elements holds, with the name of each: ``layers_0``, ``layers_1``, ..."""
    if isinstance(value, dict):
        pairs = [(f"{name}_{key}", item) for key, item in value.items()]
    elif isinstance(value, (list, tuple)):
        pairs = [(f"{name}_{i}", item) for i, item in enumerate(value)]
    else:
        return []
    return [(own, item) for own, item in pairs if isinstance(item, Attachment)]


def _kept(value: Any, is_kept: Callable[[Any], bool]) -> Any:
    """A list, tuple or dict with the items that are kept."""
    if isinstance(value, dict):
        return {key: item for key, item in value.items() if is_kept(item)}
    return type(value)(item for item in value if is_kept(item))
