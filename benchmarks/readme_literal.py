"""README hyper-parameters to the letter: latency code, 200 ms at dt 0.1, batch 100, Adam lr 0.01, StepLR 1000, STCA alpha 0.5; one epoch.

Run: python benchmarks/readme_literal.py [--seed 0] [--batches N] [--threads 2]
"""

from __future__ import annotations

import argparse
import time

import torch
from tqdm import tqdm

import spaic


class ExampleNet(spaic.Network):
    """The network of SPAIC's README."""

    def __init__(self, dataloader: spaic.Dataloader, seed: int) -> None:
        super().__init__(seed=seed)
        self.input = spaic.Encoder(dataloader, encoding="latency")
        self.layer1 = spaic.NeuronGroup(100, neuron_model="clif")
        self.layer2 = spaic.NeuronGroup(10, neuron_model="clif")
        self.connection1 = spaic.Connection(self.input, self.layer1, link_type="full")
        self.connection2 = spaic.Connection(self.layer1, self.layer2, link_type="full")
        self.output = spaic.Decoder(decoding="spike_counts", target=self.layer2)
        self.learner1 = spaic.STCA(0.5, self)
        self.optim = spaic.Adam(lr=0.01, schedule="StepLR", maxstep=1000)


def main() -> None:
    """Train, test and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batches", type=int, default=600)
    parser.add_argument("--dt", type=float, default=0.1, help="time step in ms; 1.0 for a quick look")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    loader = spaic.Dataloader(spaic.MNIST(is_train=True), batch_size=100, shuffle=True, seed=options.seed)
    test = spaic.Dataloader(spaic.MNIST(is_train=False), batch_size=100)
    net = ExampleNet(loader, options.seed)
    net.build(spaic.Torch_Backend(dt=options.dt))
    start = time.perf_counter()
    right = seen = 0
    for i, (data, label) in enumerate(bar := tqdm(loader, total=options.batches, mininterval=20)):
        if i == options.batches:
            break
        net.input(data)
        net.output(label)
        net.run(200.0)
        output = net.output.predict
        right, seen = right + int((output.argmax(1) == torch.tensor(label)).sum()), seen + len(label)
        loss = spaic.count_cross_entropy(output, label)
        net.learner.optim_zero_grad()
        loss.backward()
        net.learner.optim_step()
        bar.set_postfix(loss=f"{loss.item():.3f}", accuracy=f"{right / seen:.1%}")
    seconds = time.perf_counter() - start
    print(f"seed {options.seed}: {seconds:.0f} s for {seen // 100} batches ({seconds / (seen // 100):.2f} s per batch)")
    print(f"seed {options.seed}: test accuracy {net.evaluate(test, 200.0):.2%} after {seen // 100} batches")


if __name__ == "__main__":
    main()
