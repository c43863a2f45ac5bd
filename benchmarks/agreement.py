"""How closely spaic agrees with independent results: gradients, spike counts, other platforms' rules, its own two backends, orders.

Run from the root of the repository: python -m benchmarks.agreement [--oracles ../shared/oracles] [--data ../shared/data]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

import spaic
from spaic.Dynamics.integrate import ORDERS
from tests.oracles import test_nir_golden as nir
from tests.oracles import test_surrogate_bptt as bptt
from tests.oracles.cells import clamp, load, ragged
from tests.oracles.test_biophysical import ADEX


def gradients(oracles: Path) -> None:
    """Worst relative error over the 432 cases of surrogate BPTT."""
    truth = load(oracles / "surrogate_bptt.npz")
    for dtype in ("float64", "float32"):
        worst, cases = 0.0, 0
        for (neuron, wiring, mode), surrogate in ((c, s) for c in bptt.CASES for s in bptt.SURROGATES):
            net, _ = bptt.build(truth, neuron, wiring, mode, surrogate, dtype)
            net.run(25.0)
            for which in bptt.LOSSES:
                net.learner.optim_zero_grad()
                bptt.loss_of(net, which, truth).backward(retain_graph=True)
                key, found = f"{neuron}.{wiring}.{mode}.{which}.{surrogate}", dict(net.named_parameters())
                pairs = [("w1", "dW1"), ("w2", "dW2"), ("v1", "dV1")][: 3 if wiring == "rec" else 2]
                for connection, name in pairs:
                    expected = truth[f"{key}.{name}"]
                    error = np.abs(found[f"{connection}.weight"].grad.numpy().T - expected).max() / np.abs(expected).max()
                    worst = max(worst, float(error))
                cases += 1
        print(f"surrogate_bptt: {cases} cases in {dtype}, worst relative error {worst:.1e}")


def leaky_neurons(oracles: Path) -> None:
    """LIF against Brian 2, spike for spike."""
    truth = load(oracles / "lif_if.npz")
    for case, t_ref in (("tref0", 0.0), ("tref2", 1.9)):
        times, v = clamp(truth[f"lif_const_{case}_I"], 0.1, 200.0, ("V",), model="lif", t_ref=t_ref)
        theirs = ragged(truth, f"lif_const_{case}_spk")
        same = sum(np.array_equal(np.rint(a / 0.1) - 1, np.rint(b / 0.1)) for a, b in zip(times, theirs, strict=True))
        error = np.abs(v[:, :-1] - truth[f"lif_const_{case}_v"][:, 1:]).max()
        print(f"lif_if {case}: {same} of {len(theirs)} spike trains equal, potential to {error:.1e}")


def spike_counts(oracles: Path) -> None:
    """Spike counts of the biophysical models at dt 0.1 ms."""
    truth = load(oracles / "adex_izh_hh_truth.npz")
    cases = json.loads((oracles / "adex_izh_hh_truth.json").read_text())
    adex, izh, hh = cases["adex_params"], cases["izh_params"], cases["hh_params"]["runs"]
    values = {ours: np.array([float(p[theirs]) for p in adex.values()]) for ours, theirs in ADEX.items()}
    (times,) = clamp(np.array([p["I"] for p in adex.values()]), 0.1, 1000.0, model="adex", **values)
    counts = [int((t <= p["T"] + 1e-9).sum()) for t, p in zip(times, adex.values(), strict=True)]
    print("adex:", *(f"{n} {c}/{p['n_spikes']}" for (n, p), c in zip(adex.items(), counts, strict=True)))
    values = {k: np.array([float(p[k]) for p in izh.values()]) for k in "abcd"}
    start = dict(V=-65.0, U=-65.0 * values["b"])
    (times,) = clamp(np.array([p["I"] for p in izh.values()]), 0.1, 500.0, model="izhikevich", initial=start, **values)
    print("izhikevich:", *(f"{n} {len(t)}/{p['n_true_500ms']}" for (n, p), t in zip(izh.items(), times, strict=True)))
    start = dict(zip("Vmhn", truth["hh_y0"], strict=True)) | {"V_previous": float(truth["hh_y0"][0])}
    (times,) = clamp(np.array([p["I_uA_cm2"] for p in hh.values()]), 0.1, 200.0, model="hodgkin_huxley", initial=start)
    print("hodgkin_huxley:", *(f"{n} {len(t)}/{p['n']}" for (n, p), t in zip(hh.items(), times, strict=True)))


def platforms(data: Path) -> None:
    """Potentials of other platforms reproduced by naming an integrator and a reset."""
    for platform, (integrator, reset, scale) in nir.RULES.items():
        rows = np.loadtxt(data / "nir-golden" / f"lif_{platform}.csv", delimiter=",")
        current = (rows[:, :1] > 0).astype(float)
        cell = dict(model="lif", tau_m=2.5, V_th=0.1, integrator=integrator, reset=reset)
        _, *both = clamp(current, 0.1, 100.0, ("V", "V_before_reset"), **cell)
        error = min(np.abs(v[0] - rows[:, 1] / scale).max() for v in both)
        print(f"NIR {platform}: {integrator}, reset {reset or 'V = V_reset'}: largest difference {error:.1e}")


def backends() -> None:
    """Reference against torch in float64, over the registry: 100 ms of six neurons under a noisy current."""
    for name in spaic.registry.neurons:
        model = spaic.registry.neurons[name]
        scale = {"izhikevich": 10.0, "adex": 2000.0, "hodgkin_huxley": 10.0}.get(name, 3.0)
        current = scale * np.random.default_rng(0).random((1000, 6))
        runs = (
            [clamp(current, 0.1, 100.0, model.states, backend, model=name) for backend in ("reference", "torch")]
            if model.currents
            else None
        )
        if runs is None:
            print(f"backends {name}: no current input; see tests/contracts/test_backends.py")
            continue
        (spikes_a, *a), (spikes_b, *b) = runs
        error = max(np.abs(x - y).max() / max(1.0, np.abs(x).max()) for x, y in zip(a, b, strict=True))
        same = all(np.array_equal(x, y) for x, y in zip(spikes_a, spikes_b, strict=True))
        print(
            f"backends {name}: largest relative difference {error:.1e}, spikes {'equal' if same else 'DIFFER'} ({sum(map(len, spikes_a))})"
        )


def orders(oracles: Path) -> None:
    """Observed order of every method on Hodgkin-Huxley (I = 10, 12 ms) and AdEx before its first spike, finest pair of steps."""
    truth = load(oracles / "adex_izh_hh_truth.npz")
    start = dict(zip("Vmhn", truth["hh_y0"], strict=True)) | {"V_previous": float(truth["hh_y0"][0])}
    works = {
        "hodgkin_huxley": (dict(model="hodgkin_huxley", initial=start, substeps=1), 10.0, 12.0, (0.02, 0.01, 0.005), 0.00125),
        "adex": (dict(model="adex"), 500.0, 14.0, (0.2, 0.1, 0.05), 0.0125),
    }
    for name, (group, current, duration, steps, finest) in works.items():
        exact = clamp(np.array([current]), finest, duration, ("V",), integrator="rk4", **group)[1][0, -1]
        for method, nominal in ORDERS.items():
            ends = [clamp(np.array([current]), dt, duration, ("V",), integrator=method, **group)[1][0, -1] for dt in steps]
            errors = np.abs(np.array(ends) - exact)
            print(f"order {name} {method}: {np.log2(errors[-2] / errors[-1]):.2f} (nominal {nominal})")


def main() -> None:
    """Measure and print everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--oracles", type=Path, default=Path("../shared/oracles"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    gradients(options.oracles)
    leaky_neurons(options.oracles)
    spike_counts(options.oracles)
    platforms(options.data)
    backends()
    orders(options.oracles)


if __name__ == "__main__":
    main()
