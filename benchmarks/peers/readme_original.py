"""The original SPAIC at the work of its README: latency code, 200 ms at dt 0.1, batch 100, clif, STCA, Adam with learning rate 0.01.

The model-building lines of the README do not run on SPAIC; these are its documented names for the same network.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

import spaic  # the original, in an environment of its own
from peers.works import README_DT, README_TIME, Work

TEXT = "the original SPAIC from PyPI, with its README's hyper-parameters"
PACKAGES = ("SPAIC", "torch")


class Net(spaic.Network):
    """784 - 100 clif - 10 clif."""

    def __init__(self) -> None:
        super().__init__()
        self.input = spaic.Encoder(num=784, coding_method="latency")
        self.layer1 = spaic.NeuronGroup(100, model="clif")
        self.layer2 = spaic.NeuronGroup(10, model="clif")
        self.output = spaic.Decoder(num=10, dec_target=self.layer2, coding_method="spike_counts")
        self.connection1 = spaic.Connection(self.input, self.layer1, link_type="full")
        self.connection2 = spaic.Connection(self.layer1, self.layer2, link_type="full")
        self.learner = spaic.STCA(trainable=self, alpha=0.5)
        self.learner.set_optimizer("Adam", 0.01)


class Runner:
    """Batches of the README's loop."""

    def __init__(self, arrays: dict[str, np.ndarray], is_training: bool) -> None:
        self.x, self.is_training = arrays["x"], is_training
        self.y = [torch.from_numpy(y) for y in arrays["y"]]
        self.net = Net()
        backend = spaic.Torch_Backend("cpu")
        backend.dt = README_DT
        self.net.set_backend(backend)

    def step(self, i: int) -> None:
        """One batch: run, loss, backward, optimizer."""
        self.net.input(self.x[i])
        if not self.is_training:
            with torch.no_grad():
                self.net.run(README_TIME)
            return
        self.net.run(README_TIME)
        output = self.net.output.predict
        output = (output - torch.mean(output).detach()) / (torch.std(output).detach() + 0.1)
        self.net.learner.optim_zero_grad()
        F.cross_entropy(output, self.y[i]).backward()
        self.net.learner.optim_step()


def prepare(work: Work, arrays: dict[str, np.ndarray], is_training: bool) -> Runner:
    """The network, ready to run."""
    return Runner(arrays, is_training)
