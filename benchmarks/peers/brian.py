"""The balanced networks in Brian 2, as a standalone program of C++, and how long its parts took. Runs in an environment with Brian 2."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np


def network(kind: str, number: int, method: str) -> object:
    """CUBA or COBA as in Brette et al. 2007, with a monitor of all spikes."""
    import brian2 as b

    scale, mV, ms = 4000 / number, b.mV, b.ms
    space = {"taum": 20 * ms, "taue": 5 * ms, "taui": 10 * ms, "Vt": -50 * mV, "Vr": -60 * mV}
    if kind == "coba":
        equations = """
            dv/dt = (ge * (Ee - v) + gi * (Ei - v) - (v - El)) * (1. / taum) : volt (unless refractory)
            dge/dt = -ge * (1. / taue) : 1
            dgi/dt = -gi * (1. / taui) : 1
        """
        space |= {"El": -60 * mV, "Ee": 0 * mV, "Ei": -80 * mV, "we": 0.6 * scale, "wi": 6.7 * scale}
    else:
        equations = """
            dv/dt = (ge + gi - (v - El)) / taum : volt (unless refractory)
            dge/dt = -ge / taue : volt
            dgi/dt = -gi / taui : volt
        """
        space |= {"El": -49 * mV, "we": 1.62 * scale * mV, "wi": -9 * scale * mV}
    cells = b.NeuronGroup(number, equations, threshold="v > Vt", reset="v = Vr", refractory=5 * ms, method=method, namespace=space)
    if kind == "coba":
        cells.v, cells.ge, cells.gi = "El + (randn() * 5 - 5) * mV", "randn() * 1.5 + 4", "randn() * 12 + 20"
    else:
        cells.v = "Vr + rand() * (Vt - Vr)"
    excitatory = number * 4 // 5
    exc = b.Synapses(cells[:excitatory], cells, on_pre="ge += we", namespace=space)
    inh = b.Synapses(cells[excitatory:], cells, on_pre="gi += wi", namespace=space)
    exc.connect(p=0.02)
    inh.connect(p=0.02)
    return b.Network(cells, exc, inh, b.SpikeMonitor(cells, name="spikes"))


def main(kind: str, number: str, method: str, seed: str, threads: str, folder: str, compiles: str) -> None:
    """Write the program into `folder`, and compile it if `compiles` is "1"."""
    import brian2 as b

    b.set_device("cpp_standalone", directory=folder, build_on_run=False)
    b.prefs.devices.cpp_standalone.openmp_threads = 0 if threads == "1" else int(threads)
    b.prefs.devices.cpp_standalone.extra_make_args_unix = ["-j2"]
    b.seed(int(seed))
    b.defaultclock.dt = 0.1 * b.ms
    started = time.perf_counter()
    net = network(kind, int(number), method)
    net.run(1 * b.second)  # type: ignore[attr-defined]
    b.device.build(directory=folder, compile=False, run=False, with_output=False)
    written = time.perf_counter()
    if compiles == "1":
        b.device.build(directory=folder, compile=True, run=False, with_output=False)
    print(json.dumps({"front end": written - started, "compile": time.perf_counter() - written}))


def spikes(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Neurons and times in ms of the last run of the program in `folder`."""
    results = folder / "results"
    neurons = np.fromfile(next(results.glob("_dynamic_array_spikes_i*")), np.int32)
    return neurons, 1e3 * np.fromfile(next(results.glob("_dynamic_array_spikes_t*")), np.float64)


if __name__ == "__main__":
    main(*sys.argv[1:])
