"""What happens to checkpoints when a process is killed, when files are damaged, and when files are made to do harm.

Run from the root of the repository: python -m benchmarks.checkpoint_safety [--kills 300] [--damages 5000] [--folder /tmp]

Kills are of the process, which shows the order of the steps, not of the machine: a loss of power is up to the file system.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from tests.IO.files import saver

container = saver.load_container()  # without torch, so that this process and its children stay small

from spaic.errors import DataError  # noqa: E402
from spaic.IO.files.atomic import version_path  # noqa: E402
from tests.IO.files import hostile  # noqa: E402

COLUMNS = "{:<58}{:>12}"


def row(what: str, found: Any) -> None:
    """Print one line of the table."""
    print(COLUMNS.format(what, found), flush=True)


def killed(folder: Path, kills: int, rng: np.random.Generator) -> None:
    """Kill a process that saves without pause, and read what it leaves."""
    path, done, seen = folder / "net.spaic", 0, Counter[str]()
    container.write(path, *saver.content(0))
    for _ in range(kills):
        command = [sys.executable, saver.__file__, "loop", str(path), "3", str(done + 1)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        child.stdout.readline()  # it saves now
        time.sleep(rng.uniform(0.0, 0.25))
        child.kill()
        said = [line.split() for line in child.stdout.read().splitlines()]
        child.wait()
        seen["saves"] += sum(words[0] == "done" for words in said)
        seen["left"] += sum(name.startswith(".spaic-") for name in os.listdir(folder))
        done = judge(path, max([done, *(int(number) for word, number in said if word == "done")]), seen)
    container.write(path, *saver.content(0))
    row("kill -9 while saving", kills)
    row("  saves completed in between", seen["saves"])
    row("  files that could not be read whole, or were lost", seen["lost"])
    row("  completed saves that were there no more", seen["undone"])
    row("  older versions (keep=3) that could not be read whole", seen["lost older"])
    row("  kills that struck while a temporary file was there", seen["left"])
    row("  temporary files after the next save", sum(name.startswith(".") for name in os.listdir(folder)))


def judge(path: Path, done: int, seen: Counter[str]) -> int:
    """Read a file after a kill; `done` is the version that was known to be saved. Returns the version that is there."""
    try:
        found = saver.serial_of(*container.read(path))
    except DataError:
        found = -1
    seen["lost"] += found < 0
    seen["undone"] += 0 <= found < done
    for number in (1, 2):
        older = version_path(path, number)
        try:
            seen["lost older"] += older.exists() and not 0 <= saver.serial_of(*container.read(older)) <= done + 1
        except DataError:
            seen["lost older"] += 1
    return max(found, done)


def damaged(folder: Path, damages: int, rng: np.random.Generator) -> None:
    """Damage copies of files of several sizes and read them."""
    path, outcome, tried = folder / "damaged.spaic", Counter[str](), 0
    wholes = [container.write(folder / "whole", *saver.content(serial)).read_bytes() for serial in (3, 4, 6, 7)]
    wholes.append(container.write(folder / "whole", {"a": 1}, {"w": np.ones(3)}).read_bytes())
    while tried < damages:
        whole = wholes[tried % len(wholes)]
        content = hostile.corrupted(whole, rng)
        if content == whole:  # such as a swap of equal bytes
            continue
        tried += 1
        path.write_bytes(content)
        try:
            container.read(path)
            outcome["loaded silently"] += 1
        except DataError:
            outcome["refused"] += 1
        except Exception as error:  # noqa: BLE001 - to be counted, whatever it is
            outcome[f"other error ({type(error).__name__})"] += 1
    row(f"damaged files ({min(map(len, wholes))} to {max(map(len, wholes))} bytes)", tried)
    for name in ("loaded silently", *sorted(set(outcome) - {"loaded silently"})):
        row(f"  {name}", outcome[name])


def memory(field: str) -> int:
    """A line of /proc/self/status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith(f"{field}:")))


def read_one(path: str) -> None:
    """What the child does: read one file, and say what it took."""
    Path("/proc/self/clear_refs").write_text("5")  # start the peak from here
    before, start = memory("VmRSS"), time.perf_counter()
    try:
        container.read(path)
        outcome = "LOADED"
    except DataError:
        outcome = "refused"
    except Exception as error:  # noqa: BLE001 - to be counted, whatever it is
        outcome = f"other error ({type(error).__name__})"
    print(json.dumps([outcome, time.perf_counter() - start, memory("VmHWM") - before]))


def hostiles(folder: Path) -> None:
    """Read each hostile file in a process of its own, from a folder that is watched."""
    outcome, seconds, extra = Counter[str](), {}, {}
    for name, build in hostile.FILES.items():
        path = folder / "evil.spaic"
        path.write_bytes(build())
        before = state(folder)
        command = [sys.executable, "-m", "benchmarks.checkpoint_safety", "--read", str(path)]
        environment = os.environ | {
            "PYTHONPATH": str(saver.ROOT),
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        said = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True, timeout=60).stdout
        result, seconds[name], extra[name] = json.loads(said)
        outcome[result] += 1
        outcome["that wrote something"] += state(folder) != before
    row("hostile files with the right SHA-256", sum(outcome.values()) - outcome["that wrote something"])
    for name in ("LOADED", "that wrote something", *sorted(set(outcome) - {"LOADED", "that wrote something"})):
        row(f"  {name}", outcome[name])
    slowest, largest = max(seconds, key=seconds.get), max(extra, key=extra.get)
    row(f"  slowest, s: {slowest[:44]}", f"{seconds[slowest]:.2f}")
    row(f"  largest, MB: {largest[:44]}", f"{extra[largest] / 1e6:.0f}")


def state(folder: Path) -> list[tuple[str, int, int]]:
    """What is in a folder, and when it was last written."""
    return sorted((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*"))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--damages", type=int, default=5000)
    parser.add_argument("--folder", help="where to work: the file system that is tried")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--read", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        read_one(options.read)
        return
    rng = np.random.default_rng(options.seed)
    for work in (lambda place: killed(place, options.kills, rng), lambda place: damaged(place, options.damages, rng), hostiles):
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            work(Path(folder))


if __name__ == "__main__":
    main()
