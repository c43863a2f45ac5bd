"""Where the synapses of a sparse link are that bring something to the neurons of each thread."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from spaic.Graph.links import Link
from spaic.Graph.transforms import Sparse

_GLANCE = 1024  # synapses among which most links show that their weights differ


class Tables:
    """The tables of a program, made once. What takes memory by synapse is that of the link itself, but for delays of single synapses."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, bytes], np.ndarray] = {}
        self._late: dict[str, np.ndarray] = {}
        self._back: dict[str, dict[str, np.ndarray]] = {}

    def of(self, link: Link, transform: Sparse, delay: int | np.ndarray, cuts: np.ndarray) -> dict[str, np.ndarray]:
        """Arrays of a kernel.

        Parameters
        ----------
        link : Link
            Whose they are.
        transform : Sparse
            Its synapses.
        delay : int or ndarray of int
            In steps.
        cuts : ndarray of int
            Where the neurons of each thread begin, and where the last ones end: ``[threads + 1]``.

        Returns
        -------
        dict of str to ndarray
            ``"starts"`` ``[pre, threads + 1]``, ``"targets"``, and ``"late"``: steps above the shortest delay.
        """
        key = link.name, cuts.tobytes()
        if key not in self._known:
            self._known[key] = bounds(transform, cuts)
        found = {"starts": self._known[key], "targets": transform.targets.view(np.uint32)}
        if not isinstance(delay, int):
            found["late"] = self._delays(link.name, delay)
        return found

    def back(self, name: str, transform: Sparse) -> dict[str, np.ndarray]:
        """From postsynaptic neurons to synapses.

        Returns
        -------
        dict of str to ndarray
            ``"ends"`` ``[post + 1]`` and ``"incoming"``: the synapses ``incoming[ends[m]:ends[m + 1]]`` come into neuron m; ``"origins"``:
            the presynaptic neuron of each synapse.
        """
        if name not in self._back:
            incoming = np.argsort(transform.targets, kind="stable").astype(np.uint32)
            ends = np.searchsorted(transform.targets[incoming], np.arange(transform.post + 1))
            self._back[name] = {"ends": ends, "incoming": incoming, "origins": transform.sources.astype(np.uint32)}
        return self._back[name]

    @property
    def nbytes(self) -> int:
        """Bytes that they take."""
        back = [a for tables in self._back.values() for a in tables.values()]
        return sum(a.nbytes for a in (*self._known.values(), *self._late.values(), *back))

    def _delays(self, name: str, delay: np.ndarray) -> np.ndarray:
        if name not in self._late:
            late = delay - delay.min(initial=int(delay.max(initial=0)))
            self._late[name] = late.astype(np.uint8 if late.max(initial=0) < 256 else np.int32)
        return self._late[name]


def is_common(weight: Tensor) -> bool:
    """Whether all synapses of a link have the same weight, which then need not be read one by one.

    It is looked for in every run: weights can be changed by ways that torch does not count, such as ``.data`` and NumPy views.
    """
    if len(weight) == 0 or bool((weight[:_GLANCE] != weight[0]).any()):
        return False
    low, high = weight.aminmax()
    return bool(low == high)


def bounds(transform: Sparse, cuts: np.ndarray) -> np.ndarray:
    """For each presynaptic neuron, where its targets reach the neurons of each thread.

    Examples
    --------
    >>> transform = Sparse(2, 4, np.array([0, 3, 4]), np.array([0, 1, 3, 2], np.int32), 1.0)
    >>> bounds(transform, np.array([0, 2, 4]))
    array([[0, 2, 3],
           [3, 3, 4]])
    """
    first, last = transform.starts[:-1], transform.starts[1:]
    found = np.empty((transform.pre, len(cuts)), np.int64)
    found[:, 0], found[:, -1] = first, last
    for column in range(1, len(cuts) - 1):
        low, high = first.copy(), last.copy()
        while (low < high).any():  # all rows are cut in half at once
            middle = (low + high) // 2
            is_open = low < high
            is_below = np.zeros(transform.pre, bool)
            is_below[is_open] = transform.targets[middle[is_open]] < cuts[column]
            low, high = np.where(is_open & is_below, middle + 1, low), np.where(is_open & ~is_below, middle, high)
        found[:, column] = low
    return found
