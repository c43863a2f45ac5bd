"""A convolutional network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from spaic.errors import DeclarationError
from spaic.Learning.optimizer import optimizer_named
from spaic.Learning.surrogate_gradient import SurrogateBP
from spaic.Library.initializers import normal
from spaic.Library.ranges import demand_sizes
from spaic.Network.connection import Connection
from spaic.Network.network import Network
from spaic.Network.neurongroup import NeuronGroup
from spaic.Network.readers import Decoder
from spaic.Network.sources import Encoder
from spaic.registry import networks


@networks.register("conv", "ConvNet")
class ConvNet(Network):
    """Convolutions with pooling, then one integrator per class: for images, or for recordings of an event camera.

    Members: `image`, the groups `layer1`, `layer2`, ... (model lif) and `readout` (model li), the connections `conv1`, `conv2`, ... (3 x 3
    kernels, 2 x 2 maxima) and `full`, `output` (mean voltage of each class), `learner` (SurrogateBP) and `optim` (Adam).

    Parameters
    ----------
    shape : sequence of three int
        Channels, height and width of an image.
    channels : sequence of int
        Feature maps of each convolution.
    classes : int
        Number of classes.
    coding_method : str
        How images enter: ``"direct"`` as a current, ``"poisson"``, or ``"null"`` for one image per step.
    tau_m : float
        Time constant of the membranes in ms.
    lr : float
        Learning rate.
    name : str, optional
        Shown in messages.
    seed : int
        Seed of weights and input.

    Examples
    --------
    >>> from spaic.Library import ConvNet
    >>> net = ConvNet((1, 28, 28))
    >>> net.layer2.shape
    (32, 7, 7)
    """

    def __init__(
        self, shape: Sequence[int] = (1, 28, 28), channels: Sequence[int] = (16, 32), classes: int = 10, coding_method: str = "direct",
        tau_m: float = 10.0, lr: float = 0.003, name: str | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(name, seed)
        size, maps = demand_sizes("ConvNet.shape", shape, 3), demand_sizes("ConvNet.channels", channels)
        if min(size[1:]) >> len(maps) < 1:
            raise DeclarationError(f"ConvNet: an image of {size[1:]} cannot be halved {len(maps)} times; use fewer channels")
        self.image = Encoder(shape=size, coding_method=coding_method)
        before: Any = self.image
        for i, number in enumerate(maps, 1):
            layer = NeuronGroup(shape=(number, size[1] // 2, size[2] // 2), model="lif", tau_m=tau_m)
            setattr(self, f"layer{i}", layer)
            spread = normal(0.0, 1.5 / math.sqrt(9 * size[0]))
            conv = Connection(before, layer, link_type="conv", kernel_size=3, padding=1, syn_type=["conv", "maxpool"], weight=spread)
            setattr(self, f"conv{i}", conv)
            before, size = layer, layer.shape
        self.readout = NeuronGroup(classes, model="li", tau_m=tau_m)
        self.full = Connection(before, self.readout, weight=normal(0.0, 1 / math.sqrt(before.num)))
        self.output = Decoder(dec_target=self.readout, coding_method="mean_voltage")
        self.learner = SurrogateBP(self, surrogate="atan")
        self.optim = optimizer_named("Adam", lr)
