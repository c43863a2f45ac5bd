"""What all learners have in common: what they train, and the optimizer they drive."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from spaic.errors import DeclarationError, NetworkError, StateError, nearest
from spaic.Graph.graph import Graph
from spaic.Graph.nodes import Population
from spaic.Learning.optimizer import BoundOptimizer, Optimizer, Schedule, optimizer_named, schedule_named
from spaic.Network.connection import Connection
from spaic.Network.element import Annotation, Element
from spaic.Network.neurongroup import NeuronGroup
from spaic.registry import learners


class Learner(Annotation):
    """A learner of the parts of a network.

    Called by its own name it makes the one named by `algorithm`: ``Learner(trainable=net, algorithm="STCA")``.

    Parameters
    ----------
    trainable : Network, Assembly, NeuronGroup, Connection or list of them, optional
        What is trained; the whole network by default. Gradients flow through everything downstream of it.
    name : str, optional
        Name where it is not assigned to an attribute.
    """

    kind = "learner"

    def __new__(cls, *args: Any, algorithm: str | None = None, **options: Any) -> Any:
        if cls is not Learner:
            return super().__new__(cls)
        if algorithm is None:
            raise DeclarationError(f"Learner: no algorithm is given; {nearest('', learners)}")
        return super().__new__(learners[algorithm])

    def __init__(self, trainable: Any = None, *, name: str | None = None) -> None:
        super().__init__(name)
        self.trainable = _listed(trainable)
        self._declared: Optimizer | None = None
        self._schedule: Schedule | None = None
        self._bound: BoundOptimizer | None = None
        self._carried: dict[str, Any] | None = None
        self._shapes: list[tuple[int, ...]] = []
        self._tree: Any = None
        self._paths: tuple[str, ...] = ()

    # --- what it trains

    def parts(self) -> tuple[Element, ...]:
        return self.trainable

    def covers(self, element: Element) -> bool:
        """True if `element` is one of the trainable parts, or inside one."""
        above: Any = element
        while above is not None:
            if any(above is part for part in self.trainable) or (not self.trainable and above is self._network()):
                return True
            above = above.parent
        return False

    def annotate(self, graph: Graph) -> Graph:
        network = self._network()
        weights = {c.path for c in network.members(Connection) if c.is_parameter and self.covers(c)}
        own = {g.path: g.trainable for g in network.members(NeuronGroup) if self.covers(g) and g.trainable}
        links = tuple(
            replace(k, trainable=frozenset(p for t in k.transforms for p in t.parameters())) if k.name in weights else k
            for k in graph.links
        )
        nodes = tuple(replace(n, trainable=own[n.name]) if isinstance(n, Population) and n.name in own else n for n in graph.nodes)
        marked = replace(graph, nodes=nodes, links=links)
        self._paths = tuple(
            sorted(
                {f"{k.name}.{p}" for k in links if k.name in weights for p in k.trainable}
                | {f"{n}.{p}" for n, ps in own.items() for p in ps}
            )
        )
        if not self._paths:
            raise NetworkError(
                f"{self.path}: nothing in {self._shown()} can be trained; name connections, or groups with trainable parameters"
            )
        return marked

    def bind(self, simulation: Any) -> None:
        carried = self._carried if self._bound is None else self._bound.state_dict()
        self._tree = simulation.store if simulation.backend.is_differentiable else None
        self._bound, self._carried = None, carried
        if self._tree is not None and (self._declared or self._network_optimizer()) is not None:
            self._bind_optimizer()

    def _bind_optimizer(self) -> None:
        """An optimizer on the parameters as they are now; what an earlier one had learned of parameters of the same shapes is kept."""
        declared = self._declared or self._network_optimizer()
        if declared is None:
            raise StateError(f"{self.path}: there is no optimizer yet; assign net.optim = spaic.Adam(lr=...) or call set_optimizer")
        bound = declared.bind(self.parameters(), self.path)
        if self._schedule is not None:
            bound.set_schedule(self._schedule)
        shapes = [tuple(p.shape) for p in self.parameters()]
        if self._carried is not None and shapes == self._shapes and bound.matches(self._carried):
            bound.load_state_dict(self._carried)
        self._bound, self._carried, self._shapes = bound, None, shapes

    def __getstate__(self) -> dict[str, Any]:
        # torch ties a scheduled optimizer to its own identity, so a copy makes its own and takes over what was learned
        carried = self._carried if self._bound is None else self._bound.state_dict()
        return {**self.__dict__, "_bound": None, "_carried": carried}

    def parameters(self) -> list[Any]:
        """The torch parameters it trains."""
        if self._tree is None:
            raise StateError(f"{self.path}: there are no torch parameters; call net.build() on a torch backend first")
        tensors = self._tree.tensors()
        return [tensors[path] for path in self._paths]

    # --- the optimizer

    def set_optimizer(self, optim_name: str, optim_lr: float | None = None, **options: Any) -> None:
        """Use a torch optimizer, by name, for what this learner trains."""
        self._declared = optimizer_named(optim_name, optim_lr, **options)
        self._bound, self._carried = None, None

    def set_schedule(self, lr_schedule_name: str, value: Any = None, **options: Any) -> None:
        """Use a torch schedule, by name; it advances with :meth:`optim_schedule`."""
        self._schedule = schedule_named(lr_schedule_name, value, **options)
        if self._bound is not None:
            self._bound.set_schedule(self._schedule)

    def optim_zero_grad(self) -> None:
        """Forget the gradients of what this learner trains."""
        if self._tree is not None:
            for parameter in self.parameters():
                parameter.grad = None

    def optim_step(self) -> None:
        """Change what this learner trains by one step of its optimizer."""
        self._optimizer().step()

    def optim_schedule(self, metric: Any = None) -> None:
        """Advance the schedule set with :meth:`set_schedule`."""
        self._optimizer().schedule_step(metric)

    @property
    def optimizer(self) -> Any:
        """The torch optimizer at work."""
        return self._optimizer().optimizer

    # --- the loop

    def fit(self, loader: Any, epochs: int = 1, run_time: float | None = None, **options: Any) -> Any:
        """Train on `loader`; see :func:`spaic.Learning.training.fit`."""
        from spaic.Learning.training import fit

        return fit(self._network(), loader, epochs, run_time, **options)

    def evaluate(self, loader: Any, run_time: float | None = None) -> float:
        """Accuracy on `loader`; see :func:`spaic.Learning.training.evaluate`."""
        from spaic.Learning.training import evaluate

        return evaluate(self._network(), loader, run_time)

    def _optimizer(self) -> BoundOptimizer:
        if self._tree is None:
            raise StateError(f"{self.path}: there is nothing to optimize yet; call net.build() or net.run(T) on a torch backend first")
        if self._bound is None:
            self._bind_optimizer()
        return self._bound  # type: ignore[return-value]

    def _network(self) -> Any:
        top: Any = self
        while top.parent is not None:
            top = top.parent
        return top

    def _network_optimizer(self) -> Optimizer | None:
        declared = self._network().attachments(Optimizer)
        if len(declared) > 1:
            raise NetworkError(f"{self.path}: the network has {len(declared)} optimizers; call set_optimizer on each learner instead")
        return declared[0] if declared else None

    def _shown(self) -> str:
        return ", ".join(repr(part) for part in self.trainable) or "the network"


def _listed(trainable: Any) -> tuple[Element, ...]:
    parts = () if trainable is None else tuple(trainable) if isinstance(trainable, Iterable) else (trainable,)
    for part in parts:
        if not isinstance(part, Element):
            raise DeclarationError(f"learner: {part!r} is not a part of a network; give a network, assembly, group, connection or a list")
    return parts
