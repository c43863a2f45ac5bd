"""What weights and biases a link starts from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import Any

from spaic.errors import DeclarationError
from spaic.Graph.values import Value, as_value
from spaic.Library.initializers import constant, fan_in_normal, normal
from spaic.Library.ranges import demand_number
from spaic.Network.connection import LinkType

#: Default of weight matrices between groups: N(MEAN / fan_in, SPREAD / sqrt(fan_in)); docs/semantics.md says how it was chosen.
MEAN, SPREAD = 6.0, 1.0
#: The same for kernels, which have to tell patterns apart: those of both signs learn, those that are all positive only blur.
KERNEL_MEAN, KERNEL_SPREAD = 0.0, 2.0


@dataclass(frozen=True)
class WeightedLink(LinkType):
    """A link with weights and, perhaps, biases.

    Parameters
    ----------
    weight : array, number or initializer, optional
        Initial weights; by default normal with a mean and spread that depend on the fan-in.
    bias : array, number, initializer or bool, optional
        Added in every step; True starts from 0.
    w_mean, w_std : float, optional
        Mean and standard deviation of normal initial weights.
    """

    weight: Any = None
    bias: Any = None
    w_mean: float | None = None
    w_std: float | None = None

    def initial_weight(self, path: str) -> Value:
        """The weight that was given, a normal distribution from `w_mean` and `w_std`, or the usual one."""
        if self.weight is not None:
            if self.w_mean is not None or self.w_std is not None:
                raise DeclarationError(f"{path}.weight: weight is given and w_mean or w_std too; give one of them")
            return as_value(self.weight, f"{path}.weight")
        for name, low in (("w_mean", -inf), ("w_std", 0.0)):
            if getattr(self, name) is not None:
                demand_number(f"{path}.{name}", getattr(self, name), low)
        if self.w_mean is None and self.w_std is None:
            return self.usual()
        return normal(self.w_mean or 0.0, self.w_std) if self.w_std else constant(self.w_mean or 0.0)

    def usual(self) -> Value:
        """The weight where none is given."""
        return fan_in_normal(MEAN, SPREAD)

    def closed(self) -> LinkType:
        """The same, from mean 0 where no weight is given: with the usual mean a group would drive itself until it fires in every step."""
        is_given = self.weight is not None or self.w_mean is not None or self.w_std is not None
        has_mean = type(self).usual is WeightedLink.usual
        return replace(self, weight=fan_in_normal(0.0, SPREAD)) if has_mean and not is_given else self

    def initial_bias(self, path: str) -> Value | None:
        """The bias that was given, None if there is none."""
        if self.bias is None or self.bias is False:
            return None
        return 0.0 if self.bias is True else as_value(self.bias, f"{path}.bias")
