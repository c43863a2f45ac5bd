"""A training step of 784-100-10 with richer neurons, over that with lif: clif, and three states that a user wrote. Interleaved.

Run: python benchmarks/neuron_models.py [--steps 50] [--rounds 40] [--threads 2]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

import spaic

BATCH = 100
THREE_STATES = spaic.NeuronModel(
    name="three_states",
    equations="""
        dV/dt = (-V - 0.3 * U + S) / tau
        dU/dt = (V - U) / 30
        dS/dt = -S / 5
    """,
    receive="S += w",
    spike="V > V_th",
    reset="V = 0; U += 0.1",
    parameters={"tau": 10.0, "V_th": 0.3},
    method="exact",
)
MODELS: dict[str, dict[str, Any]] = {"lif": dict(model="lif", tau_m=9.5), "clif": dict(model="clif"), "own": dict(model=THREE_STATES)}


def trainer(steps: int, **group: Any) -> Callable[[int], None]:
    """A function that does one training step on one of two batches."""
    rng = np.random.default_rng(0)
    with spaic.Network() as net:
        pixels = spaic.Encoder(num=784, coding_method="null")
        hidden, out = spaic.NeuronGroup(100, **group), spaic.NeuronGroup(10, **group)
        first, second = spaic.Connection(pixels, hidden, w_mean=0.01, w_std=0.05), spaic.Connection(hidden, out, w_mean=0.05, w_std=0.2)
        counts = spaic.Decoder(dec_target=out)
        learner = spaic.SurrogateBP()
    del pixels, hidden, out, first, second, counts, learner  # the network has them
    net.set_backend("torch", dt=1.0)
    net.build()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-6)
    x = [torch.from_numpy((rng.random((BATCH, steps, 784)) < 0.1).astype(np.float32)) for _ in range(2)]
    y = [torch.from_numpy(rng.integers(0, 10, BATCH)) for _ in range(2)]

    def step(i: int) -> None:
        optimizer.zero_grad()
        net.pixels(x[i])
        net.run(float(steps))
        F.cross_entropy(net.counts.predict, y[i]).backward()
        optimizer.step()

    return step


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("steps", 50), ("rounds", 40), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    works = {name: trainer(options.steps, **group) for name, group in MODELS.items()}
    times: dict[str, list[float]] = {name: [] for name in works}
    for k in range(options.rounds + 4):
        for name, step in works.items():
            start = time.perf_counter()
            step(k % 2)
            if k >= 4:  # the first ones compile and warm up
                times[name].append(1e3 * (time.perf_counter() - start))
    for name, found in times.items():
        ratio = statistics.median(a / b for a, b in zip(found, times["lif"], strict=True))
        print(f"{name:<5} {statistics.median(found):7.2f} ms, {ratio:.2f} of lif")


if __name__ == "__main__":
    main()
