"""Compiled code: the motion of one neuron between events, and its next threshold crossing.

A neuron is a vector y of :data:`MODES` modes, ``dy/dt = T y``, and a residual ``r = rows[0] y + level``, which is positive where the
neuron fires. The text of this file is put before that of each file of kernels, with the number of modes of the network.
"""

import math
from typing import Any

import numpy as np

#: Modes of a neuron; another number is put in before the text is compiled.
MODES = 2
#: How a next crossing is found: by safe steps, as a logarithm, by a quadratic equation.
STEPS, LOGARITHM, QUADRATIC = 0, 1, 2
#: Width of an instant, relative to the time: what is no further apart happens together. A crossing fires before what arrives in its
#: instant, and what arrives in the last instant of a refractory period is part of it.
LATER = 4e-15
#: Time constants by which a crossing may lie beyond a horizon where the residual itself is looked at: rounding moves grazing ones that far.
GRAZING = 1e-5
#: A time that is no time at all, but not 0: the crossing is ahead.
AT_ONCE = 1e-300
#: Safe steps after which a search is given up; none was seen to take more than 200.
MOST = 100000

HELPERS = ("dot", "goes_up", "move", "turn", "next_crossing")
#: Compiled once and called, not made part of what calls them: that would take many seconds to compile.
PARTS = ("small_exp", "advance_many", "advance", "safe_step", "search")


def dot(a: Any, b: Any) -> Any:
    """Scalar product of two vectors of modes."""
    total = 0.0
    for k in range(MODES):
        total += a[k] * b[k]
    return total


def small_exp(T: Any, at: Any, m: Any, s: Any, P: Any, Q: Any, R: Any) -> Any:
    """``P = exp(T s)`` of the block of size `m` at row `at`, by scaling and squaring; `Q`, `R` are memory."""
    norm = 0.0
    for i in range(m):
        row = 0.0
        for j in range(m):
            row += abs(T[at + i, at + j]) * s
        norm = max(norm, row)
    halvings = 0
    while norm > 0.25:
        norm *= 0.5
        halvings += 1
    scale = s / 2.0**halvings
    for i in range(m):
        for j in range(m):
            P[i, j] = Q[i, j] = 1.0 if i == j else 0.0
    for order in range(1, 13):
        for i in range(m):
            for j in range(m):
                total = 0.0
                for k in range(m):
                    total += Q[i, k] * T[at + k, at + j]
                R[i, j] = total * scale / order
        for i in range(m):
            for j in range(m):
                Q[i, j] = R[i, j]
                P[i, j] += R[i, j]
    for _ in range(halvings):
        for i in range(m):
            for j in range(m):
                total = 0.0
                for k in range(m):
                    total += P[i, k] * P[k, j]
                R[i, j] = total
        for i in range(m):
            for j in range(m):
                P[i, j] = R[i, j]


def advance_many(T: Any, k: Any, m: Any, y: Any, s: Any, is_adjoint: Any, out: Any) -> Any:
    """:func:`advance` for a block of `m` modes from `k` on."""
    P, Q, R = np.empty((m, m)), np.empty((m, m)), np.empty((m, m))
    small_exp(T, k, m, s, P, Q, R)
    for i in range(m):
        total = 0.0
        for j in range(m):
            total += (P[j, i] if is_adjoint else P[i, j]) * y[k + j]
        out[k + i] = total


def advance(T: Any, size: Any, y: Any, s: Any, is_adjoint: Any, out: Any) -> Any:
    """``out = exp(T s) y``, or with the transposed T; `out` is not `y`."""
    for k in range(MODES):
        m = size[k]
        if m == 1:
            out[k] = y[k] if T[k, k] == 0.0 else y[k] * math.exp(T[k, k] * s)
        elif m == 2:
            a, d = 0.5 * (T[k, k] + T[k + 1, k + 1]), 0.5 * (T[k, k] - T[k + 1, k + 1])
            t12 = T[k + 1, k] if is_adjoint else T[k, k + 1]
            t21 = T[k, k + 1] if is_adjoint else T[k + 1, k]
            square = d * d + t12 * t21
            z = square * s * s
            if abs(z) < 0.01:  # cosh(q) and sinh(q) / q by their series
                e = math.exp(a * s)
                even = e * (1.0 + z / 2 * (1.0 + z / 12 * (1.0 + z / 30 * (1.0 + z / 56 * (1.0 + z / 90)))))
                odd = e * s * (1.0 + z / 6 * (1.0 + z / 20 * (1.0 + z / 42 * (1.0 + z / 72 * (1.0 + z / 110)))))
            elif square > 0:
                q = math.sqrt(square)
                up, down = math.exp((a + q) * s), math.exp((a - q) * s)
                even, odd = 0.5 * (up + down), 0.5 * (up - down) / q
            else:
                q, e = math.sqrt(-square), math.exp(a * s)
                even, odd = e * math.cos(q * s), e * math.sin(q * s) / q
            out[k] = (even + odd * d) * y[k] + odd * t12 * y[k + 1]
            out[k + 1] = odd * t21 * y[k] + (even - odd * d) * y[k + 1]
        elif m > 2:
            advance_many(T, k, m, y, s, is_adjoint, out)


def goes_up(r: Any, slope: Any, is_strict: Any) -> Any:
    """Whether a neuron with this residual fires at once."""
    return r > 0.0 or (r == 0.0 and (slope > 0.0 or not is_strict))


def safe_step(T: Any, size: Any, growth: Any, rows: Any, level: Any, is_strict: Any, z: Any) -> Any:
    """For how long the residual stays below 0 for certain: 0 if it is not, infinite if it always does.

    A parabola is laid over the future: through the residual and its slope, with a curvature that the residual's never exceeds. Up to the
    zero of the parabola there is no crossing.
    """
    r, slope = dot(rows[0], z) + level, dot(rows[1], z)
    if goes_up(r, slope, is_strict):
        return 0.0
    bend, reach, most = 0.0, level, 0.0
    for k in range(MODES):
        if size[k] == 1:
            bend += max(rows[2, k] * z[k], 0.0)
            reach += rows[0, k] * z[k] if T[k, k] == 0.0 else max(rows[0, k] * z[k], 0.0)
            if T[k, k] > 0 and z[k] != 0.0:
                most = max(most, T[k, k])
        elif size[k] > 1:
            length = curve = height = 0.0
            for i in range(k, k + size[k]):
                length += z[i] * z[i]
                curve += rows[2, i] * rows[2, i]
                height += rows[0, i] * rows[0, i]
            bend += math.sqrt(length * curve)
            reach += math.sqrt(length * height)
            if length > 0.0:
                most = max(most, growth[k])
    if most > 0.0:
        bend *= math.e  # within 1 / most
    elif reach <= 0.0:
        return math.inf
    if bend > 0.0:
        root = math.sqrt(slope * slope - 2.0 * bend * r)
        step = -2.0 * r / (slope + root) if slope > 0.0 else (root - slope) / bend
    else:
        step = -r / slope if slope > 0.0 else math.inf
    return min(step, 1.0 / most) if most > 0.0 else step


def search(T: Any, size: Any, growth: Any, rows: Any, level: Any, is_strict: Any, y: Any, horizon: Any, z: Any, longest: Any) -> Any:
    """Time until the residual reaches 0, at most `horizon`; -1 if it stays below, -2 if no answer was found.

    Safe steps come to a crossing from the left, quadratically like Newton's method, and pass a maximum only if that is below the threshold.
    """
    s = 0.0
    for k in range(MODES):
        z[k] = y[k]
    for _ in range(MOST):
        step = safe_step(T, size, growth, rows, level, is_strict, z)
        if step <= 1e-15 * (longest + s):
            return s + step
        if not step < horizon - s:
            break
        s += step
        advance(T, size, y, s, False, z)
    else:
        return -2.0
    if horizon == math.inf:
        return -1.0
    advance(T, size, y, horizon, False, z)
    return horizon if goes_up(dot(rows[0], z) + level, dot(rows[1], z), is_strict) else -1.0


def next_crossing(tables: Any, q: Any, y: Any, horizon: Any, z: Any) -> Any:
    """As :func:`search` for row `q`, in closed form where the rates allow: one rate (`how` 1), or two of which one is twice the other (2).

    With ``x = exp(-rate s)`` of the slower one, the residual is ``a x^2 + b x + c``, and x falls from 1.
    """
    T, size, growth, rows, level, is_strict, how, is_plain, longest, reset, reset_to, release, jump = tables
    if how[q] == STEPS:
        return search(T[q], size[q], growth[q], rows[q], level[q], is_strict[q], y, horizon, z, longest[q])
    a, b, c, rate = 0.0, 0.0, level[q], 0.0
    for k in range(MODES):
        part, own = rows[q, 0, k] * y[k], -T[q, k, k]
        if own == 0.0:
            c += part
        elif rate == 0.0:
            b, rate = part, own
        elif own > rate:
            a = part
        else:
            a, b, rate = b, part, own
    slope = -rate * (2.0 * a + b)
    if goes_up(a + b + c, slope, is_strict[q]):
        return 0.0
    if a == 0.0:
        x = -c / b if b != 0.0 and c > 0.0 else -1.0
    else:
        root = b * b - 4.0 * a * c
        if root < 0.0 or (root == 0.0 and is_strict[q]):
            return -1.0
        # of the two zeros the one that is reached on the way up as x falls: there 2 a x + b = -sqrt(root)
        root = math.sqrt(root)
        x = 2.0 * c / (root - b) if b < 0.0 else -(b + root) / (2.0 * a)
    if x > 1.0 and slope > 0.0:
        return AT_ONCE  # below the threshold and rising: the crossing is ahead, rounding put it behind
    if not 0.0 < x <= 1.0:
        return -1.0
    s = max(-math.log(x) / rate, AT_ONCE)
    if s <= horizon:
        return s
    if s - horizon < GRAZING / rate:
        x = math.exp(-rate * horizon)
        if goes_up((a * x + b) * x + c, -rate * (2.0 * a * x + b) * x, is_strict[q]):
            return horizon
    return -1.0


def move(tables: Any, q: Any, y: Any, s: Any, z: Any) -> Any:
    """Let a neuron in row `q` go on for `s`; `z` is memory."""
    T, size, is_plain = tables[0], tables[1], tables[7]
    if is_plain[q]:
        for k in range(MODES):
            if T[q, k, k] != 0.0:
                y[k] *= math.exp(T[q, k, k] * s)
    else:
        advance(T[q], size[q], y, s, False, z)
        for k in range(MODES):
            y[k] = z[k]


def turn(matrix: Any, c: Any, y: Any, z: Any) -> Any:
    """``y = matrix[c] y``; `z` is memory."""
    for k in range(MODES):
        total = 0.0
        for m in range(MODES):
            total += matrix[c, k, m] * y[m]
        z[k] = total
    for k in range(MODES):
        y[k] = z[k]
