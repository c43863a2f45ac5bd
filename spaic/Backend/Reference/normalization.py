"""What has to be known of all steps before the first: what batch normalization measures in training, and links over time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from spaic.errors import NumericalError
from spaic.Graph.graph import Graph
from spaic.Graph.links import Link
from spaic.Graph.transforms import BatchNorm, OverTime


def measured_first(graph: Graph, order: Sequence[str], is_training: bool) -> Iterator[tuple[Link, BatchNorm | OverTime]]:
    """What needs to know all steps, with its link, each after those upstream; `order` is that of the populations."""
    for name in order:
        for link in graph.arriving(name):
            yield from ((link, t) for t in link.transforms if isinstance(t, OverTime) or (is_training and isinstance(t, BatchNorm)))


def statistics(arriving: Sequence[np.ndarray], path: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of each channel over steps, samples and places; `arriving` has ``[batch, channels, ...]`` for each step."""
    values = _by_channel(arriving)
    if values.shape[1] < 2:
        raise NumericalError(
            f"{path}: batch normalization is given one value per channel, whose variance is unknown; "
            "train with more samples or steps, or call net.eval()"
        )
    return values.mean(1), values.var(1)


def moving(path: str, transform: BatchNorm, arriving: Sequence[np.ndarray], parameters: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Path -> running statistic after the run; that of the variance is moved towards the unbiased one."""
    values, part = _by_channel(arriving), transform.momentum
    own = {"running_mean": values.mean(1), "running_var": values.var(1, ddof=1)}
    return {f"{path}.{k}": (1.0 - part) * parameters[f"{path}.{k}"] + part * v for k, v in own.items()}


def _by_channel(arriving: Sequence[np.ndarray]) -> np.ndarray:
    whole = np.stack(arriving)
    return np.moveaxis(whole, 2, 0).reshape(whole.shape[2], -1)
