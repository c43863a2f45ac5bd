import configparser
import re
import tomllib
from pathlib import Path

import spaic
from spaic.doctor import OPTIONAL, REQUIRED

ROOT = Path(__file__).parents[2]


def setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def listed(section: str, option: str) -> list[str]:
    return [line for line in setup_cfg()[section][option].splitlines() if line]


def test_pyproject_has_the_build_system_and_tools_only():
    assert set(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))) == {"build-system", "tool"}


def test_torch_is_not_bounded_by_the_package_but_pinned_by_the_constraints():
    assert "torch" in listed("options", "install_requires")
    assert re.search(r"^torch==[\d.]+$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)


def test_the_constraints_pin_every_direct_dependency_of_the_tests():
    pinned = set(re.findall(r"^([\w-]+)==", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    wanted = listed("options", "install_requires") + listed("options.extras_require", "tests")
    assert {re.split("[<>=]", name)[0] for name in wanted} <= pinned


def test_the_doctor_knows_the_dependencies():
    assert sorted(REQUIRED) == sorted(listed("options", "install_requires"))
    assert set(OPTIONAL) <= set(setup_cfg()["options.extras_require"])


def test_every_data_file_is_shipped():
    package = ROOT / "spaic"
    shipped = {file for pattern in listed("options.package_data", "spaic") for file in package.glob(pattern)}
    unwanted = {".pyc", ".nbi", ".nbc"}  # caches of Python and Numba
    present = {f for f in package.rglob("*") if f.is_file() and f.suffix not in unwanted | {".py"}}
    assert package / "py.typed" in shipped
    assert package / "examples" / "quickstart.py" in shipped
    assert present <= shipped


def test_the_quickstart_of_the_package_is_the_file_in_examples():
    assert (ROOT / "examples" / "quickstart.py").read_bytes() == (ROOT / "spaic" / "examples" / "quickstart.py").read_bytes()


def test_one_version_everywhere():
    assert re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)[1] == spaic.__version__
    assert re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1] == spaic.__version__


def test_ci_and_contributors_run_the_test_command_of_the_readme():
    command = next(line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line.startswith("python -m venv"))
    assert command in (ROOT / "README.md").read_text(encoding="utf-8")
    assert command in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
