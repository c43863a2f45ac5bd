"""Equations that are too fast for the step are found before the run, and only they."""

import time
import warnings

import numpy as np
import pytest

import spaic
from spaic import NeuronModel, Parameter, registry
from spaic.Dynamics.jacobian import decaying_rates
from spaic.Dynamics.stiffness import AMPLIFICATION, EXPONENTIAL, longest_step, warn_if_stiff

DECAY = NeuronModel("dV/dt = (I - V) / tau", {"tau": Parameter(10.0, "ms")}, spike="V > 1", reset="V = 0", name="decay", method="euler")


def build(dt, **group):
    """The warnings that a build gives, one run long."""
    with spaic.Network() as net:
        net.layer = spaic.NeuronGroup(3, **group)
    net.set_backend("reference", dt=dt)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        net.build()
        net.run(dt)
        net.run(dt)
    return [str(w.message) for w in caught]


@pytest.mark.parametrize("name", registry.neurons)
def test_no_model_warns_with_its_defaults(name):
    assert build(0.1, model=name) == []


def test_the_message_names_group_rate_step_and_ways_out():
    (message,) = build(0.07, model="hodgkin_huxley", integrator="euler", substeps=1)
    assert message.startswith("layer (hodgkin_huxley): its fastest rate is 32.6 / ms, too fast for 'euler' with dt = 0.07 ms; ")
    assert message.endswith("use a dt of at most 0.061 ms, substeps=2 or integrator='exponential_midpoint'")
    (message,) = build(0.1, model="hodgkin_huxley", integrator="rk4", substeps=1)  # too coarse for the exponential method, too
    assert message.endswith("use a dt of at most 0.085 ms or substeps=2")


@pytest.mark.parametrize("way_out", [{"dt": 0.06}, {"substeps": 2}, {"integrator": "exponential_midpoint"}])
def test_each_way_out_works(way_out):
    options = {"dt": 0.07, "integrator": "euler", "substeps": 1} | way_out
    dt = options.pop("dt")
    assert build(dt, model="hodgkin_huxley", **options) == []
    with spaic.Network() as net:
        clamp = spaic.Encoder(num=1, coding_method="direct")
        cell = spaic.NeuronGroup(1, model="hodgkin_huxley", **options)
        net.wire = spaic.Connection(clamp, cell, weight=np.array([[10.0]]), post_var_name="I")
        spikes = spaic.SpikeMonitor(cell)
    net.set_backend("reference", dt=dt)
    net.clamp(np.ones((1, 1)))
    net.run(round(40 / dt) * dt)
    assert 2 <= spikes.values.sum() <= 4


@pytest.mark.parametrize("method", EXPONENTIAL)
def test_an_exponential_method_that_jumps_over_the_gates_says_so(method):
    """It stays finite with steps of 1 ms, and fires twice instead of 24 times."""
    (message,) = build(1.0, model="hodgkin_huxley", integrator=method)
    assert message.startswith(f"layer (hodgkin_huxley): its fastest rate is 32.6 / ms, too fast for '{method}' with dt = 1 ms; ")
    assert message.endswith("use a dt of at most 0.15 ms or substeps=14")
    assert build(0.15, model="hodgkin_huxley", integrator=method) == []
    assert build(1.0, model="hodgkin_huxley", integrator=method, substeps=14) == []


@pytest.mark.parametrize("method", EXPONENTIAL)
def test_an_exponential_method_on_a_linear_equation_needs_no_warning(method):
    assert build(100.0, model="lif", integrator=method) == []


@pytest.mark.parametrize("method", AMPLIFICATION)
def test_the_limit_is_where_the_method_blows_up(method):
    rates = np.array([-2.0 + 0j, -0.5 + 3j, -0.1 + 1j])
    for rate, limit in zip(rates, longest_step(rates, method), strict=True):
        for factor, is_stable in ((0.99, True), (1.01, False)):
            gain = abs(sum(c * (rate * limit * factor) ** k for k, c in enumerate(AMPLIFICATION[method])))
            assert (gain <= 1) == is_stable
    assert longest_step(rates[:1], "euler")[0] == pytest.approx(1.0)


@pytest.mark.parametrize("dt, count", [(1.9, 0), (2.1, 1)])
def test_the_fastest_neuron_decides(dt, count):
    """Euler's limit is twice the time constant."""
    tau = np.array([5.0, 1.0, 30.0])
    assert len(build(dt, model=DECAY, tau=tau)) == count


def test_parameters_of_many_neurons_and_drawn_ones():
    tau = np.full(100_000, 50.0)
    tau[77_777] = 0.1
    rates = decaying_rates(DECAY, {"tau": tau})
    assert rates.real.min() == pytest.approx(-10.0) and len(rates) == 2
    assert decaying_rates(DECAY, {"tau": spaic.uniform(1.0, 2.0)}).tolist() == [-0.1]  # drawn later: the default counts


def test_one_warning_for_all_groups():
    groups = [(f"g{tau}", DECAY, "euler", {"tau": tau}, {}) for tau in (0.5, 0.1, 30.0)]
    with pytest.warns(RuntimeWarning) as caught:
        warn_if_stiff(groups, 2.0)
    (warning,) = caught
    assert str(warning.message).startswith("g0.1 (decay): its fastest rate is 10 / ms") and "so are 1 more groups" in str(warning.message)


def test_states_that_start_far_away_count():
    model = NeuronModel("dV/dt = -V**3", {}, spike="V > 1", reset="V = 0", name="cubic", method="euler")
    assert decaying_rates(model, {}).real.min() == pytest.approx(-3.0)  # at the threshold
    assert decaying_rates(model, {}, {"V": 10.0}).real.min() == pytest.approx(-300.0)


def test_what_has_no_equation_or_grows_is_left_alone():
    assert decaying_rates(registry.neurons["plif"], {}).size == 0
    growing = NeuronModel("dV/dt = V", {}, spike="V > 1", reset="V = 0", name="growing", method="euler")
    assert decaying_rates(growing, {}).size == 0


def test_it_costs_little():
    group = ("layer", registry.neurons["lif"], "exact", {}, {})
    start = time.perf_counter()
    for _ in range(100):
        warn_if_stiff([group], 0.1)
    assert (time.perf_counter() - start) / 100 < 1e-3


@pytest.mark.parametrize("method", ["exact", "impulse"])
@pytest.mark.parametrize("name", ["adex", "hodgkin_huxley", "quadratic_if", "lif_cond"])
def test_a_method_that_cannot_integrate_is_refused_by_name(name, method):
    with pytest.raises(spaic.UnsupportedError, match=f"{name}, equation of V: it is not linear.*'{method}' cannot integrate it; use '"):
        build(0.1, model=name, integrator=method)
