"""Time, disk and memory of a long run that is recorded to disk: 1,000 lif neurons with Poisson input, each setting in a process of its own.

Run: python benchmarks/recording.py [--steps 1000000] [--neurons 1000] [--record none V V,O] [--folder /tmp] [--threads 1]
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

import spaic


def network(neurons: int, variables: list[str], file: str) -> spaic.Network:
    """Neurons that fire at some 20 Hz, each with a Poisson train of its own."""
    with spaic.Network() as net:
        source = spaic.Generator(num=neurons, coding_method="poisson_generator")
        cells = spaic.NeuronGroup(neurons, model="lif")
        wire = spaic.Connection(source, cells, link_type="one_to_one", weight=0.25)
    del source, wire  # the network has them
    if "V" in variables:
        net.trace = spaic.StateMonitor(cells, "V", file=file)
    if "O" in variables:
        net.spikes = spaic.SpikeMonitor(cells, file=file)
    net.set_backend("torch", dt=0.1)
    net.source(0.25)
    return net


def resident(field: str) -> float:
    """Megabytes of this process: ``VmRSS`` now, ``VmHWM`` at its largest."""
    found = re.search(rf"{field}:\s*(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(found[1]) / 1000 if found else float("nan")


def measure(steps: int, neurons: int, variables: list[str], folder: str) -> None:
    """One run, and what it left on disk."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        file = Path(own, "rec.h5")
        net = network(neurons, variables, str(file))
        print(f"{','.join(variables):>5}: {steps:,} steps of {neurons:,} neurons; resident before {resident('VmRSS'):.0f} MB", flush=True)
        start, start_cpu = time.perf_counter(), time.process_time()
        net.run(steps * net.dt)
        seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
        line = f"       {seconds:.1f} s ({cpu:.1f} s of the processor), {1e6 * seconds / steps:.1f} us a step; "
        print(line + f"resident at most {resident('VmHWM'):.0f} MB, at the end {resident('VmRSS'):.0f} MB", flush=True)
        if file.exists():
            recorded = spaic.Monitor.Recording(file)
            samples = {name: len(series.times) for name, series in recorded.items()}
            print(f"       file {file.stat().st_size / 1e6:.0f} MB, samples {samples}", flush=True)
        if "O" in variables:
            start = time.perf_counter()
            rate = recorded["spikes"].spk_rate.mean()
            seconds = time.perf_counter() - start
            print(f"       mean rate {rate:.1f} Hz, read in {seconds:.1f} s, resident at most {resident('VmHWM'):.0f} MB")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--neurons", type=int, default=1000)
    parser.add_argument("--record", nargs="+", default=["none", "V", "V,O"])
    parser.add_argument("--folder", default=None)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if len(options.record) == 1:
        measure(options.steps, options.neurons, options.record[0].split(","), options.folder)
        return
    for record in options.record:
        rest = [f"--{k}={v}" for k, v in vars(options).items() if k != "record" and v is not None]
        subprocess.run([sys.executable, __file__, "--record", record, *rest], check=True)


if __name__ == "__main__":
    main()
