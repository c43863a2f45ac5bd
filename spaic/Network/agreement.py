"""Two runs of one network: which spikes they share, where they part, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spaic.Graph.graph import Graph
from spaic.Graph.values import Draw

#: The k-th spike of a neuron that is off by no more than k times this many steps is where the time grid puts it: every spike adds its own.
_STEPS = 2.0


@dataclass(frozen=True, eq=False)
class Execution:
    """One run of the network.

    Attributes
    ----------
    backend : str
        Name.
    dt : float or None
        Time step in ms; None for exact events.
    spikes : dict of str to (ndarray, ndarray, ndarray)
        Group -> sample, neuron and time in ms of all spikes, in the order of sample, neuron, time.
    traces : dict of str to ndarray
        Group -> its first state ``[samples, batch, neurons]`` on the grid of `sampled` ms.
    """

    backend: str
    dt: float | None
    spikes: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]]
    traces: Mapping[str, np.ndarray]

    @property
    def label(self) -> str:
        """Name and time step."""
        return self.backend if self.dt is None else f"{self.backend}, dt {self.dt:g}"


@dataclass(frozen=True, eq=False)
class Comparison:
    """One run beside the yardstick.

    Attributes
    ----------
    execution : Execution
        The run.
    spikes, missing : int
        Number of spikes, and of those by which the counts of neurons differ.
    worst, typical : float
        Largest and median error of a spike time in ms, over neurons with equal counts.
    before : float
        Largest difference of the membranes up to the first spike of a sample.
    divergence : str
        The first spike that is not where it should be, and why; empty if there is none.
    """

    execution: Execution
    spikes: int
    missing: int
    worst: float
    typical: float
    before: float
    divergence: str


@dataclass(frozen=True, eq=False)
class Setting:
    """What all runs have in common.

    Attributes
    ----------
    graph : Graph
        The network.
    inputs : mapping of str to (ndarray, ndarray, ndarray, ndarray)
        Input -> sample, neuron, time in ms and amount of all that it sends.
    end : float
        Duration in ms.
    sampled : float
        Distance of the samples of traces in ms.
    """

    graph: Graph
    inputs: Mapping[str, tuple[np.ndarray, ...]]
    end: float
    sampled: float


def compared(run: Execution, yardstick: Execution, setting: Setting) -> Comparison:
    """How `run` differs from `yardstick`."""
    missing, errors, events = 0, [np.zeros(0)], []
    allowed = _STEPS * (run.dt or 0.0) + _STEPS * (yardstick.dt or 0.0) + 1e-9
    for name, truth in yardstick.spikes.items():
        mine = run.spikes[name]
        for sample, neuron in sorted({*zip(truth[0], truth[1], strict=True), *zip(mine[0], mine[1], strict=True)}):
            a, b = (s[2][(s[0] == sample) & (s[1] == neuron)] for s in (truth, mine))
            a, b = _without_what_the_end_cuts(a, b, setting.end, allowed)
            missing += abs(len(a) - len(b))
            n = min(len(a), len(b))
            off = np.abs(a[:n] - b[:n])
            if len(a) == len(b):
                errors.append(off)
            far = np.flatnonzero(off > allowed * np.arange(1, n + 1))
            first = int(far[0]) if len(far) else n
            if first < max(len(a), len(b)):
                events.append(_Parting(float(min(x[first] for x in (a, b) if len(x) > first)), name, sample, neuron, first, a, b))
    off = np.concatenate(errors)
    worst, typical = (float(off.max()), float(np.median(off))) if len(off) else (0.0, 0.0)
    total = sum(len(t) for _, _, t in run.spikes.values())
    events.sort(key=lambda e: (e.when, e.name, e.sample, e.neuron))
    cause = _cause(events[0], run, yardstick, setting) if events else ""
    return Comparison(run, total, missing, worst, typical, _before(run, yardstick, setting.sampled), cause)


@dataclass(frozen=True, eq=False)
class _Parting:
    """Where the trains `truth` and `mine` of a neuron part: at their spike number `first`."""

    when: float
    name: str
    sample: int
    neuron: int
    first: int
    truth: np.ndarray
    mine: np.ndarray


def _without_what_the_end_cuts(a: np.ndarray, b: np.ndarray, end: float, allowed: float) -> tuple[np.ndarray, np.ndarray]:
    """Trains without a last spike that the other run has only after its end."""
    short, long = sorted((a, b), key=len)
    if len(long) == len(short) + 1 and long[-1] + allowed * len(long) >= end:
        long = long[:-1]
    return (short, long) if len(a) <= len(b) else (long, short)


def _before(run: Execution, yardstick: Execution, sampled: float) -> float:
    """Largest difference of membranes before the first spike of each sample in either run."""
    worst = 0.0
    for name, trace in yardstick.traces.items():
        for sample in range(trace.shape[1]):
            firsts = [t[s == sample] for e in (run, yardstick) for s, _, t in e.spikes.values()]
            end = min((t.min() for t in firsts if len(t)), default=np.inf)
            count = len(trace) if np.isinf(end) else max(0, int(np.ceil(end / sampled - 1e-9)) - 1)
            part = np.abs(trace[:count, sample] - run.traces[name][:count, sample])
            worst = max(worst, float(part.max(initial=0.0)))
    return worst


def _cause(found: _Parting, run: Execution, yardstick: Execution, setting: Setting) -> str:
    """The first spike that differs, and the likely reason."""
    arrivals = _reaching(found, yardstick, setting)
    in_truth, in_mine = (len(x) > found.first for x in (found.truth, found.mine))
    pairs = zip(found.truth[: found.first], found.mine[: found.first], strict=False)
    if any(((arrivals >= min(x) - 1e-9) & (arrivals <= max(x) + 1e-9)).any() for x in pairs):
        why = "order: something arrives between a spike and the end of its step, where the grid resets the neuron after it"
    elif in_truth and in_mine:
        why = "time grid: the step moves a spike, and what follows from it"
    else:
        why = "near-threshold: the membrane touches the threshold within a step, " + (
            "which this grid misses" if in_truth else "which only this grid sees"
        )
    return f"{found.name}[{found.neuron}], sample {found.sample}, {found.when:.6g} ms ({why})"


def _reaching(found: _Parting, yardstick: Execution, setting: Setting) -> np.ndarray:
    """When something arrives at the neuron that parts, in ms; a delay that differs between its synapses is taken as all of them."""
    times = [np.zeros(0)]
    for link in setting.graph.arriving(found.name):
        sent = setting.inputs.get(link.source_node) or yardstick.spikes.get(link.source_node)
        if sent is None:
            continue
        stated = np.asarray(0.0 if link.delay is None else link.delay, dtype=object if isinstance(link.delay, Draw) else float)
        delays = np.unique(stated[found.neuron] if stated.ndim == 2 else stated) if stated.dtype == float else np.zeros(0)
        own = sent[2][sent[0] == found.sample]
        times += [own + d for d in delays]
    return np.concatenate(times)


def orders(comparisons: Sequence[Comparison]) -> dict[str, float]:
    """Backend -> slope of the median error of spike times against dt, on logarithmic scales."""
    found = {}
    for backend in sorted({c.execution.backend for c in comparisons}):
        points = [(c.execution.dt, c.typical) for c in comparisons if c.execution.backend == backend and c.execution.dt and c.typical > 0]
        if len(points) > 1:
            dt, error = np.log(np.array(points)).T
            found[backend] = float(np.polyfit(dt, error, 1)[0])
    return found
