"""Projections: connections between assemblies, made of connections between their groups."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from spaic.errors import DeclarationError, NetworkError
from spaic.Network.assembly import Assembly
from spaic.Network.connection import Connection
from spaic.Network.container import Container
from spaic.Network.element import Element
from spaic.Network.neurongroup import NeuronGroup
from spaic.Network.policies import BoundaryPolicy, ConnectPolicy, Pairs, groups


class Projection(Assembly):
    """Connects the groups of two assemblies.

    It holds one connection for each pair of groups that its policies choose, named ``<pre>_to_<post>``; they are made anew when an
    assembly is edited, and keep their weights. Further connections may be assigned to it by hand.

    Parameters
    ----------
    pre, post : Assembly or NeuronGroup
        The two ends.
    policies : ConnectPolicy or list of them
        Each chooses pairs of groups; what all of them choose is connected. Without a policy all pairs are.
    link_type : str or LinkType, optional
        The kind of all connections. Without it only connections that are assigned by hand exist.
    parameters : mapping, optional
        Keywords of the connections (SPAIC's `ConnectionParameters`); they may also be given one by one.
    name : str, optional
        Name where it is not assigned to an attribute.
    **options
        Keywords of the connections.

    Examples
    --------
    >>> import spaic
    >>> net, a, b = spaic.Network(), spaic.Assembly(), spaic.Assembly()
    >>> a.exc = spaic.NeuronGroup(8, model="lif", neuron_type="excitatory")
    >>> a.inh = spaic.NeuronGroup(2, model="lif", neuron_type="inhibitory")
    >>> b.out = spaic.NeuronGroup(3, model="lif")
    >>> net.a, net.b = a, b
    >>> net.way = spaic.Projection(a, b, spaic.IncludedTypePolicy(pre_types="excitatory"), link_type="full")
    >>> net.build()
    >>> [c.path for c in net.get_connections()]
    ['way.exc_to_out']
    """

    kind = "projection"
    refers = ("pre", "post")

    def __init__(
        self,
        pre: Any,
        post: Any,
        policies: ConnectPolicy | Iterable[ConnectPolicy] = (),
        link_type: Any = None,
        parameters: Mapping[str, Any] | None = None,
        name: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(name)
        for side, end in (("pre", pre), ("post", post)):
            is_source = side == "pre" and getattr(end, "kind", "") in ("encoder", "generator")
            if not is_source and (not isinstance(end, (Container, NeuronGroup)) or end.kind == "projection"):
                raise DeclarationError(f"Projection: {side} is {end!r}; give an assembly or a neuron group")
        chosen = (policies,) if isinstance(policies, ConnectPolicy) else tuple(policies)
        for policy in chosen:
            if not isinstance(policy, ConnectPolicy):
                raise DeclarationError(f"Projection: {policy!r} is not a connection policy; give one, such as spaic.IncludedTypePolicy")
        settings = {**(parameters or {}), **options}
        if link_type is None and (chosen or settings):
            raise DeclarationError("Projection: there is no link_type; say how the groups are connected, such as link_type='full'")
        pattern = None if link_type is None else Connection.pattern(pre, post, link_type=link_type, **settings)
        for attribute, value in (("pre", pre), ("post", post), ("policies", chosen), ("pattern", pattern), ("_expanded", set())):
            object.__setattr__(self, attribute, value)

    pre: Any
    post: Any
    policies: tuple[ConnectPolicy, ...]
    pattern: Connection | None
    _expanded: set[str]

    def _check_adoption(self, name: str, value: Element) -> None:
        if value.kind != "connection":
            raise NetworkError(f"{self._label()}: {value!r} cannot be in a projection, which holds connections; put it beside it")
        super()._check_adoption(name, value)

    def expand(self) -> None:
        """Make the connections that the policies choose now; those that are there already stay the same objects."""
        if self.pattern is None:
            if not self._members:
                raise NetworkError(f"{self.path}: it has neither a link_type nor connections; give one, or assign connections to it")
            return
        chosen = self._connections(self._named(self._pairs()))
        for name in sorted(self._expanded):
            if name in self._members and self._members[name] is not chosen.get(name):
                self._release(name)
        for name, connection in chosen.items():
            if self._members.get(name) is not connection:
                self._adopt(name, connection)
        object.__setattr__(self, "_expanded", set(chosen))

    def _connections(self, wanted: Mapping[str, tuple[Element, Element]]) -> dict[str, Connection]:
        """Name -> connection: the one between these groups, else that of this name whose group was replaced, else a new one."""
        present = {name: self._members[name] for name in sorted(self._expanded) if name in self._members}
        by_pair = {(id(c.pre), id(c.post)): c for c in present.values()}
        chosen = {name: by_pair[id(a), id(b)] for name, (a, b) in wanted.items() if (id(a), id(b)) in by_pair}
        kept = set(map(id, chosen.values()))
        for name, (pre, post) in wanted.items():
            if name in chosen:
                continue
            connection = present.get(name)
            if connection is None or id(connection) in kept:
                connection = self._connection()
            object.__setattr__(connection, "pre", pre)
            object.__setattr__(connection, "post", post)
            chosen[name] = connection
        return {name: chosen[name] for name in wanted}

    def _pairs(self) -> Pairs:
        pairs: Pairs = [(a, b) for a in groups(self.pre) for b in groups(self.post)]
        for policy in self.policies:
            pairs = policy.select(pairs, self.pre, self.post)
        if not pairs:
            raise NetworkError(
                f"{self.path}: its policies choose no pair of groups of {self.pre.path!r} and {self.post.path!r}; change them"
            )
        return pairs

    def _named(self, pairs: Pairs) -> dict[str, tuple[Element, Element]]:
        named: dict[str, tuple[Element, Element]] = {}
        for pre, post in pairs:
            base = name = f"{_within(pre, self.pre)}_to_{_within(post, self.post)}"
            number = 0
            while name in named or (name in self._members and name not in self._expanded):
                number += 1
                name = f"{base}_{number}"
            named[name] = (pre, post)
        return named

    def _connection(self) -> Connection:
        made: Connection = copy.copy(self.pattern)  # type: ignore[assignment]
        return made


def boundary_projection(pattern: Connection) -> Projection:
    """A connection with an assembly at one end, as a projection between the groups at its boundary."""
    made = Projection(pattern.pre, pattern.post, name=pattern.name)
    for attribute, value in (("policies", (BoundaryPolicy(),)), ("pattern", pattern)):
        object.__setattr__(made, attribute, value)
    for flag in ("_is_hidden", "_is_frozen"):  # from now on they are those of the whole
        object.__setattr__(made, flag, getattr(pattern, flag))
        object.__setattr__(pattern, flag, False)
    return made


def _within(group: Element, end: Element) -> str:
    """Name of a group seen from the end of the projection it belongs to."""
    return str(group.name) if group is end else group.path_in(end).replace(".", "_")
