"""A graph executed with torch: layers over all time, islands in a loop over time; compiled where there is a kernel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from spaic.Backend.coupled import executed
from spaic.Backend.element import Element, by_owner, initial_parameters
from spaic.Backend.Torch.kernels import fused_cuda
from spaic.Backend.Torch.occasion import Occasion
from spaic.Backend.Torch.options import Options
from spaic.Backend.Torch.recompute import chunk_length, in_chunks, needs_gradient
from spaic.Backend.Torch.run import Run
from spaic.Backend.Torch.simulation.simulation_choice import described, longest, obstacle
from spaic.Backend.Torch.simulation.synapse_tables import Tables
from spaic.Backend.Torch.steps.primitives import PRIMITIVES
from spaic.Backend.whole_runs import demand_whole
from spaic.Dynamics.show import listing
from spaic.errors import UnknownName, UnsupportedError, nearest
from spaic.Graph.graph import Graph
from spaic.Graph.program import Program, Recordings, State
from spaic.Graph.schedule import Stage, schedule
from spaic.Graph.stream import Stream
from spaic.Graph.transforms import Dense, Junction, OneToOne, Scale, Sparse, Transform

Parameters = Mapping[str, Any]


class TorchProgram(Program):
    """Executes a graph with torch; differentiable in parameters, inputs and initial state.

    Parameters
    ----------
    graph : Graph
        A verified graph.
    device : torch.device
        Where to run.
    dtype : torch.dtype
        Of states and weights.
    options : Options
        How it is executed.
    """

    def __init__(self, graph: Graph, device: torch.device, dtype: torch.dtype, options: Options = Options()) -> None:  # noqa: B008  frozen
        options.check(graph)
        self.graph, self.device, self.dtype, self.options = graph, device, dtype, options
        self.schedule = schedule(graph)
        self.elements, self.synapses = executed(graph)
        self.within = frozenset(path for element in self.elements.values() for path in element.within)
        self.probed = frozenset(graph.sampling())
        self.differentiated = frozenset(p.reads for p in graph.probes if p.gradient)
        read = {o.reads for o in graph.outputs}
        is_cut = options.checkpoint_time is not None  # and put together again
        self.eventful = frozenset(p.reads for p in graph.probes if p.events and p.reads not in read and not is_cut)
        self.tables = Tables()
        self.seen: dict[str, str] = {}  # how links were multiplied in the last run, for people only
        self.last: Occasion | None = None  # what decided over the code of the last run, for people only

    def initial_parameters(self) -> dict[str, Any]:
        return initial_parameters(self.graph)

    def initial_state(self, parameters: Parameters, batch: int) -> State:
        arrays: dict[str, Tensor] = {}
        owned = by_owner(parameters)
        for element in (*self.elements.values(), *self.synapses.values()):
            own = element.own(owned)
            for name in element.step.states:
                value = element.initial_value(name, PRIMITIVES, own)
                start = value if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.float64, device=self.device)
                arrays[element.place(name)] = start.to(self.device, self.dtype).expand(batch, *element.shape)
        for link in self.graph.links:
            path, depth = f"{link.source}.history", self.schedule.depth[link.name]
            if depth > len(arrays.get(path, ())):
                shape = (depth, batch, *self.graph.shape(link.source_node))
                of_state = arrays.get(link.source)  # a state was what it is at the start
                zeros = torch.zeros(shape, device=self.device, dtype=self.dtype)
                arrays[path] = zeros if of_state is None else of_state.expand(shape)
        return State(0, batch, arrays)

    def run(self, parameters: Parameters, state: State, inputs: Mapping[str, Stream], steps: int) -> tuple[State, Recordings]:
        choice = self.options.checkpoint_time
        demand_whole(self.graph, state, steps)
        if choice is None or not torch.is_grad_enabled():
            return self._run(parameters, state, inputs, steps)
        length = chunk_length(choice, steps)
        if not needs_gradient(parameters, state, inputs, steps, length):
            return self._run(parameters, state, inputs, steps)
        if state.is_training and self.graph.statistics:
            path = min(self.graph.statistics).rpartition(".")[0]
            raise UnsupportedError(
                f"{path}: batch normalization needs all steps of a training run, but checkpoint_time={choice!r} gives it parts of them; "
                "leave one of them out"
            )
        if self.graph.whole_runs:
            path = min(self.graph.whole_runs)
            raise UnsupportedError(
                f"{path}: it mixes all steps of a run, but checkpoint_time={choice!r} gives it parts of them; leave one of them out"
            )
        if self.differentiated:
            path = min(self.differentiated)
            raise UnsupportedError(f"{path}: its gradient cannot be watched with checkpoint_time={choice!r}; leave one of them out")
        return in_chunks(self._run, parameters, state, inputs, steps, length)

    def _run(self, parameters: Parameters, state: State, inputs: Mapping[str, Stream], steps: int) -> tuple[State, Recordings]:
        run = Run(self, parameters, state, inputs, steps)
        for stage in self.schedule.stages:
            run.advance_stage(stage)
        self.last = Occasion.of(run)
        return run.finish()

    def longest(self, batch: int, inputs: Mapping[str, Stream]) -> int:
        if any(obstacle(self, stage) for stage in self.schedule.stages) or not all(s.is_constant for s in inputs.values()):
            return 0
        return longest(self, batch)

    def full(self, value: Any, shape: tuple[int, ...]) -> Tensor:
        """A result of a step, which may be one number for all, as a tensor of `shape`."""
        return torch.as_tensor(value, dtype=self.dtype, device=self.device).expand(shape)

    def is_fused(self, element: Element) -> bool:
        """Whether one kernel runs an element over all time; single gradients of a step are only seen in plain torch."""
        if self.options.kernels == "plain" or not (self.device.type == "cpu" or fused_cuda.is_usable(self.device)):
            return False
        return not any(p.rpartition(".")[0] == element.path for p in self.differentiated)

    def is_compiled(self, stage: Stage) -> bool:
        """Whether one kernel runs an island over all time."""
        inside = set(stage.populations)
        links = [k for name in inside for k in self.graph.arriving(name) if k.source_node in inside]
        elements = [self.elements[name] for name in inside] + [self.synapses[k.name] for k in links if k.name in self.synapses]
        is_simple = all(len(k.transforms) == 1 and _is_simple(k.transforms[0]) for k in links)
        return is_simple and all(self.is_fused(element) for element in elements)

    def source(self, path: str) -> str:
        """The code of the last run; before the first, that of one in which learners learn and the input changes in each step."""
        if path not in self.elements:
            raise UnknownName(f"{path}: no population has this path; {nearest(path, self.elements)}")
        element = self.elements[path]
        stage = next(s for s in self.schedule.stages if path in s.populations)
        if obstacle(self, stage) and not (self.is_compiled(stage) if stage.is_island else self.is_fused(element)):
            return listing(element.tape)
        from spaic.Backend.Torch.preview import texts  # it builds on this module

        return texts(self, self.last or Occasion.expected(self.graph)).get(path, listing(element.tape))

    def execution(self) -> list[str]:
        lines = []
        for stage in self.schedule.stages:
            names = ", ".join(stage.populations)
            if stage.is_island:
                how = "one compiled loop over time" if self.is_compiled(stage) else "plain torch, step by step"
            else:
                how = "one compiled pass over time" if self.is_fused(self.elements[names]) else "plain torch, step by step"
            lines.append(f"{names}: {described(self, stage, how)}")
        return lines + [f"{link}: {how}" for link, how in sorted(self.seen.items())]


def _is_simple(transform: Transform) -> bool:
    """Whether a compiled loop knows a transform."""
    is_scattered = isinstance(transform, Junction) and isinstance(transform.of, Sparse)
    return isinstance(transform, (Dense, Junction, OneToOne, Scale)) and not is_scattered
