"""Draws docs/reinforcement_learning.png from what ``python benchmarks/cartpole.py --out benchmarks/learning/cartpole.json`` measured."""

from __future__ import annotations

import io
import json
from pathlib import Path

import matplotlib as mpl
from PIL import Image

from spaic.Plot.returns import returns

mpl.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402  after the backend is chosen

PAGE = Path(__file__).with_name("reinforcement_learning.png")
RESULTS = Path(__file__).parents[1] / "benchmarks" / "learning" / "cartpole.json"
TITLES = {"policy_gradient": "policy gradient", "rstdp": "rewarded plasticity"}


def draw(path: Path = PAGE) -> Path:
    """Write the picture, in few colours so that it stays small."""
    rows = json.loads(RESULTS.read_text(encoding="utf-8"))
    figure, axes = plt.subplots(1, 2, figsize=(9.0, 3.2), layout="constrained", sharey=True)
    for (name, title), ax in zip(TITLES.items(), axes, strict=True):
        own = {f"seed {row['seed']}": row["returns"] for row in rows if row["learner"] == name}
        returns(own, ax, window=50, title=title)
    axes[1].set_ylabel("")
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=90)
    plt.close(figure)
    Image.open(buffer).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)
    return path


if __name__ == "__main__":
    draw()
