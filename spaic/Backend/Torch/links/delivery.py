"""What a link brings: transforms and delays, over all time at once or one step at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spaic.Backend.Kernels.text.island import DENSE, ONE_TO_ONE, Feed
from spaic.Backend.Torch.firing.images import can_pool, pooled
from spaic.Backend.Torch.firing.spikes import Spikes
from spaic.Backend.Torch.kernels.island_call import Way
from spaic.Backend.Torch.links.delays import Late, Shares, fixed, is_linear, learned, mixed, taps
from spaic.Backend.Torch.links.products import product
from spaic.Backend.Torch.links.transforms import apply, effective_weight, junction_weight, over_time
from spaic.Backend.Torch.signals import Signals
from spaic.errors import UnsupportedError
from spaic.Graph.delays import of_link
from spaic.Graph.links import Link
from spaic.Graph.transforms import Dense, Junction, OverTime, Pool, Scale, Sparse, Transform

#: What transforms make of values, with parameters.
Through = Callable[[Any, tuple[Transform, ...], Mapping[str, Any]], Tensor]


class Delivery:
    """One link in one run.

    Parameters
    ----------
    link : Link
        The link.
    delay : int or ndarray of int
        In steps: for the link, or for each synapse.
    parameters : mapping of str to Tensor
        By their own names.
    dtype : torch.dtype
        Of the result.
    how : str
        ``"dense"``, ``"sparse"`` or ``"auto"``: how spikes are multiplied with a matrix.

    Attributes
    ----------
    done : str
        How it was done, once it was.
    activity : float or None
        Share of ones among the spikes that were seen.
    """

    def __init__(self, link: Link, delay: int | np.ndarray, parameters: Mapping[str, Any], dtype: torch.dtype, how: str = "auto") -> None:
        self.link, self.delay, self.parameters, self.dtype, self.how = link, delay, parameters, dtype, how
        self.done = "dense"
        self.activity: float | None = None
        self._parts: dict[int, tuple[tuple[Transform, ...], dict[str, Any]]] | None = None

    def over_time(self, signals: Signals) -> Tensor:
        """``[steps, batch, ...]``, or ``[1, batch, ...]`` if every step brings the same."""
        if self.link.delay_limit is None and isinstance(self.delay, int):
            constant = signals.constant(self.link.source) if self.delay == 0 else None
            source = signals.delayed(self.link.source, self.delay) if constant is None else constant
            return self._many(source, self.link.transforms, self.parameters)
        return self._several(lambda d: signals.delayed(self.link.source, d), self._many, 2)

    def at_once(self, now: Tensor | None, past: list[Tensor]) -> Tensor:
        """``[batch, ...]`` of one step; `now` is the source in this step, ``past[-d]`` that of `d` steps ago."""

        def late(d: int) -> Any:
            return now if d == 0 else past[-d]

        if self.link.delay_limit is None and isinstance(self.delay, int):
            return self._transformed(late(self.delay), self.link.transforms, self.parameters)
        return self._several(late, self._transformed, 1)

    def _several(self, late: Late, through: Through, lead: int) -> Tensor:
        """With delays that differ, or are learned; what `late` gives has `lead` dimensions before those of the source."""
        transforms, own, is_learned = self.link.transforms, self.parameters, self.link.delay_limit is not None
        now = late(0 if is_learned else int(np.min(self.delay, initial=int(np.max(self.delay, initial=0)))))
        now = now.bytes if isinstance(now, Spikes) else now
        shape = np.shape(own["delay"] if is_learned else self.delay)
        found = of_link(self.link, tuple(now.shape[lead:]), shape) if shape else None
        if found is not None and not found.is_by_source and not is_learned and not isinstance(transforms[0], Pool):
            ys = [through(late(d), *of) for d, of in self._by_delay().items()]
            return through(self._with_bias(torch.stack(ys).sum(0) if len(ys) > 1 else ys[0], lead), transforms[1:], own)
        parts = self._shares(now.device)
        if found is None and is_linear(transforms):
            first, second = (through(late(d), transforms, own) for d in parts)
            return first + parts[max(parts)] * (second - first)
        if found is not None:
            parts = {d: share.reshape(found.aligned(tuple(share.shape))) for d, share in parts.items()}
        if found is None or found.is_by_source:
            return through(mixed(parts, late, self.dtype), transforms, own)
        if isinstance(transforms[0], Pool):
            return through(taps(transforms[0], parts, late, self.dtype), transforms[1:], own)
        y: Any = sum(through(late(d), transforms[:1], {"weight": own["weight"] * part}) for d, part in parts.items())
        return through(self._with_bias(y, lead), transforms[1:], own)

    def _shares(self, device: torch.device) -> Shares:
        if self.link.delay_limit is None:
            return fixed(np.asarray(self.delay), self.dtype, device)
        if not isinstance(self.delay, int):
            raise UnsupportedError(f"{self.link.name}: learned delays have one limit; give max_delay")
        given = self.parameters["delay"].to(self.dtype)
        return learned(given * (self.delay / self.link.delay_limit), self.delay)

    def ways(self, target: str, port: str, size: int) -> tuple[list[Way], Tensor | None]:
        """As ways inside an island, one for each delay, and what is added in every step; `size` is that of the source."""
        (transform,) = self.link.transforms
        how, bias = type(transform), self.parameters.get("bias")
        weights: dict[int, Tensor]
        if isinstance(self.delay, int) and isinstance(transform, Scale):
            weights = {self.delay: torch.full((size,), transform.factor, dtype=self.dtype, device="cpu")}
        elif isinstance(transform, Scale):
            each = np.repeat(np.ravel(self.delay), size // np.size(self.delay))
            weights = {d: torch.from_numpy(each == d).to(self.dtype) * transform.factor for d in np.unique(each).tolist()}
        elif isinstance(self.delay, int) and isinstance(transform, Junction):
            weight, how = junction_weight(transform, self.parameters["weight"])
            weights, bias = {self.delay: weight}, None
        elif isinstance(self.delay, int):
            weights = {self.delay: self.parameters["weight"]}
        else:
            weights = {delay: own["weight"] for delay, (_, own) in self._by_delay().items()}
        if isinstance(transform, Dense):
            weights = {delay: effective_weight(transform, weight) for delay, weight in weights.items()}
        kind = DENSE if issubclass(how, Dense) else ONE_TO_ONE
        feed = Feed(self.link.source_node, self.link.variable, target, port, kind)
        return [Way(feed, delay, weight, self.how) for delay, weight in weights.items()], bias

    def _many(self, x: Tensor | Spikes, transforms: tuple[Transform, ...], parameters: Mapping[str, Any]) -> Tensor:
        """All steps at once."""
        if transforms and isinstance(transforms[0], OverTime):
            x, transforms = over_time(transforms[0], x, parameters, self.dtype), transforms[1:]
        while isinstance(x, Spikes) and transforms and can_pool(x, transforms[0]):
            x, transforms = pooled(x), transforms[1:]
        if isinstance(x, Spikes) and transforms and isinstance(transforms[0], Dense):
            weight = effective_weight(transforms[0], parameters["weight"])
            y, self.done = product(x, weight, parameters.get("bias"), self.how)
            self.activity = x.activity
            transforms = transforms[1:]
        else:
            y = x.floats(self.dtype) if isinstance(x, Spikes) else x
        steps, batch = y.shape[:2]
        y = self._transformed(y.flatten(0, 1), transforms, parameters)
        return y.reshape(steps, batch, *y.shape[1:])

    def _transformed(self, x: Any, transforms: tuple[Transform, ...], parameters: Mapping[str, Any]) -> Tensor:
        y = x.to(self.dtype)
        for transform in transforms:
            y = apply(transform, y, parameters)
        return y

    def _by_delay(self) -> dict[int, tuple[tuple[Transform, ...], dict[str, Any]]]:
        """Distinct delay -> transforms and parameters that hold only the synapses with that delay."""
        if self._parts is None:
            weight, transform = self.parameters["weight"], self.link.transforms[0]
            delay = torch.as_tensor(self.delay, device=weight.device)
            self._parts = {}
            for d in np.unique(self.delay).tolist():
                if isinstance(transform, Sparse):
                    self._parts[d] = (transform.part(self.delay == d),), {"weight": weight[delay == d]}
                else:
                    self._parts[d] = (transform,), {"weight": weight * (delay == d)}
        return self._parts

    def _with_bias(self, y: Tensor, lead: int) -> Tensor:
        """Add the bias to `y`, whose first `lead` dimensions are time and batch."""
        bias = self.parameters.get("bias")
        if bias is None:
            return y
        shape = y.shape[lead:]
        return y + bias.reshape(shape if bias.numel() == shape.numel() else (-1, *(1 for _ in shape[1:])))
