"""The lines of one pass through time as Numba reads them, and how lines are put into loops."""

from __future__ import annotations

from collections.abc import Iterable

from spaic.Backend.Kernels.text.layer import Layer
from spaic.Backend.Kernels.text.numba_language import LANGUAGE, PRECISE
from spaic.Backend.Kernels.text.passes import Carried, Pass, Value
from spaic.Backend.Kernels.text.printing import Names, lines
from spaic.Dynamics.kinds import TRUTH
from spaic.Dynamics.tape import Op


class Body:
    """The innermost lines of one pass of a layer: what is done for one element in one step.

    Parameters
    ----------
    layer : Layer
        What is computed.
    way : Pass
        Which way.
    taken : set of str, optional
        Names that are not free, shared by all bodies of one function.
    label : str
        Part of the names of arrays, where several layers share a function.
    """

    def __init__(self, layer: Layer, way: Pass, taken: set[str] | None = None, label: str = "") -> None:
        self.layer, self.way = layer, way
        hints = layer.tape.names | (layer.back.tape.names if way.goes_back and layer.back is not None else {})
        self.names = Names(layer.tape.inputs, hints, set(LANGUAGE.reserved) if taken is None else taken)
        self.arrays = {v: self.names.free(f"{label}{self._hint(v)}") for v in way.values}
        self.rows = {v: self.names.free(f"{text}_now") for v, text in self.arrays.items() if v.over_time}
        self.carried = {c: self.names.free(f"{label}carried_{c.name}") for c in way.carried}
        #: Where things are that are not where they are in a layer of its own.
        self.places: dict[Value | Carried, str] = {}
        self._scalars = ""
        self._moments: dict[int, str] = {}
        #: Rows of arrays whose first row is not that of the first step.
        self.steps: dict[Value, str] = {}

    def _hint(self, value: Value) -> str:
        name = self.names[int(value.name)] if value.role in ("kept", "parameter", "to_parameter") else value.name
        return f"{value.role}_{name}"

    def scalars(self, array: str) -> list[str]:
        """Lines that read what is one number for all."""
        self._scalars = array
        return [f"{self.names[slot]} = number({array}[{k}])" for k, slot in enumerate(self.layer.scalars)]

    def starts(self) -> list[str]:
        """Lines that begin what is carried, for one element."""
        return [f"{text}[i] = {self._first(c)}" for c, text in self.carried.items()]

    def ends(self) -> list[str]:
        """Lines that store what was carried, for one element."""
        return [f"{self.arrays[c.last]}[place(first + i)] = {text}[i]" for c, text in self.carried.items()]

    def _first(self, carried: Carried) -> str:
        return "number(0.0)" if carried.first is None else f"{self.arrays[carried.first]}[place(first + i)]"

    def time(self) -> list[str]:
        """Lines that set the time and what depends on it alone, if the step does; after :meth:`scalars` and before :meth:`lines`."""
        if not self.layer.reads_time:
            return []
        slot, known = self.layer.tape.inputs["t"], {s: f"{self._scalars}[{k}]" for k, s in enumerate(self.layer.scalars)}
        known = {s: f"({text} != 0.0)" if self.layer.kinds.get(s) == TRUTH else text for s, text in known.items()}
        ops = self._timed()
        made, others = {slot, *(op.out for op in ops)}, [op for op in self.way.ops if op not in ops]
        wanted = made & ({a for op in others for a in op.args} | {s for _, s, _ in self.way.writes if s is not None})
        code, texts = lines(ops, wanted, {**known, slot: self.names[slot]}, self.names, self.layer.kinds, PRECISE, self._constants)
        self._moments = {s: text if self.layer.kinds.get(s) == TRUTH else f"number({text})" for s, text in texts.items()}
        return [f"{self.names[slot]} = (first_step + n) * dt", *code]

    def _timed(self) -> list[Op]:
        """Operations on the time and numbers that are the same for all neurons."""
        numbers, found = {self.layer.tape.inputs["t"], *self.layer.scalars, *self._constants}, []
        for op in self.way.ops:
            if numbers.issuperset(op.args):
                numbers.add(op.out)
                found.append(op)
        return found

    @property
    def _constants(self) -> dict[int, float]:
        return self.layer.tape.constants | ({} if self.layer.back is None else self.layer.back.tape.constants)

    def views(self) -> list[str]:
        """Rows of the step at hand; what is only read may be the same in every step, and then has one row."""
        written = {target for target, _, _ in self.way.writes}
        found = []
        for value, row in self.rows.items():
            array = self.arrays[value]
            always = value in written or value in self.steps
            step = self.steps.get(value, "n") if always else f"n if len({array}) > 1 else 0"
            if value not in self.places:
                found.append(f"{row} = {array}[{step}]")
        return found

    def lines(self) -> list[str]:
        """One step of one element."""
        layer, names, kinds = self.layer, self.names, self.layer.kinds
        known = self._settled()
        code = ["m = place(first + i)"]
        for slot, parts in self.way.reads:
            known[slot] = names[slot]
            code.append(f"{names[slot]} = {' + '.join(self._at(p) for p in parts)}")
            if kinds.get(slot) == TRUTH:
                known[slot] = f"({names[slot]} != number(0.0))"
        wanted = [slot for _, slot, _ in self.way.writes if slot is not None]
        timed = set(self._timed()) if layer.reads_time else set()
        ops = [op for op in self.way.ops if op not in timed]
        body, written = lines(ops, wanted, known | self._moments, names, kinds, LANGUAGE, self._constants)
        code += body
        for target, made, is_added in self.way.writes:
            value = "number(0.0)" if made is None else written[made]
            if isinstance(target, Value) and target.is_byte:
                value = f"(1 if {value} else 0)" if kinds.get(made or 0) == TRUTH else f"(1 if {value} != number(0.0) else 0)"
            code.append(f"{self._place(target)} {'+=' if is_added else '='} {value}")
        return code

    def _place(self, target: Value | Carried) -> str:
        if target in self.places:
            return self.places[target]
        if isinstance(target, Carried):
            return f"{self.carried[target]}[i]"
        return f"{self.rows[target]}[m]" if target.over_time else f"{self.arrays[target]}[m]"

    def _at(self, part: Value | Carried) -> str:
        place = self._place(part)
        return f"number({place})" if isinstance(part, Value) and part.is_byte else place

    def _settled(self) -> dict[int, str]:
        """Texts of what is the same in every step."""
        texts = {slot: self.names[slot] for slot in self.layer.scalars}
        texts |= {int(v.name): self._at(v) for v in self.way.values if v.role == "parameter"}
        texts = {s: f"({text} != number(0.0))" if self.layer.kinds.get(s) == TRUTH else text for s, text in texts.items()}
        return texts


def unpacked(tuple_: str, names: Iterable[str]) -> list[str]:
    """Lines that name the members of a tuple: Python compiles calls with more than 30 arguments in a way that Numba does not take."""
    return [f"{name} = {tuple_}[{k}]" for k, name in enumerate(names)]


def over_elements(code: list[str], depth: int) -> list[str]:
    """A loop over elements around some lines, if there are any."""
    return [*indented(["for i in range(width):"], depth), *indented(code, depth + 1)] if code else []


def indented(code: Iterable[str], depth: int) -> list[str]:
    """Lines moved to the right."""
    return [f"{'    ' * depth}{line}" for line in code]
