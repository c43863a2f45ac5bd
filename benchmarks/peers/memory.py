"""Memory of this process, as Linux counts it.

``VmHWM`` is the highest resident size there ever was; writing 5 to ``/proc/self/clear_refs`` sets it back to what is resident now. So the
peak of one step is measured exactly, with no sampling thread that would miss short peaks. Before the step, free memory is handed back to
the system (``malloc_trim``): otherwise a step would hide in pages that the step before had left to the allocator.
"""

from __future__ import annotations

import ctypes
import gc
import re
from collections.abc import Callable
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def resident(entry: str = "VmRSS") -> int:
    """Bytes resident now (VmRSS), or at most since the last reset (VmHWM)."""
    found = re.search(rf"^{entry}:\s+(\d+) kB", _STATUS.read_text(), re.MULTILINE)
    if found is None:
        raise OSError(f"{_STATUS}: it has no {entry}; this measurement needs Linux")
    return 1024 * int(found[1])


def settle() -> int:
    """Hand free memory back to the system; bytes that stay resident."""
    gc.collect()
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
    return resident()


def transient(work: Callable[[], object]) -> int:
    """Bytes by which the resident size rises above where it was before, at the highest point of `work`."""
    before = settle()
    _CLEAR.write_text("5")
    work()
    return max(0, resident("VmHWM") - before)
