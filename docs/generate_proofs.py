"""Writes docs/proofs.md: which test proves each neuron model, and the order of convergence of its integrators, measured."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from spaic.Dynamics.document import table
from spaic.registry import neurons

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from tests.oracles import test_neuron_orders as orders  # noqa: E402  the tests are no part of the package

PAGE = Path(__file__).with_name("proofs.md")
COMMAND = "python docs/generate_proofs.py"
ORACLES = ("neuron_equations", "neuron_orders", "neurons_in_steps", "biophysical", "lif_if", "other_systems")
#: Tests of names and of refusals, which prove nothing about a model.
_OTHER = ("test_every_", "test_names_", "test_a_method_", "test_a_linear_method_", "test_a_truth_")
_HEAD = f"""\
<!-- Written by `{COMMAND}` from the tests in tests/oracles; do not edit it by hand. -->

# How the neuron models are proven

Each model of the Library is compared with an integration or a recursion that was written down a second time, or with numbers of another
system. The backends are compared with each other over every model, to 1e-12 in float64
([test_backends.py](../tests/contracts/test_backends.py)), and the generated kernels with plain torch
([test_kernels.py](../tests/contracts/test_kernels.py)). [models.md](models.md) has the equations.

## Order of convergence

The error against DOP853 at 1e-13 on a stretch without a spike, with a step and with half of it: the base-2 logarithm of their ratio. The
model's own integrator is in bold; "exact" is an error below 1e-10. The tests demand the order of the method within 0.15. The equations of
all other models are linear, and their own integrator, `exact`, has no error but rounding.

"""


def page() -> str:
    """The whole page."""
    head = ("model", *(f"`{m}`" for m in orders.ORDERS))
    measured = table(head, ((link(name), *(order(name, method) for method in orders.ORDERS)) for name in orders.SMOOTH))
    found = proofs()
    rows = [(link(name), method(name), "; ".join(found.get(name, []))) for name in neurons]
    return f"{_HEAD}{measured}\n\n## Tests\n\n{table(('model', 'integrator', 'proof'), rows)}\n"


def order(name: str, method: str) -> str:
    """What is measured, as a cell of the table."""
    coarse, fine = orders.errors(name, method)
    text = "exact" if max(coarse, fine) < 1e-10 and orders.ORDERS[method] < 4 else f"{np.log2(coarse / fine):.2f}"
    return f"**{text}**" if neurons[name].method == method else text


def method(name: str) -> str:
    """How the model advances."""
    if not any(line.kind == "ode" for line in neurons[name].lines):
        return "none: it counts in steps"
    own = f"`{neurons[name].method}`"
    return own if own == "`exact`" else f"{own}, order {orders.ORDERS[neurons[name].method]}"


def link(name: str) -> str:
    """To the section of a model."""
    return f"[{name}](models.md#{name})"


def proofs() -> dict[str, list[str]]:
    """Model -> the tests that name it, with what they say."""
    found: dict[str, list[str]] = {}
    for oracle in ORACLES:
        file = ROOT / "tests" / "oracles" / f"test_{oracle}.py"
        tree = ast.parse(file.read_text(encoding="utf-8"))
        known = {t.id: node.value for node in tree.body if isinstance(node, ast.Assign) for t in node.targets if isinstance(t, ast.Name)}
        for test in (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name.startswith("test_")):
            if not test.name.startswith(_OTHER):
                said = f"[{said_by(test)}](../tests/oracles/{file.name})"
                for name in sorted(set(texts(test, known)) & set(neurons)):
                    found.setdefault(name, []).append(said)
    return found


def texts(test: ast.FunctionDef, known: dict[str, ast.expr]) -> Iterator[str]:
    """The strings in a test, and those that its parameters are taken from."""
    for node in ast.walk(test):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
    for decorator in test.decorator_list:
        for node in ast.walk(decorator):
            if isinstance(node, ast.Name) and node.id in known:
                yield from (n.value for n in ast.walk(known[node.id]) if isinstance(n, ast.Constant) and isinstance(n.value, str))


def said_by(test: ast.FunctionDef) -> str:
    """The first sentence of a test's docstring, or else its name in words."""
    text = " ".join((ast.get_docstring(test) or test.name.removeprefix("test_").replace("_", " ")).split())
    return text.partition(". ")[0].rstrip(".").replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
