"""What a network is built with, and the build that holds its weights."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from typing import Any

from spaic.clock import Clock, milliseconds
from spaic.errors import DeclarationError, NetworkError, StateError, reject_unknown
from spaic.Graph.graph import Graph
from spaic.Network.assembly import Assembly
from spaic.Network.container import Container
from spaic.Network.element import Annotation, Element
from spaic.Network.lower import lower
from spaic.Network.simulation import Simulation
from spaic.Network.transaction import whole
from spaic.registry import backends
from spaic.spellings import spelled


class Built(Assembly):
    """An assembly with a backend, a seed, and what they make of it.

    Parameters
    ----------
    name : str, optional
        Shown in messages.
    seed : int
        Seed of weights, noise and random input.
    """

    def __init__(self, name: str | None = None, seed: int = 0) -> None:
        object.__setattr__(self, "_backend", None)
        object.__setattr__(self, "_simulation", None)
        object.__setattr__(self, "_is_stale", False)
        object.__setattr__(self, "_seed", _seed(seed))
        object.__setattr__(self, "_runtime", None)
        object.__setattr__(self, "_is_training", True)
        object.__setattr__(self, "_progress", None)
        super().__init__(name)

    _backend: Any
    _simulation: Simulation | None
    _is_stale: bool
    _seed: int
    _runtime: float | None
    _is_training: bool
    _progress: Any

    # --- what it is built with

    def set_backend(self, backend: Any = None, device: str = "cpu", **options: Any) -> None:
        """Choose the backend: an object, or a name (``"torch"``, ``"reference"``) with device, dt and dtype."""
        if backend is None or isinstance(backend, str):
            made = backends[backend or "torch"]
            reject_unknown(f"net.set_backend({backend or 'torch'!r})", options, inspect.signature(made).parameters)
            if self._backend is not None:
                options.setdefault("dt", self._backend.dt)
            try:
                backend = made(device=device, **options)
            except DeclarationError as error:
                if "not available" not in str(error):
                    raise
                warnings.warn(f"{error}; the CPU is used instead", stacklevel=2)
                backend = made(device="cpu", **options)
        elif options or device != "cpu":
            raise DeclarationError(f"net.set_backend: {backend!r} is made already; give {', '.join(options) or 'device'} when it is made")
        if isinstance(backend, type) or not hasattr(backend, "compile"):
            raise DeclarationError(
                f"net.set_backend: {backend!r} is not a backend; give a name ({', '.join(backends)}) or spaic.Torch_Backend()"
            )
        object.__setattr__(self, "_backend", backend)
        self._changed()

    @spelled("net.set_backend_dt")
    def set_backend_dt(self, backend: Any = None, dt: float | None = None) -> None:
        """Set the time step in ms (or as text, ``"0.1 ms"``); ``set_backend_dt(0.1)`` and ``set_backend_dt(backend, 0.1)`` both work."""
        if dt is None:
            backend, dt = None, backend
        if backend is not None or self._backend is None:
            self.set_backend(backend)
        self._backend.dt = dt
        self._changed()

    def set_random_seed(self, seed: int) -> None:
        """Set the seed of weights, noise and random input; takes effect with the next build."""
        object.__setattr__(self, "_seed", _seed(seed))
        object.__setattr__(self, "_simulation", None)

    @spelled("net.set_runtime")
    def set_runtime(self, runtime: float | str) -> None:
        """Set the duration of runs that do not state one: in ms, or text with a unit."""
        runtime = milliseconds(runtime, "net.set_runtime")
        Clock(self.dt).steps(runtime, "net.set_runtime")
        object.__setattr__(self, "_runtime", runtime)

    @property
    def dt(self) -> float:
        """Time step in ms."""
        return float(self._backend.dt) if self._backend is not None else Clock().dt

    @property
    def graph(self) -> Graph:
        """The lowered, verified graph of the network as it is now."""
        return self._lowered()

    @whole
    def _lowered(self) -> Graph:
        clock = self._backend.clock if self._backend is not None else Clock()
        return lower(self, clock, self._seed)

    @spelled("net.build")
    @whole
    def build(self, backend: Any = None) -> None:
        """Lower, verify and compile the network; weights of an earlier build that still fit are kept."""
        if backend is not None or self._backend is None:
            self.set_backend(backend)
        if self.parent is not None:
            raise NetworkError(f"{self.path}: it is a part of {self._top!r}; build and run that network")
        previous = self._simulation
        graph = self._lowered()
        elements = {element.path: element for element in self.members()}
        simulation = Simulation(graph, self._backend, elements, previous)
        was_frozen = set() if previous is None else {id(previous.elements[path]) for path in previous.frozen}
        simulation.frozen = {path for path, e in elements.items() if not e.requires_grad}
        thawed = {path: True for path, e in elements.items() if id(e) in was_frozen and e.requires_grad}
        simulation.store.freeze({**thawed, **dict.fromkeys(simulation.frozen, False)})
        object.__setattr__(self, "_simulation", simulation)
        object.__setattr__(self, "_is_stale", False)
        for annotation in self.members(Annotation):
            annotation.bind(simulation)

    def _built(self) -> Simulation:
        if self.parent is not None:
            raise NetworkError(f"{self.path}: it is a part of {self._top!r}; build and run that network")
        self._gather()
        if self._simulation is None or self._is_stale or self._simulation.graph.clock != self._backend.clock:
            self.build()
        if self._simulation is None:
            raise StateError("net: it could not be built; call net.build() to see why")
        return self._simulation

    def _changed(self) -> None:
        object.__setattr__(self, "_is_stale", True)
        super()._changed()

    def _enter(self) -> None:
        """From now on the network it becomes a part of holds its weights."""
        if self._simulation is not None:
            self._simulation.remember(self)
        object.__setattr__(self, "_simulation", None)
        self._changed()

    def _remember(self, element: Element) -> None:
        if self._simulation is not None:
            self._simulation.remember(element)

    def _tensors(self, path: str) -> Mapping[str, Any]:
        tensors: Mapping[str, Any] = self._built().store.tensors()
        return tensors

    def _refreeze(self, element: Element) -> None:
        if self._simulation is not None:
            inside = (element, *(element.everything() if isinstance(element, Container) else ()))
            paths = self._simulation.paths
            flags = {paths[id(e)]: e.requires_grad for e in inside if id(e) in paths}
            self._simulation.store.freeze(flags)
            self._simulation.frozen -= set(flags)
            self._simulation.frozen |= {path for path, is_trained in flags.items() if not is_trained}


def _seed(seed: Any) -> int:
    if isinstance(seed, bool) or not hasattr(seed, "__index__"):
        raise DeclarationError(f"net: a seed is a whole number, got {seed!r}; give one")
    return int(seed.__index__())
