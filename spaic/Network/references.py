"""What an edit does to references: what goes along, what is redirected, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spaic.errors import NetworkError
from spaic.Network.container import Container
from spaic.Network.element import Element


def settle(made: list[Any], left: Container) -> None:
    """Tell copies that they have left a container, and what of it has come along."""
    members = tuple(e for e in made if e.kind not in ("learner", "monitor"))
    for element in made:
        for one in (element, *(element.everything() if isinstance(element, Container) else ())):
            one.settle(left, members)


def remove(top: Container, gone: dict[int, Element], is_lost: Callable[[Element], bool] = lambda part: False) -> list[str]:
    """Take elements out of a network, and what refers to them or to what is lost anyway; their paths."""
    while True:
        lost = []
        for element in top.everything():
            if id(element) in gone:
                continue
            if id(element.parent) in gone or not forgets(element, lambda part: id(part) in gone or is_lost(part)):
                lost.append(element)
        if not lost:
            break
        gone.update({id(e): e for e in lost})
    paths = [e.path for e in gone.values()]
    for element in gone.values():
        if id(element.parent) not in gone:
            element.parent._release(element.name)
    return paths


def forgets(element: Element, is_gone: Callable[[Element], bool]) -> bool:
    """Make an element forget what is gone; False if it makes no sense any more."""
    if not any(is_gone(part) for part in element.parts()):
        return True
    return element.redirect(lambda part: None if is_gone(part) else part)


def category(element: Element) -> str:
    """What may take the place of what."""
    return "group" if element.kind in ("assembly", "network", "neurongroup") else element.kind


def demand_readable(top: Container, old: Element, new: Element) -> None:
    """An assembly has no neurons of its own that could be read or driven one by one."""
    if isinstance(new, Container) and not isinstance(old, Container):
        kinds = ("decoder", "action", "reward", "monitor", "generator")
        readers = [e.path for e in top.everything() if e.kind in kinds and any(p is old for p in e.parts())]
        if readers:
            raise NetworkError(f"{old.path}: {', '.join(readers)} refer to its neurons, which {new!r} does not have; remove them first")


def exchange_of(top: Container, old: Element, new: Element) -> dict[int, Element]:
    """Identity of an element that is leaving -> what takes its place, for all that is referred to from outside."""
    if not isinstance(old, Container):
        return {id(old): new}
    leaving = {id(e): e for e in old.everything()}
    have = {e.path_in(new): e for e in (new.everything() if isinstance(new, Container) else ())}
    exchange, missing = {id(old): new}, []
    for element in top.everything():
        if id(element) in leaving:
            continue
        for part in element.parts():
            if id(part) not in leaving:
                continue
            if part.path_in(old) in have:
                exchange[id(part)] = have[part.path_in(old)]
            else:
                missing.append(f"{element.path} refers to {part.path}")
    if missing:
        raise NetworkError(f"{old.path}: {'; '.join(missing)}, which {new!r} does not have; delete what refers to it, or add it there")
    return exchange
