"""Compiled versions of the kernels of this folder, for a number of modes."""

from __future__ import annotations

import inspect
import re
from functools import lru_cache
from types import ModuleType
from typing import Any

from spaic.Backend.Event import motion
from spaic.Backend.Kernels import jit

_BEGINS = "# --- kernels"
_RULES = re.compile(r"# --- rules .*# --- end of rules", re.DOTALL)


@lru_cache(maxsize=64)
def compiled(module: ModuleType, modes: int, rules: str = "") -> Any:
    """The kernels of `module`, after the text of :mod:`spaic.Backend.Event.motion`.

    Parameters
    ----------
    module : module
        Layer or loop.
    modes : int
        Number of modes of a neuron.
    rules : str
        What takes the place of the part for plasticity rules.
    """
    head = inspect.getsource(motion).replace(f"MODES = {motion.MODES}\n", f"MODES = {modes}\n", 1)
    tail = inspect.getsource(module).partition(_BEGINS)[2].partition("\n")[2]
    if rules:
        tail = _RULES.sub(lambda _: rules, tail)
    name = module.__name__.rpartition(".")[2]
    made = jit.load(f"{head}\n{tail}", f"{name}_{modes}", f"exact events ({modes} modes)")
    for part in (*made.PARTS, *made.MORE_PARTS):
        function = getattr(made, part)
        if not hasattr(function, "py_func"):
            setattr(made, part, jit.part(function))
    return made
