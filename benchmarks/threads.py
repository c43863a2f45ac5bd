"""Milliseconds of a compiled kernel and of a product of torch, each alone and taking turns, for three ways of running the kernel.

Threads of torch that have nothing to do spin for a while: another pool of threads then shares the cores with them.

Run: python benchmarks/threads.py [--threads 2] [--rounds 200] [--width 10000]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from unittest.mock import patch

import numpy as np
import torch

from spaic.Backend.Kernels.compiling import jit
from spaic.Backend.Kernels.threads import team

STEPS = 50
TEXT = '''"""A membrane that leaks, over all time."""

KERNELS = ("leak", "nothing")


def leak(lo, hi, x, y, carried):
    for first in range(lo, hi, 1024):
        width = min(1024, hi - first)
        carried[:width] = 0
        for n in range(len(x)):
            for i in range(width):
                carried[i] = carried[i] * x.dtype.type(0.9) + x[n, first + i]
                y[n, first + i] = carried[i]


def nothing(lo, hi, x, y, carried):
    pass
'''


def ways(threads: int) -> dict[str, tuple[int, Callable[[], int]]]:
    """Name of a way -> the number of threads, and what finds the OpenMP library."""
    found = team._openmp() if threads > 1 else 0
    print("OpenMP of torch:", "found" if found else "not used")
    return {"calling thread": (1, lambda: 0), "Python's threads": (threads, lambda: 0), "torch's OpenMP": (threads, lambda: found)}


def seconds(works: dict[str, Callable[[], object]], rounds: int) -> dict[str, str]:
    """Median and quartiles of each, in turns."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds + 3):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            if number >= 3:
                found[name].append(time.perf_counter() - start)
    return {name: "{1:7.3f} ({0:.3f}-{2:.3f})".format(*1e3 * np.quantile(values, [0.25, 0.5, 0.75])) for name, values in found.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--width", type=int, default=10_000)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    kernels = jit.load(TEXT, "threads_benchmark")
    x = np.random.default_rng(0).random((STEPS, options.width), dtype=np.float32)
    args, scratch = (x, np.empty_like(x)), (np.empty((options.threads, 1024), np.float32),)
    left, right = torch.randn(5000, 784), torch.randn(784, 100)

    def product() -> torch.Tensor:
        return left @ right

    rows = [("", "kernel alone", "empty kernel", "product in turns", "kernel in turns")]
    for name, (threads, find) in ways(options.threads).items():

        def spread(kernel: Callable[..., None], threads: int = threads) -> None:
            team.spread(kernel, options.width, args, 64, threads=threads, scratch=scratch)

        works = {"kernel": lambda: spread(kernels.leak), "empty": lambda: spread(kernels.nothing)}  # noqa: B023 - called at once
        with patch.object(team, "_openmp", find):
            alone = {**seconds({"kernel": works["kernel"]}, options.rounds), **seconds({"empty": works["empty"]}, options.rounds)}
            turns = seconds({"product": product, "kernel": works["kernel"]}, options.rounds)
        rows.append((name, alone["kernel"], alone["empty"], turns["product"], turns["kernel"]))
    print(f"ms, median (quartiles); product alone {seconds({'product': product}, options.rounds)['product'].strip()}")
    for row in rows:
        print("".join(cell.ljust(28) for cell in row))


if __name__ == "__main__":
    main()
