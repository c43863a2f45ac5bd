"""Saving along the way of a training."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spaic.errors import DeclarationError, StateError
from spaic.IO.checkpoint import SUFFIX, save, with_suffix
from spaic.Learning.callbacks import Callback

if TYPE_CHECKING:
    from spaic.Learning.fit import Fit


class Checkpoint(Callback):
    """Saves the network during ``net.fit``, at the end of it, and on Ctrl-C.

    ``net = spaic.load(path)`` and ``net.fit(..., resume=True)`` go on from the last file; on the CPU the result is equal, bit for bit,
    to that of a training that was never interrupted.

    Parameters
    ----------
    path : str or Path
        The file, ``.spaic``.
    every : int, optional
        Number of batches from one save to the next; at the end of each epoch only if it is left out.
    keep : int
        Number of files to keep: the latest has the name given, ``name.1.spaic`` is the one before it, and so on.

    Examples
    --------
    >>> import spaic
    >>> spaic.Checkpoint("run.spaic", every=0)
    Traceback (most recent call last):
        ...
    spaic.errors.DeclarationError: Checkpoint: every is 0; give a whole number of batches from 1
    """

    comes_last = True

    def __init__(self, path: str | Path, every: int | None = None, keep: int = 1) -> None:
        for name, value, what in (("every", every, "batches"), ("keep", keep, "files")):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise DeclarationError(f"Checkpoint: {name} is {value!r}; give a whole number of {what} from 1")
        if not isinstance(path, (str, os.PathLike)) or Path(path).name == "":
            raise DeclarationError(f"Checkpoint: {path!r} is no file; give a path such as 'run.spaic'")
        self.path = with_suffix(os.fspath(path))
        if self.path.suffix.lower() != SUFFIX:
            raise DeclarationError(f"Checkpoint: {path} would hold the declaration alone; give a path that ends in {SUFFIX}")
        self.every, self.keep = every, keep
        self._done = 0

    def batch_end(self, fit: Fit) -> None:
        self._done += 1
        if self.every is not None and self._done % self.every == 0:
            self._save(fit)

    def epoch_end(self, fit: Fit) -> None:
        self._save(fit)

    def fit_end(self, fit: Fit) -> None:
        self._save(fit)

    def interrupted(self, fit: Fit) -> None:
        self._save(fit)

    def state(self) -> dict[str, Any]:
        return {"done": self._done}

    def load_state(self, state: Any) -> None:
        done = state.get("done") if isinstance(state, Mapping) else None
        if isinstance(done, bool) or not isinstance(done, int) or done < 0:
            raise StateError(f"Checkpoint: the state is {str(state)[:60]}, not a count of batches; give what state() gave")
        self._done = done

    def _save(self, fit: Fit) -> None:
        save(fit.net, self.path, self.keep)
