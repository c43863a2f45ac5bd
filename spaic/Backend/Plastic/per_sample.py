"""Samples that learn each for itself: every one has weights of its own during a run, whose mean is what was learned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from spaic.Backend.Plastic.arithmetic import Arithmetic
from spaic.Backend.Plastic.at_work import RuleAtWork
from spaic.errors import UnsupportedError
from spaic.Graph.graph import Graph
from spaic.Graph.plasticity import PER_SAMPLE
from spaic.Graph.program import Recordings, State
from spaic.Graph.stream import Stream
from spaic.Graph.transforms import BatchNorm, Dropout

#: Runs a network with its rules: parameters, state, inputs, steps.
Learning = Callable[[Mapping[str, Any], State, Mapping[str, Stream], int], tuple[State, Recordings]]


def is_per_sample(rules: list[RuleAtWork]) -> bool:
    """Whether the rules of a network are to learn from each sample alone."""
    wanted = [rule.plasticity.reduction == PER_SAMPLE for rule in rules]
    if any(wanted) and not all(wanted):
        one, other = (next(r.link.name for r, is_wanted in zip(rules, wanted, strict=True) if is_wanted is w) for w in (True, False))
        raise UnsupportedError(
            f"{one}: reduction='per_sample' takes each sample through time alone, and {other} learns from all of them together; give "
            "all learners the same"
        )
    return all(wanted)


def demand_separable(graph: Graph, rules: list[RuleAtWork], batch: int) -> None:
    """Refuse a batch whose samples cannot go through time one after the other."""
    why = {p.name: "noise" for p in graph.populations if p.model.noises}
    why |= {k.name: "noise" for k in graph.links if k.synapse is not None and k.synapse.model.noises}
    why |= {k.name: "dropout" for k in graph.links if any(isinstance(t, Dropout) for t in k.transforms)}
    why |= {k.name: "batch normalization" for k in graph.links if any(isinstance(t, BatchNorm) for t in k.transforms)}
    why |= {p.reads: "a gradient that is watched" for p in graph.probes if p.gradient}
    if why:
        path = min(why)
        raise UnsupportedError(
            f"{rules[0].link.name}: reduction='per_sample' takes {batch} samples through time one by one, and {path} has {why[path]}, "
            "which belongs to the batch as a whole; use 'mean' or 'sum', or run one sample at a time"
        )


def deviations(rules: list[RuleAtWork], arithmetic: Arithmetic, batch: int) -> dict[str, Any]:
    """Path -> what the weights of each sample differ by from those of the network, at the start."""
    return {deviation(r): arithmetic.full((batch, *r.layout.shape), 0.0) for r in rules}


def deviation(rule: RuleAtWork) -> str:
    """Path of what the weights of a sample differ by."""
    return f"{rule.link.name}.deviation"


def each_sample(
    learn: Learning,
    rules: list[RuleAtWork],
    arithmetic: Arithmetic,
    parameters: Mapping[str, Any],
    state: State,
    inputs: Mapping[str, Stream],
    steps: int,
) -> tuple[State, Recordings]:
    """One sample after the other, each with its own weights, and all of them as one again."""
    away = {r.path: state.arrays[deviation(r)] for r in rules}
    kept = {k: v for k, v in state.arrays.items() if k not in {deviation(r) for r in rules}}
    known = {k: _values(v, state.step, steps) for k, v in inputs.items()}
    done = []
    for b in range(state.batch):
        own = {**parameters, **{path: parameters[path] + values[b] for path, values in away.items()}}
        alone = replace(state, batch=1, arrays={k: v[:, b : b + 1] if _is_past(k) else v[b : b + 1] for k, v in kept.items()})
        done.append(learn(own, alone, {k: _OfSample(s, known[k], state.step, b) for k, s in inputs.items()}, steps))
    ends, seen = [d[0] for d in done], [d[1] for d in done]
    arrays = {k: _together(arithmetic, [e.arrays[k] for e in ends], 1 if _is_past(k) else 0) for k in ends[0].arrays}
    learned, away = centred(arithmetic, {path: arithmetic.joined([e.statistics[path][None] for e in ends]) for path in away})
    arrays |= {deviation(r): away[r.path] for r in rules}
    recorded = {k: _recorded(arithmetic, [s[k] for s in seen], k, parameters) for k in seen[0]}
    return replace(ends[0], batch=state.batch, arrays=arrays, statistics={**ends[0].statistics, **learned}), recorded


def centred(arithmetic: Arithmetic, weights: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Weights ``[batch, *shape]`` as their means and what each sample differs by."""
    means = {path: arithmetic.real(values).sum(0) / len(values) for path, values in weights.items()}
    return means, {path: arithmetic.real(values) - means[path] for path, values in weights.items()}


class _OfSample(Stream):
    """One sample of a stream, in the steps of a run."""

    def __init__(self, stream: Stream, values: Any, first: int, sample: int) -> None:
        self.batch, self.shape, self.is_spiking, self.is_constant = 1, stream.shape, stream.is_spiking, stream.is_constant
        self.values, self.first, self.sample = values, first, sample

    def chunk(self, start: int, stop: int) -> Any:
        if self.is_constant:
            one = self.values[:, self.sample : self.sample + 1]
            return one if stop - start == 1 else one[[0] * (stop - start)]
        return self.values[start - self.first : stop - self.first, self.sample : self.sample + 1]


def _values(stream: Stream, start: int, steps: int) -> Any:
    return stream.chunk(start, start + (1 if stream.is_constant else steps))


def _is_past(path: str) -> bool:
    return path.endswith(".history")


def _together(arithmetic: Arithmetic, parts: list[Any], axis: int) -> Any:
    if axis == 0:
        return arithmetic.joined(parts)
    return arithmetic.joined([p.swapaxes(0, 1) for p in parts]).swapaxes(0, 1)


def _recorded(arithmetic: Arithmetic, parts: list[Any], path: str, parameters: Mapping[str, Any]) -> Any:
    """Of all samples side by side; of a weight, which has none, the mean."""
    return sum(parts) / len(parts) if path in parameters else _together(arithmetic, parts, 1)
