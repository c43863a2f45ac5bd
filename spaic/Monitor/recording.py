"""Recordings that lie in a file, read without the network that made them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from spaic.errors import DataError, UnknownName, nearest
from spaic.Monitor.disk import DiskStore
from spaic.Monitor.file import FORMAT, FORMAT_VERSION, RecordingFile, named
from spaic.Monitor.series import Series, SpikeTrains


class Recording(Mapping[str, Series]):
    """What monitors with ``file=`` have written: path of a monitor -> what it recorded, read as from the monitor itself.

    The file is opened for each access and stays closed in between. While a run goes on, in this process or another one, what is
    there so far is read; after a run was killed, what it had come to.

    Parameters
    ----------
    path : str or path-like
        The file.

    Attributes
    ----------
    facts : mapping
        ``spaic``, the version that wrote it, and ``format_version``.

    Raises
    ------
    DataError
        If there is no such file, or it is no recording.

    Examples
    --------
    >>> import os, tempfile, spaic
    >>> path = os.path.join(tempfile.mkdtemp(), "rec.h5")
    >>> with spaic.Network() as net:
    ...     clamp = spaic.Generator(num=3, coding_method="constant_current")
    ...     cells = spaic.NeuronGroup(3, model="lif")
    ...     wire = spaic.Connection(clamp, cells, link_type="one_to_one", weight=1.0, post_var_name="I")
    ...     trace = spaic.StateMonitor(cells, "V", file=path)
    ...     spikes = spaic.SpikeMonitor(cells, file=path)
    >>> net.clamp(2.0)
    >>> net.run(50.0)
    >>> recording = spaic.Monitor.Recording(path)
    >>> list(recording), recording["trace"].values.shape, recording["spikes"].spk_count
    (['spikes', 'trace'], (1, 3, 500), array([[3, 3, 3]]))
    >>> recording["trace"].between(10.0, 20.0).times[[0, -1]].round(1)
    array([10.1, 20. ])
    >>> recording["trace"].facts["reads"], recording["trace"].facts["shape"]
    ('cells.V', (3,))
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._file = RecordingFile(os.path.realpath(os.path.expanduser(self.path)))
        with named(self.path, "it cannot be read as a recording", "see whether it was written by a monitor with file="):
            handle = self._file.opened()
        with handle:
            self.facts = _plain(handle.attrs)
            self._check_format()
            self._series = {name: self._one(name, _plain(group.attrs)) for name, group in handle.items()}

    def __getitem__(self, name: str) -> Series:
        if name not in self._series:
            raise UnknownName(f"{self.path}: no monitor {name!r} has written to it; {nearest(name, self._series)}")
        return self._series[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._series)

    def __len__(self) -> int:
        return len(self._series)

    def __repr__(self) -> str:
        return f"<Recording {self.path}: {', '.join(self)}>"

    def _check_format(self) -> None:
        written, version = self.facts.get("format"), self.facts.get("format_version")
        if written != FORMAT:
            raise DataError(f"{self.path}: it is no recording; give a file that a monitor with file= has written")
        if version != FORMAT_VERSION:
            raise DataError(
                f"{self.path}: its format has version {version}, this spaic reads {FORMAT_VERSION}; use spaic {self.facts.get('spaic')}"
            )

    def _one(self, name: str, facts: dict[str, Any]) -> Series:
        made = SpikeTrains if facts.get("kind") == "spikes" else Series
        index = list(facts["index"]) if "index" in facts else None
        return made(name, DiskStore.opened(self._file, name), facts["dt"], index, facts=facts)


def _plain(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes as Python's own numbers, texts and tuples."""
    plain = {k: v.tolist() if hasattr(v, "tolist") else v for k, v in attributes.items()}
    return {k: tuple(v) if isinstance(v, list) else v for k, v in plain.items()}
