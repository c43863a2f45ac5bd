"""What a process that was forked does first: threads of its parent are not there, and locks that they held stay locked."""

from __future__ import annotations

import os
from collections.abc import Callable


def in_child(do: Callable[[], None]) -> Callable[[], None]:
    """Have `do` called in every process that is forked from this one; a decorator."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=do)
    return do
