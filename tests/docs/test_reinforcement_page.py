"""The figures of docs/reinforcement_learning.md are those that were measured, and reach the goal."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ROWS = json.loads((ROOT / "benchmarks" / "results" / "cartpole.json").read_text(encoding="utf-8"))
EXAMPLES = {"policy_gradient": "cartpole_policy_gradient", "rstdp": "cartpole_rstdp"}


@pytest.mark.parametrize("page", ["reinforcement_learning", "reinforcement_learning_cn"])
@pytest.mark.parametrize("learner", EXAMPLES)
def test_the_table_says_what_was_measured(page, learner):
    own = [row for row in ROWS if row["learner"] == learner]
    line = next(line for line in (DOCS / f"{page}.md").read_text(encoding="utf-8").splitlines() if f"/{EXAMPLES[learner]}.py)" in line)
    means, steps, seconds = (re.findall(r"[\d.]+", cell.replace(",", "")) for cell in line.split("|")[2:5])
    assert [row["seed"] for row in own] == [0, 1, 2] and means == [f"{row['mean']:.1f}" for row in own]
    assert steps == [str(round(f(row["steps"] for row in own), -2)) for f in (min, max)]
    assert seconds == [f"{f(row['seconds'] for row in own):.0f}" for f in (min, max)]


def test_one_learner_reaches_the_goal_with_every_seed():
    assert sum(row["mean"] >= 450 for row in ROWS if row["learner"] == "policy_gradient") == 3


def test_the_picture_is_there_and_small():
    assert 3_000 < (DOCS / "reinforcement_learning.png").stat().st_size < 60_000
