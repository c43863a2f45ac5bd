"""The HDF5 file that the monitors of a run write together.

Its root has the attributes ``format``, ``format_version`` and ``spaic``, the version that wrote it. Every monitor has a group,
named by its path, whose attributes say what was recorded, with three data sets:

- ``values`` ``[samples, *sample]``; those of spikes are bits, eight to a byte: ``[samples, bytes of a sample]``;
- ``steps`` ``[samples]``, the number of steps done at each sample;
- ``first`` ``[1]``, the number of the first sample that counts: ``clear()`` sets it.

A file holds the recordings of one run and of what continues it. It is made under another name, complete with all groups, closed,
renamed, and opened for single-writer-multiple-readers access (SWMR), in which HDF5 puts every piece of data on disk before what
points to it. So it can be read at any time, by other processes too, and after the writer was killed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spaic.errors import DataError, SpaicError

if TYPE_CHECKING:
    import h5py

FORMAT, FORMAT_VERSION = "spaic recording", 1
#: Bytes of a chunk. Chunks are not compressed, so that one in which a piece ends is written again in place. A compressed one would take
#: new space each time, which readers forbid to use again: short continued runs would make a file many times larger.
_CHUNK = 1 << 18


@dataclass(frozen=True)
class Layout:
    """How one recording is laid out.

    Attributes
    ----------
    shape : tuple of int
        Of a sample.
    dtype : numpy.dtype
        Of its values.
    is_packed : bool
        Whether all values are 0 or 1, so that bits will do.
    samples : int
        How many are expected.
    facts : mapping of str to value
        Attributes that say what was recorded.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    is_packed: bool
    samples: int
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def stored(self) -> tuple[tuple[int, ...], np.dtype]:
        """Shape and type of a sample in the file."""
        return ((-(-prod(self.shape) // 8),), np.dtype(np.uint8)) if self.is_packed else (self.shape, self.dtype)

    def make(self, group: h5py.Group) -> None:
        """Write attributes and empty data sets."""
        shape, dtype = self.stored
        group.attrs.update(self.facts)
        group.attrs.update({"sample_shape": np.array(self.shape, np.int64), "dtype": self.dtype.name, "is_packed": self.is_packed})
        for name, sample, kind in (("values", shape, dtype), ("steps", (), np.dtype(np.int64))):
            rows = max(1, _CHUNK // max(1, prod(sample) * kind.itemsize))
            chunk = (min(rows, max(self.samples, 1024)), *(max(1, n) for n in sample))
            group.create_dataset(name, (0, *sample), kind, maxshape=(None, *sample), chunks=chunk)
        group.create_dataset("first", (1,), np.int64)


class RecordingFile:
    """One file, while it is written and afterwards.

    Parameters
    ----------
    path : str
        Where it is, or will be.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._handle: h5py.File | None = None
        self._identity: tuple[int, int] | None = None

    def is_there(self) -> bool:
        """Whether what is at the path is the file that this object has made."""
        return self._identity is not None and self._identity == _identity(self.path)

    def make(self, layouts: Mapping[str, Layout], facts: Mapping[str, Any]) -> None:
        """Make the file, in place of what is there, and open it for writing."""
        import h5py

        part = f"{self.path}.{os.getpid()}.part"
        with named(self.path, "it cannot be written", "free some disk space, or choose another file"):
            try:
                with h5py.File(part, "w", libver="latest") as handle:
                    handle.attrs.update({"format": FORMAT, "format_version": FORMAT_VERSION, **facts})
                    for name, layout in layouts.items():
                        layout.make(handle.create_group(name))
                os.replace(part, self.path)
            finally:
                Path(part).unlink(missing_ok=True)
        self._identity = _identity(self.path)
        self._handle = self.opened(is_writing=True)

    def group(self, name: str) -> h5py.Group:
        """The group of a monitor, for writing."""
        if self._handle is None:
            self._handle = self.opened(is_writing=True)
        return self._handle[name]

    @contextmanager
    def reading(self, name: str) -> Iterator[h5py.Group]:
        """The group of a monitor, for reading; a closed file is closed again afterwards."""
        with named(self.path, f"the recording of {name!r} cannot be read", "see whether the file is whole"):
            if self._handle is not None:
                yield self._handle[name]
                return
            with self.opened() as handle:
                yield handle[name]

    def close(self) -> None:
        """Close the file; it can still be read, and is opened again where a run goes on."""
        if self._handle is not None:
            with named(self.path, "it cannot be closed", "see whether the disk is full"):
                handle, self._handle = self._handle, None
                handle.close()

    def opened(self, is_writing: bool = False) -> h5py.File:
        """A new handle, in SWMR mode from the first moment on, so that the file is readable whenever this process ends."""
        import h5py

        access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
        access.set_libver_bounds(h5py.h5f.LIBVER_LATEST, h5py.h5f.LIBVER_LATEST)
        access.set_cache(0, 0, 0, 0.0)  # chunks go straight to the file and take no memory
        flags = h5py.h5f
        # Whoever has it open in this process without SWMR forbids it to others; the last mode is for them.
        modes = [flags.ACC_RDWR | flags.ACC_SWMR_WRITE] if is_writing else [flags.ACC_RDONLY | flags.ACC_SWMR_READ, flags.ACC_RDONLY]
        with named(self.path, "it cannot be opened", "see whether it is there and belongs to a recording"):
            for mode in modes[:-1]:
                with suppress(OSError):
                    return h5py.File(h5py.h5f.open(os.fsencode(self.path), mode, access))
            return h5py.File(h5py.h5f.open(os.fsencode(self.path), modes[-1], access))


@contextmanager
def named(path: str, fault: str, advice: str) -> Iterator[None]:
    """Turn errors of the operating system and of HDF5 into a :class:`DataError` that names the file."""
    try:
        yield
    except SpaicError:
        raise
    except (OSError, RuntimeError, KeyError) as error:
        raise DataError(f"{path}: {fault} ({' '.join(str(error).split())}); {advice}") from error


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def is_recording(path: str) -> bool:
    """Whether there is a recording at the path."""
    try:
        with RecordingFile(path).opened() as handle:
            return bool(handle.attrs.get("format") == FORMAT)
    except DataError:
        return False
