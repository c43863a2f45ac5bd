"""spaic at the work of the README, as benchmarks/readme_literal.py writes it."""

from __future__ import annotations

import numpy as np
import torch

import spaic
from peers.works import README_DT, README_TIME, Work

TEXT = "spaic as in this checkout, with the README's hyper-parameters (benchmarks/readme_literal.py)"
PACKAGES = ("torch", "numba")


class Runner:
    """Batches of the README's loop."""

    def __init__(self, arrays: dict[str, np.ndarray], is_training: bool) -> None:
        self.x, self.y, self.is_training = arrays["x"], arrays["y"], is_training
        with spaic.Network() as net:
            pixels = spaic.Encoder(num=784, coding_method="latency")
            layer1 = spaic.NeuronGroup(100, model="clif")
            layer2 = spaic.NeuronGroup(10, model="clif")
            connection1 = spaic.Connection(pixels, layer1, link_type="full")
            connection2 = spaic.Connection(layer1, layer2, link_type="full")
            output = spaic.Decoder(dec_target=layer2, coding_method="spike_counts")
            learner = spaic.STCA(0.5, net)
            optim = spaic.Adam(lr=0.01)
        del pixels, layer1, layer2, connection1, connection2, output, learner, optim  # the network has them
        net.build(spaic.Torch_Backend(dt=README_DT))
        self.net = net.train(is_training)

    def step(self, i: int) -> None:
        """One batch: run, loss, backward, optimizer."""
        self.net.pixels(self.x[i])
        if not self.is_training:
            with torch.no_grad():
                self.net.run(README_TIME)
            return
        self.net.run(README_TIME)
        loss = spaic.count_cross_entropy(self.net.output.predict, self.y[i])
        self.net.learner.optim_zero_grad()
        loss.backward()
        self.net.learner.optim_step()


def prepare(work: Work, arrays: dict[str, np.ndarray], is_training: bool) -> Runner:
    """The network, ready to run."""
    return Runner(arrays, is_training)
