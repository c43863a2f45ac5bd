"""A process that saves, over and over or until it dies at a chosen step; without torch, so that it starts quickly.

Run as a script: saver.py loop PATH KEEP FIRST | saver.py steps PATH KEEP | saver.py limited PATH BYTES
"""

from __future__ import annotations

import json
import os
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[3]
SIZES = (0, 10, 1_000, 30_000, 300_000)


def load_container() -> Any:
    """:mod:`spaic.IO.files.container` without the packages around it, whose import would load torch."""
    import importlib

    for name in ("spaic", "spaic.IO"):
        package = types.ModuleType(name)
        package.__path__ = [str(ROOT / name.replace(".", "/"))]
        sys.modules[name] = package
    return importlib.import_module("spaic.IO.files.container")


def content(serial: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The version of this number."""
    rng = np.random.default_rng(serial)
    sizes = rng.choice(SIZES, 3)
    return {"serial": serial, "note": "x" * int(rng.integers(5_000))}, {f"w{n}": rng.random(size) for n, size in enumerate(sizes)}


def serial_of(manifest: dict[str, Any], arrays: dict[str, np.ndarray]) -> int:
    """Which version this is, compared number for number; -1 if it is none."""
    serial = int(manifest["serial"])
    stated, expected = content(serial)
    same = manifest == stated and list(arrays) == list(expected)
    return serial if same and all(np.array_equal(arrays[name], expected[name]) for name in expected) else -1


def loop(container: Any, path: str, keep: int, first: int) -> None:
    """Save one version after the other, and say so."""
    serial = first
    while True:
        manifest, arrays = content(serial)
        print(f"start {serial}\n", end="", flush=True)  # in one piece, also where output is not buffered
        container.write(path, manifest, arrays, keep)
        print(f"done {serial}\n", end="", flush=True)
        serial += 1


def steps(container: Any, path: str, keep: int) -> None:
    """Save a fourth version in a child that dies before its n-th call of the system, for every n; report what is left."""
    for count in range(100):
        for serial in (1, 2, 3):
            container.write(path, *content(serial), keep)
        child = os.fork()
        if child == 0:
            _die_before(count)
            container.write(path, *content(4), keep)
            os._exit(0)
        ended = os.waitpid(child, 0)[1] == 0
        found = [serial_of(*container.read(file)) for file in _versions(path)]
        left = sum(name.startswith(".spaic-") for name in os.listdir(Path(path).parent))
        print(json.dumps({"step": count, "ended": ended, "found": found, "left": left}), flush=True)
        if ended:
            return


def _versions(path: str) -> list[Path]:
    file = Path(path)
    return [file, *(other for n in (1, 2, 3) if (other := file.with_name(f"{file.stem}.{n}{file.suffix}")).exists())]


def _die_before(count: int) -> None:
    """Let this process end without a trace at its call number `count` of those that change a disk."""
    calls = 0

    def dying(original: Any) -> Any:
        def called(*arguments: Any, **options: Any) -> Any:
            nonlocal calls
            if calls == count:
                os._exit(9)
            calls += 1
            return original(*arguments, **options)

        return called

    for name in ("open", "fsync", "link", "replace", "unlink", "chmod", "close"):
        setattr(os, name, dying(getattr(os, name)))


def limited(container: Any, path: str, limit: int) -> None:
    """Save a large version where a file may only have `limit` bytes."""
    import resource

    container.write(path, {}, {"w": np.zeros(limit // 80)})
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        container.write(path, {}, {"w": np.zeros(limit)})
    except OSError as error:
        print(type(error).__name__, error, flush=True)
    print(container.read(path)[1]["w"].size, os.listdir(Path(path).parent))


if __name__ == "__main__":
    task = {"loop": loop, "steps": steps, "limited": limited}[sys.argv[1]]
    task(load_container(), sys.argv[2], *map(int, sys.argv[3:]))  # type: ignore[operator]
