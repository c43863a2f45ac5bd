"""The streams that encoders and generators return: random, timed, periodic, constant, waveform, recorded."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from spaic.Backend.Torch.firing.bits import Bits, can_be_bits, ones_as_bytes
from spaic.clock import Clock
from spaic.errors import DeclarationError
from spaic.Graph.stream import Stream
from spaic.seeds import Key

#: Steps whose random numbers are drawn together; part of what a seed means, so changing it changes every spike train.
BLOCK = 16
#: Parameters of codes that are times, whatever the code -> their unit.
TIMES: Mapping[str, str] = dict.fromkeys(("start_time", "end_time", "max_time", "interval", "period", "tau"), "ms")


def window(path: str, clock: Clock, steps: int, start_time: float, end_time: float | None) -> tuple[int, int]:
    """First step and end (exclusive) of [`start_time`, `end_time`) ms within a run of `steps` steps.

    Parameters
    ----------
    path : str
        What declares the times, for messages.
    clock : Clock
        The time grid; both times must lie on it.
    steps : int
        Length of the run; the window is cut off there.
    start_time : float
        Start in ms.
    end_time : float or None
        End in ms; None is the end of the run.

    Raises
    ------
    DeclarationError
        If a time is off the grid or the window ends before it starts.
    """
    first = clock.steps(start_time, f"{path}.start_time", minimum=0)
    last = steps if end_time is None else clock.steps(end_time, f"{path}.end_time", minimum=0)
    if end_time is not None and last < first:
        raise DeclarationError(f"{path}.end_time: {end_time:g} ms is before start_time {start_time:g} ms; choose a later end")
    return min(first, steps), min(last, steps)


class WindowedStream(Stream):
    """A stream that is 0 before step `first` and from step `last` on.

    Parameters
    ----------
    like : torch.Tensor
        ``[B, *shape]``; batch, shape, device and (unless spiking) dtype are taken from it.
    first, last : int
        The window in steps, `last` exclusive.
    """

    #: Sample, neuron and time in ms of every spike, where the times are known and not only their steps.
    exact: tuple[Any, Any, Any] | None = None

    def __init__(self, like: torch.Tensor, first: int, last: int) -> None:
        self.batch, self.shape = like.shape[0], tuple(like.shape[1:])
        self.first, self.last = first, last
        self.device = like.device
        self.dtype = torch.uint8 if self.is_spiking else like.dtype

    def chunk(self, start: int, stop: int) -> torch.Tensor:
        """Values of steps `start` to `stop` - 1, ``[stop - start, B, *shape]``; it may be an expanded view."""
        low, high = max(start, self.first), min(stop, self.last)
        if (low, high) == (start, stop):
            return self._inside(low, high)
        values = torch.zeros((stop - start, self.batch, *self.shape), dtype=self.dtype, device=self.device)
        if low < high:
            values[low - start : high - start] = self._inside(low, high)
        return values

    @abstractmethod
    def _inside(self, start: int, stop: int) -> torch.Tensor:
        """Values of steps that all lie in the window."""

    def _steps(self, start: int, stop: int, dtype: torch.dtype) -> torch.Tensor:
        """The step numbers, shaped ``[stop - start, 1, ..., 1]`` to broadcast over samples and neurons."""
        return torch.arange(start, stop, dtype=dtype, device=self.device).view(-1, 1, *[1] * len(self.shape))


class RandomSpikes(WindowedStream):
    """Independent spikes with a fixed probability per step.

    Random numbers are drawn in blocks of :data:`BLOCK` steps, each from a generator of its own, so that any part of
    the train can be made again, in any order. The train depends on the device (CPU or CUDA), as the generators differ.

    Parameters
    ----------
    probability : torch.Tensor
        ``[B, *shape]``, probability of a spike per step, in [0, 1]; resolved to 2**-32.
    key : Key
        The stream of random numbers.
    first, last : int
        The window in steps, `last` exclusive.
    """

    is_spiking = True

    def __init__(self, probability: torch.Tensor, key: Key, first: int, last: int) -> None:
        super().__init__(probability, first, last)
        probability = probability.detach().double()
        # An integer comparison is the cheapest draw: a uniform int32 is below the threshold with the wanted probability.
        self._threshold = (probability * 2.0**32 - 2.0**31).round().clamp(max=2.0**31 - 1).to(torch.int32)
        certain = probability >= 1
        self._certain = certain if bool(certain.any()) else None
        self._key = key
        self._cache: tuple[int, torch.Tensor] | None = None

    def _inside(self, start: int, stop: int) -> torch.Tensor:
        blocks = range(start // BLOCK, (stop - 1) // BLOCK + 1)
        parts = [self._block(b)[max(start - b * BLOCK, 0) : stop - b * BLOCK] for b in blocks]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _block(self, number: int) -> torch.Tensor:
        if self._cache is None or self._cache[0] != number:  # a run one step at a time asks for a block BLOCK times
            spikes = draw_int32((BLOCK, self.batch, *self.shape), self._key, number, self.device) < self._threshold
            if self._certain is not None:
                spikes |= self._certain  # 2**31 does not fit an int32 threshold
            self._cache = number, spikes.view(torch.uint8)
        return self._cache[1]


def draw_int32(shape: tuple[int, ...], key: Key, block: int, device: torch.device) -> torch.Tensor:
    """Uniform integers over all of int32, a function of `key`, `block` and the kind of device alone."""
    if device.type != "cpu":
        return draw_int32_with_torch(shape, key, block, device)
    # Raw words of NumPy's generator cost a third of torch's numbers on the CPU; each 64-bit word holds two of ours.
    count = math.prod(shape)
    words = key.generator(block).bit_generator.random_raw((count + 1) // 2)
    return torch.from_numpy(words.view(np.int32)[:count].reshape(shape))


def draw_int32_with_torch(shape: tuple[int, ...], key: Key, block: int, device: torch.device) -> torch.Tensor:
    """The draw of :func:`draw_int32` by torch's own generator, on any device."""
    generator = torch.Generator(device=device).manual_seed(key.entropy(block) % 2**63)
    return torch.empty(shape, dtype=torch.int32, device=device).random_(-(2**31), None, generator=generator)


class TimedSpikes(WindowedStream):
    """At most one spike per neuron, at a given step.

    Parameters
    ----------
    step : torch.Tensor
        ``[B, *shape]`` int32, the step of the spike; -1 for none.
    last : int
        End of the run in steps.
    """

    is_spiking = True

    def __init__(self, step: torch.Tensor, last: int) -> None:
        super().__init__(step, 0, last)
        self._step = step

    def _inside(self, start: int, stop: int) -> torch.Tensor:
        return (self._steps(start, stop, self._step.dtype) == self._step).view(torch.uint8)


class PeriodicSpikes(WindowedStream):
    """A spike pattern repeated to the end of the run.

    Parameters
    ----------
    pattern : torch.Tensor
        ``[K, B, *shape]`` uint8, the spikes of one period of K steps.
    last : int
        End of the run in steps.
    """

    is_spiking = True

    def __init__(self, pattern: torch.Tensor, last: int) -> None:
        super().__init__(pattern[0], 0, last)
        self._pattern = pattern

    def _inside(self, start: int, stop: int) -> torch.Tensor:
        phase = torch.arange(start, stop, device=self.device) % len(self._pattern)
        return self._pattern.index_select(0, phase)  # far faster than self._pattern[phase] on the CPU


class Constant(WindowedStream):
    """The same analogue values at every step; gradients flow back to them.

    Parameters
    ----------
    value : torch.Tensor
        ``[B, *shape]``.
    last : int
        End of the run in steps.
    """

    is_constant = True

    def __init__(self, value: torch.Tensor, last: int) -> None:
        super().__init__(value, 0, last)
        self._value = value

    def _inside(self, start: int, stop: int) -> torch.Tensor:
        return self._value.expand(stop - start, *self._value.shape)


class Waveform(WindowedStream):
    """A function of time; the value of a step is the one at its start.

    Parameters
    ----------
    function : callable
        Maps times in ms, ``[n, 1, ..., 1]`` float64, to values that broadcast to ``[n, B, *shape]``.
    like : torch.Tensor
        ``[B, *shape]``; gives batch, shape, dtype and device.
    clock : Clock
        The time grid.
    last : int
        End of the window in steps.
    """

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor], like: torch.Tensor, clock: Clock, last: int) -> None:
        super().__init__(like, 0, last)
        self._function, self._clock = function, clock

    def _inside(self, start: int, stop: int) -> torch.Tensor:
        values = self._function(self._steps(start, stop, torch.float64) * self._clock.dt)
        return values.to(self.dtype).expand(stop - start, self.batch, *self.shape)


class Recorded(WindowedStream):
    """Values that are already given for every step.

    Parameters
    ----------
    values : torch.Tensor
        ``[T, B, *shape]``: numbers, bytes or truth values. If all are 0 or 1 and need no gradient, the stream is spiking.
    """

    def __init__(self, values: torch.Tensor) -> None:
        values = values.view(torch.uint8) if values.dtype == torch.bool else values
        self._bits: Bits | None = None
        self._values, self.is_spiking = values, False
        if not values.requires_grad and can_be_bits(values):
            self._bits = Bits.of_numbers(values)
            self.is_spiking = self._bits is not None
        elif not values.requires_grad:
            ones, self.is_spiking = ones_as_bytes(values)
            self._values = ones if self.is_spiking else values
        if not self.is_spiking and not values.is_floating_point():
            self._values = values.float()
        super().__init__(self._values[0], 0, len(values))

    def words(self, start: int, stop: int) -> Any:
        if self._bits is None or not self.first <= start <= stop <= self.last:
            return None
        return self._bits.words[start * self.batch : stop * self.batch]

    def _inside(self, start: int, stop: int) -> torch.Tensor:
        if self._bits is not None:
            self._values, self._bits = self._bits.bytes().view(-1, self.batch, *self.shape), None
        return self._values[start:stop]
