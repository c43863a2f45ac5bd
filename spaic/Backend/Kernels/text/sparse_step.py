"""The loop over the neurons of a member of a simulation by events, as a function."""

from __future__ import annotations

from spaic.Backend.Kernels.text.island_text import Argument
from spaic.Backend.Kernels.text.numba_body import Body, indented, over_elements, unpacked
from spaic.Backend.Kernels.text.numba_language import LANGUAGE
from spaic.Backend.Kernels.text.passes import Value
from spaic.Backend.Kernels.text.sparse_island import DIRECT, Events

#: Names of the module that a member's values do not take.
OWN = (
    "counters", "threads", "cuts", "own", "team", "p0", "p1", "start", "stop", "count", "then", "now", "row", "samples", "every", "sample",
    "address", "fork", "turns", "add", "look", "list_fired", "row_of", "rows", "eight", "least_delay", "delays", "depths", "first_sample",
    "copies",
)  # fmt: skip


class Step:
    """The loop over the neurons of a member, as a function that members with the same equations share.

    Parameters
    ----------
    events : Events
        What the member belongs to.
    member : str
        Its label.
    """

    def __init__(self, events: Events, member: str) -> None:
        self.events, self.member, self.layer = events, member, events.by_name[member]
        self.body = Body(self.layer, self.layer.forward, {*LANGUAGE.reserved, *OWN, "advance"})
        self.given: dict[Argument, str] = {}  # arrays, by what they are called in the function
        self.rows: dict[Argument, str] = {}  # the rows of those that are records
        self.after: list[str] = []
        for carried in self.layer.forward.carried:
            self.body.places[carried] = f"{self._array('state', carried.name)}[m]"
        for value in self.layer.forward.values:
            if value.role == "parameter":
                self.body.places[value] = f"{self._array('value', value)}[m]"
            elif value.role == "normal":
                self.given[Argument("value", member, value)] = self.body.arrays[value]
            elif value.role == "arrival":
                self.body.places[value] = self._arrival(value.name)
            elif value.role == "result":
                self.body.places[value] = f"{self._array('fired', value.name)}[m]" if value.is_byte else self._record(member, value.name)

    def _array(self, role: str, item: Value | str, member: str = "") -> str:
        key = Argument(role, member or self.member, item)
        if key not in self.given:
            name = self.body.arrays[item] if isinstance(item, Value) else f"{role}_{item}"
            self.given[key] = name if isinstance(item, Value) else self.body.names.free(name)
        return self.given[key]

    def _record(self, member: str, variable: str) -> str:
        """A value of another kind than spikes, as it is written and read."""
        text = self._array("sampled", variable, member)
        if (member, variable) not in self.events.sampled:
            return f"{text}[0, m]"
        key = Argument("sampled", member, variable)
        if key not in self.rows:
            self.rows[key] = self.body.names.free(f"row_{variable}")
        return f"{text}[{self.rows[key]}, m]"

    def _arrival(self, port: str) -> str:
        """What arrives at a port of a neuron: the sum of the events, and what synapses of this port give."""
        feeds = [self.events.feeds[k] for k in self.events.into(self.member, port)]
        parts = [self._record(f.source, f.variable) for f in feeds if f.kind == DIRECT]
        is_constant = dict(self.events.outside).get((self.member, port))
        if is_constant is not None or any(f.kind != DIRECT for f in feeds):
            total = self._array("arriving", port)
            parts.insert(0, f"{total}[m]")
            if is_constant:
                self.after.append(f"{total}[m] = {self._array('outside', port)}[0, m]")
            elif is_constant is None:
                self.after.append(f"{total}[m] = number(0.0)")
        return f"({' + '.join(parts)})" if len(parts) > 1 else parts[0] if parts else "number(0.0)"

    def text(self) -> str:
        """The function, called ``advance``."""
        body = self.body
        code = [*body.scalars("scalars"), *unpacked("rows", self.rows.values()), *unpacked("arrays", self.given.values())]
        code += [*body.time(), *body.views()]
        lines = over_elements([*body.lines(), *self.after], 1)
        return "\n".join(["def advance(first, width, n, first_step, dt, scalars, rows, arrays):", *indented(code, 1), *lines])
