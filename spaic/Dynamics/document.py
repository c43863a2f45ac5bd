"""One declaration as Markdown: its equations typeset, its parameters with units and ranges, what can integrate it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from spaic.Dynamics.equations import Assignment, Equation
from spaic.Dynamics.expression import Expression
from spaic.Dynamics.model import METHODS, Model
from spaic.Dynamics.models import NeuronModel, SynapseModel
from spaic.Dynamics.parameter import Parameter
from spaic.Dynamics.rules import Rule
from spaic.Dynamics.surrogate import Surrogate
from spaic.errors import UnsupportedError

_GREEK = frozenset(
    [
        "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi", "pi", "rho",
        "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi",
        "Psi", "Omega",
    ]
)  # fmt: skip
_EVERYWHERE = "(-inf, inf)"


def document(declaration: Model | Surrogate, name: str = "", aliases: Sequence[str] = (), level: int = 3) -> str:
    """The section of a neuron model, a synapse model or a surrogate.

    Parameters
    ----------
    declaration : NeuronModel, SynapseModel or Surrogate
        What is described.
    name : str, optional
        Heading; the declaration's own name by default.
    aliases : sequence of str
        Other names under which it is registered.
    level : int
        Depth of the heading.

    Returns
    -------
    str
        Markdown; mathematics stands in ``math`` blocks.
    """
    parts = _surrogate(declaration) if isinstance(declaration, Surrogate) else _model(declaration)
    return section(declaration, parts, name, aliases, level)


def section(declaration: Model | Rule | Surrogate, parts: Iterable[str], name: str, aliases: Sequence[str], level: int) -> str:
    """What all sections have, around the `parts` of this one; the other arguments are those of :func:`document`."""
    head = [f"{'#' * level} {name or declaration.name}"]
    head += ["Also called " + ", ".join(f"`{a}`" for a in aliases) + "."] if aliases else []
    head += [sentence(declaration.summary)] if declaration.summary else []
    source = [f"Source: {declaration.source}."] if declaration.source else []
    return "\n\n".join([*head, *parts, *parameter_table(declaration.parameters), *source]) + "\n"


def integrators(model: Model) -> tuple[str, ...]:
    """The methods that can advance `model`, found by building its step with each of them."""
    from spaic.Dynamics.step import build_step

    accepted = []
    for method in METHODS:
        try:
            build_step(model, method, frozenset(model.ports))
        except UnsupportedError:
            continue
        accepted.append(method)
    return tuple(accepted)


def typeset(text: str) -> str:
    """An expression of the equation language as LaTeX, its terms in the order in which they were written.

    Examples
    --------
    >>> typeset("(-(V - V_rest) + R * I) / tau_m")
    '\\\\frac{- (V - V_\\\\mathrm{rest}) + R I}{\\\\tau_m}'
    """
    import sympy

    with sympy.evaluate(False):  # a fresh expression, or SymPy would put its terms into an order of its own
        written = _flat(Expression(text, may_be_condition=True).sympy)
        names = {s: letter(s.name) for s in written.free_symbols}
        return str(sympy.latex(written, order="none", symbol_names=names))


def letter(name: str) -> str:
    """A name as LaTeX: Greek letters by their words, what follows the first underscore as a subscript.

    Examples
    --------
    >>> letter("tau_m"), letter("V_rest"), letter("upstroke")
    ('\\\\tau_m', 'V_\\\\mathrm{rest}', '\\\\mathrm{upstroke}')
    """
    base, _, index = name.partition("_")
    return _word(base or "\\_") + (f"_{_word(index)}" if index else "")


def sentence(text: str) -> str:
    """`text` with a capital at its start and a full stop at its end."""
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _word(text: str) -> str:
    if text in _GREEK:
        return "\\" + text
    return text if len(text) == 1 or text == "\\_" else f"\\mathrm{{{text.replace('_', ',')}}}"


def _flat(expression: Any) -> Any:
    """Nested sums and products as one, with one sign: what an author means by ``-a / b - c + d``."""
    import sympy

    if not isinstance(expression, (sympy.Add, sympy.Mul, sympy.Pow)):
        return expression.func(*map(_flat, expression.args)) if expression.args else expression
    parts: list[Any] = []
    for part in map(_flat, expression.args):
        is_same = type(part) is type(expression) and not isinstance(expression, sympy.Pow)
        parts += part.args if is_same else [part]
    if isinstance(expression, sympy.Mul):
        signs = sum(p == -1 for p in parts)
        parts = [sympy.Integer(-1)] * (signs % 2) + [p for p in parts if p != -1]
    return expression.func(*parts, evaluate=False) if len(parts) > 1 else parts[0]


def _surrogate(surrogate: Surrogate) -> list[str]:
    return [aligned([(r"\frac{\partial O}{\partial x}", "=", typeset(surrogate.derivative))])]


def _model(model: Model) -> list[str]:
    parts = [aligned(map(equation, model.lines)), *(_receives(port, s) for port, s in model.receives.items())]
    if model.currents:
        listed = ", ".join(f"${letter(c)}${_unit(model, c)}" for c in model.currents)
        parts.append(f"Inputs that are constant within a step: {listed}.")
    if isinstance(model, NeuronModel):
        parts += _firing(model)
    if isinstance(model, SynapseModel):
        parts.append(f"It delivers ${letter(model.output)}$.")
    parts.append(table(("state", "unit", "at the start"), [_state(model, s) for s in model.states]) if model.states else "It has no state.")
    return [*parts, _methods(model)]


def equation(line: Equation) -> tuple[str, str, str]:
    """An equation as left side, sign and right side, in LaTeX."""
    name = letter(line.name)
    if line.kind == "ode":
        return rf"\frac{{\mathrm{{d}} {name}}}{{\mathrm{{d}} t}}", "=", typeset(line.right.text)
    return name, r"\leftarrow" if line.kind == "map" else "=", typeset(line.right.text)


def assignment(statement: Assignment) -> tuple[str, str, str]:
    """An assignment as left side, arrow and right side, in LaTeX."""
    operator, right = statement.operator[:-1], statement.right.text
    return letter(statement.name), r"\leftarrow", typeset(f"{statement.name} {operator} ({right})" if operator else right)


def _receives(port: str, statements: Sequence[Assignment]) -> str:
    return f"An amount $w$ that arrives at the port `{port}`:\n\n{aligned(map(assignment, statements))}"


def _firing(model: NeuronModel) -> list[str]:
    if model.condition is None:
        return ["It does not fire."]
    parts = [f"It fires when\n\n{aligned([('', '', typeset(model.spike))])}"]
    if model.resets:
        parts.append(f"and then\n\n{aligned(map(assignment, model.resets))}")
    if model.interpolate:
        parts.append("The reset happens at the crossing, interpolated within the step; the rest of the step is integrated from there.")
    if model.refractory_period is not None:
        period, held = model.refractory_period
        states = ", ".join(f"${letter(s)}$" for s in held)
        parts.append(f"For ${letter(period)}$ after a spike {states} stays as the reset left it and there is no other spike.")
    return parts


def _state(model: Model, name: str) -> tuple[str, str, str]:
    initial = model.initial.get(name, 0.0)
    return f"`{name}`", model.units.get(name, "1"), f"`{initial}`" if isinstance(initial, str) else f"{initial:.6g}"


def _methods(model: Model) -> str:
    if not any(line.kind == "ode" for line in model.lines):
        return "There is nothing to integrate: one step is one application of the map, whatever dt is."
    accepted = integrators(model)
    refused = [m for m in METHODS if m not in accepted]
    also = ", ".join(f"`{m}`" for m in accepted if m != model.method)
    wrong = f"; {' and '.join(f'`{m}`' for m in refused)} need linear equations" if refused else ""
    parted = f" in {model.substeps} parts of a step" if model.substeps > 1 else ""
    return f"Integrator: `{model.method}`{parted}; {also} work too{wrong}."


def _unit(model: Model, name: str) -> str:
    unit = model.units.get(name, "1")
    return "" if unit == "1" else f" ({unit})"


def parameter_table(parameters: Mapping[str, Parameter | float]) -> list[str]:
    """The lines of a table of parameters; none where there are none."""
    if not parameters:
        return []
    rows = [_parameter(k, p) for k, p in parameters.items() if isinstance(p, Parameter)]
    return [table(("parameter", "", "default", "unit", "range", "meaning"), rows)]


def _parameter(name: str, p: Parameter) -> tuple[str, ...]:
    default = f"`{p.default}`" if isinstance(p.default, str) else f"{p.default:g}"
    meaning = p.meaning + (" (trained)" if p.trainable else "")
    return f"`{name}`", f"${letter(name)}$", default, p.unit, "any" if p.range == _EVERYWHERE else p.range, meaning


def aligned(lines: Iterable[tuple[str, str, str]]) -> str:
    """A block of lines (left, relation, right), aligned at the relation where there are several."""
    rows = list(lines)
    if len(rows) == 1:
        body = " ".join(filter(None, rows[0]))
    else:
        body = "\\begin{aligned}\n" + " \\\\\n".join(f"{left} &{relation} {right}" for left, relation, right in rows) + "\n\\end{aligned}"
    return f"```math\n{body}\n```"
