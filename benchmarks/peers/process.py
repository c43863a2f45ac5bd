"""A peer as a live process, seen from outside."""

from __future__ import annotations

import json
import os
import select
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

BENCHMARKS = Path(__file__).resolve().parents[1]
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


class PeerError(RuntimeError):
    """A peer that died or did not answer; the message is its own last word."""


class Process:
    """A running peer.

    Parameters
    ----------
    name : str
        Module in peers/.
    python : Path
        The interpreter that has its packages.
    threads : int
        Cores it may use, and threads it is told to use.
    cache : Path
        Its folder for compiled code; empty for a cold start.
    paths : sequence of Path
        More folders for it to import from.

    Attributes
    ----------
    latency : dict of str to float
        Seconds from the start of the process until its interpreter runs, and of importing the peer.
    """

    def __init__(self, name: str, python: Path, threads: int, cache: Path, paths: tuple[Path, ...] = ()) -> None:
        self.name = name
        cache.mkdir(parents=True, exist_ok=True)  # it also runs there, in case it writes files
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as the process
        command = [str(python), "-m", "peers.worker", "--peer", name, "--threads", str(threads), "--started", str(time.monotonic())]
        self._process = subprocess.Popen(
            command, cwd=cache, env=_environment(threads, cache, paths),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True, bufsize=1,
        )  # fmt: skip
        self.latency: dict[str, float] = self._receive(120.0)

    def ask(self, do: str, timeout: float = 600.0, **arguments: Any) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        try:
            print(json.dumps({"do": do, **arguments}), file=self._process.stdin, flush=True)
        except BrokenPipeError:
            raise PeerError(f"{self.name}: {self._last_words()}") from None
        return self._receive(timeout)

    def _receive(self, timeout: float) -> dict[str, Any]:
        ready, _, _ = select.select([self._process.stdout], [], [], timeout)
        if not ready:
            self.close()
            raise PeerError(f"{self.name}: no answer within {timeout:g} s")
        line = self._process.stdout.readline()  # type: ignore[union-attr]
        if not line:
            self._process.wait()
            raise PeerError(f"{self.name}: {self._last_words()}")
        return json.loads(line)

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else f"ended with {self._process.poll()}"

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None and not stream.closed:
                try:
                    stream.close()
                except BrokenPipeError:  # it died with a command unread
                    continue

    def __enter__(self) -> Process:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _environment(threads: int, cache: Path, paths: tuple[Path, ...]) -> dict[str, str]:
    """One thread setting and one cache for everything that has its own."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return {
        **kept,
        **{name: str(threads) for name in _THREADS},
        "PYTHONPATH": os.pathsep.join(map(str, (BENCHMARKS, *paths))),
        "XDG_CACHE_HOME": str(cache),
        "NUMBA_CACHE_DIR": str(cache / "numba"),
        "TORCHINDUCTOR_CACHE_DIR": str(cache / "inductor"),
        "MPLCONFIGDIR": str(cache / "matplotlib"),
        "CUDA_VISIBLE_DEVICES": "",
        "JAX_PLATFORMS": "cpu",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
