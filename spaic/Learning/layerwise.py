"""Online learning of layers: errors of the same step through all layers (OTTT), or of each layer alone (DECOLLE)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch

from spaic.Backend.Torch.backend import Torch_Backend
from spaic.Dynamics.surrogate import Surrogate
from spaic.errors import DeclarationError, NetworkError, StateError, UnsupportedError
from spaic.Graph.graph import Graph
from spaic.Graph.nodes import Population
from spaic.Graph.schedule import schedule
from spaic.Learning.eligibility import Eligibility
from spaic.Learning.feedback_alignment import rerouted
from spaic.Learning.forwards import ForwardProgram, Sensitivity, StepLoss
from spaic.Learning.online import OnlineLearner
from spaic.Learning.optimizer import Optimizer
from spaic.registry import learners
from spaic.seeds import Key


@learners.register("ottt")
class OTTT(OnlineLearner):
    """Online training through time: errors go through the layers within each step, and through time only inside of single neurons.

    The weights of all layers learn from the error of each step and from traces of what arrived before. For leaky integrate-and-fire
    neurons, the trace of a synapse is the leaky sum of its presynaptic spikes, as in the paper; for any others, it is what the equations
    make of it. Recurrent connections send spikes to the next step but no errors back from it.

    Only :meth:`learn` computes this gradient.

    Parameters
    ----------
    trainable, surrogate, name, optimizer, groups, **parameters
        As for :class:`~spaic.SurrogateBP`.
    reset_gradient : bool
        Whether the spike in the reset carries gradient, by default not.

    Raises
    ------
    UnsupportedError
        When the network is built: if a connection between groups has a delay, as the error of a step would never come back through it.

    Notes
    -----
    Source: Xiao, Meng, Zhang, He & Lin 2022, *NeurIPS* 35, eqs. 6 to 9.
    """

    def __init__(
        self,
        trainable: Any = None,
        surrogate: str | Surrogate = "atan",
        *,
        reset_gradient: bool = False,
        name: str | None = None,
        optimizer: Optimizer | None = None,
        groups: Iterable[Mapping[str, Any]] = (),
        **parameters: float,
    ) -> None:
        super().__init__(trainable, surrogate, reset_gradient=reset_gradient, name=name, optimizer=optimizer, groups=groups, **parameters)
        self._has_learned = False

    def annotate(self, graph: Graph) -> Graph:
        graph = super().annotate(graph)
        plan = schedule(graph)
        together = [set(stage.populations) for stage in plan.stages]
        for link in graph.links:
            ends = {link.source_node, link.target_node}
            is_loop = any(ends <= stage for stage in together)
            if isinstance(graph.by_name.get(link.source_node), Population) and not is_loop and plan.depth[link.name]:
                raise UnsupportedError(f"{link.name}: errors of a step do not come back through a delay; use spaic.EProp, or no delay here")
        return graph

    def learn(self, loss: StepLoss, run_time: float | None = None) -> float:
        found = super().learn(loss, run_time)
        self._has_learned = True
        return found

    def optim_step(self) -> None:
        if not self._has_learned:
            raise StateError(f"{self.path}: loss.backward() is not its gradient; call {self.path}.learn(loss, T) before optim_step()")
        super().optim_step()
        self._has_learned = False

    def _sensitivity(self, graph: Graph, backend: Torch_Backend) -> Sensitivity:
        return Eligibility(graph, self._own_paths(), {}, backend.torch_dtype, backend.torch_device, follows_delays=False)


@learners.register("decolle")
class DECOLLE(OnlineLearner):
    """Deep continuous local learning: every group has an error of its own, read from its spikes by a fixed random matrix.

    No error goes from group to group. Within a neuron errors go back in time through its own equations, by eligibility traces. The
    matrices, of shape (classes, neurons), follow from the seed of the network.

    Parameters
    ----------
    trainable, surrogate, name, optimizer, groups, **parameters
        As for :class:`~spaic.SurrogateBP`.
    reset_gradient : bool
        Whether the spike in the reset carries gradient, by default not.
    classes : int
        Rows of the matrices.
    scale : float
        The standard deviation of a matrix is ``scale / sqrt(n)``, n being the neurons of the group.

    Examples
    --------
    ``loss`` of :meth:`learn` gets what the matrix of one group reads in one step, ``[batch, classes]``, once for each group::

        net.learner = spaic.DECOLLE(classes=10, optimizer=spaic.Adam(lr=0.001))
        net.learner.learn(lambda values, step: cross_entropy(values, labels), 100.0)

    Notes
    -----
    Source: Kaiser, Mostafa & Neftci 2020, Front. Neurosci. 14:424, eqs. 5 to 9.
    """

    def __init__(
        self,
        trainable: Any = None,
        surrogate: str | Surrogate = "sigmoid",
        *,
        classes: int,
        scale: float = 1.0,
        reset_gradient: bool = False,
        name: str | None = None,
        optimizer: Optimizer | None = None,
        groups: Iterable[Mapping[str, Any]] = (),
        **parameters: float,
    ) -> None:
        super().__init__(trainable, surrogate, reset_gradient=reset_gradient, name=name, optimizer=optimizer, groups=groups, **parameters)
        if isinstance(classes, bool) or not isinstance(classes, int) or classes < 1:
            raise DeclarationError(f"DECOLLE: classes is {classes!r}; give a whole number above 0")
        if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 0 < scale < math.inf:
            raise DeclarationError(f"DECOLLE: scale is {scale!r}; give a number above 0")
        self.classes, self.scale = classes, float(scale)

    def annotate(self, graph: Graph) -> Graph:
        graph = super().annotate(graph)
        self._learning = self._groups_that_learn(graph)
        sending = [k for k in graph.links if isinstance(graph.by_name.get(k.source_node), Population)]
        return rerouted(graph, {k.name: {} for k in sending}, [])

    @property
    def readouts(self) -> dict[str, torch.Tensor]:
        """Path of a group -> its matrix, ``[classes, neurons]``."""
        simulation = self.network._built()
        return {group: self._matrix(simulation.graph, group).to(simulation.backend.torch_dtype) for group in self._learning}

    def _groups_that_learn(self, graph: Graph) -> list[str]:
        own = {path.rpartition(".")[0] for path in self._paths}
        found = sorted({k.target_node for k in graph.links if k.name in own})
        for group in found:
            node = graph.by_name[group]
            if not isinstance(node, Population) or "O" not in node.model.variables:
                raise NetworkError(f"{group}: its error is read from its spikes, and it never fires; use another model, or leave it out")
        return found

    def _matrix(self, graph: Graph, group: str) -> torch.Tensor:
        neurons = math.prod(graph.shape(group))
        drawn = Key(graph.seed, group, "local readout").generator().standard_normal((self.classes, neurons))
        return torch.from_numpy(drawn * (self.scale / math.sqrt(neurons)))

    def _program(self, graph: Graph, backend: Torch_Backend, sensitivity: Sensitivity, loss: StepLoss) -> ForwardProgram:
        matrices = {f"{g}.O": self._matrix(graph, g).to(backend.torch_device, backend.torch_dtype) for g in self._learning}

        def local(values: Mapping[str, torch.Tensor], step: int) -> torch.Tensor:
            errors = [loss(values[path].flatten(1).to(matrix.dtype) @ matrix.T, step) for path, matrix in matrices.items()]
            return sum(errors[1:], errors[0])

        return ForwardProgram(graph, backend, sensitivity, local, self.path, list(matrices))

    def _sensitivity(self, graph: Graph, backend: Torch_Backend) -> Sensitivity:
        return Eligibility(graph, self._own_paths(), {}, backend.torch_dtype, backend.torch_device, follows_delays=False)
