"""What happens to gradients before a step: they are looked at, measured, found finite, and clipped."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Mapping

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


def warn_of_zeros(parameters: Iterable[Tensor]) -> None:
    """Say that nothing will be learned if all gradients are zero: usually a group is silent, or one fires in every step."""
    if any(p.grad is not None and bool(p.grad.any()) for p in parameters):
        return
    warnings.warn(
        "net.fit: all gradients of the first batch are exactly zero, nothing will be learned; a group is silent or fires in every step, "
        "outside the window of the surrogate: look at spaic.SpikeMonitor(...).spk_rate, then change the input rate, the initial weights "
        "(w_mean, w_std) or the surrogate (docs/semantics.md, defaults for training)",
        stacklevel=_levels_to_the_user(),
    )


def _levels_to_the_user() -> int:
    """How many calls above its caller the first one lies that is not of spaic."""
    frame, levels = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("spaic."):
        frame, levels = frame.f_back, levels + 1
    return levels
