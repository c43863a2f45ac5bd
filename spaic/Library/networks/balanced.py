"""The balanced networks CUBA and COBA, on which simulators are compared."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from spaic.errors import DeclarationError
from spaic.Graph.values import Draw
from spaic.Library.initializers import normal, uniform
from spaic.Network.connection import Connection
from spaic.Network.network import Network
from spaic.Network.neurongroup import NeuronGroup
from spaic.registry import networks

#: Synapses that a neuron receives in the published networks: 2 % of 4,000.
_PUBLISHED = 80.0


class _Balanced(Network):
    """Excitatory and inhibitory neurons in a ratio of 4 to 1, connected at random."""

    model: ClassVar[str]
    weights: ClassVar[tuple[float, float]]  # excitatory and inhibitory
    initial: ClassVar[dict[str, Draw]]

    def __init__(
        self,
        num: int = 4000,
        probability: float = 0.02,
        integrator: str | None = None,
        name: str | None = None,
        seed: int = 0,
        **parameters: Any,
    ) -> None:
        super().__init__(name, seed)
        label = type(self).__name__
        if isinstance(num, bool) or not isinstance(num, (int, np.integer)) or num < 10:
            raise DeclarationError(f"{label}.num: {num!r} is no number of neurons; give a whole number of at least 10")
        if isinstance(probability, bool) or not isinstance(probability, (int, float)) or not 0 < probability <= 1:
            raise DeclarationError(f"{label}.probability: {probability!r} is outside (0, 1]; give a probability")
        excitatory = int(num) * 4 // 5
        start = dict(self.initial)
        self.exc = NeuronGroup(excitatory, model=self.model, integrator=integrator, initial=start, neuron_type="excitatory", **parameters)
        self.inh = NeuronGroup(
            int(num) - excitatory, model=self.model, integrator=integrator, initial=start, neuron_type="inhibitory", **parameters
        )
        scale = _PUBLISHED / (num * probability)
        self.exc_exc, self.exc_inh, self.inh_exc, self.inh_inh = (
            Connection(
                pre, post, link_type="random", probability=probability, storage="sparse", weight=scale * weight, post_var_name=port,
                is_parameter=False,
            )
            for pre, weight, port in ((self.exc, self.weights[0], "exc"), (self.inh, self.weights[1], "inh"))
            for post in (self.exc, self.inh)
        )  # fmt: skip


@networks.register("cuba", "CUBA")
class CUBA(_Balanced):
    """Current-based balanced network: 4,000 neurons, 2 % connectivity, irregular firing at 5.5 Hz without any input.

    Members: `exc` and `inh` (model cuba_exc_inh, four fifths and one fifth), and the connections `exc_exc`, `exc_inh`, `inh_exc` and
    `inh_inh`, each named from where to where.

    Parameters
    ----------
    num : int
        Number of neurons.
    probability : float
        Of a connection between any two neurons, in (0, 1].
    integrator : str, optional
        That of the model by default.
    name : str, optional
        Shown in messages.
    seed : int
        Seed of the connections and of the initial state.
    **parameters
        Of the neurons.

    Notes
    -----
    Vogels & Abbott 2005, J. Neurosci. 25:10786; as benchmark 2 of Brette et al. 2007, J. Comput. Neurosci. 23:349. For other numbers of
    neurons or probabilities the weights are scaled so that the mean input of a neuron stays the same.

    Examples
    --------
    >>> from spaic.Library import CUBA
    >>> net = CUBA(400, probability=0.2)
    >>> net.exc.num, net.inh.num
    (320, 80)
    """

    model = "cuba_exc_inh"
    weights = (1.62, -9.0)
    initial: ClassVar[dict[str, Draw]] = {"V": uniform(-60.0, -50.0)}


@networks.register("coba", "COBA")
class COBA(_Balanced):
    """Conductance-based balanced network: 4,000 neurons, 2 % connectivity, which fires at 19 Hz without any input, or falls silent.

    Members and parameters as for :class:`CUBA`; the model is lif_cond.

    Notes
    -----
    Vogels & Abbott 2005, J. Neurosci. 25:10786; as benchmark 1 of Brette et al. 2007, J. Comput. Neurosci. 23:349. Whether the activity
    goes on depends on the initial state, and so on the seed: about one network in three falls silent within a second. For other numbers
    of neurons or probabilities the weights are scaled so that the mean input of a neuron stays the same.

    Examples
    --------
    >>> from spaic.Library import COBA
    >>> COBA(1000, seed=3).exc_inh.link.probability
    0.02
    """

    model = "lif_cond"
    weights = (0.6, 6.7)
    initial: ClassVar[dict[str, Draw]] = {"V": normal(-65.0, 5.0), "g_exc": normal(4.0, 1.5), "g_inh": normal(20.0, 12.0)}
