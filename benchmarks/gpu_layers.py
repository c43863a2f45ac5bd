"""A layer of neurons on a GPU: in our kernels, in plain torch, in SpikingJelly's."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

import spaic  # noqa: F401  it registers the models
from spaic.Backend.element import Element
from spaic.Backend.Torch.kernels import fused, fused_cuda
from spaic.Backend.Torch.steps.primitives import PRIMITIVES
from spaic.Backend.Torch.steps.tape import BoundTape
from spaic.Dynamics.names import arrival
from spaic.registry import neurons, surrogates

os.environ.setdefault("SJ_LIF_CUDA_IMPLEMENTATION", "triton")  # read when SpikingJelly is imported

#: The leak of SpikingJelly's LIF for one step, and the time constant that gives ours the same.
TAU = 20.0
TAU_M = -1.0 / math.log(1.0 - 1.0 / TAU)


@dataclass(frozen=True)
class Work:
    """How many neurons run how long."""

    name: str
    steps: int
    batch: int
    neurons: int


WORKS = (
    Work("784-100-10, hidden layer", 50, 100, 100),
    Work("784-800-10, hidden layer", 50, 100, 800),
    Work("784-800-10, hidden layer, T 200", 200, 100, 800),
    Work("Open Neuromorphic, n 4096", 500, 16, 4096),
    Work("convolution, 64 maps of 28 x 28", 8, 128, 64 * 28 * 28),
)


class Layer:
    """A layer of neurons with random input, the same for all."""

    def __init__(self, model: str, work: Work, device: torch.device) -> None:
        self.work, self.device, declared = work, device, neurons[model]
        given = {"tau_m": TAU_M} if model == "lif" else {}
        self.element = Element(
            "cells", (work.neurons,), declared, given, {}, declared.method, frozenset(declared.ports[:1]), frozenset(),
            surrogates["atan"], False, frozenset({"O"}), 0,
        )  # fmt: skip
        self.own = {k: torch.from_numpy(v) for k, v in self.element.parameters.items()}
        self.states = {s: self.start(s) for s in self.element.step.states}
        random = torch.Generator(device).manual_seed(0)
        size = (work.steps, work.batch, work.neurons)
        scale = 0.2 if declared.ports[0] not in declared.currents else 20.0
        self.input = scale * torch.rand(size, generator=random, device=device)
        self.gradient = torch.randn(size, generator=random, device=device)

    def start(self, state: str) -> Tensor:
        value = torch.as_tensor(self.element.initial_value(state, PRIMITIVES, self.own), dtype=torch.float32, device=self.device)
        return value.expand(self.work.batch, self.work.neurons)

    def bound(self) -> BoundTape:
        return BoundTape(self.element, self.own, 1.0, torch.float32)

    def ours(self) -> Tensor:
        """Forward and backward in two kernels; the spikes."""
        (port,), x = self.element.step.ports, self.input.requires_grad_()
        x.grad = None
        times = fused.Times(0, self.work.steps, 1.0)
        results, _ = fused.advance(self.element, self.bound(), {port: x}, None, self.states, times, self.work.batch)
        spikes = results["O"].floats(torch.float32)
        spikes.backward(self.gradient)
        return spikes.detach()

    def plain(self) -> Tensor:
        """The same in plain torch, step by step."""
        (port,), x, bound, states = self.element.step.ports, self.input.requires_grad_(), self.bound(), self.states
        x.grad, spikes = None, []
        for n, now in enumerate(x.unbind(0)):
            values = bound.step({**states, arrival(port): now, "t": float(n)})
            states = {s: values[s] for s in states}
            spikes.append(values["O"])
        made = torch.stack(spikes)
        made.backward(self.gradient)
        return made.detach()


def theirs(layer: Layer) -> Callable[[], Tensor] | None:
    """SpikingJelly's LIF on the same input; None if it is not installed."""
    try:
        from spikingjelly.activation_based import functional, neuron, surrogate
    except ImportError as error:
        print(f"SpikingJelly is left out ({error}); the head of this file says how to install it")
        return None
    cells = neuron.LIFNode(TAU, False, 1.0, 0.0, surrogate.ATan(2.0), True, step_mode="m")

    def run() -> Tensor:
        functional.reset_net(cells)
        x = layer.input.requires_grad_()
        x.grad = None
        spikes: Tensor = cells(x)
        spikes.backward(layer.gradient)
        return spikes.detach()

    return run


def passes(layer: Layer) -> Iterator[tuple[str, Callable[..., None], int]]:
    """Forward and backward: a function that runs nothing but the kernel, and the bytes that it moves."""
    (port,), work, bound = layer.element.step.ports, layer.work, layer.bound()
    prepared = fused.Prepared(layer.element, bound, None, work.batch, True)
    plan, dtype = prepared.layer, torch.float32
    module = fused_cuda.kernels(plan, dtype)
    known = {v: prepared.flat(x) for v, x in prepared.sources(layer.states, {port: layer.input}).items()}
    for name, way in (("forward", plan.forward), ("backward", plan.backward)):
        for value in way.values:
            size = (work.steps if value.over_time else 1, prepared.width)
            if value not in known and value.role.startswith("gradient"):
                known[value] = prepared.flat(layer.gradient) if value.over_time else torch.zeros(size, device=layer.device)
            elif value not in known:
                known[value] = torch.empty(size, dtype=torch.uint8 if value.is_byte else dtype, device=layer.device)
        scalars = prepared.scalars.tolist()
        run = partial(fused_cuda.run, getattr(module, name), way, known, scalars, work.steps, 0, 1.0, prepared.width)
        yield name, run, sum(known[value].numel() * known[value].element_size() for value in way.values)
