"""How long the front end takes: building a large network, and the overhead of a run for each element.

python benchmarks/front_end.py
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

import spaic


def network(groups: int, connections: int, size: int = 4) -> spaic.Network:
    """Groups in a chain, with further forward connections between random pairs."""
    rng = np.random.default_rng(0)
    with spaic.Network() as net:
        pixels = spaic.Encoder(num=size, coding_method="poisson")
    layers = [spaic.NeuronGroup(size, model="lif") for _ in range(groups)]
    net.layers = layers
    ends = [(net.pixels, layers[0])] + [(layers[i], layers[i + 1]) for i in range(groups - 1)]
    while len(ends) < connections:
        a, b = sorted(rng.choice(groups, 2, replace=False))
        ends.append((layers[a], layers[b]))
    net.wires = [spaic.Connection(a, b) for a, b in ends]
    net.set_backend_dt(1.0)
    del pixels
    return net


def timed(call: Callable[[], object], repeats: int) -> list[float]:
    """Seconds of each of some calls."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return times


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--groups", type=int, default=200)
    parser.add_argument("--connections", type=int, default=400)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    network(2, 2).build()  # equations are derived once per process
    made = time.perf_counter()
    net = network(arguments.groups, arguments.connections)
    made = time.perf_counter() - made
    builds = timed(net.build, 5)
    net.pixels(np.ones((1, 4)))
    elements = arguments.groups + arguments.connections
    with torch.no_grad():
        net.run(1.0)
        runs = timed(lambda: net.run(1.0), 20)
        longer = timed(lambda: net.run(11.0), 20)
    step = (statistics.median(longer) - statistics.median(runs)) / 10
    fixed = statistics.median(runs) - step
    print(f"{arguments.groups} groups, {arguments.connections} connections")
    print(f"declared in      {made:8.3f} s")
    print(f"built in         {statistics.median(builds):8.3f} s  (first {builds[0]:.3f} s)")
    print(f"run of one step  {1e6 * statistics.median(runs) / elements:8.1f} us per element")
    print(f"  per step       {1e6 * step / elements:8.1f} us per element")
    print(f"  per run        {1e6 * fixed / elements:8.1f} us per element")


if __name__ == "__main__":
    main()
