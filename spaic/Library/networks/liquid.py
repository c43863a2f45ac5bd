"""A liquid state machine: a column of neurons that holds an echo of its input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spaic.Library.ranges import demand_number, demand_positive, demand_sizes
from spaic.Network.connection import Connection
from spaic.Network.network import Network
from spaic.Network.neurongroup import NeuronGroup
from spaic.Network.readers import Decoder
from spaic.Network.sources import Encoder
from spaic.registry import networks
from spaic.seeds import Key

#: Probability of a synapse at distance 0, from (rows: excitatory, inhibitory) to (columns).
_CLOSE = np.array([[0.3, 0.2], [0.4, 0.1]])


@networks.register("liquid", "LiquidStateMachine", "lsm")
class LiquidStateMachine(Network):
    """Neurons on a grid, connected at random with their neighbours, whose state tells what came in: only a linear readout is trained.

    One neuron in five is inhibitory. Members: `input` (spikes ``[batch, time, channels]``), `liquid` (model cuba), `trace` (each neuron's
    spikes, smoothed), the connections `input_liquid`, `recurrent` and `smoothing`, and `state`, a decoder with the traces at the end of the
    run: the features, ``[batch, neurons]``, of any linear classifier.

    Parameters
    ----------
    inputs : int
        Number of input channels.
    shape : sequence of three int
        The grid.
    reach : float
        Distance, in steps of the grid, within which most synapses are.
    weight : float
        Of an excitatory synapse, as a part of the threshold; inhibitory ones have ``-4 * weight``.
    tau_trace : float
        Time constant of the traces in ms.
    name : str, optional
        Shown in messages.
    seed : int
        Seed of the synapses.

    Notes
    -----
    Source: Maass, Natschlaeger and Markram 2002, *Neural Computation* 14, 2531 (a column of 15 x 3 x 3 neurons, synapses with probability
    ``C exp(-(distance / reach)**2)``); with synapses that do not change.

    Examples
    --------
    >>> from spaic.Library import LiquidStateMachine
    >>> net = LiquidStateMachine(4)
    >>> net.liquid.num
    135
    """

    def __init__(
        self, inputs: int, shape: Sequence[int] = (15, 3, 3), reach: float = 2.0, weight: float = 0.4, tau_trace: float = 30.0,
        name: str | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(name, seed)
        grid = demand_sizes("LiquidStateMachine.shape", shape, 3)
        demand_positive("LiquidStateMachine.reach", reach)
        demand_number("LiquidStateMachine.weight", weight)
        self.input = Encoder(inputs, coding_method="null")
        self.liquid = NeuronGroup(int(np.prod(grid)), model="cuba", tau_m=30.0, tau_s=3.0, t_ref=3.0)
        self.trace = NeuronGroup(self.liquid.num, model="li", tau_m=tau_trace)
        rng = Key(seed, "liquid", "synapses").generator()
        scale = weight * 30.0 / 3.0  # the current of a synapse lasts tau_s, the membrane tau_m: `weight` is about the jump that results
        self.recurrent = Connection(
            self.liquid, self.liquid, link_type="matrix", matrix=_synapses(grid, reach, rng) * scale, is_parameter=False
        )  # fmt: skip
        pairs = np.argwhere(rng.random((self.input.num, self.liquid.num)) < 0.3)
        self.input_liquid = Connection(
            self.input, self.liquid, link_type="index_list", index_list=pairs, weight=2.0 * scale, is_parameter=False
        )
        self.smoothing = Connection(self.liquid, self.trace, link_type="one_to_one", weight=1.0, is_parameter=False)
        self.state = Decoder(dec_target=self.trace, coding_method="final_voltage")


def _synapses(shape: Sequence[int], reach: float, rng: np.random.Generator) -> np.ndarray:
    """Weights (post, pre) in units of an excitatory one."""
    place = np.stack(np.unravel_index(np.arange(np.prod(shape)), tuple(shape)), axis=1)
    is_inhibitory = (rng.random(len(place)) < 0.2).astype(int)
    square = ((place[:, None] - place) ** 2).sum(2)
    probability = _CLOSE[is_inhibitory][:, is_inhibitory].T * np.exp(-square / reach**2)
    np.fill_diagonal(probability, 0.0)
    strength = np.where(is_inhibitory, -4.0, 1.0)
    return np.asarray((rng.random(probability.shape) < probability) * strength)
