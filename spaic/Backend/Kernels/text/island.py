"""What one kernel does for elements that feed each other: their steps, one after another, in a common loop over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from spaic.Backend.Kernels.text.layer import Layer

#: Everything to everything by a matrix; each to its own by a factor; each to its own as it is.
DENSE, ONE_TO_ONE, DIRECT = "dense", "one_to_one", "direct"


@dataclass(frozen=True)
class Feed:
    """A way from a variable of one member to a port of another.

    Attributes
    ----------
    source, variable : str
        Member and what it sends.
    target, port : str
        Member and where it arrives.
    kind : str
        ``"dense"``, ``"one_to_one"`` or ``"direct"``.
    weight : int
        Number of the weight; -1 for a direct one.
    """

    source: str
    variable: str
    target: str
    port: str
    kind: str
    weight: int = -1


@dataclass(frozen=True)
class Joined:
    """Elements that one kernel runs together.

    Attributes
    ----------
    name : str
        What it is, for people who read the generated code.
    members : tuple of str
        Labels, in the order within a step.
    layers : tuple of Layer
        The step of each member.
    feeds : tuple of Feed
        Ways into members; the number of each is its place here.
    """

    name: str
    members: tuple[str, ...]
    layers: tuple[Layer, ...]
    feeds: tuple[Feed, ...]

    @cached_property
    def by_name(self) -> Mapping[str, Layer]:
        """Label -> step."""
        return dict(zip(self.members, self.layers, strict=True))

    def into(self, member: str, port: str) -> tuple[int, ...]:
        """Numbers of the feeds that arrive at a port."""
        return tuple(k for k, f in enumerate(self.feeds) if (f.target, f.port) == (member, port))


@dataclass(frozen=True)
class Island(Joined):
    """Elements that feed each other; all feeds come from members.

    Attributes
    ----------
    outside : frozenset of (str, str)
        Member and port at which something arrives from outside.
    """

    outside: frozenset[tuple[str, str]]

    @cached_property
    def sent(self) -> tuple[tuple[str, str], ...]:
        """Member and variable of everything that is sent inside, each once."""
        return tuple(dict.fromkeys((f.source, f.variable) for f in self.feeds))

    def out_of(self, member: str, variable: str) -> tuple[int, ...]:
        """Numbers of the feeds that a variable sends."""
        return tuple(k for k, f in enumerate(self.feeds) if (f.source, f.variable) == (member, variable))

    def is_spiking(self, feed: Feed) -> bool:
        """Whether what is sent is always 0 or 1."""
        layer = self.by_name[feed.source]
        return layer.is_byte(layer.tape.outputs[feed.variable])
