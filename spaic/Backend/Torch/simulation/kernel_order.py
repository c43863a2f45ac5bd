"""The order in which kernels keep the synapses that a rule learns, and the way back to the order of the link."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from spaic.Graph.transforms import Dense, Sparse

if TYPE_CHECKING:
    from spaic.Backend.Plastic.at_work import RuleAtWork


class KernelOrder:
    """As the link has them; a matrix with a row for each presynaptic neuron."""

    #: Tables that a kernel needs besides those of the link.
    arrays: dict[str, np.ndarray]

    def __init__(self, rule: RuleAtWork) -> None:
        self.is_matrix, self.arrays = len(rule.layout.shape) == 2, {}

    def to_kernel(self, values: Tensor) -> Tensor:
        """Values of synapses, the last dimensions of `values`, in the order of the kernel."""
        return values.transpose(-1, -2) if self.is_matrix else values

    def from_kernel(self, values: Tensor) -> Tensor:
        """The same back."""
        return self.to_kernel(values).contiguous()


class ByDelay(KernelOrder):
    """A list, by delay and then by presynaptic neuron, where each synapse has its own delay."""

    def __init__(self, rule: RuleAtWork) -> None:
        super().__init__(rule)
        self.shape = rule.layout.shape
        late, which = np.array(rule.arrivals.late or (0,), np.int64), np.asarray(rule.arrivals.which)
        transform = rule.link.transforms[0]
        pre = rule.sizes["pre"][0] // len(late)
        source, target = _ends(transform, self.shape)
        place = (np.broadcast_to(which, self.shape).ravel() * pre + source).astype(np.int64)
        order = np.argsort(place, kind="stable")
        target, place = target[order], place[order]
        incoming = np.argsort(target, kind="stable")
        self.order, self.back = torch.from_numpy(order), torch.from_numpy(np.argsort(order))
        self.arrays = {
            "starts": np.searchsorted(place, np.arange(len(late) * pre + 1)),
            "targets": target.astype(np.uint32),
            "late": late - late[0],
            "origins": place.astype(np.uint32),
            "incoming": incoming.astype(np.uint32),
            "ends": np.searchsorted(target[incoming], np.arange(rule.sizes["post"][0] + 1)),
        }

    def to_kernel(self, values: Tensor) -> Tensor:
        return values.reshape(*values.shape[: values.dim() - len(self.shape)], -1)[..., self.order]

    def from_kernel(self, values: Tensor) -> Tensor:
        return values[..., self.back].reshape(*values.shape[:-1], *self.shape)


def kernel_order(rule: RuleAtWork) -> KernelOrder:
    """The order for a rule."""
    return KernelOrder(rule) if rule.arrivals.which is None else ByDelay(rule)


def _ends(transform: object, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Presynaptic and postsynaptic neuron of each synapse, as the weights lie in memory."""
    if isinstance(transform, Sparse):
        return transform.sources, transform.targets
    if isinstance(transform, Dense):
        return np.tile(np.arange(shape[1]), shape[0]), np.repeat(np.arange(shape[0]), shape[1])
    return np.arange(shape[0]), np.arange(shape[0])
