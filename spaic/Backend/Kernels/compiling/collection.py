"""No search for garbage while code is compiled: a compiler makes many objects that live on, and a fifth of its time goes into that."""

from __future__ import annotations

import gc
import threading

from spaic.Backend.Kernels.compiling.forks import in_child

_lock = threading.Lock()
_paused = 0  # compilations that are under way
_was_on = False


@in_child
def _forget() -> None:
    """What a thread of the parent compiled is not compiled here."""
    global _lock, _paused
    _lock = threading.Lock()
    if _paused and _was_on:
        gc.enable()
    _paused = 0


def pause() -> None:
    """Switch Python's collector off until :func:`resume` was called as often as this."""
    global _paused, _was_on
    with _lock:
        if _paused == 0:
            _was_on = gc.isenabled()
            gc.disable()
        _paused += 1


def resume() -> None:
    """Switch the collector on again if it was on, once nothing is compiled any more."""
    global _paused
    with _lock:
        _paused -= 1
        if _paused == 0 and _was_on:
            gc.enable()
