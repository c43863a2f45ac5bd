"""Compiled versions of the kernels of this folder, for a number of modes."""

from __future__ import annotations

import inspect
from functools import lru_cache
from types import ModuleType
from typing import Any

from spaic.Backend.Event import motion
from spaic.Backend.Kernels import jit

_BEGINS = "# --- kernels"


@lru_cache(maxsize=64)
def compiled(module: ModuleType, modes: int) -> Any:
    """The kernels of `module`, after the text of :mod:`spaic.Backend.Event.motion`, for neurons with this number of modes."""
    head = inspect.getsource(motion).replace(f"MODES = {motion.MODES}\n", f"MODES = {modes}\n", 1)
    tail = inspect.getsource(module).partition(_BEGINS)[2].partition("\n")[2]
    name = module.__name__.rpartition(".")[2]
    made = jit.load(f"{head}\n{tail}", f"{name}_{modes}", f"exact events ({modes} modes)")
    for part in (*made.PARTS, *made.MORE_PARTS):
        function = getattr(made, part)
        if not hasattr(function, "py_func"):
            setattr(made, part, jit.part(function))
    return made
