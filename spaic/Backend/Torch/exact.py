"""Exact spike times as differentiable functions of weights, delays and arrival times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import Function, once_differentiable


class Stage(Protocol):
    """Neurons that are run together: see :mod:`spaic.Backend.Event.stage`."""

    def run(self, times: np.ndarray, weights: np.ndarray, delays: np.ndarray) -> np.ndarray:
        """Times of all spikes."""

    def gradients(self, given: np.ndarray, with_times: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Gradients with respect to times, zeros if not `with_times`, weights and delays."""


class _Exact(Function):
    @staticmethod
    def forward(ctx: Any, stage: Stage, times: Tensor, weights: Tensor, delays: Tensor) -> Tensor:
        ctx.stage = stage
        return torch.from_numpy(stage.run(*(x.detach().numpy() for x in (times, weights, delays))))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, given: Tensor) -> tuple[None, Tensor, Tensor, Tensor]:
        d_times, d_weights, d_delays = ctx.stage.gradients(given.detach().contiguous().numpy(), ctx.needs_input_grad[1])
        return None, torch.from_numpy(d_times), torch.from_numpy(d_weights), torch.from_numpy(d_delays)


def exact(stage: Stage, times: Sequence[Any], weights: Sequence[Any], delays: Sequence[Any]) -> Tensor:
    """Times of the spikes of a stage in ms, with their exact gradients.

    Parameters
    ----------
    stage : Stage
        What runs.
    times, weights, delays : sequence of Tensor or ndarray
        Joined in this order, each flat, in float64.
    """
    result: Tensor = _Exact.apply(stage, *(_joined(parts) for parts in (times, weights, delays)))
    return result


def _joined(parts: Sequence[Any]) -> Tensor:
    flat = [torch.as_tensor(p, dtype=torch.float64, device="cpu").reshape(-1) for p in parts]
    return torch.cat(flat) if flat else torch.zeros(0, dtype=torch.float64, device="cpu")


def repeated(value: Any, count: int) -> Tensor:
    """A number, or as many numbers as wanted already, as `count` numbers."""
    return torch.as_tensor(value, dtype=torch.float64, device="cpu").reshape(-1).expand(count)


def threads() -> int:
    """How many threads torch uses."""
    return torch.get_num_threads()


def numpy_of(value: Any) -> np.ndarray:
    """The values of a tensor, array or number."""
    return np.asarray(_array(value), dtype=np.float64)


def _array(value: Any) -> np.ndarray:
    if not isinstance(value, Tensor):
        return np.asarray(value)
    known = value.detach().cpu()
    return (known.float() if known.dtype == torch.bfloat16 else known).numpy()  # a type that NumPy does not have


def counted(times: Tensor, step: np.ndarray, sample: np.ndarray, neuron: np.ndarray, size: tuple[int, int, int], unit: float) -> Tensor:
    """Number of spikes per step, ``[steps, batch, neurons]``; in gradients a spike that comes `unit` ms earlier counts for one more."""
    value = torch.ones(len(step), dtype=torch.float64, device="cpu")
    if times.requires_grad:
        value = value - (times - times.detach()) / unit
    place = torch.from_numpy((step * size[1] + sample) * size[2] + neuron)
    return torch.zeros(size[0] * size[1] * size[2], dtype=torch.float64, device="cpu").index_add(0, place, value).view(size)


def first_times(times: Tensor, sample: np.ndarray, neuron: np.ndarray, batch: int, neurons: int, default: float) -> Tensor:
    """Time of the first spike of every neuron, ``[batch, neurons]``, `default` where there is none."""
    unit = sample * neurons + neuron
    order = np.lexsort((times.detach().numpy(), unit))
    units, at = np.unique(unit[order], return_index=True)
    result = torch.full((batch * neurons,), float(default), dtype=torch.float64, device="cpu")
    return result.index_put((torch.from_numpy(units),), times[torch.from_numpy(order[at])]).view(batch, neurons)


def entries(values: Any) -> tuple[np.ndarray, np.ndarray]:
    """Where a chunk of a stream is not 0, ``[count, axes]``, and the values there."""
    array = _array(values)
    places = np.argwhere(array)
    return places, array[tuple(places.T)].astype(np.float64)


def carries_gradient(values: Any) -> bool:
    """Whether someone may ask for the gradient of what is made of `values`."""
    return isinstance(values, Tensor) and values.requires_grad and torch.is_grad_enabled()


def as_tensor(array: np.ndarray) -> Tensor:
    """An array as torch holds it."""
    return torch.from_numpy(np.require(array, requirements=("C", "W")))  # torch warns of what cannot be written
