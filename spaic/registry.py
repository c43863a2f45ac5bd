"""Everything that is chosen by name. Registries hold declarations and classes, never live objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar

from spaic.errors import DeclarationError, UnknownName, nearest
from spaic.keywords import named_keywords

T = TypeVar("T")


def _key(name: str) -> str:
    return name.strip().lower().replace("-", "_").replace(" ", "_")


class Registry(Mapping[str, T], Generic[T]):
    """A mapping from case-insensitive names to declarations, with aliases and entry points.

    Parameters
    ----------
    kind : str
        The word used in messages, such as ``"neuron model"``.
    group : str, optional
        Entry-point group through which other packages add their own (``"spaic.neurons"``).

    Examples
    --------
    >>> colours = Registry("colour")
    >>> colours.add("red", 1, aliases=("rouge",))
    1
    >>> colours["Rouge"], list(colours)
    (1, ['red'])
    """

    def __init__(self, kind: str, group: str | None = None) -> None:
        self.kind = kind
        self.group = group
        self._items: dict[str, T] = {}
        self._aliases: dict[str, str] = {}
        self._refused: dict[str, str] = {}
        self._plugins_loaded = group is None

    def add(self, name: str, item: T, aliases: tuple[str, ...] = (), replace: bool = False) -> T:
        """Register `item` and return it; a name that is taken is refused, unless `replace` says that it is meant."""
        if replace and name in self:
            self.remove(name)
        for n in (name, *aliases):
            if not isinstance(n, str) or not n.strip():
                raise DeclarationError(f"{self.kind}: a name must be non-empty text, got {n!r}; give it one")
            if _key(n) in self._items or _key(n) in self._aliases:
                raise DeclarationError(f"{self.kind} {n!r}: the name is already registered; choose another one, or say replace=True")
        if isinstance(item, type) and item.__module__.startswith("spaic."):  # the classes of others stay as they are
            named_keywords(item)
        self._items[_key(name)] = item
        self._aliases.update({_key(a): _key(name) for a in aliases})
        return item

    def remove(self, name: str) -> None:
        """Take a registered name, and its aliases, out."""
        key = self.canonical(name)
        del self._items[key]
        self._aliases = {a: n for a, n in self._aliases.items() if n != key}

    def refuse(self, name: str, reason: str) -> None:
        """Answer `name`, which users know from elsewhere, with the reason why there is none and what to use; not with a likely name."""
        if name in self:
            raise DeclarationError(f"{self.kind} {name!r}: the name is registered, so it cannot be refused; choose another one")
        self._refused[_key(name)] = reason

    @property
    def refused(self) -> dict[str, str]:
        """Refused name -> reason."""
        return dict(sorted(self._refused.items()))

    def register(self, name: str, *aliases: str, replace: bool = False) -> Callable[[T], T]:
        """Decorator form of :meth:`add`."""
        return lambda item: self.add(name, item, aliases, replace)

    def canonical(self, name: object) -> str:
        """The registered name behind `name` (an alias, another case)."""
        self._load_plugins()
        if isinstance(name, str):
            key = _key(name)
            key = self._aliases.get(key, key)
            if key in self._items:
                return key
            if key in self._refused:
                raise UnknownName(f"{self.kind} {name!r}: {self._refused[key]}")
        raise UnknownName(f"unknown {self.kind} {name!r}; {nearest(name, [*self._items, *self._aliases])}")

    def aliases(self, name: str) -> tuple[str, ...]:
        """Other spellings of a registered name."""
        return tuple(a for a, n in self._aliases.items() if n == self.canonical(name))

    def __getitem__(self, name: str) -> T:
        return self._items[self.canonical(name)]

    def __contains__(self, name: object) -> bool:
        self._load_plugins()
        return isinstance(name, str) and (_key(name) in self._items or _key(name) in self._aliases)

    def __iter__(self) -> Iterator[str]:
        self._load_plugins()
        return iter(sorted(self._items))

    def __len__(self) -> int:
        self._load_plugins()
        return len(self._items)

    def _load_plugins(self) -> None:
        if self._plugins_loaded or self.group is None:
            return
        self._plugins_loaded = True
        for point in entry_points(group=self.group):
            self.add(point.name, point.load())


neurons: Registry[Any] = Registry("neuron model", "spaic.neurons")
synapses: Registry[Any] = Registry("synapse model", "spaic.synapses")
links: Registry[Any] = Registry("link type", "spaic.links")
surrogates: Registry[Any] = Registry("surrogate gradient", "spaic.surrogates")
initializers: Registry[Any] = Registry("initializer", "spaic.initializers")
encoders: Registry[Any] = Registry("encoder", "spaic.encoders")
generators: Registry[Any] = Registry("generator", "spaic.generators")
decoders: Registry[Any] = Registry("decoder", "spaic.decoders")
actions: Registry[Any] = Registry("action", "spaic.actions")
rewards: Registry[Any] = Registry("reward", "spaic.rewards")
networks: Registry[Any] = Registry("network", "spaic.networks")
rules: Registry[Any] = Registry("plasticity rule", "spaic.rules")
learners: Registry[Any] = Registry("learning algorithm", "spaic.learners")
backends: Registry[Any] = Registry("backend", "spaic.backends")
formats: Registry[Any] = Registry("file format", "spaic.formats")
