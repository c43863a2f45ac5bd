"""What ``spaic doctor`` reports: versions, devices, backends and data, and how to get what is missing."""

from __future__ import annotations

import os
import platform
import sys
import textwrap
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import spaic
from spaic import registry

#: The packages that spaic needs, and those that it uses where they are.
REQUIRED = ("torch", "numpy", "scipy", "matplotlib", "tqdm", "h5py", "pyyaml", "sympy", "numba")
OPTIONAL = {"gymnasium": "environments for closed loops"}


class Section(NamedTuple):
    """One part of the report.

    Attributes
    ----------
    title : str
        Its heading.
    rows : list of (str, str)
        What was looked for, and what was found.
    advice : list of str
        How to get what is missing.
    """

    title: str
    rows: list[tuple[str, str]]
    advice: list[str]


def report() -> str:
    """The whole report as text, the advice at its end."""
    sections = [_versions(), _devices(), _backends(), _kernels(), _data()]
    width = max(len(name) for section in sections for name, _ in section.rows)
    lines = []
    for section in sections:
        lines += [section.title, *(f"  {name:<{width}}  {found}" for name, found in section.rows), ""]
    advice = [text for section in sections for text in section.advice]
    lines += ["To get what is missing", *map(_point, advice)] if advice else ["Nothing is missing."]
    return "\n".join(lines)


def _point(text: str) -> str:
    return textwrap.fill(text, 110, initial_indent="  - ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def _versions() -> Section:
    rows = [("python", f"{platform.python_version()} ({sys.executable})"), ("spaic", f"{spaic.__version__} ({Path(__file__).parent})")]
    advice = []
    for name in REQUIRED:
        found = _installed(name)
        rows.append((name, found or "missing"))
        if found is None:
            advice.append(f"{name}: pip install {name}")
    for name, purpose in OPTIONAL.items():
        found = _installed(name)
        rows.append((name, found or "not installed (optional)"))
        if found is None:
            advice.append(f"{name}, for {purpose} (optional): pip install {name}")
    return Section("Versions", rows, advice)


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _devices() -> Section:
    import torch

    rows = [("cpu", f"{os.cpu_count()} cores, torch uses {torch.get_num_threads()} threads")]
    rows += [(f"cuda:{i}", _describe(torch.cuda.get_device_properties(i))) for i in range(torch.cuda.device_count())]
    if torch.cuda.is_available():
        return Section("Devices", rows, [])
    if torch.version.cuda is None:
        rows.append(("cuda", "not available: this torch is built for the CPU"))
        return Section(
            "Devices", rows, ["cuda (optional): where there is a GPU, install the torch for it, see https://pytorch.org/get-started"]
        )
    rows.append(("cuda", f"not available: torch is built for CUDA {torch.version.cuda} but finds no GPU"))
    return Section("Devices", rows, ["cuda (optional): check that 'nvidia-smi' lists a GPU, and that its driver is recent enough"])


def _describe(properties: object) -> str:
    name, memory = getattr(properties, "name", "unknown"), getattr(properties, "total_memory", 0)
    return f"{name}, {memory / 2**30:.0f} GiB"


def _backends() -> Section:
    rows = []
    for name in registry.backends:
        aliases = registry.backends.aliases(name)
        rows.append((name, f"also called {', '.join(aliases)}" if aliases else "registered"))
    return Section("Backends", rows, [])


def _kernels() -> Section:
    from spaic.Backend.Kernels.compiling import cache

    place = cache.wanted()
    can_keep = cache.folder() == place
    rows = [("cache", str(place) if can_keep else f"{place} cannot be used: kernels are compiled anew by every process")]
    rows.append(("size", f"{cache.size() / 2**20:.1f} MiB (`spaic doctor --clear-cache` removes it)"))
    return Section("Kernels", rows, [] if can_keep else ["kernels: set SPAIC_CACHE to a folder that can be written"])


def _data() -> Section:
    from spaic.IO.folders import inventory

    bundled = Path(__file__).parent / "IO" / "datasets" / "digits.npz"
    rows = [("digits", "comes with spaic" if bundled.is_file() else f"missing: {bundled}")]
    rows.append(("SPAIC_DATA", os.environ.get("SPAIC_DATA") or "not set: data are looked for in the cache"))
    advice = [] if bundled.is_file() else ["digits: reinstall spaic (pip install --force-reinstall --no-deps . in its checkout)"]
    for source in inventory():
        total = len(source.found) + len(source.missing)
        rows.append((source.name, f"{len(source.found)} of {total} files in {source.folder}"))
        if source.missing:
            lacking = f" ({', '.join(source.missing)})" if source.found else ""
            advice.append(f"{source.name}{lacking}, in {source.folder}: {source.how}")
    return Section("Data", rows, advice)
