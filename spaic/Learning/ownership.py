"""Which learner trains what: each parameter belongs to the one that names it most closely."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from spaic.errors import NetworkError
from spaic.Graph.graph import Graph
from spaic.Network.connection import Connection
from spaic.Network.container import Container
from spaic.Network.element import Element
from spaic.Network.neurongroup import NeuronGroup

if TYPE_CHECKING:
    from spaic.Learning.learner import Learner


def trainable_parameters(network: Any, graph: Graph) -> list[tuple[Element, tuple[str, ...]]]:
    """Elements of a network that can be trained, and the names of their parameters.

    Parameters
    ----------
    network : Network
        The network.
    graph : Graph
        Its graph.
    """
    links = {link.name: link for link in graph.links}
    found: list[tuple[Element, tuple[str, ...]]] = []
    for element in sorted(network.members((Connection, NeuronGroup)), key=lambda e: e.path):
        if isinstance(element, NeuronGroup):
            names = tuple(sorted(element.trainable)) if element.path in graph.by_name else ()
        elif element.is_parameter and element.path in links:
            names = tuple(name for t in links[element.path].transforms for name in t.parameters())
            names += () if links[element.path].delay_limit is None else ("delay",)
        else:
            names = ()
        if names:
            found.append((element, names))
    return found


def trained_by(learner: Learner, rivals: Sequence[Learner], graph: Graph) -> dict[Element, tuple[str, ...]]:
    """What `learner` trains: element -> names of its parameters.

    Parameters
    ----------
    learner : Learner
        The learner.
    rivals : sequence of Learner
        All learners of the network.
    graph : Graph
        The graph of the network.

    Raises
    ------
    NetworkError
        If another learner names a parameter as closely, or nothing is left to train.
    """
    among = trainable_parameters(learner.network, graph)
    closest = {element: nearest(element, rivals) for element, _ in among}
    for element, names in among:
        if learner in closest[element] and len(closest[element]) > 1:
            both = " and ".join(repr(one.path) for one in closest[element])
            raise NetworkError(
                f"{element.path}.{names[0]}: it is trained by {both}, which name it equally closely; list it in one of them, or take it "
                "out of the other, so that each parameter has one learner"
            )
    own = {element: names for element, names in among if closest[element] == [learner]}
    hidden = [e for e in learner.network.everything((Connection, NeuronGroup)) if learner.covers(e) and not e.takes_part()]
    names_containers = all(isinstance(part, Container) for part in learner.trainable)
    if not own and not hidden and not (names_containers and not among):  # a network that was edited may have nothing to train
        raise NetworkError(f"{learner.path}: {_why_nothing(learner, [e for e, _ in among], closest)}")
    return own


def nearest(element: Element, learners: Iterable[Learner]) -> list[Learner]:
    """The learners that name an element most closely: in their list, or else by the innermost assembly around it.

    Of two that name the same assembly the one that is itself further inside, around the element, comes first.
    """
    around = _around(element)
    steps = {learner: (learner.distance(element), _steps_out(learner, around)) for learner in sorted(learners, key=lambda one: one.path)}
    reached = [(number, out) for number, out in steps.values() if number is not None]
    return [learner for learner, found in steps.items() if reached and found == min(reached)]


def _around(element: Element) -> list[Element]:
    """The assemblies around an element, innermost first."""
    found, above = [], element.parent
    while above is not None:
        found.append(above)
        above = above.parent
    return found


def _steps_out(learner: Learner, around: list[Element]) -> int:
    """How far out the learner is, counted over the assemblies around an element; furthest if it is in none of them."""
    return next((i for i, assembly in enumerate(around) if assembly is learner.parent), len(around))


def _why_nothing(learner: Learner, among: Sequence[Element], closest: dict[Element, list[Learner]]) -> str:
    others = sorted({one.path for e in among if learner.distance(e) is not None for one in closest[e]})
    if not others:
        return f"nothing in {learner.shown_parts} can be trained; name connections, or groups with trainable parameters"
    return f"all of {learner.shown_parts} is trained by {', '.join(others)}, which name it more closely; remove one of the learners"
