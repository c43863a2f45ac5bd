"""Losses for what decoders give."""

from __future__ import annotations

import inspect
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from spaic.Learning.labels import as_classes

#: Scale of standardised counts as logits; docs/semantics.md says how it was chosen.
LOGIT_SCALE = 3.0


def count_cross_entropy(prediction: Tensor, label: Any, scale: float = LOGIT_SCALE) -> Tensor:
    """Cross entropy of spike counts, standardised over the batch.

    Raw counts make poor logits: their scale depends on the duration of the run. The logits here are
    ``scale * (counts - mean) / (std + 0.1)``, mean and standard deviation over all counts of the batch.

    Parameters
    ----------
    prediction : Tensor
        ``[batch, classes]``, what a spike-count decoder predicts.
    label : array of int
        ``[batch]``, from 0.
    scale : float
        Scale of the logits.

    Raises
    ------
    InputError
        Naming a label that is no class, or labels of a wrong shape.
    """
    target = as_classes(label, prediction, "count_cross_entropy")
    deviation = prediction.std(unbiased=False)
    return F.cross_entropy(scale * (prediction - prediction.mean()) / (deviation + 0.1), target)


def reads_classes(loss: Any) -> bool:
    """Whether it is :func:`count_cross_entropy`, as spaic shows it or as it stands here."""
    return inspect.unwrap(loss) is inspect.unwrap(count_cross_entropy)
