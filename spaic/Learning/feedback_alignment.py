"""Feedback alignment: errors travel back through fixed random matrices and not through the transposed weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from spaic.Dynamics.surrogate import Surrogate
from spaic.errors import DeclarationError, NetworkError, UnsupportedError
from spaic.Graph.graph import Graph
from spaic.Graph.links import Link
from spaic.Graph.nodes import Population
from spaic.Graph.schedule import schedule
from spaic.Graph.transforms import Dense
from spaic.Learning.optimizer import Optimizer
from spaic.Learning.sent_back import Cut, Matrix, SentBack
from spaic.Learning.surrogate_gradient import SurrogateBP
from spaic.registry import learners


@learners.register("feedback_alignment", "fa")
class FeedbackAlignment(SurrogateBP):
    """Backpropagation through time in which every connection sends errors back through a fixed random matrix.

    The weights of a connection change as in backpropagation; what its source hears of the error comes through a matrix of the shape of the
    weight. The matrices are parameters of the connections that nobody trains, ``<connection>.feedback``: they are drawn from the seed of
    the network and saved with its weights. Connections of other learners send errors back through their own weights.

    Parameters
    ----------
    trainable, surrogate, reset_gradient, name, optimizer, groups, **parameters
        As for :class:`~spaic.SurrogateBP`.
    scale : float
        The standard deviation of a matrix is ``scale / sqrt(n)``, n being the inputs of a neuron of that connection.

    Raises
    ------
    UnsupportedError
        When the network is built: for a connection with a synapse, several stages or learned or single delays, as a fixed matrix stands for
        the weight alone.

    Notes
    -----
    Source: Lillicrap, Cownden, Tweed & Akerman 2016, Nat. Commun. 7:13276, eq. 3.
    """

    def __init__(
        self,
        trainable: Any = None,
        surrogate: str | Surrogate = "atan",
        *,
        scale: float = 1.0,
        reset_gradient: bool = True,
        name: str | None = None,
        optimizer: Optimizer | None = None,
        groups: Iterable[Mapping[str, Any]] = (),
        **parameters: float,
    ) -> None:
        super().__init__(trainable, surrogate, reset_gradient=reset_gradient, name=name, optimizer=optimizer, groups=groups, **parameters)
        if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 0 < scale < math.inf:
            raise DeclarationError(f"{type(self).__name__}: scale is {scale!r}; give a number above 0")
        self.scale = float(scale)

    def annotate(self, graph: Graph) -> Graph:
        graph = super().annotate(graph)
        own = {path.rpartition(".")[0] for path in self._paths}
        sending = [k for k in graph.links if k.name in own and isinstance(graph.by_name.get(k.source_node), Population)]
        for link in sending:
            _demand_one_matrix(graph, link)
        matrices = {k.name: {"feedback": Matrix(k.transforms[0], self.scale)} for k in sending}
        return rerouted(graph, matrices, [self._beside(graph, k) for k in sending])

    @property
    def feedback(self) -> dict[str, Tensor]:
        """Path -> the matrix.

        Raises
        ------
        StateError
            Before a build.
        """
        self.network.build()
        tensors = self.network.module.tensors()
        links = [k for k in self.network.graph.links if k.name.startswith(f"{self.path}.")]
        paths = sorted(f"{k.shares}.{t.name}" for k in links for t in k.transforms if isinstance(t, SentBack))
        return {path: tensors[path] for path in paths}

    def _beside(self, graph: Graph, link: Link) -> Link:
        """What sends errors back in place of `link`."""
        way, delay = SentBack(link.transforms[0]), schedule(graph).delays[link.name] * graph.clock.dt
        return Link(f"{self.path}.{link.name}", link.source, link.target, (way,), delay=delay, shares=link.name)


@learners.register("direct_feedback_alignment", "dfa")
class DirectFeedbackAlignment(FeedbackAlignment):
    """The error at the output is sent to every hidden group by a fixed random matrix of its own; nothing goes from group to group.

    The error at an output is the gradient with respect to what arrives there in each step, computed through the dynamics of the output
    group; within a hidden group, errors go back in time through its own dynamics. Connections that leave a hidden group, to itself or to
    others, carry no errors. The matrices, of shape (outputs, hidden neurons), are drawn from the seed of the network and saved with its
    weights; they are parameters of the first connection, by path, that leaves the hidden group: ``<connection>.feedback``, or where there
    are several output groups ``<connection>.feedback_1``, ``_2``, ... in the order of their paths.

    Parameters are those of :class:`FeedbackAlignment`.

    Raises
    ------
    NetworkError
        When the network is built: if no hidden group lies between what is trained and an output.

    Notes
    -----
    Source: Nokland 2016, *NeurIPS* 29, eq. 7.
    """

    def annotate(self, graph: Graph) -> Graph:
        graph = super(FeedbackAlignment, self).annotate(graph)
        ends = sorted({o.reads.rpartition(".")[0] for o in graph.outputs} & {n.name for n in graph.populations})
        reached = self._groups_with_its_surrogate(graph) - set(ends)
        ways = {h: [end for end in ends if _reaches(graph, h, end)] for h in sorted(reached)}
        if not any(ways.values()):
            raise NetworkError(
                f"{self.path}: no hidden group lies between what it trains and a group that a decoder reads; add one, or use "
                "spaic.SurrogateBP"
            )
        matrices: dict[str, dict[str, Matrix]] = {k.name: {} for k in graph.links if ways.get(k.source_node)}
        added = []
        for hidden in [h for h in ways if ways[h]]:
            holder = min(k.name for k in graph.links if k.source_node == hidden and not k.shares)
            for number, end in enumerate(ways[hidden], 1):
                name = "feedback" if len(ways[hidden]) == 1 else f"feedback_{number}"
                of = Dense(int(np.prod(graph.shape(hidden))), int(np.prod(graph.shape(end))), 0.0)
                matrices[holder][name] = Matrix(of, self.scale)
                added.append(self._direct(graph, hidden, end, SentBack(of, name), holder))
        return rerouted(graph, matrices, added)

    def _direct(self, graph: Graph, hidden: str, end: str, way: SentBack, holder: str) -> Link:
        """What sends the errors of `end` to `hidden`."""
        ports = sorted({k.port for k in graph.arriving(end)})
        if len(ports) > 1:
            raise UnsupportedError(
                f"{end}: its connections arrive at the ports {', '.join(ports)}, where errors differ; let them arrive at one port"
            )
        delay = graph.clock.dt if _reaches(graph, end, hidden) else 0.0
        return Link(f"{self.path}.{hidden}.{end}", f"{hidden}.O", f"{end}.{ports[0]}", (way,), delay=delay, shares=holder)


def rerouted(graph: Graph, cut: Mapping[str, Mapping[str, Matrix]], added: list[Link]) -> Graph:
    """`graph` where the links `cut` carry no gradient to their source and hold matrices, with others that do."""
    delays = schedule(graph).delays
    for link in graph.links:
        if link.name in cut and (link.delay_limit is not None or isinstance(delays[link.name], np.ndarray)):
            raise UnsupportedError(f"{link.name}: errors cannot be kept from a connection with learned or single delays; give it one delay")
    links = tuple(replace(k, transforms=(Cut(cut[k.name]), *k.transforms)) if k.name in cut else k for k in graph.links)
    return replace(graph, links=(*links, *added))


def _demand_one_matrix(graph: Graph, link: Link) -> None:
    stages = ", ".join(type(t).__name__ for t in link.transforms)
    if len(link.transforms) != 1 or "weight" not in link.transforms[0].parameters():
        raise UnsupportedError(
            f"{link.name}: a matrix for errors stands for a weight and nothing else, this link has {stages}; part it in two"
        )
    if link.synapse is not None:
        raise UnsupportedError(
            f"{link.name}: errors would have to go back through the synapse {link.synapse.model.name!r}; use a neuron model with a "
            "synaptic current, such as 'cuba', or spaic.DirectFeedbackAlignment"
        )
    if link.shares or any(k.shares == link.name for k in graph.links):
        raise UnsupportedError(f"{link.name}: it shares its weight with another link; train it by spaic.SurrogateBP")


def _reaches(graph: Graph, start: str, end: str) -> bool:
    """Whether what happens at `start` can reach `end`."""
    seen, waiting = {start}, [start]
    while waiting:
        name = waiting.pop()
        new = {k.target_node for k in graph.links if k.source_node == name} - seen
        seen, waiting = seen | new, waiting + sorted(new)
    return end in seen
