"""What is refused, and what is said once, of links that rules learn."""

import warnings

import numpy as np
import pytest

import spaic


def network(code="bernoulli", weight=0.5, bounds=None, backend="torch", **param):
    with spaic.Network(seed=0) as net:
        net.x = spaic.Encoder(6, coding_method=code)
        net.cells = spaic.NeuronGroup(4, model="lif")
        net.wire = spaic.Connection(net.x, net.cells, weight=np.full((4, 6), weight), **(bounds or {}))
        net.learner = spaic.PlasticityLearner(net.wire, "stdp", **param)
    net.set_backend(backend, dt=1.0)
    net.x(np.full((1, 6), 0.5) if code != "null" else np.full((1, 50, 6), 0.5))
    return net


BACKENDS = pytest.mark.parametrize("backend", ["torch", "reference"])


@pytest.mark.parametrize("code", ["null", "direct"])
@BACKENDS
def test_input_that_is_no_spikes_is_refused(code, backend):
    net = network(code, backend=backend)
    with pytest.raises(spaic.InputError, match="wire: 'stdp' learns from spikes, but 'x' sends other values; .*poisson"):
        net.run(50.0)
    net.eval()
    net.run(50.0)


@pytest.mark.parametrize(
    "options, said",
    [
        ({"bounds": {"w_min": 0.0}, "A_plus": 0.0, "A_minus": 1.0}, "wire: under 'stdp' 100 % of the weights died, they became 0; lower"),
        ({"bounds": {"w_max": 0.9}, "A_plus": 1.0, "A_minus": 0.0}, "wire: under 'stdp' 100 % of the weights exploded, they are at w_max"),
        ({"bounds": {"w_min": -0.7}, "A_plus": 0.0, "A_minus": 1.0}, "wire: under 'stdp' 100 % of the weights exploded, they are at w_min"),
        ({"A_plus": 500.0, "A_minus": 0.0}, "wire: under 'stdp' the weights exploded, their mean magnitude grew by a factor of "),
    ],
)  # fmt: skip
@BACKENDS
def test_weights_that_die_or_explode_are_named_once(options, said, backend):
    net = network(backend=backend, **options)
    with pytest.warns(RuntimeWarning, match=said) as found:
        for _ in range(3):
            net.run(100.0)
    assert len(found) == 1


def test_learning_as_it_should_be_says_nothing():
    net = network(bounds={"w_min": 0.0, "w_max": 1.0}, A_plus=0.01, A_minus=0.01)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            net.run(100.0)


def test_weights_that_were_zero_did_not_die():
    net = network(weight=0.0, bounds={"w_min": 0.0}, A_minus=1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net.run(100.0)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_weights_that_are_no_numbers_are_not_kept():
    net = network(A_plus=1e38, A_minus=0.0)
    with pytest.raises(
        spaic.NumericalError, match="wire: .* of the weights became NaN or infinite under 'stdp' and were not kept; .*w_max"
    ):
        net.run(400.0)
    assert (net.wire.weight == 0.5).all()


def test_weights_that_began_at_a_bound_did_not_explode():
    net = network(weight=1.0, bounds={"w_max": 1.0}, A_plus=0.0, A_minus=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net.run(50.0)


def test_what_was_said_is_not_said_again_by_the_next_build():
    net = network(bounds={"w_min": 0.0}, A_plus=0.0, A_minus=1.0)
    with pytest.warns(RuntimeWarning, match="died"):
        net.run(100.0)
    net.watch = spaic.StateMonitor(net.cells, "V")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net.run(100.0)


def test_a_reward_that_breaks_the_weights_is_refused():
    net = network()
    net.learner.rule = "mstdp"
    net.run(50.0)
    before = net.wire.weight.clone()
    with pytest.raises(spaic.NumericalError, match="wire: .* under 'mstdp' and were not kept"):
        net.learner.reward(1e45)
    assert (net.wire.weight == before).all()


@pytest.mark.parametrize(
    "use, said",
    [
        (lambda net: net.learner.reward("good"), "'good' is not one finite number"),
        (lambda net: net.learner.trace(net.cells, "x"), "<NeuronGroup cells> is no connection that it trains"),
        (lambda net: net.learner.trace("wire", "x"), "'wire' is no connection that it trains"),
        (lambda net: spaic.PlasticityLearner(net.wire, "stdp", A_plus="big"), r"PlasticityLearner\(stdp\).A_plus: cannot read 'big'"),
        (lambda net: spaic.PlasticityLearner(net.wire, "stdp", A_plus=True), "A_plus: True is no number"),
        (lambda net: setattr(net.wire, "weight", 1.0), "wire.weight: weights belong to the built network; .*copy_"),
        (lambda net: net.fit([], epochs=1, run_time=5.0), "'learner' learns while the network runs, not from a loss; call net.run"),
    ],
)  # fmt: skip
def test_what_a_plastic_network_cannot_do_is_said(use, said):
    net = network()
    net.learner.rule = "mstdp"
    net.run(5.0)
    with pytest.raises(spaic.SpaicError, match=said):
        use(net)


def test_explain_names_the_rule_before_and_after_the_first_run(capsys):
    net = network()
    assert "wire: learns by stdp" in net.explain()
    net.run(1.0)
    assert "wire: learns by stdp, " in net.explain()
