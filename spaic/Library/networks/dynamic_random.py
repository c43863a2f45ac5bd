"""Neurapse's dynamic random networks: with constant and with plastic synapses."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from spaic.errors import DeclarationError
from spaic.Learning.plasticity import PlasticityLearner
from spaic.Library.initializers import uniform
from spaic.Library.ranges import demand_number, demand_positive
from spaic.Network.connection import Connection
from spaic.Network.network import Network
from spaic.Network.neurongroup import NeuronGroup
from spaic.Network.sources import Generator
from spaic.registry import networks


@networks.register("dynamic_random", "DRN_Const", "DynamicRandomNetwork")
class DynamicRandomNetwork(Network):
    """Excitatory and inhibitory neurons at random, with long excitatory delays; Poisson spikes at a few of them keep it going.

    Excitatory neurons send to all, inhibitory ones to excitatory ones. Members: `drive` (rates in spikes per ms), `exc`, `inh` (lif in
    mV), and the connections `drive_exc`, `exc_exc`, `exc_inh` and `inh_exc`.

    Parameters
    ----------
    num : int
        Number of neurons, four fifths of them excitatory.
    driven : int
        Number of excitatory neurons with Poisson input.
    fan_out : float
        Part of all neurons that each neuron sends to.
    weight : float
        Of excitatory synapses and of the input, in pA.
    inhibition : float
        Weight of inhibitory synapses, as a part of `weight`. At 1, as in Neurapse, it depends on the seed whether inhibition holds the
        network at some 20 Hz or excitation drives it to some 400 Hz.
    tau : float
        Decay of the synaptic currents in ms; they rise four times as fast.
    name : str, optional
        Shown in messages.
    seed : int
        Seed of connections, delays and input.

    Notes
    -----
    Source: Neurapse, ``DRN_Const``; Izhikevich 2006, Polychronization, *Neural Computation* 18, 245. Delays are uniform from 1 to 20 ms
    (excitatory) and 1 ms (inhibitory).

    Examples
    --------
    >>> from spaic.Library import DynamicRandomNetwork
    >>> net = DynamicRandomNetwork(50)
    >>> net.drive(0.1)
    >>> net.run(10.0)
    """

    _is_plastic: ClassVar[bool] = False  # whether excitatory synapses learn

    def __init__(
        self, num: int = 200, driven: int = 25, fan_out: float = 0.1, weight: float = 3000.0, inhibition: float = 1.5, tau: float = 15.0,
        name: str | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(name, seed)
        if isinstance(num, bool) or not isinstance(num, int) or num < 10:
            raise DeclarationError(f"DynamicRandomNetwork.num: {num!r} is no number of neurons; give a whole number of at least 10")
        excitatory = num * 4 // 5
        if isinstance(driven, bool) or not isinstance(driven, int) or not 1 <= driven <= excitatory:
            raise DeclarationError(f"DynamicRandomNetwork.driven: {driven!r} is not from 1 to {excitatory}; drive some excitatory neurons")
        demand_number("DynamicRandomNetwork.weight", weight)
        demand_number("DynamicRandomNetwork.inhibition", inhibition, low=0.0)
        demand_positive("DynamicRandomNetwork.tau", tau)
        self.exc = NeuronGroup(excitatory, model="lif", preset="neurapse", neuron_type="excitatory")
        self.inh = NeuronGroup(num - excitatory, model="lif", preset="neurapse", neuron_type="inhibitory")
        self.drive = Generator(driven, coding_method="poisson_generator")
        current: dict[str, Any] = {"post_var_name": "I", "syn_type": "second_order", "syn_kwargs": {"tau_r": tau, "tau_d": tau / 4}}
        pairs = np.repeat(np.arange(driven), 2).reshape(-1, 2)
        current["is_parameter"] = False
        self.drive_exc = Connection(self.drive, self.exc, link_type="index_list", index_list=pairs, weight=float(weight), **current)
        late = uniform(1.0, 20.0)
        random = {"link_type": "random", "probability": fan_out, "storage": "sparse", **current}
        plastic = {**random, "is_parameter": self._is_plastic}
        self.exc_exc = Connection(self.exc, self.exc, weight=float(weight), delay=late, allow_self=False, **plastic)
        self.exc_inh = Connection(self.exc, self.inh, weight=float(weight), delay=late, **plastic)
        random["probability"] = min(1.0, fan_out * num / excitatory)  # as many targets, all of them excitatory
        self.inh_exc = Connection(self.inh, self.exc, weight=-float(inhibition * weight), delay=1.0, **random)


@networks.register("plastic_random", "DRN_Plastic", "PlasticRandomNetwork")
class PlasticRandomNetwork(DynamicRandomNetwork):
    """The dynamic random network with excitatory synapses that learn from the order of spikes, each at the time of its own delay.

    Members as there, and `learner`, whose rule is ``proportional_stdp``, on `exc_exc` and `exc_inh`. The inhibitory synapses stay as they
    are.

    Parameters
    ----------
    num, driven, fan_out, weight, inhibition, tau
        As for the dynamic random network.
    A_plus, A_minus : float
        Part of a weight that a pair gains, pre before post, or loses, post before pre.
    tau_l : float
        Decay of both effects with the time between the spikes, in ms.
    name : str, optional
        Shown in messages.
    seed : int
        Seed of connections, delays and input.

    Notes
    -----
    Source: Neurapse, ``DRN_Plastic``, whose effects 0.01 and 0.07 are multiplied with its gamma of 0.4. There, depression counts the time
    from the first spike that the target ever had, so that it is over soon, and starts before the delay; here both effects take the last
    spike of the other side, and a presynaptic one counts when it arrives, so that most weights sink.

    Examples
    --------
    >>> from spaic.Library import PlasticRandomNetwork
    >>> net = PlasticRandomNetwork(20, driven=5)
    >>> net.set_backend("torch", dt=1.0)
    >>> net.drive(0.1)
    >>> net.run(10.0)
    >>> net.exc_exc.weight.ndim
    1
    """

    _is_plastic = True

    def __init__(
        self, num: int = 200, driven: int = 25, fan_out: float = 0.1, weight: float = 3000.0, inhibition: float = 1.5, tau: float = 15.0,
        A_plus: float = 0.004, A_minus: float = 0.028, tau_l: float = 20.0, name: str | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(num, driven, fan_out, weight, inhibition, tau, name, seed)
        plastic = [self.exc_exc, self.exc_inh]
        self.learner = PlasticityLearner(plastic, "proportional_stdp", A_plus=A_plus, A_minus=A_minus, tau_l=tau_l)
