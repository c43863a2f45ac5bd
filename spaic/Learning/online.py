"""Learning while the network runs: gradients that are carried forwards in time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

import torch

from spaic.Backend.Torch.backend import Torch_Backend
from spaic.Dynamics.surrogate import Surrogate
from spaic.errors import DeclarationError, NetworkError, StateError, UnsupportedError, nearest
from spaic.Graph.graph import Graph
from spaic.Graph.links import Link
from spaic.Graph.nodes import Population
from spaic.Graph.schedule import schedule
from spaic.Learning.eligibility import Eligibility
from spaic.Learning.feedback_alignment import DirectFeedbackAlignment, rerouted
from spaic.Learning.forwards import ForwardProgram, Sensitivity, StepLoss
from spaic.Learning.full_sensitivity import FullSensitivity
from spaic.Learning.optimizer import Optimizer
from spaic.Learning.sent_back import Cut, Matrix
from spaic.Learning.surrogate_gradient import SurrogateBP
from spaic.registry import learners

#: Ways of errors from an output to a hidden group.
BROADCASTS = ("symmetric", "random")


class OnlineLearner(SurrogateBP):
    """A learner that can compute its gradient while the network runs, with memory that does not grow with the run."""

    def learn(self, loss: StepLoss, run_time: float | None = None) -> float:
        """Run the network from the start and add the gradient of an error to what it trains, forwards in time.

        Gradients go where ``loss.backward()`` would put them, so :meth:`optim_zero_grad` and :meth:`optim_step` work as after it. Decoders
        and monitors see the run as any other. What other learners train gets no gradient.

        Parameters
        ----------
        loss : callable
            ``loss(values, step)`` is the error of one step, as a tensor of one number: `values` is what the decoder reads in this step,
            ``[batch, *shape]``, or path of a variable -> that, where decoders read several; `step` counts from 0.
        run_time : float, optional
            Duration in ms; that of ``net.set_runtime`` by default.

        Returns
        -------
        float
            The sum of the errors of all steps.

        Raises
        ------
        UnsupportedError
            If the backend is not torch, or the network has something that cannot go step by step.
        InputError
            If the loss is not one finite number.
        """
        simulation = self.network._built()
        if not isinstance(simulation.backend, Torch_Backend):
            raise UnsupportedError(f"{self.path}.learn: the backend computes no gradients; call net.set_backend('torch') first")
        if not callable(loss):
            raise DeclarationError(f"{self.path}.learn: loss is {loss!r}; give a function of the values and the number of a step")
        sensitivity = self._sensitivity(simulation.graph, simulation.backend)
        program = ForwardProgram(simulation.graph, simulation.backend, sensitivity, loss, self.path)
        usual, simulation.program = simulation.program, program
        try:
            with torch.no_grad():
                self.network.run(run_time)
        finally:
            simulation.program = usual
        self._add(sensitivity.gradients)
        return program.total

    def _add(self, gradients: Mapping[str, torch.Tensor]) -> None:
        tensors = self.network._simulation.store.tensors()
        for path, change in gradients.items():
            own = tensors[path]
            change = change.reshape(own.shape).to(own.dtype)
            own.grad = change if own.grad is None else own.grad + change

    def _own_paths(self) -> list[str]:
        """Paths of what it trains and what is not frozen."""
        tensors = self.network._simulation.store.tensors()
        paths = [path for path in self._paths if tensors[path].requires_grad]
        if not paths:
            raise StateError(f"{self.path}: all that it trains is frozen; set requires_grad = True on a connection or group of it")
        return paths

    @abstractmethod
    def _sensitivity(self, graph: Graph, backend: Torch_Backend) -> Sensitivity:
        """How its gradient is carried along."""


@learners.register("rtrl")
class RTRL(OnlineLearner):
    """Real-time recurrent learning: the derivative of every state by every parameter, carried from step to step.

    :meth:`learn` gives the gradient of backpropagation through time, exactly, for any network and any parameter. It keeps states times
    parameters numbers and takes one backward pass for each state and step, so that it is a yardstick for small nets. ``loss.backward()``
    gives the same gradient.

    Parameters
    ----------
    trainable, surrogate, reset_gradient, name, optimizer, groups, **parameters
        As for :class:`~spaic.SurrogateBP`.

    Examples
    --------
    >>> import spaic
    >>> net = spaic.Network()
    >>> net.input = spaic.Encoder(num=2, coding_method="null")
    >>> net.cell = spaic.NeuronGroup(1, model="lif", tau_m=5.0)
    >>> net.wire = spaic.Connection(net.input, net.cell, weight=[[0.7, 0.4]])
    >>> net.output = spaic.Decoder(dec_target=net.cell)
    >>> net.learner = spaic.RTRL(net, optimizer=spaic.SGD(lr=0.1))
    >>> net.set_backend("torch", dt=1.0)
    >>> net.input([[[1, 0], [0, 1], [1, 1]]])
    >>> net.learner.learn(lambda spikes, step: ((spikes - 1) ** 2).sum(), 3.0)
    2.0
    >>> net.wire.weight.grad.shape
    torch.Size([1, 2])

    Notes
    -----
    Source: Williams & Zipser 1989, Neural Comput. 1:270.
    """

    def _sensitivity(self, graph: Graph, backend: Torch_Backend) -> Sensitivity:
        return FullSensitivity(self._own_paths(), self.path)


@learners.register("eprop", "e_prop")
class EProp(DirectFeedbackAlignment, OnlineLearner):
    """Eligibility propagation: each synapse remembers what it has done to its own neuron, and the errors that reach the neuron use that.

    Errors go from an output straight to each hidden group, either through the weights that lead to the output, or through fixed random
    matrices; within a neuron they go back in time through its own equations, whatever these are, and nowhere else: connections among hidden
    groups, recurrent ones too, send spikes but no errors. Of an ordinary network that is e-prop 1 of the paper.

    There are two ways to the same gradient. :meth:`learn` carries eligibility traces forwards and needs an error in each step; its memory
    does not grow with the run. ``loss.backward()`` after ``net.run`` adds the same terms up backwards, for any loss and any kind of
    connection; so ``net.fit`` works.

    Parameters
    ----------
    trainable : Network, Assembly, NeuronGroup, Connection or list of them, optional
        What is trained; by default the network or assembly that the learner belongs to.
    surrogate : str or Surrogate
        A registered surrogate (docs/models.md lists them), or one of your own; by default the triangle of the paper.
    broadcast : str
        ``"symmetric"``: errors come through the weights to the outputs. ``"random"``: through fixed random matrices, as in
        :class:`~spaic.DirectFeedbackAlignment`.
    scale : float
        Of random matrices: their standard deviation is ``scale / sqrt(n)``, n being the hidden neurons.
    reset_gradient : bool
        Whether the spike in the reset carries gradient.
    name : str, optional
        Name where it is not assigned to an attribute.
    optimizer : Optimizer, optional
        Its own optimizer; without one, that of the nearest assembly around it that has one.
    groups : iterable of mapping
        Parameter groups, see :meth:`~spaic.Learner.add_param_group`.
    **parameters
        Parameters of the surrogate.

    Raises
    ------
    NetworkError
        When the network is built, with symmetric broadcast: if a group that learns is neither read by a decoder nor connected to one that
        is.

    Notes
    -----
    Source: Bellec et al. 2020, Nat. Commun. 11:3625, eqs. 3, 4, 13, 14 and 21 to 28.
    """

    def __init__(
        self,
        trainable: Any = None,
        surrogate: str | Surrogate = "triangular",
        *,
        broadcast: str = "symmetric",
        scale: float = 1.0,
        reset_gradient: bool = True,
        name: str | None = None,
        optimizer: Optimizer | None = None,
        groups: Iterable[Mapping[str, Any]] = (),
        **parameters: float,
    ) -> None:
        super().__init__(
            trainable, surrogate, scale=scale, reset_gradient=reset_gradient, name=name, optimizer=optimizer, groups=groups, **parameters
        )
        if broadcast not in BROADCASTS:
            raise DeclarationError(f"{type(self).__name__}: unknown broadcast {broadcast!r}; {nearest(str(broadcast), BROADCASTS)}")
        self.broadcast = broadcast

    def annotate(self, graph: Graph) -> Graph:
        is_random = self.broadcast == "random"
        graph = super().annotate(graph) if is_random else SurrogateBP.annotate(self, graph)
        ends = _read(graph)
        sending = [k for k in graph.links if isinstance(graph.by_name.get(k.source_node), Population) and not _is_cut(k) and not k.shares]
        inside: dict[str, dict[str, Matrix]] = {k.name: {} for k in sending if k.target_node not in ends or k.source_node in ends}
        graph = rerouted(graph, inside, [])
        if not is_random:
            self._demand_signals(graph, ends)
        return graph

    def _demand_signals(self, graph: Graph, ends: set[str]) -> None:
        names = {path.rpartition(".")[0] for path in self._paths}
        groups = {k.target_node for k in graph.links if k.name in names} | (names & {n.name for n in graph.populations})
        for group in sorted(groups - ends):
            if not any(k.source_node == group and k.target_node in ends for k in graph.links):
                raise NetworkError(
                    f"{group}: no connection leads from it to a group that a decoder reads, so that it would get no error; use "
                    "broadcast='random'"
                )

    def _sensitivity(self, graph: Graph, backend: Torch_Backend) -> Sensitivity:
        ends = _read(graph)
        sending = [k for k in graph.links if k.target_node in ends - {k.source_node} and not _is_cut(k)]
        readouts: dict[str, list[str]] = {}
        for link in sending:
            readouts.setdefault(link.source_node, []).append(link.target_node)
        readouts = {source: sorted(set(found)) for source, found in readouts.items()}
        return Eligibility(graph, self._own_paths(), readouts, backend.torch_dtype, backend.torch_device)


@learners.register("ottt")
class OTTT(OnlineLearner):
    """Online training through time: errors go through the layers within each step, and through time only inside of single neurons.

    The weights of all layers learn from the error of each step and from traces of what arrived before. For leaky integrate-and-fire
    neurons, the trace of a synapse is the leaky sum of its presynaptic spikes, as in the paper; for any others, it is what the equations
    make of it. Recurrent connections send spikes to the next step but no errors back from it.

    Only :meth:`learn` computes this gradient.

    Parameters
    ----------
    trainable, surrogate, reset_gradient, name, optimizer, groups, **parameters
        As for :class:`~spaic.SurrogateBP`; by default the spike in the reset carries no gradient.

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


def _read(graph: Graph) -> set[str]:
    """Groups that decoders read."""
    return {o.reads.rpartition(".")[0] for o in graph.outputs} & {n.name for n in graph.populations}


def _is_cut(link: Link) -> bool:
    return any(isinstance(t, Cut) for t in link.transforms)
