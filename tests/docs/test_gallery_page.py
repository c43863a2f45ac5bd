"""The gallery has a section and a small picture of every neuron model."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from spaic.registry import neurons

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "gallery"


@pytest.fixture(scope="module")
def script():
    pytest.importorskip("matplotlib")
    spec = importlib.util.spec_from_file_location("generate_gallery", ROOT / "docs" / "generate_gallery.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_declarations_say():
    """In a process of its own: other tests add entries to the registries."""
    text = "import sys; sys.path.insert(0, 'docs'); import generate_gallery as g; sys.exit(g.PAGE.read_text(encoding='utf-8') != g.page())"
    assert subprocess.run([sys.executable, "-c", text], cwd=ROOT, check=False).returncode == 0, "run python docs/generate_gallery.py"


def test_every_picture_is_shown_and_small():
    page = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    shown = {p.stem for p in PICTURES.glob("*.png") if f"(gallery/{p.name})" in page}
    assert shown == {p.stem for p in PICTURES.glob("*.png")} >= {"lif", "adex", "hodgkin_huxley", "lif_cond"}
    sizes = [p.stat().st_size for p in PICTURES.glob("*.png")]
    assert max(sizes) < 25_000 and sum(sizes) < 1_500_000


def test_a_picture_is_drawn(script, tmp_path):
    script.picture("alif", tmp_path / "alif.png")
    assert 2_000 < (tmp_path / "alif.png").stat().st_size < 25_000


def test_nullclines_are_where_slopes_vanish(script):
    """Of adex at rest: both equations stand still at E_L, W = 0, but for the foot of the exponential."""
    found = script.slopes(neurons["adex"], {"V": np.array([-70.6]), "W": np.array([0.0])}, 0.0)
    assert abs(found["V"][0]) < 1e-4 and found["W"][0] == 0.0


def test_the_shown_input_is_a_third_of_the_largest_rate(script):
    assert script.chosen_level(np.array([0.0, 0.0, 12.0, 20.0, 30.0])) == 2
    assert script.chosen_level(np.zeros(41)) == 20
