"""Lines of a model's text, each as one checked statement."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from spaic.Dynamics.expression import Expression, is_name
from spaic.errors import DeclarationError

Kind = Literal["ode", "map", "value"]

_ODE = re.compile(r"^d\s*([A-Za-z_]\w*)\s*/\s*dt\s*=(?!=)(.*)$", re.S)
_MAP = re.compile(r"^([A-Za-z_]\w*)\s*:=(.*)$", re.S)
_VALUE = re.compile(r"^([A-Za-z_]\w*)\s*=(?!=)(.*)$", re.S)
_ASSIGN = re.compile(r"^([A-Za-z_]\w*)\s*([-+*/]?=)(?!=)(.*)$", re.S)


@dataclass(frozen=True)
class Equation:
    """``dV/dt = ...`` (ode), ``x := ...`` (one-step map) or ``u = ...`` (intermediate value)."""

    kind: Kind
    name: str
    right: Expression


@dataclass(frozen=True)
class Assignment:
    """``name op= right`` of a receive or reset text; `operator` is ``=``, ``+=``, ``-=``, ``*=`` or ``/=``."""

    name: str
    operator: str
    right: Expression


def parse_equations(text: str, model: str) -> tuple[Equation, ...]:
    """Read the equations of a model, one per line; ``#`` starts a comment, brackets continue a line.

    Examples
    --------
    >>> [(e.kind, e.name) for e in parse_equations("dV/dt = -V / tau  # leak", "demo")]
    [('ode', 'V')]
    """
    found: list[Equation] = []
    for line in _lines(text, model):
        kind, name, right = _split(line, model)
        if not right.strip():
            raise DeclarationError(f"{model}, equation of {name}: nothing stands after the '=' in {line!r}; write what it is equal to")
        if any(e.name == name for e in found):
            raise DeclarationError(f"{model}: {name!r} is defined twice; keep one equation for it")
        found.append(Equation(kind, name, Expression(right.strip(), f"{model}, equation of {name}")))
    return tuple(found)


def parse_assignments(text: str, model: str, place: str) -> tuple[Assignment, ...]:
    """Read ``"V = c; u += d"``, statements separated by ``;`` or line ends, executed in order."""
    found = []
    for line in _lines(text.replace(";", "\n"), model):
        match = _ASSIGN.match(line)
        if match is None or not is_name(match[1]):
            raise DeclarationError(f"{model}, {place}: cannot read {line!r}; write for example 'V = V_reset' or 'V -= V_th'")
        if not match[3].strip():
            raise DeclarationError(f"{model}, {place}: nothing stands after {match[2]!r} in {line!r}; write for example '{line} 1'")
        found.append(Assignment(match[1], match[2], Expression(match[3].strip(), f"{model}, {place} of {match[1]}")))
    return tuple(found)


def _split(line: str, model: str) -> tuple[Kind, str, str]:
    patterns: tuple[tuple[Kind, re.Pattern[str]], ...] = (("ode", _ODE), ("map", _MAP), ("value", _VALUE))
    for kind, pattern in patterns:
        match = pattern.match(line)
        if match and is_name(match[1]):
            return kind, match[1], match[2]
    raise DeclarationError(f"{model}: cannot read the equation {line!r}; write 'dV/dt = ...', 'x := ...' or 'u = ...'")


def _lines(text: str, model: str) -> list[str]:
    if not isinstance(text, str):
        raise DeclarationError(f"{model}: equations must be text, got {text!r}; write them as a string")
    lines: list[str] = []
    open_brackets = 0
    for raw in text.splitlines():
        line = raw.split("#", 1)[0].strip()
        if not line:
            continue
        if open_brackets:
            lines[-1] += " " + line
        else:
            lines.append(line)
        open_brackets += line.count("(") - line.count(")")
    return lines
