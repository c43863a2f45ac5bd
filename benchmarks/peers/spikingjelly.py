"""SpikingJelly in multi-step mode, its fastest on the CPU; single-step only where a recurrent product stands between the steps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from spikingjelly.activation_based import functional, layer, neuron, surrogate

from peers.torch_runner import TorchRunner
from peers.works import DECAY, KERNEL, POOL, THRESHOLD, Layer, Work

TEXT = "multi-step mode (step_mode='m'), LIFNode without input decay, surrogate SuperSpike, detached reset"
PACKAGES = ("spikingjelly", "torch")


def _lif(step_mode: str = "m") -> neuron.LIFNode:
    return neuron.LIFNode(
        tau=1 / (1 - DECAY), decay_input=False, v_threshold=THRESHOLD, v_reset=0.0,
        surrogate_function=surrogate.SuperSpike(alpha=1.0), detach_reset=True, step_mode=step_mode,
    )  # fmt: skip


class Recurrent(torch.nn.Module):
    """A layer with a dense link to itself."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.inward = layer.Linear(inputs, outputs, bias=False, step_mode="m")
        self.own = torch.nn.Linear(outputs, outputs, bias=False)
        self.neurons = _lif("s")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        spikes: list[torch.Tensor] = []
        for now in self.inward(x).unbind(0):
            spikes.append(self.neurons(now + self.own(spikes[-1]) if spikes else now))
        return torch.stack(spikes)


def _modules(one: Layer) -> list[torch.nn.Module]:
    if one.kind == "recurrent":
        return [Recurrent(one.inputs, one.outputs)]
    pool = [layer.MaxPool2d(POOL, POOL, step_mode="m")] if one.is_pooled else []
    if one.kind == "conv":
        return [*pool, layer.Conv2d(one.inputs, one.outputs, KERNEL, padding=KERNEL // 2, bias=False, step_mode="m"), _lif()]
    flat = [layer.Flatten(step_mode="m")] if one.is_pooled else []
    return [*pool, *flat, layer.Linear(one.inputs, one.outputs, bias=False, step_mode="m"), _lif()]


def _forward(net: torch.nn.Module) -> Callable[[torch.Tensor], torch.Tensor]:
    def forward(x: torch.Tensor) -> torch.Tensor:
        functional.reset_net(net)
        return net(x).sum(0)

    return forward


def prepare(work: Work, arrays: dict[str, np.ndarray], is_training: bool) -> TorchRunner:
    """The network, ready to run."""
    net = torch.nn.Sequential(*(module for one in work.layers for module in _modules(one)))
    weights = list(net.parameters())
    for weight, name in zip(weights, work.weights, strict=True):
        weight.data.copy_(torch.from_numpy(arrays[name]))
    return TorchRunner(_forward(net), weights, arrays, is_training)
