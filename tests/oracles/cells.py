"""One group under a current clamp: what the single-neuron oracles need."""

from __future__ import annotations

from typing import Any

import numpy as np

import spaic


def clamp(
    current: np.ndarray, dt: float, duration: float, watch: tuple[str, ...] = (), backend: str = "torch", **group: Any
) -> tuple[Any, ...]:
    """Run neurons under a constant current ``[neurons]`` or one that changes every step ``[steps, neurons]``.

    Returns the spike times of each neuron in ms, then the recorded variables ``[neurons, steps]``.
    """
    method = "direct" if current.ndim == 1 else "null"
    with spaic.Network() as net:
        electrode = spaic.Encoder(num=current.shape[-1], coding_method=method)
        cells = spaic.NeuronGroup(current.shape[-1], **group)
        wire = spaic.Connection(electrode, cells, link_type="one_to_one", post_var_name="I")
        spikes = spaic.SpikeMonitor(cells)
        monitors = [spaic.StateMonitor(cells, name) for name in watch]
    net.set_backend(backend, dt=dt, dtype="float64")
    net.electrode(current[None])
    net.run(duration)
    assert wire.parent is net
    times = [spikes.spk_times[0][spikes.spk_index[0] == i] for i in range(current.shape[-1])]
    return (times, *(m.values[0] for m in monitors))


def ragged(truth: dict[str, np.ndarray], name: str) -> list[np.ndarray]:
    """Items of a ragged array that is stored flat with offsets."""
    offsets = truth[f"{name}_off"]
    return [truth[f"{name}_flat"][a:b] for a, b in zip(offsets[:-1], offsets[1:], strict=True)]


def load(path: Any) -> dict[str, np.ndarray]:
    """All arrays of a file."""
    with np.load(path, allow_pickle=False) as file:
        return {k: file[k] for k in file.files}
