"""Which stages of a graph are simulated by events, and why the others are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from spaic.Backend.Torch.firing.spikes import Spikes
from spaic.Dynamics.kinds import NUMBER, kinds
from spaic.Graph.links import Link
from spaic.Graph.nodes import Input, Population
from spaic.Graph.schedule import Stage
from spaic.Graph.stream import Stream
from spaic.Graph.transforms import Dense, OneToOne, Sparse

if TYPE_CHECKING:
    from spaic.Backend.Torch.program import TorchProgram
    from spaic.Backend.Torch.run import Run


_NOT_SPARSE = "no connection is sparse"
#: Steps at a time, spikes that there is room for (memory that is not touched costs nothing), and numbers that are recorded.
_STEPS, _ROOM, _NUMBERS = 1 << 16, 1 << 27, 1 << 23


def obstacle(program: TorchProgram, stage: Stage) -> str:
    """Why a stage cannot be simulated by events; nothing if it can, in runs without gradients.

    Parameters
    ----------
    program : TorchProgram
        Whose graph it is of.
    stage : Stage
        Some populations.
    """
    links = [k for name in stage.populations for k in program.graph.arriving(name)]
    if not any(_is_sparse(k) for k in links):
        return _NOT_SPARSE
    return hindrance(program, stage)


def hindrance(program: TorchProgram, stage: Stage, learned: frozenset[str] = frozenset()) -> str:
    """What forbids to pass on events between some populations, of which some links are `learned` by rules; nothing if they may."""
    links = [k for name in stage.populations for k in program.graph.arriving(name)]
    if program.options.kernels == "plain" or program.device.type != "cpu":
        return "events are for kernels='auto' on the CPU"
    within = [path for name in stage.populations for path in program.elements[name].within]
    if within:
        return f"the synapse of {within[0]} reads the state of its target"
    if any(not program.is_fused(program.elements[name]) for name in stage.populations):
        return "a gradient is watched"
    found = [reason for k in links if k.source_node in stage.populations and (reason := _of_link(program, k, k.name in learned))]
    return found[0] if found else ""


def _of_link(program: TorchProgram, link: Link, is_learned: bool) -> str:
    """Why a link inside a stage cannot pass on events."""
    if link.delay_limit is not None:
        return f"{link.name} learns its delay"
    if len(link.transforms) != 1 or not isinstance(link.transforms[0], (Sparse, Dense, OneToOne)):
        return f"{link.name} is neither sparse, full nor one-to-one"
    if isinstance(program.schedule.delays[link.name], np.ndarray) and not _is_sparse(link) and not is_learned:
        return f"{link.name} has a delay per synapse and is not sparse"
    if f"{link.name}.current" in program.probed:
        return f"the current of {link.name} is recorded"
    tape = program.elements[link.source_node].tape
    return (
        f"{link.name} carries {link.variable}, which is no spike" if kinds(tape).get(tape.outputs[link.variable], NUMBER) == NUMBER else ""
    )


def described(program: TorchProgram, stage: Stage, how: str) -> str:
    """How a stage runs, for people; `how` is the way where it is not simulated by events."""
    reason = obstacle(program, stage)
    if not reason:
        return f"without gradients one compiled loop over time that passes on spikes as events; with gradients {how}"
    return how if reason == _NOT_SPARSE else f"{how}; spikes are not passed on as events: {reason}"


def passes_events(run: Run, link: Link, stage: Stage) -> bool:
    """Whether a link into a stage passes on events; if not, what it brings is made for all steps first."""
    if link.source_node in stage.populations:
        return True
    if not _is_sparse(link) or link.delay_limit is not None or f"{link.name}.current" in run.program.probed:
        return False
    if isinstance(run.program.graph.by_name[link.source_node], Input):
        return is_spiking(run.signals.inputs[link.source])
    return isinstance(run.signals.values(link.source), Spikes)


def is_spiking(stream: Stream) -> bool:
    """Whether an input is spikes that come and go."""
    return bool(stream.is_spiking) and not stream.is_constant


def gradient_flows(run: Run, stage: Stage) -> bool:
    """Whether a gradient may flow through a stage in this run."""
    if not torch.is_grad_enabled():
        return False
    links = [k for name in stage.populations for k in run.program.graph.arriving(name)]
    owners = {*stage.populations, *(k.name for k in links)}
    arrays = [v for k, v in run.arrays.items() if k.removesuffix(".history").rpartition(".")[0] in owners]
    arrays += [v for owner in owners for v in run.owned.get(owner, {}).values()]
    arrays += [x for k in links if k.source_node not in stage.populations for x in _carried(run, k)]
    return any(isinstance(x, Tensor) and x.requires_grad for x in arrays)


def longest(program: TorchProgram, batch: int) -> int:
    """The most steps of a simulation at a time: as many as there is room for spikes, records and noise."""
    graph, width, most = program.graph, 0.0, 1.0
    for population in graph.populations:
        most += population.size
        width += population.size * len(program.elements[population.name].step.noises)
    spikes = set(program.eventful)
    for path, every in graph.sampling().items():
        node = graph.by_name.get(path.rpartition(".")[0])
        if path not in spikes and isinstance(node, Population):
            width += node.size / every
    return max(1, int(min(_STEPS, _ROOM / most, _NUMBERS / (batch * width) if width else _STEPS)))


def _carried(run: Run, link: Link) -> list[Tensor]:
    """What gradient may flow to at the source of a link."""
    constant = run.signals.constant(link.source)
    values = run.signals.values(link.source) if constant is None else constant
    if isinstance(values, Spikes):
        return [] if values.carrier is None else [values.carrier]
    return [values]


def _is_sparse(link: Link) -> bool:
    return len(link.transforms) == 1 and isinstance(link.transforms[0], Sparse)
