"""What neurons that learned without labels stand for: labels assigned to them afterwards, and predictions from those."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

from spaic.errors import DeclarationError, InputError, StateError


class LabelReadout:
    """Learns from labelled samples which class each neuron stands for, and reads samples by that.

    Averages are over all samples of a class that were observed, so it may be fed batch by batch.

    Parameters
    ----------
    classes : int
        Number of classes; labels are 0 to ``classes - 1``.

    Examples
    --------
    >>> readout = LabelReadout(2)
    >>> readout.observe([[5, 0, 1], [4, 1, 0], [0, 6, 0]], [0, 0, 1])
    >>> readout.labels
    array([0, 1, 0])
    >>> readout.by_label([[0, 2, 1], [3, 1, 1]]), readout.by_proportion([[0, 2, 1]])
    (array([1, 0]), array([1]))

    Notes
    -----
    Source: Diehl & Cook 2015, *Frontiers in Computational Neuroscience* 9:99, section 2.5; by proportion: Hazan et al. 2018, *Frontiers in
    Neuroinformatics* 12:89.
    """

    def __init__(self, classes: int) -> None:
        self.classes = _count(classes, "LabelReadout.classes")
        self._sums: np.ndarray | None = None
        self._samples = np.zeros(self.classes)

    def observe(self, counts: Any, labels: Any) -> None:
        """Take over labelled samples.

        Parameters
        ----------
        counts : array or tensor, ``[batch, neurons]``
            Spikes of each neuron, as a decoder of ``"spike_counts"`` reads them.
        labels : array or tensor, ``[batch]``
            Their classes.
        """
        spikes = _counts(counts, "LabelReadout.observe", None if self._sums is None else self._sums.shape[1])
        given = _labels(labels, len(spikes), self.classes, "LabelReadout.observe")
        if self._sums is None:
            self._sums = np.zeros((self.classes, spikes.shape[1]))
        np.add.at(self._sums, given, spikes)
        self._samples += np.bincount(given, minlength=self.classes)

    @property
    def rates(self) -> np.ndarray:
        """Mean number of spikes in a sample, ``[neurons, classes]``; 0 for classes that were not observed."""
        if self._sums is None:
            raise StateError("LabelReadout: nothing was observed yet; call observe(counts, labels) first")
        found: np.ndarray = (self._sums / np.maximum(self._samples, 1.0)[:, None]).T
        return found

    @property
    def proportions(self) -> np.ndarray:
        """Share of each class in the rates of a neuron, ``[neurons, classes]``; 0 for neurons that never fired."""
        rates = self.rates
        total = rates.sum(1, keepdims=True)
        return np.divide(rates, total, out=np.zeros_like(rates), where=total > 0)

    @property
    def labels(self) -> np.ndarray:
        """The class for which each neuron fires most, ``[neurons]``; -1 for neurons that never fired."""
        rates = self.rates
        return np.where(rates.any(1), rates.argmax(1), -1)

    def by_label(self, counts: Any) -> np.ndarray:
        """The class whose neurons fire most on average, ``[batch]``: each neuron votes for its label."""
        labels = self.labels
        members = (labels[:, None] == np.arange(self.classes)).astype(float)
        votes = _counts(counts, "LabelReadout.by_label", len(labels)) @ members / np.maximum(members.sum(0), 1.0)
        found: np.ndarray = votes.argmax(1)
        return found

    def by_proportion(self, counts: Any) -> np.ndarray:
        """The class with the most votes, ``[batch]``: each neuron votes for all classes in its proportions, neurons of a label averaged."""
        proportions, labels = self.proportions, self.labels
        size = np.bincount(labels[labels >= 0], minlength=self.classes)
        votes = _counts(counts, "LabelReadout.by_proportion", len(labels)) @ proportions / np.maximum(size, 1)
        found: np.ndarray = votes.argmax(1)
        return found


class NGramReadout:
    """Reads samples by the order in which neurons fire: sequences of `n` spikes vote for the classes in which they were observed.

    Spikes of one step are in the order of their neurons.

    Parameters
    ----------
    classes : int
        Number of classes.
    n : int
        Length of the sequences.

    Examples
    --------
    >>> readout = NGramReadout(2, n=2)
    >>> first, second = [[1, 0, 0], [0, 1, 0]], [[0, 1, 0], [1, 0, 0]]
    >>> readout.observe([first, second], [0, 1])
    >>> readout.predict([second, first])
    array([1, 0])

    Notes
    -----
    Source: Hazan et al. 2018, *Frontiers in Neuroinformatics* 12:89, evaluation by n-grams.
    """

    def __init__(self, classes: int, n: int = 2) -> None:
        self.classes, self.n = _count(classes, "NGramReadout.classes"), _count(n, "NGramReadout.n")
        self.scores: dict[tuple[int, ...], np.ndarray] = defaultdict(lambda: np.zeros(self.classes))
        self._neurons: int | None = None

    def observe(self, spikes: Any, labels: Any) -> None:
        """Take over labelled samples.

        Parameters
        ----------
        spikes : array or tensor, ``[batch, neurons, T]``
            As a SpikeMonitor has them.
        labels : array or tensor, ``[batch]``
            Their classes.
        """
        trains = self._trains(spikes, "NGramReadout.observe")
        for train, label in zip(trains, _labels(labels, len(trains), self.classes, "NGramReadout.observe"), strict=True):
            for sequence in self._sequences(train):
                self.scores[sequence][label] += 1
        self._neurons = trains.shape[1]

    def predict(self, spikes: Any) -> np.ndarray:
        """The class with the most votes, ``[batch]``; 0 where no sequence is known."""
        if self._neurons is None:
            raise StateError("NGramReadout: nothing was observed yet; call observe(spikes, labels) first")
        trains = self._trains(spikes, "NGramReadout.predict")
        silent = np.zeros(self.classes)
        votes = [sum((self.scores.get(s, silent) for s in self._sequences(train)), silent) for train in trains]
        return np.array([int(np.argmax(v)) for v in votes], dtype=np.int64)

    def _sequences(self, train: np.ndarray) -> list[tuple[int, ...]]:
        order = np.nonzero(train.T)[1].tolist()
        return [tuple(order[i : i + self.n]) for i in range(len(order) - self.n + 1)]

    def _trains(self, spikes: Any, where: str) -> np.ndarray:
        trains = _numbers(spikes, where)
        if trains.ndim != 3 or (self._neurons is not None and trains.shape[1] != self._neurons):
            neurons = "neurons" if self._neurons is None else self._neurons
            raise InputError(f"{where}: the spikes have the shape {list(trains.shape)}; give [batch, {neurons}, T]")
        return trains


def _count(value: Any, where: str) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < 1:
        raise DeclarationError(f"{where}: {value!r} is no whole number above 0; give one")
    return int(value)


def _numbers(values: Any, where: str) -> np.ndarray:
    array = np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)
    if array.dtype.kind not in "fiub" or not np.isfinite(array).all():
        raise InputError(f"{where}: got {type(values).__name__} of {array.dtype} with values that are no finite numbers; give spikes")
    return array


def _counts(counts: Any, where: str, neurons: int | None) -> np.ndarray:
    array = _numbers(counts, where)
    if array.ndim != 2 or (neurons is not None and array.shape[1] != neurons):
        raise InputError(f"{where}: the counts have the shape {list(array.shape)}; give [batch, {neurons or 'neurons'}]")
    if (array < 0).any():
        raise InputError(f"{where}: a count is {array.min():g}; give numbers of spikes, as coding_method='spike_counts' reads them")
    return array.astype(np.float64)


def _labels(labels: Any, samples: int, classes: int, where: str) -> np.ndarray:
    array = _numbers(labels, where)
    if array.shape != (samples,) or array.dtype.kind not in "iu" or (samples and not 0 <= array.min() <= array.max() < classes):
        shown = array.flatten()[:3].tolist()
        raise InputError(
            f"{where}: labels of shape {list(array.shape)} such as {shown}; give {samples} whole numbers from 0 to {classes - 1}"
        )
    return array.astype(np.int64)
