"""Plasticity rules at work in a loop of events: their states as arrays that compiled code changes, before and after a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spaic.Backend.Event import rule_text
from spaic.Backend.Event.rule_writer import ARRAYS
from spaic.Backend.Event.wiring import Wiring
from spaic.Backend.Plastic.at_work import RuleAtWork
from spaic.Dynamics.primitives import PRIMITIVES
from spaic.Dynamics.rules import SIDES


@dataclass(frozen=True, eq=False)
class Learned:
    """A link that learns: its rule, its synapses, where its weights and the neurons of its target begin."""

    work: RuleAtWork
    wiring: Wiring
    offset: int
    target: int

    @property
    def name(self) -> str:
        """Path under which its states are found."""
        return self.work.plasticity.name


class Learning:
    """The rules of one run of a loop.

    Parameters
    ----------
    links : sequence of Learned
        In the order of their numbers.
    states : mapping of str to ndarray
        Path -> value, for one sample.
    neurons, weights, marks : int
        Numbers of neurons, of weights in all, and of samples at which the weights are recorded.
    begin : float
        When the run begins, in ms.
    """

    def __init__(
        self, links: Sequence[Learned], states: Mapping[str, np.ndarray], neurons: int, weights: int, marks: int, begin: float
    ) -> None:
        self.links, self.neurons = links, neurons
        self.first_pre = np.cumsum([0, *(k.wiring.pre for k in links)])
        self.arrays = {**self._fixed(weights), **self._rooms(weights, begin), "watched": np.zeros((marks, weights))}
        for n, link in enumerate(links):
            for side, model in link.work.rule.models.items():
                for column, name in enumerate(model.states):
                    self._view(n, side)[:, column] = np.asarray(states[f"{link.name}.{name}"]).reshape(-1)  # one sample

    @property
    def text(self) -> str:
        """What the loop calls."""
        return rule_text.text([k.work.rule for k in self.links])

    def given(self, packet_rule: np.ndarray, packet_pre: np.ndarray) -> tuple[np.ndarray, ...]:
        """The arrays as kernels take them, with the rule of each packet and its presynaptic neuron."""
        known = {"packet_rule": packet_rule, "packet_pre": packet_pre + np.append(self.first_pre, 0)[packet_rule]}
        return tuple(np.ascontiguousarray({**self.arrays, **known}[name]) for name in ARRAYS)

    def states(self, end: float, old: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Path -> value at the end of the run, shaped as it was."""
        found = {}
        for n, link in enumerate(self.links):
            for side, model in link.work.rule.models.items():
                values = self._at(n, side, end)
                for column, name in enumerate(model.states):
                    path = f"{link.name}.{name}"
                    found[path] = values[:, column].reshape(old[path].shape)
        return found

    # --- parts

    def _fixed(self, weights: int) -> dict[str, np.ndarray]:
        """Parameters, and which synapse is whose."""
        longest = max(1, *(len(k.work.rule.parameters) for k in self.links))
        numbers = np.zeros((len(self.links), longest))
        bounds = np.tile([-np.inf, np.inf], (len(self.links), 1))
        rule, pre, post = np.full(weights, -1), np.zeros(weights, np.int64), np.zeros(weights, np.int64)
        for n, link in enumerate(self.links):
            values = [link.work.parameters[k] for k in sorted(link.work.rule.parameters)]
            numbers[n, : len(values)] = values
            if link.work.bounds is not None:
                bounds[n] = link.work.bounds
            wiring = link.wiring.listed()
            place, starts = link.offset + wiring.index, np.asarray(wiring.starts)
            rule[place], post[place] = n, link.target + wiring.targets
            pre[place] = self.first_pre[n] + np.repeat(np.arange(wiring.pre), np.diff(starts))
        column = np.flatnonzero(rule >= 0)
        column = column[np.argsort(post[column], kind="stable")]
        first = np.searchsorted(post[column], np.arange(self.neurons + 1))
        return dict(numbers=numbers, bounds=bounds, place_rule=rule, place_pre=pre, place_post=post, column_first=first, column=column)

    def _rooms(self, weights: int, begin: float) -> dict[str, np.ndarray]:
        """Memory for states."""
        sizes = {
            "pre": int(self.first_pre[-1]), "post": len(self.links) * self.neurons, "synapse": weights, "modulator": len(self.links),
        }  # fmt: skip
        found: dict[str, np.ndarray] = {}
        for side in SIDES:
            most = max(1, *(len(k.work.rule.models[side].states) if side in k.work.rule.models else 0 for k in self.links))
            found[f"{side}_now"] = np.zeros((sizes[side], most))
            found["reached" if side == "synapse" else f"{side}_time"] = np.full(sizes[side], begin)
        return found

    def _view(self, n: int, side: str, times: bool = False) -> np.ndarray:
        """The rows of the n-th link."""
        name = ("reached" if side == "synapse" else f"{side}_time") if times else f"{side}_now"
        link, array = self.links[n], self.arrays[name]
        rows = {
            "pre": slice(int(self.first_pre[n]), int(self.first_pre[n + 1])),
            "post": slice(n * self.neurons + link.target, n * self.neurons + link.target + link.wiring.post),
            "synapse": slice(link.offset, link.offset + link.wiring.weights),
            "modulator": slice(n, n + 1),
        }
        view: np.ndarray = array[rows[side]]
        return view

    def _at(self, n: int, side: str, end: float) -> np.ndarray:
        """States of a side at the end of a run; those of synapses are there already."""
        work, values = self.links[n].work, self._view(n, side)
        if side == "synapse":
            return values
        tape, names = work.decays[side], work.rule.models[side].states
        gap = np.maximum(end - self._view(n, side, True), 0.0)
        known = {**work.parameters, **{s: values[:, c] for c, s in enumerate(names)}, "dt": gap}
        made = tape.run(PRIMITIVES, {k: known[k] for k in tape.inputs})
        return np.stack([np.broadcast_to(made[s], len(values)) for s in names], axis=1)
