"""Labels, looked at before a loss or a count of right answers reads them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from spaic.errors import InputError


def as_tensor(label: Any, prediction: Tensor, where: str) -> Tensor:
    """Labels on the device of what was predicted, one for each sample.

    Parameters
    ----------
    label : tensor, array or list
        Whole numbers of arrays and lists become int64, other numbers the type of `prediction`: what losses of torch take.
    prediction : Tensor, shape (samples, ...)
        What they are compared with.
    where : str
        Path of the decoder, or the call, for messages.
    """
    return _read(label, prediction, where).to(prediction.device)


def as_classes(label: Any, prediction: Tensor, where: str) -> Tensor:
    """Labels as whole numbers of classes, int64.

    Raises
    ------
    InputError
        Naming a label that is not one of the classes, the columns of `prediction`.
    """
    truth, classes = _read(label, prediction, where), prediction.shape[1]
    number = truth.long()
    right = (number == truth) & (number >= 0) & (number < classes)
    if not bool(right.all()):  # looked at before they are moved: on a GPU they would end the process
        raise InputError(
            f"{where}: label {truth[~right][0].item():g} is not one of {classes} classes (0 to {classes - 1}); number the classes from 0, "
            f"and give the network an output for each"
        )
    return number.to(prediction.device)


def _read(label: Any, prediction: Tensor, where: str) -> Tensor:
    try:
        truth = label if isinstance(label, Tensor) else torch.as_tensor(label)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{where}: the labels are no numbers of one shape ({error}); give one label per sample") from None
    samples = len(prediction)
    if truth.shape != (samples,):
        way_out = "take the largest of each, label.argmax(1)" if truth.ndim == 2 and len(truth) == samples else "give one label per sample"
        raise InputError(f"{where}: the labels have shape {tuple(truth.shape)} for {samples} samples; {way_out}")
    if not isinstance(label, Tensor):
        truth = truth.to(prediction.dtype if truth.is_floating_point() else torch.int64)
    return truth
