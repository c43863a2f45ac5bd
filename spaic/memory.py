"""How much memory there is, and amounts of it in words."""

from __future__ import annotations

import math
import os

#: What is assumed where the system does not tell how much memory it has.
_UNKNOWN = 4 << 30
PREFIXES = ("", "k", "M", "G", "T")


def available_memory() -> int:
    """Bytes that programs can still use without swapping, as far as the system tells."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return _UNKNOWN


def in_words(size: int) -> str:
    """A number of bytes as people say it.

    Examples
    --------
    >>> in_words(999), in_words(2_500_000_000)
    ('999 B', '2.5 GB')
    """
    power = min(len(PREFIXES) - 1, int(math.log(max(size, 1), 1000) + 1e-9))
    return f"{size / 1000**power:.3g} {PREFIXES[power]}B"
