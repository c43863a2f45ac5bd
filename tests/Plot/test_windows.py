"""Windows of rules: against closed forms."""

import numpy as np
import pytest

import spaic
from spaic.errors import InputError, SpaicError, UnsupportedError
from spaic.Plot import stdp_window
from spaic.Plot.windows import window

T = np.arange(-40.0, 41.0)
CAUSAL = T >= 0


def exponential(before, after, tau_before=20.0, tau_after=20.0):
    return np.where(CAUSAL, after * np.exp(-np.abs(T) / tau_after), before * np.exp(-np.abs(T) / tau_before))


FORMS = {
    "stdp": exponential(-0.0105, 0.01),
    "reduced_symmetric_stdp": exponential(-0.0105, 0.01),
    "anti_hebbian_stdp": exponential(0.0105, -0.01),
    "multiplicative_stdp": exponential(-0.0105 * 0.5, 0.01 * 0.5),
    "vogels_stdp": 0.001 * (np.exp(-np.abs(T) / 20) - 2 * 0.005 * 20),
    "post_pre_stdp": exponential(-1e-4, 1e-2),
    "triplet_stdp": exponential(-7e-3, 5e-10, 33.7, 16.8),
    "mstdp": exponential(-0.1, 0.1),
    "mstdpet": exponential(-0.1 / 25, 0.1 / 25),
}


@pytest.mark.parametrize("rule", FORMS)
def test_closed_forms(rule):
    times, changes = window(rule, span=40.0)
    np.testing.assert_array_equal(times, T)
    np.testing.assert_allclose(changes, FORMS[rule], rtol=0, atol=1e-14)


def test_values_and_the_reward_count():
    _, changes = window("stdp", 40.0, A_plus=0.03, tau_minus=5.0)
    np.testing.assert_allclose(changes, exponential(-0.0105, 0.03, tau_before=5.0), rtol=0, atol=1e-14)
    learner = spaic.PlasticityLearner(rule="mstdp", lr=0.2)
    np.testing.assert_allclose(window(learner, 40.0, reward=-2.0)[1], -4 * FORMS["mstdp"], rtol=0, atol=1e-14)


def test_each_rule_is_a_curve_with_its_name():
    ax = stdp_window(["stdp", "vogels_stdp"], span=40.0, title="pairs")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["stdp", "vogels_stdp"]
    drawn = [line for line in ax.lines if len(line.get_xdata()) > 2]
    assert [len(line.get_xdata()) for line in drawn] == [41, 40, 41, 40]
    np.testing.assert_allclose(drawn[0].get_ydata(), FORMS["stdp"][CAUSAL], atol=1e-14)
    assert ax.get_title(loc="left") == "pairs" and "(ms)" in ax.get_xlabel()


def test_what_has_no_window():
    with pytest.raises(UnsupportedError, match="stdp_window: 'clopath' reads 'V' of neurons"):
        stdp_window("clopath")
    with pytest.raises(UnsupportedError, match="'fede_stdp' compares neurons"):
        stdp_window("fede_stdp")
    with pytest.raises(InputError, match="stdp_window: 'stdp' uses no reward"):
        stdp_window("stdp", reward=1.0)
    with pytest.raises(InputError, match="3 is no rule"):
        stdp_window(3)
    with pytest.raises(InputError, match="0 rules; give 1 to"):
        stdp_window([])
    with pytest.raises(InputError, match="weight is nan"):
        stdp_window("stdp", weight=float("nan"))
    with pytest.raises(SpaicError, match="span"):
        stdp_window("stdp", span=0.0)
    with pytest.raises(SpaicError, match="unknown.*A_pls"):
        stdp_window("stdp", A_pls=1.0)
