"""E-prop: eligibility traces within each neuron, and errors that reach each hidden group straight from the outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from spaic.Backend.Torch.backend import Torch_Backend
from spaic.Dynamics.surrogate import Surrogate
from spaic.errors import DeclarationError, NetworkError, nearest
from spaic.Graph.graph import Graph
from spaic.Graph.links import Link
from spaic.Graph.nodes import Population
from spaic.Learning.eligibility import Eligibility
from spaic.Learning.feedback_alignment import DirectFeedbackAlignment, rerouted
from spaic.Learning.forwards import Sensitivity
from spaic.Learning.online import OnlineLearner
from spaic.Learning.optimizer import Optimizer
from spaic.Learning.sent_back import Cut, Matrix
from spaic.Learning.surrogate_gradient import SurrogateBP
from spaic.registry import learners

#: Ways of errors from an output to a hidden group.
BROADCASTS = ("symmetric", "random")


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
    trainable, reset_gradient, name, optimizer, groups, **parameters
        As for :class:`~spaic.SurrogateBP`.
    surrogate : str or Surrogate
        By default the triangle of the paper.
    broadcast : str
        ``"symmetric"``: errors come through the weights to the outputs. ``"random"``: through fixed random matrices, as in
        :class:`~spaic.DirectFeedbackAlignment`.
    scale : float
        Of random matrices: their standard deviation is ``scale / sqrt(n)``, n being the hidden neurons.

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


def _read(graph: Graph) -> set[str]:
    """Groups that decoders read."""
    return {o.reads.rpartition(".")[0] for o in graph.outputs} & {n.name for n in graph.populations}


def _is_cut(link: Link) -> bool:
    return any(isinstance(t, Cut) for t in link.transforms)
