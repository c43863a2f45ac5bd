"""What a pass of a fused kernel through time reads, does and writes, whatever language it is written in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spaic.Dynamics.tape import Op

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Value:
    """An array that a kernel reads or writes.

    Attributes
    ----------
    role : str
        What it is: ``"arrival"``, ``"normal"``, ``"parameter"``, ``"start"`` and ``"end"`` of a state, ``"result"``, ``"kept"``; on the
        way back also ``"gradient"`` (of a result), ``"gradient_end"``, ``"to_arrival"``, ``"to_start"`` and ``"to_parameter"``.
    name : str
        Port, noise, state or variable; for parameters and what is kept, the slot.
    over_time : bool
        True if it has a value in every step: ``[steps, width]``, else ``[width]``.
    is_byte : bool
        True if it is always 0 or 1 and stored so.
    """

    role: str
    name: str
    over_time: bool
    is_byte: bool = False


@dataclass(frozen=True)
class Carried:
    """A number that goes from step to step.

    Attributes
    ----------
    name : str
        State, or what is summed up.
    first : Value or None
        Where it starts; None: at 0.
    last : Value
        Where it goes in the end.
    """

    name: str
    first: Value | None
    last: Value


@dataclass(frozen=True)
class Pass:
    """One way through time: what each step reads, does and writes.

    Attributes
    ----------
    goes_back : bool
        True if it starts at the last step.
    values : tuple of Value
        All arrays, in the order of the arguments.
    carried : tuple of Carried
        What goes from step to step.
    reads : tuple of (int, tuple)
        Slot, and the values and carried numbers whose sum it is.
    ops : tuple of Op
        In order.
    writes : tuple of (Value or Carried, int or None, bool)
        Where to, the slot (None: 0), and whether it is added to what is there.
    """

    goes_back: bool
    values: tuple[Value, ...]
    carried: tuple[Carried, ...]
    reads: tuple[tuple[int, tuple[Value | Carried, ...]], ...]
    ops: tuple[Op, ...]
    writes: tuple[tuple[Value | Carried, int | None, bool], ...]
