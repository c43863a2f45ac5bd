"""The matrix products alone: what a dense implementation cannot go below.

Forward and the gradients of all weights, with results written into the same memory in every step. No gradient of the input, no neurons,
no loss, no optimizer. The recurrent link has one product per step, forward and back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch.nn import functional as F

from peers.works import KERNEL, POOL, Layer, Work

TEXT = "the dense matrix products (convolutions) of forward and backward, without anything else"
PACKAGES = ("torch",)


class Products:
    """The products of a work on spikes of the same activity as the input."""

    def __init__(self, work: Work, arrays: dict[str, np.ndarray], is_training: bool) -> None:
        self.x = [torch.from_numpy(x).float() for x in arrays["x"]]
        self.is_training = is_training
        rng = torch.Generator().manual_seed(1)
        self.layers = list(_layers(work, arrays, rng))

    def step(self, i: int) -> None:
        """All products once."""
        with torch.no_grad():
            x = self.x[i].flatten(0, 1)
            for number, (forward, backward, spikes) in enumerate(self.layers):
                forward(x)
                if self.is_training:
                    backward(x, number > 0)
                x = spikes


def _layers(work: Work, arrays: dict[str, np.ndarray], rng: torch.Generator) -> Iterator[tuple[Callable, Callable, torch.Tensor]]:
    """Per layer: its forward and its backward products, and the spikes that it hands on."""
    side = work.shape[-1]
    for i, layer in enumerate(work.layers):
        side = side // POOL if layer.is_pooled else side
        shape = (layer.outputs, side, side) if layer.kind == "conv" else (layer.outputs,)
        out = torch.rand((work.steps * work.batch, *shape), generator=rng)
        spikes = (out < (work.activity or 0.1)).float()
        if i + 1 < len(work.layers) and work.layers[i + 1].is_pooled:
            spikes = F.max_pool2d(spikes, POOL)
        spikes = spikes.flatten(1) if i + 1 < len(work.layers) and work.layers[i + 1].kind != "conv" else spikes
        weight = torch.from_numpy(arrays[f"w{i}"])
        if layer.kind == "conv":
            yield *_convolution(weight, out), spikes
        else:
            recurrent = torch.from_numpy(arrays[f"r{i}"]) if layer.kind == "recurrent" else None
            yield *_dense(layer, weight, recurrent, out, spikes, work.steps), spikes


def _dense(
    layer: Layer, weight: torch.Tensor, recurrent: torch.Tensor | None, grad: torch.Tensor, spikes: torch.Tensor, steps: int
) -> tuple[Callable, Callable]:
    """Products of a dense layer, and those of its recurrent link."""
    current, grad_weight = torch.empty_like(grad), torch.empty_like(weight)
    grad_x = torch.empty(len(grad), layer.inputs)
    own_spikes, own_current, own_grad = (t.view(steps, -1, layer.outputs) for t in (spikes, current, grad))

    def forward(x: torch.Tensor) -> None:
        torch.mm(x, weight.T, out=current)
        if recurrent is not None:
            for t in range(1, steps):
                torch.mm(own_spikes[t - 1], recurrent.T, out=own_current[t])

    def backward(x: torch.Tensor, is_inner: bool) -> None:
        torch.mm(grad.T, x, out=grad_weight)
        if is_inner:
            torch.mm(grad, weight, out=grad_x)
        if recurrent is not None:
            for t in range(1, steps):
                torch.mm(own_grad[t], recurrent, out=own_current[t - 1])
            torch.mm(own_grad[1:].flatten(0, 1).T, own_spikes[:-1].flatten(0, 1))

    return forward, backward


def _convolution(weight: torch.Tensor, grad: torch.Tensor) -> tuple[Callable, Callable]:
    """A convolution, and its gradients."""
    padding = [KERNEL // 2] * 2

    def forward(x: torch.Tensor) -> None:
        F.conv2d(x, weight, padding=KERNEL // 2)

    def backward(x: torch.Tensor, is_inner: bool) -> None:
        wanted = [is_inner, True, False]
        torch.ops.aten.convolution_backward(grad, x, weight, None, [1, 1], padding, [1, 1], False, [0, 0], 1, wanted)

    return forward, backward


def prepare(work: Work, arrays: dict[str, np.ndarray], is_training: bool) -> Products:
    """The products, ready to run."""
    return Products(work, arrays, is_training)
