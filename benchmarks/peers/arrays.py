"""Weights, input and labels of a work: the same for every peer.

Weights are multiples of 2**-10 and dense input of 2**-8, so that every sum is exact in float32 in whatever order it is added: two peers
with the same neuron then give the same spikes, to the last one, and a difference is one of dynamics.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from peers.works import BATCHES, Work

#: Standard deviation of the current into the neurons of a layer if its input is as active as that of the work: 2 to 12 % fire in a step.
DRIVE = 0.5
GRID, INPUT_GRID = 2.0**-10, 2.0**-8


def make(work: Work, seed: int = 0) -> dict[str, np.ndarray]:
    """Name -> array: x ``[batches, T, B, *shape]`` (bytes if spikes), y ``[batches, B]`` and the weights.

    x of the README's work is images, ``[batches, B, 784]``.
    """
    rng = np.random.default_rng(seed)
    made = dict(_weights(work, rng))
    shape = (BATCHES, work.steps, work.batch, *work.shape)
    if work.is_readme:
        made["x"] = _images(rng, work.batch)
    elif work.activity is None:
        made["x"] = np.floor(rng.random(shape, dtype=np.float32) / INPUT_GRID) * np.float32(INPUT_GRID)
    else:
        made["x"] = (rng.random(shape, dtype=np.float32) < work.activity).astype(np.uint8)
    made["y"] = rng.integers(0, work.classes, (BATCHES, work.batch))
    return made


def _images(rng: np.random.Generator, batch: int) -> np.ndarray:
    """As dense as MNIST: about 19 % of the pixels are not 0, all of them near the middle."""
    row, column = np.mgrid[:28, :28] - 13.5
    middle = np.hypot(row, column).ravel() < 10.0
    lit = middle & (rng.random((BATCHES, batch, 784)) < 0.19 * middle.size / middle.sum())
    return np.where(lit, rng.integers(1, 256, lit.shape) / 255, 0.0).astype(np.float32)


def _weights(work: Work, rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    """Normal weights, so wide that the current of a layer has the standard deviation DRIVE."""
    shapes = [shape for layer in work.layers for shape in layer.weight_shapes]
    for name, shape in zip(work.weights, shapes, strict=True):
        power = 1 / 3 if work.activity is None else 0.1  # mean square of an input: of a uniform number, of spikes
        width = DRIVE / np.sqrt(power * np.prod(shape[1:]))
        yield name, (np.round(rng.normal(0.0, width, shape) / GRID) * GRID).astype(np.float32)


def save(arrays: dict[str, np.ndarray], folder: Path) -> None:
    """Write one .npy file per array."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)


def load(work: Work, folder: Path) -> dict[str, np.ndarray]:
    """Read what `save` wrote."""
    return {name: np.load(folder / f"{name}.npy") for name in ("x", "y", *work.weights)}
