"""A line on the terminal while kernels are compiled, and a message for the log: nothing where they come from the disk."""

from __future__ import annotations

import logging
import sys
import threading
import time
from typing import Any

from numba.core import event

from spaic.Backend.Kernels.compiling import cache, collection

_LOG = logging.getLogger("spaic.kernels")
_LABELS: dict[str, str] = {}  # name of a module -> what it is called
#: Ends the name of a function that runs a kernel on threads.
TEAM = "_team"


class _Listener(event.Listener):
    """Told by Numba when it starts and ends to compile something."""

    def __init__(self) -> None:
        self.local = threading.local()  # kernels that are compiled within others are not announced themselves

    def on_start(self, given: Any) -> None:
        self.local.depth = getattr(self.local, "depth", 0) + 1
        if self.local.depth == 1:
            self.local.started, self.local.line = time.perf_counter(), _show(_text(given))
            if _text(given):
                collection.pause()

    def on_end(self, given: Any) -> None:
        self.local.depth -= 1
        if self.local.depth == 0:
            _erase(self.local.line)
            if _text(given):
                collection.resume()
                _LOG.info("%s in %.2f s", _text(given), time.perf_counter() - self.local.started)


def _text(given: Any) -> str:
    """What is compiled; nothing if it is none of ours."""
    function = given.data["dispatcher"].py_func
    called = label(function.__module__)
    return f"spaic: compiling {function.__name__.removesuffix(TEAM)} of {called}" if called else ""


def _show(text: str) -> str:
    if not text or sys.stderr is None or not sys.stderr.isatty():
        return ""
    line = f"{text} ({cache.shown()}) ..."
    sys.stderr.write(f"\r{line}")
    sys.stderr.flush()
    return line


def _erase(line: str) -> None:
    if line:
        sys.stderr.write(f"\r{' ' * len(line)}\r")
        sys.stderr.flush()


def label(module: str) -> str:
    """What `module` is called; nothing if it is none of ours."""
    return _LABELS.get(module, "")


def name(module: str, label: str) -> None:
    """Announce the functions of `module` under this label.

    Parameters
    ----------
    module : str
        Its name.
    label : str
        What it computes, such as ``"layer1 (lif)"``.
    """
    if not _LABELS:
        event.register("numba:compile", _Listener())
    _LABELS[module] = label
