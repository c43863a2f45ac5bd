"""Assemblies: containers of groups and connections, and how they are edited."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from spaic.errors import NetworkError, UnknownName, nearest
from spaic.Network import context
from spaic.Network.container import Container
from spaic.Network.copying import copies
from spaic.Network.element import Element
from spaic.Network.references import category, demand_readable, exchange_of, remove, settle
from spaic.Network.transaction import whole, whole_addition

E = TypeVar("E", bound=Element)


class Assembly(Container):
    """A container of groups, connections and other assemblies.

    Elements are added by assignment (``self.layer1 = NeuronGroup(...)``), in a ``with assembly:`` block, or with
    :meth:`add_assembly` and :meth:`add_connection`. Lists and dicts of elements work too: ``self.layers = [...]`` gives members
    ``layers_0``, ``layers_1``, ...

    An edit that cannot be done raises an error and leaves everything as it was. Weights that still fit are kept by every edit.

    Parameters
    ----------
    name : str, optional
        Name where it is not assigned to an attribute.

    Examples
    --------
    >>> import spaic
    >>> net = spaic.Network()
    >>> net.layer1 = spaic.NeuronGroup(10, model="lif")
    >>> net.layer2 = spaic.NeuronGroup(5, model="lif")
    >>> net.wire = spaic.Connection(net.layer1, net.layer2)
    >>> net.replace_assembly(net.layer1, spaic.NeuronGroup(20, model="clif"))
    >>> net.wire.pre
    <NeuronGroup layer1>
    >>> net.del_assembly("layer2")
    ['layer2', 'wire']
    """

    kind = "assembly"

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        object.__setattr__(self, "type", ())

    type: tuple[str, ...]

    def add_type(self, tag: str) -> None:
        """Add a tag for connection policies."""
        object.__setattr__(self, "type", (*self.type, tag))
        self._changed()

    # --- edits

    @whole_addition
    def add_assembly(self, name: str, assembly: E) -> E:
        """Add a member under a name that is free, and return it."""
        if not isinstance(assembly, Element):
            raise NetworkError(f"{self._label()}: {assembly!r} is not a part of a network; give a group, an assembly or a node")
        self._check(name, assembly)
        if name in self._members:
            raise NetworkError(f"{self._label()}: the name {name!r} is taken by {self._members[name]!r}; choose another one")
        if assembly.parent is self:
            raise NetworkError(f"{self._label()}: {assembly!r} is a member already; make a new one to add it again")
        setattr(self, name, assembly)
        return assembly

    def add_connection(self, name: str, connection: E) -> E:
        """Add a connection under a name that is free, and return it."""
        return self.add_assembly(name, connection)

    add_projection = add_learner = add_monitor = add_connection

    @whole
    def del_assembly(self, assembly: Element | str | None = None, name: str | None = None) -> list[str]:
        """Remove an element, and with it everything that refers to it: connections, decoders, monitors.

        Learners go on with what is left of their parts.

        Parameters
        ----------
        assembly : Element or str
            The element, or its name or path from here.
        name : str, optional
            The same by keyword.

        Returns
        -------
        list of str
            Paths of all that was removed.
        """
        element = self._found(assembly if name is None else name)
        if element.name in getattr(element.parent, "_expanded", ()):
            raise NetworkError(f"{element.path}: its projection makes it again; hide it, or change the policies of {element.parent.path!r}")
        return remove(self._top, {id(element): element})

    def __delattr__(self, name: str) -> None:
        if name in self._members and isinstance(self._members[name], Element):
            self.del_assembly(name)
        elif name in self._members:
            self._release(name)
        else:
            object.__delattr__(self, name)

    def del_connection(self, connection: Element | str | None = None, name: str | None = None) -> list[str]:
        """Remove a connection, and what refers to it; see :meth:`del_assembly`."""
        return self.del_assembly(connection, name)

    @whole
    def copy_assembly(self, name: str, assembly: Any) -> Any:
        """Add a copy of an element, or of the one of a name or path, under a name that is free; the original is left untouched.

        The copy has no members in common with the original. It starts with the weights that the original has now.
        """
        original = assembly if isinstance(assembly, Element) else self._found(assembly)
        copied = copies([original])[0]
        if original._top is not self._top:
            settle([copied], original._top)
        self.add_assembly(name, copied)
        self._demand_no_strays([copied], f"a copy of {original!r}")
        return copied

    @whole
    def replace_assembly(self, old: Element | str, new: Element) -> None:
        """Put `new` in the place of `old`, under its name.

        Connections, decoders, monitors and learners of `old` go over to `new`; sizes are inferred anew, and weights that still fit
        are kept.

        Parameters
        ----------
        old : Element or str
            What is replaced, or its name or path from here.
        new : Element
            A group for a group, an encoder for an encoder, an assembly for a group or assembly.

        Raises
        ------
        NetworkError
            If something refers to a part inside `old` that `new` does not have.
        """
        leaving = self._found(old)
        if new is leaving:
            return
        if not isinstance(new, Element) or category(new) != category(leaving):
            raise NetworkError(f"{leaving.path}: {new!r} cannot take the place of the {leaving.kind} there; give something of that kind")
        demand_readable(self._top, leaving, new)
        holder, own = leaving.parent, str(leaving.name)
        exchange = exchange_of(self._top, leaving, new)
        if new.parent is not None and new._top is self._top:
            new.parent._release(new.name)
        position = list(holder._members).index(own)
        for element in list(self._top.everything()):
            if element is not leaving and not (isinstance(leaving, Container) and element in leaving):
                element.redirect(lambda part: exchange.get(id(part), part))
        holder._release(own)
        setattr(holder, own, new)
        order = [n for n in holder._members if n != own]
        order.insert(position, own)
        object.__setattr__(holder, "_members", {n: holder._members[n] for n in order})
        self._rewire(new)

    @whole
    def merge_assembly(self, other: Assembly) -> dict[str, Element]:
        """Add copies of all members of another assembly, with their connections; the other one is left untouched.

        A name that is taken gets the suffix ``_1``, or the next number that is free. Learners train what came with them, with the
        optimizer they had.

        Returns
        -------
        dict of str to Element
            Name in `other` -> the element here.
        """
        if not isinstance(other, Assembly) or other is self or self in other:
            raise NetworkError(f"{self._label()}: {other!r} cannot be merged into it; give another assembly, not one around it")
        names = [n for n, m in other._members.items() if isinstance(m, Element)]
        made = dict(zip(names, copies([other._members[n] for n in names]), strict=True))
        settle(list(made.values()), other)
        for name, element in made.items():
            setattr(self, self._free_name(name), element)
        self._demand_no_strays(list(made.values()), f"a copy of {other!r}")
        return made

    @whole
    def select_assembly(self, assemblies: Iterable[Element | str], name: str | None = None, with_connection: bool = True) -> Any:
        """A new assembly with copies of some members and of the connections between them; this one is left untouched.

        What leads from a selected assembly to something that is not selected is left behind.

        Parameters
        ----------
        assemblies : iterable of Element or str
            The members, or their names or paths from here.
        name : str, optional
            Name of the new assembly.
        with_connection : bool
            Whether connections with both ends among the members come along.

        Returns
        -------
        Assembly
            A network if this one is a network, so that it can be run. Names are kept; one that occurs twice gets a suffix, ``_1``.
        """
        listed = [assemblies] if isinstance(assemblies, (str, Element)) else assemblies
        if not isinstance(listed, (list, tuple, set)) or not listed:
            raise NetworkError(f"{self._label()}.select_assembly: {assemblies!r} names no members; give a list of elements or names")
        chosen = [self._found(a) for a in listed]
        if len({id(e) for e in chosen}) < len(chosen):
            raise NetworkError(f"{self._label()}.select_assembly: an element is listed twice in {chosen}; list it once")
        inside = {id(e) for c in chosen for e in (c, *(c.everything() if isinstance(c, Container) else ()))}
        for element in chosen:
            for part in element.parts():
                if id(part) not in inside:
                    raise NetworkError(f"{element.path}: it refers to {part.path!r}, which is not selected; select that too")
        if any(id(e.parent) in inside for e in chosen):
            raise NetworkError(f"{self._label()}.select_assembly: an element of {chosen} is inside another one; list only the outer one")
        between = [
            e for e in self.everything() if e.refers == ("pre", "post") and id(e) not in inside and {id(e.pre), id(e.post)} <= inside
        ]
        between = [e for e in between if not any(e.parent is b for b in between)]  # a projection brings its own connections
        made = self._sibling(name)
        originals = [*chosen, *(between if with_connection else ())]
        copied_ones = copies(originals)
        settle(copied_ones, self)
        for original, copied in zip(originals, copied_ones, strict=True):
            setattr(made, made._free_name(str(original.name)), copied)
        inside = {id(made), *map(id, made.everything())}
        remove(made, {}, lambda part: id(part) not in inside)
        return made

    # --- queries

    def get_groups(self, recursive: bool = True) -> list[Any]:
        """The neuron groups and nodes inside; only direct members if not `recursive`."""
        return self._listing(recursive, lambda e: e.kind in ("neurongroup", "encoder", "generator", "decoder", "action", "reward"))

    def get_connections(self, recursive: bool = True) -> list[Any]:
        """The connections inside; only direct members if not `recursive`."""
        return self._listing(recursive, lambda e: e.kind == "connection")

    def get_assemblies(self, recursive: bool = True) -> list[Any]:
        """The assemblies inside; only direct members if not `recursive`."""
        return self._listing(recursive, lambda e: isinstance(e, Assembly) and e.kind != "projection")

    def _listing(self, recursive: bool, is_wanted: Any) -> list[Any]:
        among = self.everything() if recursive else self.attachments(Element)
        return [e for e in among if is_wanted(e)]

    def _found(self, element: Element | str | None) -> Element:
        """The element meant by an object or by a name or path from here."""
        self._top._gather()
        if isinstance(element, Element):
            if element not in self:
                raise NetworkError(f"{self._label()}: {element!r} is not in it; add it first, or ask the network it belongs to")
            return element
        own = {e.path_in(self): e for e in self.everything()}
        if element not in own:
            raise UnknownName(f"{self._label()}: it has no member {element!r}; {nearest(element, own)}")
        return own[str(element)]

    def _demand_no_strays(self, made: list[Any], what: str) -> None:
        """Refuse an edit that brings in something that refers to what is not in the network."""
        within = {id(self._top), *map(id, self._top.everything())}
        new = [e for m in made for e in (m, *(m.everything() if isinstance(m, Container) else ()))]
        strays = [(e, p) for e in new for p in e.parts() if id(p) not in within]
        if strays:
            listed = "; ".join(f"{e.path} refers to {p.path!r}" for e, p in strays)
            raise NetworkError(f"{self._label()}: {what} leads out of the network: {listed}; copy what it belongs to, or remove it first")

    def _sibling(self, name: str | None) -> Assembly:
        """A new empty assembly of this kind, that no open ``with`` block takes."""
        made = Assembly(name)
        context.forget(made)
        return made

    def _rewire(self, end: Element) -> None:
        """A connection that ends in an assembly becomes a projection, which chooses the groups."""
        if not isinstance(end, Container):
            return
        for connection in [e for e in self._top.everything() if e.kind == "connection" and any(end is p for p in e.parts())]:
            holder, own = connection.parent, str(connection.name)
            projection = connection.as_projection()
            for element in self._top.everything():
                element.redirect(lambda part, c=connection, p=projection: p if part is c else part)
            holder._release(own)
            setattr(holder, own, projection)
