"""docs/performance.png: all peers relative to the plain loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

from peers.figures import ratio
from peers.tables import NAMES, PEERS, seconds, works_of

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402  after the choice of a canvas without a screen
from matplotlib import ticker

_MARKS = {"ours": ("o", "#c1272d", 9), "products": ("_", "black", 16), "compiled_torch": ("^", "#777777", 6)}
_LIBRARIES = {"snntorch": "#0072b2", "spikingjelly": "#e69f00", "norse": "#009e73", "sinabs": "#cc79a7", "spyx": "#56b4e9"}


def draw(results: dict[str, Any], file: Path) -> None:
    """Draw training above inference."""
    figure, panels = plt.subplots(2, 1, figsize=(9.0, 7.0), sharex=True, layout="constrained")
    for panel, mode, title in zip(panels, ("train", "infer"), ("training step", "inference, no gradient"), strict=True):
        _panel(panel, list(works_of(results, mode)), title)
    panels[0].legend(ncols=4, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, 1.32), frameon=False)
    figure.savefig(file, dpi=120, metadata={"Software": None})
    plt.close(figure)


def _panel(panel: Any, measured: list[tuple[str, Any]], title: str) -> None:
    panel.axhline(1.0, color="#bbbbbb", linewidth=1.0, zorder=0)
    shown = [peer for peer in PEERS if peer != "plain_torch"]
    for place, peer in enumerate(shown):
        mark, colour, size = _MARKS.get(peer, ("s", _LIBRARIES.get(peer, "gray"), 5))
        found = [
            (i, ratio(t[peer], t["plain_torch"]))
            for i, (_, work) in enumerate(measured)
            if {peer, "plain_torch"} <= (t := seconds(work)).keys()
        ]
        if found:
            x = [i + (0.0 if peer in ("ours", "products") else 0.09 * (place - len(shown) / 2)) for i, _ in found]
            y = [spread.median for _, spread in found]
            spread = [[s.median - s.low for _, s in found], [s.high - s.median for _, s in found]]
            panel.errorbar(x, y, yerr=spread, fmt=mark, color=colour, markersize=size, markeredgewidth=2 if mark == "_" else 1,
                           elinewidth=0.8, label=NAMES[peer], zorder=3 if peer == "ours" else 2)  # fmt: skip
    panel.set_yscale("log")
    for axis in (panel.yaxis.set_major_formatter, panel.yaxis.set_minor_formatter):
        axis(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    panel.tick_params(axis="y", which="both", labelsize=8)
    panel.set_ylabel("time over the plain loop's")
    panel.set_title(title, fontsize=10, loc="left")
    panel.set_xticks(range(len(measured)), [name for name, _ in measured], rotation=20, fontsize=8)
    panel.grid(axis="y", which="both", color="#eeeeee", linewidth=0.6)
