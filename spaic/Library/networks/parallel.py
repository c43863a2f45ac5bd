"""Parallel spiking neurons: all steps at once, by a learned matrix over time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from spaic.Dynamics.models import NeuronModel
from spaic.errors import DeclarationError
from spaic.Network.assembly import Assembly
from spaic.Network.connection import Connection
from spaic.Network.neurongroup import NeuronGroup

_SUM = NeuronModel(name="summing", summary="Passes on what arrives.", equations="V := I")
_CELL = NeuronModel(name="psn", summary="Fires where V is not negative.", equations="V := I", spike="V >= 0")


class ParallelSpikingNeurons(Assembly):
    """Neurons whose potential is a learned mixture of the input of all steps: PSN, and with `order` masked PSN.

    What arrives in step m, I[m], becomes V[n] = sum over m of W[n, m] I[m], + B[n], and a neuron fires in the steps in which that is not
    negative. There is no reset, so that no step waits for another. All neurons share W and B, which are trained.

    Connect it as a group: ``Connection(a, psn)`` leads to `sum`, ``Connection(psn, b)`` begins at `cells`; monitors and decoders take
    ``psn.cells``. Members: `sum`, `cells`, and the connection `over_time` with W (``over_time.weight``) and B (``over_time.bias``).

    Parameters
    ----------
    num : int, optional
        Number of neurons.
    steps : int
        Number of steps of a run; runs of another length are refused.
    order : int, optional
        V depends on this step and the ``order - 1`` before it: the masked PSN. Without it, on all steps, those to come too.
    shape : tuple of int, optional
        Shape of the neurons.
    weight, bias : array, number or initializer, optional
        Initial W (steps, steps), uniform between ``-1 / sqrt(steps)`` and ``1 / sqrt(steps)`` by default, and B (steps,), -1 by default:
        a threshold of 1.
    name : str, optional
        Name where it is not assigned to an attribute.

    Notes
    -----
    Source: Fang et al. 2023, NeurIPS (Parallel spiking neurons), eqs. 4-8. Their masked PSN begins with the whole matrix and lets the mask
    come in slowly while it is trained; here it is there from the start. A filter that is the same at all times is ``model="sliding_psn"``,
    which is no more than a neuron and works for runs of any length.

    Examples
    --------
    >>> import numpy as np, spaic
    >>> from spaic.Library import ParallelSpikingNeurons
    >>> net = spaic.Network()
    >>> net.image = spaic.Encoder(num=3, coding_method="null")
    >>> net.psn = ParallelSpikingNeurons(2, steps=4)
    >>> net.wire = spaic.Connection(net.image, net.psn)
    >>> net.output = spaic.Decoder(dec_target=net.psn.cells)
    >>> net.set_backend("torch", dt=1.0)
    >>> net.image(np.ones((1, 4, 3)))
    >>> net.run(4.0)
    >>> net.output.predict.shape
    torch.Size([1, 2])
    >>> net.image(np.ones((1, 5, 3)))
    >>> net.run(5.0)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    spaic.errors.InputError: psn.over_time: it mixes all 4 steps of a run and is given 5; call net.run(4), ...
    """

    def __init__(
        self, num: int | None = None, steps: int | None = None, order: int | None = None, *, shape: Iterable[int] | None = None,
        weight: Any = None, bias: Any = -1.0, name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name)
        if steps is None:
            raise DeclarationError("ParallelSpikingNeurons: steps is not given; give the number of steps of a run, which these neurons mix")
        self.sum = NeuronGroup(num, model=_SUM, shape=shape)
        self.cells = NeuronGroup(num, model=_CELL, shape=shape)
        self.over_time = Connection(
            self.sum, self.cells, link_type="over_time", steps=steps, order=order, weight=weight, bias=bias, pre_var_name="V"
        )
