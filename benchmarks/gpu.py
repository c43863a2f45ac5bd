"""Kernels on a GPU: their time against the bytes they move over the memory bandwidth, plain torch, and SpikingJelly's Triton kernels.

Run from the root of the repository, on a machine with a GPU:

    pip install --no-deps spikingjelly==2.0.0 && pip install loguru        # the peer; without it its column stays empty
    python -m benchmarks.gpu [--rounds 15] [--sweep] [--output benchmarks/results/gpu.json]

Without a GPU it says so and measures nothing. `python -m pytest tests/Backend/Kernels/test_triton.py` checks there what is
computed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import spaic
from benchmarks.gpu_layers import WORKS, Layer, Work, passes, theirs
from spaic.Backend.Torch.kernels import fused_cuda

MODELS = ("lif", "clif", "alif", "adex", "hodgkin_huxley")
#: What ``--sweep`` tries, each of which is compiled: elements of a program, warps, steps fetched ahead.
SWEPT = ("lif", "clif")
BLOCKS, WARPS, STAGES = (32, 64, 128, 256, 512, 1024), (1, 2, 4, 8), (1, 2, 4, 8)


class Clock:
    """Times work on a device, with its caches cold.

    Before, a large array is filled: that empties the caches, and keeps the device busy while Python prepares the first launch.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.cold = torch.empty(2**30 if device.type == "cuda" else 1, dtype=torch.uint8, device=device)

    def seconds(self, work: Callable[[], Any]) -> float:
        """How long one call takes."""
        self.cold.zero_()
        if self.device.type != "cuda":
            start = time.perf_counter()
            work()
            return time.perf_counter() - start
        first, last = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        first.record()
        work()
        last.record()
        torch.cuda.synchronize()
        return first.elapsed_time(last) / 1e3

    def medians(self, contenders: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
        """Name -> median seconds over interleaved rounds, after two that compile and warm up."""
        for work in 2 * list(contenders.values()):
            work()
        found: dict[str, list[float]] = {name: [] for name in contenders}
        for _, (name, work) in itertools.product(range(rounds), contenders.items()):
            found[name].append(self.seconds(work))
        return {name: statistics.median(values) for name, values in found.items()}


def bandwidth(clock: Clock, rounds: int) -> float:
    """Bytes per second that a copy of a large array moves."""
    source = torch.empty(2**30 if clock.device.type == "cuda" else 2**20, dtype=torch.uint8, device=clock.device)
    target = torch.empty_like(source)
    return 2 * len(source) / clock.medians({"copy": lambda: target.copy_(source)}, rounds)["copy"]


def kernels(clock: Clock, speed: float, rounds: int, works: tuple[Work, ...]) -> list[dict[str, Any]]:
    """Each kernel alone: time, bytes, and the time that the bytes need over its own."""
    rows = []
    for work, model in itertools.product(works, MODELS):
        for name, run, size in passes(Layer(model, work, clock.device)):
            seconds = clock.medians({name: run}, rounds)[name]
            row = {"work": work.name, "model": model, "kernel": name}
            rows.append({**row, "ms": 1e3 * seconds, "MB": size / 1e6, "share": size / speed / seconds})
            print("{work}: {model} {kernel} {ms:.3f} ms, {MB:.1f} MB, {share:.0%} of the bandwidth".format(**rows[-1]), flush=True)
    return rows


def sweep(clock: Clock, rounds: int, works: tuple[Work, ...]) -> list[dict[str, Any]]:
    """How the work is best divided, against how it is divided."""
    rows = []
    for work, model in itertools.product(works, SWEPT):
        for name, run, _ in passes(Layer(model, work, clock.device)):
            ways: dict[str, Callable[[], Any]] = {"as it is": run}
            for block, warps, stages in itertools.product(BLOCKS, WARPS, STAGES):
                if 32 * warps <= block <= 256 * warps:
                    launch = {"BLOCK": block, "num_warps": warps, "STAGES": stages}
                    ways[json.dumps(launch)] = partial(run, **launch)
            found = clock.medians(ways, rounds)
            best = min(found, key=lambda key: found[key])
            row = {"work": work.name, "model": model, "kernel": name, "best": best}
            rows.append({**row, "ms": 1e3 * found[best], "as it is": 1e3 * found["as it is"]})
            print("{work}: {model} {kernel} {ms:.3f} ms with {best}; {as it is:.3f} as it is".format(**rows[-1]), flush=True)
    return rows


def peak(run: Callable[[], Tensor], device: torch.device) -> tuple[float, Tensor]:
    """MB that a call needs besides what is there, and its result."""
    if device.type != "cuda":
        return math.nan, run()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    made = run()
    return (torch.cuda.max_memory_allocated() - before) / 1e6, made


def contest(clock: Clock, rounds: int, works: tuple[Work, ...]) -> list[dict[str, Any]]:
    """Forward and backward of a LIF layer: ours, plain torch, SpikingJelly; time, peak memory, and the share of spikes that agree."""
    rows = []
    for work in works:
        layer = Layer("lif", work, clock.device)
        contenders: dict[str, Callable[[], Tensor]] = {"ours": layer.ours, "plain torch": layer.plain}
        peer = theirs(layer)
        contenders |= {} if peer is None else {"SpikingJelly": peer}
        spikes, peaks = {}, {}
        for name, run in contenders.items():
            layer.input.grad = None
            peaks[name], spikes[name] = peak(run, clock.device)
        seconds = clock.medians(contenders, rounds)
        for name in contenders:
            agree = float((spikes[name] == spikes["plain torch"]).float().mean())
            row = {"work": work.name, "who": name, "ms": 1e3 * seconds[name], "peak MB": peaks[name]}
            rows.append({**row, "agree": agree, "rate": float(spikes[name].mean())})
            print(
                "{work}: {who} {ms:.3f} ms, peak {peak MB:.1f} MB, rate {rate:.3f}, {agree:.4%} as plain torch".format(**rows[-1]),
                flush=True,
            )
    return rows


#: Inputs, neurons that feed each other, outputs, batch, steps, share of inputs that are spikes.
LOOPS = ((700, 256, 20, 64, 100, 0.05), (700, 1024, 20, 256, 100, 0.05))


def loop(device: torch.device, how: str, inputs: int, size: int, outputs: int, batch: int, steps: int, rate: float) -> Callable[[], Any]:
    """Forward and backward of a recurrent network."""
    with spaic.Network(seed=0) as net:
        pixels = spaic.Encoder(inputs, coding_method="null")
        cells = spaic.NeuronGroup(size, model="lif", tau_m=10.0)
        last = spaic.NeuronGroup(outputs, model="lif", tau_m=10.0)
        forth = spaic.Connection(pixels, cells)
        back = spaic.Connection(cells, cells, w_std=0.5)
        out = spaic.Connection(cells, last)
        counts = spaic.Decoder(dec_target=last)
        learner = spaic.SurrogateBP()
    del pixels, cells, last, forth, back, out, counts, learner  # the network has them
    net.set_backend("torch", dt=1.0, device=device.type, kernels=how)
    data = (torch.rand(batch, steps, inputs, generator=torch.Generator().manual_seed(0)) < rate).float().to(device)

    def once() -> Any:
        net.pixels(data)
        net.run(float(steps))
        loss = net.counts.predict.square().mean()
        loss.backward()
        return loss

    return once


def loops(clock: Clock, rounds: int, works: Sequence[tuple[Any, ...]] = LOOPS) -> list[dict[str, Any]]:
    """Groups that feed themselves, whole networks through their public names: one kernel, and plain torch step by step."""
    rows = []
    for work in works:
        seconds = clock.medians({how: loop(clock.device, how, *work) for how in ("auto", "plain")}, rounds)
        inputs, size, outputs, batch, steps, _ = work
        name = f"{inputs}-{size} recurrent-{outputs}, batch {batch}, T {steps}"
        rows.append({"work": name, "ms": 1e3 * seconds["auto"], "over plain torch": seconds["auto"] / seconds["plain"]})
        print("{work}: {ms:.2f} ms, {over plain torch:.3f} of plain torch".format(**rows[-1]), flush=True)
    return rows


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--sweep", action="store_true", help="try every way to divide the work; takes minutes")
    parser.add_argument("--output", type=Path, help="write everything as JSON")
    options = parser.parse_args()
    device = torch.device("cuda")
    if not torch.cuda.is_available() or not fused_cuda.is_usable(device):
        print("benchmarks.gpu: nothing was measured, since torch sees no GPU that Triton knows; run it where there is one")
        return
    clock = Clock(device)
    speed = bandwidth(clock, options.rounds)
    found: dict[str, Any] = {"device": torch.cuda.get_device_name(), "torch": torch.__version__, "copy GB/s": speed / 1e9}
    print(f"{found['device']}, torch {torch.__version__}: a copy moves {speed / 1e9:.0f} GB/s", flush=True)
    found |= {"works": [asdict(work) for work in WORKS], "contest": contest(clock, options.rounds, WORKS)}
    found["loops"] = loops(clock, options.rounds)
    found["kernels"] = kernels(clock, speed, options.rounds, WORKS)
    found |= {"sweep": sweep(clock, options.rounds, WORKS)} if options.sweep else {}
    if options.output:
        options.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
