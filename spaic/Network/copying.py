"""Copies of elements: of their own structure, with references to what stays outside, and with what they have learned."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from spaic.Network.container import Container
from spaic.Network.element import Element


def copies(elements: Iterable[Element]) -> list[Any]:
    """Copies of elements that belong to nothing yet.

    References among them, and into the containers they came with, lead to the copies; other references stay as they are. Each copy
    carries what the original has learned so far.
    """
    originals = list(elements)
    inside = {id(e): e for o in originals for e in (o, *(o.everything() if isinstance(o, Container) else ()))}
    memo: dict[int, Any] = {id(None): None}
    learned = {id(e): e._learned for e in inside.values()}
    for original in originals:
        original._top._remember(original)
        if original.parent is not None and id(original.parent) not in inside:
            memo[id(original.parent)] = original.parent
    for element in inside.values():
        kept = [*element.parts(), *(getattr(element, name) for name in element.shared)]
        memo.update({id(part): part for part in kept if id(part) not in inside})
        memo[id(element.__dict__.get("_simulation"))] = None
    made = [copy.deepcopy(original, memo) for original in originals]
    for element in inside.values():  # only the copies carry it
        object.__setattr__(element, "_learned", learned[id(element)])
    for element in made:
        object.__setattr__(element, "parent", None)
    return made
