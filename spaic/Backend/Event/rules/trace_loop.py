"""Hooks that are compiled: traces follow the spikes of a layer in one compiled loop."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

from spaic.errors import DeclarationError


def is_compiled(hook: Any) -> bool:
    """Whether a hook was made by ``numba.njit``."""
    return hasattr(hook, "py_func")


def run(
    hooks: tuple[Any, ...], taus: tuple[np.ndarray, np.ndarray], weights: np.ndarray, pre: tuple[np.ndarray, np.ndarray],
    post: tuple[np.ndarray, np.ndarray], synapses: np.ndarray, own: np.ndarray,
) -> None:  # fmt: skip
    """Follow all spikes of one sample.

    Parameters
    ----------
    hooks : tuple
        Compiled functions on_pre_synapse, on_pre_neuron, on_post_neuron, on_post_synapse; None for what there is not.
    taus : tuple of ndarray
        Time constants of the traces of a synapse and of a neuron.
    weights : ndarray
        ``(neurons, inputs)``.
    pre, post : tuple of ndarray
        Who and when, in order of time.
    synapses, own : ndarray
        ``(neurons, inputs, traces)`` and ``(neurons, traces)``, 0 at first: the result.

    Raises
    ------
    DeclarationError
        If a hook cannot be compiled for these arguments.
    """
    from numba.core.errors import NumbaError

    made, order = _compiled(), np.lexsort((post[1], post[0]))
    bounds = np.searchsorted(post[0][order], np.arange(len(weights) + 1))
    given = [made.nothing if hook is None else hook for hook in hooks]
    try:
        made.follow(*given, *taus, weights, *pre, bounds, post[1][order], synapses, own)
    except NumbaError as error:
        raise DeclarationError(f"Plasticity: a hook cannot be compiled for what it gets; see events.Plasticity\n{error}") from None


@cache
def _compiled() -> Any:
    from numba import njit

    return SimpleNamespace(nothing=njit(nogil=True)(_nothing), follow=njit(nogil=True, error_model="numpy")(_follow))


def _nothing(*values: Any) -> None:
    """For hooks that are not there."""


def _follow(
    on_pre_synapse: Any, on_pre_neuron: Any, on_post_neuron: Any, on_post_synapse: Any, synaptic_tau: Any, neuron_tau: Any, weights: Any,
    who: Any, when: Any, bounds: Any, fired: Any, synapses: Any, own: Any,
) -> None:  # fmt: skip
    """The loop. A synapse is brought to date when something happens at it; `reached` says up to when it is."""
    neurons, inputs = weights.shape
    reached, shared = np.empty(inputs), np.empty(len(synaptic_tau))
    for j in range(neurons):
        reached[:] = 0.0
        now = whole = 0.0  # the last event, and the last at all synapses
        e, k, stop = 0, bounds[j], bounds[j + 1]
        while True:
            is_end = e == len(when) and k == stop
            # an input comes before the spikes that it causes in the same instant
            is_post = not is_end and (e == len(when) or (k < stop and fired[k] < when[e]))
            t = now if is_end else fired[k] if is_post else when[e]
            for n in range(len(neuron_tau)):
                own[j, n] *= np.exp((now - t) / neuron_tau[n])
            now = t
            if is_end or is_post:
                for n in range(len(synaptic_tau)):
                    shared[n] = np.exp((whole - t) / synaptic_tau[n])
                for i in range(inputs):
                    for n in range(len(synaptic_tau)):
                        synapses[j, i, n] *= shared[n] if reached[i] == whole else np.exp((reached[i] - t) / synaptic_tau[n])
                    reached[i] = t
                whole = t
                if is_end:
                    break
                on_post_neuron(own[j])
                on_post_synapse(weights[j], own[j], synapses[j])
                k += 1
            else:
                i = who[e]
                for n in range(len(synaptic_tau)):
                    synapses[j, i, n] *= np.exp((reached[i] - t) / synaptic_tau[n])
                reached[i] = t
                on_pre_synapse(weights[j, i], own[j], synapses[j, i])
                on_pre_neuron(weights[j, i], own[j])
                e += 1
