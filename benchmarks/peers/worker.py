"""A peer's process: reads commands as JSON lines, one at a time, and answers each with one JSON line.

Run by peers/process.py: python -m peers.worker --peer NAME --threads N --started SECONDS
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from peers import arrays, memory
from peers.works import BATCHES, Work


class Worker:
    """A peer and the network it has built last."""

    def __init__(self, peer: ModuleType) -> None:
        self.peer, self.runner, self.done = peer, None, 0
        self.empty = self.loaded = 0

    def answer(self, command: dict[str, Any]) -> dict[str, Any]:
        """Carry out one command."""
        return getattr(self, f"do_{command.pop('do')}")(**command)

    def do_describe(self) -> dict[str, Any]:
        """What the peer is."""
        return {"text": self.peer.TEXT, "versions": {name: _version(name) for name in self.peer.PACKAGES}}

    def do_load(self, work: dict[str, Any], folder: str, is_training: bool) -> dict[str, Any]:
        """Build the network."""
        self.empty = memory.settle()
        described = Work.of(work)
        start = time.perf_counter()
        found = arrays.load(described, Path(folder))
        read = time.perf_counter()
        self.runner = self.peer.prepare(described, found, is_training)
        built = time.perf_counter()
        self.loaded = memory.settle()
        return {"read": read - start, "build": built - read}

    def do_time(self, steps: int, warm: int = 0) -> dict[str, Any]:
        """Seconds of each of `steps` steps, after `warm` ones that are not timed."""
        for _ in range(warm):
            self._step()
        return {"seconds": [self._step() for _ in range(steps)], "now": time.monotonic()}

    def do_memory(self, steps: int = 3) -> dict[str, Any]:
        """Peak of a step over what was resident before it, the most of some steps; and what stays since the network was built."""
        peak = max(memory.transient(self._step) for _ in range(steps))
        return {"transient": peak, "kept": memory.settle() - self.loaded, "built": self.loaded - self.empty}

    def do_counts(self, to: str) -> dict[str, Any]:
        """Output spike counts of the first batch, into a file; nothing where the peer computes no spikes."""
        return self._write(to, "counts", lambda result: {"counts": result})

    def do_gradients(self, to: str) -> dict[str, Any]:
        """Gradients of the first batch, into files."""
        return self._write(to, "gradients", lambda result: {f"gradient{i}": g for i, g in enumerate(result)})

    def do_spikes(self, to: str) -> dict[str, Any]:
        """Spikes of all layers on the first batch, into files."""
        return self._write(to, "spikes", lambda result: {f"spikes{i}": s for i, s in enumerate(result)})

    def _write(self, to: str, what: str, named: Any) -> dict[str, Any]:
        if not hasattr(self.runner, what):
            return {"files": []}
        results = named(getattr(self.runner, what)(0))
        arrays.save({name: np.asarray(value) for name, value in results.items()}, Path(to))
        return {"files": [str(Path(to) / f"{name}.npy") for name in results]}

    def _step(self) -> float:
        start = time.perf_counter()
        self.runner.step(self.done % BATCHES)
        self.done += 1
        return time.perf_counter() - start


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def main() -> None:
    """Serve until the input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--started", type=float, required=True)
    options = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a peer prints goes to the error output
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    begun = time.monotonic()
    worker = Worker(importlib.import_module(f"peers.{options.peer}"))
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(options.threads)
    json_line = {"started": begun - options.started, "imported": time.monotonic() - begun}
    answers.write(json.dumps(json_line) + "\n")
    for line in sys.stdin:
        answers.write(json.dumps(worker.answer(json.loads(line))) + "\n")


if __name__ == "__main__":
    main()
