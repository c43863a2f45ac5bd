"""What all learners have in common: what they train, and how they are written down."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from spaic.errors import DeclarationError, nearest
from spaic.Graph.graph import Graph
from spaic.Graph.nodes import Population
from spaic.keywords import checked
from spaic.Learning.description import described, rebuilt
from spaic.Learning.groups import elements
from spaic.Learning.optimized import Optimized, nearest_optimizer
from spaic.Learning.optimizer import Optimizer
from spaic.Learning.ownership import trained_by
from spaic.Network.element import Element
from spaic.registry import learners, rules


class Learner(Optimized):
    """A learner of the parts of a network.

    Called by its own name it makes the one named by `algorithm`: ``Learner(trainable=net, algorithm="STCA")``. A network may have
    several: each parameter is trained by the one that names it most closely, in its list or by the innermost assembly around it.

    Parameters
    ----------
    trainable : Network, Assembly, NeuronGroup, Connection or list of them, optional
        What is trained; by default the network or assembly that the learner belongs to. Gradients flow through everything downstream.
    name : str, optional
        Name where it is not assigned to an attribute.
    optimizer : Optimizer, optional
        Its own optimizer, such as ``spaic.Adam(lr=0.01)``; without one, that of the nearest assembly around it that has one.
    groups : iterable of mapping
        Parameter groups: ``dict(parts=net.link1, lr=0.1)``, see :meth:`add_param_group`.
    """

    kind = "learner"
    #: Whether it needs a backward pass and an optimizer.
    uses_gradient: ClassVar[bool] = True
    refers: ClassVar[tuple[str, ...]] = ("trainable",)

    @classmethod
    def meant(cls, args: tuple[Any, ...], options: Mapping[str, Any]) -> Callable[..., Any] | None:
        if cls is not Learner:
            return None
        if options.get("algorithm") is None:
            raise DeclarationError(f"Learner: no algorithm is given; {nearest('', learners)}")
        if options["algorithm"] in rules and options["algorithm"] not in learners:
            named = {**options, "rule": options["algorithm"]}
            return lambda *args, **options: learners["plasticity"](*args, **{k: v for k, v in named.items() if k != "algorithm"})
        kind = learners[options["algorithm"]]
        return lambda *args, **options: kind(*args, **{k: v for k, v in options.items() if k != "algorithm"})

    def __init__(
        self,
        trainable: Any = None,
        *,
        name: str | None = None,
        optimizer: Optimizer | None = None,
        groups: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(name, optimizer, groups)
        self.trainable = trainable

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, elements(value, "learner") if name == "trainable" else value)

    trainable: tuple[Element, ...]

    # --- what it trains

    @property
    def network(self) -> Any:
        """The network it belongs to."""
        return self._network()

    @property
    def shown_parts(self) -> str:
        """What it was given to train, for messages."""
        return ", ".join(repr(part) for part in self.trainable) or ("the network" if self.parent is self.network else repr(self.parent))

    def covers(self, element: Element) -> bool:
        """True if `element` is one of the trainable parts, or inside one."""
        return self.distance(element) is not None

    def distance(self, element: Element) -> int | None:
        """How closely it names `element`: 0 in its list, n by an assembly n levels above; None if not at all."""
        parts = self.trainable or (self.parent,)
        above: Any = element
        steps = 0
        while above is not None:
            if any(above is part for part in parts):
                return steps
            above, steps = above.parent, steps + 1
        return None

    def annotate(self, graph: Graph) -> Graph:
        own = {e.path: names for e, names in trained_by(self, list(self.network.members(Learner)), graph).items()}
        self._paths = tuple(sorted(f"{path}.{name}" for path, names in own.items() for name in names))
        links = tuple(replace(k, trainable=frozenset(own[k.name])) if k.name in own else k for k in graph.links)
        nodes = tuple(
            replace(n, trainable=frozenset(own[n.name])) if isinstance(n, Population) and n.name in own else n for n in graph.nodes
        )
        return replace(graph, nodes=nodes, links=links)

    def settle(self, left: Element, members: tuple[Element, ...]) -> None:
        own = None if self.parent is None else nearest_optimizer(self.parent, self._label)
        if self._declared is None and own is None:
            self._declared = nearest_optimizer(left, self._label)
        stood_for_all = not self.trainable and self.parent is None  # inside an assembly that has come along it means that one
        if stood_for_all or any(part is left for part in self.trainable):
            self.trainable = (*(part for part in self.trainable if part is not left), *members)

    # --- the ready loop

    def fit(self, loader: Any, epochs: int = 1, run_time: float | None = None, **options: Any) -> Any:
        """Train the network with all its learners on `loader`; see :func:`spaic.Learning.fit.fit`."""
        from spaic.Learning.fit import fit

        return checked(fit)(self.network, loader, epochs, run_time, **options)

    def evaluate(self, loader: Any, run_time: float | None = None, **options: Any) -> float:
        """Accuracy on `loader`; see :func:`spaic.Learning.evaluation.evaluate`."""
        from spaic.Learning.evaluation import evaluate

        return checked(evaluate)(self.network, loader, run_time, **options)

    # --- written down

    def describe(self) -> dict[str, Any]:
        """How it was declared, as plain data, with elements by their paths; ``""`` is the network.

        Raises
        ------
        UnsupportedError
            If an argument of it is no plain data, or its class is not registered.
        """
        return described(self)

    @staticmethod
    def from_description(description: Mapping[str, Any], elements: Mapping[str, Element]) -> Any:
        """A learner like the one that was described.

        Parameters
        ----------
        description : mapping
            What :meth:`describe` gave.
        elements : mapping of str to Element
            Path -> element; the network itself has the path ``""``.
        """
        return rebuilt(description, elements)
