"""Input that was recorded: values over time from an array or a file, and trains of a given number of spikes."""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from spaic.Backend.Torch.firing.bits import ones_as_bytes
from spaic.clock import Clock
from spaic.errors import DataError, DeclarationError, InputError
from spaic.Graph.stream import Stream
from spaic.Library.events import EventSpikes
from spaic.Library.generators import Generation, spread
from spaic.Library.ranges import demand_flag, demand_positive, demand_values
from spaic.Library.streams import WindowedStream, window
from spaic.registry import generators
from spaic.seeds import Key


class Rows(WindowedStream):
    """Rows of an array, each held for a number of steps.

    Parameters
    ----------
    rows : torch.Tensor
        ``[R, ...]`` float64 that broadcasts to ``[R, B, *shape]``.
    batch : int
        Number of samples.
    shape : tuple of int
        Shape of a sample.
    hold : int
        Steps per row.
    repeats : bool
        Whether the first row follows the last one; otherwise 0 does.
    steps : int
        Length of the run in steps.
    """

    def __init__(self, rows: torch.Tensor, batch: int, shape: tuple[int, ...], hold: int, repeats: bool, steps: int) -> None:
        values, self.is_spiking = ones_as_bytes(rows)
        self._rows, self._hold = (values if self.is_spiking else rows), hold
        last = steps if repeats else min(steps, len(rows) * hold)
        super().__init__(rows.new_empty(()).expand(batch, *shape), 0, last)

    def _inside(self, start: int, stop: int) -> torch.Tensor:
        row = torch.arange(start, stop, device=self.device) // self._hold % len(self._rows)
        return self._rows.index_select(0, row).expand(stop - start, self.batch, *self.shape)


def _rows(values: torch.Tensor, batch: int, shape: tuple[int, ...], key: Key, what: str) -> torch.Tensor:
    """Values over time, broadcastable to ``[R, B, *shape]``; a row is for all neurons, for each, or for each of every sample."""
    given = tuple(values.shape)
    ones = (1,) * len(shape)
    if len(given) == 1:
        values = values.reshape(-1, 1, *ones)
    elif given[1:] in (shape, (prod(shape),)):
        values = values.reshape(len(values), 1, *shape)
    elif given[1:] != (batch, *shape):
        raise InputError(
            f"{key.path}: {what} of shape {given} does not fit {batch} sample(s) of shape {shape}; "
            f"give [time], [time, {', '.join(map(str, shape))}] or [time, {batch}, {', '.join(map(str, shape))}]"
        )
    demand_values(key.path, what, values, low=-torch.inf)
    return values


@dataclass(frozen=True)
class _Held(Generation):
    """What an array and a file have in common."""

    interval: float | None = None
    repeat: bool = False

    def __post_init__(self) -> None:
        name = type(self).__name__
        if self.interval is not None:
            demand_positive(f"{name}.interval", self.interval)
        demand_flag(f"{name}.repeat", self.repeat)

    def _hold(self, clock: Clock) -> int:
        return 1 if self.interval is None else clock.steps(self.interval, f"{type(self).__name__}.interval")


@generators.register("timed_array", "time_varying_current", "current")
@dataclass(frozen=True)
class TimedArray(_Held):
    """Values over time from an array, the value of the generator: ``[time]``, ``[time, *shape]`` or ``[time, batch, *shape]``.

    Parameters
    ----------
    interval : float, optional
        Time in ms for which a row is held; one step by default.
    repeat : bool
        Start again after the last row; otherwise 0 follows.
    """

    def generate(
        self, source: object, shape: tuple[int, ...], batch: int, clock: Clock, steps: int, key: Key, device: torch.device | str
    ) -> Stream:
        try:
            values = source if isinstance(source, torch.Tensor) else torch.from_numpy(np.array(source, dtype=np.float64))
        except (TypeError, ValueError):
            raise InputError(f"{key.path}: timed_array needs numbers over time, got {source!r}; give an array") from None
        if values.ndim == 0:
            raise InputError(f"{key.path}: timed_array needs values over time, got {source!r}; give an array, or use constant_current")
        rows = _rows(values.detach().to(device, torch.float64), batch, shape, key, "timed_array")
        return Rows(rows, batch, shape, self._hold(clock), self.repeat, steps)


@generators.register("from_file", "file")
@dataclass(frozen=True)
class FromFile(_Held):
    """Values over time from a file: an array as ``timed_array`` takes it, times the value of the generator (1 if none is given).

    Files are arrays of NumPy (``.npy``, ``.npz``; never pickled objects) or text (``.csv``, ``.txt``) with one row per line.

    Parameters
    ----------
    interval : float, optional
        Time in ms for which a row is held; one step by default.
    repeat : bool
        Start again after the last row; otherwise 0 follows.
    file : str
        Path of the file.
    array : str, optional
        Name of the array in a ``.npz`` file that holds several.
    delimiter : str
        What separates the values of a line of text.
    """

    file: str | os.PathLike[str] = ""
    array: str | None = None
    delimiter: str = ","

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.file, (str, os.PathLike)):
            raise DeclarationError(f"FromFile.file: expected a path, got {self.file!r}; give text")
        if not isinstance(self.array, (str, type(None))):
            raise DeclarationError(f"FromFile.array: {self.array!r} is no name; give that of an array in the file")
        if not isinstance(self.delimiter, str) or not self.delimiter:
            raise DeclarationError(f"FromFile.delimiter: {self.delimiter!r} separates nothing; give text such as ','")
        object.__setattr__(self, "file", os.fspath(self.file))

    def generate(
        self, source: object, shape: tuple[int, ...], batch: int, clock: Clock, steps: int, key: Key, device: torch.device | str
    ) -> Stream:
        factor = spread(1.0 if source is None else source, shape, batch, key, device).double()
        demand_values(key.path, "from_file", factor, low=-torch.inf)
        rows = _rows(torch.from_numpy(self.values(key.path)).to(device), batch, shape, key, str(self.file))
        return Rows(rows * factor, batch, shape, self._hold(clock), self.repeat, steps)

    def values(self, path: str = "from_file") -> np.ndarray:
        """What the file holds: float64, the first axis is time."""
        file = Path(self.file)
        if not self.file:
            raise DeclarationError(f"{path}.file: no file is given; give the path of a .npy, .npz, .csv or .txt file")
        try:
            found = self._read(file)
        except OSError as error:
            raise DataError(f"{file}: it cannot be read ({error.strerror or error}); check the path") from error
        except (ValueError, zipfile.BadZipFile, EOFError) as error:
            raise DataError(f"{file}: it holds no array of numbers ({error}); write it with numpy.save or numpy.savetxt") from error
        if found.dtype.kind not in "fiub" or found.ndim == 0 or not found.size:
            raise DataError(f"{file}: it holds {found.dtype} of shape {found.shape}; write numbers whose first axis is time")
        return np.ascontiguousarray(found, dtype=np.float64)

    def _read(self, file: Path) -> np.ndarray:
        kind = file.suffix.lower()
        if kind == ".npy":
            return np.asarray(np.load(file, allow_pickle=False))
        if kind == ".npz":
            with np.load(file, allow_pickle=False) as arrays:
                names = list(arrays)
                if self.array is None and len(names) != 1:
                    raise DataError(f"{file}: it holds the arrays {', '.join(names)}; name one with array=")
                if self.array is not None and self.array not in names:
                    raise DataError(f"{file}: it holds no array {self.array!r}, but {', '.join(names)}; name one of these")
                return np.asarray(arrays[self.array or names[0]])
        if kind in (".csv", ".txt"):
            text = np.loadtxt(file, delimiter=self.delimiter, ndmin=2)
            return text[:, 0] if text.shape[1] == 1 else text
        raise DataError(f"{file}: files that end in {kind!r} are not read; use .npy, .npz, .csv or .txt")


@generators.register("random_spikes", "random_spike_train")
@dataclass(frozen=True)
class RandomSpikeTrain(Generation):
    """Trains of a given number of spikes at random times; the value is their number in each neuron.

    The spikes of a neuron are at different steps of the window. A run that is continued brings no more.

    Parameters
    ----------
    start_time : float
        Start of the window in ms.
    end_time : float, optional
        End of the window in ms; the end of the run by default.
    """

    continues: ClassVar[bool] = False

    start_time: float = 0.0
    end_time: float | None = None

    def generate(
        self, source: object, shape: tuple[int, ...], batch: int, clock: Clock, steps: int, key: Key, device: torch.device | str
    ) -> Stream:
        wanted = spread(source, shape, batch, key, device)
        first, last = window("random_spikes", clock, steps, self.start_time, self.end_time)
        demand_values(key.path, "random_spikes", wanted, high=last - first, fix=f"the window has {last - first} steps")
        counts = wanted.detach().cpu().numpy().reshape(-1)
        if (counts != np.floor(counts)).any():
            raise InputError(f"{key.path}: {counts[counts != np.floor(counts)][0]:g} is no number of spikes; give whole numbers")
        rng = key.generator()
        drawn = [rng.choice(last - first, int(n), replace=False) for n in counts]
        step = np.concatenate(drawn).astype(np.int64) + first
        place = np.repeat(np.arange(len(counts)), counts.astype(np.int64))
        return EventSpikes(step, place, batch, shape, steps, torch.empty((), device=device), False)
