"""Neurapse's fan-in detector: a neuron that fires if spikes reach it together."""

from __future__ import annotations

from typing import Any

import numpy as np

from spaic.errors import DeclarationError
from spaic.Library.ranges import demand_number, demand_positive
from spaic.Network.connection import Connection
from spaic.Network.network import Network
from spaic.Network.neurongroup import NeuronGroup
from spaic.Network.sources import Generator
from spaic.registry import networks

#: Neurapse's delays in ms, from each of three neurons (columns) to each of two (rows).
_DELAYS = ((1.0, 5.0, 9.0), (8.0, 5.0, 1.0))


@networks.register("fan_in", "NNetwork_Const", "FanInDetector")
class FanInDetector(Network):
    """Each neuron of `post` detects one order of spikes in `pre`: the one that its delays turn into a coincidence.

    With the default delays the first neuron waits for spikes that come in the order 2, 1, 0, 4 ms apart, the second one for the order
    0, 1, 2 with 3 and 4 ms.

    Members: `drive` (currents in pA over time, ``[time, pre]``, one row per step), `pre`, `post` (lif neurons in mV) and `fan_in`.

    Parameters
    ----------
    delays : array of shape (post, pre)
        In ms.
    weight : float
        Of every synapse, in pA.
    tau : float
        Decay of the synaptic current in ms; it rises four times as fast.
    name : str, optional
        Shown in messages.
    seed : int
        Seed of random numbers.

    Notes
    -----
    Source: Neurapse, ``NNetwork_Const``; Izhikevich 2006, Polychronization, *Neural Computation* 18, 245. There, a delay lasts one step
    less than stated.

    Examples
    --------
    >>> from spaic.Library import FanInDetector
    >>> net = FanInDetector()
    >>> net.pre.num, net.post.num
    (3, 2)
    """

    def __init__(self, delays: Any = _DELAYS, weight: float = 3000.0, tau: float = 15.0, name: str | None = None, seed: int = 0) -> None:
        super().__init__(name, seed)
        demand_number("FanInDetector.weight", weight)
        demand_positive("FanInDetector.tau", tau)
        given = _matrix(delays)
        self.pre = NeuronGroup(given.shape[1], model="lif", preset="neurapse")
        self.post = NeuronGroup(given.shape[0], model="lif", preset="neurapse")
        self.drive = Generator(dec_target=self.pre, coding_method="timed_array")
        self.fan_in = Connection(
            self.pre, self.post, weight=np.full(given.shape, float(weight)), delay=given, post_var_name="I",
            syn_type="second_order", syn_kwargs={"tau_r": tau, "tau_d": tau / 4},
        )  # fmt: skip


def _matrix(delays: Any) -> np.ndarray:
    try:
        given = np.array(delays, dtype=float)
    except (TypeError, ValueError):
        raise DeclarationError(f"FanInDetector.delays: {delays!r} is no matrix of numbers; give one row per detecting neuron") from None
    if given.ndim != 2:
        raise DeclarationError(f"FanInDetector.delays: shape {given.shape} is not (post, pre); give one row per detecting neuron")
    return given
