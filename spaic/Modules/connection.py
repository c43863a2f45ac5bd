"""Connections as torch modules: weights and delays, one call is one time step."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spaic.Backend.element import initial_parameters
from spaic.Backend.Torch.links.constraints import confine
from spaic.Backend.Torch.links.delivery import Delivery
from spaic.Backend.Torch.links.transforms import apply
from spaic.clock import Clock
from spaic.errors import DeclarationError, InputError, StateError, UnsupportedError, reject_unknown
from spaic.Graph.constraints import has_norm
from spaic.Graph.graph import Graph
from spaic.Graph.links import Link
from spaic.Graph.nodes import Input
from spaic.Graph.values import as_value
from spaic.Modules.stateful import Signal, Stateful, drawn_seed, number_type
from spaic.Network import constraints
from spaic.Network.neurongroup import group_shape
from spaic.registry import links
from spaic.seeds import Key
from spaic.units import in_unit

Shape = tuple[int, ...]


class Connection(Stateful):
    """A connection of any registered link type with weights, for your own ``nn.Module``.

    A call takes what the source sends in one step and returns what arrives at the target in this step, ``[batch, *post]``. Traces travel
    with the spikes: :attr:`arrived` has both as they meet the synapses now.

    Parameters
    ----------
    pre, post : int or tuple of int
        Shapes of both sides, without batch.
    link_type : str
        A registered link type with weights, such as ``"full"``, ``"sparse"``, ``"one_to_one"`` or ``"conv"``.
    dt : float
        Time step in ms.
    delay : float or array
        In ms, a whole number of steps: of the connection, or of each synapse in the shape of the weight.
    w_min, w_max : float, optional
        Bounds of the weights, where they start and where rules and :meth:`confine` keep them.
    w_norm : float, optional
        What the absolute values of the weights that enter a neuron add up to after :meth:`confine`.
    seed : int, optional
        Of the initial weights; by default torch's generator decides.
    **options
        Keywords of the link type, such as `weight`, `bias` and `density`.

    Examples
    --------
    >>> import torch
    >>> late = Connection(2, 1, dt=1.0, delay=2.0, weight=0.5)
    >>> [late(torch.tensor([[float(n == 0), 0.0]])).item() for n in range(4)]
    [0.0, 0.0, 0.5, 0.0]
    """

    def __init__(
        self,
        pre: int | Shape,
        post: int | Shape,
        link_type: str = "full",
        *,
        dt: float = 1.0,
        delay: Any = 0.0,
        w_min: float | None = None,
        w_max: float | None = None,
        w_norm: float | None = None,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        self.path = f"{type(self).__name__}({links.canonical(link_type)})"
        self.pre, self.clock = group_shape(None, pre, f"{self.path}.pre"), Clock(dt)
        transform, seed = self._transform(link_type, post, options, drawn_seed(seed)), drawn_seed(seed)
        self.post = transform.output_shape(self.pre, self.path)
        if prod(self.post) != prod(group_shape(None, post, f"{self.path}.post")):
            raise DeclarationError(f"{self.path}: it delivers the shape {self.post} and post is {post}; make them equal")
        bounds = {"weight": _bounds(w_min, w_max, self.path)} if (w_min, w_max) != (None, None) else {}
        given = as_value(in_unit(delay, "ms", f"{self.path}.delay"), f"{self.path}.delay")
        if w_norm is not None and not has_norm(transform):
            raise DeclarationError(f"{self.path}.w_norm: the weights that enter a neuron are not apart; leave it out")
        norm = constraints.norm(w_norm, self.path)
        self.link = Link("wire", "pre.O", "post.input", (transform,), delay=given, bounds=bounds, norm=norm)
        self.delay = _whole_steps(given, self.clock, transform.parameters()["weight"][1], self.path)
        for path, value in initial_parameters(Graph((Input("pre", self.pre),), (self.link,), clock=self.clock, seed=seed)).items():
            self.register_parameter(path.rpartition(".")[2], nn.Parameter(torch.tensor(value, dtype=torch.get_default_dtype())))
        self.arrived: Signal | Tensor | None = None

    weight: nn.Parameter

    @property
    def transform(self) -> Any:
        """What it does with the values of the source."""
        return self.link.transforms[0]

    def forward(self, x: Tensor | Signal) -> Tensor:
        """One step: what arrives at the target, ``[batch, *post]``.

        Parameters
        ----------
        x : Tensor ``[batch, *pre]`` or Signal
            What the source sends.
        """
        spikes, trace = x if isinstance(x, Signal) else (x, None)
        self._check(spikes, self.pre, "what it gets", "batch")
        dtype = number_type(self.weight)
        spikes = spikes.to(dtype)
        self._keep("batch", spikes.new_zeros(len(spikes)))
        past, traces = self._past("history", spikes), None if trace is None else self._past("traces", trace)
        own = dict(self.named_parameters(recurse=False))
        delivered = Delivery(self.link, self.delay, own, dtype).at_once(spikes, past)
        self.arrived = self._meeting(spikes, past, trace, traces)
        self.steps += 1
        return delivered.reshape(len(spikes), *self.post)

    def trace_sum(self) -> Tensor:
        """Sum over the synapses of each target neuron of the traces that meet them now, ``[batch, *post]``: a connection of weights 1."""
        if not isinstance(self.arrived, Signal):
            raise StateError(f"{self.path}: no trace has arrived; call it with the signal of a neuron that has a trace first")
        trace = self.arrived.trace.to(self.weight.dtype)
        return apply(self.transform, trace, {"weight": torch.ones_like(self.weight)}).reshape(len(trace), *self.post)

    def confine(self) -> None:
        """Put the weights on their bounds and to their sum, as after a step of an optimizer."""
        with torch.no_grad():
            confine(self.transform, self.weight, self.link.bounds.get("weight"), self.link.norm)

    def reset_state(self) -> None:
        super().reset_state()
        self.arrived = None

    def detach_state(self) -> None:
        super().detach_state()
        if self.arrived is not None:
            self.arrived = Signal(*(x.detach() for x in self.arrived)) if isinstance(self.arrived, Signal) else self.arrived.detach()

    def extra_repr(self) -> str:
        return f"{self.pre} -> {self.post}, delay={np.max(self.delay) * self.clock.dt:g}"

    # --- parts

    def _transform(self, link_type: str, post: int | Shape, options: dict[str, Any], seed: int) -> Any:
        kind = links[link_type]
        reject_unknown(self.path, options, getattr(kind, "__dataclass_fields__", {}))
        found = kind(**options).transforms(self.pre, group_shape(None, post, self.path), self.path, Key(seed, self.path, "pattern"))
        if len(found) != 1 or "weight" not in found[0].parameters():
            raise UnsupportedError(f"{self.path}: it has no weights of its own; use a torch module such as nn.AvgPool2d")
        return found[0]

    def _past(self, name: str, now: Tensor) -> list[Tensor]:
        """Values of the steps before, the last one last; they go on with `now`."""
        length = int(np.max(self.delay))
        if not length:
            return []
        held = self.state.get(name)
        past = now.new_zeros((length, *now.shape)) if held is None else held
        self._keep(name, torch.cat([past[1:], now[None]]))
        return list(past.unbind(0))

    def _meeting(self, spikes: Tensor, past: list[Tensor], trace: Tensor | None, traces: list[Tensor] | None) -> Signal | Tensor | None:
        if not isinstance(self.delay, int):
            return None  # they meet each synapse at another time
        late = spikes if self.delay == 0 else past[0]
        return late if trace is None or traces is None else Signal(late, trace if self.delay == 0 else traces[0])


class Linear(Connection):
    """All neurons of a layer to all of the next.

    Parameters
    ----------
    in_features, out_features : int
        Numbers of neurons.
    dt, delay, **options
        As for :class:`Connection`.
    """

    def __init__(self, in_features: int, out_features: int, dt: float = 1.0, delay: Any = 0.0, **options: Any) -> None:
        super().__init__(in_features, out_features, dt=dt, delay=delay, **options)


class Conv2d(Connection):
    """Two-dimensional convolution of an image (channels, height, width).

    Parameters
    ----------
    in_channels, out_channels : int
        Channels of both sides.
    kernel_size : int or (int, int)
        Size of the kernel.
    im_dims : (int, int)
        Height and width of the image.
    dt, delay, **options
        As for :class:`Connection`; `stride`, `padding`, `dilation` and `groups` as in torch.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        im_dims: tuple[int, int],
        dt: float = 1.0,
        delay: Any = 0.0,
        **options: Any,
    ) -> None:
        sizes = group_shape(None, im_dims, "Conv2d.im_dims")
        if len(sizes) != 2:
            raise InputError(f"Conv2d.im_dims: {im_dims!r} is no (height, width); give both")
        kernel: dict[str, Any] = dict(kernel_size=kernel_size, out_channels=out_channels)
        shape = links["conv"](**kernel, **{k: v for k, v in options.items() if k in ("stride", "padding", "dilation", "groups")})
        (transform,) = shape.transforms((in_channels, *sizes), (out_channels,), "Conv2d", Key(0, "Conv2d", "pattern"))
        post = transform.output_shape((in_channels, *sizes), "Conv2d")
        super().__init__((in_channels, *sizes), post, "conv", dt=dt, delay=delay, **kernel, **options)


def _bounds(low: Any, high: Any, where: str) -> tuple[float, float]:
    found = (-np.inf if low is None else float(low), np.inf if high is None else float(high))
    if not found[0] < found[1]:
        raise DeclarationError(f"{where}: w_min {low!r} is not below w_max {high!r}; exchange or leave out one")
    return found


def _whole_steps(delay: Any, clock: Clock, shape: Shape, where: str) -> int | np.ndarray:
    if isinstance(delay, float):
        return clock.steps(delay, f"{where}.delay", minimum=0)
    if not isinstance(delay, np.ndarray) or delay.shape != shape:
        raise DeclarationError(f"{where}.delay: {delay!r} is no number and has not the shape {shape} of the weights; give one of these")
    return np.array([clock.steps(d, f"{where}.delay", minimum=0) for d in delay.ravel().tolist()]).reshape(shape)
