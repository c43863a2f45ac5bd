"""snnTorch: its usual loop over the steps, with Leaky.

The recurrent link is a Linear beside Leaky: RLeaky with a reset to 0 also throws away the input of the step after a spike, and computes
its recurrent product twice.
"""

from __future__ import annotations

import numpy as np
import snntorch as snn
import torch
from snntorch import surrogate
from torch.nn import functional as F

from peers.torch_runner import TorchRunner
from peers.works import DECAY, KERNEL, POOL, THRESHOLD, Layer, Work

TEXT = "the usual loop over steps; Leaky with reset_mechanism='zero', surrogate fast_sigmoid; the recurrent link is a Linear beside it"
PACKAGES = ("snntorch", "torch")


class Net(torch.nn.Module):
    """All layers, one step after the other."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        self.layers = work.layers
        self.links = torch.nn.ModuleList(_link(layer) for layer in work.layers)
        own = {str(i): torch.nn.Linear(n.outputs, n.outputs, bias=False) for i, n in enumerate(work.layers) if n.kind == "recurrent"}
        self.own = torch.nn.ModuleDict(own)
        alike = dict(beta=DECAY, threshold=THRESHOLD, reset_mechanism="zero", spike_grad=surrogate.fast_sigmoid(slope=1))
        self.neurons = torch.nn.ModuleList(snn.Leaky(**alike) for _ in work.layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        membranes = [neurons.reset_mem() for neurons in self.neurons]
        spiked: dict[str, torch.Tensor] = {}
        counted = []
        for spikes in x.unbind(0):
            for i, (layer, link, neurons) in enumerate(zip(self.layers, self.links, self.neurons, strict=True)):
                spikes = F.max_pool2d(spikes, POOL) if layer.is_pooled else spikes
                current = link(spikes if layer.kind == "conv" else spikes.flatten(1))
                if str(i) in spiked:
                    current = current + self.own[str(i)](spiked[str(i)])
                spikes, membranes[i] = neurons(current, membranes[i])
                if str(i) in self.own:
                    spiked[str(i)] = spikes
            counted.append(spikes)
        return torch.stack(counted).sum(0)


def _link(layer: Layer) -> torch.nn.Module:
    if layer.kind == "conv":
        return torch.nn.Conv2d(layer.inputs, layer.outputs, KERNEL, padding=KERNEL // 2, bias=False)
    return torch.nn.Linear(layer.inputs, layer.outputs, bias=False)


def prepare(work: Work, arrays: dict[str, np.ndarray], is_training: bool) -> TorchRunner:
    """The network, ready to run."""
    net = Net(work)
    weights = []
    for i, layer in enumerate(work.layers):
        weights.append(net.links[i].weight)
        if layer.kind == "recurrent":
            weights.append(net.own[str(i)].weight)
    for weight, name in zip(weights, work.weights, strict=True):
        weight.data.copy_(torch.from_numpy(arrays[name]))
    return TorchRunner(net, weights, arrays, is_training)
