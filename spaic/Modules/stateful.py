"""Torch modules that remember what happened in the steps before."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from spaic.errors import InputError, StateError


class Signal(NamedTuple):
    """What one population sends in one step.

    Attributes
    ----------
    spikes : Tensor, ``[batch, *shape]``
        0 or 1.
    trace : Tensor, ``[batch, *shape]``
        The trace that its neurons leave.
    """

    spikes: Tensor
    trace: Tensor


class Stateful(nn.Module):
    """A module with a state of its own: buffers that move with it, and are in no ``state_dict``.

    The batch of the first step after :meth:`reset_state` is that of all steps until the next.
    """

    def __init__(self) -> None:
        super().__init__()
        self._states: list[str] = []
        self.steps = 0

    @property
    def state(self) -> Mapping[str, Tensor]:
        """Name -> value as it is now; empty before the first step."""
        return {name: getattr(self, f"state_{name}") for name in self._states}

    def reset_state(self) -> None:
        """Forget everything: the next step is the first one."""
        for name in self._states:
            delattr(self, f"state_{name}")
        self._states = []
        self.steps = 0

    def detach_state(self) -> None:
        """Cut the state off from what computed it, so that gradients go no further back than to here."""
        for name, value in self.state.items():
            self._keep(name, value.detach())

    def _keep(self, name: str, value: Tensor) -> None:
        if name not in self._states:
            self._states.append(name)
            self.register_buffer(f"state_{name}", value, persistent=False)
        else:
            setattr(self, f"state_{name}", value)

    def _check(self, x: Tensor, shape: tuple[int, ...], what: str, name: str | None = None) -> None:
        """Refuse another shape than ``[batch, *shape]``, and another batch than that of the state `name`."""
        where = type(self).__name__
        if not isinstance(x, Tensor):
            raise InputError(f"{where}: {what} is {type(x).__name__}; give a tensor [batch, {', '.join(map(str, shape))}]")
        if tuple(x.shape[1:]) != shape or x.ndim != len(shape) + 1:
            raise InputError(f"{where}: {what} has the shape {list(x.shape)}; give [batch, {', '.join(map(str, shape))}]")
        if x.is_floating_point() and x.device.type == "cpu" and not torch.compiler.is_compiling():  # a GPU would have to wait
            _check_finite(x.detach(), f"{where}: {what}")
        if name in self._states and len(x) != len(self.state[name]):
            raise StateError(f"{where}: {what} has {len(x)} samples, the state {len(self.state[name])}; call reset_state() between batches")


def _check_finite(x: Tensor, where: str) -> None:
    if math.isfinite(x.sum().item()):
        return
    finite = x.isfinite()  # a sum of large numbers may be infinite
    if not bool(finite.all()):
        raise InputError(f"{where} holds {x[~finite][0].item()}; clean the data before they enter")


def reset_state(module: nn.Module) -> None:
    """Reset everything inside `module` that has a state."""
    for part in module.modules():
        if isinstance(part, Stateful):
            part.reset_state()


def detach_state(module: nn.Module) -> None:
    """Cut all states inside `module` off from what computed them: truncated backpropagation through time."""
    for part in module.modules():
        if isinstance(part, Stateful):
            part.detach_state()


def drawn_seed(seed: int | None) -> int:
    """`seed`, or one from torch's generator, so that ``torch.manual_seed`` governs modules like any others."""
    return int(torch.randint(2**31 - 1, ())) if seed is None else int(seed)


def number_type(x: Tensor) -> torch.dtype:
    """The type in which a state is kept that `x` drives: float64 or float32, also where `x` comes as bytes or in half precision."""
    return x.dtype if x.dtype in (torch.float32, torch.float64) else torch.get_default_dtype()
