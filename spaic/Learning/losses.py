"""Losses for what decoders give."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

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
        ``[batch]``.
    scale : float
        Scale of the logits.
    """
    target = torch.as_tensor(label, device=prediction.device).long()
    deviation = prediction.std(unbiased=False)
    return F.cross_entropy(scale * (prediction - prediction.mean()) / (deviation + 0.1), target)
