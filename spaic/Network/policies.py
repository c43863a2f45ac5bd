"""Connection policies: which groups of two assemblies a projection connects."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from spaic import spellings
from spaic.errors import DeclarationError, NetworkError, nearest, reject_unknown
from spaic.Network.container import Container
from spaic.Network.element import Element
from spaic.Network.neurongroup import NeuronGroup

Pairs = list[tuple[Element, Element]]
Index = int | tuple[int, int]


class ConnectPolicy(ABC):
    """Chooses among the pairs of groups of a projection. Several policies, or ``policy1 & policy2``, choose what all of them choose."""

    @abstractmethod
    def select(self, pairs: Pairs, pre: Element, post: Element) -> Pairs:
        """The pairs to connect, out of `pairs`.

        Parameters
        ----------
        pairs : list of (Element, Element)
            Presynaptic and postsynaptic groups, in the order of their declaration.
        pre, post : Element
            The two ends of the projection.
        """

    def __and__(self, other: ConnectPolicy) -> ConnectPolicy:
        return _Both(self, other)


@dataclass(frozen=True)
class _Both(ConnectPolicy):
    first: ConnectPolicy
    second: ConnectPolicy

    def select(self, pairs: Pairs, pre: Element, post: Element) -> Pairs:
        return self.second.select(self.first.select(pairs, pre, post), pre, post)


@dataclass(frozen=True)
class _TypePolicy(ConnectPolicy):
    """What policies by type have in common: their fields and checks."""

    pre_types: Any = None
    post_types: Any = None
    level: int = -1

    def __post_init__(self) -> None:
        _check_types(self)


@dataclass(frozen=True)
class IncludedTypePolicy(_TypePolicy):
    """Keeps pairs whose groups have one of the given types.

    Parameters
    ----------
    pre_types, post_types : str or sequence of str, optional
        Tags of the presynaptic and postsynaptic group, given as ``neuron_type=`` or ``add_type``, also those of the assemblies around
        them; None admits every group. A tag that no group has is refused.
    level : int
        Only -1, the groups themselves; SPAIC has it.
    """

    def select(self, pairs: Pairs, pre: Element, post: Element) -> Pairs:
        _demand_known(self, pre, post)
        return [
            (a, b)
            for a, b in pairs
            if (self.pre_types is None or _types(a, pre) & set(self.pre_types))
            and (self.post_types is None or _types(b, post) & set(self.post_types))
        ]


@dataclass(frozen=True)
class ExcludedTypePolicy(_TypePolicy):
    """Drops pairs of which the presynaptic or the postsynaptic group has one of the given types.

    Parameters
    ----------
    pre_types, post_types, level
        As for :class:`IncludedTypePolicy`; None excludes no group.
    """

    def select(self, pairs: Pairs, pre: Element, post: Element) -> Pairs:
        _demand_known(self, pre, post)
        before, after = set(self.pre_types or ()), set(self.post_types or ())
        return [(a, b) for a, b in pairs if not _types(a, pre) & before and not _types(b, post) & after]


@dataclass(frozen=True, init=False)
class IndexConnectPolicy(ConnectPolicy):
    """Connects the groups at given places of the two assemblies, first with first, second with second.

    Parameters
    ----------
    pre_indices, post_indices : sequence of int or (int, int)
        Of equal length. A number counts the members of the assembly in the order of their declaration; a pair (level, number) counts the
        members of that level, where level 1 are the members, level 2 their members. An assembly stands for all groups inside it.
    level : int
        Only -1, the groups themselves.
    """

    pre_indices: Sequence[Index]
    post_indices: Sequence[Index]
    level: int = -1

    def __init__(self, *places: Any, **options: Any) -> None:
        names = ("pre_indices", "post_indices", "level")
        given = {"level": -1, **dict(zip(names, places, strict=False)), **spellings.keywords(["IndexConnectPolicy"], options)}
        reject_unknown("IndexConnectPolicy", given, names)
        for name in names[:2]:
            if not isinstance(given.get(name), (list, tuple)):
                raise DeclarationError(f"IndexConnectPolicy: {name} is {given.get(name)!r}; give a list of places")
            object.__setattr__(self, name, tuple(_place(i) for i in given[name]))
        object.__setattr__(self, "level", given["level"])
        _check_level(self)
        if len(self.pre_indices) != len(self.post_indices):
            raise DeclarationError(
                f"IndexConnectPolicy: {len(self.pre_indices)} and {len(self.post_indices)} places; give as many for pre as for post"
            )

    def select(self, pairs: Pairs, pre: Element, post: Element) -> Pairs:
        wanted: set[tuple[int, int]] = set()
        for a, b in zip(self.pre_indices, self.post_indices, strict=True):
            wanted |= {(id(x), id(y)) for x in groups(_at(pre, a)) for y in groups(_at(post, b))}
        return [(a, b) for a, b in pairs if (id(a), id(b)) in wanted]


@dataclass(frozen=True)
class CustomConnectPolicy(ConnectPolicy):
    """Keeps pairs for which a function of the two groups is true.

    Parameters
    ----------
    accepts : callable
        ``accepts(pre_group, post_group) -> bool``.
    """

    accepts: Callable[[Any, Any], bool]

    def __post_init__(self) -> None:
        if not callable(self.accepts):
            raise DeclarationError(f"CustomConnectPolicy: {self.accepts!r} is no function; give accepts(pre_group, post_group) -> bool")

    def select(self, pairs: Pairs, pre: Element, post: Element) -> Pairs:
        return [(a, b) for a, b in pairs if self.accepts(a, b)]


@dataclass(frozen=True)
class BoundaryPolicy(ConnectPolicy):
    """From the groups that an assembly gives out to the groups that take its input: what a connection to an assembly means."""

    def select(self, pairs: Pairs, pre: Element, post: Element) -> Pairs:
        senders, receivers = set(map(id, sending(pre))), set(map(id, receiving(post)))
        return [(a, b) for a, b in pairs if id(a) in senders and id(b) in receivers]


def groups(end: Element) -> list[Element]:
    """`end` itself, or the neuron groups inside it if it is an assembly."""
    return list(end.everything(NeuronGroup)) if isinstance(end, Container) else [end]


def receiving(end: Element) -> list[Element]:
    """The groups of an assembly that take its input: those its encoders and generators feed, else those that no other group feeds."""
    if not isinstance(end, Container):
        return [end]
    wires = list(_wires(end))
    fed = {id(b) for a, b in wires if a.kind in ("encoder", "generator")}
    fed = fed or {id(g) for g in groups(end)} - {id(b) for a, b in wires if a is not b}
    return _or_refuse([g for g in groups(end) if id(g) in fed], end, "receives its input")


def sending(end: Element) -> list[Element]:
    """The groups of an assembly that give its output: those its decoders read, else those that feed no other group."""
    if not isinstance(end, Container):
        return [end]
    read = {id(e.dec_target) for e in end.everything() if e.kind == "decoder"}
    read = read or {id(g) for g in groups(end)} - {id(a) for a, b in _wires(end) if a is not b}
    return _or_refuse([g for g in groups(end) if id(g) in read], end, "gives its output")


def _wires(end: Container) -> Iterable[tuple[Element, Element]]:
    """Source and target of everything inside that carries spikes or currents, except for what follows from the boundary itself."""
    for element in end.everything():
        if any(isinstance(policy, BoundaryPolicy) for policy in getattr(element.parent, "policies", ())):
            continue
        if element.kind == "connection":
            yield element.pre, element.post
        elif element.kind == "generator" and element.dec_target is not None:
            yield element, element.dec_target


def _or_refuse(found: list[Element], end: Element, what: str) -> list[Element]:
    if not found:
        names = ", ".join(g.path for g in groups(end)) or "it has no groups"
        raise NetworkError(f"{end.path}: it is not clear which group {what}; connect to one of them: {names}")
    return found


def _types(group: Any, end: Element) -> set[str]:
    """Tags of a group and of the assemblies around it, up to the end of the projection."""
    tags = set(group.type) if hasattr(group, "type") else set()
    while group is not end and group.parent is not None:
        group = group.parent
        tags |= set(getattr(group, "type", ()))
    return tags


def _at(end: Element, index: Index) -> Element:
    level, number = index if isinstance(index, tuple) else (1, index)
    layer: list[Element] = [end]
    for _ in range(level):
        layer = [m for e in layer if isinstance(e, Container) for m in e.attachments(Element) if m.kind in _PLACES]
    if not 0 <= number < len(layer):
        raise NetworkError(f"IndexConnectPolicy: {end.path!r} has {len(layer)} members on level {level}, so there is no number {number}")
    return layer[number]


def _place(given: Any) -> Index:
    numbers = tuple(given) if isinstance(given, (list, tuple)) else (given,)
    if len(numbers) > 2 or any(isinstance(n, bool) or not isinstance(n, int) or n < 0 for n in numbers):
        raise DeclarationError(f"IndexConnectPolicy: {given!r} is no place; give a number from 0, or (level, number)")
    return numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1])


_PLACES = ("neurongroup", "assembly", "network")


def _demand_known(policy: _TypePolicy, pre: Element, post: Element) -> None:
    """A type that no group has is a mistake."""
    for types, end in ((policy.pre_types, pre), (policy.post_types, post)):
        known = {t for group in groups(end) for t in _types(group, end)}
        for tag in types or ():
            if tag not in known:
                raise NetworkError(f"{type(policy).__name__}: no group in {end.path!r} has the type {tag!r}; {nearest(tag, known)}")


def _check_types(policy: Any) -> None:
    _check_level(policy)
    for name in ("pre_types", "post_types"):
        given = getattr(policy, name)
        if given is not None:
            tags = (given,) if isinstance(given, str) else given
            if not isinstance(tags, (list, tuple, set, frozenset)) or not all(isinstance(t, str) for t in tags):
                raise DeclarationError(f"{type(policy).__name__}.{name}: {given!r} is not a list of types; give tags such as 'excitatory'")
            object.__setattr__(policy, name, tuple(tags))
    if policy.pre_types is None and policy.post_types is None:
        raise DeclarationError(f"{type(policy).__name__}: neither pre_types nor post_types is given; give at least one")


def _check_level(policy: Any) -> None:
    if policy.level != -1:
        raise DeclarationError(f"{type(policy).__name__}: level {policy.level!r} is not supported; leave it at -1, the groups themselves")
