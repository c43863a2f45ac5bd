"""Traces of synapses and neurons that follow the spikes of a layer: what plasticity rules are made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spaic.Backend.Event.rules import trace_loop
from spaic.Backend.Event.spike_array import SpikeArray
from spaic.errors import DeclarationError

Hook = Callable[..., Any]
_HOOKS = ("on_pre_synapse", "on_pre_neuron", "on_post_neuron", "on_post_synapse")


@dataclass(frozen=True)
class Plasticity:
    """Traces with their time constants, and what spikes do to them; functions change the arrays that they get.

    Functions that are compiled, by ``numba.njit``, are called from compiled code, and no Python runs for any spike.

    Parameters
    ----------
    synaptic_tau, neuron_tau : sequence of float
        Time constants of the traces of a synapse and of a neuron; infinite for what does not decay.
    on_pre_synapse : callable, optional
        ``f(weight, neuron_traces, synaptic_traces)`` for the synapse that an input spike reaches.
    on_pre_neuron : callable, optional
        ``f(weight, neuron_traces)``, after it.
    on_post_neuron : callable, optional
        ``f(neuron_traces)`` for a spike of the neuron.
    on_post_synapse : callable, optional
        ``f(weights, neuron_traces, synaptic_traces)``, after it, once for all synapses of the neuron: shapes (n_inputs,), (traces,),
        (n_inputs, traces).

    Raises
    ------
    DeclarationError
        If a time constant is not positive, a hook is no function, or some are compiled and others are not.

    Examples
    --------
    >>> def potentiate(weights, neuron, synapses):
    ...     synapses[..., 1] += synapses[..., 0]
    >>> Plasticity((20.0, float("inf")), (20.0,), on_post_synapse=potentiate).neuron_tau
    (20.0,)
    """

    synaptic_tau: Sequence[float] = ()
    neuron_tau: Sequence[float] = ()
    on_pre_synapse: Hook | None = None
    on_pre_neuron: Hook | None = None
    on_post_neuron: Hook | None = None
    on_post_synapse: Hook | None = None

    def __post_init__(self) -> None:
        for name in ("synaptic_tau", "neuron_tau"):
            object.__setattr__(self, name, _time_constants(getattr(self, name), f"Plasticity.{name}"))
        given = {name: hook for name in _HOOKS if (hook := getattr(self, name)) is not None}
        for name, hook in given.items():
            if not callable(hook):
                raise DeclarationError(f"Plasticity.{name}: {hook!r} is no function; give one")
        slow = [name for name, hook in given.items() if not trace_loop.is_compiled(hook)]
        if slow and len(slow) < len(given):
            raise DeclarationError(
                f"Plasticity: {', '.join(slow)} not compiled, other hooks are; compile all of them by numba.njit, or none"
            )

    @property
    def hooks(self) -> tuple[Hook | None, ...]:
        """The four functions."""
        return self.on_pre_synapse, self.on_pre_neuron, self.on_post_neuron, self.on_post_synapse

    @property
    def is_compiled(self) -> bool:
        """Whether its functions are compiled ones."""
        return any(hook is not None and trace_loop.is_compiled(hook) for hook in self.hooks)


def _time_constants(given: Any, path: str) -> tuple[float, ...]:
    if not np.iterable(given):
        raise DeclarationError(f"{path}: {given!r} is no sequence; give one of time constants, such as (20.0,)")
    for value in (values := tuple(given)):
        if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)) or not value > 0:
            raise DeclarationError(f"{path}: {value!r} is no positive number; give time constants, or inf")
    return tuple(map(float, values))


def follow(rule: Plasticity, weights: np.ndarray, pre: SpikeArray, post: SpikeArray) -> tuple[np.ndarray, np.ndarray]:
    """Traces after all spikes: ``(neurons, inputs, traces)`` and ``(neurons, traces)``, each as the last event of its neuron left it."""
    neurons, inputs = weights.shape
    synapses, own = np.zeros((neurons, inputs, len(rule.synaptic_tau))), np.zeros((neurons, len(rule.neuron_tau)))
    if rule.is_compiled:
        taus = np.array(rule.synaptic_tau, dtype=np.float64), np.array(rule.neuron_tau, dtype=np.float64)
        trace_loop.run(rule.hooks, taus, weights, (pre.indices, pre.times), (post.indices, post.times), synapses, own)
        return synapses, own
    for j in range(neurons):
        times = post.times[post.indices == j]
        # an input spike comes before the spikes that it causes in the same instant
        order = np.lexsort((np.r_[np.zeros(len(pre)), np.ones(len(times))], np.r_[pre.times, times]))
        last = 0.0
        for e in order:
            is_post = e >= len(pre)
            t = float(times[e - len(pre)] if is_post else pre.times[e])
            synapses[j] *= _decay(rule.synaptic_tau, t - last)
            own[j] *= _decay(rule.neuron_tau, t - last)
            last = t
            if is_post:
                _call(rule.on_post_neuron, own[j])
                _call(rule.on_post_synapse, weights[j], own[j], synapses[j])
            else:
                i = pre.indices[e]
                _call(rule.on_pre_synapse, weights[j, i], own[j], synapses[j, i])
                _call(rule.on_pre_neuron, weights[j, i], own[j])
    return synapses, own


def _decay(taus: Sequence[float], duration: float) -> np.ndarray:
    return np.array([1.0 if math.isinf(tau) else math.exp(-duration / tau) for tau in taus])


def _call(hook: Hook | None, *values: Any) -> None:
    if hook is not None:
        hook(*values)
