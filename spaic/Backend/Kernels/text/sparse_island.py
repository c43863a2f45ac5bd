"""What one kernel does for elements between which only the spikes that occur are passed on, without a way back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from spaic.Backend.Kernels.text.island import DENSE, DIRECT, ONE_TO_ONE, Feed, Joined
from spaic.Dynamics.rules import Rule

#: By lists of synapses; the same with a delay for each synapse, by neurons or by delays.
SPARSE, SCATTERED, DELAYED = "sparse", "scattered", "delayed"
#: Ways that pass on spikes one by one.
EVENTS = (SPARSE, SCATTERED, DELAYED, DENSE, ONE_TO_ONE)


@dataclass(frozen=True)
class Learned:
    """A rule at work on a way into a member.

    Attributes
    ----------
    rule : Rule
        What is learned.
    feed : int
        Number of the way.
    kind : str
        How its synapses are kept.
    target : str
        Label of the member whose spikes are postsynaptic.
    is_bounded : bool
        Whether the weights have bounds.
    is_shared : bool
        Whether several samples change the same weights.
    """

    rule: Rule
    feed: int
    kind: str
    target: str
    is_bounded: bool
    is_shared: bool


@dataclass(frozen=True)
class Events(Joined):
    """Elements that are simulated together. The source of a feed that is no member is outside: its spikes are known before.

    Attributes
    ----------
    outside : tuple of ((str, str), bool)
        Member and port at which something arrives from outside over time, and whether it is the same in every step.
    sampled : frozenset of (str, str)
        Member and variable, other than spikes, that are recorded.
    instant : frozenset of int
        Feeds between members that reach the same step.
    learned : tuple of Learned
        Rules at work on ways; then one thread does it all.
    """

    outside: tuple[tuple[tuple[str, str], bool], ...]
    sampled: frozenset[tuple[str, str]]
    instant: frozenset[int]
    learned: tuple[Learned, ...] = ()

    @cached_property
    def sources(self) -> tuple[tuple[str, str], ...]:
        """Whose spikes are listed: what is sent as events, and every spike of a member that someone reads."""
        sent = [(f.source, f.variable) for f in self.feeds if f.kind in EVENTS]
        read = [(m, v) for m, layer in self.by_name.items() for v in layer.recorded if layer.is_byte(layer.tape.outputs[v])]
        return tuple(dict.fromkeys((*read, *sent)))

    def waits(self, member: str) -> bool:
        """Whether a member needs spikes that others send in the same step."""
        return any(self.feeds[k].target == member for k in self.instant)


__all__ = ["DELAYED", "DENSE", "DIRECT", "EVENTS", "ONE_TO_ONE", "SCATTERED", "SPARSE", "Events", "Feed", "Learned"]
