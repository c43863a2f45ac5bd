"""Delays that are learned: between two steps, what arrives is interpolated, so that it has a gradient with respect to the delay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

#: What a link brings if all of it comes `d` steps late, with these parameters: ``[steps, batch, ...]``.
Late = Callable[[int, Mapping[str, Any]], Tensor]


def interpolated(delay: Tensor, most: int, parameters: Mapping[str, Any], late: Late) -> Tensor:
    """What a link brings whose delay is no whole number of steps, without the bias if there is one delay per synapse.

    A delay of k + f steps brings ``(1 - f) x[n - k] + f x[n - k - 1]``; its derivative is the difference of the two, so it needs no
    more than one product for each step between the shortest and the longest delay.

    Parameters
    ----------
    delay : Tensor
        In steps: one number, or one for each weight.
    most : int
        The longest delay that is allowed, in steps.
    parameters : mapping of str to Tensor
        Of the link.
    late : callable
        As above.
    """
    delay = delay.clamp(0, most)
    whole = delay.detach().floor().clamp(max=most - 1)
    part = delay - whole
    if delay.ndim == 0:
        first, second = (late(int(whole) + k, parameters) for k in (0, 1))
        return first + part * (second - first)
    total: Any = 0.0
    weight = parameters["weight"]
    steps = {int(d) + k for d in whole.unique().tolist() for k in (0, 1)}
    for d in sorted(steps):
        total = total + late(d, {"weight": weight * ((whole == d) * (1 - part) + (whole == d - 1) * part)})
    return total
