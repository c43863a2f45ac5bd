"""Every linear model of the Library against DOP853 on equations that are written down a second time, as their papers have them."""

from __future__ import annotations

import numpy as np
import pytest

from spaic import registry
from tests.oracles.on_grid import Truth, follow, ours

DT, STEPS = 0.5, 120


def _peak(slow, fast):
    """1 / the largest value of exp(-t / slow) - exp(-t / fast)."""
    t = np.log(slow / fast) * slow * fast / (slow - fast)
    return 1 / (np.exp(-t / slow) - np.exp(-t / fast))


def _add(row, factor=1.0):
    def jump(y, port, w, p):
        y[row] += factor * w

    return jump


def _set(row, key, *added):
    """A reset of `row` to a parameter, and (row, amount) pairs that are added."""

    def reset(y, p):
        y[row] = p[key] if isinstance(key, str) else key
        for k, amount in added:
            y[k] += p[amount] if isinstance(amount, str) else amount

    return reset


def _ports(**rows):
    def jump(y, port, w, p):
        y[rows[port]] += w

    return jump


def _less(row, key, *added):
    def reset(y, p):
        y[row] -= p[key]
        for k, amount in added:
            y[k] += amount

    return reset


def _leak(y, c, p):
    return (p.V_rest - y[0] + p.get("R", 1.0) * c.get("I", 0.0)) / p.tau_m


def _above(key):
    return lambda y, p: y[0] > p[key]


def _reached(key):
    return lambda y, p: y[0] >= p[key]


LEAKY = dict(start=lambda p: [p.V_rest], read=lambda y, p: {"V": y[0]}, fires=_above("V_th"), reset=_set(0, "V_reset"))
TWO = dict(start=lambda p: [p.V_rest, 0.0], fires=_above("V_th"), reset=_set(0, "V_reset"))
PERFECT = dict(start=lambda p: [0.0], read=lambda y, p: {"V": y[0]}, jump=_add(0))


def _kernel_jump(slow, fast):
    """The kernels M and S of clif, each of which a spike raises by V_0 w."""

    def jump(y, port, w, p):
        y[0] += _peak(p[slow], p[fast]) * w
        y[1] += _peak(p[slow], p[fast]) * w

    return jump


def _glif_reset(y, p):
    y[0] = p.E_L + p.f_v * (y[0] - p.E_L) - p.delta_v
    y[1] += p.delta_Theta_s
    y[3] = p.f_1 * y[3] + p.delta_I_1
    y[4] = p.f_2 * y[4] + p.delta_I_2


def _glif(y, c, p):
    leak = (y[0] - p.E_L) / p.R
    return [(c["I"] + y[3] + y[4] - leak) / p.C, -p.b_s * y[1], p.a_v * (y[0] - p.E_L) - p.b_v * y[2], -p.k_1 * y[3], -p.k_2 * y[4]]


def _share(y, p):
    y[1] += p.theta_plus * (p.V_th + y[1])
    y[0] -= p.V_reset


TRUTHS = {
    "if": Truth(
        **PERFECT, slopes=lambda y, c, p: [p.R * c["I"]], fires=_above("V_th"), reset=_set(0, "V_reset"), drive={"input": 0.3, "I": 0.02}
    ),
    "if_bias": Truth(
        **PERFECT,
        slopes=lambda y, c, p: [p.bias + p.R * c["I"]],
        fires=_above("V_th"),
        reset=_set(0, "V_reset"),
        drive={"input": 0.3, "I": 0.02},
        given={"bias": -0.03},
    ),
    "if_soft_reset": Truth(
        **PERFECT,
        slopes=lambda y, c, p: [p.bias + p.R * c["I"]],
        fires=_above("V_th"),
        reset=_less(0, "V_th"),
        drive={"input": 0.3, "I": 0.02},
    ),
    "nonspiking_if": Truth(**PERFECT, slopes=lambda y, c, p: [p.bias + p.R * c["I"]], drive={"input": 0.3, "I": 0.02}),
    "lif": Truth(**LEAKY, slopes=lambda y, c, p: [_leak(y, c, p)], jump=_add(0), drive={"input": 0.3, "I": 1.5}, given={"t_ref": 1.5}),
    "lif_current": Truth(**LEAKY, slopes=lambda y, c, p: [_leak(y, c, p)], drive={"I": 2.5}),
    "lif_stdp_ih": Truth(**LEAKY, slopes=lambda y, c, p: [_leak(y, c, p)], jump=_add(0), drive={"input": 8.0}),
    "li": Truth(
        start=LEAKY["start"], read=LEAKY["read"], slopes=lambda y, c, p: [_leak(y, c, p)], jump=_add(0), drive={"input": 0.3, "I": 1.5}
    ),
    "alif": Truth(
        **TWO,
        slopes=lambda y, c, p: [_leak(y, c, p), -y[1] / p.tau_a],
        jump=_add(0),
        drive={"input": 0.3, "I": 1.5},
        read=lambda y, p: {"V": y[0], "A": y[1]},
    ),
    "cuba": Truth(
        **TWO,
        slopes=lambda y, c, p: [_leak(y, c, p) + p.R * y[1] / p.tau_m, -y[1] / p.tau_s],
        jump=_add(1),
        drive={"input": 1.0, "I": 0.8},
        read=lambda y, p: {"V": y[0], "I_syn": y[1]},
    ),
    "cubali": Truth(
        start=TWO["start"],
        slopes=lambda y, c, p: [_leak(y, c, p) + p.R * y[1] / p.tau_m, -y[1] / p.tau_s],
        jump=_add(1),
        drive={"input": 1.0, "I": 0.8},
        read=lambda y, p: {"V": y[0], "I_syn": y[1]},
    ),
    "lifm": Truth(
        start=lambda p: [0.0, 0.0],
        slopes=lambda y, c, p: [c["I"] + y[1] - y[0] / p.tau_m, -y[1] / p.tau_p],
        jump=_add(1),
        fires=_above("V_th"),
        reset=_set(0, 0.0),
        drive={"input": 0.3, "I": 0.05},
        read=lambda y, p: {"V": y[0], "I_syn": y[1]},
    ),
    "cuba_exc_inh": Truth(
        start=lambda p: [p.V_reset, 0.0, 0.0],
        jump=_ports(exc=1, inh=2),
        fires=_above("V_th"),
        reset=_set(0, "V_reset"),
        slopes=lambda y, c, p: [(p.V_rest - y[0] + y[1] + y[2] + p.R * c["I"]) / p.tau_m, -y[1] / p.tau_exc, -y[2] / p.tau_inh],
        drive={"exc": 3.0, "inh": -0.5, "I": 20.0},
        read=lambda y, p: {"V": y[0], "I_exc": y[1], "I_inh": y[2]},
    ),
    # the alpha function as two equal exponentials in a row: e w t / tau exp(-t / tau)
    "lif_alpha": Truth(
        start=lambda p: [p.V_rest, 0.0, 0.0],
        jump=_add(2, np.e),
        fires=_above("V_th"),
        reset=_set(0, "V_reset"),
        slopes=lambda y, c, p: [_leak(y, c, p) + p.R * y[1] / p.tau_m, (y[2] - y[1]) / p.tau_s, -y[2] / p.tau_s],
        drive={"input": 0.8, "I": 0.8},
        read=lambda y, p: {"V": y[0], "I_syn": y[1]},
    ),
    # two exponentials of opposite sign
    "lif_double_exp": Truth(
        start=lambda p: [p.V_rest, 0.0, 0.0],
        fires=_above("V_th"),
        reset=_set(0, "V_reset"),
        jump=lambda y, port, w, p: y.__setitem__(slice(1, 3), y[1:] + _peak(p.tau_d, p.tau_r) * w),
        slopes=lambda y, c, p: [_leak(y, c, p) + p.R * (y[1] - y[2]) / p.tau_m, -y[1] / p.tau_d, -y[2] / p.tau_r],
        drive={"input": 0.8, "I": 0.8},
        read=lambda y, p: {"V": y[0], "I_syn": y[1] - y[2]},
    ),
    "nonspiking_lif": Truth(
        start=lambda p: [0.0] * 3,
        slopes=lambda y, c, p: [-y[0] / p.tau_p, -y[1] / p.tau_q, (y[0] - y[1] - y[2]) / p.tau_m],
        jump=_kernel_jump("tau_p", "tau_q"),
        drive={"input": 0.4},
        read=lambda y, p: {"V": y[2], "D": y[0] - y[1]},
    ),
    # M, S and E as in the paper; ours hold V = M - S - E
    "clif": Truth(
        start=lambda p: [0.0] * 3,
        slopes=lambda y, c, p: [-y[0] / p.tau_p, -y[1] / p.tau_q, -y[2] / p.tau_m],
        jump=_kernel_jump("tau_p", "tau_q"),
        fires=lambda y, p: y[0] - y[1] - y[2] > p.V_th,
        reset=lambda y, p: y.__setitem__(2, y[2] + p.V_th),
        drive={"input": 0.3},
        read=lambda y, p: {"V": y[0] - y[1] - y[2]},
    ),
    "clif2k": Truth(
        start=lambda p: [0.0] * 3,
        slopes=lambda y, c, p: [-y[0] / p.tau_m, -y[1] / p.tau_s, -y[2] / p.tau_m],
        jump=_kernel_jump("tau_m", "tau_s"),
        fires=lambda y, p: y[0] - y[1] - y[2] > p.V_th,
        reset=lambda y, p: y.__setitem__(2, y[2] + p.V_th),
        drive={"input": 0.3},
        read=lambda y, p: {"V": y[0] - y[1] - y[2]},
    ),
    "aclif": Truth(
        start=lambda p: [0.0] * 4,
        slopes=lambda y, c, p: [-y[0] / p.tau_p, -y[1] / p.tau_q, -y[2] / p.tau_m, -y[3] / p.tau_a],
        jump=_kernel_jump("tau_p", "tau_q"),
        fires=lambda y, p: y[0] - y[1] - y[2] - p.beta_adaptive * y[3] > p.V_th,
        reset=lambda y, p: y.__setitem__(slice(2, 4), y[2:] + np.array([p.V_th, 1.0])),
        drive={"input": 0.3},
        read=lambda y, p: {"V": y[0] - y[1] - y[2] - p.beta_adaptive * y[3], "A": y[3]},
    ),
    "glif": Truth(
        start=lambda p: [p.E_L, 0.1, 0.2, 0.08, 0.06],
        slopes=_glif,
        fires=lambda y, p: y[0] > y[1] + y[2] + p.Theta_inf,
        reset=_glif_reset,
        drive={"I": 10.0},
        given={"t_ref": 1.0},
        read=lambda y, p: {"V": y[0], "V_th": y[1] + y[2] + p.Theta_inf, "I_1": y[3], "I_2": y[4]},
    ),
    "lif_stdp_ex": Truth(
        **TWO | {"fires": lambda y, p: y[0] > p.V_th + y[1], "reset": _set(0, "V_reset", (1, "theta_plus"))},
        jump=_add(0),
        slopes=lambda y, c, p: [_leak(y, c, p), -y[1] / p.tau_theta],
        drive={"input": 8.0},
        read=lambda y, p: {"V": y[0], "theta": y[1]},
    ),
    "alif_stdp_ex": Truth(
        **TWO | {"fires": lambda y, p: y[0] > p.V_th + y[1], "reset": _share},
        jump=_add(0),
        drive={"input": 0.8},
        slopes=lambda y, c, p: [_leak(y, c, p), -y[1] / p.tau_theta],
        read=lambda y, p: {"V": y[0], "theta": y[1]},
    ),
    # z = X + i V: dz/dt = (b + i omega) z + I
    "resonate_and_fire": Truth(
        start=lambda p: [0.0, 0.0],
        jump=_add(0),
        fires=lambda y, p: y[1] > p.V_th,
        slopes=lambda y, c, p: [((p.b + 1j * p.omega) * complex(*y) + c["I"]).real, ((p.b + 1j * p.omega) * complex(*y) + c["I"]).imag],
        reset=lambda y, p: y.__setitem__(slice(None), (0.0, p.V_reset)),
        drive={"input": 0.3, "I": 0.9},
        read=lambda y, p: {"X": y[0], "V": y[1]},
    ),
    "two_compartment": Truth(
        start=lambda p: [0.0, 0.0],
        jump=_ports(soma=0, dendrite=1),
        fires=_above("V_th"),
        reset=_set(0, "V_reset"),
        slopes=lambda y, c, p: [
            (-y[0] - p.g_soma * (y[0] - y[1]) + p.R * c["I"]) / p.tau_soma,
            (-y[1] - p.g_dendrite * (y[1] - y[0]) + p.R * c["I_dendrite"]) / p.tau_dendrite,
        ],
        drive={"soma": 0.2, "dendrite": 0.3, "I": 1.0, "I_dendrite": 0.5},
        given={"t_ref": 1.0},
        read=lambda y, p: {"V": y[0], "V_d": y[1]},
    ),
    "graded_lif": Truth(
        start=lambda p: [0.0],
        slopes=lambda y, c, p: [(p.R * c["I"] - y[0]) / p.tau_m],
        jump=_add(0),
        fires=_above("V_th"),
        reset=_set(0, 0.0),
        drive={"input": 0.3, "I": 1.5},
        read=lambda y, p: {"V": y[0]},
    ),
    "ternary_lif": Truth(
        start=lambda p: [0.0],
        slopes=lambda y, c, p: [(p.R * c["I"] - y[0]) / p.tau_m],
        jump=_add(0),
        fires=lambda y, p: not -p.V_th <= y[0] <= p.V_th,
        reset=_set(0, 0.0),
        drive={"input": -0.3, "I": -1.5},
        read=lambda y, p: {"V": y[0]},
    ),
    "meanfield": Truth(
        start=lambda p: [0.0],
        slopes=lambda y, c, p: [(p.rho * c["I"] + c["I_ext"] - y[0]) / p.tau],
        drive={"I": 4.0, "I_ext": -0.25},
        read=lambda y, p: {"U": y[0], "r": max(y[0], 0.0)},
    ),
    "cann_field": Truth(
        start=lambda p: [0.0],
        slopes=lambda y, c, p: [(p.rho * c["I"] + c["I_ext"] - y[0]) / p.tau],
        drive={"I": 4.0, "I_ext": 0.25},
        read=lambda y, p: {"U": y[0], "q": max(y[0], 0.0) ** 2},
    ),
    # with a threshold of no softness, and so without chance
    "lif_escape": Truth(
        **LEAKY, slopes=lambda y, c, p: [_leak(y, c, p)], jump=_add(0), drive={"input": 0.3, "I": 1.5}, given={"Delta": 1e-9, "t_ref": 1.5}
    ),
    "gif": Truth(
        start=lambda p: [p.E_L, 0.0, 0.0, 0.0, 0.0],
        slopes=lambda y, c, p: [
            (p.g_L * (p.E_L - y[0]) - y[1] - y[2] + c["I"]) / p.C,
            -y[1] / p.tau_1,
            -y[2] / p.tau_2,
            -y[3] / p.tau_1,
            -y[4] / p.tau_2,
        ],
        fires=lambda y, p: y[0] > p.V_T + y[3] + y[4],
        reset=_set(0, "V_reset", (1, "q_1"), (2, "q_2"), (3, "h_1"), (4, "h_2")),
        drive={"I": 250.0},
        given={"Delta_V": 1e-9},
        read=lambda y, p: {"V": y[0], "W_1": y[1], "W_2": y[2], "T_1": y[3], "T_2": y[4]},
    ),
    "lif_trace": Truth(
        **TWO | {"fires": _reached("V_th")},
        slopes=lambda y, c, p: [(p.V_rest - y[0] + p.alpha_v * c["I"]) / p.tau_v, -y[1] / p.tau_t],
        drive={"I": 1.5},
        given={"t_ref": 1.0},
        read=lambda y, p: {"V": y[0], "r": y[1]},
    ),
    "fede": Truth(
        **TWO | {"fires": _reached("V_th")},
        drive={"I": 2.5, "I_trace": 1.0},
        read=lambda y, p: {"V": y[0], "r": y[1]},
        slopes=lambda y, c, p: [(p.V_rest - y[0] + p.alpha_v * (c["I"] - c["I_trace"])) / p.tau_v, -y[1] / p.tau_t],
    ),
    "alif_trace": Truth(
        start=lambda p: [p.V_rest, p.V_th, 0.0],
        fires=lambda y, p: y[0] >= y[1],
        drive={"I": 1.8},
        slopes=lambda y, c, p: [(p.V_rest - y[0] + p.alpha_v * c["I"]) / p.tau_v, (p.V_th - y[1]) / p.tau_theta, -y[2] / p.tau_t],
        read=lambda y, p: {"V": y[0], "theta": y[1], "r": y[2]},
    ),
}


def _traced(row):
    def reset(y, p):
        y[0] = p.V_rest
        y[row] += p.alpha_t / p.tau_t
        if row == 2:
            y[1] += p.alpha_theta / p.tau_theta

    return reset


for _name, _row in (("lif_trace", 1), ("fede", 1), ("alif_trace", 2)):
    TRUTHS[_name].reset = _traced(_row)
TRUTHS["alif"].fires = lambda y, p: y[0] > p.V_th + p.beta * y[1]
TRUTHS["alif"].reset = lambda y, p: y.__setitem__(slice(None), (p.V_reset, y[1] + 1))


def test_every_linear_model_has_a_truth():
    exact = {n for n, m in registry.neurons.items() if m.method == "exact"}
    assert exact == set(TRUTHS)


@pytest.mark.parametrize("name", TRUTHS)
def test_linear_models_are_exact(name):
    """DOP853 at 1e-12 in every step: states within 1e-10 of their scale, the same spikes; refractory periods and resets included."""
    truth = TRUTHS[name]
    spikes, states = follow(name, truth, DT, STEPS)
    fired, found = ours(name, truth, DT, STEPS)
    assert 2 < spikes.sum() < STEPS / 2 or not registry.neurons[name].condition, f"the drive says little: {spikes.sum()} spikes"
    assert np.array_equal(fired, spikes)
    for variable, values in states.items():
        assert np.abs(values).max() > 0
        assert np.abs(found[variable] - values).max() < 1e-10 * max(1.0, np.abs(values).max()), variable
