"""How much memory or disk recordings may take: found out before a run, and refused where it is too much."""

from __future__ import annotations

import math
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from spaic.errors import DataError, DeclarationError, NetworkError
from spaic.memory import PREFIXES, available_memory, in_words
from spaic.Monitor.needs import Need

_WAYS_OUT = "record to a file (file=) on a disk with room, fewer neurons (index=) or samples (dt=), or run for a shorter time"
_UNITS = {f"{p}b".lower(): 1000**i for i, p in enumerate(PREFIXES)} | {f"{p}ib".lower(): 1024**i for i, p in enumerate(PREFIXES) if p}


@dataclass(frozen=True)
class Demand:
    """What a monitor asks for in a run.

    Attributes
    ----------
    path, reads : str
        Of the monitor and of its variable.
    need : Need
        The samples to come.
    kept : int
        Bytes of earlier ones that stay.
    growth : int
        Bytes by which it grows; less than it needs where it replaces what it has.
    """

    path: str
    reads: str
    need: Need
    kept: int
    growth: int

    def __str__(self) -> str:
        before = f" after the {in_words(self.kept)} it has" if self.kept else ""
        return f"{self.path}: recording {self.reads!r} takes {in_words(self.kept + self.need.nbytes)} ({self.need}{before})"


def check_own(demand: Demand, limit: int) -> None:
    """Refuse a recording that would be larger in memory than it may be."""
    if demand.kept + demand.need.nbytes > limit:
        raise NetworkError(f"{demand}, its memory_limit is {in_words(limit)}; raise it, {_WAYS_OUT}")


def check_memory(demands: Sequence[Demand], promised: int) -> None:
    """Refuse recordings that together would grow by more than half of the memory that is available and not `promised` to others."""
    most = max(0, available_memory() - promised) // 2
    together, worst = _sum(demands)
    if together > most:
        raise NetworkError(
            f"{worst}{_among(demands, together)}, the limit is {in_words(most)}, half of the memory available; "
            f"set a memory_limit, {_WAYS_OUT}"
        )


def check_disk(demands: Sequence[Demand], file: str) -> None:
    """Refuse recordings that together would grow by more than is free on the disk of `file`."""
    free = shutil.disk_usage(os.path.dirname(file)).free
    together, worst = _sum(demands)
    if together > free:
        raise DataError(f"{worst}{_among(demands, together)}, {in_words(free)} are free on the disk of {file!r}; {_WAYS_OUT}")


def _sum(demands: Sequence[Demand]) -> tuple[int, Demand]:
    """Growth of all, and the one that grows most."""
    return sum(d.growth for d in demands), max(demands, key=lambda d: d.growth)


def _among(demands: Sequence[Demand], together: int) -> str:
    return f", all {len(demands)} recordings {in_words(together)}" if len(demands) > 1 else ""


def parse_size(value: object, path: str) -> int:
    """Bytes meant by a number or by a text.

    Examples
    --------
    >>> parse_size("2 GB", "limit"), parse_size("1.5 KiB", "limit"), parse_size(4096, "limit")
    (2000000000, 1536, 4096)
    """
    found = re.fullmatch(r"\s*(\d+\.?\d*(?:e\d+)?)\s*([a-z]*)\s*", value.lower()) if isinstance(value, str) else None
    number, unit = (found[1], found[2] or "b") if found else (value, "b")
    try:
        size = math.nan if isinstance(number, bool) else float(number) * _UNITS[unit]  # type: ignore[arg-type]
    except (TypeError, ValueError, KeyError, OverflowError):
        size = math.nan
    if not 1 <= size < math.inf:
        raise DeclarationError(f"{path}: {value!r} is no amount of memory; give a number of bytes, or a text such as '2 GB' or '500 MiB'")
    return int(size)
