"""Competition among the neurons of a group: who fires silences the others."""

from __future__ import annotations

from typing import Any

import numpy as np

from spaic.errors import DeclarationError
from spaic.Library.ranges import demand_number
from spaic.Network.connection import Connection
from spaic.Network.neurongroup import NeuronGroup


def winner_take_all(group: NeuronGroup, inhibition: float, delay: float | None = None, **options: Any) -> Connection:
    """A fixed connection by which each neuron of a group inhibits all others, but not itself.

    Parameters
    ----------
    group : NeuronGroup
        Who competes.
    inhibition : float
        What a spike takes from all others, in units of a weight into the group: its weights are ``-inhibition``.
    delay : float, optional
        In ms; one step by default. The fewer steps, the fewer neurons win together.
    **options
        Keywords of :class:`~spaic.Connection`, such as ``post_var_name`` and ``name``.

    Returns
    -------
    Connection
        To be assigned to the network: ``net.compete = winner_take_all(net.cells, 10.0)``.

    Examples
    --------
    >>> import numpy as np, spaic
    >>> net = spaic.Network()
    >>> net.source = spaic.Encoder(num=3, coding_method="null")
    >>> net.cells = spaic.NeuronGroup(3, model="lif")
    >>> net.wire = spaic.Connection(net.source, net.cells, link_type="one_to_one", weight=0.6)
    >>> net.compete = winner_take_all(net.cells, 5.0)
    >>> net.count = spaic.Decoder(dec_target=net.cells)
    >>> net.set_backend("torch", dt=1.0)
    >>> net.source([[[1, 0, 0], *[[1, 1, 1]] * 9]])
    >>> net.run(10.0)
    >>> net.count.predict.tolist()
    [[5.0, 0.0, 0.0]]
    """
    if not isinstance(group, NeuronGroup):
        raise DeclarationError(f"winner_take_all: {group!r} is no NeuronGroup; give the group whose neurons compete")
    demand_number("winner_take_all.inhibition", inhibition, low=0.0)
    others = -float(inhibition) * (1.0 - np.eye(group.num))
    return Connection(group, group, weight=others, delay=delay, is_parameter=False, **options)
