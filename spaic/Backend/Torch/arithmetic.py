"""What plasticity needs of torch tensors."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spaic.Backend.Plastic.arithmetic import Arithmetic
from spaic.Backend.Torch.links.transforms import apply
from spaic.Backend.Torch.steps.primitives import PRIMITIVES
from spaic.Graph.transforms import Transform


class TorchArithmetic(Arithmetic):
    """Tensors of one type on one device."""

    table = PRIMITIVES

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        self.device, self.dtype = device, dtype

    def full(self, shape: tuple[int, ...], value: float) -> Tensor:
        return torch.full(shape, value, device=self.device, dtype=self.dtype)

    def array(self, values: np.ndarray) -> Tensor:
        made = torch.from_numpy(np.ascontiguousarray(values)).to(self.device)
        return made.to(self.dtype) if values.dtype.kind == "f" else made

    def copy(self, array: Tensor) -> Tensor:
        return array.detach().clone()

    def real(self, array: Tensor) -> Tensor:
        return array.detach().to(self.dtype)

    def joined(self, parts: list[Any]) -> Any:
        if isinstance(parts[0], Tensor):
            return torch.cat(parts)
        return [x for part in parts for x in part]  # gradients, which a backward pass fills in

    def frozen(self) -> AbstractContextManager[Any]:
        return torch.no_grad()

    def linear_adjoint(self, transform: Transform, pre: Tensor, post: Tensor, weight: Tensor) -> Tensor:
        with torch.enable_grad():
            leaf = torch.zeros_like(weight, requires_grad=True)
            there = apply(transform, pre.to(self.dtype), {"weight": leaf})
            return torch.autograd.grad((there.reshape(len(there), -1) * post.reshape(len(post), -1)).sum(), leaf)[0]
