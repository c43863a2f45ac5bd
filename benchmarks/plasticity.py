"""Pair STDP and the network of Diehl and Cook: milliseconds per image, beside a loop over time in plain torch, interleaved.

Run: python benchmarks/plasticity.py [--neurons 400] [--steps 250] [--rounds 9] [--threads 1] [--batch 32]

Both sides of pair STDP do the same: Poisson input, a full connection, leaky integrate-and-fire neurons, traces of all spikes, weights
within bounds, one sample at a time. ``diehl_cook`` is the network of the library with its rule; nothing else is in that round, as
BindsNET cannot be installed where this was written (its 0.3.4 took 90 to 180 ms for an image of 250 steps with 400 neurons on such a
machine). ``diehl_cook_batch`` shows it a batch, whose changes of weights are averaged.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

import spaic
from spaic.Library import DiehlCook, PlasticRandomNetwork

PIXELS, RATE, TAU, DECAY = 784, 0.06, 20.0, math.exp(-1 / 6)
#: Changes of a weight, and its bound: at the bound, neurons fire at some 30 Hz.
A_PLUS, A_MINUS, W_MAX = 0.0004, 0.00042, 0.045


def images(batch: int = 1, count: int = 4) -> list[np.ndarray]:
    """A fifth of the pixels are bright."""
    rng = np.random.default_rng(0)
    return [(rng.random((batch, PIXELS)) * (rng.random((batch, PIXELS)) < 0.2)).astype(np.float32) for _ in range(count)]


def ours(neurons: int, steps: int) -> Callable[[np.ndarray], float]:
    """Pair STDP as a declared rule."""
    with spaic.Network() as net:
        source = spaic.Encoder(PIXELS, coding_method="poisson", unit_conversion=RATE)
        cells = spaic.NeuronGroup(neurons, model="lif", tau_m=6.0)
        wire = spaic.Connection(source, cells, weight=spaic.uniform(0.0, W_MAX), w_min=0.0, w_max=W_MAX)
        learner = spaic.PlasticityLearner(wire, "stdp", A_plus=A_PLUS, A_minus=A_MINUS)
        counts = spaic.Decoder(dec_target=cells)
    del source, cells, wire, learner, counts  # the network has them
    net.set_backend("torch", dt=1.0)
    return presented(net, steps, lambda: float(net.counts.predict.sum()))


def plain(neurons: int, steps: int) -> Callable[[np.ndarray], float]:
    """The same, step by step, with whole tensors and in place."""
    weight = torch.rand(neurons, PIXELS, generator=torch.Generator().manual_seed(0)) * W_MAX
    decay = math.exp(-1 / TAU)

    def present(image: np.ndarray) -> float:
        spikes = (torch.rand(steps, PIXELS) < torch.from_numpy(image[0]) * RATE).float()
        v, x, y, total = torch.zeros(neurons), torch.zeros(PIXELS), torch.zeros(neurons), 0.0
        for s in spikes.unbind():
            v.mul_(DECAY).addmv_(weight, s)
            fired = (v > 1).float()
            v.mul_(1 - fired)
            x.mul_(decay)
            y.mul_(decay)
            weight.addr_(y, s, alpha=-A_MINUS)
            x.add_(s)
            weight.addr_(fired, x, alpha=A_PLUS).clamp_(0, W_MAX)
            y.add_(fired)
            total += float(fired.sum())
        return total

    return present


def diehl_cook(neurons: int, steps: int) -> Callable[[np.ndarray], float]:
    """The library's network, which goes on from image to image."""
    net = DiehlCook(neurons)
    net.learner = spaic.PlasticityLearner(net.input_exc, "post_pre_stdp", reduction="mean")
    net.set_backend("torch", dt=1.0)
    return presented(net, steps, lambda: float(net.output.predict.sum()))


def delayed(duration: float = 100.0, rounds: int = 3) -> dict[str, float]:
    """Neurapse's random network, whose synapses learn with a delay each: ms per 100 ms of 200 neurons, in the loop and step by step."""
    found: dict[str, list[float]] = {"auto": [], "plain": []}
    nets = {how: PlasticRandomNetwork() for how in found}
    for how, net in nets.items():
        net.set_backend("torch", dt=0.5, kernels=how)
        net.drive(0.1)
        net.run(1.0)
    for _ in range(rounds):
        for how, net in nets.items():
            start = time.perf_counter()
            net.run(duration)
            found[how].append(1e3 * (time.perf_counter() - start))
    return {how: statistics.median(times) for how, times in found.items()}


def presented(net: spaic.Network, steps: int, count: Callable[[], float]) -> Callable[[np.ndarray], float]:
    """A function that shows an image and returns the number of spikes."""
    encoder = next(n for n in net.everything() if n.kind == "encoder")

    def present(image: np.ndarray) -> float:
        encoder(image)
        net.run(float(steps))
        return count()

    return present


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("neurons", 400), ("steps", 250), ("rounds", 9), ("threads", 1), ("batch", 32)):
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    works = {made.__name__: (made(options.neurons, options.steps), 1) for made in (ours, plain, diehl_cook)}
    works["diehl_cook_batch"] = (diehl_cook(options.neurons, options.steps), options.batch)
    shown = {batch: images(batch) for batch in (1, options.batch)}
    times: dict[str, list[float]] = {name: [] for name in works}
    spikes = dict.fromkeys(works, 0.0)
    with torch.no_grad():
        for k in range(4 * (options.rounds + 1)):
            for name, (present, batch) in works.items():
                start = time.perf_counter()
                found = present(shown[batch][k % 4])
                if k >= 4:  # the first ones compile and warm up
                    times[name].append(1e3 * (time.perf_counter() - start) / batch)
                    spikes[name] += found / batch
    count = 4 * options.rounds
    print(f"{PIXELS}-{options.neurons}, {options.steps} steps per image, {options.threads} thread(s), medians of {count} images")
    for name, found in times.items():
        low, middle, high = statistics.quantiles(found, n=4)
        print(f"  {name:<16} {middle:8.2f} ms per image ({low:.2f}-{high:.2f}), {spikes[name] / len(found):.0f} spikes per image")
    with torch.no_grad():
        loop, plain_ = delayed().values()
    print(f"  a delay for each synapse, 100 ms of PlasticRandomNetwork: {loop:.2f} ms, step by step {plain_:.0f} ms")
    print(f"  ours over plain: {statistics.median(a / b for a, b in zip(times['ours'], times['plain'], strict=True)):.3f}")


if __name__ == "__main__":
    main()
