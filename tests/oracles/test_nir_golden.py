"""One LIF neuron as seven platforms run it: each rule is a choice of integrator and reset."""

from __future__ import annotations

import numpy as np
import pytest

from tests.oracles.cells import clamp

RULES = {  # platform: integrator, reset, scale of its v
    "norse": ("euler", None, 1.0),
    "snntorch": ("euler", None, 25.0),
    "spinnaker2": ("euler", None, 24.9950908),  # near 25: its weights are whole numbers
    "nengo": ("exact", None, 10.0),
    "rockpool": ("impulse", "V -= V_th", 1.0),
    "sinabs": ("impulse", "V -= V_th", 1.0),
}


@pytest.mark.parametrize("platform", RULES)
def test_platform(shared_data, platform):
    integrator, reset, scale = RULES[platform]
    rows = np.loadtxt(shared_data / "nir-golden" / f"lif_{platform}.csv", delimiter=",")
    current = (rows[:, :1] > 0).astype(float)  # sinabs writes its input times dt / tau
    times, v, before = clamp(
        current, 0.1, 100.0, ("V", "V_before_reset"), model="lif", tau_m=2.5, V_th=0.1, integrator=integrator, reset=reset
    )
    assert np.array_equal(np.rint(times[0] / 0.1).astype(int) - 1, np.flatnonzero(rows[:, 2]))
    theirs = rows[:, 1] / scale
    assert min(np.abs(v[0] - theirs).max(), np.abs(before[0] - theirs).max()) < 1e-7


def test_exact_crossings_lie_in_the_steps_of_the_exact_integrator(shared_data):
    """The event-exact spikes (in steps: 460.844, 510.898, 710.920, 760.909) fall into the steps in which ours occur."""
    rows = np.loadtxt(shared_data / "nir-golden" / "lif_exact.csv", delimiter=",")
    current = (np.loadtxt(shared_data / "nir-golden" / "lif_norse.csv", delimiter=",")[:, :1] > 0).astype(float)
    (times,) = clamp(current, 0.1, 100.0, model="lif", tau_m=2.5, V_th=0.1)
    assert np.array_equal(np.rint(times[0] / 0.1).astype(int) - 1, np.floor([460.844, 510.898, 710.920, 760.909]).astype(int))
    assert len(rows) == 1000
