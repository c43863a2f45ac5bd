"""spyx on JAX: spyx.nn.run over the layers, the whole step in one jax.jit.

spyx's own LIF subtracts the threshold and fires one step late, so it cannot run the network of the others; this is a neuron written to
spyx's contract for layers (``initial_state`` and ``(x, state) -> (spikes, state)``), with spyx's surrogate.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import spyx
import spyx.nn
from flax import nnx

from peers.works import DECAY, KERNEL, LEARNING_RATE, POOL, THRESHOLD, Layer, Work

TEXT = "spyx.nn.run with axn.superspike(1) and a hard-reset LIF to spyx's contract; links over all time, one jax.jit for the whole step"
PACKAGES = ("spyx", "jax", "flax")

_SPIKE = spyx.axn.superspike(1)


class HardResetLIF(nnx.Module):
    """LIF with a reset to 0, and perhaps a dense link to itself."""

    def __init__(self, shape: tuple[int, ...], recurrent: jax.Array | None = None) -> None:
        self.shape, self.own = shape, None if recurrent is None else nnx.Param(recurrent)

    def initial_state(self, batch_size: int) -> tuple[jax.Array, jax.Array]:
        zeros = jnp.zeros((batch_size, *self.shape))
        return zeros, zeros

    def __call__(self, x: jax.Array, state: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        v, spiked = state
        v = DECAY * v + x if self.own is None else DECAY * v + x + spiked @ self.own[...]
        spikes = _SPIKE(v - THRESHOLD)
        return spikes, (v * (1 - jax.lax.stop_gradient(spikes)), spikes)


class Net(nnx.Module):
    """Links over all time, neurons scanned behind each; images have their channels last."""

    def __init__(self, work: Work, arrays: dict[str, np.ndarray]) -> None:
        self.layers, side = work.layers, work.shape[-1]
        links, neurons = [], []
        for i, layer in enumerate(work.layers):
            side = side // POOL if layer.is_pooled else side
            shape = (side, side, layer.outputs) if layer.kind == "conv" else (layer.outputs,)
            links.append(_link(layer, arrays[f"w{i}"], side))
            neurons.append(HardResetLIF(shape, jnp.asarray(arrays[f"r{i}"].T) if layer.kind == "recurrent" else None))
        self.links, self.neurons = nnx.List(links), nnx.List(neurons)

    def __call__(self, x: jax.Array) -> jax.Array:
        for layer, link, neurons in zip(self.layers, self.links, self.neurons, strict=True):
            flat = x.reshape(-1, *x.shape[2:])
            if layer.is_pooled:
                flat = nnx.max_pool(flat, (POOL, POOL), (POOL, POOL))
            current = link(flat if layer.kind == "conv" else flat.reshape(len(flat), -1))
            x, _ = spyx.nn.run(neurons, current.reshape(*x.shape[:2], *current.shape[1:]))
        return x.sum(0)


def _link(layer: Layer, weight: np.ndarray, side: int) -> nnx.Module:
    rngs = nnx.Rngs(0)
    if layer.kind == "conv":
        made: Any = nnx.Conv(layer.inputs, layer.outputs, (KERNEL, KERNEL), padding=KERNEL // 2, use_bias=False, rngs=rngs)
    else:
        made = nnx.Linear(layer.inputs, layer.outputs, use_bias=False, rngs=rngs)
    made.kernel[...] = jnp.asarray(_to_jax(layer, weight, side))
    return made


def _to_jax(layer: Layer, weight: np.ndarray, side: int) -> np.ndarray:
    """Inputs first, channels last; behind an image of side x side, the inputs are in another order too."""
    if layer.kind == "conv":
        return weight.transpose(2, 3, 1, 0)
    if layer.is_pooled:
        return weight.reshape(layer.outputs, -1, side, side).transpose(2, 3, 1, 0).reshape(layer.inputs, layer.outputs)
    return weight.T


def _from_jax(layer: Layer, weight: np.ndarray, side: int) -> np.ndarray:
    """The other way round."""
    if layer.kind == "conv":
        return weight.transpose(3, 2, 0, 1)
    if layer.is_pooled:
        return weight.reshape(side, side, -1, layer.outputs).transpose(3, 2, 0, 1).reshape(layer.outputs, layer.inputs)
    return weight.T


class Runner:
    """Steps of a network on JAX."""

    def __init__(self, work: Work, arrays: dict[str, np.ndarray], is_training: bool) -> None:
        self.work, self.is_training = work, is_training
        images = len(work.shape) == 3
        self.x = [jnp.asarray(np.moveaxis(x, 2, -1) if images else x, dtype=jnp.float32) for x in arrays["x"]]
        self.y = [jnp.asarray(y) for y in arrays["y"]]
        graph, self.weights = nnx.split(Net(work, arrays))
        adam = optax.adam(LEARNING_RATE)
        self.moments = adam.init(self.weights)
        self.forward: Callable[..., Any] = jax.jit(lambda weights, x: nnx.merge(graph, weights)(x))
        self.gradient = jax.value_and_grad(lambda weights, x, y: _loss(nnx.merge(graph, weights)(x), y))

        def train(weights: Any, moments: Any, x: jax.Array, y: jax.Array) -> tuple[Any, Any, jax.Array]:
            loss, gradient = self.gradient(weights, x, y)
            change, moments = adam.update(gradient, moments)
            return optax.apply_updates(weights, change), moments, loss

        self.train = jax.jit(train, donate_argnums=(0, 1))

    def step(self, i: int) -> None:
        """One step on batch i, to its end."""
        if self.is_training:
            self.weights, self.moments, loss = self.train(self.weights, self.moments, self.x[i], self.y[i])
            jax.block_until_ready((self.weights, loss))
        else:
            jax.block_until_ready(self.forward(self.weights, self.x[i]))

    def counts(self, i: int) -> np.ndarray:
        """Output spike counts of batch i."""
        return np.asarray(self.forward(self.weights, self.x[i]))

    def gradients(self, i: int) -> list[np.ndarray]:
        """Gradients of the loss of batch i with respect to the weights of the work."""
        _, found = jax.jit(self.gradient)(self.weights, self.x[i], self.y[i])
        result, side = [], self.work.shape[-1]
        for number, layer in enumerate(self.work.layers):
            side = side // POOL if layer.is_pooled else side
            result.append(_from_jax(layer, np.asarray(found["links"][number]["kernel"][...]), side))
            if layer.kind == "recurrent":
                result.append(np.asarray(found["neurons"][number]["own"][...]).T)
        return result


def _loss(counts: jax.Array, y: jax.Array) -> jax.Array:
    return optax.softmax_cross_entropy_with_integer_labels(counts, y).mean()


def prepare(work: Work, arrays: dict[str, np.ndarray], is_training: bool) -> Runner:
    """The network, ready to run."""
    return Runner(work, arrays, is_training)
