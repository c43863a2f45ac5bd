"""Learning by surrogate gradients: STCA, STBP and the general form."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from spaic import spellings
from spaic.Dynamics.surrogate import Surrogate
from spaic.errors import DeclarationError, NetworkError
from spaic.Graph.graph import Graph
from spaic.Graph.nodes import Population
from spaic.Learning.learner import Learner
from spaic.Learning.optimizer import Optimizer
from spaic.Learning.ownership import nearest, trained_by
from spaic.Network.element import Element
from spaic.registry import learners, surrogates


@learners.register("sbp", "surrogatebp", "surrogate_bp", *spellings.aliases("learning algorithm", "sbp"))
class SurrogateBP(Learner):
    """Backpropagation through time with a surrogate for the derivative of the spike.

    The surrogate is put on every spiking group from what is trained to the outputs. Where several learners reach a group, it gets the
    surrogate of the one that names it most closely, else of the one whose parameters are the fewest connections upstream.

    Parameters
    ----------
    trainable : Network, Assembly, NeuronGroup, Connection or list of them, optional
        What is trained; by default the network or assembly that the learner belongs to.
    surrogate : str or Surrogate
        A registered surrogate (docs/models.md lists them), or one of your own.
    reset_gradient : bool
        Whether the spike in the reset carries gradient.
    name : str, optional
        Name where it is not assigned to an attribute.
    optimizer : Optimizer, optional
        Its own optimizer, such as ``spaic.Adam(lr=0.01)``; without one, that of the nearest assembly around it that has one.
    groups : iterable of mapping
        Parameter groups: ``dict(parts=net.link1, lr=0.1)``, see :meth:`~spaic.Learner.add_param_group`.
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
        optimizer: Optimizer | None = None,
        groups: Iterable[Mapping[str, Any]] = (),
        **parameters: float,
    ) -> None:
        super().__init__(trainable, name=name, optimizer=optimizer, groups=groups)
        found = surrogates[surrogate] if isinstance(surrogate, str) else surrogate
        if not isinstance(found, Surrogate):
            raise DeclarationError(f"{type(self).__name__}: a surrogate is a name or a Surrogate, got {surrogate!r}; give one of these")
        self.surrogate: Surrogate = found.using(**parameters)
        self.reset_gradient = reset_gradient

    @property
    def shown_surrogate(self) -> str:
        """Its surrogate with its values, as text."""
        values = ", ".join(f"{name}={value:g}" for name, value in sorted(self.surrogate.values.items()))
        return f"{self.surrogate.name}({values}): {self.surrogate.derivative}, reset gradient {self.reset_gradient}"

    def annotate(self, graph: Graph) -> Graph:
        graph = super().annotate(graph)
        chosen = self._groups_with_its_surrogate(graph)
        nodes = tuple(
            replace(n, surrogate=self.surrogate, reset_gradient=self.reset_gradient)
            if isinstance(n, Population) and n.name in chosen
            else n
            for n in graph.nodes
        )
        return replace(graph, nodes=nodes)

    def _groups_with_its_surrogate(self, graph: Graph) -> set[str]:
        """Paths of the groups that get its surrogate, and not that of another learner that reaches them."""
        rivals = list(self.network.members(Learner))
        like_it = [one for one in rivals if isinstance(one, SurrogateBP)]
        steps = {one: _downstream(graph, {element.path for element in trained_by(one, rivals, graph)}) for one in like_it}
        elements = {element.path: element for element in self.network.members()}
        return {
            n.name
            for n in graph.nodes
            if isinstance(n, Population) and n.name in elements and n.name in steps[self] and _first(elements[n.name], steps) is self
        }


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
        optimizer: Optimizer | None = None,
        groups: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        trainable, alpha = _sorted(type(self).__name__, given, trainable, alpha)
        surrogate, parameter = self.shape
        shaped = surrogates[surrogate].using(**{parameter: alpha})
        super().__init__(trainable, shaped, reset_gradient=reset_gradient, name=name, optimizer=optimizer, groups=groups)

    @property
    def alpha(self) -> float:
        """The parameter of the surrogate."""
        return self.surrogate.values[self.shape[1]]

    @alpha.setter
    def alpha(self, value: float) -> None:
        self.surrogate = self.surrogate.using(**{self.shape[1]: value})


@learners.register("stca")
class STCA(_ByAlpha):
    """Spatio-temporal credit assignment: a rectangular window of half width `alpha` and height 1.

    Parameters
    ----------
    trainable : Network, Assembly, NeuronGroup, Connection or list of them, optional
        What is trained; ``STCA(0.5, net)`` and ``STCA(net, alpha=0.5)`` both work. By default the network or assembly it belongs to.
    alpha : float
        Half width of the window around the threshold, 0.5 by default.
    reset_gradient : bool
        Whether the spike in the reset carries gradient.
    name : str, optional
        Name where it is not assigned to an attribute.
    optimizer : Optimizer, optional
        Its own optimizer, such as ``spaic.Adam(lr=0.01)``; without one, that of the nearest assembly around it that has one.
    groups : iterable of mapping
        Parameter groups: ``dict(parts=net.link1, lr=0.1)``, see :meth:`~spaic.Learner.add_param_group`.

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
        What is trained; ``STBP(0.5, net)`` and ``STBP(net, alpha=0.5)`` both work. By default the network or assembly it belongs to.
    alpha : float
        Variance of the density, 0.5 by default.
    reset_gradient : bool
        Whether the spike in the reset carries gradient.
    name : str, optional
        Name where it is not assigned to an attribute.
    optimizer : Optimizer, optional
        Its own optimizer, such as ``spaic.Adam(lr=0.01)``; without one, that of the nearest assembly around it that has one.
    groups : iterable of mapping
        Parameter groups: ``dict(parts=net.link1, lr=0.1)``, see :meth:`~spaic.Learner.add_param_group`.

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


def _first(group: Element, steps: Mapping[SurrogateBP, Mapping[str, int]]) -> SurrogateBP:
    """Whose surrogate a group gets, of the learners that reach it: learner -> path of a group -> connections on the way there."""
    reaching = {learner: away[group.path] for learner, away in steps.items() if group.path in away}
    closest = [one for one in nearest(group, reaching) if isinstance(one, SurrogateBP)]
    if not closest:
        return min(reaching, key=lambda one: (reaching[one], one.path))
    if len({one.shown_surrogate for one in closest}) > 1:
        both = " and ".join(repr(one.path) for one in closest)
        raise NetworkError(f"{group.path}: {both} name it equally closely and have different surrogates; list it in one of them only")
    return closest[0]


def _downstream(graph: Graph, starts: set[str]) -> dict[str, int]:
    """Nodes that what happens at `starts` (links or nodes) can reach, and the number of links on the shortest way."""
    away = dict.fromkeys(starts & set(graph.by_name), 0)
    away.update({k.target_node: away.get(k.target_node, 1) for k in graph.links if k.name in starts})
    waiting = deque(sorted(away, key=lambda name: away[name]))
    while waiting:
        name = waiting.popleft()
        for target in {k.target_node for k in graph.links if k.source_node == name} - set(away):
            away[target] = away[name] + 1
            waiting.append(target)
    return away
