"""How much of the machine others use, and waiting for them."""

from __future__ import annotations

import os
import time
from pathlib import Path

_LOOK = 0.15


def _busy() -> float:
    """Seconds that all cores together have worked since the start of the machine."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    user, nice, system, _, _, irq, softirq, steal = map(int, fields)
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def others() -> float:
    """Cores in use right now, while the peers all wait."""
    busy, start = _busy(), time.perf_counter()
    time.sleep(_LOOK)
    return (_busy() - busy) / (time.perf_counter() - start)


def wait(patience: float, allowed: float = 0.2) -> float:
    """Wait until at most `allowed` cores are in use, for up to `patience` seconds; the cores in use at the end."""
    until = time.perf_counter() + patience
    while (used := others()) > allowed and time.perf_counter() < until:
        time.sleep(0.5)
    return used
