"""The network: the top of the tree of elements, and what one does with it."""

from __future__ import annotations

import copy
import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

from spaic import spellings
from spaic.clock import Clock
from spaic.errors import DeclarationError, NetworkError, StateError, reject_unknown
from spaic.Graph.graph import Graph
from spaic.Graph.program import Program
from spaic.Graph.show import explain
from spaic.Network import context
from spaic.Network.assembly import Assembly
from spaic.Network.container import Container
from spaic.Network.element import Annotation, Element
from spaic.Network.lower import lower
from spaic.Network.node import Encoder
from spaic.Network.simulation import Simulation
from spaic.Network.transaction import whole
from spaic.Network.weights import Mismatch, load_weights
from spaic.registry import backends, formats

F = TypeVar("F", bound=Callable[..., Any])


def spelled(call: str) -> Callable[[F], F]:
    """A method that also takes the keywords of SPAIC."""

    def decorate(method: F) -> F:
        names = list(inspect.signature(method).parameters)[1:]

        @wraps(method)
        def translated(self: Any, *args: Any, **options: Any) -> Any:
            ours = spellings.keywords([call], options)
            for name in names[: len(args)]:
                if name in ours:
                    raise DeclarationError(f"{call}: {name} is given twice; give it once")
            return method(self, *args, **ours)

        return translated  # type: ignore[return-value]

    return decorate


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

    @whole
    def _lowered(self) -> Graph:
        clock = self._backend.clock if self._backend is not None else Clock()
        return lower(self, clock, self._seed)

    # --- build and run

    @whole
    def build(self, backend: Any = None) -> None:
        """Lower, verify and compile the network; weights of an earlier build that still fit are kept."""
        if backend is not None or self._backend is None:
            self.set_backend(backend)
        if self.parent is not None:
            raise NetworkError(f"{self.path}: it is a part of {self._top!r}; build and run that network")
        graph = self._lowered()
        elements = {element.path: element for element in self.members()}
        simulation = Simulation(graph, self._backend, elements, self._simulation)
        simulation.store.freeze({path: False for path, element in elements.items() if not element.requires_grad})
        object.__setattr__(self, "_simulation", simulation)
        object.__setattr__(self, "_is_stale", False)
        for annotation in self.members(Annotation):
            annotation.bind(simulation)

    @spelled("net.run")
    def run(self, run_time: float | None = None) -> None:
        """Run from the initial state for `run_time` ms; nothing is left over from earlier runs."""
        self._run(run_time, False, False)

    @spelled("net.run_continue")
    def run_continue(self, run_time: float | None = None, *, keep_gradient: bool = False) -> None:
        """Carry on where the last run ended.

        Parameters
        ----------
        run_time : float
            Duration in ms.
        keep_gradient : bool
            False cuts gradients at the seam (truncated backpropagation), True lets them pass.
        """
        self._run(run_time, True, keep_gradient)

    def _run(self, duration: float | None, is_continued: bool, keep_gradient: bool) -> None:
        duration = duration if duration is not None else self._runtime
        if duration is None:
            raise DeclarationError("net.run: no duration is given; call net.run(T) with T in ms, or net.set_runtime(T)")
        annotations = list(self.members(Annotation))
        self._built().run(duration, is_continued, keep_gradient, annotations, self._is_training)

    # --- modes

    @property
    def training(self) -> bool:
        """Whether it is in training mode: dropout is at work."""
        return self._is_training

    def train(self, mode: bool = True, epochs: int | None = None, **options: Any) -> Any:
        """Go into training mode, as torch modules do.

        With `epochs` it is :meth:`fit` on the loader that its encoder was made from (``spaic.Encoder(loader, ...)``).
        """
        if epochs is not None:
            return self.fit(self._own_loader("net.train"), epochs, **options)
        reject_unknown("net.train", options, ("mode", "epochs"))
        object.__setattr__(self, "_is_training", bool(mode))
        return self

    def eval(self) -> Network:
        """Go into evaluation mode: no dropout."""
        object.__setattr__(self, "_is_training", False)
        return self

    def fit(
        self,
        loader: Any,
        epochs: int = 1,
        run_time: float | None = None,
        *,
        test: Any = None,
        loss: Any = None,
        progress: bool = True,
        callbacks: Any = (),
        early_stop: Any = None,
        resume: bool = False,
        encoder: Any = None,
        decoder: Any = None,
    ) -> Any:
        """Train on batches of (data, label) with all learners of the network.

        Parameters
        ----------
        loader : iterable of (data, label)
            Batches; iterated anew in every epoch. Data and labels may be mappings from the paths of encoders and decoders.
        epochs : int
            Number of passes, those before a resumption included.
        run_time : float, optional
            Duration of a run in ms; that of :meth:`set_runtime` by default.
        test : iterable of (data, label), optional
            Batches on which the network is evaluated after each epoch.
        loss : callable, optional
            ``loss(prediction, label)``; :func:`spaic.count_cross_entropy` by default.
        progress : bool
            Whether to show a progress bar.
        callbacks : Callback or iterable of Callback
            What is called along the way, see :class:`spaic.Learning.Callback`.
        early_stop : EarlyStopping or int, optional
            When to stop before the last epoch; a number is the epochs to wait for an improvement.
        resume : bool
            Whether to go on from where the last training ended.
        encoder, decoder : Element or str, optional
            The one that takes the data, and the one that the labels are for, where there are several.

        Returns
        -------
        History
            Loss, accuracy and more, per epoch.
        """
        return self._trainer("net.fit").fit(
            loader,
            epochs,
            run_time,
            test=test,
            loss=loss,
            progress=progress,
            callbacks=callbacks,
            early_stop=early_stop,
            resume=resume,
            encoder=encoder,
            decoder=decoder,
        )

    def evaluate(self, loader: Any, run_time: float | None = None, *, encoder: Any = None, decoder: Any = None) -> float:
        """Accuracy on batches of (data, label), without gradients and in evaluation mode; arguments as those of :meth:`fit`."""
        return float(self._trainer("net.evaluate").evaluate(loader, run_time, encoder=encoder, decoder=decoder))

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

    def state_dict(self) -> dict[str, Any]:
        """Path -> tensor of every weight; the states of neurons are not part of it."""
        return dict(self._built().store.state_dict())

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> Mismatch:
        """Copy weights in, by path; optimizers go on with them.

        Parameters
        ----------
        state : mapping of str to tensor or array
            Such as :meth:`state_dict` or any torch module with the same paths gives; names of parameters in SPAIC are understood.
        strict : bool
            True loads nothing and raises an error unless everything fits; False loads what fits and returns what does not.

        Returns
        -------
        Mismatch
            Lists `missing`, `extra` and `misshaped` paths.

        Raises
        ------
        StateError
            Listing every path that does not fit.
        """
        return load_weights(self._built().store, state, strict, "net.load_state_dict")

    # --- files

    def save(self, filename: Any = None, direct: Any = None, **options: Any) -> Any:
        """Write the network to a file; the suffix chooses the format, ``.spaic`` unless there is one.

        ``.spaic`` holds everything: declaration, weights, learners, optimizers, random and neuron states; ``spaic.load`` rebuilds the
        network from it without the code that declared it. ``.json`` and ``.yaml`` hold the declaration, to be read and edited.

        Parameters
        ----------
        filename : str or Path, optional
            The name of the network by default.
        direct : str or Path, optional
            Folder, the current one by default.
        **options
            Those of the format; see :func:`spaic.save`.

        Returns
        -------
        Path
            The file.
        """
        return formats["spaic"].save(self, _file(self, filename, direct), **options)

    def load(self, filename: Any, direct: Any = None, strict: bool = True) -> Mismatch:
        """Take over weights, learners, optimizers and states from a file into this network; ``spaic.load`` makes a new one."""
        return formats["spaic"].load_into(self, _file(self, filename, direct), strict)

    @spelled("net.save_state")
    def save_state(self, filename: Any = None, direct: Any = None, save: bool = True) -> Any:
        """Write the weights to a ``.spaic`` file and return its path; with ``save=False`` return them as a state_dict instead.

        ``save_state("name", False)`` is understood too.
        """
        if isinstance(direct, bool):
            direct, save = None, direct
        if not save:
            return self.state_dict()
        return formats["spaic"].save_weights(self.state_dict(), _file(self, filename, direct))

    def state_from_dict(
        self, state: Any = None, filename: Any = None, direct: Any = None, device: Any = None, strict: bool = True
    ) -> Mismatch:
        """Load weights from a state_dict, or from a file of :meth:`save_state` or :meth:`save`; see :meth:`load_state_dict`."""
        if (state is None or state is False) == (filename is None):
            raise DeclarationError("net.state_from_dict: give either a state_dict or the name of a file")
        if device is not None:
            self.to(device)
        if filename is not None:
            state = formats["spaic"].read_weights(_file(self, filename, direct))
        return self.load_state_dict(state, strict)

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
            self._simulation.store.freeze({paths[id(e)]: e.requires_grad for e in inside if id(e) in paths})

    def _sibling(self, name: str | None) -> Network:
        made = Network(name, self._seed)
        context.forget(made)
        if self._backend is not None:
            made.set_backend(copy.copy(self._backend))
        return made

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
            ours = spellings.attribute(["Network"], name)
            found = getattr(self, ours) if ours is not None else self._alone(name)
            if found is None:
                raise
            return found

    def _own_loader(self, where: str) -> Any:
        """The loader that the encoder was made from."""
        loaders = [e.loader for e in self.members(Encoder) if e.loader is not None]
        if len(loaders) != 1:
            raise NetworkError(f"{where}: no encoder was made from a loader; give the loader to net.fit(loader, epochs, run_time)")
        return loaders[0]

    def _trainer(self, where: str) -> Any:
        """Any learner: each of them trains with all the others."""
        learner = next((element for element in self.members() if element.kind == "learner"), None)
        if learner is None:
            raise NetworkError(f"{where}: the network has no learner; assign one, such as net.learner = spaic.STCA(0.5, net)")
        return learner

    def _alone(self, name: str) -> Any:
        """``net.learner`` is the only learner, whatever its name."""
        if name != "learner" or "_members" not in self.__dict__:
            return None
        found = [m for m in self._members.values() if getattr(m, "kind", "") == "learner"]
        if len(found) > 1:
            raise NetworkError(f"net.learner: there are {len(found)} learners ({', '.join(m.name for m in found)}); name the one you mean")
        return found[0] if found else None


def _file(net: Network, filename: Any, direct: Any) -> Path:
    """The path meant by a name and a folder."""
    return Path(direct or "") / Path(filename or net.name or "network")


def _seed(seed: Any) -> int:
    if isinstance(seed, bool) or not hasattr(seed, "__index__"):
        raise DeclarationError(f"net: a seed is a whole number, got {seed!r}; give one")
    return int(seed.__index__())
