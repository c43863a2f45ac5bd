"""Accuracy of README method 1 (784-100-10 clif, STCA, Adam) on the full MNIST: 5 epochs, 50 steps of 1 ms, several seeds.

Run: python benchmarks/mnist_accuracy.py [--seeds 0 1 2] [--epochs 5] [--threads 2]
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch

import spaic


class Net(spaic.Network):
    """README method 1."""

    def __init__(self, seed: int, steps: int) -> None:
        super().__init__(seed=seed)
        self.input = spaic.Encoder(num=784, coding_method="poisson", unit_conversion=0.2)
        self.layer1 = spaic.NeuronGroup(100, model="clif")
        self.layer2 = spaic.NeuronGroup(10, model="clif")
        self.connection1 = spaic.Connection(self.input, self.layer1, link_type="full")
        self.connection2 = spaic.Connection(self.layer1, self.layer2, link_type="full")
        self.output = spaic.Decoder(dec_target=self.layer2, coding_method="spike_counts")
        self.learner = spaic.STCA(0.5, self)
        self.optim = spaic.Adam(lr=0.004, schedule="CosineAnnealingLR", maxstep=steps)


def main() -> None:
    """Train, test and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    train, test = spaic.MNIST(is_train=True), spaic.MNIST(is_train=False)
    results = []
    for seed in options.seeds:
        loader = spaic.Dataloader(train, batch_size=100, shuffle=True, seed=seed)
        net = Net(seed, options.epochs * len(loader))
        net.set_backend_dt(1.0)
        accuracies, seconds = [], []
        for _ in range(options.epochs):
            start = time.perf_counter()
            net.fit(loader, run_time=50.0, progress=False)
            seconds.append(time.perf_counter() - start)
            accuracies.append(net.evaluate(spaic.Dataloader(test, batch_size=500), 50.0))
            print(f"seed {seed}: test accuracy {accuracies[-1]:.2%} after {seconds[-1]:.0f} s of training", flush=True)
        results.append(accuracies[-1])
        print(f"seed {seed}: {statistics.median(seconds):.1f} s per epoch (median)", flush=True)
    print(f"mean over {len(results)} seeds: {statistics.mean(results):.2%} ({', '.join(f'{r:.2%}' for r in results)})")


if __name__ == "__main__":
    main()
