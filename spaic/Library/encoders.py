"""Codes that turn the values of a sample into the input of a node over time."""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch

from spaic.clock import Clock
from spaic.errors import InputError
from spaic.Graph.stream import Stream
from spaic.Library.ranges import demand_count, demand_flag, demand_number, demand_positive, demand_values
from spaic.Library.streams import TIMES, Constant, PeriodicSpikes, RandomSpikes, Recorded, TimedSpikes, window
from spaic.registry import encoders
from spaic.seeds import Key


class Encoding(ABC):
    """A code: a frozen dataclass whose fields are its parameters, with one method to write.

    Attributes
    ----------
    continues : bool
        True if ``run_continue`` without new data goes on encoding; False for a code with one volley per sample.
    takes_bytes : bool
        True if it takes bytes and truth values as they are; else they become numbers first.
    units : mapping
        Parameter -> its unit, of those that have one: they may be given as text (``"5 ms"``).
    """

    units: ClassVar[Mapping[str, str]] = TIMES
    continues: ClassVar[bool] = True
    takes_bytes: ClassVar[bool] = False

    def stream(self, source: object, clock: Clock, steps: int, key: Key, device: str, dtype: str) -> Stream:
        """Encode data of any kind, moved to `device`; analogue values become `dtype`."""
        tensor = torch.as_tensor(source, device=device)
        is_raw = self.takes_bytes and tensor.dtype in (torch.uint8, torch.bool)
        if not (tensor.is_floating_point() or is_raw):
            tensor = tensor.to(getattr(torch, dtype))
        return self.encode(tensor, clock, steps, key)

    @abstractmethod
    def encode(self, source: torch.Tensor, clock: Clock, steps: int, key: Key) -> Stream:
        """Encode a batch of samples.

        Parameters
        ----------
        source : torch.Tensor
            ``[B, *shape]``, finite floating-point values.
        clock : Clock
            The time grid.
        steps : int
            Length of the run in steps.
        key : Key
            The random numbers to use; its path names the node in messages.

        Returns
        -------
        Stream
            Input of `steps` steps on the device of `source`.

        Raises
        ------
        InputError
            If a value cannot be encoded.
        """


@encoders.register("poisson")
@dataclass(frozen=True)
class PoissonEncoding(Encoding):
    """Rate code: a Poisson train whose rate is proportional to the value, with at most one spike per step.

    Parameters
    ----------
    unit_conversion : float
        Rate in spikes per ms of a value of 1. A step has a spike with probability ``min(1, value * unit_conversion * dt)``.
    start_time : float
        Start of the train in ms.
    end_time : float, optional
        End of the train in ms; the end of the run by default.

    Notes
    -----
    Source: Dayan and Abbott 2001, *Theoretical Neuroscience*, section 1.4.
    """

    unit_conversion: float = 1.0
    start_time: float = 0.0
    end_time: float | None = None

    def __post_init__(self) -> None:
        demand_number("poisson.unit_conversion", self.unit_conversion, low=0.0)

    def encode(self, source: torch.Tensor, clock: Clock, steps: int, key: Key) -> Stream:
        demand_values(key.path, "poisson", source, fix="shift or clip the data")
        first, last = window("poisson", clock, steps, self.start_time, self.end_time)
        probability = source.detach().double() * (self.unit_conversion * clock.dt)
        most = float(probability.max()) if probability.numel() else 0.0
        if most > 1.0 + 1e-9:
            warnings.warn(
                f"{key.path}: its largest value of {float(source.max()):g} asks for {most:.3g} spikes in each step of {clock.dt:g} ms, "
                "where there is one at most; scale the data, or give a smaller unit_conversion (spikes per ms of a value of 1)",
                RuntimeWarning,
                stacklevel=2,
            )
        return RandomSpikes(probability.clamp_(max=1.0), key, first, last)


@encoders.register("bernoulli")
@dataclass(frozen=True)
class BernoulliEncoding(Encoding):
    """Rate code whose probability of a spike per step does not depend on dt.

    Parameters
    ----------
    max_prob : float
        Probability of a spike per step for a value of 1; values must lie in [0, 1].
    """

    max_prob: float = 1.0

    def __post_init__(self) -> None:
        demand_number("bernoulli.max_prob", self.max_prob, 0.0, 1.0)

    def encode(self, source: torch.Tensor, clock: Clock, steps: int, key: Key) -> Stream:
        demand_values(key.path, "bernoulli", source, high=1.0)
        return RandomSpikes(source.detach().double() * self.max_prob, key, 0, steps)


@encoders.register("latency")
@dataclass(frozen=True)
class LatencyEncoding(Encoding):
    """Time-to-first-spike code: the larger the value x, the earlier its only spike; a value of 0 never spikes.

    The spike comes at step ``floor((steps - 1) * max_scale * (1 - x))``.

    Parameters
    ----------
    max_scale : float
        Share of the run, in (0, 1], in which the spikes fall.
    normalize : bool
        If True, the values of each sample are first mapped to [0, 1] by their minimum and maximum (a sample of equal
        values becomes silent); if False, they must lie there.

    Notes
    -----
    Source: Thorpe, Delorme and Van Rullen 2001, *Neural Networks* 14, 715-725, doi:10.1016/S0893-6080(01)00083-1.
    """

    continues: ClassVar[bool] = False

    max_scale: float = 1.0
    normalize: bool = False

    def __post_init__(self) -> None:
        demand_positive("latency.max_scale", self.max_scale, high=1.0)
        demand_flag("latency.normalize", self.normalize)

    def encode(self, source: torch.Tensor, clock: Clock, steps: int, key: Key) -> Stream:
        value = source.detach().double()
        if self.normalize:
            demand_values(key.path, "latency", source, low=-torch.inf)
            value = _normalised(value)
        else:
            demand_values(key.path, "latency", source, high=1.0, fix="rescale the data or set normalize=True")
        step = ((steps - 1) * self.max_scale * (1.0 - value)).floor().to(torch.int32)
        return TimedSpikes(step.masked_fill_(value == 0, -1), steps)


def _normalised(value: torch.Tensor) -> torch.Tensor:
    """Map the values of each sample to [0, 1]; equal values become 0."""
    low, high = value.flatten(1).aminmax(dim=1, keepdim=True)
    span = torch.where(high > low, high - low, 1.0)
    return ((value.flatten(1) - low) / span).view_as(value)


@encoders.register("direct", "float", "constant_current")
@dataclass(frozen=True)
class DirectEncoding(Encoding):
    """Analogue code: the value times `amp` enters at every step, unchanged; gradients flow back to the source.

    Parameters
    ----------
    amp : float
        Factor on the values.

    Notes
    -----
    Source: Rueckauer et al. 2017, *Frontiers in Neuroscience* 11:682, doi:10.3389/fnins.2017.00682.
    """

    amp: float = 1.0

    def __post_init__(self) -> None:
        demand_number("direct.amp", self.amp)

    def encode(self, source: torch.Tensor, clock: Clock, steps: int, key: Key) -> Stream:
        demand_values(key.path, "direct", source, low=-torch.inf)
        return Constant(source * self.amp, steps)


@encoders.register("phase")
@dataclass(frozen=True)
class PhaseEncoding(Encoding):
    """Weighted spikes: step n carries bit ``n mod phases`` of the value, the highest first, period after period.

    A spike of phase p stands for ``2 ** -(1 + p)``; the spikes themselves are 1, so the weighting is left to the
    receiver. A value of 1 becomes the largest binary fraction, ``1 - 2 ** -phases``.

    Parameters
    ----------
    phases : int
        Length of a period in steps, 1 to 16.

    Notes
    -----
    Source: Kim, Kim, Huh, Lee and Choi 2018, *Neurocomputing* 311, 373-386, doi:10.1016/j.neucom.2018.05.087.
    """

    phases: int = 8

    def __post_init__(self) -> None:
        demand_count("phase.phases", self.phases, high=16)

    def encode(self, source: torch.Tensor, clock: Clock, steps: int, key: Key) -> Stream:
        demand_values(key.path, "phase", source, high=1.0)
        level = (source.detach().double() * 2**self.phases).floor().clamp_(max=2**self.phases - 1).to(torch.int32)
        bits = [(level >> (self.phases - 1 - phase)) & 1 for phase in range(self.phases)]
        return PeriodicSpikes(torch.stack(bits).to(torch.uint8), steps)


@encoders.register("null")
@dataclass(frozen=True)
class NullEncoding(Encoding):
    """No code: the source ``[B, T, *shape]`` holds the input of every step already."""

    continues: ClassVar[bool] = False
    takes_bytes: ClassVar[bool] = True

    def encode(self, source: torch.Tensor, clock: Clock, steps: int, key: Key) -> Stream:
        if source.ndim < 2:
            raise InputError(f"{key.path}: null needs data of shape [batch, time, ...], got {tuple(source.shape)}; add the missing axes")
        if source.shape[1] != steps:
            raise InputError(
                f"{key.path}: the data has {source.shape[1]} steps (shape {tuple(source.shape)}) and the run has {steps}; "
                f"run for {clock.time(source.shape[1]):g} ms or give {steps} steps"
            )
        stream = Recorded(source.movedim(1, 0))
        is_sure = stream.is_spiking or not source.is_floating_point()
        if not is_sure and not math.isfinite(source.detach().sum().item()):  # which takes a tenth of the time of finding the largest
            demand_values(key.path, "null", source, low=-torch.inf)
        return stream
