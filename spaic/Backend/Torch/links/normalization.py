"""Batch normalization over time and batch in torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from spaic.errors import NumericalError
from spaic.Graph.links import Link
from spaic.Graph.transforms import BatchNorm


class Moving:
    """Running statistics that a training run moves.

    Parameters
    ----------
    path : str
        Path of the link.
    mean, variance : Tensor
        The running ones before the run, ``[channels]``.
    samples : int
        Number of steps times number of samples.
    """

    def __init__(self, path: str, mean: Tensor, variance: Tensor, samples: int) -> None:
        self.path, self.mean, self.variance, self.samples = path, mean.detach().clone(), variance.detach().clone(), samples

    def normalize(self, transform: BatchNorm, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        """`x`, ``[n, channels, ...]``, by its own mean and variance; n is less than `samples` if every step brings the same."""
        count = x.numel() // transform.channels
        total = count * self.samples // len(x)
        if total < 2:
            raise NumericalError(
                f"{self.path}: batch normalization is given one value per channel, whose variance is unknown; "
                "train with more samples or steps, or call net.eval()"
            )
        if count == 1:
            return self.normalize(transform, x.expand(2, *x.shape[1:]), gamma, beta)[:1]
        kept = self.variance * (1.0 - transform.momentum)
        y = F.batch_norm(x, self.mean, self.variance, gamma, beta, True, transform.momentum, transform.eps)
        if total != count:  # the unbiased variance counts every step
            self.variance = kept + (self.variance - kept) * ((count - 1) / count * total / (total - 1))
        return y


def moving(link: Link, parameters: Mapping[str, Any], samples: int) -> dict[str, Moving]:
    """Name of a batch normalization of `link` -> its running statistics in a training run."""
    norms = [t for t in link.transforms if isinstance(t, BatchNorm)]
    return {t.name: Moving(link.name, parameters["running_mean"], parameters["running_var"], samples) for t in norms}


def moved(link: Link, parameters: Mapping[str, Any]) -> dict[str, Tensor]:
    """Path -> running statistic after a training run."""
    found: dict[str, Tensor] = {}
    for statistics in parameters.values():
        if isinstance(statistics, Moving):
            found |= {f"{link.name}.running_mean": statistics.mean, f"{link.name}.running_var": statistics.variance}
    return found


def normalized(transform: BatchNorm, x: Tensor, parameters: Mapping[str, Any]) -> Tensor:
    """The image of `x`, ``[n, channels, ...]``, under `transform`."""
    gamma, beta, statistics = parameters["gamma"] * transform.scale, parameters["beta"], parameters.get(transform.name)
    if statistics is not None:
        return statistics.normalize(transform, x, gamma, beta)
    mean, variance = (torch.clone(parameters[k]) for k in ("running_mean", "running_var"))  # a training run may move them before a way back
    return F.batch_norm(x, mean, variance, gamma, beta, False, 0.0, transform.eps)
