"""The balanced networks CUBA and COBA beside Brian 2 (C++ standalone): run phase, first build, firing rates, memory.

Run: python benchmarks/balanced.py --install    (once: an environment with Brian 2)
     python benchmarks/balanced.py              (some minutes; --works coba_4000 --rounds 3 --seeds 0 for a look)

One second of biological time at dt = 0.1 ms, all spikes recorded, the same integrator on both sides. In each round every simulator
runs once, one after the other. The run phase of Brian 2 is what its program measures of itself; ours is all of ``net.run``. Brian 2 is
compiled for one thread and for as many as --threads says; the faster one counts.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import Any

import numpy as np
from peers import brian

#: Work -> network, number of neurons and integrator.
WORKS = {
    "cuba_4000": ("cuba", 4000, "exact"),
    "coba_4000": ("coba", 4000, "euler"),
    "coba_4000_exp": ("coba", 4000, "exponential_euler"),
    "coba_20000": ("coba", 20000, "euler"),
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--install", action="store_true", help="make the environment of Brian 2, and do nothing else")
    made.add_argument("--folder", type=Path, default=Path("/tmp/spaic-peers/brian"), help="the environment, and what is compiled")
    made.add_argument("--works", nargs="+", choices=list(WORKS), default=list(WORKS))
    made.add_argument("--rounds", type=int, default=9)
    made.add_argument("--seeds", type=int, default=5, help="seeds of which rates are reported")
    made.add_argument("--threads", type=int, default=2)
    made.add_argument("--output", type=Path)
    made.add_argument("--build", choices=list(WORKS), help=argparse.SUPPRESS)
    return made


def main() -> None:
    """Measure."""
    options = parser().parse_args()
    if options.build:
        print(json.dumps(build(*WORKS[options.build], options.threads)))
        return
    if options.install:
        venv.create(options.folder / "env", with_pip=True)
        subprocess.run([options.folder / "env/bin/pip", "install", "-q", "numpy<2.3", "setuptools", "brian2"], check=True)
        return
    results = {}
    for work in options.works:
        results[work] = measure(work, options)
        print(json.dumps({work: results[work]}, indent=1), flush=True)
    if options.output:
        options.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def measure(work: str, options: argparse.Namespace) -> dict[str, Any]:
    """One work: seconds of each simulator."""
    kind, number, method = WORKS[work]
    with tempfile.TemporaryDirectory() as cache:
        found: dict[str, Any] = {"first build": apart(work, options.threads, cache), "cached build": apart(work, options.threads, cache)}
    programs = {t: compiled(work, t, options.folder) for t in sorted({1, options.threads})}
    found["brian build"] = {t: seconds for t, (_, seconds) in programs.items()}
    net = network(kind, number, method, 0, options.threads)
    net.run(10.0)
    seconds: dict[str, list[float]] = {"spaic": [], **{f"brian {t}": [] for t in programs}}
    for _ in range(options.rounds):
        started = time.perf_counter()
        net.run(1000.0)
        seconds["spaic"].append(time.perf_counter() - started)
        for t, (folder, _) in programs.items():
            seconds[f"brian {t}"].append(brian_run(folder))
    found["run"] = {name: statistics.median(values) for name, values in seconds.items()}
    best = min(value for name, value in found["run"].items() if name != "spaic")
    found["run"]["ratio"] = found["run"]["spaic"] / best
    found["build ratio"] = found["first build"]["build"] / min(b["compile"] for b in found["brian build"].values())
    found["bytes per synapse"] = memory(net)
    found["rate, variability"] = {
        "spaic": [spread(*spikes(network(kind, number, method, seed, options.threads)), number) for seed in range(options.seeds)],
        "brian": [spread(*brian.spikes(programs[1][0]), number)],
    }
    return found


# --- ours


def network(kind: str, number: int, method: str, seed: int, threads: int) -> Any:
    """The network with a monitor of all spikes, built."""
    import torch

    import spaic
    from spaic.Library import COBA, CUBA

    torch.set_num_threads(threads)
    net = {"cuba": CUBA, "coba": COBA}[kind](number, integrator=method, seed=seed)
    with net:
        net.of_exc, net.of_inh = spaic.SpikeMonitor(net.exc), spaic.SpikeMonitor(net.inh)
    net.set_backend("torch", dt=0.1)
    net.build()
    return net


def build(kind: str, number: int, method: str, threads: int) -> dict[str, float]:
    """Seconds to import spaic, and from there until the first step is done."""
    started = time.perf_counter()
    import spaic  # noqa: F401

    imported = time.perf_counter()
    net = network(kind, number, method, 0, threads)
    connected = time.perf_counter()
    net.run(0.1)
    return {"import": imported - started, "build": time.perf_counter() - imported, "of that, connecting": connected - imported}


def apart(work: str, threads: int, cache: str) -> dict[str, float]:
    """As :func:`build`, in a process of its own."""
    command = [sys.executable, __file__, "--build", work, "--threads", str(threads)]
    done = subprocess.run(command, env={**os.environ, "SPAIC_CACHE": cache}, check=True, capture_output=True, text=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def spikes(net: Any) -> tuple[np.ndarray, np.ndarray]:
    """Neurons and times in ms of a second."""
    net.run(1000.0)
    parts = [(m.spk_index[0] + shift, m.spk_times[0]) for m, shift in ((net.of_exc, 0), (net.of_inh, net.exc.num))]
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def memory(net: Any) -> float:
    """Bytes that synapses take: their lists, their weights, and the tables of the program."""
    program, total, synapses = net.program, 0, 0
    for link in net.graph.links:
        (transform,) = link.transforms
        synapses += transform.synapses
        arrays = [v for v in vars(transform).values() if isinstance(v, np.ndarray)]
        total += sum(a.nbytes for a in arrays) + net.state_dict()[f"{link.name}.weight"].numpy().nbytes
    return (total + program.tables.nbytes) / synapses


# --- Brian 2


def compiled(work: str, threads: int, folder: Path) -> tuple[Path, dict[str, float]]:
    """The folder of the compiled program, and what making it took."""
    kind, number, method = WORKS[work]
    place = folder / f"{work}_{threads}"
    subprocess.run(["rm", "-rf", str(place)], check=True)
    command = [str(folder / "env/bin/python"), brian.__file__, kind, str(number), method, "1", str(threads), str(place), "1"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return place, json.loads(done.stdout.splitlines()[-1])


def brian_run(folder: Path) -> float:
    """Seconds of the run phase, as the program says."""
    (folder / "results").mkdir(exist_ok=True)
    subprocess.run(["./main"], cwd=folder, check=True, capture_output=True)
    return float((folder / "results/last_run_info.txt").read_text(encoding="utf-8").split()[0])


def spread(neurons: np.ndarray, times: np.ndarray, number: int) -> tuple[float, float]:
    """Mean rate in Hz, and mean variability of the intervals of neurons with several."""
    order = np.lexsort((times, neurons))
    neurons, times = neurons[order], times[order]
    same = neurons[1:] == neurons[:-1]
    intervals, owners = np.diff(times)[same], neurons[1:][same]
    count = np.bincount(owners, minlength=number)
    chosen = count >= 2
    mean, square = (np.bincount(owners, intervals**power, number)[chosen] / count[chosen] for power in (1, 2))
    return len(times) / number, float((np.sqrt(np.maximum(square - mean**2, 0.0)) / mean).mean()) if chosen.any() else float("nan")


if __name__ == "__main__":
    main()
