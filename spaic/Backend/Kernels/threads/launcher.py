"""The text that runs a kernel on the threads of a team, generated for its number of arguments and compiled with it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from spaic.Backend.Kernels.compiling import jit
from spaic.Backend.Kernels.compiling.forks import in_child

#: Which of the counters counts the pieces that are taken, the threads that have come and those that have nothing left to do,
#: and which keeps how many had come when the first had nothing left to do.
PIECE, MEMBER, DONE, PRESENT = range(4)

_known: dict[tuple[Any, int, int], Any] = {}
_lock = threading.Lock()


@in_child
def _unlock() -> None:
    global _lock
    _lock = threading.Lock()


def of(kernel: Any, arguments: int, scratch: int) -> Callable[..., None] | None:
    """The compiled function that runs `kernel`.

    Parameters
    ----------
    kernel : callable
        From :func:`spaic.Backend.Kernels.compiling.jit.load`.
    arguments, scratch : int
        How many arguments it has after ``lo`` and ``hi``, and how many arrays of rows after these.

    Returns
    -------
    callable or None
        ``launch(address, threads, counters, total, pieces, *arguments, *scratch)``, where `address` is that of ``GOMP_parallel``,
        or 0 to be one member of a team that shares `counters`, four zeros of int64. None for a function that is not compiled.
    """
    key = (kernel, arguments, scratch)
    if key not in _known:
        if not hasattr(kernel, "py_func"):
            return None
        with _lock:
            _known[key] = _made(kernel, arguments, scratch)
    launch: Callable[..., None] = _known[key]
    return launch


def _made(kernel: Any, arguments: int, scratch: int) -> Any:
    from spaic.Backend.Kernels.compiling import announce  # imports Numba

    function = kernel.py_func
    name = function.__name__ + announce.TEAM
    text = source(name, function.__module__, arguments, scratch)
    module: Any = jit.load(text, name, announce.label(function.__module__))
    if not hasattr(module, "kernel"):
        module.kernel = jit.part(function, inline="always")  # not compiled for itself, which would take the same time again
    return getattr(module, name)


def source(name: str, module: str, arguments: int, scratch: int) -> str:
    """The text.

    Parameters
    ----------
    name : str
        Of the function that runs the kernel.
    module : str
        Of the kernel.
    arguments, scratch : int
        As for :func:`of`.
    """
    given = [f"a{k}" for k in range(arguments)]
    rows = [f"s{k}" for k in range(scratch)]
    passed = ", ".join(["counters", "total", "pieces", *given, *rows])
    handed = ", ".join(["lo", "hi", *given, *(f"{row}[own]" for row in rows)])
    guard = " and ".join(["pieces > 0", *(f"own < len({row})" for row in rows)])
    return f'''"""Runs a kernel of {module} on a team of threads."""

from spaic.Backend.Kernels.threads.region import fork, take

KERNELS = ("{name}",)


def {name}(address, threads, {passed}):
    if address != 0:
        fork(address, threads)
    else:
        own = take(counters, {MEMBER}, 1)
        if {guard}:
            piece = take(counters, {PIECE}, 1)
            while piece < pieces:
                lo = total * piece // pieces
                hi = total * (piece + 1) // pieces
                kernel({handed})
                piece = take(counters, {PIECE}, 1)
        if take(counters, {DONE}, 1) == 0:
            counters[{PRESENT}] = take(counters, {MEMBER}, 0)
'''
