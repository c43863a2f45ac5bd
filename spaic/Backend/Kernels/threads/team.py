"""Spreading a kernel over threads: those of torch where they can be had, so that two pools do not fight over the cores.

A thread of OpenMP that has nothing more to do spins for some milliseconds before it sleeps. Threads of another pool that start
after a torch operation share their cores with it. On Linux the pieces are therefore run by the threads of the OpenMP library
torch itself is linked to, from compiled code: a team starts in 2 microseconds, and none of its threads waits for Python's lock.
Elsewhere, and in a process forked from one that may have used OpenMP, Python's threads do it.

A team ends when all its threads are back. On a machine that is busy with something else one of them may not even have come by
the time the others have done all the work; Python's threads, of which none is waited for that has not started, then take over
for a while.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from spaic.Backend.Kernels.compiling.forks import in_child
from spaic.Backend.Kernels.threads import launcher

_PIECES = 3  # for each thread: the last ones even out what the first took longer
_LATE = 1e-3  # seconds after which a thread that has not come is held up by something else
_PAUSE = 0.5  # seconds for which OpenMP is left alone then


def spread(
    kernel: Callable[..., Any],
    total: int,
    args: Sequence[Any],
    grain: int = 1,
    *,
    threads: int,
    scratch: Sequence[Any] = (),
) -> None:
    """Call ``kernel(lo, hi, *args)`` for ranges that together are 0 to `total`, on several threads at once.

    Parameters
    ----------
    kernel : callable
        A kernel of a module from :func:`spaic.Backend.Kernels.compiling.jit.load`. How the range is cut depends on the number of threads;
        the results of the kernel must not. A plain function is called once, for the whole range.
    total : int
        Length of the range. If it is 0, nothing is called.
    args : sequence
        Further arguments: arrays and numbers.
    grain : int
        Fewest elements that are worth a call.
    threads : int
        How many threads to use: what ``torch.get_num_threads()`` says.
    scratch : sequence of arrays
        Memory that one call uses at a time: the row of each array that belongs to the thread is appended to the arguments.
        Arrays have at least `threads` rows; where they have fewer, fewer threads do something.

    Raises
    ------
    Exception
        What the kernel raises; some of its calls are left out then.

    Examples
    --------
    >>> squares = np.zeros(5)
    >>> def kernel(lo, hi, out):
    ...     out[lo:hi] = np.arange(lo, hi) ** 2
    >>> spread(kernel, 5, (squares,), threads=2)
    >>> squares
    array([ 0.,  1.,  4.,  9., 16.])
    """
    if total <= 0:
        return
    launch = launcher.of(kernel, len(args), len(scratch))
    pieces = min(total // max(grain, 1), threads * _PIECES)
    if launch is None:
        kernel(0, total, *args, *(rows[0] for rows in scratch))
    elif threads <= 1 or pieces <= 1:
        launch(0, 1, np.zeros(4, np.int64), total, 1, *args, *scratch)
    else:
        _launch(launch, threads, total, pieces, (*args, *scratch))


def together(kernel: Callable[..., Any], threads: int, args: Sequence[Any]) -> None:
    """Call ``kernel(address, threads, *args)``, which goes through its work with all its threads at once.

    Parameters
    ----------
    kernel : callable
        It begins with ``if address != 0: fork(address, threads)`` (:func:`spaic.Backend.Kernels.threads.region.fork`), and otherwise takes
        part in the work, however many others do. A plain function gets an address of 0.
    threads : int
        How many threads to use at most.
    args : sequence
        Further arguments: arrays and numbers.
    """
    address = _openmp() if threads > 1 and hasattr(kernel, "py_func") else 0
    if address or threads <= 1 or not hasattr(kernel, "py_func"):
        kernel(address, threads, *args)
    else:
        _on_python_threads(lambda: kernel(0, threads, *args), threads)


def _launch(launch: Callable[..., Any], threads: int, total: int, pieces: int, args: tuple[Any, ...]) -> None:
    counters = np.zeros(4, np.int64)
    address = _openmp()
    if not address:
        _on_python_threads(lambda: launch(0, 1, counters, total, pieces, *args), threads)
        return
    started = time.perf_counter()
    launch(address, threads, counters, total, pieces, *args)  # always all threads: a team of another size is made anew
    if counters[launcher.PRESENT] < threads and time.perf_counter() - started > _LATE:
        _pause()


# --- the threads of torch

_address: int | None = None
_is_forked = False
_paused_until = 0.0


def _openmp() -> int:
    """Where ``GOMP_parallel`` is in the library that torch is linked to; 0 if it cannot be used."""
    global _address
    if _address is None and "torch" in sys.modules:
        _address = 0 if _is_forked or sys.platform != "linux" else _find_openmp(sys.modules["torch"].__file__)
    return _address if _address and time.perf_counter() > _paused_until else 0


def _find_openmp(torch: str | None) -> int:
    library = Path(torch or "").parent / "lib" / "libtorch_cpu.so"
    try:
        found = ctypes.CDLL(str(library), mode=os.RTLD_NOW | os.RTLD_NOLOAD).GOMP_parallel  # looked up in what it is linked to
    except (OSError, AttributeError):
        return 0
    return ctypes.cast(found, ctypes.c_void_p).value or 0


def _pause() -> None:
    global _paused_until
    _paused_until = time.perf_counter() + _PAUSE


# --- the threads of Python

_pools: dict[int, ThreadPoolExecutor] = {}
_lock = threading.Lock()


def _on_python_threads(do: Callable[[], None], threads: int) -> None:
    with _lock:
        if threads not in _pools:
            _pools[threads] = ThreadPoolExecutor(threads - 1, thread_name_prefix="spaic")
    others = []
    with suppress(RuntimeError):  # Python is shutting down: the calling thread does it all
        others = [_pools[threads].submit(do) for _ in range(threads - 1)]
    try:
        do()
    finally:
        for other in [o for o in others if not o.cancel()]:  # one that has not started finds nothing to do
            other.result()


@in_child
def _forget() -> None:
    """The threads of the parent are not there."""
    global _address, _is_forked, _lock
    _address, _is_forked, _lock = None, True, threading.Lock()
    _pools.clear()
