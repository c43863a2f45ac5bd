"""Operations of a tape as lines of code in the language of a kernel."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from spaic.Dynamics.kinds import NUMBER, TRUTH
from spaic.Dynamics.tape import Op

_INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
#: Longer ones get a name of their own, for people who read the code.
_LONGEST = 60


def heading(text: str) -> str:
    """`text` as it may stand in the doc string of generated code: whatever it says, it stays a comment.

    Examples
    --------
    >>> heading('an "old" lif')
    "an 'old' lif"
    """
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text).replace("\\", "/").replace('"', "'")


@dataclass(frozen=True)
class Language:
    """How a language writes operations.

    Attributes
    ----------
    calls : dict of str to str
        Operation -> template with ``{0}``, ``{1}``, ``{2}`` for its arguments.
    number : str
        Template of a number, with ``{0}``.
    reserved : frozenset of str
        Names that a value must not take.
    """

    calls: Mapping[str, str]
    number: str
    reserved: frozenset[str]


class Names:
    """A name for each slot: that of the equations where there is one.

    Parameters
    ----------
    inputs : mapping of str to int
        What the step reads from outside: name -> slot.
    hints : mapping of int to str
        Slot -> what it is called in the equations.
    taken : set of str
        Names that are not free; those that are given are added to it.
    """

    def __init__(self, inputs: Mapping[str, int], hints: Mapping[int, str], taken: set[str]) -> None:
        self.taken = taken
        self.of = {slot: self.free(name) for name, slot in inputs.items()}
        self.of |= {slot: self.free(name) for slot, name in hints.items() if slot not in self.of}

    def __getitem__(self, slot: int) -> str:
        if slot not in self.of:
            self.of[slot] = self.free(f"v{slot}")
        return self.of[slot]

    def free(self, hint: str) -> str:
        """A name that nothing has yet."""
        base = re.sub(r"\W+", "_", hint)
        name, number = base, 0
        while name in self.taken:
            number += 1
            name = f"{base}_{number}"
        self.taken.add(name)
        return name


def lines(
    ops: Iterable[Op],
    wanted: Iterable[int],
    texts: Mapping[int, str],
    names: Names,
    kinds: Mapping[int, str],
    language: Language,
    constants: Mapping[int, float],
) -> tuple[list[str], dict[int, str]]:
    """Code of operations.

    Parameters
    ----------
    ops : iterable of Op
        In order.
    wanted : iterable of int
        Slots that are read afterwards.
    texts : mapping of int to str
        Slot -> text, for what is known before.
    names : Names
        For what is named.
    kinds : mapping of int to str
        Slot -> kind of value.
    language : Language
        Of the code.
    constants : mapping of int to float
        Slots that hold numbers.

    Returns
    -------
    lines : list of str
        One assignment each. A short result that is used once is written where it is used.
    texts : dict of int to str
        Slot -> text of what was asked for.
    """
    ops = tuple(ops)
    written = {slot: language.number.format(_number(value)) for slot, value in constants.items()} | dict(texts)
    wanted = list(wanted)
    uses = Counter(a for op in ops for a in op.args) + Counter(dict.fromkeys(wanted, 2))
    code: list[str] = []
    for op in ops:
        text = _text(op, [_operand(a, op, place, written, kinds, language) for place, a in enumerate(op.args)], language)
        if uses[op.out] == 1 and len(text) <= _LONGEST:
            written[op.out] = f"({text})" if op.name in _INFIX or op.name == "neg" else text
        else:
            written[op.out] = names[op.out]
            code.append(f"{names[op.out]} = {text}")
    return code, {s: written[s] for s in wanted}


def _text(op: Op, arguments: list[str], language: Language) -> str:
    if op.name in _INFIX:
        return f"{arguments[0]} {_INFIX[op.name]} {arguments[1]}"
    if op.name == "spike":
        zero, one = (language.number.format(x) for x in ("0.0", "1.0"))
        condition = f"{arguments[0]} {'>' if op.static[0] else '>='} {zero}"
        return language.calls["where"].format(condition, one, zero)
    return language.calls[op.name].format(*arguments)


def _operand(slot: int, op: Op, place: int, written: Mapping[int, str], kinds: Mapping[int, str], language: Language) -> str:
    """Text of an operand, turned into a truth value where one is asked for, and into a number where a truth value will not do."""
    text, is_truth = written[slot], kinds.get(slot, NUMBER) == TRUTH
    asks_truth = op.name in ("and", "or", "not") or (op.name == "where" and place == 0)
    zero, one = (language.number.format(x) for x in ("0.0", "1.0"))
    if asks_truth and not is_truth:
        return f"({text} != {zero})"
    if is_truth and not asks_truth:
        return language.calls["where"].format(text, one, zero)
    return text


def _number(value: float) -> str:
    return repr(float(value))
