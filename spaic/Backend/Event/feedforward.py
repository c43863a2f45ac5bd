"""Layers of spiking neurons from arrays of spikes to arrays of spikes: the work flow of EvSpikeSim, which ``spaic.events`` offers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from spaic.Backend.Event.fully_connected import Layer, neuron
from spaic.Backend.Event.layer import Limits
from spaic.Backend.Event.spike_array import Spike, SpikeArray, checked
from spaic.Backend.Event.traces import Plasticity
from spaic.errors import DeclarationError, InputError, NetworkError, StateError
from spaic.Graph.values import Draw
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
