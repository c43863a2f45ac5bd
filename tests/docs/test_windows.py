"""The pictures of docs/plasticity.md are those that the script draws."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "windows"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("generate_windows", ROOT / "docs" / "generate_windows.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_picture_is_shown(script):
    page = (ROOT / "docs" / "plasticity.md").read_text(encoding="utf-8")
    assert {p.stem for p in FOLDER.glob("*.png")} == set(script.FIGURES) == {n for n in script.FIGURES if f"(windows/{n}.png)" in page}


@pytest.mark.parametrize("name", ["inhibitory", "triplets"])
def test_the_pictures_are_those_of_the_rules_now(script, name, tmp_path):
    drawn, kept = (np.asarray(Image.open(p).convert("L"), dtype=float) for p in (script.draw(name, tmp_path), FOLDER / f"{name}.png"))
    assert drawn.shape == kept.shape
    assert np.abs(drawn - kept).mean() < 2.0, "run python docs/generate_windows.py"  # fonts may differ a little
