"""A tape as text that a person can read."""

from __future__ import annotations

from spaic.Dynamics.tape import Op, Tape

_INFIX = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "div": "/",
    "pow": "**",
    "gt": ">",
    "ge": ">=",
    "lt": "<",
    "le": "<=",
    "and": "and",
    "or": "or",
}


def listing(tape: Tape) -> str:
    """The operations of a tape, one per line, with the names of inputs and outputs.

    Examples
    --------
    >>> import sympy
    >>> from spaic.Dynamics.lowering import lower
    >>> x, a = sympy.symbols("x a", real=True)
    >>> print(listing(lower([("y", a * x + 1)], {"y": "y"}, ["a"])))
    # once per run
    # every step
    v3 = a * x
    y = 1.0 + v3
    """
    names = {slot: name for name, slot in tape.inputs.items()}
    names |= {slot: repr(value) for slot, value in tape.constants.items()}
    for name, slot in tape.outputs.items():
        names.setdefault(slot, name)
    lines = ["# once per run", *(_line(op, names) for op in tape.prelude)]
    lines += ["# every step", *(_line(op, names) for op in tape.body)]
    copies = [f"{name} = {names[slot]}" for name, slot in tape.outputs.items() if names.get(slot, f"v{slot}") != name]
    return "\n".join(lines + copies)


def _line(op: Op, names: dict[int, str]) -> str:
    args = [names.get(a, f"v{a}") for a in op.args] + [str(s) for s in op.static]
    right = f"{args[0]} {_INFIX[op.name]} {args[1]}" if op.name in _INFIX else f"{op.name}({', '.join(args)})"
    return f"{names.get(op.out, f'v{op.out}')} = {right}"
