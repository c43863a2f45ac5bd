"""The tools that read the code, run as tests so that one command covers everything."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("arguments", [("ruff", "check", "."), ("mypy",)], ids=lambda arguments: arguments[0])
def test_tool_has_nothing_to_say(arguments):
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
