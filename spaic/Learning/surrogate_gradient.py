"""Learning by surrogate gradients: STCA, STBP and the general form."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Any, ClassVar

from spaic.Dynamics.surrogate import Surrogate
from spaic.errors import DeclarationError
from spaic.Graph.graph import Graph
from spaic.Graph.nodes import Population
from spaic.Learning.learner import Learner
from spaic.registry import learners, surrogates


@learners.register("sbp", "surrogatebp", "surrogate_bp")
class SurrogateBP(Learner):
    """Backpropagation through time with a surrogate for the derivative of the spike.

    The surrogate is put on every spiking group from what is trained to the outputs.

    Parameters
    ----------
    trainable : Network, Assembly, NeuronGroup, Connection or list of them, optional
        What is trained; the whole network by default.
    surrogate : str or Surrogate
        A registered surrogate (docs/models.md lists them), or one of your own.
    reset_gradient : bool
        Whether the spike in the reset carries gradient.
    name : str, optional
        Name where it is not assigned to an attribute.
    **parameters
        Parameters of the surrogate.

    Notes
    -----
    Source: Neftci, Mostafa & Zenke 2019, IEEE Signal Process. Mag. 36:51.
    """

    def __init__(
        self,
        trainable: Any = None,
        surrogate: str | Surrogate = "atan",
        *,
        reset_gradient: bool = True,
        name: str | None = None,
        algorithm: str | None = None,
        **parameters: float,
    ) -> None:
        super().__init__(trainable, name=name)
        found = surrogates[surrogate] if isinstance(surrogate, str) else surrogate
        if not isinstance(found, Surrogate):
            raise DeclarationError(f"{type(self).__name__}: a surrogate is a name or a Surrogate, got {surrogate!r}; give one of these")
        self.surrogate: Surrogate = found.using(**parameters)
        self.reset_gradient = reset_gradient

    def annotate(self, graph: Graph) -> Graph:
        graph = super().annotate(graph)
        own = {m.path for m in self._network().members() if self.covers(m)}
        downstream = _downstream(graph, {path.rpartition(".")[0] for path in self._paths})
        nodes = tuple(
            replace(n, surrogate=self.surrogate, reset_gradient=self.reset_gradient)
            if isinstance(n, Population) and n.name in downstream and (n.surrogate is None or n.name in own)
            else n
            for n in graph.nodes
        )
        return replace(graph, nodes=nodes)


class _ByAlpha(SurrogateBP):
    """A surrogate with one parameter, alpha, which may stand on either side of what is trained."""

    #: Registered surrogate, and what it calls alpha.
    shape: ClassVar[tuple[str, str]]

    def __init__(
        self,
        *given: Any,
        trainable: Any = None,
        alpha: float | None = None,
        reset_gradient: bool = True,
        name: str | None = None,
        algorithm: str | None = None,
    ) -> None:
        trainable, alpha = _sorted(type(self).__name__, given, trainable, alpha)
        surrogate, parameter = self.shape
        shaped = surrogates[surrogate].using(**{parameter: alpha})
        super().__init__(trainable, shaped, reset_gradient=reset_gradient, name=name)


@learners.register("stca")
class STCA(_ByAlpha):
    """Spatio-temporal credit assignment: a rectangular window of half width `alpha` and height 1.

    Parameters
    ----------
    trainable : Network, Assembly, NeuronGroup, Connection or list of them, optional
        What is trained; ``STCA(0.5, net)`` and ``STCA(net, alpha=0.5)`` both work.
    alpha : float
        Half width of the window around the threshold, 0.5 by default.
    reset_gradient : bool
        Whether the spike in the reset carries gradient.
    name : str, optional
        Name where it is not assigned to an attribute.

    Notes
    -----
    Source: Gu et al. 2019, IJCAI, eq. 8.
    """

    shape = ("rectangular", "alpha")


@learners.register("stbp")
class STBP(_ByAlpha):
    """Spatio-temporal backpropagation: a normal density of variance `alpha`, as the paper normalises it.

    Parameters
    ----------
    trainable : Network, Assembly, NeuronGroup, Connection or list of them, optional
        What is trained; ``STBP(0.5, net)`` and ``STBP(net, alpha=0.5)`` both work.
    alpha : float
        Variance of the density, 0.5 by default.
    reset_gradient : bool
        Whether the spike in the reset carries gradient.
    name : str, optional
        Name where it is not assigned to an attribute.

    Notes
    -----
    Source: Wu et al. 2018, Front. Neurosci. 12:331, eq. 28.
    """

    shape = ("gaussian", "a")


def _sorted(kind: str, given: tuple[Any, ...], trainable: Any, alpha: float | None) -> tuple[Any, float]:
    """Positional arguments in either order: a number is alpha, anything else what is trained."""
    if len(given) > 2:
        raise DeclarationError(f"{kind}: {len(given)} positional arguments; give trainable and alpha")
    for value in given:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if alpha is not None:
                raise DeclarationError(f"{kind}: alpha is given twice, {alpha!r} and {value!r}; give it once")
            alpha = value
        elif trainable is None:
            trainable = value
        else:
            raise DeclarationError(f"{kind}: what is trained is given twice, {trainable!r} and {value!r}; give a list")
    return trainable, 0.5 if alpha is None else alpha


def _downstream(graph: Graph, starts: set[str]) -> set[str]:
    """Nodes that what happens at `starts` (links or nodes) can reach."""
    reached = {k.target_node for k in graph.links if k.name in starts} | (starts & set(graph.by_name))
    waiting = deque(reached)
    while waiting:
        name = waiting.popleft()
        for target in {k.target_node for k in graph.links if k.source_node == name} - reached:
            reached.add(target)
            waiting.append(target)
    return reached
