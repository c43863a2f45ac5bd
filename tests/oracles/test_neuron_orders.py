"""Nonlinear models against DOP853 on equations written down a second time: order of convergence, spike counts and times."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from spaic import registry
from spaic.Dynamics.integrate import ORDERS
from spaic.Dynamics.lowering import lower
from spaic.Dynamics.names import arrival
from spaic.Dynamics.primitives import PRIMITIVES
from spaic.Dynamics.step import build_step
from tests.oracles.cells import clamp
from tests.oracles.on_grid import Truth, follow, ours, parameters_of


def _conductances(y, current, p, rest):
    synapses = y[1] * (y[0] - p.E_exc) + y[2] * (y[0] - p.E_inh)
    return [(rest - y[0] - synapses + p.get("R", 0.0) * current) / p.tau_m, -y[1] / p.tau_exc, -y[2] / p.tau_inh]


def _wilson_cowan(y, current, p):
    response = 1 / (1 + np.exp(-p.a * (current - p.theta))) - 1 / (1 + np.exp(p.a * p.theta))
    return [(-y[0] + (1 / (1 + np.exp(-p.a * p.theta)) - p.k_ref * y[0]) * response) / p.tau]


def _gates(v):
    """Rates of Hodgkin and Huxley, in their own convention: depolarisation from rest upwards."""
    u = v + 65
    alpha = 0.1 * (25 - u) / np.expm1((25 - u) / 10), 0.07 * np.exp(-u / 20), 0.01 * (10 - u) / np.expm1((10 - u) / 10)
    return alpha, (4 * np.exp(-u / 18), 1 / (np.exp((30 - u) / 10) + 1), 0.125 * np.exp(-u / 80))


def _hodgkin_huxley(y, current, p):
    v, m, h, n = y
    alpha, beta = _gates(v)
    ions = p.g_Na * m**3 * h * (v - p.E_Na) + p.g_K * n**4 * (v - p.E_K) + p.g_L * (v - p.E_L)
    return [(current - ions) / p.C, *(a * (1 - x) - b * x for a, b, x in zip(alpha, beta, (m, h, n), strict=True))]


#: Model -> slopes of (y, I, p), start, current, ms; names of the states are the model's first ones.
SMOOTH = {
    "lif_cond": (lambda y, c, p: _conductances(y, c, p, p.E_L), (-60.0, 1.0, 0.5), 20.0, 8.0),
    "diehl_cook": (lambda y, c, p: [*_conductances(y, c, p, p.V_rest), -y[3] / p.tau_theta], (-65.0, 2.0, 0.5, 3.0), 0.0, 8.0),
    "quadratic_if": (lambda y, c, p: [(p.a * (y[0] - p.V_rest) * (y[0] - p.V_crit) + p.R * c) / p.tau_m], (-65.0,), 300.0, 8.0),
    "exponential_if": (
        lambda y, c, p: [(p.V_rest - y[0] + p.Delta_T * np.exp((y[0] - p.V_T) / p.Delta_T) + p.R * c) / p.tau_m], (-65.0,), 80.0, 8.0,
    ),
    "izhikevich": (lambda y, c, p: [(0.04 * y[0] + 5) * y[0] + 140 - y[1] + c, p.a * (p.b * y[0] - y[1])], (-65.0, -13.0), 10.0, 3.0),
    "izhikevich_2007": (
        lambda y, c, p: [(p.k * (y[0] - p.V_r) * (y[0] - p.V_t) - y[1] + c) / p.C, p.a * (p.b * (y[0] - p.V_r) - y[1])],
        (-60.0, 5.0), 200.0, 8.0,
    ),
    "adex": (
        lambda y, c, p: [(p.g_L * (p.E_L - y[0] + p.Delta_T * np.exp((y[0] - p.V_T) / p.Delta_T)) - y[1] + c) / p.C,
                         (p.a * (y[0] - p.E_L) - y[1]) / p.tau_w], (-65.0, 20.0), 500.0, 8.0,
    ),
    "hodgkin_huxley": (_hodgkin_huxley, (-60.0, 0.1, 0.5, 0.35), 5.0, 2.0),
    "wilson_cowan": (_wilson_cowan, (0.8,), 3.5, 16.0),
}  # fmt: skip


def test_every_nonlinear_model_has_a_truth():
    moving = {n for n, m in registry.neurons.items() if any(line.kind == "ode" for line in m.lines)}
    assert {n for n in moving if registry.neurons[n].method != "exact"} == set(SMOOTH)


def advanced(name, method, start, current, duration, steps):
    """States after `steps` steps of the declared equations, without a spike."""
    model = registry.neurons[name]
    port = next(iter(model.currents), None)
    step = build_step(model, method, frozenset([port] if port else []), is_refractory=False)
    tape = lower(step.assignments, {s: step.results[f"{s}_before_reset"] for s in model.states}, (*model.parameters, "dt"))
    values = dict(parameters_of(name, {})) | {"dt": duration / steps, arrival(port or ""): current}
    if "k" in model.parameters and name == "wilson_cowan":
        values["k"] = 1 / (1 + np.exp(-values["a"] * values["theta"]))
    states = dict(zip(model.states, start, strict=False)) | ({"V_previous": start[0]} if "V_previous" in model.states else {})
    for n in range(steps):
        inputs = {k: (values | states)[k] for k in tape.inputs if k != "t"} | {"t": n * duration / steps}
        states = {k: float(v) for k, v in tape.run(PRIMITIVES, inputs).items()}
    return np.array([states[s] for s in model.states[: len(start)]])


def errors(name, method):
    """Of the states, with a step and with half of it; docs/generate_proofs.py writes down what order they show."""
    slopes, start, current, duration = SMOOTH[name]
    p = parameters_of(name, {})
    truth = solve_ivp(lambda t, y: slopes(y, current, p), (0, duration), start, method="DOP853", rtol=1e-13, atol=1e-13).y[:, -1]
    scale = np.maximum(np.abs(truth), 1e-3)
    parts = 40 if ORDERS[method] == 4 else 160
    return [np.max(np.abs(advanced(name, method, start, current, duration, k * parts) - truth) / scale) for k in (1, 2)]


@pytest.mark.parametrize("method", ORDERS)
@pytest.mark.parametrize("name", SMOOTH)
def test_order_of_convergence(name, method):
    """Halving the step divides the error against DOP853 by 2 to the order of the method, within 0.15."""
    found = errors(name, method)
    if name == "wilson_cowan" and method.startswith("exponential"):  # linear in its only state, so exact
        assert max(found) < 1e-10
        return
    assert found[1] > 1e-13, "rounding, not convergence, is seen: take longer steps"
    assert np.log2(found[0] / found[1]) == pytest.approx(ORDERS[method], abs=0.15)


def spike_times(name, current, duration, p, reset, peak):
    """Exact spike times of a neuron with an upstroke."""
    slopes, start = SMOOTH[name][0], [p[k] for k in ("V_rest", "V_r") if k in p][:1]
    y = np.array([*start, *([0.0] if name == "izhikevich_2007" else [])])

    def upstroke(t, y):
        return y[0] - peak

    upstroke.terminal, upstroke.direction = True, 1
    times, now = [], 0.0
    while now < duration:
        found = solve_ivp(lambda t, y: slopes(y, current, p), (now, duration), y, "DOP853", events=upstroke, rtol=1e-11, atol=1e-11)
        if found.status != 1:
            break
        now, y = found.t[-1] + p.get("t_ref", 0.0), reset(found.y[:, -1], p)
        times.append(found.t[-1])
    return np.array(times)


CURRENTS = {"quadratic_if": (400.0, 600.0, 900.0), "exponential_if": (70.0, 120.0, 200.0), "izhikevich_2007": (100.0, 200.0, 400.0)}


@pytest.mark.parametrize("name", CURRENTS)
def test_spikes_of_neurons_with_an_upstroke(name):
    """DOP853 with events at 1e-11: the counts, the first spike within a step, the intervals within 0.5 % or a step."""
    p = parameters_of(name, {})
    (times,) = clamp(np.array(CURRENTS[name]), 0.1, 300.0, backend="reference", model=name)
    for current, found in zip(CURRENTS[name], times, strict=True):
        if name == "izhikevich_2007":
            expected = spike_times(name, current, 300.0, p, lambda y, p: np.array([p.c, y[1] + p.d]), p.V_peak)
        else:
            expected = spike_times(name, current, 300.0, p, lambda y, p: np.array([p.V_reset]), p.V_peak)
        assert len(found) == len(expected) > 2, current
        assert -0.02 <= found[0] - expected[0] <= 0.12  # the step that the spike falls into, and how far linear interpolation errs
        late = 0.1 if p.get("t_ref") else 0.005 * np.diff(expected).mean()  # a refractory period ends with a step
        assert abs(np.diff(found).mean() - np.diff(expected).mean()) < late


def _synapses(y, port, w, p):
    y[1 if port == "exc" else 2] += w


def _raised(y, p):
    y[0] = p.V_reset
    y[3] += p.theta_plus


#: Neurons with conductances, whose spikes the truth finds on the grid as they do.
ON_GRID = {
    "lif_cond": Truth(
        start=lambda p: [p.E_L, 0.0, 0.0],
        slopes=lambda y, c, p: SMOOTH["lif_cond"][0](y, c["I"], p),
        read=lambda y, p: {"V": y[0], "g_exc": y[1], "g_inh": y[2]},
        jump=_synapses,
        fires=lambda y, p: y[0] > p.V_th,
        reset=lambda y, p: y.__setitem__(0, p.V_reset),
        drive={"exc": 0.03, "inh": 0.01, "I": 60.0},
        given={"t_ref": 2.0},
    ),
    "diehl_cook": Truth(
        start=lambda p: [p.V_rest, 0.0, 0.0, 0.0],
        slopes=lambda y, c, p: SMOOTH["diehl_cook"][0](y, 0.0, p),
        read=lambda y, p: {"V": y[0], "g_exc": y[1], "theta": y[3]},
        jump=_synapses,
        fires=lambda y, p: y[0] > p.V_th + y[3],
        reset=_raised,
        drive={"exc": 0.9, "inh": 0.05},
    ),
}


@pytest.mark.parametrize("name", ON_GRID)
def test_spikes_of_neurons_with_conductances(name):
    """DOP853 at 1e-12 in every step: the same spikes, states within 1e-4 of their scale at 0.1 ms."""
    expected, states = follow(name, ON_GRID[name], 0.1, 500)
    spikes, found = ours(name, ON_GRID[name], 0.1, 500)
    assert np.array_equal(spikes, expected) and spikes.sum() > 2
    for variable, values in states.items():
        assert np.abs(found[variable] - values).max() < 1e-4 * np.abs(values).max() > 0, variable
