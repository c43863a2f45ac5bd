"""The loops of a rule over synapses, as text: over all of them, over those of spikes that arrive, over those of neurons that fire.

`b` is the sample, `j` the presynaptic and `m` the postsynaptic neuron, and `k` the synapse where they are listed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from spaic.Backend.Kernels.text.numba_body import indented
from spaic.Backend.Kernels.text.sparse_island import DELAYED, DENSE, ONE_TO_ONE, SPARSE

Code = list[str]

#: Names that loops use.
NAMES = (
    "sent", "sent_by", "arrived", "fired", "fired_by", "now", "q", "e", "b", "j", "m", "k", "i", "all_pre", "all_post", "copies", "weight",
    "starts", "targets", "ends", "incoming", "origins", "tables", "d", "late", "row", "sources",
)  # fmt: skip
_LISTS = {"pre": ("sent", "sent_by", "arrived", "j"), "post": ("fired", "fired_by", "now", "m")}
_EVERY = {"pre": "for j in range(all_pre):", "post": "for m in range(all_post):", "copies": "for b in range(copies):"}


class Loops(ABC):
    """How the synapses of a link are kept.

    Attributes
    ----------
    tables : tuple of str
        Arrays besides the weights.
    head : str
        Line that finds the numbers of neurons.
    places : dict of str to str
        Side -> place of a value in its array.
    """

    tables: tuple[str, ...] = ()
    head: str
    weight: str
    synapse: str

    @property
    def places(self) -> dict[str, str]:
        return {"pre": "[b, j]", "post": "[b, m]", "synapse": self.synapse, "modulator": "[b]", "weight": self.weight}

    @abstractmethod
    def of_all(self, code: Code) -> Code:
        """For every synapse."""

    @abstractmethod
    def of_pre(self, code: Code) -> Code:
        """For every synapse at which a spike arrives."""

    @abstractmethod
    def of_post(self, code: Code) -> Code:
        """For every synapse of a neuron that fires."""

    def around(self, when: str, side: str, code: Code) -> Code:
        """The loops of a statement of a section."""
        if when not in ("on_pre", "on_post"):
            return self.over(side, code)
        if side not in ("weight", "synapse"):
            return self.arriving(code) if when == "on_pre" else over_spikes("post", code)
        return self.of_pre(code) if when == "on_pre" else self.of_post(code)

    def arriving(self, code: Code) -> Code:
        """For every spike that arrives."""
        return over_spikes("pre", code)

    def if_any(self, side: str, code: Code) -> Code:
        """`code` where there are spikes of a side."""
        lists, _, row, _ = _LISTS[side]
        count = [f"some_{side} = 0", f"for q in range(len({lists})):", f"    some_{side} += {lists}[q, {row} + 1] - {lists}[q, {row}]"]
        return [*count, f"if some_{side} > 0:", *indented(code, 1)]

    def over(self, side: str, code: Code) -> Code:
        """The loops over all values of a side."""
        if side in ("pre", "post"):
            code = [_EVERY[side], *indented(code, 1)]
        if side in ("synapse", "weight"):
            code = self.of_all(code)
        return code if side == "weight" else [_EVERY["copies"], *indented(code, 1)]

    def first(self, side: str) -> str:
        """The first place of a side."""
        return self.places[side].translate({ord(name): "0" for name in "bjmk"})


class Full(Loops):
    """A matrix with a row for each presynaptic neuron."""

    head = "all_pre, all_post = weight.shape"
    weight, synapse = "[j, m]", "[b, j, m]"

    def of_all(self, code: Code) -> Code:
        return [_EVERY["pre"], *indented([_EVERY["post"], *indented(code, 1)], 1)]

    def of_pre(self, code: Code) -> Code:
        return over_spikes("pre", [_EVERY["post"], *indented(code, 1)])

    def of_post(self, code: Code) -> Code:
        return [_EVERY["pre"], *indented(over_spikes("post", code), 1)]  # row after row, as they lie in memory


class Pairs(Loops):
    """A weight for each neuron."""

    head = "all_pre = all_post = len(weight)"
    weight, synapse = "[j]", "[b, j]"

    def of_all(self, code: Code) -> Code:
        return [_EVERY["pre"], *indented(["m = j", *code], 1)]

    def of_pre(self, code: Code) -> Code:
        return over_spikes("pre", ["m = j", *code])

    def of_post(self, code: Code) -> Code:
        return over_spikes("post", ["j = m", *code])


class Listed(Loops):
    """A list of synapses, by presynaptic neuron; and the way back: for each postsynaptic neuron the synapses that come in."""

    tables: tuple[str, ...] = ("starts", "targets", "ends", "incoming", "origins")
    head = "all_pre, all_post = len(starts), len(ends) - 1"
    weight, synapse = "[k]", "[b, k]"

    def of_all(self, code: Code) -> Code:
        return [_EVERY["pre"], *indented(self._targets(code), 1)]

    def of_pre(self, code: Code) -> Code:
        return self.arriving(self._targets(code))

    def of_post(self, code: Code) -> Code:
        back = ["for i in range(ends[m], ends[m + 1]):", *indented(["k = incoming[i]", "j = origins[k]", *code], 1)]
        return over_spikes("post", back)

    def _targets(self, code: Code) -> Code:
        return ["for k in range(starts[j, 0], starts[j, 1]):", *indented(["m = targets[k]", *code], 1)]


class Delayed(Listed):
    """A list of synapses, by delay and then by presynaptic neuron; the neurons of each delay are counted as neurons of their own."""

    tables: tuple[str, ...] = (*Listed.tables, "late")
    head = "all_pre, all_post, sources = len(starts) - 1, len(ends) - 1, (len(starts) - 1) // len(late)"

    def arriving(self, code: Code) -> Code:
        own = ["b = sent_by[e] // sources", "j = sent_by[e] - b * sources + d * sources", *code]
        spikes = ["for e in range(sent[q, row], sent[q, row + 1]):", *indented(own, 1)]
        return ["for d in range(len(late)):", "    row = arrived - late[d]", "    for q in range(len(sent)):", *indented(spikes, 2)]

    def if_any(self, side: str, code: Code) -> Code:
        return code if side == "pre" else super().if_any(side, code)

    def _targets(self, code: Code) -> Code:
        return ["for k in range(starts[j], starts[j + 1]):", *indented(["m = targets[k]", *code], 1)]


#: Kind of a way -> how its synapses are kept.
LOOPS: dict[str, Loops] = {DENSE: Full(), ONE_TO_ONE: Pairs(), SPARSE: Listed(), DELAYED: Delayed()}


def over_spikes(side: str, code: Code) -> Code:
    """The loops over spikes: sample `b`, and the neuron in it."""
    lists, who, row, place = _LISTS[side]
    spikes = f"for e in range({lists}[q, {row}], {lists}[q, {row} + 1]):"
    own = [f"b = {who}[e] // all_{side}", f"{place} = {who}[e] - b * all_{side}", *code]
    return [f"for q in range(len({lists})):", f"    {spikes}", *indented(own, 2)]
