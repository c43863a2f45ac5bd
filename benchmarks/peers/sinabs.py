"""sinabs: LIF and LIFRecurrent over whole sequences, batch first as they want it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sinabs.layers as sl
import torch
from sinabs.activation import MembraneReset, SingleSpike
from torch.nn import functional as F

from peers.torch_runner import TorchRunner
from peers.works import DECAY, KERNEL, POOL, THRESHOLD, Layer, Work

TEXT = "LIF and LIFRecurrent over the whole sequence, SingleSpike, MembraneReset, norm_input=False; own surrogate of four lines"
PACKAGES = ("sinabs", "torch")


@dataclass
class FastSigmoid:
    """The surrogate of the works, which sinabs does not bring."""

    def __call__(self, v: torch.Tensor, threshold: torch.Tensor) -> torch.Tensor:
        return 1 / (1 + (v - threshold).abs()) ** 2


def _neurons(layer: Layer) -> sl.LIF:
    alike = dict(
        tau_mem=1.0, spike_threshold=torch.tensor(THRESHOLD), spike_fn=SingleSpike, reset_fn=MembraneReset(),
        surrogate_grad_fn=FastSigmoid(), train_alphas=True, norm_input=False,
    )  # fmt: skip
    if layer.kind == "recurrent":
        made = sl.LIFRecurrent(rec_connect=torch.nn.Linear(layer.outputs, layer.outputs, bias=False), **alike)
    else:
        made = sl.LIF(**alike)
    made.alpha_mem.data.fill_(DECAY)
    made.alpha_mem.requires_grad_(False)  # fixed, as in the other peers
    return made


class Net(torch.nn.Module):
    """Links applied to all samples and steps at once, neurons behind each."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        self.layers = work.layers
        self.links = torch.nn.ModuleList(_link(layer) for layer in work.layers)
        self.neurons = torch.nn.ModuleList(_neurons(layer) for layer in work.layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer, link, neurons in zip(self.layers, self.links, self.neurons, strict=True):
            flat = F.max_pool2d(x.flatten(0, 1), POOL) if layer.is_pooled else x.flatten(0, 1)
            current = link(flat if layer.kind == "conv" else flat.flatten(1)).unflatten(0, x.shape[:2])
            neurons.reset_states()
            x = neurons(current)
        return x.sum(1)


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
            weights.append(net.neurons[i].rec_connect.weight)
    for weight, name in zip(weights, work.weights, strict=True):
        weight.data.copy_(torch.from_numpy(arrays[name]))
    return TorchRunner(net, weights, arrays, is_training, arrange=lambda x: x.transpose(0, 1).contiguous())
