"""Learning while the network runs: gradients that are carried forwards in time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import torch

from spaic.Backend.Torch.backend import Torch_Backend
from spaic.errors import DeclarationError, StateError, UnsupportedError
from spaic.Graph.graph import Graph
from spaic.Learning.forwards import ForwardProgram, Sensitivity, StepLoss
from spaic.Learning.full_sensitivity import FullSensitivity
from spaic.Learning.surrogate_gradient import SurrogateBP
from spaic.registry import learners


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
        if simulation.graph.clock.is_continuous:
            raise UnsupportedError(
                f"{self.path}.learn: it goes through time step by step, and exact events have no steps; use loss.backward(), or torch"
            )
        if not callable(loss):
            raise DeclarationError(f"{self.path}.learn: loss is {loss!r}; give a function of the values and the number of a step")
        sensitivity = self._sensitivity(simulation.graph, simulation.backend)
        program = self._program(simulation.graph, simulation.backend, sensitivity, loss)
        usual, simulation.program = simulation.program, program
        try:
            with torch.no_grad():
                self.network.run(run_time)
        finally:
            simulation.program = usual
        self._add(sensitivity.gradients)
        return program.total

    def _program(self, graph: Graph, backend: Torch_Backend, sensitivity: Sensitivity, loss: StepLoss) -> ForwardProgram:
        return ForwardProgram(graph, backend, sensitivity, loss, self.path)

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
