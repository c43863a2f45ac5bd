"""The network of SPAIC's README."""

from __future__ import annotations

from typing import Any

from spaic.Learning.optimizer import optimizer_named
from spaic.Learning.surrogate_gradient import STCA
from spaic.Monitor.state_monitor import StateMonitor
from spaic.Network.connection import Connection
from spaic.Network.network import Network
from spaic.Network.neurongroup import NeuronGroup
from spaic.Network.readers import Decoder
from spaic.Network.sources import Encoder
from spaic.registry import networks


@networks.register("example", "ExampleNet")
class ExampleNet(Network):
    """Two layers of clif neurons that classify images of 784 pixels: 784-100-10, trained by STCA.

    Members: `input` (latency code), `layer1`, `layer2`, `connection1`, `connection2`, `output` (spike counts), `monitor1` (membrane
    potential of `layer1`), `learner1` (STCA, alpha 0.5) and `optim` (Adam, learning rate 0.01, divided by 10 every 1000 steps).

    Parameters
    ----------
    data : data set or loader, optional
        From whose first sample the size of the input is taken; 784 values otherwise.
    name : str, optional
        Shown in messages.
    seed : int
        Seed of weights, noise and random input.

    Examples
    --------
    >>> from spaic.Library import ExampleNet
    >>> net = ExampleNet()
    >>> net.layer1.num, net.layer2.num
    (100, 10)
    """

    def __init__(self, data: Any = None, name: str | None = None, seed: int = 0) -> None:
        super().__init__(name, seed)
        self.input = Encoder(784 if data is None else data, coding_method="latency")
        self.layer1 = NeuronGroup(100, model="clif")
        self.layer2 = NeuronGroup(10, model="clif")
        self.connection1 = Connection(self.input, self.layer1, link_type="full")
        self.connection2 = Connection(self.layer1, self.layer2, link_type="full")
        self.output = Decoder(dec_target=self.layer2, coding_method="spike_counts")
        self.monitor1 = StateMonitor(self.layer1, "V")
        self.learner1 = STCA(self, alpha=0.5)
        self.optim = optimizer_named("Adam", 0.01, schedule="StepLR", maxstep=1000)
