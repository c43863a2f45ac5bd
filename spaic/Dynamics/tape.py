"""A flat list of primitive operations: what backends execute, and what kernels are generated from.

Operations that depend on parameters alone form the prelude, run once per run; the rest is the body, run every step.
Equal sub-expressions are computed once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

#: Every primitive operation; backends provide one function for each. ``spike`` takes (x, is_strict).
PRIMITIVES = (
    "add", "sub", "mul", "div", "neg", "pow", "exp", "expm1", "exprel", "exprel_slope", "log", "sqrt", "sin", "cos", "tan",
    "tanh", "sigmoid", "abs", "sign", "floor", "min", "max", "gt", "ge", "lt", "le", "and", "or", "not", "where", "select",
    "spike", "detach", "matrix_exp", "entry",
)  # fmt: skip


class Op(NamedTuple):
    """``slots[out] = name(*[slots[a] for a in args], *static)``."""

    name: str
    args: tuple[int, ...]
    static: tuple[int, ...]
    out: int


@dataclass(frozen=True, eq=False)
class Tape:
    """Straight-line code over numbered slots.

    Attributes
    ----------
    size : int
        Number of slots.
    constants : dict of int to float
        Slots that hold numbers.
    inputs : dict of str to int
        Name -> slot, filled by the caller: parameters before the prelude, the rest before the body.
    prelude, body : tuple of Op
        Operations that depend on parameters only, and all others.
    outputs : dict of str to int
        Name -> slot, readable after the body.
    names : dict of int to str
        Slot -> what it is called in the equations, for people who read generated code.
    """

    size: int
    constants: dict[int, float]
    inputs: dict[str, int]
    prelude: tuple[Op, ...]
    body: tuple[Op, ...]
    outputs: dict[str, int]
    names: dict[int, str] = field(default_factory=dict)

    def run(self, table: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Execute prelude and body with the functions of `table`: the definition of what a tape means."""
        slots: list[Any] = [None] * self.size
        for slot, value in self.constants.items():
            slots[slot] = value
        for name, slot in self.inputs.items():
            slots[slot] = inputs[name]
        for op in (*self.prelude, *self.body):
            slots[op.out] = table[op.name](*[slots[a] for a in op.args], *op.static)
        return {name: slots[slot] for name, slot in self.outputs.items()}
