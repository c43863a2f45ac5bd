"""Elements with random input for the tests of kernels in Triton, and what plain torch makes of them."""

import tempfile
from dataclasses import dataclass

import numpy as np
import pytest
import torch

import spaic
from spaic.Backend.element import Element
from spaic.Backend.Kernels.compiling import jit
from spaic.Backend.Kernels.text import triton_text
from spaic.Backend.Kernels.text.layer import Layer, plan
from spaic.Backend.Kernels.text.passes import Value
from spaic.Backend.Torch.kernels import fused_cuda
from spaic.Backend.Torch.steps.primitives import PRIMITIVES
from spaic.Backend.Torch.steps.tape import BoundTape
from spaic.Dynamics.names import arrival, normal_name
from spaic.registry import surrogates

triton = pytest.importorskip("triton", reason="Triton is not installed")
_FOLDER = tempfile.TemporaryDirectory(prefix="spaic-triton-")

DT, FIRST = 0.5, 3
#: Every operation that no model of the library has, the time, noise, and a value for a condition without end.
EVERYTHING = spaic.NeuronModel(
    name="everything",
    equations="""
        dV/dt = (-V + I * tanh(k * V) + s * xi) / tau
        dU/dt = (sigmoid(V) - U + expm1(U / 9) + exprel(V / 7)) / tau
        W := clip(sqrt(abs(V) + 1) * log(2 + U * U), 0.1, 3) + sin(t / 5) * cos(V) - tan(V / 9) * sign(V)
        Z := where((V > 0.2 and not U < 0.1) or W >= 2, abs(V) ** k, max(min(V, U), -1)) + Z / 3
    """,
    receive="V += w",
    spike="V > 1",
    reset="V = V_reset; U += 0.1",
    initial={"V": 0.3, "U": "k"},
    parameters={"tau": 10.0, "k": 0.7, "s": 0.2, "V_reset": 0.1},
    method="euler",
)


@dataclass
class Case:
    """An element with random input, and gradients that come in."""

    model: object
    dtype: torch.dtype
    is_per_neuron: bool = False
    batch: int = 2
    size: int = 7
    steps: int = 4
    is_constant: bool = False
    surrogate: str = "sigmoid"
    reset_gradient: bool = True
    device: str = "cpu"

    def __post_init__(self):
        model = self.model
        is_neuron = isinstance(model, spaic.NeuronModel)
        ports = frozenset(model.ports if is_neuron else model.ports[:1])
        wanted = {"O", model.states[0], f"{model.states[0]}_before_reset"} if is_neuron else {model.output}
        learned = frozenset(model.parameters) if self.is_per_neuron else frozenset()
        self.element = Element(
            "cells", (self.size,), model, {"t_ref": 1.0} if "t_ref" in model.parameters else {}, {}, model.method, ports, learned,
            surrogates[self.surrogate] if is_neuron else None, self.reset_gradient, frozenset(wanted), 0,
        )  # fmt: skip
        self.rng = np.random.default_rng(1)
        own = {k: self.parameter(v) for k, v in self.element.parameters.items()}
        self.bound = BoundTape(self.element, own, DT, self.dtype)
        self.layer, self.width = self.plan(), self.batch * self.size
        self.given = self.sources(own)

    def parameter(self, value):
        if not self.is_per_neuron:
            return torch.from_numpy(value).to(self.device)
        spread = value * (1 + 0.1 * self.rng.random(self.size))
        return torch.from_numpy(spread).to(self.device).requires_grad_()

    def plan(self) -> Layer:
        element, step = self.element, self.element.step
        arrays = {slot for slot, v in enumerate(self.bound.slots) if isinstance(v, torch.Tensor)}
        recorded = tuple(sorted(v for v in element.tape.outputs if v in element.wanted))
        return plan(
            element.model.name, element.tape, step.states, step.ports, step.noises, recorded, frozenset(arrays),
            frozenset(arrays if self.is_per_neuron else ()), frozenset(step.ports if self.is_constant else ()), element.surrogate, True,
        )  # fmt: skip

    def random(self, rows, scale=1.0):
        return torch.from_numpy(scale * self.rng.normal(size=(rows, self.width))).to(self.device, self.dtype)

    def sources(self, own):
        """What the kernel reads: input from nothing at all to far too much."""
        found, shape = {}, (self.batch, self.size)
        for port in self.layer.ports:
            amount = self.random(1 if self.is_constant else self.steps, 0.2) + (0.3 if port not in self.element.model.currents else 8.0)
            amount.view(-1, *shape)[:, 0, 0] = 0
            amount.view(-1, *shape)[:, -1, -1] *= 1000
            found[Value("arrival", port, not self.is_constant)] = amount
        found |= {Value("normal", x, True): self.random(self.steps) for x in self.layer.noises}
        for slot in self.layer.arrays:
            value = self.bound.slots[slot].detach().to(self.dtype).expand(shape)
            found[Value("parameter", str(slot), False)] = value.reshape(1, -1).contiguous()
        for state in self.layer.states:
            start = torch.as_tensor(self.element.initial_value(state, PRIMITIVES, own), dtype=self.dtype, device=self.device)
            found[Value("start", state, False)] = (start.detach().expand(shape).reshape(1, -1) + self.random(1, 0.01)).contiguous()
        return found

    def seeds(self):
        seeds = {Value("gradient_end", s, False): self.random(1) for s in self.layer.moving}
        return seeds | {Value("gradient", v, True): self.random(self.steps) for v in self.layer.recorded}

    def module(self):
        if self.device != "cpu":
            return fused_cuda.kernels(self.layer, self.dtype)
        text = triton_text.source(self.layer, str(self.dtype).rpartition(".")[2])
        return interpreted(text)

    def run(self, name, known, **launch):
        """`known` and what a kernel wrote."""
        way, made = getattr(self.layer, name), dict(known)
        for value in way.values:
            if value not in made:
                size = (self.steps if value.over_time else 1, self.width)
                made[value] = torch.full(size, 7, dtype=torch.uint8 if value.is_byte else self.dtype, device=self.device)
        scalars = [self.bound.slots[s] for s in self.layer.scalars]
        fused_cuda.run(getattr(self.module(), name), way, made, scalars, self.steps, FIRST, DT, self.width, **launch)
        return made

    def plainly(self, seeds):
        """Results and gradients of plain torch."""
        leaves = {v: x.clone().requires_grad_(v.role != "normal") for v, x in self.given.items()}
        for value, x in leaves.items():
            if value.role == "parameter":
                self.bound.slots[int(value.name)] = x[0]
        states = {s: leaves[Value("start", s, False)][0] for s in self.layer.states}
        made = {Value("result", v, True): [] for v in self.layer.recorded}
        for n in range(self.steps):
            names = {"arrival": arrival, "normal": normal_name}
            outside = {names[v.role](v.name): x[min(n, len(x) - 1)] for v, x in leaves.items() if v.role in names}
            values = self.bound.step({**states, **outside, "t": (FIRST + n) * DT})
            states = {s: values[s] for s in states}
            for value, rows in made.items():
                rows.append(torch.as_tensor(values[value.name]).expand(self.width))
        found = {v: torch.stack(rows) for v, rows in made.items()}
        found |= {Value("end", s, False): x.expand(self.width)[None] for s, x in states.items()}
        ends = {Value("end", v.name, False) if v.role == "gradient_end" else Value("result", v.name, True): g for v, g in seeds.items()}
        loss = sum((found[v] * g).sum() for v, g in ends.items() if found[v].requires_grad)
        gradients = torch.autograd.grad(loss, [x for x in leaves.values() if x.requires_grad], allow_unused=True)
        wanted = [v for v, x in leaves.items() if x.requires_grad]
        return found, {Value(f"to_{v.role}", v.name, v.over_time): g for v, g in zip(wanted, gradients, strict=True)}


def interpreted(text):
    """A module that runs on the CPU; its file is not left in the user's cache."""
    with triton.knobs.runtime.scope(), pytest.MonkeyPatch.context() as patch:
        triton.knobs.runtime.interpret = True
        patch.setenv("SPAIC_CACHE", _FOLDER.name)
        return jit.load(f"{text}\n# for the interpreter\n", "interpreted")
