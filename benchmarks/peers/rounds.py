"""One work in one mode: all peers side by side, each in its own process, in interleaved rounds."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from peers import arrays, figures, operations, quiet
from peers.install import python_of
from peers.process import PeerError, Process
from peers.works import Work

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = "plain_torch"
#: Peers that keep compiled code on disk: only for them a cold cache differs from a warm one.
CACHING = ("ours", "readme_ours", "compiled_torch")
#: A round times a peer for about this long, but at least once and at most MOST times.
_SLICE, _MOST = 0.06, 6
#: Slower than this, and the step before the timed one cannot matter.
_LONG = 1.0


@dataclass(frozen=True)
class Settings:
    """How to measure.

    Attributes
    ----------
    rounds, threads : int
        Rounds, and cores of each peer.
    folder : Path
        Environments of the peers, their caches, and the data.
    budget, slowest : float
        Seconds of timed steps for a work in one mode, after which it gets fewer rounds; seconds of a step after which a peer is timed once.
    patience : float
        Seconds to wait before each round for other processes to be done.
    """

    rounds: int
    threads: int
    folder: Path
    budget: float = 150.0
    slowest: float = 20.0
    patience: float = 10.0


class Entry:
    """What is measured of one peer."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.seconds: list[float] = []
        self.step = 0.0
        self.record: dict[str, Any] = {}

    def load(self, work: Work, folder: Path, is_training: bool) -> dict[str, float]:
        """Build the network in the peer."""
        return self.process.ask("load", work=work.as_plain(), folder=str(folder), is_training=is_training)

    def is_slow(self, settings: Settings) -> bool:
        """Whether its steps take so long that it is timed only once, and not asked for more."""
        return self.step > settings.slowest

    def time(self, steps: int, warm: int = 0) -> list[float]:
        """Seconds of some steps."""
        return self.process.ask("time", steps=steps, warm=warm)["seconds"]


def measure(work: Work, peers: Sequence[str], is_training: bool, settings: Settings) -> dict[str, Any]:
    """All that is known of a work in a mode afterwards, as plain data."""
    settings.folder.mkdir(parents=True, exist_ok=True)
    data = Path(tempfile.mkdtemp(prefix=f"{work.name}_", dir=settings.folder))  # two measurements at once do not meet
    arrays.save(arrays.make(work), data)
    cache = settings.folder / "cache" / work.name
    entries: dict[str, Entry] = {}
    left_out: dict[str, str] = {}
    try:
        for name in peers:
            try:
                print(f"  {name}", end="", flush=True)
                entries[name] = _start(name, work, is_training, data, cache / name, settings)
                print(f": first step {entries[name].record['first']['step']:.2f} s, then {1e3 * entries[name].step:.1f} ms")
            except PeerError as error:
                left_out[name] = str(error)
                print(f": left out, {error}")
        counted = _compare({n: e for n, e in entries.items() if not e.is_slow(settings)}, work, data, is_training)
        busy = _rounds(entries, settings, random.Random(0))
    finally:
        for entry in entries.values():
            entry.process.close()
        shutil.rmtree(data, ignore_errors=True)
    return {
        "peers": {name: {**entry.record, "seconds": [float(f"{s:.4g}") for s in entry.seconds]} for name, entry in entries.items()},
        "left_out": left_out,
        "operations": counted,
        "others": round(busy, 2),
    }


def _start(name: str, work: Work, is_training: bool, data: Path, cache: Path, settings: Settings) -> Entry:
    """A peer, running and warm. In training its cache is emptied before, and it starts twice: with a cold and with a warm cache."""
    quiet.wait(settings.patience)
    cold = _cold(name, work, data, cache, settings) if is_training and name in CACHING else None
    entry = _launch(name, cache, settings)
    try:
        first = _first(entry, work, data, is_training)
        entry.record = {**entry.process.ask("describe"), "first": first, "first_cold": cold, "memory": None}
        entry.step = first["step"]
        if name in CACHING or not entry.is_slow(settings):
            entry.step = min(entry.time(1 if first["step"] > _LONG else 3))
        if not entry.is_slow(settings):
            entry.record["memory"] = entry.process.ask("memory", steps=1 if entry.step > _LONG else 3)
    except PeerError:
        entry.process.close()
        raise
    return entry


def _cold(name: str, work: Work, data: Path, cache: Path, settings: Settings) -> dict[str, float]:
    shutil.rmtree(cache, ignore_errors=True)
    entry = _launch(name, cache, settings)
    try:
        return _first(entry, work, data, True)
    finally:
        entry.process.close()


def _launch(name: str, cache: Path, settings: Settings) -> Entry:
    python = python_of(name, settings.folder)
    if not python.exists():
        raise PeerError(f"{name}: there is no {python}; run against_peers.py --install")
    own = (ROOT,) if name.endswith("ours") else ()
    return Entry(Process(name, python, settings.threads, cache, own))


def _first(entry: Entry, work: Work, data: Path, is_training: bool) -> dict[str, float]:
    """Seconds from the start of the process to the end of its first step, in parts."""
    built = entry.load(work, data, is_training)["build"]
    step = entry.time(1)[0]
    latency = entry.process.latency
    return {"start": latency["started"], "import": latency["imported"], "build": built, "step": step}


def _compare(entries: dict[str, Entry], work: Work, data: Path, is_training: bool) -> dict[str, Any] | None:
    """Record how spike counts and gradients from the initial weights agree with the plain loop's; the operations of the work."""
    found: dict[str, tuple[list[np.ndarray], list[np.ndarray]]] = {}
    for name, entry in entries.items():
        entry.load(work, data, is_training)
        counts = _arrays(entry, "counts", data)
        found[name] = counts, _arrays(entry, "gradients", data) if is_training and counts else []
    if REFERENCE not in found:
        return None
    counts, gradients = found[REFERENCE]
    for name, (own_counts, own_gradients) in found.items():
        if own_counts:
            entries[name].record["agreement"] = figures.agreement(own_counts[0], counts[0])
        if own_gradients:
            entries[name].record["agreement"]["gradient_error"] = figures.relative_error(own_gradients, gradients)
    return operations.counts(work, np.load(data / "x.npy", mmap_mode="r")[0], _arrays(entries[REFERENCE], "spikes", data))


def _arrays(entry: Entry, what: str, data: Path) -> list[np.ndarray]:
    return [np.load(file) for file in entry.process.ask(what, to=str(data / entry.process.name))["files"]]


def _rounds(entries: dict[str, Entry], settings: Settings, order: random.Random) -> float:
    """Time every peer once per round, in a new order each time; the cores that other processes used meanwhile, on average."""
    fast = {name: entry for name, entry in entries.items() if not entry.is_slow(settings)}
    for name in entries.keys() - fast.keys():
        entries[name].seconds = [entries[name].step]
    for entry in fast.values():
        entry.time(1)
    one_round = sum(max(entry.step * (2 if entry.step < _LONG else 1), 2 * _SLICE) for entry in fast.values())
    busy = []
    for _ in range(max(3, min(settings.rounds, int(settings.budget / max(one_round, 1e-9))))):
        busy.append(quiet.wait(settings.patience))
        names = sorted(fast)
        order.shuffle(names)
        for name in names:
            entry = fast[name]
            steps = max(1, min(_MOST, round(_SLICE / entry.step)))
            entry.seconds.append(figures.Spread.of(entry.time(steps, warm=0 if entry.step > _LONG else 1)).median)
    return float(np.mean(busy))
