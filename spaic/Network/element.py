"""What every named part of a network is."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from spaic import spellings
from spaic.Dynamics.expression import is_name
from spaic.errors import DeclarationError, SpaicError, StateError, nearest, reject_unknown
from spaic.Graph.graph import Graph
from spaic.Network import context
from spaic.Network.introduction import introduce

if TYPE_CHECKING:
    from spaic.Network.plan import Plan, Run
    from spaic.Network.simulation import Simulation


class Attachment:
    """Anything that may be assigned to a network as an attribute and belongs to it from then on."""


class _Finished(type):
    """Reads the keywords that users of SPAIC know, and notes an element once its constructor has succeeded."""

    def __call__(cls, *args: Any, **options: Any) -> Any:
        options = spellings.keywords([c.__name__ for c in cls.__mro__], options)
        other = cls.meant(args, options)  # type: ignore[attr-defined]
        if other is not None:
            return other(*args, **options)
        known = _keywords(cls)
        try:
            if known is not None:
                reject_unknown(cls.__name__, options, known)
            made = super().__call__(*args, **options)
        except SpaicError as error:
            introduce(error, cls, args, options)
            raise
        made.__dict__["_is_finished"] = True
        context.note(made)
        return made


@lru_cache(maxsize=256)
def _keywords(kind: type) -> tuple[str, ...] | None:
    """Keywords of a constructor; None if it takes any."""
    parameters = inspect.signature(kind.__init__).parameters.values()  # type: ignore[misc]
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    return tuple(p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))[1:]


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
    #: Attributes that hold the elements it refers to: one, several in a tuple, or None.
    refers: ClassVar[tuple[str, ...]] = ()
    #: Attributes that a copy has in common with the original, such as data.
    shared: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def meant(cls, args: tuple[Any, ...], options: Mapping[str, Any]) -> Callable[..., Any] | None:
        """What to make in place of this class from these arguments, if it is something else."""
        return None

    def __init__(self, name: str | None = None) -> None:
        if name is not None and not is_name(str(name)):
            raise DeclarationError(f"{self.kind}: {name!r} cannot be a name; use letters, digits and underscores")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "parent", None)
        object.__setattr__(self, "_is_hidden", False)
        object.__setattr__(self, "_is_frozen", False)
        object.__setattr__(self, "_learned", None)

    name: str | None
    parent: Any
    _is_hidden: bool
    _is_frozen: bool
    _learned: Any

    def __setattr__(self, name: str, value: Any) -> None:
        if "_is_finished" in self.__dict__ and not name.startswith("_"):
            if name in ("name", "parent"):
                raise DeclarationError(f"{self.path}: its {name} follows from where it is assigned; use add_assembly or del_assembly")
            if name in self.refers and not isinstance(value, (Element, tuple, list)):
                raise DeclarationError(f"{self.path}.{name}: {value!r} is not a part of a network; give one")
            if not hasattr(self, name):
                known = [n for n in vars(self) if not n.startswith("_")]
                raise DeclarationError(
                    f"{self.path}: it has no attribute {name!r}; give parameters when it is made ({nearest(name, known)})"
                )
            if self.parent is not None and name not in self.volatile and name != "requires_grad":
                self.parent._changed()
        object.__setattr__(self, name, value)

    def parts(self) -> tuple[Element, ...]:
        """The elements that this one refers to."""
        found: list[Element] = []
        for name in self.refers:
            value = getattr(self, name)
            found += value if isinstance(value, tuple) else [] if value is None else [value]
        return tuple(found)

    def redirect(self, exchange: Callable[[Element], Element | None]) -> bool:
        """Refer to other elements.

        Parameters
        ----------
        exchange : callable
            Element -> what to refer to instead, or None for nothing.

        Returns
        -------
        bool
            False if nothing is left where something is needed: the element has lost its meaning.
        """
        is_whole = True
        for name in self.refers:
            value = getattr(self, name)
            if isinstance(value, tuple):
                left: Any = tuple(e for e in map(exchange, value) if e is not None)
                is_whole &= bool(left) or not value
            else:
                left = None if value is None else exchange(value)
                is_whole &= value is None or left is not None
            object.__setattr__(self, name, left)
        return is_whole

    def takes_part(self) -> bool:
        """False if it is hidden, or is inside of or refers to something that is."""
        if self._is_hidden or (self.parent is not None and not self.parent.takes_part()):
            return False
        for name in self.refers:
            value = getattr(self, name)
            among = value if isinstance(value, tuple) else () if value is None else (value,)
            if among and not any(part is self.parent or part.takes_part() for part in among):
                return False
        return True

    def hide(self) -> None:
        """Take it, and what refers to it, out of running, training and display; its weights are kept."""
        self._set_hidden(True)

    def show(self) -> None:
        """Let it take part again."""
        self._set_hidden(False)

    assembly_hide, assembly_show = hide, show  # as in SPAIC

    def _set_hidden(self, value: bool) -> None:
        if self._is_hidden != value:
            object.__setattr__(self, "_is_hidden", value)
            self._changed()

    def _changed(self) -> None:
        """Tell the networks above that they have to be built anew."""
        if self.parent is not None:
            self.parent._changed()

    def _enter(self) -> None:
        """Called before it gets a place in a container; overridden by networks, which have learned something by themselves."""

    @property
    def is_hidden(self) -> bool:
        """Whether it was hidden, itself or with the assembly it is in."""
        return self._is_hidden or (self.parent is not None and self.parent.is_hidden)

    @property
    def requires_grad(self) -> bool:
        """False freezes its weights, and those of everything inside it: learners leave them as they are."""
        return not self._is_frozen and (self.parent is None or self.parent.requires_grad)

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        object.__setattr__(self, "_is_frozen", not value)
        self._top._refreeze(self)

    @property
    def _top(self) -> Any:
        """The outermost assembly around it: the network, once it belongs to one."""
        return self if self.parent is None else self.parent._top

    def _refreeze(self, element: Element) -> None:
        """Overridden by networks, which hold weights."""

    def _tensors(self, path: str) -> Mapping[str, Any]:
        """Overridden by networks: what has been learned, by path."""
        raise StateError(f"{path}: it belongs to no network yet; assign it to one and build that")

    @property
    def path(self) -> str:
        """Names from the network down to this element, joined by dots; the network itself has the path ''."""
        if self.parent is None:
            return self.name or f"<{self.kind} without a network>"
        above = self.parent.path if self.parent.parent is not None else ""
        return f"{above}.{self.name}" if above else str(self.name)

    def path_in(self, container: Element) -> str:
        """Names from a container around this element down to it."""
        if self.parent is None or self.parent is container:
            return str(self.name)
        return f"{self.parent.path_in(container)}.{self.name}"

    def settle(self, left: Element, members: tuple[Element, ...]) -> None:
        """Called on a copy whose original was in `left`: what meant that container as a whole means `members` from now on."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path}>"


class Annotation(Element):
    """An element that adds to the graph of its network: a learner or a monitor."""

    def annotate(self, graph: Graph) -> Graph:
        """The graph with what this element needs: a probe, a surrogate, trainable weights."""
        return graph

    def bind(self, simulation: Simulation) -> None:
        """Called after a build."""

    def check(self, is_continued: bool, plan: Plan) -> None:
        """Called before a run changes anything: what cannot be done is refused here."""

    def start(self, is_continued: bool, plan: Plan) -> None:
        """Called before the first step of a run that everybody has agreed to."""

    def observe(self, run: Run) -> None:
        """Called with the recordings of each piece of a run."""
