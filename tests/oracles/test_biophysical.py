"""AdEx, Izhikevich and Hodgkin-Huxley against the continuous-time truth (DOP853 at 1e-12)."""

from __future__ import annotations

import json

import numpy as np
import pytest

import spaic
from tests.oracles.cells import clamp, load


@pytest.fixture(scope="module")
def truth(oracles):
    return load(oracles / "adex_izh_hh_truth.npz")


@pytest.fixture(scope="module")
def cases(oracles):
    return json.loads((oracles / "adex_izh_hh_truth.json").read_text())


ADEX = dict(C="C", g_L="gL", E_L="EL", V_T="VT", Delta_T="DT", a="a", tau_w="tw", b="b", V_reset="Vr", V_peak="Vpk")


def test_adex_spike_counts_and_times(truth, cases):
    """Continuous-time truth at 1e-12: the counts of Brette and Gerstner's cell and of the eight patterns, first spikes, intervals."""
    runs = cases["adex_params"]
    values = {ours: np.array([float(p[theirs]) for p in runs.values()]) for ours, theirs in ADEX.items()}
    (times,) = clamp(np.array([p["I"] for p in runs.values()]), 0.1, 1000.0, model="adex", **values)
    for (name, p), ours in zip(runs.items(), times, strict=True):
        expected = truth[f"adex_{name}_spikes"]
        ours = ours[ours <= p["T"] + 1e-9]
        assert len(ours) == len(expected) == p["n_spikes"], name
        if len(ours):  # the spike bears the time of the end of its step
            assert np.abs(ours[0] - expected[0]) < 0.25, name
            assert np.allclose(np.diff(ours).mean(), np.diff(expected).mean(), rtol=0.01) if len(ours) > 2 else True, name


def test_izhikevich_spike_counts_and_times(truth, cases):
    """Continuous-time truth at 1e-12: the counts of seven types of cell, each spike within 0.6 ms."""
    runs = cases["izh_params"]
    values = {k: np.array([float(p[k]) for p in runs.values()]) for k in "abcd"}
    start = dict(V=-65.0, U=-65.0 * values["b"])
    (times,) = clamp(np.array([p["I"] for p in runs.values()]), 0.1, 500.0, model="izhikevich", initial=start, **values)
    for (name, p), ours in zip(runs.items(), times, strict=True):
        expected = truth[f"izh_{name}_spikes"]
        assert len(ours) == len(expected) == p["n_true_500ms"], name
        assert np.abs(ours - expected).max() < 0.6, name


def test_izhikevich_by_forward_euler_is_the_papers_own_scheme(truth, cases):
    """With the reset on the grid and no clamp at the peak: the textbook scheme."""
    model = spaic.NeuronModel(
        "dV/dt = 0.04*V**2 + 5*V + 140 - U + I\ndU/dt = a*(b*V - U)",
        dict(a=0.02, b=0.2, c=-65.0, d=8.0), spike="V >= 30", reset="V = c; U += d", initial=dict(V=-65.0, U="b * -65"),
    )  # fmt: skip
    runs = cases["izh_params"]
    values = {k: np.array([float(p[k]) for p in runs.values()]) for k in "abcd"}
    times, v = clamp(np.array([p["I"] for p in runs.values()]), 0.1, 500.0, ("V",), model=model, **values)
    for i, (name, p) in enumerate(runs.items()):
        assert len(times[i]) == p["n_euler0p1_500ms"], name
        # rounding grows by about 1.5 per upstroke, so only the beginning can agree closely
        assert np.abs(v[i, :999] - truth[f"izh_{name}_euler0p1_v"][1:1000]).max() < 1e-6, name


def test_hodgkin_huxley_spike_counts_and_times(truth, cases):
    """Continuous-time truth at 1e-12: the counts at eight currents, and the first spikes."""
    runs = cases["hh_params"]["runs"]
    start = dict(zip("Vmhn", truth["hh_y0"], strict=True)) | {"V_previous": float(truth["hh_y0"][0])}
    current = np.array([p["I_uA_cm2"] for p in runs.values()])
    (times,) = clamp(current, 0.1, 200.0, model="hodgkin_huxley", initial=start)
    for (name, p), ours in zip(runs.items(), times, strict=True):
        expected = truth[f"{name}_spikes"]
        assert len(ours) == len(expected) == p["n"], name
        assert len(ours) == 0 or np.abs(ours[0] - expected[0]) < 0.2, name


def test_hodgkin_huxley_says_when_it_loses_a_spike(truth, cases):
    """With steps of 0.2 ms three of eight currents lose one, and there is a warning; with the substeps that it names none does."""
    runs = cases["hh_params"]["runs"]
    start = dict(zip("Vmhn", truth["hh_y0"], strict=True)) | {"V_previous": float(truth["hh_y0"][0])}
    current, expected = np.array([p["I_uA_cm2"] for p in runs.values()]), [p["n"] for p in runs.values()]
    with pytest.warns(RuntimeWarning, match="too fast for .* with dt = 0.2 ms; use a dt of at most 0.15 ms or substeps=3"):
        (times,) = clamp(current, 0.2, 200.0, model="hodgkin_huxley", initial=start)
    assert [len(t) for t in times] != expected
    (times,) = clamp(current, 0.2, 200.0, model="hodgkin_huxley", initial=start, substeps=3)
    assert [len(t) for t in times] == expected


def test_hodgkin_huxley_at_its_removable_singularities():
    """The rates at V = -40 and -55 mV are finite, and so are their neighbours'."""
    start = dict(V=np.array([-40.0, -55.0, -40.0 + 1e-9, -55.0 - 1e-9]))
    _, v = clamp(np.zeros(4), 0.01, 0.01, ("V",), model="hodgkin_huxley", initial=start)
    assert np.isfinite(v).all()
    assert np.abs(v[:2] - v[2:]).max() < 1e-6


@pytest.mark.parametrize("method", ["euler", "rk2", "rk4"])
def test_a_method_that_cannot_integrate_the_spike_is_named(method):
    """The sodium conductance alone reaches 35 / ms: explicit methods explode at 0.1 ms."""
    with pytest.raises(spaic.NumericalError, match=r"cells: \w+ became NaN or infinite at step \d+ .*use a smaller dt, another integrator"):
        clamp(np.array([10.0]), 0.1, 50.0, model="hodgkin_huxley", integrator=method, substeps=1)


@pytest.mark.parametrize("model", ["adex", "izhikevich", "hodgkin_huxley"])
@pytest.mark.parametrize("method", ["exact", "impulse"])
def test_a_linear_method_is_refused_by_name(model, method):
    with pytest.raises(spaic.UnsupportedError, match=f"{model}, equation of .*{method}"):
        clamp(np.array([1.0]), 0.1, 1.0, model=model, integrator=method)
