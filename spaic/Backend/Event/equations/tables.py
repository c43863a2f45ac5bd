"""The numbers behind a form: one class for each set of parameter values that occurs, in the coordinates of its modes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from spaic.Backend.Event.compiled.motion import LOGARITHM, QUADRATIC, STEPS
from spaic.Backend.Event.equations.algebra import Form, Row
from spaic.Backend.Event.equations.modes import modes

#: Fewest modes that there is room for.
_ROOM = 2
#: Two rates are twice each other up to rounding.
_ROUNDING = 4e-16


@dataclass(frozen=True, eq=False)
class Tables:
    """Arrays that compiled code reads; n modes, C classes, rows ``2 c`` and ``2 c + 1`` of Q = 2 C for at large and refractory.

    Attributes
    ----------
    T, size, growth : ndarray
        Modes: shapes (Q, n, n), (Q, n), (Q, n).
    rows : ndarray
        Shape (Q, 3, n): residual, its first and its second derivative in time.
    level : ndarray
        Shape (Q,): constant term of the residual.
    is_strict, is_plain : ndarray of bool
        Shape (Q,): whether the residual has to be above 0; whether there are simple decaying modes only.
    how : ndarray
        Shape (Q,): how the next crossing is found.
    longest : ndarray
        Shape (Q,): longest time constant in ms.
    reset, release : ndarray
        Shape (C, n, n): modes after a spike, and after the refractory period.
    reset_to : ndarray
        Shape (C, n).
    jump : ndarray
        Shape (Q, ports, n): what an amount of 1 adds.
    basis, inverse : ndarray
        Shape (Q, n, n): states of modes and back.
    """

    T: np.ndarray
    size: np.ndarray
    growth: np.ndarray
    rows: np.ndarray
    level: np.ndarray
    is_strict: np.ndarray
    is_plain: np.ndarray
    how: np.ndarray
    longest: np.ndarray
    reset: np.ndarray
    reset_to: np.ndarray
    release: np.ndarray
    jump: np.ndarray
    basis: np.ndarray
    inverse: np.ndarray

    @property
    def modes(self) -> int:
        """Number of modes."""
        return self.T.shape[1]

    @property
    def drift(self) -> np.ndarray:
        """How a jump moves on, ``T jump``, shape (Q, ports, n)."""
        return np.ascontiguousarray(np.einsum("qkm,qpm->qpk", self.T, self.jump))


@dataclass(frozen=True, eq=False)
class Cells:
    """Numbers of one population: shapes are (C, ...) for the classes of its parameters.

    Attributes
    ----------
    states : tuple of str
        Names; the last is ``""``, the constant 1, if there is a constant term anywhere in the slopes.
    A, reset : ndarray
        Shape (C, n, n).
    reset_to, residual : ndarray
        Shape (C, n).
    level, t_ref : ndarray
        Shape (C,).
    jump : ndarray
        Shape (C, ports, n).
    held : ndarray of bool
        Shape (n,).
    is_strict : bool
        Whether the residual has to be above 0.
    """

    states: tuple[str, ...]
    A: np.ndarray
    reset: np.ndarray
    reset_to: np.ndarray
    residual: np.ndarray
    level: np.ndarray
    t_ref: np.ndarray
    jump: np.ndarray
    held: np.ndarray
    is_strict: bool

    @property
    def is_finite(self) -> bool:
        """Whether all of them are numbers."""
        return all(np.isfinite(x).all() for x in (self.A, self.reset, self.reset_to, self.residual, self.level, self.jump))


def cells(form: Form, ports: Sequence[str], values: Mapping[str, np.ndarray], t_ref: np.ndarray) -> Cells:
    """Evaluate `form`.

    Parameters
    ----------
    form : Form
        The linear system.
    ports : sequence of str
        Entry points in the order of their numbers.
    values : mapping of str to ndarray
        Parameter -> one value for each class, shape (C,).
    t_ref : ndarray
        Shape (C,), in ms.
    """
    has_constant = any("" in r for r in form.slopes.values())
    states = (*form.states, *(("",) if has_constant else ()))
    count, n = len(t_ref), len(states)

    def array(rows: Mapping[Any, Row], keys: Sequence[Any], with_constant: bool) -> tuple[np.ndarray, np.ndarray]:
        matrix, constant = np.zeros((count, len(keys), n)), np.zeros((count, len(keys)))
        for i, key in enumerate(keys):
            for name, expression in rows.get(key, {}).items():
                value = _evaluated(expression, values)
                if name == "" and not with_constant:
                    constant[:, i] = value
                else:
                    matrix[:, i, states.index(name)] = value
        return matrix, constant

    A, _ = array(form.slopes, states, True)
    identity = {s: {s: _one()} for s in states if s not in form.reset}
    reset, reset_to = array({**identity, **form.reset}, states, False)
    residual, level = array({"r": form.residual}, ["r"], False)
    if not form.residual:
        level[:] = -1.0
    jump, _ = array(form.jumps, ports, True)
    held = np.array([s in form.held for s in states], dtype=bool)
    return Cells(states, A, reset, reset_to, residual[:, 0], level[:, 0], t_ref, jump, held, form.is_strict)


def _one() -> Any:
    import sympy

    return sympy.Integer(1)


def _evaluated(expression: Any, values: Mapping[str, np.ndarray]) -> np.ndarray:
    from spaic.Dynamics.lowering import lower
    from spaic.Dynamics.primitives import PRIMITIVES

    tape = lower([("result", expression)], {"result": "result"}, values)
    with np.errstate(all="ignore"):  # what is no number is refused by those who ask
        return np.asarray(tape.run(PRIMITIVES, values)["result"], dtype=np.float64)


def tables(parts: Sequence[Cells]) -> Tables:
    """Tables of several populations, one after the other; those with fewer modes or ports are filled up with nothing."""
    n = _ROOM
    while n < max(len(p.states) for p in parts):  # few sizes, as kernels are compiled for each
        n *= 2
    ports = max(1, *(p.jump.shape[1] for p in parts))
    found: dict[str, list[np.ndarray]] = {f.name: [] for f in fields(Tables)}
    for part in parts:
        for c in range(len(part.t_ref)):
            for key, value in _one_class(part, c, n, ports).items():
                found[key].append(value)
    joined = {k: np.concatenate(v) if k not in ("reset", "reset_to", "release") else np.stack(v) for k, v in found.items()}
    return Tables(**{k: np.ascontiguousarray(v) for k, v in joined.items()})


def _one_class(part: Cells, c: int, n: int, ports: int) -> dict[str, np.ndarray]:
    m = len(part.states)
    A = part.A[c]
    waits = part.t_ref[c] > 0
    pair = [modes(A), modes(np.where(part.held[:, None], 0.0, A) if waits else A)]
    first, second = pair
    after = second if waits else first
    T, basis, inverse = (np.stack([_square(getattr(p, k), n) for p in pair]) for k in ("T", "basis", "inverse"))
    rows = np.zeros((2, 3, n))
    rows[0, 0, :m] = part.residual[c] @ first.basis
    for k in (1, 2):
        rows[0, k] = rows[0, k - 1] @ T[0]
    jump = np.zeros((2, ports, n))
    jump[0, : part.jump.shape[1], :m] = part.jump[c] @ first.inverse.T
    jump[1, : part.jump.shape[1], :m] = np.where(part.held & waits, 0.0, part.jump[c]) @ second.inverse.T
    rates = np.diagonal(first.T)
    is_plain = [bool((p.size == 1).all() and (np.diagonal(p.T) <= 0).all()) for p in pair]
    decays = -rates[rates < 0]
    return {
        "T": T,
        "size": np.stack([_long(p.size, n, 1) for p in pair]),
        "growth": np.stack([_long(p.growth, n, 0.0) for p in pair]),
        "rows": rows,
        "level": np.array([part.level[c], -1.0]),
        "is_strict": np.array([part.is_strict] * 2),
        "is_plain": np.array(is_plain),
        "how": np.array([_how(decays) if is_plain[0] else STEPS, STEPS]),
        "longest": np.full(2, 1 / decays.min() if len(decays) else 1.0),
        "reset": _square(after.inverse @ part.reset[c] @ first.basis, n),
        "reset_to": _long(after.inverse @ part.reset_to[c], n, 0.0),
        "release": _square(first.inverse @ second.basis, n),
        "jump": jump,
        "basis": basis,
        "inverse": inverse,
    }


def _how(rates: np.ndarray) -> int:
    """Whether the next crossing has a closed form, by the structure of the rates."""
    if len(rates) == 1:
        return LOGARITHM
    if len(rates) == 2 and abs(rates.max() - 2 * rates.min()) <= _ROUNDING * rates.max():
        return QUADRATIC
    return STEPS


def _square(a: np.ndarray, n: int) -> np.ndarray:
    full = np.zeros((n, n))
    full[: len(a), : len(a)] = a
    return full


def _long(a: np.ndarray, n: int, fill: float) -> np.ndarray:
    full = np.full(n, fill, dtype=a.dtype)
    full[: len(a)] = a
    return full
