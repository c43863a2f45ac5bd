"""A recurrent network for spoken digits."""

from __future__ import annotations

import math

from spaic.Learning.optimizer import optimizer_named
from spaic.Learning.surrogate_gradient import SurrogateBP
from spaic.Library.initializers import normal
from spaic.Network.connection import Connection
from spaic.Network.network import Network
from spaic.Network.neurongroup import NeuronGroup
from spaic.Network.readers import Decoder
from spaic.Network.sources import Encoder
from spaic.registry import networks


@networks.register("shd", "SHDNet", "recurrent")
class SHDNet(Network):
    """One recurrent layer of current-based neurons and a readout without spikes: 700-256-20 for the Spiking Heidelberg Digits.

    Members: `input` (lists of events, ``[times in ms, channels]`` for each sample), `hidden` (model cuba), `readout` (model cubali), the
    connections `input_hidden`, `recurrent` and `hidden_readout`, `output` (highest voltage of each class), `learner` (SurrogateBP with the
    surrogate of SuperSpike) and `optim` (Adam). Train it with ``net.fit(loader, loss=torch.nn.functional.cross_entropy)``.

    Parameters
    ----------
    inputs, hidden, classes : int
        Numbers of channels, hidden neurons and classes.
    tau_m, tau_s : float
        Time constants of membranes and synapses in ms.
    lr : float
        Learning rate.
    name : str, optional
        Shown in messages.
    seed : int
        Seed of the weights.

    Notes
    -----
    Source: Cramer, Stradmann, Schemmel and Zenke 2022, *IEEE TNNLS* 33, 2744, doi:10.1109/TNNLS.2020.3044364, section III.

    Examples
    --------
    >>> from spaic.Library import SHDNet
    >>> net = SHDNet()
    >>> net.input.num, net.hidden.num, net.readout.num
    (700, 256, 20)
    """

    def __init__(
        self, inputs: int = 700, hidden: int = 256, classes: int = 20, tau_m: float = 20.0, tau_s: float = 10.0, lr: float = 0.001,
        name: str | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(name, seed)
        self.input = Encoder(inputs, coding_method="mstb", clip=True)
        self.hidden = NeuronGroup(hidden, model="cuba", tau_m=tau_m, tau_s=tau_s)
        self.readout = NeuronGroup(classes, model="cubali", tau_m=tau_m, tau_s=tau_s)
        scale = tau_m / tau_s  # a spike then raises the membrane by about its weight
        self.input_hidden = Connection(self.input, self.hidden, weight=normal(0.0, 2.0 * scale / math.sqrt(inputs)))
        self.recurrent = Connection(self.hidden, self.hidden, weight=normal(0.0, 0.5 * scale / math.sqrt(hidden)))
        self.hidden_readout = Connection(self.hidden, self.readout, weight=normal(0.0, 0.5 * scale / math.sqrt(hidden)))
        self.output = Decoder(dec_target=self.readout, coding_method="max_voltage")
        self.learner = SurrogateBP(self, surrogate="superspike")
        self.optim = optimizer_named("Adam", lr)
