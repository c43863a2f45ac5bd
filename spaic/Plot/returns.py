"""Learning from rewards: what each episode brought."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from spaic.errors import InputError
from spaic.Learning.reinforcement import running_mean
from spaic.Plot.canvas import CYCLE, MOST, as_array, axes_for, legend_above, remark, tidy, whole_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def returns(history: Any, ax: Axes | None = None, *, window: int = 100, title: str = "", xlabel: str = "episode") -> Axes:
    """Draw the return of each episode as a dot, and their running mean as a line.

    Parameters
    ----------
    history : Returns, array, or mapping of str to these
        What ``RLPipeline.train`` returned, or returns ``[episodes]``; several as a mapping from their labels.
    ax : matplotlib Axes, optional
        Where to draw; a new figure otherwise.
    window : int
        Number of episodes of the running mean; there are fewer at the start.
    xlabel : str
        What is counted.

    Returns
    -------
    matplotlib Axes
    """
    if isinstance(window, bool) or not hasattr(window, "__index__") or window < 1:
        raise InputError(f"returns: window is {window!r}; give a whole number from 1")
    is_several = isinstance(history, Mapping) and not hasattr(history, "returns")
    curves = {str(label): _values(one) for label, one in history.items()} if is_several else {"": _values(history)}
    if len(curves) > MOST:
        raise InputError(f"returns: {len(curves)} curves are more than colours tell apart; give at most {MOST}")
    main = axes_for(ax)
    for (label, values), colour in zip(curves.items(), CYCLE, strict=False):
        episodes = np.arange(1, len(values) + 1)
        main.plot(episodes, values, ".", color=colour, markersize=3.5, alpha=0.5, markeredgewidth=0)
        main.plot(episodes, running_mean(values, window), color=colour, linewidth=1.6, label=label or f"mean of {window}")
    whole_ticks(main.xaxis)
    tidy(main, title, xlabel, "return")
    legend_above(main)
    if not any(len(values) for values in curves.values()):
        remark(main, "no episodes")
    return main


def _values(given: Any) -> np.ndarray:
    values = as_array(getattr(given, "returns", given), "returns").astype(float)
    if values.ndim != 1:
        raise InputError(f"returns: an array of shape {values.shape} is not one return per episode; give [episodes]")
    return values
