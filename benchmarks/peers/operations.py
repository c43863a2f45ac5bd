"""What of a work costs energy on event-driven hardware: spikes, and the additions that they cause; beside the products of a dense machine.

A synaptic operation is one weight added because one spike arrived. A pooled spike counts where it arrives, after pooling. Input that is
not spikes causes multiplications, which are counted as such.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from peers.works import KERNEL, POOL, Layer, Work


def counts(work: Work, x: np.ndarray, spikes: Sequence[np.ndarray]) -> dict[str, object]:
    """Per sample: spikes of the neurons, synaptic operations, multiplications of dense products; and how active input and layers are.

    Parameters
    ----------
    work : Work
        The work.
    x : array of shape (T, B, *shape)
        Its input.
    spikes : sequence of arrays of shape (T, B, *shape)
        The spikes of its layers.
    """
    arriving = [x, *spikes[:-1]]
    operations = dense = multiplied = 0
    for layer, before, own in zip(work.layers, arriving, spikes, strict=True):
        before = pooled(before) if layer.is_pooled else before
        reach = fan_out(layer, before.shape[2:])
        dense += int(reach.sum()) * work.steps
        if before is x and work.activity is None:
            multiplied += int(reach.sum()) * work.steps
        else:
            operations += int((before.reshape(-1, *before.shape[2:]).sum(0, dtype=np.int64) * reach).sum()) // work.batch
        if layer.kind == "recurrent":
            dense += layer.outputs**2 * (work.steps - 1)
            operations += int(own[:-1].sum(dtype=np.int64)) * layer.outputs // work.batch
    return {
        "spikes": sum(int(s.sum(dtype=np.int64)) for s in spikes) / work.batch,
        "synaptic_operations": operations,
        "multiplications": multiplied,
        "dense_multiplications": dense,
        "activity": [float((a != 0).mean()) for a in (x, *spikes)],
    }


def fan_out(layer: Layer, shape: tuple[int, ...]) -> np.ndarray:
    """Number of weights that a value of each place of the input meets."""
    if layer.kind != "conv":
        return np.full(shape, layer.outputs, dtype=np.int64)
    ways = [np.convolve(np.ones(side, dtype=np.int64), np.ones(KERNEL, dtype=np.int64), "same") for side in shape[1:]]
    return np.broadcast_to(layer.outputs * np.outer(*ways), shape)


def pooled(spikes: np.ndarray) -> np.ndarray:
    """Maximum over 2 x 2 places of the last two axes."""
    *lead, height, width = spikes.shape
    return spikes.reshape(*lead, height // POOL, POOL, width // POOL, POOL).max((-3, -1))
