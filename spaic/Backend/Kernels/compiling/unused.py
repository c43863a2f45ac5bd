"""Compiled code that nobody has used for long is removed: what an older version wrote, or a model that was given up."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import cache as once
from pathlib import Path

from spaic.Backend.Kernels.compiling import cache

#: Days without use after which code is removed, and days after which a use is written down again.
KEPT, NOTED = 90, 1
_DAY = 86400.0
_MARK = ".used"


def note(path: Path) -> None:
    """Write down that the code of a text is used now; a time stamp of its own, as that of the text decides whether it is compiled again."""
    mark = path.with_suffix(_MARK)
    with suppress(OSError):
        if _age(mark) > NOTED * _DAY:
            mark.touch(mode=0o600)


@once
def tidy() -> int:
    """Remove what was not used for long; once in a process.

    Returns
    -------
    int
        Number of files that were removed.
    """
    removed = 0
    groups: dict[str, list[Path]] = {}
    for file in cache.files():
        groups.setdefault(file.name.lstrip(".").partition(".")[0], []).append(file)
    for stem, files in groups.items():
        marks = [file for file in files if file.name == f"{stem}{_MARK}"]
        if min(map(_age, marks or files)) > KEPT * _DAY:
            for file in files:
                with suppress(OSError):  # another process may have removed it
                    file.unlink()
                    removed += 1
    return removed


def _age(file: Path) -> float:
    """Seconds since a file was written; forever if it is not there."""
    try:
        return time.time() - file.stat().st_mtime
    except OSError:
        return float("inf")
