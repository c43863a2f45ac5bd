"""The network: the top of the tree of elements, and what one does with it."""

from __future__ import annotations

import copy
from typing import Any

from spaic import spellings
from spaic.errors import DeclarationError, NetworkError, reject_unknown
from spaic.Graph.program import Program
from spaic.Graph.show import Explanation, explain
from spaic.Network import context
from spaic.Network.element import Annotation
from spaic.Network.files import Files
from spaic.Network.sources import Encoder
from spaic.spellings import spelled
from spaic.units import in_unit

#: What is no method but a function of spaic -> its call.
_FUNCTIONS = {"predict": "spaic.predict(net, loader)"}


class Network(Files):
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

    @spelled("net.run")
    def run(self, run_time: float | str | None = None) -> None:
        """Run from the initial state for `run_time`, in ms or as text (``"0.1 s"``); nothing is left over from earlier runs."""
        self._run(run_time, False, False)

    @spelled("net.run_continue")
    def run_continue(self, run_time: float | str | None = None, *, keep_gradient: bool = False) -> None:
        """Carry on where the last run ended.

        Parameters
        ----------
        run_time : float or str
            Duration in ms, or text with its unit.
        keep_gradient : bool
            False cuts gradients at the seam (truncated backpropagation), True lets them pass.
        """
        self._run(run_time, True, keep_gradient)

    def _run(self, duration: float | str | None, is_continued: bool, keep_gradient: bool) -> None:
        duration = duration if duration is not None else self._runtime
        if duration is None:
            raise DeclarationError("net.run: no duration is given; call net.run(T) with T in ms, or net.set_runtime(T)")
        annotations = list(self.members(Annotation))
        simulation = self._built()  # which chooses a backend where none was
        run = self._backend.untraced(simulation.run)
        run(duration, is_continued, keep_gradient, annotations, self._is_training)

    def reset(self) -> None:
        """Forget the state: the next ``run_continue`` starts from the initial state."""
        if self._simulation is not None:
            self._simulation.state = None

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
        if not isinstance(mode, bool):
            raise DeclarationError(f"net.train: mode is {mode!r}; give True or False, or train with net.fit(loader, ...)")
        object.__setattr__(self, "_is_training", bool(mode))
        return self

    def eval(self) -> Network:
        """Go into evaluation mode: no dropout."""
        object.__setattr__(self, "_is_training", False)
        return self

    @spelled("net.fit")
    def fit(
        self,
        loader: Any,
        epochs: int = 1,
        run_time: float | None = None,
        *,
        test: Any = None,
        loss: Any = None,
        progress: bool | None = None,
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
        progress : bool, optional
            Whether to show a progress bar; by default where somebody sees it: in a terminal or a notebook.
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

    @spelled("net.evaluate")
    def evaluate(self, loader: Any = None, run_time: float | None = None, *, encoder: Any = None, decoder: Any = None) -> float:
        """Accuracy on batches of (data, label), without gradients and in evaluation mode; arguments as those of :meth:`fit`."""
        return float(self._trainer("net.evaluate").evaluate(loader, run_time, encoder=encoder, decoder=decoder))

    def _sibling(self, name: str | None) -> Network:
        made = Network(name, self._seed)
        context.forget(made)
        if self._backend is not None:
            made.set_backend(copy.copy(self._backend))
        return made

    @property
    def path(self) -> str:
        """Its path in the network around it; its name if there is none."""
        return super().path if self.parent is not None else self.name or "network"

    @spelled("net.verify")
    def verify(self, run_time: float | None = None, backends: Any = ("reference", "torch", "event"), dt: Any = None) -> Any:
        """Run the network on several backends and time steps with the same weights and input, and compare the spikes.

        Parameters
        ----------
        run_time : float, optional
            Duration in ms; that of :meth:`set_runtime` by default.
        backends : sequence of str
            Names of backends; exact events are the yardstick if they are among them, else the finest time step.
        dt : sequence of float, optional
            Time steps in ms, which divide that of the network; by default that one, a quarter and a sixteenth of it.

        Returns
        -------
        Verification
            Prints as a table with a verdict; ``plot()`` draws it.
        """
        from spaic.Network.verification import verify

        duration = in_unit(run_time, "ms", "net.verify") if run_time is not None else self._runtime
        if duration is None:
            raise DeclarationError("net.verify: no duration is given; call net.verify(T) with T in ms, or net.set_runtime(T)")
        return verify(self, duration, (backends,) if isinstance(backends, str) else tuple(backends), dt)

    # --- a look at it

    def explain(self) -> str:
        """Print, and return, assemblies, parameters, delays, schedule, execution and a drawing of the network."""
        built = self._simulation if self._simulation and not self._is_stale else None
        text = explain(self.graph, built.store.sizes(), built.program.execution()) if built else explain(self.graph)
        print(text)
        return Explanation(text)

    @property
    def program(self) -> Program:
        """The compiled program; ``print(net.program.source("layer1"))`` shows what a step of a group computes."""
        return self._built().program

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name in _FUNCTIONS:
                raise AttributeError(f"{type(self).__name__} has no member or attribute {name!r}; call {_FUNCTIONS[name]}") from None
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
