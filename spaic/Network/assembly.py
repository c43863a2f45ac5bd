"""Assemblies: named groups of elements, nested as deep as one likes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from spaic.errors import NetworkError, nearest
from spaic.Network import context
from spaic.Network.element import Attachment, Element

A = TypeVar("A", bound="Assembly")


class Assembly(Element):
    """A container of groups, connections and other assemblies.

    Elements are added by assignment (``self.layer1 = NeuronGroup(...)``), in a ``with assembly:`` block, or with
    :meth:`add_assembly` and :meth:`add_connection`. Lists of elements work too: ``self.layers = [...]`` gives members
    ``layers_0``, ``layers_1``, ...

    Parameters
    ----------
    name : str, optional
        Name where it is not assigned to an attribute.
    """

    kind = "assembly"

    def __init__(self, name: str | None = None) -> None:
        object.__setattr__(self, "_members", {})
        object.__setattr__(self, "_unnamed", set())
        super().__init__(name)

    _members: dict[str, Any]
    _unnamed: set[str]

    def __setattr__(self, name: str, value: Any) -> None:
        if "_members" not in self.__dict__:
            raise NetworkError(f"{type(self).__name__}: {name!r} is assigned before super().__init__() ran; call it first in __init__")
        if isinstance(value, Attachment):
            self._adopt(name, value)
        elif isinstance(value, (list, tuple)) and value and all(isinstance(v, Attachment) for v in value):
            for old in self._listed(name)[len(value) :]:
                self._release(old)
            for i, item in enumerate(value):
                self._adopt(f"{name}_{i}", item)
        elif name in self._members:
            self._release(name)
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        if name in self._members:
            self._release(name)
        object.__delattr__(self, name)

    def __enter__(self: A) -> A:
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
        for variable, element in new:
            own = variable or getattr(element, "name", None)
            if own is None:
                own = self._automatic_name(element)
                self._unnamed.add(own)
            setattr(self, own, element)

    def members(self, kind: type | tuple[type, ...] = Element) -> Iterator[Any]:
        """All elements of a kind, in this assembly and those inside it."""
        for member in self._members.values():
            if isinstance(member, kind):
                yield member
            if isinstance(member, Assembly):
                yield from member.members(kind)

    def attachments(self, kind: type) -> list[Any]:
        """What belongs to this assembly itself and is of a kind, elements or not."""
        return [m for m in self._members.values() if isinstance(m, kind)]

    def add_assembly(self, name: str, assembly: Element) -> None:
        """Add a member under a name that is free."""
        if name in self._members:
            raise NetworkError(f"{self._label()}: the name {name!r} is taken by {self._members[name]!r}; choose another one")
        if any(assembly is m for m in self._members.values()):
            raise NetworkError(f"{self._label()}: {assembly!r} is a member already; make a new one to add it again")
        setattr(self, name, assembly)

    def add_connection(self, name: str, connection: Element) -> None:
        """Add a connection under a name that is free."""
        self.add_assembly(name, connection)

    def _adopt(self, name: str, value: Any) -> None:
        if isinstance(value, Element):
            self._check_adoption(name, value)
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
        if hasattr(type(self), name):
            raise NetworkError(f"{self._label()}: {name!r} is a method of {type(self).__name__}; choose another name")

    def _release(self, name: str) -> None:
        member = self._members.pop(name)
        if isinstance(member, Element):
            object.__setattr__(member, "parent", None)
        self._changed()

    def _changed(self) -> None:
        """Tell the network above that it has to be built anew."""
        if self.parent is not None:
            self.parent._changed()

    def _listed(self, name: str) -> list[str]:
        """Names of the members that a list under this attribute has."""
        value = self.__dict__.get(name)
        return [f"{name}_{i}" for i in range(len(value)) if f"{name}_{i}" in self._members] if isinstance(value, (list, tuple)) else []

    def _automatic_name(self, element: Any) -> str:
        kind = getattr(element, "kind", type(element).__name__.lower())
        number = 1
        while f"{kind}{number}" in self._members:
            number += 1
        return f"{kind}{number}"

    def _label(self) -> str:
        return self.path if self.parent is not None else (self.name or type(self).__name__)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        members = self.__dict__.get("_members", {})
        if name in members:
            return members[name]
        raise AttributeError(f"{type(self).__name__} has no member or attribute {name!r}; {nearest(name, members)}")
