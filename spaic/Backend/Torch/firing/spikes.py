"""Spikes over time: kept as bytes, worked on as bits, and seen by autograd as a tensor that takes no memory."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from spaic.Backend.Torch.firing.bits import Bits, RowLists, ones_as_bytes
from spaic.errors import InputError


class Spikes:
    """0 or 1 over time, kept as bytes; bits and lists of who fired are made when they are needed.

    Parameters
    ----------
    bytes : Tensor of uint8
        ``[steps, batch, *shape]``, all 0 or 1.
    carrier : Tensor, optional
        What autograd sees in their place, of the same shape (:func:`carrier`): it receives the gradient.

    Examples
    --------
    >>> spikes = Spikes(torch.tensor([[[0, 1, 1]], [[1, 0, 0]]], dtype=torch.uint8))
    >>> spikes.steps, spikes.batch, spikes.shape, spikes.count
    (2, 1, (3,), 3)
    >>> [x.tolist() for x in spikes.rows()]
    [[0, 2, 3], [1, 2, 0]]
    >>> [x.tolist() for x in spikes.columns()]
    [[0, 1, 2, 3], [1, 0, 0]]
    """

    def __init__(self, bytes: Tensor, carrier: Tensor | None = None) -> None:
        if bytes.dtype != torch.uint8 or bytes.dim() < 3:
            found = f"{bytes.dtype} of shape {tuple(bytes.shape)}"
            raise InputError(f"spikes: {found}; give torch.uint8 of shape [steps, batch, *shape], or use compact()")
        if carrier is not None and carrier.shape != bytes.shape:
            raise InputError(f"spikes: a carrier of shape {tuple(carrier.shape)} for bytes of shape {tuple(bytes.shape)}; they must agree")
        self.bytes, self.carrier = bytes, carrier
        self.steps, self.batch, self.shape = bytes.shape[0], bytes.shape[1], tuple(bytes.shape[2:])

    @property
    def flat(self) -> Tensor:
        """The bytes as ``[steps * batch, size]``."""
        return self.bytes.reshape(self.steps * self.batch, math.prod(self.shape))

    @cached_property
    def bits(self) -> Bits:
        """The same as bits; only on the CPU."""
        return Bits.of(self.flat)

    @cached_property
    def count(self) -> int:
        """Number of spikes."""
        return self.bits.count if self.bytes.device.type == "cpu" else int(self.bytes.sum())

    @property
    def activity(self) -> float:
        """Share of ones."""
        return self.count / max(1, self.steps * self.batch * math.prod(self.shape))

    def rows(self) -> RowLists:
        """Who fired in each instant.

        Returns
        -------
        pointers : Tensor of int64
            ``[steps * batch + 1]``: instant `r` has ``indices[pointers[r]:pointers[r + 1]]``.
        indices : Tensor of int32
            ``[count]``, ascending in each instant.
        """
        return self._rows

    def columns(self) -> RowLists:
        """In which instants each neuron fired: pointers ``[size + 1]`` and indices ``[count]`` as in :meth:`rows`."""
        return self._columns

    @cached_property
    def _rows(self) -> RowLists:
        return self.bits.lists() if self.bytes.device.type == "cpu" else _listed(self.flat)

    @cached_property
    def _columns(self) -> RowLists:
        return self.bits.flipped.lists() if self.bytes.device.type == "cpu" else _listed(self.flat.T)

    def floats(self, dtype: torch.dtype) -> Tensor:
        """``[steps, batch, *shape]`` of type `dtype`, differentiable with respect to the carrier."""
        if self.carrier is None:
            return self.bytes.to(dtype)
        values: Tensor = _Floats.apply(self.carrier, self.bytes, dtype)
        return values

    def latest(self, steps: int) -> Spikes:
        """The last `steps` steps, or all if there are fewer."""
        return Spikes(self.bytes[-steps:], None if self.carrier is None else self.carrier[-steps:])

    def delayed(self, past: Tensor, delay: int) -> Spikes:
        """The spikes `delay` steps earlier.

        Parameters
        ----------
        past : Tensor
            ``[at least delay, batch, *shape]``, 0 or 1 of any type: the steps before the first, the latest last.
        delay : int
            In steps.
        """
        if delay == 0:
            return self
        if not 0 < delay <= len(past) or past.shape[1:] != self.bytes.shape[1:]:
            raise InputError(f"spikes: delay {delay} with a past of shape {tuple(past.shape)}; it must reach that far, and fit")
        recent = past[len(past) - delay :]
        joined = torch.cat([compact(recent.detach()).bytes, self.bytes])[: self.steps]
        if not (recent.requires_grad or (self.carrier is not None and self.carrier.requires_grad)):
            return Spikes(joined)
        dtype = recent.dtype if self.carrier is None else self.carrier.dtype
        return Spikes(joined, _Delayed.apply(recent if recent.requires_grad else None, self.carrier, joined, delay, dtype))


def carrier(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device | str) -> Tensor:
    """A tensor of `shape` that takes the memory of one number; its gradient is dense.

    Examples
    --------
    >>> carrier((2000, 100, 784), torch.float32, "cpu").untyped_storage().nbytes()
    4
    """
    return torch.zeros((), dtype=dtype, device=device).expand(shape)


def compact(x: Tensor, path: str = "spikes") -> Spikes:
    """Values 0 and 1 of any type as :class:`Spikes`; their gradient goes to `x`.

    Raises
    ------
    InputError
        If there is another value; it begins with `path`.
    """
    values = x.detach()
    if values.dtype == torch.bool:
        return Spikes(values.view(torch.uint8))
    found, is_clean = ones_as_bytes(values)
    if not is_clean:
        where = tuple(((values != 0) & (values != 1)).nonzero()[0].tolist())
        raise InputError(f"{path}: the value {values[where].item():g} at {list(where)} is no spike; give 0 and 1 only")
    return Spikes(found, x if x.requires_grad else None)


def _listed(x: Tensor) -> RowLists:
    counts = torch.nn.functional.pad((x != 0).sum(1), (1, 0))
    return counts.cumsum(0), x.nonzero()[:, 1].to(torch.int32)


class _Floats(torch.autograd.Function):
    """Bytes as numbers; the gradient passes to the carrier as it is."""

    @staticmethod
    def forward(ctx: Any, carrier: Tensor, values: Tensor, dtype: torch.dtype) -> Tensor:
        return values.to(dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return gradients[0], None, None


class _Delayed(torch.autograd.Function):
    """The carrier of delayed spikes; its gradient goes to the past and to the carrier of the spikes."""

    @staticmethod
    def forward(ctx: Any, past: Tensor | None, now: Tensor | None, joined: Tensor, delay: int, dtype: torch.dtype) -> Tensor:
        ctx.delay = delay
        return carrier(tuple(joined.shape), dtype, joined.device)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        gradient, delay = gradients[0], ctx.delay
        to_past = _lengthened(gradient[:delay], delay) if ctx.needs_input_grad[0] else None
        to_now = _lengthened(gradient[delay:], len(gradient)) if ctx.needs_input_grad[1] else None
        return to_past, to_now, None, None, None


def _lengthened(x: Tensor, steps: int) -> Tensor:
    """`x` with zeros after its last step."""
    return x if len(x) == steps else torch.cat([x, x.new_zeros(steps - len(x), *x.shape[1:])])
