"""Training steps and inference of spaic beside its peers: one work after the other, every peer in a process of its own.

Run: python benchmarks/against_peers.py --install       (once: virtual environments of the peers, about 6 GB)
     python benchmarks/against_peers.py                 (about an hour; --quick for a look)
     python benchmarks/performance_page.py              (writes docs/performance.md from the results)

Every work is measured in rounds: each round times every peer, in a new order. Results are added to the file of --output work by work,
so that a part of the works can be measured again; the peers of a work are always measured together.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import time
from pathlib import Path
from typing import Any

from peers import install, rounds
from peers.works import WORKS

PEERS = ("plain_torch", "compiled_torch", "products", "ours", "snntorch", "spikingjelly", "norse", "sinabs", "spyx")
README_PEERS = ("readme_ours", "readme_original")
RESULTS = Path(__file__).parent / "results"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--install", action="store_true", help="make the environments of the peers, and do nothing else")
    made.add_argument("--folder", type=Path, default=Path("/tmp/spaic-peers"), help="environments, caches and data")
    made.add_argument("--works", nargs="+", choices=list(WORKS), default=list(WORKS))
    made.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    made.add_argument("--mode", choices=("train", "infer", "both"), default="both")
    made.add_argument("--rounds", type=int, default=15)
    made.add_argument("--threads", type=int, default=2)
    made.add_argument("--patience", type=float, default=10.0, help="seconds to wait before each round for other processes to be done")
    made.add_argument("--output", type=Path, default=RESULTS / f"{_name(_processor())}.json")
    made.add_argument("--quick", action="store_true", help="three rounds, and not the largest works")
    return made


def main() -> None:
    """Measure."""
    options = parser().parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.install:
        raise SystemExit(1 if install.install(options.folder) else 0)
    settings = rounds.Settings(options.rounds, options.threads, options.folder, patience=options.patience)
    works = options.works
    if options.quick:
        settings = rounds.Settings(3, options.threads, options.folder, budget=20.0, slowest=3.0, patience=0.0)
        works = [name for name in works if name not in ("mlp800_T200", "onm4096", "readme")]
    for name in works:
        for mode in ("train", "infer") if options.mode == "both" else (options.mode,):
            print(f"{name}, {mode}", flush=True)
            peers = README_PEERS if WORKS[name].is_readme else options.peers
            measured = rounds.measure(WORKS[name], peers, mode == "train", settings)
            store(options.output, name, mode, {**measured, "settings": _settings(options.threads)})


def store(file: Path, work: str, mode: str, measured: dict[str, Any]) -> None:
    """Put the result of a work in a mode into a result file, in place of an earlier one."""
    results: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"machine": machine(), "works": {}}
    results["works"].setdefault(work, {})[mode] = measured
    results["works"] = {name: results["works"][name] for name in WORKS if name in results["works"]}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(re.sub(r"\[\s+([-\d.e,\s]+?)\s+\]", _one_line, json.dumps(results, indent=1)) + "\n", encoding="utf-8")


def _one_line(numbers: re.Match[str]) -> str:
    return f"[{re.sub(chr(92) + 's+', ' ', numbers[1])}]"


def machine() -> dict[str, Any]:
    """What it was measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30),
        "system": platform.platform(terse=True),
    }


def _settings(threads: int) -> dict[str, Any]:
    return {"date": time.strftime("%Y-%m-%d"), "threads": threads, "python": platform.python_version()}


def _processor() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else platform.processor() or platform.machine()


def _name(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


if __name__ == "__main__":
    main()
