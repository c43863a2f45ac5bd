"""What docs/reinforcement_learning.md says of CartPole is what was measured, and its picture shows that."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from tests.docs import pages

ROWS = json.loads((pages.DOCS.parent / "benchmarks" / "learning" / "cartpole.json").read_text(encoding="utf-8"))
EXAMPLES = {"policy_gradient": "cartpole_policy_gradient", "rstdp": "cartpole_rstdp"}
PAGES = ["reinforcement_learning", "reinforcement_learning_cn"]


def of(learner):
    return [row for row in ROWS if row["learner"] == learner]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("learner", EXAMPLES)
def test_the_table_says_what_was_measured(page, learner):
    own = of(learner)
    line = next(line for line in pages.written(page).splitlines() if f"/{EXAMPLES[learner]}.py)" in line)
    means, steps, seconds = (re.findall(r"[\d.]+", cell.replace(",", "")) for cell in line.split("|")[2:5])
    assert [row["seed"] for row in own] == [0, 1, 2] and means == [f"{row['mean']:.1f}" for row in own]
    assert steps == [str(round(f(row["steps"] for row in own), -2)) for f in (min, max)]
    assert seconds == [f"{f(row['seconds'] for row in own):.0f}" for f in (min, max)]


@pytest.mark.parametrize(
    ("page", "worst", "goal"),
    [
        (PAGES[0], r"brought (\d+) by policy gradient, (\d+) by rewarded", r"last 100 episodes had brought (\d+)"),
        (PAGES[1], r"策略梯度是 (\d+)，奖励调制的可塑性是 (\d+)", r"最近 100 个回合的平均回报达到 (\d+)"),
    ],
)
def test_the_text_says_what_was_measured(page, worst, goal):
    text = " ".join(pages.written(page).split())
    least = [f"{min(row['least'] for row in of(learner)):.0f}" for learner in EXAMPLES]
    assert re.findall(worst, text) == [tuple(least)]
    reached, before = ([np.mean(row["returns"][end - 100 : end]) for row in ROWS for end in [len(row["returns"]) - k]] for k in (0, 1))
    (bound,) = map(float, re.findall(goal, text))
    assert min(reached) >= bound > max(before)  # training ended there, and not earlier


def test_the_picture_shows_what_was_measured(tmp_path):
    drawn = pages.script("generate_cartpole").draw(tmp_path / "cartpole.png")
    shown = pages.DOCS / "reinforcement_learning.png"
    one, other = (np.asarray(Image.open(path).convert("L"), dtype=float) for path in (drawn, shown))
    assert one.shape == other.shape and shown.stat().st_size < 60_000
    assert np.abs(one - other).mean() < 1.0, "run python docs/generate_cartpole.py"
