"""Seconds of a training step (forward, backward, Adam) over those of the matrix products alone, interleaved; 784-100-10 clif, batch 100.

Run: python benchmarks/training_step.py [--steps 50] [--rounds 15] [--threads 1]
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
import torch

import spaic


def network() -> spaic.Network:
    """README method 1."""
    with spaic.Network() as net:
        pixels = spaic.Encoder(num=784, coding_method="poisson", unit_conversion=0.2)
        layer1 = spaic.NeuronGroup(100, model="clif")
        layer2 = spaic.NeuronGroup(10, model="clif")
        connection1 = spaic.Connection(pixels, layer1)
        connection2 = spaic.Connection(layer1, layer2)
        output = spaic.Decoder(dec_target=layer2)
        learner = spaic.STCA(0.5, net)
        optim = spaic.Adam(lr=0.004)
    del pixels, layer1, layer2, connection1, connection2, output, learner, optim  # the network has them
    net.set_backend_dt(1.0)
    return net


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rng = np.random.default_rng(0)
    images, labels = rng.random((100, 784), dtype=np.float32), rng.integers(0, 10, 100)
    net = network()
    spikes = (torch.rand(options.steps * 100, 784) < 0.1).float()
    weights = [torch.randn(100, 784, requires_grad=True), torch.randn(10, 100, requires_grad=True)]

    def ours() -> None:
        net.pixels(images)
        net.run(float(options.steps))
        loss = spaic.count_cross_entropy(net.output.predict, labels)
        net.learner.optim_zero_grad()
        loss.backward()
        net.learner.optim_step()

    def products() -> None:
        hidden = spikes @ weights[0].T
        (hidden @ weights[1].T).sum().backward()

    seconds: dict[str, list[float]] = {"ours": [], "products": []}
    for number in range(options.rounds + 2):
        for name, work in (("ours", ours), ("products", products)):
            start = time.perf_counter()
            work()
            if number >= 2:  # the first rounds build and warm up
                seconds[name].append(time.perf_counter() - start)
    for name, values in seconds.items():
        print(f"{name}: median {1e3 * statistics.median(values):.1f} ms, fastest {1e3 * min(values):.1f} ms")
    print(f"ratio of medians {statistics.median(seconds['ours']) / statistics.median(seconds['products']):.2f}")


if __name__ == "__main__":
    main()
