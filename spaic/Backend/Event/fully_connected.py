"""A fully connected layer, from arrays of spikes to arrays of spikes, and its neuron."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from spaic.Backend.Event.arrivals import Afferent, Sent
from spaic.Backend.Event.equations.algebra import Form, form
from spaic.Backend.Event.equations.tables import cells, tables
from spaic.Backend.Event.layer import Limits, Population, Start, run
from spaic.Backend.Event.rules import traces
from spaic.Backend.Event.rules.traces import Plasticity
from spaic.Backend.Event.spike_array import SpikeArray, ordered
from spaic.Backend.Event.wiring import Wiring
from spaic.Backend.Torch import exact
from spaic.Dynamics.models import NeuronModel
from spaic.Dynamics.parameter import Parameter
from spaic.errors import InputError

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
        Spikes of the last run; of a batch, those of its last sample.
    synaptic_traces, neuron_traces : ndarray
        Shapes (n_neurons, n_inputs, traces) and (n_neurons, traces), as the last event of each neuron left them; of a batch, those of its
        last sample.
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
    made.indices, made.times = ordered(who, when)
    return made
