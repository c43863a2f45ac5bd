"""Recordings on disk."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from math import prod
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, final

import numpy as np

from spaic.errors import DataError, StateError
from spaic.Monitor.file import Layout, RecordingFile, is_recording, named
from spaic.Monitor.store import Store

if TYPE_CHECKING:
    import h5py

_FULL = "free some disk space, or choose another file"


@final
class DiskStore(Store):
    """Samples in a group of an HDF5 file, which is made with the first samples of a run.

    Parameters
    ----------
    path : str
        Of the file.
    may_overwrite : bool
        Whether a recording that others made may be replaced.
    """

    def __init__(self, path: str, may_overwrite: bool = False) -> None:
        self.path, self.may_overwrite = os.path.realpath(os.path.expanduser(path)), may_overwrite
        self.name = ""
        self.file: RecordingFile | None = None  # that of this run
        self._made: tuple[RecordingFile, Collection[DiskStore]] | None = None  # the last one, with all who write to it
        self._is_empty = True
        self._written = 0

    def __deepcopy__(self, memo: dict[int, object]) -> DiskStore:
        return DiskStore(self.path, self.may_overwrite)  # a copy has recorded nothing, and the file is not its own

    @classmethod
    def opened(cls, file: RecordingFile, name: str) -> DiskStore:
        """What a file that is there already holds under a name."""
        store = cls(file.path)
        store.file, store.name, store._is_empty = file, name, False
        return store

    def check(self, name: str, is_continued: bool, sharing: Collection[DiskStore]) -> None:
        """Refuse what cannot be written, or must not be; nothing is changed.

        Parameters
        ----------
        name : str
            Path of the monitor.
        is_continued : bool
            Whether the run goes on.
        sharing : collection of DiskStore
            All that write to this file, this one included.
        """
        goes_on = next((s.file for s in sharing if s.file is not None), None) if is_continued else None
        if goes_on is None:
            self._check_place(name, sharing)
        elif goes_on is not self.file:
            raise DataError(f"{name}: {self.path!r} was begun without it in an earlier run; give it a file of its own, or call net.run")
        elif not goes_on.is_there():
            raise DataError(f"{name}: {self.path!r} was moved, removed or replaced since the last run; call net.run to start a new one")

    @property
    def place(self) -> object:
        try:
            return os.stat(os.path.dirname(self.path)).st_dev
        except OSError:
            return self.path

    def begin(self, is_continued: bool, samples: int) -> None:
        if not is_continued:
            self.close()
            self.file, self._is_empty, self._written = None, True, 0

    @staticmethod
    def make(parts: Mapping[str, tuple[DiskStore, Layout]], facts: Mapping[str, Any]) -> None:
        """Make the file of stores that share one: name of the group -> store and layout."""
        stores = [store for store, _ in parts.values()]
        file = RecordingFile(stores[0].path)
        file.make({name: layout for name, (_, layout) in parts.items()}, facts)
        for name, (store, _) in parts.items():
            store.file, store.name, store._made = file, name, (file, stores)

    def append(self, steps: np.ndarray, samples: np.ndarray) -> None:
        with named(self.path, "the recording cannot be written", _FULL):
            group = self._file.group(self.name)
            stored, first = self._as_stored(group, samples), len(group["steps"])
            _write(group["values"], first, stored)
            _write(group["steps"], first, steps)  # last: a sample counts once its step is there
        self._is_empty = False
        self._written += stored.nbytes + steps.nbytes

    def clear(self) -> None:
        if not self._is_empty:
            with named(self.path, "the recording cannot be written", _FULL):
                group = self._file.group(self.name)
                group["first"][0] = len(group["steps"])
                group["first"].flush()
        self._is_empty = True

    def close(self) -> None:
        if self.file is not None:
            self.file.close()

    @property
    def shape(self) -> tuple[int, ...] | None:
        if self._is_empty:
            return None
        with self._file.reading(self.name) as group:
            return _shape(group)

    @property
    def nbytes(self) -> int:
        return self._written

    def steps(self) -> np.ndarray:
        if self._is_empty:
            return np.zeros(0, np.int64)
        with self._file.reading(self.name) as group:
            steps = group["steps"][int(group["first"][0]) : len(group["values"])]
        unwritten = np.flatnonzero(steps == 0)  # where the writer was killed between making room and filling it
        return steps[: unwritten[0]] if len(unwritten) else steps

    def read(self, first: int, stop: int) -> np.ndarray:
        with self._file.reading(self.name) as group:
            offset = int(group["first"][0])
            rows = group["values"][offset + first : offset + stop]
            if not group.attrs["is_packed"]:
                return np.asarray(rows)
            bits = np.unpackbits(rows, axis=1, count=prod(_shape(group)))
            return bits.reshape(len(rows), *_shape(group)).astype(group.attrs["dtype"], copy=False)

    @property
    def _file(self) -> RecordingFile:
        if self.file is None:
            raise StateError(f"{self.path}: there is no recording yet; call net.run(T)")
        return self.file

    def _as_stored(self, group: h5py.Group, samples: np.ndarray) -> np.ndarray:
        dtype = np.dtype(group.attrs["dtype"])
        if not np.can_cast(samples.dtype, dtype, "safe"):
            raise StateError(
                f"{self.name}: {self.path!r} was begun with values of type {dtype}, now they are {samples.dtype}; call net.run instead"
            )
        if group.attrs["is_packed"]:
            return np.packbits(samples.reshape(len(samples), prod(samples.shape[1:])).astype(bool), axis=1)
        return samples

    def _check_place(self, name: str, sharing: Collection[DiskStore]) -> None:
        folder = os.path.dirname(self.path)
        if os.path.isdir(self.path):
            raise DataError(f"{name}: {self.path!r} is a folder; give the path of a file")
        with named(name, f"{self.path!r} cannot be written", "choose a folder that is there and can be written to"):
            TemporaryFile(dir=folder).close()
        if not os.path.lexists(self.path):
            return
        made = next((s._made for s in sharing if s._made is not None and s._made[0].is_there()), None)
        others = [] if made is None else [s.name for s in made[1] if s not in sharing]
        if made is not None and not others:
            return
        holds = f"also holds the recording of {', '.join(others)}" if others else "is there already, and was not made by it"
        if not self.may_overwrite:
            raise DataError(f"{name}: {self.path!r} {holds}; give another file, or overwrite=True to replace it")
        if not is_recording(self.path):
            raise DataError(f"{name}: {self.path!r} is no recording, so it is not overwritten; remove it, or give another file")


def _write(dataset: h5py.Dataset, first: int, rows: np.ndarray) -> None:
    if len(rows):
        dataset.resize(first + len(rows), axis=0)
        dataset[first:] = rows
        dataset.flush()


def _shape(group: h5py.Group) -> tuple[int, ...]:
    return tuple(int(n) for n in group.attrs["sample_shape"])
