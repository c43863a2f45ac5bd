"""What every named part of a network is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from spaic.Dynamics.expression import is_name
from spaic.errors import DeclarationError, nearest
from spaic.Graph.graph import Graph
from spaic.Network import context

if TYPE_CHECKING:
    from spaic.Network.simulation import Run, Simulation


class Attachment:
    """Anything that may be assigned to a network as an attribute and belongs to it from then on."""


class _Finished(type):
    """Notes an element once its constructor has succeeded."""

    def __call__(cls, *args: Any, **options: Any) -> Any:
        made = super().__call__(*args, **options)
        made.__dict__["_is_finished"] = True
        context.note(made)
        return made


class Element(Attachment, metaclass=_Finished):
    """A named part of a network.

    Parameters
    ----------
    name : str, optional
        Its name if it is not assigned to an attribute.
    """

    #: Word used in automatic names and messages.
    kind = "element"
    #: Attributes that change from run to run and need no new build.
    volatile: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, name: str | None = None) -> None:
        if name is not None and not is_name(str(name)):
            raise DeclarationError(f"{self.kind}: {name!r} cannot be a name; use letters, digits and underscores")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "parent", None)

    name: str | None
    parent: Any

    def __setattr__(self, name: str, value: Any) -> None:
        if "_is_finished" in self.__dict__ and not name.startswith("_"):
            if not hasattr(self, name):
                raise DeclarationError(
                    f"{self.path}: it has no attribute {name!r}; give parameters when it is made ({nearest(name, vars(self))})"
                )
            if self.parent is not None and name not in self.volatile:
                self.parent._changed()
        object.__setattr__(self, name, value)

    def parts(self) -> tuple[Element, ...]:
        """The elements that this one refers to."""
        return ()

    @property
    def path(self) -> str:
        """Names from the network down to this element, joined by dots; the network itself has the path ''."""
        if self.parent is None:
            return self.name or f"<{self.kind} without a network>"
        above = self.parent.path if self.parent.parent is not None else ""
        return f"{above}.{self.name}" if above else str(self.name)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path}>"


class Annotation(Element):
    """An element that adds to the graph of its network: a learner or a monitor."""

    def annotate(self, graph: Graph) -> Graph:
        """The graph with what this element needs: a probe, a surrogate, trainable weights."""
        return graph

    def bind(self, simulation: Simulation) -> None:
        """Called after a build."""

    def start(self, is_continued: bool) -> None:
        """Called before a run."""

    def observe(self, run: Run) -> None:
        """Called with the recordings of each piece of a run."""
