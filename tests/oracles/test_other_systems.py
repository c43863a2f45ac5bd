"""Neurons of SPAIC, PySNN and Neurapse: their own numbers, where their step is right, and the truth where it is not."""

from __future__ import annotations

import numpy as np
import pytest

import spaic
from spaic.Dynamics.presets import presets
from tests.oracles.cells import clamp, load
from tests.oracles.on_grid import Truth, ours


def trace(name, port, amount, steps, *variables, dt=0.1, **group):
    """Variables under a constant amount per step, as SPAIC writes it into Isyn."""
    with spaic.Network() as net:
        source = spaic.Encoder(num=1, coding_method="null")
        cell = spaic.NeuronGroup(1, model=name, **group)
        wire = spaic.Connection(source, cell, weight=np.ones((1, 1)), post_var_name=port)
        monitors = [spaic.StateMonitor(cell, v) for v in variables]
    net.set_backend("reference", dt=dt)
    net.source(np.full((1, steps, 1), amount))
    net.run(steps * dt)
    assert wire.parent is net
    return [m.values[0, 0] for m in monitors]


SPAIC = {  # measured on SPAIC 0.6.3: the value at the spike test of each step
    "lif": ("input", 0.3, "V_before_reset", (0.3, 0.59627, 0.88887, None, 0.3), {"tau_m": 8.0}),
    "if": ("input", 0.3, "V_before_reset", (0.3, 0.6, 0.9, None, 0.3), {}),
    "clif": ("input", 0.3, "V", (0, 0.00835, 0.02488, 0.04941, 0.08179, 0.12183, 0.16939, 0.22430, 0.28641, 0.35555), {}),
    "clif2k": ("input", 0.3, "V", (0, 0.00534, 0.01596, 0.03178, 0.05273), {}),
    "pclif": ("I", 0.3, "V_before_reset", (0.09, 0.225, 0.3789, 0.53685, 0.69067, 0.8361, 0.9712, 1.0953, 0.2085), {}),
    "meanfield": ("I", 0.3, "r", (0.003, 0.0057, 0.00813), {"integrator": "euler"}),  # theirs begins a step later
    "glif": ("I", 50.0, "V", (0.08355, 0.16701, 0.2504), {}),
    "adex": ("I", 2000.0, "V", (-69.88825, -69.1841, -68.48748), {"integrator": "euler", "interpolate": False}),
}


@pytest.mark.parametrize("name", SPAIC)
def test_traces_of_spaic(name):
    """SPAIC's own numbers, to the digits given."""
    port, amount, variable, expected, options = SPAIC[name]
    (found,) = trace(name, port, amount, len(expected), variable, **options)
    known = [i for i, x in enumerate(expected) if x is not None]
    tolerance = 2e-4 if name == "glif" else 1.1e-5  # digits given; their glif is forward Euler
    np.testing.assert_allclose(found[known], [expected[i] for i in known], rtol=0, atol=tolerance)


PYSNN = {
    "if_linear": ("if_trace", 1.0, dict(V_th=2.0, alpha_v=0.5, alpha_t=1.0, t_ref=2.0, keep_t=0.7)),
    "lif_linear": ("lif_linear_trace", 1.0, dict(V_th=0.8, V_rest=0.1, alpha_v=0.5, alpha_t=1.0, t_ref=3.0, keep_v=0.8, keep_t=0.7)),
    "lif_exp": ("lif_trace", 1.0, dict(V_th=0.5, V_rest=0.1, alpha_v=1.5, alpha_t=1.0, t_ref=2.0, tau_v=5.0, tau_t=4.0)),
    "alif_linear": (
        "alif_linear_trace", 0.9,
        dict(V_th=0.6, alpha_v=0.5, keep_v=0.8, keep_t=0.7, V_inf=0.0, alpha_theta=0.5 / 0.9, keep_theta=0.9),
    ),
    "alif_exp": ("alif_trace", 0.95, dict(V_th=0.4, alpha_v=1.5, tau_v=5.0, tau_t=4.0, V_inf=0.0, alpha_theta=2 / 0.95, tau_theta=20.0)),
    "fede": ("fede", 1.0, dict(V_th=0.3, alpha_v=1.0, alpha_t=1.0, t_ref=2.0, tau_v=5.0, tau_t=4.0)),
}  # fmt: skip


@pytest.mark.parametrize("case", PYSNN)
def test_neurons_of_pysnn(case, oracles):
    """PySNN's spikes, potential and trace in each of 60 steps. It lowers a threshold after the test and not before, hence `kept`."""
    truth, (name, kept, values) = load(oracles / "pysnn_neurons.npz"), PYSNN[case]
    x = truth["x"].reshape(60, 4).astype(float)
    start = {"theta": values["V_th"] / kept} if "alpha_theta" in values else {}
    with spaic.Network() as net:
        net.cells = spaic.NeuronGroup(4, model=name, integrator="euler", initial=start, **values)
        for port, data in {"I": x, **({"I_trace": truth["pre_trace"].reshape(60, 4)} if case == "fede" else {})}.items():
            setattr(net, f"from_{port}", spaic.Encoder(num=4, coding_method="null"))
            link = spaic.Connection(getattr(net, f"from_{port}"), net.cells, link_type="one_to_one", weight=np.ones(4), post_var_name=port)
            setattr(net, f"to_{port}", link)
            getattr(net, f"from_{port}")(data[None].astype(float))
        potential, trace_, spikes = spaic.StateMonitor(net.cells, "V"), spaic.StateMonitor(net.cells, "r"), spaic.SpikeMonitor(net.cells)
    net.set_backend("reference", dt=1.0)
    net.run(60.0)
    assert spikes.values.sum() == truth[f"{case}_spikes"].sum() > 20
    assert np.array_equal(spikes.values[0].T.astype(bool), truth[f"{case}_spikes"].reshape(60, 4))
    np.testing.assert_allclose(potential.values[0].T, truth[f"{case}_v"].reshape(60, 4), atol=2e-6)
    np.testing.assert_allclose(trace_.values[0].T, truth[f"{case}_trace"].reshape(60, 4), atol=2e-6)


def test_lif_of_neurapse():
    """Neurapse's counts at ten currents; its second-order Taylor step is rk2, its currents are in pA."""
    current = 2700.0 * (1 + 0.1 * np.arange(10))
    (times,) = clamp(current, 0.1, 500.0, backend="reference", model="lif", preset="neurapse", integrator="rk2")
    assert [len(t) for t in times] == [0, 19, 25, 30, 34, 38, 42, 46, 49, 52]


@pytest.mark.parametrize("preset, case", [("rs", "RH_as_example"), ("ib", "IB_own_C"), ("ch", "CH_as_example")])
def test_aef_of_neurapse(preset, case, oracles):
    """Neurapse's counts within 5 %: its step that draws a spike is not integrated, so times shift by up to two steps per spike."""
    truth = load(oracles / "neu_aef.npz")
    scheme = dict(integrator="euler", interpolate=False)
    start = dict(V=truth[f"{case}_V"][0, 0] * 1e3, W=truth[f"{case}_U"][0, 0] * 1e12)
    current = truth["I"][:, 2500] * 1e12
    (times,) = clamp(current, 0.1, 500.0, backend="reference", model="adex", preset=preset, initial=start, **scheme)
    for i, found in enumerate(times):
        expected = truth[f"{case}_sp{i}"] * 0.1
        assert abs(len(found) - len(expected)) <= 0.05 * len(expected)
        assert abs(found[0] - expected[0]) < 0.15


def test_izhikevich_of_neurapse():
    """Neurapse's counts: it loses a step per spike, so ours may fire once or twice more often."""
    counts = {"rs": (49, 42, 35), "ib": (9, 6, 3), "ch": (48, 40, 29)}
    sets = [presets(spaic.registry.neurons["izhikevich_2007"])[name].values for name in counts]
    values = {k: np.repeat([p[k] for p in sets], 3) for k in sets[0]}
    v = values["b"] / values["k"] + values["V_t"]
    start = dict(V=v, U=values["b"] * (v - values["V_r"]))
    current = np.tile([600.0, 500.0, 400.0], 3)
    (times,) = clamp(current, 0.1, 500.0, model="izhikevich_2007", initial=start, **values)
    for found, expected in zip(times, np.ravel(list(counts.values())), strict=True):
        assert expected <= len(found) <= expected * 1.06 + 1


def test_hodgkin_huxley_of_neurapse(oracles):
    """Neurapse's run with gates at the right speed, in forward Euler steps of 10 us."""
    truth = load(oracles / "neu_hh.npz")
    current = truth["I"][0] * 1e6  # A/cm2
    first = 6000  # nothing happens before the pulse
    start = {k: float(truth[f"fix_{k}"][0, first]) * (1e3 if k == "V" else 1.0) for k in "Vmhn"} | {"V_previous": -65.0}
    group = dict(model="hodgkin_huxley", preset="neurapse", integrator="euler", substeps=1, initial=start)
    (times,) = clamp(current[first:9500, None], 0.01, 35.0, backend="reference", **group)
    np.testing.assert_allclose(times[0] + first * 0.01, truth["fix_spike_idx"] * 0.01, atol=0.05)


THEIRS = [
    "clif", "clif2k", "pclif", "aclif", "if", "ifsoftreset", "ifb", "nonspikingifb", "null", "lif", "plif", "constantcurrentlif",
    "nonspikinglif", "lifm", "izh", "aeif", "adex", "glif", "hh", "lifstdp_ex", "alifstdp_ex", "lifstdp_ih", "diehlandcook", "lifint",
    "meanfield", "cann_field", "darwin_clif", "darwin_alif", "darwin_random", "qlif", "IFNeuron", "LIFNeuron", "AdaptiveLIFNeuron",
    "FedeNeuron",
]  # fmt: skip


def test_names_of_other_systems():
    """Each either stands for a model, or says why there is none."""
    for name in THEIRS:
        assert spaic.NeuronGroup(2, model=name.upper()).model.name in spaic.registry.neurons
    for name in ("slif", "selif", "psn", "masked_psn"):
        with pytest.raises(spaic.UnknownName, match=f"neuron model '{name}': .*; use '"):
            spaic.NeuronGroup(2, model=name)


def test_a_truth_of_another_model_is_noticed():
    """The tests above would not pass for anything."""
    truth = Truth(start=lambda p: [0.0], slopes=lambda y, c, p: [0.0], read=lambda y, p: {"V": y[0]}, drive={"input": 0.3})
    _, states = ours("lif", truth, 0.5, 10)
    assert not np.allclose(states["V"], 0.0)
