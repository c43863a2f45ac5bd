"""The gallery has a section and a small picture of every neuron model."""

import re

import numpy as np
import pytest

from spaic.registry import neurons
from tests.docs import pages

PICTURES = pages.DOCS / "gallery"


@pytest.fixture(scope="module")
def script():
    return pages.script("generate_gallery")


def test_the_page_is_what_the_declarations_say():
    assert pages.written("gallery") == pages.generated()["gallery"], "run python docs/generate_gallery.py"


def test_every_picture_is_shown_and_small():
    page = pages.written("gallery")
    shown = set(re.findall(r"^!\[(\w+)\]\(gallery/\1\.png\)$", page, re.M))
    assert shown == {p.stem for p in PICTURES.glob("*.png")} and len(shown) > 50
    sizes = [p.stat().st_size for p in PICTURES.glob("*.png")]
    assert max(sizes) < 25_000 and sum(sizes) < 1_500_000


def test_a_picture_is_drawn(script, tmp_path):
    script.picture("alif", tmp_path / "alif.png")
    assert 2_000 < (tmp_path / "alif.png").stat().st_size < 25_000


def test_nullclines_are_where_slopes_vanish(script):
    """Of adex at rest: both equations stand still at E_L, W = 0, but for the foot of the exponential."""
    found = script.slopes(neurons["adex"], {"V": np.array([-70.6]), "W": np.array([0.0])}, 0.0)
    assert abs(found["V"][0]) < 1e-4 and found["W"][0] == 0.0


def test_an_amount_per_ms_drives_the_synapse(script):
    """A steady input of 0.3 per ms is a current of 0.3 tau_s, where I_syn stands still."""
    assert script.drive(neurons["cuba"]) == "input" and script.drive(neurons["lif"]) == "I"
    found = script.slopes(neurons["cuba"], {"V": np.array([0.0, 1.0]), "I_syn": np.full(2, 0.3 * 5.0)}, 0.3)
    np.testing.assert_allclose(found["I_syn"], 0.0, atol=1e-15)
    np.testing.assert_allclose(found["V"], [1.5 / 20, 0.5 / 20], atol=1e-15)


def test_the_shown_input_is_a_third_of_the_largest_rate(script):
    assert script.chosen_level(np.array([0.0, 0.0, 12.0, 20.0, 30.0])) == 2
    assert script.chosen_level(np.zeros(41)) == 20
