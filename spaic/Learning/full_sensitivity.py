"""Real-time recurrent learning: the derivative of every state by every parameter, from step to step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from spaic.errors import UnsupportedError
from spaic.Learning.forwards import Moment, Sensitivity

#: Derivatives that are kept at most: each state costs a backward pass in each step.
LARGEST = 1 << 24


class FullSensitivity(Sensitivity):
    """All derivatives of all states, one row for each value of each sample.

    Parameters
    ----------
    paths : sequence of str
        Parameters.
    path : str
        Of the learner, for messages.
    """

    def __init__(self, paths: Sequence[str], path: str) -> None:
        self.paths, self.path = tuple(paths), path
        self.gradients: dict[str, Tensor] = {}
        self.rows: dict[str, Tensor] = {}

    def leaves(self, parameters: Mapping[str, Any], batch: int) -> dict[str, Tensor]:
        return {path: parameters[path].detach().requires_grad_() for path in self.paths}

    def step(self, moment: Moment) -> None:
        own = [moment.extra[path] for path in self.paths]
        moving = {k: v for k, v in moment.after.items() if v.requires_grad}
        self._check_size(sum(v.numel() for v in moving.values()), sum(p.numel() for p in own))
        change = self._row(moment.loss, moment, own)
        parts = change.split([p.numel() for p in own])
        for path, p, part in zip(self.paths, own, parts, strict=True):
            self.gradients[path] = self.gradients.get(path, 0) + part.reshape(p.shape)
        self.rows = {k: torch.stack([self._row(value, moment, own) for value in v.flatten()]) for k, v in moving.items()}

    def _row(self, value: Tensor, moment: Moment, own: list[Tensor]) -> Tensor:
        """The derivative of one number by all parameters, through this step and all before."""
        if not value.requires_grad:
            return torch.cat([torch.zeros_like(p).flatten() for p in own])
        states = list(moment.before)
        found = torch.autograd.grad(value, [*own, *(moment.before[k] for k in states)], retain_graph=True, allow_unused=True)
        direct = [torch.zeros_like(p) if g is None else g for p, g in zip(own, found, strict=False)]
        row = torch.cat([g.flatten() for g in direct])
        for name, gradient in zip(states, found[len(own) :], strict=True):
            if gradient is not None and name in self.rows:
                row = row + gradient.flatten() @ self.rows[name]
        return row

    def _check_size(self, states: int, parameters: int) -> None:
        if states * parameters > LARGEST:
            raise UnsupportedError(
                f"{self.path}: {states:,} states by {parameters:,} parameters are too many derivatives to keep; it is a yardstick for "
                "small nets, use spaic.EProp"
            )
