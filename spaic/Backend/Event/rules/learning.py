"""Plasticity rules at work in a loop of events: their states as arrays that compiled code changes, before and after a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spaic.Backend.Event.rules import rule_text
from spaic.Backend.Event.rules.rule_writer import ARRAYS
from spaic.Backend.Event.wiring import Wiring
from spaic.Backend.Plastic.at_work import RuleAtWork
from spaic.Dynamics.primitives import PRIMITIVES
from spaic.Dynamics.rules import SIDES

#: A time in ms in which hardly a trace decays, and the power of e that stored states may reach.
_SHORT, _DECADES = 1e-3, 100.0


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

    def states(self, old: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Path -> value at the end of the run, shaped as it was."""
        found = {}
        for n, link in enumerate(self.links):
            for side, model in link.work.rule.models.items():
                values = self._view(n, side)
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
        column = np.flatnonzero(rule >= 0)  # by the neuron that fires
        column = column[np.argsort(post[column], kind="stable")]
        first = np.searchsorted(post[column], np.arange(self.neurons + 1))
        whose = dict(place_rule=rule, place_pre=pre, place_post=post, column_first=first, column=column, pre_first=self.first_pre)
        return dict(numbers=numbers, bounds=bounds, **whose)

    def _rooms(self, weights: int, begin: float) -> dict[str, np.ndarray]:
        """Memory for states."""
        sizes = {
            "pre": int(self.first_pre[-1]), "post": len(self.links) * self.neurons, "synapse": weights, "modulator": len(self.links),
        }  # fmt: skip
        found = dict(reached=np.full(weights, begin), origin=np.array([begin]), lasting=np.array([self._lasting()]))
        for side in SIDES:
            most = max(1, *(len(k.work.rule.models[side].states) if side in k.work.rule.models else 0 for k in self.links))
            found[f"{side}_now"] = np.zeros((sizes[side], most))
        return found

    def _lasting(self) -> float:
        """For how long in ms states may be stored divided by what is left of them, so that no number becomes too large or too small."""
        fastest = 0.0
        for link in self.links:
            for side, tape in link.work.decays.items():
                known = {**link.work.parameters, **dict.fromkeys(link.work.rule.models[side].states, 1.0), "dt": _SHORT}
                left = np.array(list(tape.run(PRIMITIVES, {k: known[k] for k in tape.inputs}).values()), dtype=np.float64)
                with np.errstate(divide="ignore"):
                    fastest = max(fastest, float(np.abs(np.log(left)).max(initial=0.0)) / _SHORT)
        return _DECADES / fastest if fastest else np.inf

    def _view(self, n: int, side: str) -> np.ndarray:
        """The rows of the n-th link."""
        link, array = self.links[n], self.arrays[f"{side}_now"]
        rows = {
            "pre": slice(int(self.first_pre[n]), int(self.first_pre[n + 1])),
            "post": slice(n * self.neurons + link.target, n * self.neurons + link.target + link.wiring.post),
            "synapse": slice(link.offset, link.offset + link.wiring.weights),
            "modulator": slice(n, n + 1),
        }
        view: np.ndarray = array[rows[side]]
        return view
