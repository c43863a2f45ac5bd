"""Weights from data: scaled so that every group fires at a healthy rate before training begins."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from spaic.errors import DeclarationError, NetworkError, UnknownName, nearest
from spaic.Graph.graph import Graph, Probe
from spaic.Graph.nodes import Population
from spaic.Graph.program import State
from spaic.Graph.schedule import schedule
from spaic.Learning.ends import Ends
from spaic.Network.network import Network

#: Scales of the weights that are tried lie between 1 / WIDEST and WIDEST.
WIDEST = 1024.0


def calibrate(
    net: Network,
    data: Any,
    rate: float = 50.0,
    run_time: float | None = None,
    *,
    groups: Iterable[Any] | None = None,
    encoder: Any = None,
    tolerance: float = 0.1,
    attempts: int = 20,
) -> dict[str, float]:
    """Scale the weights so that each group fires at a mean rate on some data.

    One group after the other, from the input on, in the order in which the network runs, the weights of all connections into a group are
    multiplied with one number, found by bisection.

    Parameters
    ----------
    net : Network
        The network; its weights are changed.
    data : tensor or array, or mapping of them
        A batch of samples, as :meth:`Network.input` takes it.
    rate : float
        Mean rate of the neurons of every group in Hz.
    run_time : float, optional
        Duration of a run in ms; that of ``net.set_runtime`` by default.
    groups : iterable of NeuronGroup or str, optional
        The groups; by default all that fire and have connections with weights.
    encoder : Element or str, optional
        The one that takes the data, where the network has several.
    tolerance : float
        Part of `rate` by which the result may differ from it.
    attempts : int
        Runs for each group, at most; where they do not suffice, the best is kept, and a warning says so.

    Returns
    -------
    dict of str to float
        Path of a group -> its rate in Hz with the weights it has now.

    Raises
    ------
    NetworkError
        If a group does not reach the rate whatever its weights are multiplied with, or has none. The weights stay as they were.

    Notes
    -----
    In the way of Mishkin and Matas 2016, All you need is a good init, *ICLR* (layer-sequential unit variance), with rates for variances.
    """
    for name, value in (("rate", rate), ("tolerance", tolerance)):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
            raise DeclarationError(f"spaic.calibrate: {name} is {value!r}; give a number above 0")
    ends = Ends(net, "spaic.calibrate", encoder, None)
    with torch.no_grad():
        ends.feed(data)
        net.run(run_time)
        work = _Calibration(net, rate, tolerance, attempts)
        before = {path: np.array(net._backend.as_numpy(value)) for path, value in work.weights().items()}
        try:
            for path in work.chosen(groups):
                work.scale(path)
        except NetworkError:
            work.simulation.store.copy_in(before)
            raise
        return work.rates(work.done)


class _Calibration:
    """The network with the spikes of all groups recorded, on the input of its last run."""

    def __init__(self, net: Network, rate: float, tolerance: float, attempts: int) -> None:
        self.rate, self.tolerance, self.attempts = rate, tolerance, attempts
        self.simulation = net._built()
        self.clock, self.done = self.simulation.graph.clock, list[str]()
        self.firing = [p.name for p in self.simulation.graph.populations if isinstance(p, Population) and "O" in p.model.variables]
        self.graph: Graph = replace(self.simulation.graph, probes=tuple(Probe(f"{name}.O") for name in self.firing))
        self.program = self.simulation.backend.compile(self.graph)

    def chosen(self, groups: Iterable[Any] | None) -> list[str]:
        """Paths of the groups, in the order in which they run."""
        order = [name for stage in schedule(self.graph).stages for name in stage.populations if name in self.firing]
        if groups is None:
            return [name for name in order if self.into(name)]
        named = [getattr(g, "path", g) for g in groups]
        for name in named:
            if name not in order:
                raise UnknownName(f"spaic.calibrate: {name!r} is no group that fires; {nearest(str(name), order)}")
        return [name for name in order if name in named]

    def weights(self) -> dict[str, Any]:
        """Path -> the weights of every connection."""
        tensors = self.simulation.store.tensors()
        owners = {k.name for k in self.graph.links if not k.shares and any("weight" in t.parameters() for t in k.transforms)}
        return {f"{name}.weight": tensors[f"{name}.weight"] for name in sorted(owners)}

    def into(self, group: str) -> list[str]:
        """Paths of the weights of the connections into a group."""
        return [path for link in self.graph.arriving(group) if (path := f"{link.owner}.weight") in self.weights()]

    def rates(self, groups: Iterable[str]) -> dict[str, float]:
        """Group -> its mean rate in Hz, with the weights as they are."""
        simulation, store = self.simulation, self.simulation.store
        store.confine()
        last: State = simulation._state()
        fresh = self.program.initial_state(store.tensors(), last.batch)
        state = State(0, last.batch, fresh.arrays, last.run)
        _, recorded = self.program.run(store.tensors(), state, simulation.streams, last.step)
        seconds = self.clock.dt / 1000
        return {name: float(np.asarray(simulation.backend.as_numpy(recorded[f"{name}.O"])).mean()) / seconds for name in groups}

    def scale(self, group: str) -> None:
        """Find the number by which the weights into a group are multiplied."""
        paths = self.into(group)
        if not paths:
            raise NetworkError(f"{group}: no connection with weights leads to it, so there is nothing to scale; leave it out of groups")
        start = {path: np.array(self.simulation.backend.as_numpy(self.weights()[path])) for path in paths}
        low, high, factor, best = 1 / WIDEST, WIDEST, 1.0, (float("inf"), 1.0, 0.0)
        for _ in range(self.attempts):
            self.simulation.store.copy_in({path: value * factor for path, value in start.items()})
            found = self.rates([group])[group]
            best = min(best, (abs(found - self.rate), factor, found))
            if best[0] <= self.tolerance * self.rate:
                break
            low, high = (factor, high) if found < self.rate else (low, factor)
            factor = _next(low, high)
        if found == 0 and best[2] == 0:
            raise NetworkError(f"{group}: it does not fire, whatever its weights are multiplied with; give weights or data that excite it")
        self.simulation.store.copy_in({path: value * best[1] for path, value in start.items()})
        if best[0] > self.tolerance * self.rate:
            warnings.warn(f"{group}: {best[2]:.3g} Hz is as near as scaling comes to {self.rate:g} Hz; see its bounds", stacklevel=4)
        self.done.append(group)


def _next(low: float, high: float) -> float:
    """In the middle; by factors of 4 as long as one side is not known."""
    if high == WIDEST:
        return min(4 * low, (low * high) ** 0.5) if low < WIDEST / 4 else (low * high) ** 0.5
    if low == 1 / WIDEST:
        return max(high / 4, (low * high) ** 0.5)
    return float((low * high) ** 0.5)
