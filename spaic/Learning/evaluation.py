"""A network at work on data whose answers are known, without learning."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from spaic.errors import InputError
from spaic.Learning.ends import Ends, pair, right_answers
from spaic.Learning.history import Tally
from spaic.Learning.losses import reads_classes
from spaic.Network.network import Network

Loss = Callable[[Tensor, Any], Tensor]
Pairs = list[tuple[Tensor, Tensor]]


def evaluate(net: Network, loader: Iterable[Any], run_time: float | None = None, *, encoder: Any = None, decoder: Any = None) -> float:
    """Fraction of samples whose largest prediction is their label, without gradients and in evaluation mode.

    Parameters
    ----------
    net : Network
        The network.
    loader : iterable of (data, label)
        Batches. Data and labels may be mappings from the paths of encoders and decoders.
    run_time : float, optional
        Duration of a run in ms; that of ``net.set_runtime`` by default.
    encoder, decoder : Element or str, optional
        The one that takes the data, and the one that the labels are for, where the network has several.
    """
    return measured(loader, run_time, Ends(net, "net.evaluate", encoder, decoder), "net.evaluate").accuracy


def predict(
    net: Network, loader: Iterable[Any], run_time: float | None = None, *, encoder: Any = None, decoder: Any = None
) -> tuple[Tensor, Tensor]:
    """Predicted and true classes of all samples of one decoder; arguments as those of :func:`evaluate`."""
    ends = Ends(net, "spaic.predict", encoder, decoder)
    predicted: list[Tensor] = []
    true: list[Tensor] = []

    def keep(pairs: Pairs) -> None:
        if len(pairs) > 1:
            raise InputError(f"spaic.predict: the labels are for {len(pairs)} decoders; let the loader give those of one")
        predicted.append(pairs[0][0].argmax(1).cpu())
        true.append(pairs[0][1].cpu())

    _run_all(loader, run_time, ends, keep, True)
    if not predicted:
        raise InputError("spaic.predict: the loader gave no batches; give a loader that can be iterated anew")
    return torch.cat(predicted), torch.cat(true)


def demand_iterable(loader: Any, where: str) -> None:
    """Refuse what gives no batches."""
    if not hasattr(loader, "__iter__"):
        raise InputError(f"{where}: {loader!r} gives no batches; give a loader of (data, label), such as spaic.Dataloader(dataset, 100)")


def measured(loader: Iterable[Any], run_time: float | None, ends: Ends, where: str, loss: Loss | None = None) -> Tally:
    """Accuracy, and loss if there is one, over all batches of `loader`; `where` is for the messages."""
    demand_iterable(loader, where)
    tally = Tally()

    def count(pairs: Pairs) -> None:
        total = 0.0 if loss is None else sum(float(loss(prediction, labels)) for prediction, labels in pairs)
        tally.add(*right_answers(pairs), total)

    _run_all(loader, run_time, ends, count, loss is None or reads_classes(loss))
    demand_batches(tally, where)
    return tally


def demand_batches(tally: Tally, where: str) -> None:
    """Refuse a loader that gave nothing."""
    if not tally.batches:
        raise InputError(f"{where}: the loader gave no batches; give a loader that can be iterated anew, such as spaic.Dataloader")


@contextmanager
def in_mode(net: Network, is_training: bool) -> Iterator[None]:
    """`net` in training or evaluation mode, and in its own again afterwards."""
    before = net.training
    net.train(is_training)
    try:
        yield
    finally:
        net.train(before)


def _run_all(loader: Iterable[Any], run_time: float | None, ends: Ends, receive: Callable[[Pairs], None], are_classes: bool) -> None:
    """Run the network on each batch, and hand on its predictions with their labels."""
    with in_mode(ends.net, False), torch.no_grad():
        for batch in loader:
            data, label = pair(batch, ends.where)
            ends.feed(data)
            ends.net.run(run_time)
            receive(ends.read(label, are_classes))
