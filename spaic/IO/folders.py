"""Where data sets are looked for: the `root` that is given, else ``$SPAIC_DATA/<name>``, else the user's cache."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from spaic.errors import DataError
from spaic.registry import Registry


@dataclass(frozen=True)
class DataSource:
    """The files of a data set that spaic reads but does not contain.

    Parameters
    ----------
    name : str
        Name of its folder under ``SPAIC_DATA`` and the cache.
    files : tuple of str
        File names; each may also be there gzipped, with ``.gz`` added.
    how : str
        How to get them, as an instruction.
    layouts : tuple of str
        Sub-folders of a given root in which other programs put the same files, such as ``"MNIST/raw"``.
    """

    name: str
    files: tuple[str, ...]
    how: str
    layouts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Inventory:
    """Which files of a source are there: plain data for ``spaic doctor``."""

    name: str
    folder: Path
    found: tuple[str, ...]
    missing: tuple[str, ...]
    how: str


sources: Registry[DataSource] = Registry("data source")


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/spaic``, or ``~/.cache/spaic`` where that is unset or, against its standard, relative."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "spaic"


def search_folders(source: DataSource, root: str | os.PathLike[str] | None = None) -> list[Path]:
    """The folders that may hold `source`, best first; the first is the one that a download fills."""
    if root is not None:
        base = Path(root).expanduser()
        return [base, base / source.name, *(base / layout for layout in source.layouts)]
    stated = os.environ.get("SPAIC_DATA")
    bases = ([Path(stated).expanduser()] if stated else []) + [cache_folder()]
    return [base / source.name for base in bases]


def present(folder: Path, names: Iterable[str]) -> dict[str, Path]:
    """Those of `names` that `folder` holds, plain or gzipped, each with its path."""
    found = {}
    for name in names:
        for path in (folder / name, folder / f"{name}.gz"):
            if path.is_file():
                found[name] = path
                break
    return found


def locate(source: DataSource, names: Iterable[str], root: str | os.PathLike[str] | None = None) -> dict[str, Path]:
    """The paths of `names`, all from one folder so that files of different copies never mix.

    Raises
    ------
    DataError
        If no folder holds them all: which are missing where, and how to get them.
    """
    names = tuple(names)
    folder, found = _fullest(source, names, root)
    missing = [name for name in names if name not in found]
    if missing:
        others = [str(other) for other in search_folders(source, root) if other != folder]
        looked = f" (also looked in {', '.join(others)})" if others else ""
        raise DataError(f"{folder}: {', '.join(missing)} not found{looked}; {source.how}")
    return found


def inventory() -> list[Inventory]:
    """What is there of every registered source, looked for as if no root were given."""
    rows = []
    for source in sources.values():
        folder, found = _fullest(source, source.files, None)
        missing = tuple(name for name in source.files if name not in found)
        rows.append(Inventory(source.name, folder, tuple(path.name for path in found.values()), missing, source.how))
    return rows


def _fullest(source: DataSource, names: tuple[str, ...], root: str | os.PathLike[str] | None) -> tuple[Path, dict[str, Path]]:
    candidates = [(folder, present(folder, names)) for folder in search_folders(source, root)]
    return max(candidates, key=lambda candidate: len(candidate[1]))  # the first of equals
