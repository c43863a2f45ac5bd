"""``with net:``: elements made inside belong to the network, under the names of the variables that hold them."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import FrameType
from typing import Any


@dataclass
class _Block:
    """One open ``with`` block: whose it is, where it was written, what was made in it."""

    owner: Any
    frame: FrameType
    made: list[Any] = field(default_factory=list)


_blocks: ContextVar[tuple[_Block, ...]] = ContextVar("spaic_blocks", default=())


def note(element: Any) -> None:
    """Remember that `element` was made; the innermost open block will take it unless something else does."""
    blocks = _blocks.get()
    if blocks and element is not blocks[-1].owner:
        blocks[-1].made.append(element)


def owner() -> Any:
    """Whose the innermost open block is, if there is one."""
    blocks = _blocks.get()
    return blocks[-1].owner if blocks else None


def forget(element: Any) -> None:
    """Leave an element to whoever holds it: no open block takes it."""
    for block in _blocks.get():
        block.made = [other for other in block.made if other is not element]


def enter(owner: Any) -> None:
    """Open a block for `owner` in the frame of the ``with`` statement."""
    _blocks.set((*_blocks.get(), _Block(owner, sys._getframe(2))))


def leave() -> list[tuple[str | None, Any]]:
    """Close the innermost block: what was made in it, with the name of the variable that holds it, if any does."""
    *others, block = _blocks.get()
    _blocks.set(tuple(others))
    names = _names(block.frame)
    return [(names.get(id(element)), element) for element in block.made]


def _names(frame: FrameType) -> dict[int, str]:
    """Object -> the first variable of the frame that holds it; members of a list ``a`` are ``a_0``, ``a_1``, ..."""
    names: dict[int, str] = {}
    for name, value in list(frame.f_locals.items()):
        if isinstance(value, (list, tuple)):
            for i, item in enumerate(value):
                names.setdefault(id(item), f"{name}_{i}")
        elif not name.startswith("__"):
            names.setdefault(id(value), name)
    return names
