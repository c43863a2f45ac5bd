"""Links with many delays: one for each synapse (the tap of a kernel), or one for each value (the channel) of the source."""

from __future__ import annotations

from dataclasses import dataclass

from spaic.Graph.links import Link
from spaic.Graph.transforms import Dense, OneToOne, Sparse, Transform

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Delays:
    """What an array of delays means on a link.

    Attributes
    ----------
    is_by_source : bool
        Whether the source is late, value by value or channel by channel, before anything is done with it; otherwise the synapses of the
        first transform are.
    whole : tuple of int
        Shape of what is late: the synapses of the first transform, or the source.
    """

    is_by_source: bool
    whole: Shape

    def aligned(self, shape: Shape) -> Shape:
        """`shape` with sizes of 1 at its end, so that it broadcasts to :attr:`whole`."""
        return (*shape, *(1,) * (len(self.whole) - len(shape)))


def meaning(transform: Transform, source: Shape, given: Shape | None = None) -> Delays | None:
    """What delays of the shape `given` mean, before the first transform of a link from `source`; None if they do not fit.

    Parameters
    ----------
    transform : Transform
        The first one of the link.
    source : tuple of int
        Shape of the source.
    given : tuple of int, optional
        Shape of the delays; without it, that of delays which are drawn.

    Examples
    --------
    >>> from spaic.Graph.transforms import Conv
    >>> conv = Conv(2, 3, (5,), 1.0, None, (1,), (0,), (1,))
    >>> [meaning(conv, (2, 9), given) for given in (None, (3, 1, 5), (2,), (9,))]  # doctest: +NORMALIZE_WHITESPACE
    [Delays(is_by_source=False, whole=(3, 2, 5)), Delays(is_by_source=False, whole=(3, 2, 5)),
     Delays(is_by_source=True, whole=(2, 9)), None]
    """
    synapses = transform.synapses_shape(source)
    if synapses is None:
        return Delays(True, source) if given in (None, source, source[:1]) else None
    if given is None or (len(given) == len(synapses) and all(g in (1, s) for g, s in zip(given, synapses, strict=True))):
        return Delays(False, synapses)
    if given == source[:1] and not isinstance(transform, (Dense, OneToOne, Sparse)):
        return Delays(True, source)
    return None


def shapes(transform: Transform, source: Shape) -> str:
    """The shapes that delays may have, for people."""
    synapses = transform.synapses_shape(source)
    if synapses is None:
        return " or ".join(map(str, dict.fromkeys((source, source[:1]))))
    ones = f"{synapses} (sizes may be 1)" if len(synapses) > 1 else f"{synapses}"
    return ones if isinstance(transform, (Dense, OneToOne, Sparse)) else f"{ones} or one per channel, {source[:1]}"


def of_link(link: Link, source: Shape, shape: Shape | None = None) -> Delays:
    """What delays of that shape mean on a link that was verified."""
    found = meaning(link.transforms[0], source, shape)
    return Delays(True, source) if found is None else found
