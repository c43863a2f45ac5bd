"""A Poisson train with exact times, for event-driven runs; on a time grid it is the same train, each spike in its step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from spaic.clock import Clock
from spaic.errors import InputError
from spaic.Graph.stream import Stream
from spaic.Library.encoders import Encoding
from spaic.Library.events import EventSpikes, steps_of
from spaic.Library.ranges import demand_number, demand_values
from spaic.memory import available_memory
from spaic.registry import encoders
from spaic.seeds import Key


@encoders.register("exact_poisson")
@dataclass(frozen=True)
class ExactPoisson(Encoding):
    """Rate code: a Poisson process whose rate is proportional to the value; spikes have continuous times.

    The intervals are exponential. On a grid of steps each spike belongs to the step that covers it, and those that fall together add up.

    Parameters
    ----------
    unit_conversion : float
        Rate in spikes per ms of a value of 1.

    Notes
    -----
    Source: Dayan and Abbott 2001, *Theoretical Neuroscience*, section 1.4.
    """

    unit_conversion: float = 1.0

    def __post_init__(self) -> None:
        demand_number("exact_poisson.unit_conversion", self.unit_conversion, low=0.0)

    def encode(self, source: torch.Tensor, clock: Clock, steps: int, key: Key) -> Stream:
        demand_values(key.path, "exact_poisson", source, fix="shift or clip the data")
        rate = source.detach().double().cpu().numpy().reshape(-1) * self.unit_conversion
        _demand_room(rate, clock.time(steps), key.path)
        place, time = _train(rate, clock.time(steps), key)
        shape = tuple(source.shape[1:])
        like = torch.empty((), dtype=source.dtype, device=source.device)
        stream = EventSpikes(steps_of(time, clock), place, len(source), shape, steps, like, False)
        size = max(1, len(rate) // max(1, len(source)))
        stream.exact = place // size, place % size, time
        return stream


def _demand_room(rate: np.ndarray, duration: float, path: str) -> None:
    """Refuse trains that would not fit into memory; at the least, place, time and step of a spike take 24 bytes."""
    needed, room = 24 * float(rate.sum()) * duration, available_memory()
    if needed > room:
        raise InputError(
            f"{path}: exact_poisson would send {needed / 24:.3g} spikes, which take {needed:,.0f} bytes, and {room:,} are available; "
            "use lower rates, fewer samples or a shorter run"
        )


def _train(rate: np.ndarray, duration: float, key: Key) -> tuple[np.ndarray, np.ndarray]:
    """Place and time of every spike; a longer run begins with the spikes of a shorter one."""
    places, times = [], []
    last, alive, round_number = np.zeros(len(rate)), np.flatnonzero(rate > 0), 0
    while len(alive):
        drawn = key.generator(round_number).exponential(size=len(rate))
        last[alive] += drawn[alive] / rate[alive]
        alive = alive[last[alive] <= duration]
        places.append(alive)
        times.append(last[alive].copy())
        round_number += 1
    return (np.concatenate(places), np.concatenate(times)) if places else (np.zeros(0, np.int64), np.zeros(0))
