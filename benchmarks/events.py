"""Throughput of exact events: synaptic events (one input spike at one neuron) per second, and milliseconds per sample.

Run: python benchmarks/events.py [--threads 1 2] [--rounds 9] [--batch 64] [--json FILE]

The inputs are those of the figures of EvSpikeSim 0.5, whose C++ reaches 59 million synaptic events per second on one core of a shared Xeon
without output spikes, 53 million with 888, 43 million with 12,997, and takes 0.31 ms for a sample of 784-100-10. Wall times are the
fastest of `--rounds`; time of the processor is given beside them, as it does not count what other programs take. On a machine that is
busy with other work the second thread often does not come in time, and shows nothing.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from spaic import events

#: Millions of synaptic events per second of EvSpikeSim 0.5 on one core, by the number of its output spikes; measured on 2026-11-20.
PEER = {"silent": 59.0, "some output": 53.0, "much output": 43.0}
#: Thresholds of 1000 neurons with weights uniform in -1 to 1 that 1000 input spikes in 100 ms reach never, sometimes, often.
THRESHOLDS = {"silent": 1e9, "some output": 2.0, "much output": 0.6}


class Row(NamedTuple):
    """One measurement."""

    name: str
    threads: int
    samples: int
    outputs: int
    milliseconds: float
    processor: float
    millions: float


def fastest(work: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Least wall time and least processor time in s; the first two rounds compile and warm up."""
    wall, processor = [], []
    for _ in range(rounds + 2):
        start, before = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - start)
        processor.append(time.process_time() - before)
    return min(wall[2:]), min(processor[2:])


def inputs(rng: np.random.Generator, neurons: int, spikes: int, duration: float) -> tuple[np.ndarray, np.ndarray]:
    """Indices and times in s of random input spikes."""
    return rng.integers(0, neurons, spikes), rng.uniform(0.0, duration, spikes)


def measured(name: str, net: events.Network, samples: list[tuple[np.ndarray, np.ndarray]], threads: int, rounds: int) -> Row:
    """Time of one run of all samples."""
    torch.set_num_threads(threads)
    found = net.infer_batch(samples)
    wall, processor = fastest(lambda: net.infer_batch(samples), rounds)
    count = sum(len(i) for i, _ in samples) * net[0].n_neurons
    return Row(
        name,
        threads,
        len(samples),
        sum(len(f) for f in found),
        1e3 * wall / len(samples),
        1e3 * processor / len(samples),
        count / wall / 1e6,
    )


def wide(rounds: int, threads: list[int], batch: int) -> list[Row]:
    """1000 inputs to 1000 neurons, 1000 input spikes in 100 ms."""
    rows = []
    for name, threshold in THRESHOLDS.items():
        rng = np.random.default_rng(0)
        net = events.Network()
        net.add_layer(1000, 1000, 0.010, threshold)
        samples = [inputs(rng, 1000, 1000, 0.1) for _ in range(batch)]
        for count in threads:
            rows.append(measured(f"1000-1000, {name}", net, samples[:1], count, rounds))
        if name == "silent":
            rows.append(measured(f"1000-1000, {name}", net, samples, max(threads), 3))
    return rows


def digits(rounds: int, threads: list[int], batch: int) -> list[Row]:
    """784-100-10 with 150 input spikes in 10 ms."""
    rng = np.random.default_rng(1)
    net = events.Network()
    net.add_layer(784, 100, 0.010, 1.0)
    net.add_layer(100, 10, 0.010, 1.0)
    samples = [inputs(rng, 784, 150, 0.010) for _ in range(batch)]
    return [
        measured("784-100-10", net, samples[:count], number, rounds)
        for count, number in ((1, threads[0]), (batch, threads[0]), (batch, max(threads)))
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = wide(options.rounds, options.threads, options.batch) + digits(options.rounds, options.threads, options.batch)
    print(f"{'network':<26} {'threads':>7} {'samples':>7} {'outputs':>8} {'ms/sample':>10} {'cpu ms':>8} {'M events/s':>10}  EvSpikeSim")
    for row in rows:
        peer = PEER.get(row.name.partition(", ")[2]) if row.threads == 1 else None
        print(
            f"{row.name:<26} {row.threads:>7} {row.samples:>7} {row.outputs:>8} {row.milliseconds:>10.3f} {row.processor:>8.3f} "
            f"{row.millions:>10.1f}  {peer or ''}"
        )
    if options.json is not None:
        options.json.write_text(json.dumps([row._asdict() for row in rows], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
