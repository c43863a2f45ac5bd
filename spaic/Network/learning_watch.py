"""What rules of plasticity get and make, looked at in every run: inputs that are no spikes, weights that died, exploded or broke."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from spaic.errors import InputError, NumericalError
from spaic.Graph.graph import Graph
from spaic.Graph.stream import Stream

#: Share of the weights of a link that are alike before it is said, and growth of their mean magnitude.
_NEARLY_ALL, _GROWTH = 0.99, 1000.0
#: What is looked at besides NaN takes longer than a short run: after as many pieces of runs, and at first more often.
_SELDOM = 32


class LearningWatch:
    """Looks at the links of a graph that rules learn.

    Parameters
    ----------
    graph : Graph
        Any graph.
    """

    def __init__(self, graph: Graph) -> None:
        links = {link.name: link for link in graph.links}
        self.inputs = {node.name for node in graph.inputs}
        self.is_continuous = graph.clock.is_continuous
        self.learned = {f"{p.link}.weight": (links[p.link], p.rule.name) for p in graph.plasticity}
        self.first: dict[str, tuple[float, str]] = {}  # mean magnitude and what was wrong before anything was learned
        self.told: set[str] = set()
        self.times = 0

    def check_inputs(self, streams: Mapping[str, Stream]) -> None:
        """Refuse input that is no spikes where a rule learns from it."""
        for link, rule in self.learned.values():
            if link.source_node in self.inputs and not self._brings_spikes(streams[link.source_node]):
                raise InputError(
                    f"{link.name}: {rule!r} learns from spikes, but {link.source_node!r} sends other values; use a code that makes spikes "
                    "of them, such as coding_method='poisson'"
                )

    def _brings_spikes(self, stream: Stream) -> bool:
        """Without a time step, spikes that know their times are spikes also where several of them would share a step."""
        own = getattr(stream, "stream", stream)  # of one that began later
        return stream.is_spiking or (self.is_continuous and getattr(own, "exact", None) is not None)

    def before(self, weights: Mapping[str, Any], as_numpy: Callable[[Any], np.ndarray]) -> None:
        """Remember what weights were like at first."""
        for path in self.learned.keys() - self.first.keys():
            values = as_numpy(weights[path])
            self.first[path] = float(np.abs(values).mean()) if values.size else 0.0, self._place(path, values)[1]

    def after(self, learned: Mapping[str, Any], as_numpy: Callable[[Any], np.ndarray]) -> None:
        """Refuse weights that are no numbers, and warn once of a link whose weights died or exploded."""
        self.times += 1
        for path in self.first.keys() & learned.keys():
            values = as_numpy(learned[path])
            if not np.isfinite(values.sum()):
                self._refuse_broken(path, values)
            if path not in self.told and (self.times % _SELDOM == 0 or self.times & (self.times - 1) == 0):
                self._warn(path, values)

    def _refuse_broken(self, path: str, values: np.ndarray) -> None:
        link, rule = self.learned[path]
        broken = _share(~np.isfinite(values))
        if broken:  # a sum of large numbers may be infinite
            raise NumericalError(
                f"{link.name}: {_percent(broken)} of the weights became NaN or infinite under {rule!r} and were not kept; lower its rates, "
                "or give the connection bounds (w_min, w_max)"
            )

    def _warn(self, path: str, values: np.ndarray) -> None:
        link, rule = self.learned[path]
        found = self._found(path, values)
        if found:
            self.told.add(path)
            text = f"{link.name}: under {rule!r} {found}; lower its rates, keep the sum of the weights (w_norm), or look at the activity"
            warnings.warn(text, RuntimeWarning, stacklevel=2)

    def _found(self, path: str, values: np.ndarray) -> str:
        """What is wrong with weights, nothing if nothing is, or if it was so at first."""
        size, was = self.first[path]
        share, where = self._place(path, values)
        if where:
            return "" if where == was else f"{_percent(share)} of the weights {where}"
        growth = float(np.abs(values).mean()) / size if size and values.size else 1.0
        return f"the weights exploded, their mean magnitude grew by a factor of {growth:.3g}" if growth > _GROWTH else ""

    def _place(self, path: str, values: np.ndarray) -> tuple[float, str]:
        """Where nearly all weights are, and their share."""
        low, high = self.learned[path][0].bounds.get("weight", (-np.inf, np.inf))
        for place, text in ((0.0, "died, they became 0"), (high, "exploded, they are at w_max"), (low, "exploded, they are at w_min")):
            if np.isfinite(place) and (share := _share(values == place)) >= _NEARLY_ALL:
                return share, text
        return 0.0, ""

    def carry_on(self, previous: LearningWatch) -> None:
        """Go on from an earlier build: what was said is not said again."""
        same = {path for path, (_, rule) in self.learned.items() if path in previous.learned and previous.learned[path][1] == rule}
        self.first = {path: found for path, found in previous.first.items() if path in same}
        self.told, self.times = previous.told & same, previous.times


def _share(is_so: np.ndarray) -> float:
    return float(np.count_nonzero(is_so)) / max(1, is_so.size)


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
