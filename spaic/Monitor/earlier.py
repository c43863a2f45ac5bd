"""Recordings of earlier runs that a monitor keeps."""

from __future__ import annotations

import numpy as np

from spaic.errors import DeclarationError, StateError


class EarlierRuns:
    """The latest runs before the present one.

    Parameters
    ----------
    nbatch : bool or int
        True keeps all runs, a number that many, False none.
    path : str
        Who asks, for messages.
    """

    def __init__(self, nbatch: object, path: str) -> None:
        is_number = hasattr(nbatch, "__index__")
        if not is_number or int(nbatch) < 0:  # type: ignore[call-overload]
            raise DeclarationError(f"{path}: nbatch {nbatch!r} is not True, False or a number of runs to keep; give one of them")
        self.most: int | None = None if nbatch is True else int(nbatch)  # type: ignore[call-overload]
        self._runs: list[tuple[np.ndarray, np.ndarray]] = []

    @property
    def nbytes(self) -> int:
        """Bytes that the runs take."""
        return sum(samples.nbytes + times.nbytes for samples, times in self._runs)

    def nbytes_with(self, present: int) -> int:
        """Bytes they will take once the present run, of that many bytes, is an earlier one."""
        kept = [*(samples.nbytes + times.nbytes for samples, times in self._runs), present]
        return sum(kept if self.most is None else kept[max(0, len(kept) - self.most) :])

    def add(self, samples: np.ndarray, times: np.ndarray) -> None:
        """Keep a run, ``[samples, *sample]``, and let go of the oldest one where they become too many."""
        self._runs.append((samples, times))
        if self.most is not None:
            del self._runs[: max(0, len(self._runs) - self.most)]

    def clear(self) -> None:
        """Forget them."""
        self._runs = []

    def with_present(self, present: tuple[np.ndarray, np.ndarray] | None, path: str) -> tuple[np.ndarray, np.ndarray]:
        """Samples ``[runs, samples, *sample]`` and times ``[runs, samples]`` of all runs, the present one last."""
        if self.most == 0:
            raise StateError(f"{path}: only the present run is kept; make the monitor with nbatch=True, or a number of runs")
        runs = [*self._runs, *([present] if present is not None else [])]
        if not runs:
            raise StateError(f"{path}: nothing is recorded yet; call net.run(T)")
        shapes = sorted({samples.shape for samples, _ in runs})
        if len(shapes) > 1:
            raise StateError(f"{path}: the runs have different shapes [samples, batch, ...], {shapes}; keep duration and batch, or clear()")
        return np.stack([samples for samples, _ in runs]), np.stack([times for _, times in runs])
