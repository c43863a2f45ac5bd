"""How many threads have a core for themselves: threads that wait for each other thousands of times must not share one.

Where another program takes a core, one of two such threads is always asleep when the other waits: a simulation that took 0.3 s with one
thread beside a test suite took 11 s with two.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

_LOOKS = 6  # threads of torch that have nothing more to do spin for some milliseconds
_BETWEEN = 1e-3


def _running() -> int:
    """Threads on this machine that run or could run now, this one included; 1 where nobody knows."""
    try:
        return int(Path("/proc/loadavg").read_text(encoding="ascii").split()[3].partition("/")[0])
    except (OSError, ValueError, IndexError):
        return 1


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free(threads: int, running: Callable[[], int] = _running, cores: Callable[[], int] = _cores) -> int:
    """As many of `threads` as have a core for themselves, at least one.

    Parameters
    ----------
    threads : int
        How many are wanted.
    running, cores : callable
        Threads on the machine that run now, with this one, and cores.

    Examples
    --------
    >>> free(4, running=lambda: 1, cores=lambda: 2), free(2, running=lambda: 3, cores=lambda: 2)
    (2, 1)
    """
    found = 1
    for look in range(_LOOKS if threads > 1 else 0):
        if look:
            time.sleep(_BETWEEN)
        found = max(found, min(threads, cores() - running() + 1))
        if found == threads:
            break
    return found
