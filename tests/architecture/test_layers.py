"""A file imports from lower layers and from its own package: docs/concepts.md has the picture, this file enforces it."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: Layer of each part of the package, named by its first name below ``spaic`` (``""`` is ``spaic/__init__.py``).
LAYERS = {
    "errors": 0, "keywords": 0, "spellings": 0, "registry": 0, "version": 0, "clock": 0, "seeds": 0, "memory": 0, "units": 0,
    "Dynamics": 1,
    "Graph": 2,
    "Network": 3, "Backend": 3,
    "Learning": 4, "Monitor": 4,
    "Library": 5,
    "IO": 6, "Plot": 6, "Modules": 6,
    "": 7, "__main__": 7, "catalogue": 7, "cli": 7, "doctor": 7, "examples": 7,
}  # fmt: skip

#: Where torch may be imported; ``doctor`` reports its devices.
TORCH = ("spaic.Backend.Torch", "spaic.Library", "spaic.Learning", "spaic.IO", "spaic.Modules", "spaic.doctor", "spaic.examples")

#: What is too slow to import before it is needed.
LATE = ("matplotlib", "numba", "sympy")

FILES = sorted((ROOT / "spaic").rglob("*.py"))


def module_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(file) for file in FILES}


def part_of(module: str) -> str:
    return (module.split(".") + [""])[1]


def imports(tree: ast.AST, module: str, is_package: bool) -> Iterator[tuple[int, str]]:
    """The line and full name of every import, those inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = module.split(".")[: len(module.split(".")) - node.level + is_package] if node.level else []
            base = ".".join([*package, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield node.lineno, inner if inner in MODULES else base


def without_type_imports(tree: ast.Module) -> ast.Module:
    """`tree` without its ``if TYPE_CHECKING:`` blocks, which import nothing when it runs."""
    body = [node for node in tree.body if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))]
    return ast.Module(body, [])


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_imports_point_down(file):
    module = module_of(file)
    part = part_of(module)
    assert part in LAYERS, f"{module} is in no layer; put it where it belongs, or give it one here and in docs/concepts.md"
    wrong = []
    for line, name in imports(ast.parse(file.read_text(encoding="utf-8")), module, file.name == "__init__.py"):
        if name.split(".")[0] != "spaic":
            continue
        other = part_of(name)
        is_free = other == part or (LAYERS[part] == LAYERS[other] and LAYERS[part] in (0, 7))
        if not is_free and LAYERS.get(other, 99) >= LAYERS[part]:
            wrong.append(f"line {line}: {module} (layer {LAYERS[part]}) imports {name} (layer {LAYERS.get(other)})")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_torch_stays_in_its_places(file):
    module = module_of(file)
    tree = without_type_imports(ast.parse(file.read_text(encoding="utf-8")))
    lines = [line for line, name in imports(tree, module, file.name == "__init__.py") if name.split(".")[0] == "torch"]
    is_allowed = any(module == place or module.startswith(place + ".") for place in TORCH)
    assert is_allowed or not lines, f"{module} imports torch in lines {lines}; only {', '.join(TORCH)} do"


def fresh_python(code: str, **environment: str) -> str:
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | environment
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True, env=variables).stdout


def test_importing_spaic_leaves_slow_packages_alone():
    loaded = fresh_python("import sys, torch; had = set(sys.modules); import spaic; print(*sorted(set(sys.modules) - had))")
    assert not {name.split(".")[0] for name in loaded.split()} & set(LATE)


def test_importing_spaic_costs_less_than_half_a_second_more_than_torch(tmp_path):
    code = "import time, torch; start = time.process_time(); import spaic; print(time.process_time() - start)"
    fresh_python(code, PYTHONPYCACHEPREFIX=str(tmp_path))  # compiles the sources, as pip does for a user
    assert min(float(fresh_python(code, PYTHONPYCACHEPREFIX=str(tmp_path))) for _ in range(2)) < 0.5
