"""Clear answers to a second backward pass through the same run, and to second derivatives."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from spaic.errors import StateError, UnsupportedError


class _Guard(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, prediction: Tensor, path: str) -> Tensor:
        ctx.save_for_backward(prediction.new_empty(0))
        ctx.path = path
        return prediction.view_as(prediction)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        try:
            _ = ctx.saved_tensors  # freed by the first backward pass, unless the graph was retained
        except RuntimeError:
            raise StateError(
                f"{ctx.path}: a second backward pass through the same run; call net.run(T) again first, "
                "or pass retain_graph=True to the first backward"
            ) from None
        if torch.is_grad_enabled():
            raise UnsupportedError(f"{ctx.path}: create_graph=True asks for second derivatives, which are not computed; leave it out")
        return gradients[0], None


def guard(prediction: Tensor, path: str) -> Tensor:
    """`prediction`, whose second backward pass raises :class:`StateError`, and one with ``create_graph=True`` :class:`UnsupportedError`."""
    return _Guard.apply(prediction, path)
