"""Readouts: what a record of spikes or membrane voltages over a run is reduced to.

A readout is a fold over chunks of time. It is differentiable, and cutting the record into other chunks changes
neither its result nor its gradient.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch

from spaic.clock import Clock
from spaic.errors import NetworkError
from spaic.Library.ranges import demand_count, demand_number, demand_positive
from spaic.registry import decoders

#: What a readout knows of the steps so far.
Carry = tuple[torch.Tensor, ...]


class Decoding(ABC):
    """A readout: a frozen dataclass whose fields are its parameters, folded over the record.

    Attributes
    ----------
    reads : str
        The variable it reads: ``"O"`` (spikes) or ``"V_before_reset"`` (the membrane at the threshold test).
    """

    reads: ClassVar[str] = "O"

    def check(self, neurons: int, path: str) -> None:  # noqa: B027  most codes read any number
        """Refuse a number of neurons that this code cannot read."""

    def add(self, carry: Carry | None, record: object, first_step: int, clock: Clock) -> Carry:
        """As :meth:`fold`, for records of any kind of array."""
        return self.fold(carry, torch.as_tensor(record, device=getattr(record, "device", "cpu")), first_step, clock)

    @abstractmethod
    def fold(self, carry: Carry | None, chunk: torch.Tensor, first_step: int, clock: Clock) -> Carry:
        """Take in the next steps.

        Parameters
        ----------
        carry : tuple of torch.Tensor or None
            What :meth:`fold` returned for the steps before; None at the start.
        chunk : torch.Tensor
            ``[T, B, *shape]``, at least one step.
        first_step : int
            Step number of ``chunk[0]``.
        clock : Clock
            The time grid.
        """

    @abstractmethod
    def finish(self, carry: Carry, steps: int, clock: Clock) -> torch.Tensor:
        """The result after `steps` steps, ``[B, N]`` for N neurons unless said otherwise."""


def _real(record: torch.Tensor) -> torch.dtype:
    """A type in which the record can be added up: spikes may be bytes, voltages half precision."""
    return torch.promote_types(record.dtype, torch.float32)


@decoders.register("spike_counts")
@dataclass(frozen=True)
class SpikeCounts(Decoding):
    """``(number of spikes + bias) * scale`` of each population, ``[B, N / pop_size]``.

    Parameters
    ----------
    pop_size : int
        Number of consecutive neurons whose spikes are added up.
    bias : float
        Added to each number.
    scale : float
        Factor on the sum of both.
    """

    pop_size: int = 1
    bias: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        demand_count("spike_counts.pop_size", self.pop_size)
        demand_number("spike_counts.bias", self.bias)
        demand_number("spike_counts.scale", self.scale)

    def check(self, neurons: int, path: str) -> None:
        if neurons % self.pop_size:
            raise NetworkError(
                f"{path}.pop_size: {neurons} neurons cannot be split into populations of {self.pop_size}; "
                f"choose a pop_size that divides {neurons}"
            )

    def fold(self, carry: Carry | None, chunk: torch.Tensor, first_step: int, clock: Clock) -> Carry:
        counts = self._pooled(chunk.sum(0, dtype=_real(chunk)).flatten(1))
        return (counts,) if carry is None else (carry[0] + counts,)

    def finish(self, carry: Carry, steps: int, clock: Clock) -> torch.Tensor:
        return (carry[0] + self.bias) * self.scale

    def _pooled(self, counts: torch.Tensor) -> torch.Tensor:
        self.check(counts.shape[1], "spike_counts")
        return counts.reshape(len(counts), -1, self.pop_size).sum(2)


@decoders.register("spike_rate", "spike_rates")
@dataclass(frozen=True)
class SpikeRate(SpikeCounts):
    """``(spikes per step + bias) * scale`` of each population, ``[B, N / pop_size]``; see :class:`SpikeCounts`."""

    def finish(self, carry: Carry, steps: int, clock: Clock) -> torch.Tensor:
        return super().finish((carry[0] / steps,), steps, clock)


@decoders.register("first_spike")
@dataclass(frozen=True)
class FirstSpike(Decoding):
    """Time in ms of each neuron's first spike, ``[B, N]``; a neuron that never fires gets one step after the end.

    A spike of step k has time ``(k + 1) * dt``. The time is computed as ``dt * (1 + sum_t prod_{s <= t} (1 - o_s))``, one
    step more for each that was survived in silence, which is differentiable in the spikes o.
    """

    def fold(self, carry: Carry | None, chunk: torch.Tensor, first_step: int, clock: Clock) -> Carry:
        silent = (1 - chunk.to(_real(chunk)).flatten(2)).cumprod(0)
        if carry is None:
            return silent[-1], silent.sum(0)
        silent = silent * carry[0]
        return silent[-1], carry[1] + silent.sum(0)

    def finish(self, carry: Carry, steps: int, clock: Clock) -> torch.Tensor:
        return clock.dt * (1 + carry[1])


@decoders.register("final_voltage", "final_step_voltage", "final_membrane_potential")
@dataclass(frozen=True)
class FinalVoltage(Decoding):
    """Membrane voltage of the last step, before a reset, ``[B, N]``."""

    reads: ClassVar[str] = "V_before_reset"

    def fold(self, carry: Carry | None, chunk: torch.Tensor, first_step: int, clock: Clock) -> Carry:
        return (chunk[-1].flatten(1),)

    def finish(self, carry: Carry, steps: int, clock: Clock) -> torch.Tensor:
        return carry[0]


@decoders.register("max_voltage", "maximal_membrane_potential")
@dataclass(frozen=True)
class MaxVoltage(Decoding):
    """Largest membrane voltage of the run, before a reset, ``[B, N]``; the gradient goes to its first occurrence.

    Notes
    -----
    Source: Cramer, Stradmann, Schemmel and Zenke 2022, *IEEE TNNLS* 33, 2744-2757, doi:10.1109/TNNLS.2020.3044364.
    """

    reads: ClassVar[str] = "V_before_reset"

    def fold(self, carry: Carry | None, chunk: torch.Tensor, first_step: int, clock: Clock) -> Carry:
        # Not amax and maximum: they share the gradient among equal values, in a way that depends on the chunks.
        largest = chunk.flatten(2).max(0).values
        return (largest,) if carry is None else (torch.where(largest > carry[0], largest, carry[0]),)

    def finish(self, carry: Carry, steps: int, clock: Clock) -> torch.Tensor:
        return carry[0]


@decoders.register("null")
@dataclass(frozen=True)
class NullDecoding(Decoding):
    """The spikes of every step as they are, ``[T, B, *shape]``."""

    def fold(self, carry: Carry | None, chunk: torch.Tensor, first_step: int, clock: Clock) -> Carry:
        return (*(carry or ()), chunk)

    def finish(self, carry: Carry, steps: int, clock: Clock) -> torch.Tensor:
        return torch.cat(carry)


@decoders.register("v_t", "voltage_trace")
@dataclass(frozen=True)
class VoltageTrace(NullDecoding):
    """The membrane voltage of every step, before a reset, ``[T, B, *shape]``."""

    reads: ClassVar[str] = "V_before_reset"


@decoders.register("time_spike_counts")
@dataclass(frozen=True)
class TimeSpikeCounts(NullDecoding):
    """Spikes weighted by how early they come: each counts ``amp * exp(-t / (share * T))`` at time t of a run of T, ``[B, N]``.

    Parameters
    ----------
    amp : float
        Weight of a spike at the start.
    share : float
        Share of the run in which the weight falls to 1/e.
    """

    amp: float = 0.1
    share: float = 0.5

    def __post_init__(self) -> None:
        demand_number("time_spike_counts.amp", self.amp)
        demand_positive("time_spike_counts.share", self.share)

    def finish(self, carry: Carry, steps: int, clock: Clock) -> torch.Tensor:
        spikes = super().finish(carry, steps, clock).flatten(2)
        time = torch.arange(steps, device=spikes.device, dtype=_real(spikes))
        weight = self.amp * torch.exp(-time / (self.share * steps))
        return torch.einsum("t,tbn->bn", weight, spikes.to(weight.dtype))


@decoders.register("voltage_sum")
@dataclass(frozen=True)
class VoltageSum(VoltageTrace):
    """Sum of the membrane voltage over all steps, before resets, ``[B, N]``."""

    def finish(self, carry: Carry, steps: int, clock: Clock) -> torch.Tensor:
        trace = super().finish(carry, steps, clock).flatten(2)
        return trace.sum(0, dtype=torch.float64).to(_real(trace))  # all at once: a sum of sums would depend on the chunks


@decoders.register("mean_voltage")
@dataclass(frozen=True)
class MeanVoltage(VoltageSum):
    """Mean membrane voltage of the run, before resets, ``[B, N]``."""

    def finish(self, carry: Carry, steps: int, clock: Clock) -> torch.Tensor:
        return super().finish(carry, steps, clock) / steps
