"""Rules in one compiled loop over time give what the reference backend gives step by step."""

import numpy as np
import pytest
import torch

import spaic
from spaic import registry
from spaic.Backend.Kernels.text import rule_text
from spaic.Backend.Plastic.program import PlasticProgram
from spaic.Library.rules import with_teacher
from tests.contracts.uncompiled import in_python

pytestmark = pytest.mark.filterwarnings("ignore:.*of the weights:RuntimeWarning", "ignore:.*the weights exploded:RuntimeWarning")

STEPS = 40
LEARNED = [name for name, rule in registry.rules.items() if not rule_text.obstacle(rule)]


@pytest.fixture
def uncompiled(monkeypatch, tmp_path):
    in_python(monkeypatch, tmp_path)


SPARSE = {"link_type": "random", "probability": 0.6, "storage": "sparse", "weight": spaic.uniform(0.2, 0.6)}
PAIRS = {"link_type": "one_to_one", "weight": 0.4}
#: Each synapse has its own delay.
LATE_MATRIX = {"weight": np.random.default_rng(4).uniform(0.2, 0.6, (6, 8)), "delay": np.random.default_rng(5).integers(0, 4, (6, 8)) * 1.0}
LATE_LIST = {"link_type": "random", "probability": 0.7, "storage": "sparse", "weight": 0.1, "delay": spaic.uniform(1.0, 6.0)}


def network(rule, backend="torch", dtype="float64", batch=1, seed=0, wire_as=None, loop_as=None, **options):
    """Input and a loop, each learned by a rule with its own delay; competition by fixed links of other types."""
    rng = np.random.default_rng(seed)
    with spaic.Network(seed=seed) as net:
        source = spaic.Encoder(8, coding_method="poisson", unit_conversion=0.5)
        is_taught = "taught" in registry.rules[rule].reads("post").values()
        cells = spaic.NeuronGroup(6, model=with_teacher("lif") if is_taught else "lif", tau_m=5.0, t_ref=1.0)
        others = spaic.NeuronGroup(6 if loop_as is PAIRS else 5, model="cuba", tau_m=8.0)
        wire_as = {"delay": 2.0} | (wire_as or {"weight": rng.uniform(0.2, 0.6, (6, 8))})
        loop_as = {"delay": 1.0} | (loop_as or {"weight": rng.uniform(-0.2, 0.2, (6, 5))})
        wire = spaic.Connection(source, cells, **wire_as, w_min=0.0, w_max=0.6)
        loop = spaic.Connection(others, cells, **loop_as)
        on = spaic.Connection(cells, others, weight=rng.uniform(0.2, 0.8, (others.num, 6)))
        rivals = spaic.Connection(cells, cells, link_type="one_to_one", weight=-0.1, delay=1.0, is_parameter=False)
        learner = spaic.PlasticityLearner([wire, loop], rule, reduction=options.pop("reduction", None))
        trace = spaic.StateMonitor(cells, "V", dt=2.0)
        spikes = spaic.SpikeMonitor(others)
        output = spaic.Decoder(dec_target=others)
    if is_taught:
        with net:
            net.goal = spaic.Encoder(6, coding_method="bernoulli")
            net.teacher = spaic.Connection(net.goal, cells, link_type="one_to_one", weight=1.0, post_var_name="teacher")
        net.goal(rng.random((batch, 6)) * 0.3)
    for element in (on, rivals, learner, trace, spikes, output):
        assert element.parent is net
    net.set_backend(backend, dt=1.0, dtype=dtype, **options)
    net.source(rng.random((batch, 8)))
    return net


def outcome(net, pieces=(STEPS,), rewards=False):
    found = []
    for i, steps in enumerate(pieces):
        with torch.no_grad():
            (net.run_continue if i else net.run)(float(steps))
        if rewards:
            net.learner.reward(0.3)
        found.append([np.asarray(x).copy() for x in (net.trace.values, net.spikes.values, net.output.predict)])
    simulation = net._simulation
    arrays = {k: simulation.backend.as_numpy(v) for k, v in simulation.state.arrays.items()}
    weights = {k: np.asarray(v) for k, v in simulation.store.learned().items()}
    return weights, arrays, found


def way_of(net, path="wire"):
    return next(line for line in net._simulation.program.execution() if line.startswith(f"{path}: learns"))


@pytest.mark.parametrize("batch, reduction", [(1, None), (3, "mean")])
@pytest.mark.parametrize("rule", LEARNED)
def test_what_is_listed_and_what_is_paired(rule, batch, reduction, uncompiled):
    options = {"batch": batch, "reduction": reduction, "wire_as": SPARSE, "loop_as": PAIRS}
    same(rule, [network(rule, backend, **options) for backend in ("reference", "torch")], (9, 1, 8))


@pytest.mark.parametrize("batch, reduction", [(1, None), (3, "sum")])
@pytest.mark.parametrize("rule", LEARNED)
def test_delays_of_single_synapses(rule, batch, reduction, uncompiled):
    options = {"batch": batch, "reduction": reduction, "wire_as": LATE_MATRIX, "loop_as": LATE_LIST}
    same(rule, [network(rule, backend, **options) for backend in ("reference", "torch")], (9, 1, 8))


@pytest.mark.parametrize(
    "rule, batch, reduction, pieces",
    [(rule, *given) for rule in LEARNED for given in ((1, None, (15, 1, STEPS - 16)), (3, "mean", (9, 1, 8)))]
    + [("stdp", 3, "sum", (18,))],
)
def test_it_is_the_reference(rule, batch, reduction, pieces, uncompiled):
    same(rule, [network(rule, backend, batch=batch, reduction=reduction) for backend in ("reference", "torch")], pieces)


def same(rule, nets, pieces):
    """What one backend learns is what the other learns."""
    start = nets[1]
    start.build()
    before = {k: np.array(v) for k, v in start._simulation.store.learned().items()}
    rewards = "on_reward" in registry.rules[rule].statements
    expected, found = (outcome(net, pieces, rewards) for net in nets)
    assert way_of(nets[1]).endswith("in one compiled loop over time; step by step in runs with gradients")
    assert any(not np.array_equal(v, before[k]) for k, v in found[0].items()), "nothing was learned"
    for k, v in expected[0].items():
        np.testing.assert_allclose(found[0][k], v, rtol=1e-12, atol=1e-12, err_msg=k)
    assert set(found[1]) == set(expected[1])
    for k, v in expected[1].items():
        np.testing.assert_allclose(found[1][k], v, rtol=1e-11, atol=1e-12, err_msg=k)
    for mine, truth in zip(found[2], expected[2], strict=True):
        np.testing.assert_allclose(mine[0], truth[0], rtol=1e-12, atol=1e-12)
        np.testing.assert_array_equal(mine[1], truth[1])
        np.testing.assert_array_equal(mine[2], truth[2])


def test_no_step_is_taken_alone(uncompiled, monkeypatch):
    monkeypatch.setattr(PlasticProgram, "_step_by_step", None)
    outcome(network("stdp"))


@pytest.mark.parametrize(
    "dtype, tolerance, options",
    [
        ("float64", 1e-12, {}),
        ("float32", 1e-4, {}),
        ("float64", 1e-12, {"batch": 3, "reduction": "mean", "wire_as": SPARSE, "loop_as": PAIRS}),
        ("float64", 1e-12, {"wire_as": LATE_MATRIX, "loop_as": LATE_LIST}),
    ],
)
def test_compiled(dtype, tolerance, options):
    fast, slow = network("triplet_stdp", dtype=dtype, **options), network("triplet_stdp", dtype=dtype, kernels="plain", **options)
    found, expected = outcome(fast), outcome(slow)
    np.testing.assert_array_equal(found[2][0][1], expected[2][0][1])
    for k, v in expected[0].items():
        np.testing.assert_allclose(found[0][k], v, rtol=tolerance, atol=tolerance, err_msg=k)


def test_pieces_are_one_run(uncompiled):
    whole, parts = outcome(network("post_pre_stdp"))[0], outcome(network("post_pre_stdp"), (1, 13, 2, STEPS - 16))[0]
    assert all(np.array_equal(whole[k], parts[k]) for k in whole)


def test_bounds_hold(uncompiled):
    net = network("stdp")
    net.learner.param = {"A_plus": 0.5, "A_minus": 0.5}
    weights = outcome(net)[0]["wire.weight"]
    assert weights.min() >= 0.0 and weights.max() <= 0.6 and {0.0, 0.6} & set(weights.ravel().tolist())


@pytest.mark.parametrize("every", [(1.0, 1.0), (4.0, 6.0), (50.0, 3.0)])
@pytest.mark.parametrize("pieces", [(17,), (1, 9, 7)])
def test_weights_may_be_watched(every, pieces, uncompiled):
    nets = [network("stdp", backend) for backend in ("reference", "torch")]
    for net in nets:
        net.first, net.second = spaic.StateMonitor(net.wire, "weight", dt=every[0]), spaic.StateMonitor(net.loop, "weight", dt=every[1])
    for (weights, _, _), (truth, _, _) in [[outcome(net, pieces) for net in nets[::-1]]]:
        for k, v in truth.items():
            np.testing.assert_allclose(weights[k], v, rtol=1e-12, atol=1e-12, err_msg=k)
    assert "in one compiled loop over time" in way_of(nets[1])
    for mine, theirs in ((nets[1].first, nets[0].first), (nets[1].second, nets[0].second)):
        np.testing.assert_array_equal(mine.times, theirs.times)
        np.testing.assert_allclose(mine.values, theirs.values, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "change, why",
    [
        (lambda net: setattr(net, "watch", spaic.StateMonitor(net.loop, "current")), "the current of loop is recorded"),
        (lambda net: net.set_backend("torch", dt=1.0, dtype="float64", kernels="plain"), "events are for kernels='auto'"),
    ],
)
def test_it_says_why_not(change, why):
    net = network("stdp")
    change(net)
    net.run(3.0)
    assert why in way_of(net)


def test_what_carries_gradients_goes_step_by_step():
    """What the loop cannot do is done the other way."""
    net = network("stdp")
    net.gradient = spaic.SurrogateBP(net.on)
    net.run(float(STEPS))
    (net.output.predict**2).sum().backward()
    assert net.on.weight.grad.abs().sum() > 0
