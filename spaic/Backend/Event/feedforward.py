"""Layers of spiking neurons from arrays of spikes to arrays of spikes: the work flow of EvSpikeSim, which ``spaic.events`` offers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from spaic.Backend.Event import traces
from spaic.Backend.Event.algebra import Form, form
from spaic.Backend.Event.arrivals import Afferent, Sent
from spaic.Backend.Event.layer import Limits, Population, Start, run
from spaic.Backend.Event.spike_array import Spike, SpikeArray, checked
from spaic.Backend.Event.tables import cells, tables
from spaic.Backend.Event.traces import Plasticity
from spaic.Backend.Event.wiring import Wiring
from spaic.Backend.Torch import exact
from spaic.Dynamics.models import NeuronModel
from spaic.Dynamics.parameter import Parameter
from spaic.errors import DeclarationError, InputError, NetworkError, StateError
from spaic.Graph.values import Draw
from spaic.seeds import Key

__all__ = ["Layer", "Network", "Plasticity", "Spike", "SpikeArray", "neuron"]

#: Difference of two exponentials of which one decays twice as slowly, and a reset by subtraction.
neuron = NeuronModel(
    name="double_exponential",
    summary="Membrane and synaptic kernel with time constants 2 tau_s and tau_s; spike times are roots of a quadratic equation.",
    source="Bacho and Chu 2022, arXiv:2212.09500, eqs. 1-4",
    equations="""
        da/dt = -a / tau_s
        db/dt = -b / (2 * tau_s)
        V = b - a
    """,
    receive="a += w; b += w",
    spike="V > V_th",
    reset="b -= V_th",
    method="exact",
    parameters=dict(
        tau_s=Parameter(10.0, "ms", "synaptic time constant", "(0, inf)"), V_th=Parameter(1.0, "1", "firing threshold", "(0, inf)")
    ),
)


@lru_cache(maxsize=1)
def _form() -> Form:
    return form(neuron, {}, ())


class Layer:
    """Fully connected neurons; made by :meth:`Network.add_layer`.

    Attributes
    ----------
    n_inputs, n_neurons : int
        Numbers of inputs and neurons.
    tau_s, tau, threshold : float
        Time constants (``tau = 2 tau_s``) and threshold; a spike raises the membrane by a quarter of its weight at most.
    plasticity : Plasticity or None
        Traces that are followed.
    post_spikes : SpikeArray
        Spikes of the last run.
    synaptic_traces, neuron_traces : ndarray
        Shapes (n_neurons, n_inputs, traces) and (n_neurons, traces), as the last event of each neuron left them.
    """

    def __init__(
        self, n_inputs: int, n_neurons: int, tau_s: float, threshold: float, weights: np.ndarray, plasticity: Plasticity | None
    ) -> None:
        self.n_inputs, self.n_neurons = n_inputs, n_neurons
        self.tau_s, self.tau, self.threshold = tau_s, 2 * tau_s, threshold
        self._weights = weights
        self.plasticity = plasticity
        self.post_spikes = SpikeArray()
        none = plasticity if plasticity is not None else Plasticity()
        self.synaptic_traces = np.zeros((n_neurons, n_inputs, len(none.synaptic_tau)))
        self.neuron_traces = np.zeros((n_neurons, len(none.neuron_tau)))
        part = cells(_form(), ["input"], {"tau_s": np.array([tau_s]), "V_th": np.array([threshold])}, np.zeros(1))
        self._population = Population("layer", np.zeros(n_neurons, np.int64), np.zeros(n_neurons), tables([part]))

    @property
    def weights(self) -> np.ndarray:
        """Weights, float64 ``(n_neurons, n_inputs)``: change them in place, or assign an array of that shape."""
        return self._weights

    @weights.setter
    def weights(self, values: Any) -> None:
        array = np.asarray(values, dtype=np.float64)
        if array.shape != self._weights.shape:
            raise InputError(f"layer.weights: the values have shape {array.shape}, needed {self._weights.shape}; rows are neurons")
        if not np.isfinite(array).all():
            raise InputError(f"layer.weights: {array[~np.isfinite(array)][0]} is not finite; give finite weights")
        self._weights[...] = array

    @property
    def spike_counts(self) -> np.ndarray:
        """Number of spikes of each neuron in the last run (of its last sample), ``(n_neurons,)``."""
        return self.post_spikes.counts(self.n_neurons)

    n_spikes = spike_counts

    def __len__(self) -> int:
        return self.n_neurons

    def infer_batch(self, samples: Sequence[SpikeArray], limits: Limits) -> list[SpikeArray]:
        """Run several samples at once, each until nothing happens any more."""
        batch = len(samples)
        who, when = (np.concatenate([getattr(s, k) for s in samples]) for k in ("indices", "times"))
        sent = Sent(np.repeat(np.arange(batch), [len(s) for s in samples]), who, when, np.ones(len(who)))
        none = np.zeros(0, np.int64)
        wiring = Wiring(self.n_inputs, self.n_neurons, self._weights.size, None, none, none, np.zeros(0), 0.0)
        units = batch * self.n_neurons
        start = Start(np.zeros((units, 2)), np.zeros(units, np.int64), np.zeros(units), float(np.nextafter(0.0, -1.0)))
        weights = np.ascontiguousarray(self._weights).ravel()
        record, _, _ = run(
            self._population, start, [Afferent(sent, wiring, 0, 0)], weights, batch, math.inf, np.zeros(0), exact.threads(), limits
        )
        bounds = np.searchsorted(record.sample, np.arange(batch + 1))
        found = [_array(record.neuron[a:b], record.time[a:b]) for a, b in zip(bounds[:-1], bounds[1:], strict=True)]
        self.post_spikes = found[-1]
        if self.plasticity is not None:
            last = samples[-1]
            self.synaptic_traces, self.neuron_traces = traces.follow(self.plasticity, self._weights, last, self.post_spikes)
        return found


def _array(who: np.ndarray, when: np.ndarray) -> SpikeArray:
    made = SpikeArray()
    order = np.lexsort((who, when))
    made.indices, made.times = who[order], when[order]
    return made


class Network:
    """A chain of fully connected layers, run exactly from arrays of spikes.

    Times and time constants have one unit of your choice. There is no limit to the number of spikes, and no state is left between runs.

    Parameters
    ----------
    seed : int
        Seed of the weights.
    most_spikes : int
        A neuron that fires more often in one run stops it with an error.

    Examples
    --------
    >>> net = Network()
    >>> layer = net.add_layer(2, 3, tau_s=0.020, threshold=0.1)
    >>> layer.weights = [[1.0, 0.2], [-0.1, 0.8], [0.5, 0.4]]
    >>> spikes = net.infer([0, 1, 1], [1.0, 1.2, 1.5])
    >>> layer.spike_counts
    array([3, 4, 3])
    >>> spikes.indices[:5], spikes.times[:2].round(6)
    (array([0, 0, 2, 0, 1]), array([1.004783, 1.011251]))
    """

    def __init__(self, seed: int = 0, most_spikes: int = 1_000_000) -> None:
        self._seed, self._limits = int(seed), Limits(int(most_spikes))
        self.layers: list[Layer] = []

    def add_layer(
        self,
        n_inputs: int,
        n_neurons: int,
        tau_s: float,
        threshold: float,
        initializer: Draw | float | None = None,
        plasticity: Plasticity | None = None,
    ) -> Layer:
        """Append a layer.

        Parameters
        ----------
        n_inputs, n_neurons : int
            Sizes; the inputs are the neurons of the layer before.
        tau_s : float
            Synaptic time constant; that of the membrane is twice as long.
        threshold : float
            Firing threshold.
        initializer : Draw or float, optional
            An initializer such as ``spaic.uniform(-1.0, 1.0)``, the default, or a constant.
        plasticity : Plasticity, optional
            Traces to follow.
        """
        path = f"layer {len(self.layers)}"
        for name, count in (("n_inputs", n_inputs), ("n_neurons", n_neurons)):
            if isinstance(count, bool) or not hasattr(count, "__index__") or count < 1:
                raise DeclarationError(f"{path}: {name} is {count!r}; give a positive whole number")
        for name, value in (("tau_s", tau_s), ("threshold", threshold)):
            if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0 < value < math.inf:
                raise DeclarationError(f"{path}: {name} is {value!r}; give a positive number")
        if self.layers and self.layers[-1].n_neurons != n_inputs:
            raise NetworkError(f"{path}: it has {n_inputs} inputs, the layer before {self.layers[-1].n_neurons} neurons; make them equal")
        weights = self._drawn(initializer, (int(n_neurons), int(n_inputs)), path)
        layer = Layer(int(n_inputs), int(n_neurons), float(tau_s), float(threshold), weights, plasticity)
        self.layers.append(layer)
        return layer

    def _drawn(self, initializer: Draw | float | None, shape: tuple[int, int], path: str) -> np.ndarray:
        rng = Key(self._seed, path, "weight").generator()
        if initializer is None:
            return rng.uniform(-1.0, 1.0, shape)
        if isinstance(initializer, Draw):
            return np.array(initializer.sample(rng, shape, shape[1], shape[0]), dtype=np.float64)
        return np.full(shape, float(initializer))

    def infer(self, indices: Any, times: Any = None) -> SpikeArray:
        """Spikes of the last layer for one sample: a :class:`SpikeArray`, or indices and times in any order."""
        sample = self._sample(indices, times, "infer")
        return self._run([sample])[0]

    def infer_batch(self, samples: Sequence[Any]) -> list[SpikeArray]:
        """Spikes of the last layer for several samples, each a :class:`SpikeArray` or a pair of indices and times."""
        if len(samples) == 0:
            raise InputError("infer_batch: there is no sample; give at least one")
        pairs = [(s, None) if isinstance(s, SpikeArray) else (s[0], s[1]) for s in samples]
        return self._run([self._sample(i, t, f"infer_batch[{k}]") for k, (i, t) in enumerate(pairs)])

    def _sample(self, indices: Any, times: Any, path: str) -> SpikeArray:
        if not self.layers:
            raise StateError("infer: the network has no layer; call add_layer first")
        first = self.layers[0]
        if isinstance(indices, SpikeArray):
            indices, times = indices.indices, indices.times
        made = SpikeArray()
        made.indices, made.times = checked(indices, times, path, first.n_inputs, first.tau_s)
        return made

    def _run(self, samples: list[SpikeArray]) -> list[SpikeArray]:
        for layer in self.layers:
            samples = layer.infer_batch(samples, self._limits)
        return samples

    @property
    def output_layer(self) -> Layer:
        """The last layer."""
        if not self.layers:
            raise StateError("output_layer: the network has no layer; call add_layer first")
        return self.layers[-1]

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def __getitem__(self, index: int) -> Layer:
        return self.layers[index]
