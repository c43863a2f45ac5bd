"""What happens to gradients before a step: they are measured, found finite, and clipped."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from spaic.errors import NumericalError


def gradient_norm(parameters: Mapping[str, Tensor]) -> float:
    """Euclidean norm of the gradients of all parameters together; parameters without a gradient count as 0.

    Parameters
    ----------
    parameters : mapping of str to Tensor
        Path -> parameter.

    Raises
    ------
    NumericalError
        If a gradient holds NaN or an infinity, naming the first parameter.
    """
    gradients = {path: p.grad for path, p in parameters.items() if p.grad is not None}
    if not gradients:
        return 0.0
    norms = torch.stack([torch.linalg.vector_norm(g.detach()) for g in gradients.values()])
    total = float(torch.linalg.vector_norm(norms))
    if total - total == 0.0:  # neither NaN nor infinite
        return total
    for path, gradient in gradients.items():
        if not bool(gradient.isfinite().all()):
            raise NumericalError(
                f"{path}: its gradient holds NaN or an infinity, nothing was changed; look for a loss that divides by zero or takes the "
                "logarithm of it, use a smaller learning rate, or clip_norm"
            )
    return float(torch.stack([torch.linalg.vector_norm(g.detach().double()) for g in gradients.values()]).norm())


def clip_norm(parameters: Mapping[str, Tensor], norm: float, limit: float) -> None:
    """Scale the gradients of all parameters down to the norm `limit`, if theirs, `norm`, is larger."""
    if norm > limit:
        for p in parameters.values():
            if p.grad is not None:
                p.grad.mul_(limit / norm)


def clip_value(parameters: Mapping[str, Tensor], limit: float) -> None:
    """Bring each value of the gradients between minus `limit` and `limit`."""
    for p in parameters.values():
        if p.grad is not None:
            p.grad.clamp_(-limit, limit)
