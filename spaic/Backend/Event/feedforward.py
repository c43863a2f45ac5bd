"""Layers of spiking neurons from arrays of spikes to arrays of spikes: the work flow of EvSpikeSim, which ``spaic.events`` offers."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from spaic.Backend.Event.fully_connected import Layer, neuron
from spaic.Backend.Event.layer import Limits
from spaic.Backend.Event.rules.traces import Plasticity
from spaic.Backend.Event.spike_array import Spike, SpikeArray, checked
from spaic.errors import DeclarationError, InputError, NetworkError, StateError
from spaic.Graph.values import Value, as_value, materialise
from spaic.seeds import Key

__all__ = ["Layer", "Network", "Plasticity", "Spike", "SpikeArray", "neuron"]


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
        self._seed = _whole(seed, "Network: seed", -math.inf)
        self._limits = Limits(_whole(most_spikes, "Network: most_spikes"))
        self.layers: list[Layer] = []

    def add_layer(
        self,
        n_inputs: int,
        n_neurons: int,
        tau_s: float,
        threshold: float,
        initializer: Value | None = None,
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
        initializer : Draw, float or ndarray, optional
            An initializer such as ``spaic.uniform(-1.0, 1.0)``, the default, a constant, or weights, ``(n_neurons, n_inputs)``.
        plasticity : Plasticity, optional
            Traces to follow.
        """
        path = f"layer {len(self.layers)}"
        n_inputs, n_neurons = _whole(n_inputs, f"{path}: n_inputs"), _whole(n_neurons, f"{path}: n_neurons")
        for name, value in (("tau_s", tau_s), ("threshold", threshold)):
            if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0 < value < math.inf:
                raise DeclarationError(f"{path}: {name} is {value!r}; give a positive number")
        if self.layers and self.layers[-1].n_neurons != n_inputs:
            raise NetworkError(f"{path}: it has {n_inputs} inputs, the layer before {self.layers[-1].n_neurons} neurons; make them equal")
        if plasticity is not None and not isinstance(plasticity, Plasticity):
            raise DeclarationError(f"{path}: plasticity is {plasticity!r}; give spaic.events.Plasticity(...)")
        weights = self._drawn(initializer, (n_neurons, n_inputs), path)
        layer = Layer(n_inputs, n_neurons, float(tau_s), float(threshold), weights, plasticity)
        self.layers.append(layer)
        return layer

    def _drawn(self, initializer: Value | None, shape: tuple[int, int], path: str) -> np.ndarray:
        key = Key(self._seed, path, "weight")
        if initializer is None:
            return key.generator().uniform(-1.0, 1.0, shape)
        value = as_value(initializer, f"{path}.initializer")
        if isinstance(value, np.ndarray) and value.shape != shape:
            raise DeclarationError(f"{path}.initializer: the array has shape {value.shape}, needed {shape}; rows are neurons")
        weights = np.full(shape, materialise(value, shape, key, shape[1], shape[0]))
        if not np.isfinite(weights).all():
            raise DeclarationError(
                f"{path}.initializer: {value!r} drew {weights[~np.isfinite(weights)][0]}; give one that draws finite weights"
            )
        return weights

    def infer(self, indices: Any, times: Any = None) -> SpikeArray:
        """Spikes of the last layer for one sample: a :class:`SpikeArray`, or indices and times in any order."""
        sample = self._sample(indices, times, "infer")
        return self._run([sample])[0]

    def infer_batch(self, samples: Sequence[Any]) -> list[SpikeArray]:
        """Spikes of the last layer for several samples, each a :class:`SpikeArray` or a pair of indices and times."""
        if not np.iterable(samples) or isinstance(samples, SpikeArray):
            raise InputError(f"infer_batch: {reprlib.repr(samples)} is no list of samples; give one, or call infer for one sample")
        pairs = [(s, None) if isinstance(s, SpikeArray) else _pair(s, f"infer_batch[{k}]") for k, s in enumerate(samples)]
        if not pairs:
            raise InputError("infer_batch: there is no sample; give at least one")
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


def _whole(value: Any, path: str, least: float = 1) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or int(value) < least:
        raise DeclarationError(f"{path} is {value!r}; give a {'positive ' if least == 1 else ''}whole number")
    return int(value)


def _pair(sample: Any, path: str) -> tuple[Any, Any]:
    try:
        indices, times = sample
    except (TypeError, ValueError):
        raise InputError(f"{path}: {reprlib.repr(sample)} is no sample; give a SpikeArray, or a pair of indices and times") from None
    return indices, times
