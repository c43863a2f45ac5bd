"""The generated code of a run without running it: the way of a run, with zeros in place of what kernels would compute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from spaic.Backend.element import Element
from spaic.Backend.Kernels.text.layer import Layer
from spaic.Backend.Torch.kernels.compiled_island import CompiledIsland
from spaic.Backend.Torch.kernels.fused import text
from spaic.Backend.Torch.kernels.prepared import Prepared, numpy_name
from spaic.Backend.Torch.occasion import Occasion
from spaic.Backend.Torch.program import TorchProgram
from spaic.Backend.Torch.run import Run
from spaic.Backend.Torch.simulation.simulated import Simulated
from spaic.Backend.Torch.steps.tape import BoundTape
from spaic.Graph.program import State
from spaic.Graph.schedule import Stage
from spaic.Graph.stream import Stream


def texts(program: TorchProgram, occasion: Occasion) -> dict[str, str]:
    """Population or synapse with a kernel -> the text that runs on such an occasion."""
    with torch.set_grad_enabled(occasion.has_gradient):
        preview = Preview(program, occasion)
        for stage in program.schedule.stages:
            preview.advance_stage(stage)
    return preview.texts


class Preview(Run):
    """A run of one sample for at most two steps that calls no kernel.

    Parameters
    ----------
    program : TorchProgram
        What runs.
    occasion : Occasion
        What the run is like.
    """

    def __init__(self, program: TorchProgram, occasion: Occasion) -> None:
        steps = min(occasion.steps, 2)
        inputs = {x.name: _Zeros(x.shape, *occasion.inputs.get(f"{x.name}.O", (False, False))) for x in program.graph.inputs}
        parameters = {k: _ones(program, *v) if isinstance(v, tuple) else v for k, v in occasion.parameters.items()}
        with torch.no_grad():
            start = program.initial_state(parameters, 1)
        arrays = {k: v.detach().requires_grad_(k in occasion.states) for k, v in start.arrays.items()}
        state: State = replace(start, arrays=arrays, is_training=False)
        super().__init__(program, parameters, state, inputs, steps)
        self.texts: dict[str, str] = {}

    def product(self, name: str) -> Tensor:
        return self.deliveries[name].over_time(self.signals)

    def advance_fused(self, element: Element, tape: BoundTape, arriving: Mapping[str, Tensor]) -> None:
        states = (self.arrays[element.place(s)] for s in element.step.states)
        involved = (*arriving.values(), *states, *(v for v in tape.slots if isinstance(v, Tensor)))
        is_differentiated = torch.is_grad_enabled() and any(x.requires_grad for x in involved)
        constant = frozenset(p for p, x in arriving.items() if len(x) == 1 and self.steps > 1)
        layer = Prepared(element, tape, None, self.batch, is_differentiated, constant, device=self.program.device).layer
        self.texts[element.path] = text(layer, numpy_name(self.program.dtype), self.program.device.type)
        self._blank(element, layer)

    def island(self, stage: Stage) -> None:
        if not self.program.is_compiled(stage):
            super().island(stage)
            return
        loop = CompiledIsland(self, stage)
        self.gather(loop, lambda link: self.delivered(link.name))
        call = loop.call()
        for name in call.members:
            self.texts[name] = call.text
        for name, member in call.members.items():
            self._blank(loop.elements.get(name) or self.program.elements[name], member.prepared.layer)

    def simulate(self, simulated: Simulated) -> None:
        self.gather_events(simulated)
        call = simulated.call()
        for name, element in call.elements.items():
            self.texts[name] = call.text
            self._blank(element, call.prepared[name].layer)

    def _blank(self, element: Element, layer: Layer) -> None:
        """Zeros for what others read, that require a gradient where the results of the kernel would."""
        for variable in layer.recorded:
            zeros = torch.zeros((self.steps, self.batch, *element.shape), dtype=self.program.dtype, device=self.program.device)
            self.signals[element.place(variable)] = zeros.requires_grad_(layer.back is not None and variable in layer.seeds)


class _Zeros(Stream):
    """Input that is 0."""

    def __init__(self, shape: tuple[int, ...], is_constant: bool, requires_grad: bool) -> None:
        self.batch, self.shape, self.is_constant, self.requires_grad = 1, shape, is_constant, requires_grad

    def chunk(self, start: int, stop: int) -> Tensor:
        return torch.zeros((stop - start, self.batch, *self.shape), device="cpu").requires_grad_(self.requires_grad)


def _ones(program: TorchProgram, shape: tuple[int, ...], requires_grad: bool) -> Tensor:
    return torch.ones((), dtype=program.dtype, device=program.device).expand(shape).requires_grad_(requires_grad)
