"""Training in one line, for those who do not want to write the loop."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import closing
from typing import Any

from torch import Tensor

from spaic.errors import DeclarationError, NetworkError
from spaic.Learning.callbacks import Callback, EarlyStopping, all_callbacks, named
from spaic.Learning.ends import Ends, pair, right_answers
from spaic.Learning.evaluation import Loss, demand_batches, demand_iterable, in_mode, measured
from spaic.Learning.gradients import warn_of_zeros
from spaic.Learning.history import History, Tally, is_number
from spaic.Learning.interrupt import Interrupt
from spaic.Learning.learners import Learners
from spaic.Learning.losses import count_cross_entropy, reads_classes
from spaic.Learning.progress import Progress
from spaic.Network.network import Network
from spaic.units import in_unit


def fit(
    net: Network,
    loader: Iterable[Any],
    epochs: int = 1,
    run_time: float | str | None = None,
    *,
    test: Iterable[Any] | None = None,
    loss: Loss | None = None,
    progress: bool | None = None,
    callbacks: Callback | Iterable[Callback] = (),
    early_stop: EarlyStopping | int | None = None,
    resume: bool = False,
    encoder: Any = None,
    decoder: Any = None,
) -> History:
    """Train a network with all its learners.

    Each step clears the gradients, runs, measures the loss and steps every optimizer. Schedules declared with an optimizer advance once
    per step, those set with ``learner.set_schedule`` once per epoch (ReduceLROnPlateau by the mean loss of the epoch).

    Parameters
    ----------
    net : Network
        The network.
    loader : iterable of (data, label)
        Batches; iterated anew in every epoch. Data and labels may be mappings from the paths of encoders and decoders.
    epochs : int
        Number of passes, those before a resumption included.
    run_time : float, optional
        Duration of a run in ms; that of ``net.set_runtime`` by default.
    test : iterable of (data, label), optional
        Batches on which the network is evaluated after each epoch.
    loss : callable, optional
        ``loss(prediction, label)``, both tensors; :func:`spaic.count_cross_entropy` by default. Those of several decoders are added.
    progress : bool, optional
        Whether to show a progress bar; by default where somebody sees it: in a terminal or a notebook.
    callbacks : Callback or iterable of Callback
        What is called along the way, in this order; what saves (:class:`spaic.Checkpoint`) comes last.
    early_stop : EarlyStopping or int, optional
        When to stop before the last epoch; a number is the patience. It comes before the other callbacks.
    resume : bool
        Whether to go on from where the last training of this network ended. On the CPU the result is equal, bit for bit, to that of a
        training that never stopped, if loader and callbacks are the same: the global random generators are set back for it.
    encoder, decoder : Element or str, optional
        The one that takes the data, and the one that the labels are for, where the network has several.

    Returns
    -------
    History

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C, at the end of the batch under way; ``resume=True`` goes on from there.
    """
    training = Fit(net, loader, epochs, run_time, test, loss or count_cross_entropy, Ends(net, "net.fit", encoder, decoder))
    training.run(all_callbacks(callbacks, early_stop, test is not None), bool(resume), progress)
    return training.history


class Fit:
    """A training under way: what callbacks see.

    Attributes
    ----------
    net : Network
        What is trained.
    learners : Learners
        All its learners.
    loader, test : iterable
        Training and test batches.
    epochs : int
        How many there will be.
    run_time : float or None
        Duration of a run in ms.
    loss : float
        Of the last batch.
    position : Progress
        How far it has come; the network keeps it.
    """

    def __init__(
        self, net: Network, loader: Any, epochs: int, run_time: float | str | None, test: Any, loss_function: Loss, ends: Ends
    ) -> None:
        if isinstance(epochs, bool) or not hasattr(epochs, "__index__") or epochs.__index__() < 1:
            raise DeclarationError(f"net.fit: epochs is {epochs!r}; give a whole number from 1")
        demand_iterable(loader, "net.fit")
        if test is not None:
            demand_iterable(test, "net.fit, test data")
        self.net, self.learners = net, Learners(net)
        self.loader, self.test, self.epochs, self.run_time = loader, test, epochs.__index__(), in_unit(run_time, "ms", "net.fit")
        self.loss = float("nan")
        self.position = Progress()
        self._loss_function, self._ends = loss_function, ends
        self._callbacks: dict[str, Callback] = {}
        self._is_stopped = False
        self._progress: bool | None = False
        self._since = 0.0

    @property
    def _duration(self) -> float | None:
        """Of a run, in ms."""
        given = self.net._runtime if self.run_time is None else self.run_time
        return None if given is None or not is_number(given) else float(given)

    @property
    def history(self) -> History:
        """How it has gone so far."""
        return self.position.history

    @property
    def epoch(self) -> int:
        """Number of the epoch under way, from 1; after its end, until the next one starts, of the one that ended."""
        return self.position.epoch + (1 if self._is_within else 0)

    @property
    def batch(self) -> int:
        """Batches done in the epoch under way."""
        return self.position.batch

    def stop(self) -> None:
        """End the training after the hooks that are being called."""
        self._is_stopped = True

    # --- how it goes

    _is_within = False

    def run(self, callbacks: Iterable[Callback], resume: bool, progress: bool | None) -> None:
        """Train until the last epoch is done or something stops it."""
        self._callbacks, self._progress = named(callbacks), progress
        self.learners.demand_optimizers()
        with in_mode(self.net, True), Interrupt() as interrupt:
            self._begin(resume)
            while self.position.epoch < self.epochs and not self._is_stopped:
                self._pass(interrupt)
            self._tell("fit_end")

    def _begin(self, resume: bool) -> None:
        earlier = getattr(self.net, "_progress", None) if resume else None
        if earlier is not None:
            earlier.check(self.loader, self.test, self._duration)
            self.position = earlier
            for name, state in earlier.callbacks.items():
                if name in self._callbacks:
                    self._callbacks[name].load_state(state)
        self.position.run_time = self._duration
        object.__setattr__(self.net, "_progress", self.position)
        self._tell("fit_start")
        if earlier is None:
            self._mark()
        elif self.position.epoch < self.epochs:
            earlier.restore(self.loader, self.test)
            self.net._built().runs = earlier.runs

    def _pass(self, interrupt: Interrupt) -> None:
        """One epoch, or the rest of one."""
        self._is_within, self._since = True, time.perf_counter()
        if not self.batch:
            self._tell("epoch_start")
        if not self._is_stopped:
            self._train(interrupt)

    def _train(self, interrupt: Interrupt) -> None:
        """Its batches."""
        batches = self.position.batches(self.loader)
        with closing(self._bar()) as bar:
            for batch in batches:
                self._step(*pair(batch, "net.fit"))
                self._show(bar)
                self._tell("batch_end", interrupt)
                if self._is_stopped:
                    return
            self._finish(bar)
        self._tell("epoch_end", interrupt)

    def _step(self, data: Any, label: Any) -> None:
        """One batch."""
        self._ends.feed(data)
        self.net.run(self.run_time)
        pairs = self._ends.read(label, reads_classes(self._loss_function))  # what does not fit is refused before anything is changed
        loss = self._loss(pairs)
        self.learners.optim_zero_grad()
        loss.backward()
        if not self.history.batch_loss:
            warn_of_zeros(self.net.parameters())
        self.learners.optim_step()
        self.loss = float(loss.detach())
        self.position.tally.add(*right_answers(pairs), self.loss, self.learners.gradient_norm)
        self.history.batch_loss.append(self.loss)
        self.position.batch += 1
        self._mark()

    def _loss(self, pairs: list[tuple[Tensor, Tensor]]) -> Tensor:
        losses = [self._loss_function(prediction, label) for prediction, label in pairs]
        total = sum(losses[1:], start=losses[0])
        if not total.requires_grad:
            raise NetworkError(
                "net.fit: the loss has no gradient, nothing that is trained reaches it; connect what is trained to the decoder, extend "
                "what the learner trains, or unfreeze it"
            )
        return total

    def _finish(self, bar: Any) -> None:
        """What belongs to the end of an epoch, before its hooks."""
        position, tally, history = self.position, self.position.tally, self.history
        demand_batches(tally, f"net.fit, epoch {self.epoch}")
        tested = None
        if self.test is not None:
            tested = measured(self.test, self.run_time, self._ends, "net.fit, test data", self._loss_function)
            bar.write(f"epoch {self.epoch}/{self.epochs}: test accuracy {tested.accuracy:.2%}") if self._progress is not False else None
        rates = self.learners.lr
        self.learners.optim_schedule(tally.loss)
        self._count_time()
        history.add(tally, tested, rates, position.seconds)
        position.epoch, position.batch, position.tally, position.seconds = position.epoch + 1, 0, Tally(), 0.0
        self._is_within = False
        self._mark()

    # --- callbacks, position and bar

    def _tell(self, hook: str, interrupt: Interrupt | None = None) -> None:
        """Call a hook of all callbacks, and note what they may have changed; answer Ctrl-C."""
        for name, callback in self._callbacks.items():
            getattr(callback, hook)(self)
            state = callback.state()
            if state is not None:
                self.position.callbacks[name] = state
            if hook in ("batch_end", "epoch_end"):
                self._mark()
        if interrupt is not None and interrupt.is_requested:
            for callback in self._callbacks.values():
                callback.interrupted(self)
            raise KeyboardInterrupt

    def _mark(self) -> None:
        self._count_time()
        self.position.mark(self.net._built().runs, self.loader, self.test)

    def _count_time(self) -> None:
        now = time.perf_counter()
        if self._is_within:
            self.position.seconds += now - self._since
        self._since = now

    def _bar(self) -> Any:
        from tqdm.auto import tqdm

        is_last = self.epoch == self.epochs or self.test is not None
        text = f"epoch {self.epoch}/{self.epochs}"
        return tqdm(
            total=self.position.length,
            initial=self.batch,
            desc=text,
            disable=None if self._progress is None else not self._progress,
            leave=is_last,
        )

    def _show(self, bar: Any) -> None:
        if not bar.disable:
            bar.update()
            tally, rates = self.position.tally, "/".join(f"{lr:.3g}" for lr in self.learners.lr.values())
            bar.set_postfix(loss=f"{tally.loss:.3f}", accuracy=f"{tally.accuracy:.1%}", lr=rates)
