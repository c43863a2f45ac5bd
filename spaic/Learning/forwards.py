"""A program that computes gradients forwards in time, step by step, next to what it runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from spaic.Backend.Plastic.program import with_plasticity
from spaic.Backend.Torch.arithmetic import TorchArithmetic
from spaic.Backend.Torch.backend import Torch_Backend
from spaic.Backend.Torch.options import Options
from spaic.Backend.Torch.program import TorchProgram
from spaic.errors import InputError, UnsupportedError
from spaic.Graph.graph import Graph, Probe
from spaic.Graph.program import Program, Recordings, State
from spaic.Graph.stream import Stream

#: What a decoder reads in one step, or path -> that where several variables are read, and the number of the step -> the error.
StepLoss = Callable[[Any, int], Tensor]


@dataclass(frozen=True)
class Moment:
    """One step, with the graph that autograd has of it.

    Attributes
    ----------
    before, after : mapping of str to Tensor
        Path -> state at the start of the step, a leaf, and at its end.
    extra : mapping of str to Tensor
        Other leaves that were put in: :meth:`Sensitivity.leaves`.
    seen : mapping of str to Tensor
        Path -> value in this step, ``[batch, *shape]``.
    loss : Tensor
        The error of this step.
    """

    before: Mapping[str, Tensor]
    after: Mapping[str, Tensor]
    extra: Mapping[str, Tensor]
    seen: Mapping[str, Tensor]
    loss: Tensor


class Sensitivity(ABC):
    """How states depend on parameters, carried along from step to step.

    Attributes
    ----------
    gradients : dict of str to Tensor
        Path of a parameter -> gradient of the errors so far.
    """

    gradients: dict[str, Tensor]

    def prepared(self, graph: Graph) -> Graph:
        """`graph` as it has to be for this."""
        return graph

    @abstractmethod
    def leaves(self, parameters: Mapping[str, Any], batch: int) -> dict[str, Tensor]:
        """Parameters of a step, by path, that derivatives are taken of."""

    @abstractmethod
    def step(self, moment: Moment) -> None:
        """Take over one step: first the gradient of its error, then how the states depend on the parameters now."""


class ForwardProgram(Program):
    """Runs a graph step by step, without keeping any step, and has a sensitivity look at each.

    Parameters
    ----------
    graph : Graph
        What is run.
    backend : Torch_Backend
        Device and number type.
    sensitivity : Sensitivity
        Computes the gradients.
    loss : callable
        The error of one step.
    path : str
        Of the learner, for messages.
    reads : sequence of str, optional
        Paths of what the loss gets, always as a mapping; by default what decoders read.
    """

    def __init__(
        self,
        graph: Graph,
        backend: Torch_Backend,
        sensitivity: Sensitivity,
        loss: StepLoss,
        path: str,
        reads: Sequence[str] | None = None,
    ) -> None:
        self.graph, self.sensitivity, self.loss, self.path = graph, sensitivity, loss, path
        self.total = 0.0
        self._check(graph)
        if reads is None and not graph.outputs:
            raise UnsupportedError(f"{path}: no decoder reads anything, so there is no error; add a spaic.Decoder")
        self.reads = tuple(reads or sorted({o.reads for o in graph.outputs}))
        self.is_single = reads is None and len(self.reads) == 1
        self.wanted = graph.sampling()
        probes = tuple(Probe(reads) for reads in sorted({*self.wanted, *self.reads, *(k.source for k in graph.links)}))
        device, dtype = backend.torch_device, backend.torch_dtype
        self.inner = with_plasticity(
            sensitivity.prepared(replace(graph, probes=probes)),
            lambda g: TorchProgram(g, device, dtype, Options(kernels="plain")),
            TorchArithmetic(device, dtype),
        )

    def initial_parameters(self) -> dict[str, Any]:
        return self.inner.initial_parameters()

    def initial_state(self, parameters: Mapping[str, Any], batch: int) -> State:
        return self.inner.initial_state(parameters, batch)

    def source(self, path: str) -> str:
        return self.inner.source(path)

    def run(self, parameters: Mapping[str, Any], state: State, inputs: Mapping[str, Stream], steps: int) -> tuple[State, Recordings]:
        parts: list[Recordings] = []
        measured: dict[str, Any] = {}
        for _ in range(steps):
            state, seen = self._step({**parameters, **measured}, state, inputs)
            measured |= state.statistics
            parts.append({k: v for k, v in seen.items() if k in self.wanted and state.step % self.wanted[k] == 0})
        return replace(state, statistics=measured), {path: _joined(path, parts, seen) for path in self.wanted}

    def _step(self, parameters: Mapping[str, Any], state: State, inputs: Mapping[str, Stream]) -> tuple[State, Recordings]:
        before = {k: v.detach().requires_grad_() for k, v in state.arrays.items()}
        extra = self.sensitivity.leaves(parameters, state.batch)
        fixed = {k: v.detach() if isinstance(v, Tensor) else v for k, v in parameters.items()}
        with torch.enable_grad():
            after, seen = self.inner.run({**fixed, **extra}, replace(state, arrays=before), inputs, 1)
            now = {path: values[0] for path, values in seen.items()}
            loss = self._error({path: now[path] for path in self.reads}, state.step)
            self.sensitivity.step(Moment(before, after.arrays, extra, now, loss))
        self.total += float(loss.detach())
        return replace(after, arrays={k: v.detach() for k, v in after.arrays.items()}), {k: v.detach() for k, v in seen.items()}

    def _error(self, values: Mapping[str, Tensor], step: int) -> Tensor:
        loss = self.loss(values[self.reads[0]] if self.is_single else values, step)
        if not isinstance(loss, Tensor) or loss.shape != () or not bool(loss.isfinite()):
            shown = f"a tensor of shape {tuple(loss.shape)}" if isinstance(loss, Tensor) and loss.shape != () else repr(loss)
            raise InputError(f"{self.path}.learn: in step {step} the loss is {shown}; let it return one finite number, as a tensor")
        return loss

    def _check(self, graph: Graph) -> None:
        if graph.statistics:
            link = min(graph.statistics).rpartition(".")[0]
            raise UnsupportedError(f"{link}: batch normalization needs all steps of a run, {self.path} has one at a time; leave one out")
        watched = [p.reads for p in graph.probes if p.gradient]
        if watched:
            raise UnsupportedError(f"{watched[0]}: its gradient is not there in a forward run of {self.path}; remove the monitor of it")


def _joined(path: str, parts: list[Recordings], last: Recordings) -> Tensor:
    found = [part[path] for part in parts if path in part]
    return torch.cat(found) if found else last[path][:0]
