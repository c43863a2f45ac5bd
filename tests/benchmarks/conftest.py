"""The folder benchmarks/ is no package: its scripts import `peers` from beside themselves, and so do these tests."""

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

from peers import arrays  # noqa: E402  after the path is set
from peers.works import Goal, Layer, Work  # noqa: E402


def _tiny(name, layers, shape, steps=6, activity=0.3):
    return Work(name, f"{name}, for tests", layers, shape, 3, steps, activity, Goal(0.25, 0.85), Goal(0.25), 0.35)


TINY = {
    "dense": _tiny("dense", (Layer("dense", 12, 7), Layer("dense", 7, 3)), (12,)),
    "recurrent": _tiny("recurrent", (Layer("recurrent", 12, 7), Layer("dense", 7, 3)), (12,)),
    "analogue": _tiny("analogue", (Layer("dense", 5, 5),), (5,), activity=None),
    "conv": _tiny(
        "conv",
        (Layer("conv", 1, 2), Layer("conv", 2, 3, is_pooled=True), Layer("dense", 3 * 2 * 2, 4, is_pooled=True)),
        (1, 8, 8),
    ),
}


@pytest.fixture(params=list(TINY))
def work(request):
    return TINY[request.param]


@pytest.fixture
def tiny():
    return TINY


@pytest.fixture
def made(work):
    return arrays.make(work, seed=3)
