"""The network of Diehl and Cook: competing neurons with thresholds that adapt."""

from __future__ import annotations

from typing import Any

import numpy as np

from spaic.errors import StateError
from spaic.Library.initializers import uniform
from spaic.Library.ranges import demand_number
from spaic.Network.connection import Connection
from spaic.Network.network import Network
from spaic.Network.neurongroup import NeuronGroup
from spaic.Network.readers import Decoder
from spaic.Network.sources import Encoder
from spaic.registry import networks

#: Sum of the weights into a neuron, and the rate of a pixel of value 1 in spikes per ms: those of Diehl and Cook for 784 pixels.
_TOTAL, _RATE = 78.4, 0.06375

#: A time constant in ms at which nothing decays, in any precision: thousands of test images are minutes of the thresholds' lives.
_FOR_EVER = 1e20


@networks.register("diehl_cook", "DiehlCook")
class DiehlCook(Network):
    """Excitatory neurons that see all of the image, each with an inhibitory one that silences all others: few win.

    A neuron that fires raises its own threshold, so that others win, too, in time; `net.run_continue` keeps the thresholds. Members:
    `input`, `exc` (model diehl_cook; the raised threshold is `theta`), `inh` (model lif_stdp_ih), `input_exc`, `exc_inh`,
    `inh_exc`, and `output` (spike counts of `exc`). The weights `input_exc` are to be learned by a plasticity rule; none is part of the
    network. At the start of each run they are scaled so that those into a neuron add up to 78.4.

    Parameters
    ----------
    num : int
        Number of excitatory, and of inhibitory, neurons.
    inputs : int
        Number of pixels.
    excitation : float
        Jump of an inhibitory neuron in mV when its excitatory neuron fires.
    inhibition : float
        Conductance that an inhibitory spike opens in all other excitatory neurons, in units of their leak, one step after the spike that
        caused it. It is 17 in the code of Diehl and Cook; with more, fewer neurons answer the same image.
    theta_plus : float
        Rise of the threshold per spike in mV.
    theta : float or array
        Rise of the thresholds in mV at the start of a run.
    tau_theta : float
        Time constant in ms with which they sink again. In float32 each step is rounded to whole units in the last place: with 1e7 and
        steps of 1 ms, a threshold raised by 16 to 28 mV sinks by one unit per step, as if the constant was 0.8e7 to 1.5e7.
    coding_method : str
        Code of the input: Poisson spikes of up to 63.75 Hz, or ``"null"`` for spikes ``[batch, T, inputs]`` that are drawn elsewhere, which
        allows for runs that show several images.
    shown : float, optional
        Time in ms after which Poisson input is silent, so that a run of 500 ms with 350 here shows an image and lets the network rest; by
        default an image is shown until the run ends.
    name : str, optional
        Shown in messages.
    seed : int
        Seed of weights and input.

    Notes
    -----
    Source: Diehl and Cook 2015, *Frontiers in Computational Neuroscience* 9, 99; the inhibitory neurons are driven by jumps as in Hazan et
    al. 2018, *Frontiers in Neuroinformatics* 12, 89.

    Examples
    --------
    >>> from spaic.Library import DiehlCook
    >>> net = DiehlCook(20, inputs=64)
    >>> net.exc.num, net.inh.num
    (20, 20)
    """

    def __init__(
        self,
        num: int = 100,
        inputs: int = 784,
        excitation: float = 22.5,
        inhibition: float = 30.0,
        theta_plus: float = 0.05,
        theta: Any = 0.0,
        tau_theta: float = 1e7,
        coding_method: str = "poisson",
        shown: float | None = None,
        name: str | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(name, seed)
        demand_number("DiehlCook.excitation", excitation)
        demand_number("DiehlCook.inhibition", inhibition, low=0.0)
        self._options: dict[str, Any] = dict(
            excitation=excitation, inhibition=inhibition, coding_method=coding_method, shown=shown, seed=seed
        )
        code: dict[str, Any] = {} if shown is None else dict(end_time=shown)
        if coding_method == "poisson":
            code["unit_conversion"] = _RATE
        self.input = Encoder(inputs, coding_method=coding_method, **code)
        adapting: dict[str, Any] = dict(theta_plus=theta_plus, tau_theta=tau_theta, initial=dict(theta=theta))
        self.exc = NeuronGroup(num, model="diehl_cook", neuron_type="excitatory", **adapting)
        self.inh = NeuronGroup(num, model="lif_stdp_ih", neuron_type="inhibitory")
        start = uniform(0.0, 2 * _TOTAL / self.input.num)
        self.input_exc = Connection(self.input, self.exc, weight=start, w_min=0.0, w_norm=_TOTAL, post_var_name="exc")
        at_once: dict[str, Any] = dict(weight=float(excitation), delay=0.0, is_parameter=False)  # whoever is late is silenced, not a winner
        self.exc_inh = Connection(self.exc, self.inh, link_type="one_to_one", **at_once)
        others = float(inhibition) * (1.0 - np.eye(self.exc.num))
        self.inh_exc = Connection(self.inh, self.exc, weight=others, post_var_name="inh", is_parameter=False)
        self.output = Decoder(dec_target=self.exc, coding_method="spike_counts")

    @property
    def threshold_rise(self) -> np.ndarray:
        """By how much the thresholds are raised after the last run, ``[batch, num]``, in mV."""
        state = None if self._simulation is None else self._simulation.snapshot()["state"]
        if state is None:
            raise StateError("DiehlCook.threshold_rise: the network did not run yet; call net.run(T) first")
        found: np.ndarray = state["arrays"]["exc.theta"].copy()
        return found

    def fixed(self) -> DiehlCook:
        """The network as it is now, to be read: it does not learn, and its thresholds are those of now, in all runs.

        Returns
        -------
        DiehlCook
            Not built yet; it takes batches, as any network that does not learn.
        """
        raised = self.threshold_rise
        if len(raised) != 1:
            raise StateError(f"DiehlCook.fixed: the last run had {len(raised)} samples, each with thresholds of its own; run with one")
        still: dict[str, Any] = dict(theta_plus=0.0, theta=raised[0], tau_theta=_FOR_EVER)
        net = DiehlCook(self.exc.num, self.input.num, name=self.name, **still, **self._options)
        weight = self.input_exc.weight.detach().cpu().numpy()
        net.input_exc = Connection(net.input, net.exc, weight=weight, w_min=0.0, w_norm=_TOTAL, post_var_name="exc", is_parameter=False)
        return net
