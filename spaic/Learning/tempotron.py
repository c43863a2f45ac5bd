"""The tempotron: a neuron that learns to fire, at whatever time, for some patterns of spikes and to stay silent for others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from spaic.Dynamics.models import NeuronModel
from spaic.errors import InputError, NetworkError, StateError
from spaic.Graph.graph import Graph
from spaic.Graph.nodes import Population
from spaic.Learning.learner import Learner
from spaic.Learning.optimizer import Optimizer
from spaic.registry import learners


@learners.register("tempotron")
class Tempotron(Learner):
    """Supervised learning of decisions by single spikes.

    A neuron decides for a pattern by whether its potential, the sum of the responses to the incoming spikes, exceeds its threshold at any
    time of a run. After a wrong decision each weight changes by what its spikes contributed to the potential at the time of its maximum: up
    where the neuron should have fired, down where it should have been silent.

    The neurons do not reset while the learner is there, as their potential has to be that of the incoming spikes alone. Their model is
    any with a state V and a threshold `V_th`; with ``model="clif", tau_p=15.0, tau_q=3.75`` it is the one of the paper. A decoder with
    ``coding_method="max_voltage"`` reads the maxima, :meth:`loss` compares them with the threshold, and with the optimizer
    ``spaic.SGD(lr)`` its gradient is the rule itself, added up over the samples of a batch.

    Parameters
    ----------
    trainable : Network, Assembly, Connection or list of them, optional
        Connections into one group, which learn; by default all of the network or assembly that the learner belongs to.
    name : str, optional
        Name where it is not assigned to an attribute.
    optimizer : Optimizer, optional
        Its own optimizer, such as ``spaic.SGD(lr=0.01)``; without one, that of the nearest assembly around it that has one.
    groups : iterable of mapping
        Parameter groups, see :meth:`~spaic.Learner.add_param_group`.

    Raises
    ------
    NetworkError
        When the network is built: if it trains connections into several groups, or into one that has no V or never fires.

    Examples
    --------
    >>> import spaic
    >>> net = spaic.Network()
    >>> net.input = spaic.Encoder(num=2, coding_method="null")
    >>> net.cell = spaic.NeuronGroup(1, model="clif", tau_p=15.0, tau_q=3.75)
    >>> net.wire = spaic.Connection(net.input, net.cell, weight=[[0.3, 0.1]])
    >>> net.output = spaic.Decoder(dec_target=net.cell, coding_method="max_voltage")
    >>> net.learner = spaic.Tempotron(net, optimizer=spaic.SGD(lr=0.1))
    >>> net.set_backend("torch", dt=1.0, kernels="plain")
    >>> net.input([[[1, 0]] + [[0, 0]] * 6 + [[0, 1]] + [[0, 0]] * 12])
    >>> net.run(20.0)
    >>> loss = net.learner.loss(net.output.predict, [[True]])
    >>> loss.backward()
    >>> net.learner.optim_step()
    >>> [round(w, 3) for w in net.wire.weight[0].tolist()]
    [0.39, 0.189]

    Notes
    -----
    Source: Gutig & Sompolinsky 2006, Nat. Neurosci. 9:420, eqs. 1 to 3.
    """

    def __init__(
        self,
        trainable: Any = None,
        *,
        name: str | None = None,
        optimizer: Optimizer | None = None,
        groups: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(trainable, name=name, optimizer=optimizer, groups=groups)
        self._group = ""

    def annotate(self, graph: Graph) -> Graph:
        graph = super().annotate(graph)
        own = {path.rpartition(".")[0] for path in self._paths}
        targets = sorted({k.target_node for k in graph.links if k.name in own})
        if len(targets) > 1:
            raise NetworkError(f"{self.path}: its connections lead to {', '.join(targets)}; give each of these groups its own tempotron")
        if not targets:  # all that it trains is hidden
            return graph
        self._group = targets[0]
        return replace(graph, nodes=tuple(self._without_reset(n) if n.name == self._group else n for n in graph.nodes))

    def loss(self, prediction: Tensor, label: Any) -> Tensor:
        """How far the maxima of wrong decisions are from the threshold, added up over samples and neurons.

        Parameters
        ----------
        prediction : Tensor
            ``[batch, neurons]``, what the decoder has read.
        label : array
            ``[batch, neurons]``, True where the neuron is to fire; or ``[batch]``: with several neurons the number of the one that is to
            fire, with one neuron 0 or 1.
        """
        wanted, above = _wanted(self.path, prediction, label), prediction - self._threshold(prediction)
        return torch.where(wanted, (-above).clamp(min=0.0), above.clamp(min=0.0)).sum()

    def decisions(self, prediction: Tensor) -> Tensor:
        """``[batch, neurons]``: which neurons fired, from what the decoder has read."""
        return prediction.detach() > self._threshold(prediction)

    def _threshold(self, prediction: Tensor) -> Tensor:
        simulation = self.network._simulation
        if simulation is None or not self._group:
            raise StateError(f"{self.path}: there is no threshold yet; call net.run(T) first")
        value = torch.as_tensor(simulation.store.tensors()[f"{self._group}.V_th"], dtype=prediction.dtype, device=prediction.device)
        return value.detach().flatten()

    def _without_reset(self, node: Any) -> Any:
        if not isinstance(node, Population) or not {"V", "O"} <= set(node.model.variables) or "V_th" not in node.model.parameters:
            raise NetworkError(f"{node.name}: a tempotron needs neurons with a potential V and a threshold V_th; use model='clif'")
        return replace(node, model=_free(node.model))


@lru_cache(maxsize=64)
def _free(model: NeuronModel) -> NeuronModel:
    """A model whose potential is that of its input alone."""
    return replace(model, reset="", refractory="", interpolate=False)


def _wanted(path: str, prediction: Tensor, label: Any) -> Tensor:
    """Who is to fire, ``[batch, neurons]``."""
    given = torch.as_tensor(label, device=prediction.device)
    batch, neurons = prediction.shape
    if given.shape == prediction.shape and bool(((given == 0) | (given == 1)).all()):
        return given.bool()
    limit = max(2, neurons)
    if given.shape != (batch,) or given.is_floating_point() or not bool(((given >= 0) & (given < limit)).all()):
        raise InputError(
            f"{path}.loss: the labels have shape {tuple(given.shape)} and values such as {given.flatten()[:1].tolist()}; give True or "
            f"False for each of {batch} samples and {neurons} neurons, or {batch} whole numbers below {limit}"
        )
    return (given > 0)[:, None] if neurons == 1 else torch.nn.functional.one_hot(given.long(), neurons).bool()
