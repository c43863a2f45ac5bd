"""LIF and IF against Brian 2, closed formulas and mean-first-passage rates."""

from __future__ import annotations

import numpy as np
import pytest

import spaic
from tests.oracles.cells import clamp, load, ragged


@pytest.fixture(scope="module")
def truth(oracles):
    return load(oracles / "lif_if.npz")


def assert_same_spikes(ours, theirs, dt):
    """Ours are stamped at the end of the step, Brian's at its start."""
    for a, b in zip(ours, theirs, strict=True):
        assert np.array_equal(np.rint(a / dt).astype(int) - 1, np.rint(b / dt).astype(int))


def assert_same_potential(ours, theirs, tolerance):
    """Brian's sample k is the state at the start of step k."""
    assert np.abs(ours[:, :-1] - theirs[:, 1:]).max() < tolerance


@pytest.mark.parametrize("backend", ["torch", "reference"])
@pytest.mark.parametrize("case, t_ref", [("tref0", 0.0), ("tref2", 1.9)])  # Brian's clamp is one step shorter than its name
def test_constant_current(truth, case, t_ref, backend):
    """Brian 2: the same spikes, V within 1e-12."""
    times, v = clamp(truth[f"lif_const_{case}_I"], 0.1, 200.0, ("V",), backend, model="lif", t_ref=t_ref)
    assert_same_spikes(times, ragged(truth, f"lif_const_{case}_spk"), 0.1)
    assert_same_potential(v, truth[f"lif_const_{case}_v"], 1e-12)


@pytest.mark.parametrize("case, dt", [("dt0p1", 0.1), ("dt1", 1.0)])
def test_fluctuating_current(truth, case, dt):
    """Closed recursion: the same spikes, V within 5e-12 mV."""
    current = truth[f"lif_fluct_{case}_I_nA"]
    cell = dict(model="lif", tau_m=20.0, R=100.0, V_rest=-70.0, V_th=-50.0, V_reset=-60.0, t_ref=2.0 - dt)
    times, v = clamp(current, dt, len(current) * dt, ("V",), **cell)
    assert_same_spikes(times, ragged(truth, f"lif_fluct_{case}_spk"), dt)
    assert_same_potential(v, truth[f"lif_fluct_{case}_v_mV"], 5e-12)  # mV around -70: the oracle's own recursion differs by 1.4e-13


def test_perfect_integrator_with_soft_reset(truth):
    model = spaic.NeuronModel("dV/dt = I", spike="V >= 1", reset="V -= 1", method="exact")
    times, _ = clamp(truth["if_soft_I_per_ms"], 0.1, 300.0, ("V",), model=model)
    assert np.abs(np.array([len(t) for t in times]) - truth["if_soft_count_exact"]).max() <= 1


@pytest.mark.parametrize("tag, dt", [("dt0p1", 0.1), ("dt0p5", 0.5), ("dt1p0", 1.0)])
def test_interspike_interval_is_t_ref_plus_whole_steps_to_threshold(truth, tag, dt):
    """What docs/semantics.md promises: held for t_ref, then k steps to the threshold (NEST's convention)."""
    (times,) = clamp(truth["fi_I"], dt, 800.0, model="lif", t_ref=2.0)
    for current, ours, expected in zip(truth["fi_I"], times, truth[f"fi_isi_grid_nest_{tag}_ms"], strict=True):
        if len(ours) > 1:
            assert np.allclose(np.diff(ours), expected, atol=1e-9), current
        else:
            assert not np.isfinite(expected) or expected > 400.0


@pytest.mark.parametrize("method", ["euler", "exact"])
def test_noisy_rates_follow_siegert(truth, method):
    """Mean-first-passage rate, corrected for looking at the threshold only once per step."""
    mu, sigma = np.meshgrid(truth["siegert_mu"], truth["siegert_sigma"], indexing="ij")
    copies, seconds, warm_up = 100, 1.3, 300.0
    model = spaic.NeuronModel(
        "dV/dt = (mu - V) / tau + sigma * sqrt(2 / tau) * xi",
        dict(mu=0.0, tau=20.0, sigma=1.0, t_ref=spaic.Parameter(2.0, "ms")),
        spike="V > 1", reset="V = 0", refractory="t_ref: V", method=method,
    )  # fmt: skip
    shape = (*mu.shape, copies)
    with spaic.Network() as net:
        cells = spaic.NeuronGroup(
            shape=shape, model=model, mu=np.broadcast_to(mu[..., None], shape), sigma=np.broadcast_to(sigma[..., None], shape)
        )
        spikes = spaic.SpikeMonitor(cells)
    net.set_backend("torch", dt=0.1, dtype="float64")
    net.run(1000 * seconds)
    counts = spikes.values[0][..., spikes.times > warm_up].sum(-1)
    rates = counts / (seconds - warm_up / 1000)
    expected = truth["siegert_rate_gridcorr_dt0p1_hz"]
    counting = np.sqrt(expected / (copies * (seconds - warm_up / 1000)))  # of rare spikes, where the spread of a few says little
    error = np.maximum(rates.std(-1, ddof=1) / np.sqrt(copies), counting)
    assert np.all(np.abs(rates.mean(-1) - expected) < 4 * error + 0.02 * expected)
