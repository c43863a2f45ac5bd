"""The network: the top of the tree of elements, and what one does with it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from spaic.clock import Clock
from spaic.errors import DeclarationError, NetworkError, StateError
from spaic.Graph.graph import Graph
from spaic.Graph.program import Program
from spaic.Graph.show import explain
from spaic.Network.assembly import Assembly
from spaic.Network.element import Annotation
from spaic.Network.lower import lower
from spaic.Network.neurongroup import one_of
from spaic.Network.simulation import Simulation
from spaic.registry import backends


class Network(Assembly):
    """A network of neuron groups, nodes and connections.

    Subclass it and assign elements in ``__init__``, or make them in a ``with net:`` block.

    Parameters
    ----------
    name : str, optional
        Shown in messages.
    seed : int
        Seed of weights, noise and random input.

    Examples
    --------
    >>> import numpy as np, spaic
    >>> with spaic.Network() as net:
    ...     clamp = spaic.Encoder(num=1, coding_method="direct")
    ...     cell = spaic.NeuronGroup(1, model="lif")
    ...     wire = spaic.Connection(clamp, cell, weight=np.array([[2.0]]), post_var_name="I")
    ...     count = spaic.Decoder(dec_target=cell)
    >>> net.clamp(np.ones((1, 1)))
    >>> net.run(100.0)
    >>> int(net.count.predict)
    7
    """

    kind = "network"

    def __init__(self, name: str | None = None, seed: int = 0) -> None:
        object.__setattr__(self, "_backend", None)
        object.__setattr__(self, "_simulation", None)
        object.__setattr__(self, "_is_stale", False)
        object.__setattr__(self, "_seed", _seed(seed))
        object.__setattr__(self, "_runtime", None)
        super().__init__(name)

    _backend: Any
    _simulation: Simulation | None
    _is_stale: bool
    _seed: int
    _runtime: float | None

    # --- what it is built with

    def set_backend(self, backend: Any = None, device: str = "cpu", **options: Any) -> None:
        """Choose the backend: an object, or a name (``"torch"``, ``"reference"``) with device, dt and dtype."""
        if backend is None or isinstance(backend, str):
            made = backends[backend or "torch"]
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

    def set_backend_dt(self, backend: Any = None, dt: float | None = None) -> None:
        """Set the time step in ms; ``set_backend_dt(0.1)`` and ``set_backend_dt(backend, 0.1)`` both work."""
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

    def set_runtime(self, runtime: float) -> None:
        """Set the duration in ms of runs that do not state one."""
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

    def _lowered(self) -> Graph:
        clock = self._backend.clock if self._backend is not None else Clock()
        return lower(self, clock, self._seed)

    # --- build and run

    def build(self, backend: Any = None) -> None:
        """Lower, verify and compile the network; weights of an earlier build that still fit are kept."""
        if backend is not None or self._backend is None:
            self.set_backend(backend)
        elements = {element.path: element for element in self.members()}
        simulation = Simulation(self._lowered(), self._backend, elements, self._simulation)
        object.__setattr__(self, "_simulation", simulation)
        object.__setattr__(self, "_is_stale", False)
        for annotation in self.members(Annotation):
            annotation.bind(simulation)

    def run(self, run_time: float | None = None, *, backend_time: float | None = None) -> None:
        """Run from the initial state for `run_time` ms; nothing is left over from earlier runs."""
        self._run(one_of("net.run", run_time=run_time, backend_time=backend_time), False, False)

    def run_continue(self, run_time: float | None = None, *, backend_time: float | None = None, keep_gradient: bool = False) -> None:
        """Carry on where the last run ended.

        Parameters
        ----------
        run_time : float
            Duration in ms.
        keep_gradient : bool
            False cuts gradients at the seam (truncated backpropagation), True lets them pass.
        """
        self._run(one_of("net.run_continue", run_time=run_time, backend_time=backend_time), True, keep_gradient)

    def _run(self, duration: float | None, is_continued: bool, keep_gradient: bool) -> None:
        duration = duration if duration is not None else self._runtime
        if duration is None:
            raise DeclarationError("net.run: no duration is given; call net.run(T) with T in ms, or net.set_runtime(T)")
        annotations = list(self.members(Annotation))
        self._built().run(duration, is_continued, keep_gradient, annotations)

    def fit(self, loader: Any, epochs: int = 1, run_time: float | None = None, **options: Any) -> Any:
        """Train on batches of (data, label); the learner of the network does it and returns the history."""
        return self._trainer().fit(loader, epochs, run_time, **options)

    def evaluate(self, loader: Any, run_time: float | None = None) -> float:
        """Accuracy on batches of (data, label), without gradients."""
        return float(self._trainer().evaluate(loader, run_time))

    def reset(self) -> None:
        """Forget the state: the next ``run_continue`` starts from the initial state."""
        if self._simulation is not None:
            self._simulation.state = None

    def _built(self) -> Simulation:
        if self._simulation is None or self._is_stale or self._simulation.graph.clock != self._backend.clock:
            self.build()
        if self._simulation is None:
            raise StateError("net: it could not be built; call net.build() to see why")
        return self._simulation

    def _changed(self) -> None:
        object.__setattr__(self, "_is_stale", True)

    # --- a torch citizen

    def parameters(self) -> Iterator[Any]:
        """Torch parameters, for any optimizer."""
        return iter(self._built().store.parameters())

    def named_parameters(self) -> Iterator[tuple[str, Any]]:
        """Paths and torch parameters."""
        return iter(self._built().store.named_parameters())

    get_parameters = parameters

    def state_dict(self) -> dict[str, Any]:
        """Path -> tensor of every weight; the states of neurons are not part of it."""
        return dict(self._built().store.state_dict())

    def load_state_dict(self, state: dict[str, Any], strict: bool = True) -> Any:
        """Copy weights in, as torch modules do."""
        return self._built().store.load_state_dict(state, strict=strict)

    def to(self, device: Any) -> Network:
        """Move to another device; weights and what an optimizer holds of them stay the same tensors."""
        simulation = self._built()
        self._backend.move(device)
        simulation.store.to(device)
        simulation.program = self._backend.compile(simulation.graph)
        simulation.state = None
        return self

    @property
    def module(self) -> Any:
        """The torch module that holds the weights."""
        return self._built().store

    # --- a look at it

    def explain(self) -> str:
        """Print, and return, assemblies, parameters, delays, schedule and a drawing of the network."""
        text = explain(self.graph, self._simulation.store.sizes() if self._simulation and not self._is_stale else None)
        print(text)
        return text

    @property
    def program(self) -> Program:
        """The compiled program; ``print(net.program.source("layer1"))`` shows what a step of a group computes."""
        return self._built().program

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            alone = self._alone(name)
            if alone is None:
                raise
            return alone

    def _trainer(self) -> Any:
        learner = self._alone("learner")
        if learner is None:
            raise NetworkError("net.fit: the network has no learner; assign one, such as net.learner = spaic.STCA(0.5, net)")
        return learner

    def _alone(self, name: str) -> Any:
        """``net.learner`` is the only learner, whatever its name."""
        if name != "learner" or "_members" not in self.__dict__:
            return None
        found = [m for m in self._members.values() if getattr(m, "kind", "") == "learner"]
        if len(found) > 1:
            raise NetworkError(f"net.learner: there are {len(found)} learners ({', '.join(m.name for m in found)}); name the one you mean")
        return found[0] if found else None


def _seed(seed: Any) -> int:
    if isinstance(seed, bool) or not hasattr(seed, "__index__"):
        raise DeclarationError(f"net: a seed is a whole number, got {seed!r}; give one")
    return int(seed.__index__())
