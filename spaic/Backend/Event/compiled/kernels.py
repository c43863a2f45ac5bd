"""Compiled versions of the kernels of this folder, for a number of modes."""

from __future__ import annotations

import inspect
import re
from functools import lru_cache
from types import ModuleType
from typing import Any

from spaic.Backend.Event.compiled import entries, heap, motion, one_neuron
from spaic.Backend.Kernels.compiling import jit

_BEGINS = "# --- kernels"
_RULES = re.compile(r"# --- rules .*# --- end of rules", re.DOTALL)


@lru_cache(maxsize=64)
def compiled(module: ModuleType, modes: int, rules: str = "") -> Any:
    """The kernels of `module`, after the text of :mod:`spaic.Backend.Event.compiled.motion`.

    Parameters
    ----------
    module : module
        Layer or loop, forwards or back.
    modes : int
        Number of modes of a neuron.
    rules : str
        What takes the place of the part for plasticity rules.
    """
    texts = [_body(m) for m in (entries, heap, one_neuron, module)]
    if rules:
        texts[-1] = _RULES.sub(lambda _: rules, texts[-1])
    head = inspect.getsource(motion).replace(f"MODES = {motion.MODES}\n", f"MODES = {modes}\n", 1)
    name = module.__name__.rpartition(".")[2]
    made = jit.load("\n".join([head, *texts]), f"{name}_{modes}", f"exact events ({modes} modes)")
    more = (*heap.MORE_PARTS, *one_neuron.MORE_PARTS, *getattr(module, "MORE_PARTS", ()), *getattr(made, "RULE_PARTS", ()))
    for part in dict.fromkeys((*motion.PARTS, *more)):
        function = getattr(made, part)
        if not hasattr(function, "py_func"):
            setattr(made, part, jit.part(function))
    return made


def _body(module: ModuleType) -> str:
    return inspect.getsource(module).partition(_BEGINS)[2].partition("\n")[2]
