"""Linear systems ``dx/dt = A x + B u + c``: found in a model, and advanced by their exact propagator."""

from __future__ import annotations

from dataclasses import dataclass

import sympy
from sympy import Expr, Integer, Symbol

from spaic.Dynamics.functions import entry, exprel, matrix_exp
from spaic.Dynamics.system import DT, TIME, System, bends, normal, symbol
from spaic.errors import UnsupportedError

_ZERO = Integer(0)


@dataclass(frozen=True)
class Linear:
    """Matrices of a linear model, entries in its parameters.

    Attributes
    ----------
    states : tuple of str
        Rows and columns of `A`.
    inputs : tuple of Symbol
        Columns of `B`, constant within a step.
    A, B : dict
        (row, column) -> entry; absent entries are 0.
    c : dict
        row -> constant term.
    """

    states: tuple[str, ...]
    inputs: tuple[Symbol, ...]
    A: dict[tuple[str, str], Expr]
    B: dict[tuple[str, Symbol], Expr]
    c: dict[str, Expr]

    def sources(self, row: str) -> list[str]:
        """States that influence `row`, itself included, in the order of `states`."""
        found = {row}
        while True:
            more = {j for (i, j) in self.A if i in found} - found
            if not more:
                return [s for s in self.states if s in found]
            found |= more


def linear_system(system: System, method: str = "exact") -> Linear:
    """Matrices of `system`.

    Raises
    ------
    UnsupportedError
        Naming the equation that is not linear, and the methods that can integrate it.
    """
    states, inputs = tuple(system.slopes), system.inputs
    variables = [symbol(s) for s in states]
    A: dict[tuple[str, str], Expr] = {}
    B: dict[tuple[str, Symbol], Expr] = {}
    c: dict[str, Expr] = {}
    for name, slope in system.slopes.items():
        row_a = {v.name: sympy.diff(slope, v) for v in variables}
        row_b = {u: sympy.diff(slope, u) for u in inputs}
        for coefficient in (*row_a.values(), *row_b.values()):
            if coefficient.free_symbols & {*variables, *inputs, TIME}:
                raise _not_linear(system, name, method)
        if bends(slope, {*variables, *inputs, TIME}):
            raise _not_linear(system, name, method)
        rest = slope.xreplace(dict.fromkeys((*variables, *inputs), _ZERO))
        if TIME in rest.free_symbols:
            raise _not_linear(system, name, method)
        A.update({(name, k): v for k, v in row_a.items() if v != 0})
        B.update({(name, u): v for u, v in row_b.items() if v != 0})
        if rest != 0:
            c[name] = rest
    return Linear(states, inputs, A, B, c)


def advance_exactly(system: System, as_impulse: bool = False) -> dict[str, Expr]:
    """States at the end of a step: ``x' = P x + Q u + r``, exact for inputs that are constant within the step.

    A row that depends on no other state has a closed form; coupled rows share one matrix exponential, which is right
    for repeated and complex rates too. With `as_impulse` the inputs arrive as one pulse ``dt * B u`` at the end.
    """
    method = "impulse" if as_impulse else "exact"
    linear = linear_system(system, method)
    noise = _exact_noise(system, linear, method)
    result = {}
    for row in linear.states:
        alone = linear.sources(row) == [row]
        terms = _closed_form(linear, row, as_impulse) if alone else _coupled(linear, row, as_impulse)
        if as_impulse:
            terms += [DT * linear.B[row, u] * u for u in linear.inputs if (row, u) in linear.B]
        result[row] = sympy.Add(*terms, noise.get(row, _ZERO))
    return result


def _closed_form(linear: Linear, row: str, as_impulse: bool) -> list[Expr]:
    rate = linear.A.get((row, row), _ZERO)
    reach = DT * exprel(rate * DT)  # integral of exp(rate s) over the step
    terms = [sympy.exp(rate * DT) * symbol(row), reach * linear.c.get(row, _ZERO)]
    if not as_impulse:
        terms += [reach * linear.B[row, u] * u for u in linear.inputs if (row, u) in linear.B]
    return terms


def _coupled(linear: Linear, row: str, as_impulse: bool) -> list[Expr]:
    """Row of the exponential of the matrix of all states that influence `row`, its inputs and the constant."""
    states = linear.sources(row)
    inputs = [] if as_impulse else [u for u in linear.inputs if any((s, u) in linear.B for s in states)]
    has_constant = any(s in linear.c for s in states)
    size = len(states) + len(inputs) + has_constant
    cells = [_ZERO] * (size * size)
    for i, s in enumerate(states):
        blocks = [linear.A.get((s, k), _ZERO) for k in states] + [linear.B.get((s, u), _ZERO) for u in inputs]
        blocks += [linear.c.get(s, _ZERO)] if has_constant else []
        cells[i * size : (i + 1) * size] = [DT * cell for cell in blocks]
    matrix = matrix_exp(Integer(size), *cells)
    columns = [symbol(s) for s in states] + inputs + ([Integer(1)] if has_constant else [])
    i = states.index(row)
    return [entry(matrix, Integer(i), Integer(j)) * x for j, x in enumerate(columns)]


def _exact_noise(system: System, linear: Linear, method: str) -> dict[str, Expr]:
    """What additive white noise adds to each state over a step, with its exact covariance."""
    for name, coefficients in system.diffusion.items():
        for coefficient in coefficients.values():
            if coefficient.free_symbols & {symbol(s) for s in (*linear.states, *system.maps)} | coefficient.free_symbols & {TIME}:
                raise UnsupportedError(
                    f"{system.model.name}, equation of {name}: the noise depends on the state, which {method!r} cannot "
                    f"integrate; use 'euler' or 'exponential_euler'"
                )
    noisy = [s for s in linear.states if any(system.diffusion[k] for k in linear.sources(s))]
    if not noisy:
        return {}
    draws = system.model.noises
    own = {s: n for s in noisy for n in system.diffusion[s]}
    independent = all(linear.sources(s) == [s] for s in noisy) and len(set(own.values())) == len(noisy)
    if independent and all(len(system.diffusion[s]) == 1 for s in noisy):
        return {s: _scalar_noise(linear, s, system.diffusion[s][own[s]]) * normal(own[s]) for s in noisy}
    if len(draws) < len(noisy):
        raise UnsupportedError(
            f"{system.model.name}: {len(noisy)} coupled states ({', '.join(noisy)}) share {len(draws)} noise(s), which "
            f"{method!r} cannot integrate exactly; use 'euler' or 'exponential_euler'"
        )
    return _correlated_noise(system, linear, noisy)


def _scalar_noise(linear: Linear, row: str, coefficient: Expr) -> Expr:
    rate = linear.A.get((row, row), _ZERO)
    return coefficient * sympy.sqrt(DT * exprel(2 * rate * DT))


def _correlated_noise(system: System, linear: Linear, noisy: list[str]) -> dict[str, Expr]:
    """Covariance of the step by Van Loan's block exponential (IEEE TAC 1978, 23:395), then its Cholesky factor."""
    n = len(noisy)
    power = [[_power(system, i, j) for j in noisy] for i in noisy]
    rate = [[linear.A.get((i, j), _ZERO) for j in noisy] for i in noisy]
    cells: list[Expr] = []
    for i in range(n):
        cells += [-DT * rate[i][j] for j in range(n)] + [DT * power[i][j] for j in range(n)]
    for i in range(n):
        cells += [_ZERO] * n + [DT * rate[j][i] for j in range(n)]
    block = matrix_exp(Integer(2 * n), *cells)

    def upper(i: int, j: int) -> Expr:
        return entry(block, Integer(i), Integer(n + j))

    def phi(i: int, j: int) -> Expr:  # propagator, the transpose of the lower right block
        return entry(block, Integer(n + j), Integer(n + i))

    covariance = [[sympy.Add(*(phi(i, k) * upper(k, j) for k in range(n))) for j in range(n)] for i in range(n)]
    return _cholesky_draws(covariance, noisy, system.model.noises)


def _power(system: System, i: str, j: str) -> Expr:
    a, b = system.diffusion[i], system.diffusion[j]
    return sympy.Add(*(a[k] * b[k] for k in a if k in b))


def _cholesky_draws(covariance: list[list[Expr]], rows: list[str], noises: tuple[str, ...]) -> dict[str, Expr]:
    n = len(rows)
    factor = [[_ZERO] * n for _ in range(n)]
    for j in range(n):
        pivot = sympy.Max(covariance[j][j] - sympy.Add(*(factor[j][k] ** 2 for k in range(j))), 0)
        factor[j][j] = sympy.sqrt(pivot)
        for i in range(j + 1, n):
            rest = covariance[i][j] - sympy.Add(*(factor[i][k] * factor[j][k] for k in range(j)))
            factor[i][j] = sympy.Piecewise((rest / factor[j][j], pivot > 0), (_ZERO, True))
    return {row: sympy.Add(*(factor[i][k] * normal(noises[k]) for k in range(i + 1))) for i, row in enumerate(rows)}


def _not_linear(system: System, name: str, method: str) -> UnsupportedError:
    return UnsupportedError(
        f"{system.model.name}, equation of {name}: it is not linear with constant coefficients, so {method!r} cannot "
        f"integrate it; use 'exponential_euler', 'euler', 'rk2' or 'rk4'"
    )
