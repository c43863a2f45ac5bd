"""Plasticity rules against direct double sums over pairs of spikes, and Brian 2."""

from __future__ import annotations

import numpy as np
import pytest

import spaic
from spaic import NeuronModel
from tests.oracles.cells import load

#: A neuron that fires exactly when it is told to, whatever else arrives.
PUPPET = NeuronModel("drive := 0\nrest := 0", receive={"command": "drive += w", "input": "rest += w"}, spike="drive > 0.5", name="puppet")
DT, STEPS = 0.1, 50001


@pytest.fixture(scope="module")
def truth(oracles):
    return load(oracles / "plasticity.npz")


def trains(truth, name):
    flat, off = truth[f"{name}_flat"], truth[f"{name}_off"]
    found = np.zeros((STEPS, 1, len(off) - 1))
    for i, (start, stop) in enumerate(zip(off, off[1:], strict=False)):
        found[np.rint(flat[start:stop] / DT).astype(int), 0, i] = 1.0
    return found


def network(rule, number, weight=0.0, bounds=(None, None), backend="reference", link_type="one_to_one", batch_options=None, **values):
    with spaic.Network() as net:
        source = spaic.Encoder(num=number, coding_method="null")
        command = spaic.Encoder(num=number, coding_method="null")
        cells = spaic.NeuronGroup(number, model=PUPPET)
        drive = spaic.Connection(command, cells, link_type="one_to_one", post_var_name="command")
        wire = spaic.Connection(source, cells, link_type=link_type, post_var_name="input", weight=weight, w_min=bounds[0], w_max=bounds[1])
        learner = spaic.PlasticityLearner(wire, rule, **(batch_options or {}), **values)
    assert drive.parent is learner.parent is net
    net.set_backend(backend, dt=DT, dtype="float64")
    return net


def learned(truth, rule, weight=0.0, bounds=(None, None), rewards=None, **values):
    """The weights after the trains, by the rule alone: each step as a program executes it, without the network around it."""
    pre, post = trains(truth, "pre"), trains(truth, "post")
    net = network(rule, pre.shape[2], weight, bounds, **values)
    net.build()
    (at_work,) = net._simulation.program.rules
    states, weights = at_work.initial(1), np.full(pre.shape[2], weight)
    for n in range(STEPS):
        states, weights = at_work.step(states, weights, pre[n], {"cells.O": post[n]})
        if rewards and n in rewards:
            states, weights = at_work.rewarded(states, weights, np.array([rewards[n]]))
    return weights


SCHEMES = {
    "stdp": "dw_all_to_all",
    "nearest_symmetric_stdp": "dw_nn_symmetric",
    "presynaptic_centred_stdp": "dw_nn_presynaptic_centred",
    "reduced_symmetric_stdp": "dw_nn_reduced_symmetric",
    "triplet_stdp": "dw_triplet_vc_all",
}


@pytest.mark.parametrize("rule", SCHEMES)
def test_schemes(rule, truth):
    np.testing.assert_allclose(learned(truth, rule), truth[SCHEMES[rule]], rtol=0, atol=1e-12)


BOUNDED = {
    "w_additive_clip01_final": ("stdp", {}),
    "w_additive_x10_clip01_final": ("stdp", {"A_plus": 0.1, "A_minus": 0.105}),
    "w_multiplicative_clip01_final": ("multiplicative_stdp", {}),
}


@pytest.mark.parametrize("case", BOUNDED)
def test_bounds(case, truth):
    rule, values = BOUNDED[case]
    np.testing.assert_allclose(learned(truth, rule, 0.5, (0.0, 1.0), **values), truth[case], rtol=0, atol=1e-12)


def test_reward(truth):
    """Against the left rule of the oracle on the same grid."""
    rewards = {round(t / DT): a for t, a in zip(truth["rstdp_reward_t"], truth["rstdp_reward_amp"], strict=True)}
    found = learned(truth, "rstdp", rewards=rewards)
    np.testing.assert_allclose(found, truth["rstdp_dw_grid0p1"], rtol=1e-12, atol=0)
