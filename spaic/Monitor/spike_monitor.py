"""Recording of spikes."""

from __future__ import annotations

import os
from typing import Any

from spaic.Monitor.memory import MemoryStore
from spaic.Monitor.monitor import Monitor
from spaic.Monitor.series import SpikeTrains


class SpikeMonitor(Monitor, SpikeTrains):
    """Records the spikes of a group or node. In a file they take one bit each.

    Parameters
    ----------
    target : NeuronGroup or Node
        Whose spikes they are.
    var_name : str
        ``"O"``, the spikes.
    dt : float, optional
        Time between samples in ms; leave it out to see every spike.
    index, name, nbatch, file, overwrite, memory_limit
        As for every :class:`~spaic.Monitor.monitor.Monitor`.
    """

    def __init__(
        self,
        target: Any,
        var_name: str = "O",
        index: Any = "full",
        dt: float | str | None = None,
        name: str | None = None,
        *,
        nbatch: bool | int = False,
        file: str | os.PathLike[str] | None = None,
        overwrite: bool = False,
        memory_limit: int | str | None = None,
    ) -> None:
        super().__init__(target, var_name, index, dt, name, nbatch=nbatch, file=file, overwrite=overwrite, memory_limit=memory_limit)

    def _takes_events(self) -> bool:
        return isinstance(self._store, MemoryStore) and self.index is None and self.interval is None
