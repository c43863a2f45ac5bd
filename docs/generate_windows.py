"""Draws the windows of plasticity rules that docs/plasticity.md shows, with the rules themselves, into docs/windows."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import Image

from spaic.Plot.canvas import CYCLE, GREY, legend_above, tidy
from spaic.Plot.windows import stdp_window, window

mpl.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402  after the backend is chosen
from matplotlib.figure import Figure  # noqa: E402

FOLDER = Path(__file__).with_name("windows")


def pairs() -> Figure:
    """Pairs of spikes, and how their changes depend on the weight."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.0, 3.2), layout="constrained")
    stdp_window(["stdp", "anti_hebbian_stdp", "post_pre_stdp"], left)
    weights = np.linspace(0.0, 1.0, 21)
    for rule, colour in zip(("stdp", "multiplicative_stdp", "power_law_stdp", "weight_dependent_stdp"), CYCLE, strict=False):
        changes = np.array([window(rule, span=10.0, dt=10.0, weight=w)[1] for w in weights])
        right.plot(weights, changes[:, -1], color=colour, linewidth=1.6, label=rule)
        right.plot(weights, changes[:, 0], color=colour, linewidth=1.6, linestyle="--")
    right.axhline(0.0, color=GREY, linewidth=0.8)
    tidy(right, "", "weight before", "change at 10 ms (-10 ms: dashed)")
    legend_above(right)
    return figure


def inhibitory() -> Figure:
    """Coincidence in either order strengthens, each presynaptic spike weakens."""
    figure, ax = plt.subplots(figsize=(4.6, 3.2), layout="constrained")
    stdp_window("vogels_stdp", ax)
    return figure


def triplets() -> Figure:
    """Single pairs of the triplet rule."""
    figure, ax = plt.subplots(figsize=(4.6, 3.2), layout="constrained")
    stdp_window("triplet_stdp", ax, span=100.0)
    return figure


def rewarded() -> Figure:
    """What a reward of 1 and of -1 makes of a pair."""
    figure, axes = plt.subplots(1, 3, figsize=(9.0, 3.0), layout="constrained")
    for rule, ax in zip(("mstdp", "mstdpet", "rstdp"), axes, strict=True):
        for reward, colour in ((1.0, CYCLE[0]), (-1.0, CYCLE[1])):
            times, changes = window(rule, reward=reward)
            for side in (times >= 0, times < 0):
                ax.plot(times[side], changes[side], color=colour, label=f"reward {reward:g}" if side[-1] else None)
        ax.axhline(0.0, color=GREY, linewidth=0.8)
        tidy(ax, rule, "post after pre (ms)", "change of the weight" if rule == "mstdp" else "")
    legend_above(axes[0])
    return figure


FIGURES: dict[str, Callable[[], Figure]] = {"pairs": pairs, "inhibitory": inhibitory, "triplets": triplets, "rewarded": rewarded}


def draw(name: str, folder: Path) -> Path:
    """Draw a picture, with few colours so that the file is small."""
    figure, memory = FIGURES[name](), io.BytesIO()
    figure.savefig(memory, dpi=100)
    plt.close(figure)
    path = folder / f"{name}.png"
    Image.open(memory).convert("RGB").quantize(48).save(path, optimize=True)
    return path


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each in FIGURES:
        draw(each, FOLDER)
