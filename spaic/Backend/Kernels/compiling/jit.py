"""Compiling the text of a module of kernels, once per machine."""

from __future__ import annotations

import hashlib
import importlib.abc
import importlib.util
import inspect
import platform
import re
import sys
import threading
from contextlib import suppress
from functools import cache as remembered
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from spaic.Backend.Kernels.compiling import cache, unused
from spaic.Backend.Kernels.compiling.forks import in_child
from spaic.version import VERSION

#: Files of the folder above: what the text of kernels may import from spaic, and what compiles it. Where they change, so does the code.
_MAKERS = ("shipped/vector_math.py", "shipped/scalar.py", "shipped/sparse_team.py", "threads/region.py", "compiling/jit.py")

#: Functions of NumPy that make arrays, as kernels call them.
_MAKING = frozenset(("empty", "zeros", "ones", "full", "empty_like", "zeros_like", "copy"))
#: Characters of a name that a file begins with; what follows tells files apart.
_STEM = 40

_modules: dict[str, ModuleType] = {}
_lock = threading.RLock()


@in_child
def _unlock() -> None:
    global _lock
    _lock = threading.RLock()


def load(source: str, name: str, announce: str = "") -> ModuleType:
    """The module with this text, whose kernels are compiled when they are first called.

    Parameters
    ----------
    source : str
        Text of a module of plain functions. ``KERNELS = ("forward", ...)`` names those that are called from Python,
        ``HELPERS = (...)`` those that only kernels call, which become part of them, but for those in ``PARTS = (...)``, which are
        compiled once and called. It may import NumPy and the first of ``_MAKERS``.
    name : str
        The beginning of the name of the file.
    announce : str
        What the line on the terminal calls it while it is compiled; `name` by default.

    Returns
    -------
    module
        The same object each time the text is the same. Its ``__file__`` has the text.

    Raises
    ------
    UnsupportedError
        If no file can be written anywhere.

    Notes
    -----
    Compiled code relies on this: an array that a kernel writes does not overlap another of its arguments, and an argument is
    not returned. Kernels are compiled for each combination of types of the arguments, run without Python's lock, divide as
    NumPy does, and index without checks.
    """
    with _lock:
        if source not in _modules:
            _modules[source] = _compiled(_import(source, re.sub(r"\W", "_", name, flags=re.ASCII)[:_STEM]), announce or name)
        return _modules[source]


def shipped(module: ModuleType, announce: str = "") -> ModuleType:
    """The compiled version of a module of the package, which itself stays plain Python.

    Parameters
    ----------
    module : module
        With ``KERNELS`` and ``HELPERS`` as in :func:`load`.
    announce : str
        What the line on the terminal calls it; its name by default.
    """
    return load(inspect.getsource(module), module.__name__.rpartition(".")[2], announce)


class _Text(importlib.abc.InspectLoader):
    """Imports a text. The file with the same text is there for Numba, and for tracebacks."""

    def __init__(self, text: str, path: Path) -> None:
        self.text, self.path = text, path

    def get_source(self, fullname: str) -> str:
        return self.text

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.text, str(self.path))


def _import(source: str, name: str) -> ModuleType:
    stem = f"{name}_{_digest(source)}"
    is_known = (cache.folder() / f"{stem}.py").exists()
    path = cache.put(f"{stem}.py", source)
    unused.note(path)
    if not is_known:
        unused.tidy()  # beside a compilation nobody notices
    module = ModuleType(f"spaic_kernels_{stem}")
    module.__file__, module.__loader__ = str(path), _Text(source, path)
    sys.modules[module.__name__] = module
    try:
        module.__loader__.exec_module(module)
    except BaseException:
        del sys.modules[module.__name__]
        raise
    return module


def _digest(source: str) -> str:
    return hashlib.sha256("\0".join((source, *_environment())).encode()).hexdigest()[:16]


@remembered
def _environment() -> tuple[str, ...]:
    """What compiled code depends on besides the text of its module."""
    import llvmlite.binding as llvm
    import numba

    texts = [(Path(__file__).parents[1] / file).read_text(encoding="utf-8") for file in _MAKERS]
    features = llvm.get_host_cpu_features().flatten()
    return VERSION, numba.__version__, platform.python_version(), llvm.get_host_cpu_name(), features, *texts


def part(function: Any, **options: Any) -> Any:
    """`function` compiled as a part of the kernels that call it.

    Parameters
    ----------
    function : function
        A plain one.
    **options
        Of Numba's ``njit``, besides those for kernels.
    """
    from numba import njit

    with suppress(ImportError):  # Numba offers it for GPUs only
        from numba.core.cpu import CPUTargetOptions
        from numba.core.options import TargetOptions

        if not hasattr(CPUTargetOptions, "noalias"):
            CPUTargetOptions.noalias = TargetOptions.Mapping("noalias")
        options["noalias"] = True
    # counting who uses an array is atomic: threads that share one would wait for each other wherever it is passed on
    options = {"_nrt": not _MAKING.isdisjoint(function.__code__.co_names)} | options
    return njit(nogil=True, error_model="numpy", **options)(function)


def _compiled(module: ModuleType, announce: str) -> ModuleType:
    from spaic.Backend.Kernels.compiling import announce as announcing

    announcing.name(module.__name__, announce)
    for name in getattr(module, "HELPERS", ()):
        setattr(module, name, part(getattr(module, name), forceinline=name not in getattr(module, "PARTS", ())))
    for name in getattr(module, "KERNELS", ()):
        setattr(module, name, _kept(part(getattr(module, name), _nrt=True)))
    return module


def _kept(kernel: Any) -> Any:
    """`kernel`, with its compiled code on the disk."""
    if not hasattr(kernel, "py_func"):  # NUMBA_DISABLE_JIT
        return kernel
    try:
        from spaic.Backend.Kernels.compiling.stored import Stored
    except ImportError:  # another version of Numba
        kernel.enable_caching()
    else:
        kernel._cache = Stored(kernel.py_func)
    return kernel
