"""Training and evaluation in one line each, for those who do not want to write the loop."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from spaic.errors import InputError, NetworkError
from spaic.Learning.losses import count_cross_entropy
from spaic.Network.network import Network
from spaic.Network.node import Decoder, Encoder

Loss = Callable[[Tensor, Any], Tensor]


@dataclass
class History:
    """How training went.

    Attributes
    ----------
    loss, accuracy : list of float
        Per epoch, over the training samples as they were seen.
    test_accuracy : list of float
        Per epoch, if test data were given.
    """

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    test_accuracy: list[float] = field(default_factory=list)


def fit(
    net: Network,
    loader: Iterable[Any],
    epochs: int = 1,
    run_time: float | None = None,
    test: Iterable[Any] | None = None,
    loss: Loss = count_cross_entropy,
    progress: bool = True,
) -> History:
    """Train a network that has one encoder, one decoder and one learner.

    Parameters
    ----------
    net : Network
        The network.
    loader : iterable of (data, label)
        Batches; iterated anew in every epoch.
    epochs : int
        Number of passes.
    run_time : float, optional
        Duration of a run in ms; that of ``net.set_runtime`` by default.
    test : iterable of (data, label), optional
        Batches on which the network is evaluated after each epoch.
    loss : callable
        ``loss(prediction, label)``.
    progress : bool
        Whether to show a progress bar.
    """
    from tqdm.auto import tqdm

    encoder, decoder = ends(net)
    history = History()
    for epoch in range(1, epochs + 1):
        tally = _Tally()
        bar = tqdm(loader, desc=f"epoch {epoch}/{epochs}", disable=not progress, leave=epoch == epochs or test is not None)
        for data, label in bar:
            encoder(data)
            net.run(run_time)
            value = loss(decoder.predict, tally.check(decoder.predict, label))
            if not value.requires_grad:
                raise NetworkError(f"{decoder.path}: nothing that is trained reaches it; connect it, or extend what the learner trains")
            net.learner.optim_zero_grad()
            value.backward()
            if not tally.samples and not history.loss:
                _warn_of_zero_gradients(net)
            net.learner.optim_step()
            tally.add(decoder.predict, label, float(value.detach()))
            bar.set_postfix(loss=f"{tally.loss:.3f}", accuracy=f"{tally.accuracy:.1%}")
        tally.demand_samples(f"net.fit, epoch {epoch}")
        history.loss.append(tally.loss)
        history.accuracy.append(tally.accuracy)
        if test is not None:
            history.test_accuracy.append(evaluate(net, test, run_time))
            bar.write(f"epoch {epoch}/{epochs}: test accuracy {history.test_accuracy[-1]:.2%}") if progress else None
    return history


def _warn_of_zero_gradients(net: Network) -> None:
    """Say that nothing will be learned: the usual cause is a group that is silent, or one that fires in every step."""
    if not any(p.grad is not None and bool(p.grad.any()) for p in net.parameters()):
        warnings.warn(
            "net.fit: all gradients of the first batch are exactly zero, nothing will be learned; a group is silent or fires in "
            "every step, outside the window of the surrogate: look at spaic.SpikeMonitor(...).spk_rate, then change the input rate, "
            "the initial weights (w_mean, w_std) or the surrogate (docs/semantics.md, defaults for training)",
            stacklevel=3,
        )


def evaluate(net: Network, loader: Iterable[Any], run_time: float | None = None) -> float:
    """Fraction of samples whose largest prediction is their label, without gradients."""
    encoder, decoder = ends(net)
    tally = _Tally()
    with torch.no_grad():
        for data, label in loader:
            encoder(data)
            net.run(run_time)
            tally.add(decoder.predict, label, 0.0)
    tally.demand_samples("net.evaluate")
    return tally.accuracy


def predict(net: Network, loader: Iterable[Any], run_time: float | None = None) -> tuple[Tensor, Tensor]:
    """Predicted and true classes of all samples."""
    encoder, decoder = ends(net)
    predicted, true = [], []
    with torch.no_grad():
        for data, label in loader:
            encoder(data)
            net.run(run_time)
            predicted.append(decoder.predict.argmax(1).cpu())
            true.append(torch.as_tensor(label))
    if not predicted:
        raise InputError("spaic.predict: the loader gave no batches; give a loader that can be iterated anew")
    return torch.cat(predicted), torch.cat(true)


def ends(net: Network) -> tuple[Encoder, Decoder]:
    """The only encoder and the only decoder of `net`."""
    encoders, decoders = list(net.members(Encoder)), list(net.members(Decoder))
    for kind, found in (("encoder", encoders), ("decoder", decoders)):
        if len(found) != 1:
            raise NetworkError(f"net.fit: the network has {len(found)} {kind}s, one is needed; write the loop yourself (see README)")
    return encoders[0], decoders[0]


class _Tally:
    """Running mean of loss and accuracy."""

    def __init__(self) -> None:
        self.samples = self.right = self.batches = 0
        self.total = 0.0

    def add(self, prediction: Tensor, label: Any, loss: float) -> None:
        truth = self.check(prediction, label)
        self.right += int((prediction.detach().argmax(1) == truth).sum())
        self.samples += len(truth)
        self.total += loss
        self.batches += 1

    @staticmethod
    def check(prediction: Tensor, label: Any) -> Tensor:
        """The labels as a tensor, one for each sample."""
        truth = torch.as_tensor(label, device=prediction.device)
        if truth.shape != prediction.shape[:1]:
            raise InputError(f"labels: shape {tuple(truth.shape)} for {len(prediction)} samples; give one label per sample")
        return truth

    def demand_samples(self, where: str) -> None:
        """Refuse a loader that gave nothing."""
        if not self.samples:
            raise InputError(f"{where}: the loader gave no batches; give a loader that can be iterated anew, such as spaic.Dataloader")

    @property
    def loss(self) -> float:
        return self.total / max(self.batches, 1)

    @property
    def accuracy(self) -> float:
        return self.right / max(self.samples, 1)
