"""Plasticity rules on exact events: against double sums over pairs of spikes, exact integrals, and the time grid."""

import importlib.util
from types import SimpleNamespace

import numpy as np
import pytest

import spaic
from spaic.Backend.Event import island, layer
from spaic.Backend.Event.compiled import kernels
from spaic.errors import InputError, UnsupportedError
from spaic.registry import rules
from tests.oracles.cells import load

_LOADED = {}
#: A neuron that fires exactly when it is told to, whatever else arrives.
PUPPET = spaic.NeuronModel(
    "dV/dt = -V / tau\nddrive/dt = -drive / tau", dict(tau=spaic.Parameter(1.0, "ms")), name="puppet", method="exact",
    receive={"input": "V += w", "command": "drive += w"}, spike="drive > 0.5", reset="drive = 0",
)  # fmt: skip


@pytest.fixture
def in_python(monkeypatch, tmp_path):
    """Loops of events as Python: each rule would be compiled for itself, which takes ten seconds."""
    for module in (island, layer):
        monkeypatch.setattr(module, "compiled", kernels.compiled.__wrapped__)  # which forgets what it has made

    def loaded(text, name, announce=""):
        if text not in _LOADED:
            path = tmp_path / f"{name}_{len(_LOADED)}.py"
            path.write_text(text, encoding="utf-8")
            spec = importlib.util.spec_from_file_location(path.stem, path)
            _LOADED[text] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(_LOADED[text])
        return _LOADED[text]

    monkeypatch.setattr(kernels, "jit", SimpleNamespace(load=loaded, part=lambda function: function))


# --- against independent numbers


@pytest.fixture(scope="module")
def truth(oracles):
    return load(oracles / "plasticity.npz")


def events(truth, name):
    flat, off = truth[f"{name}_flat"], truth[f"{name}_off"]
    return [[flat, np.repeat(np.arange(len(off) - 1), np.diff(off))]]


def told(truth, rule, weight=0.0, bounds=(None, None), rewards=(), **values):
    """The weights after the trains."""
    with spaic.Network() as net:
        source = spaic.Encoder(num=6, coding_method="mstb")
        command = spaic.Encoder(num=6, coding_method="mstb")
        cells = spaic.NeuronGroup(6, model=PUPPET)
        drive = spaic.Connection(command, cells, link_type="one_to_one", weight=1.0, post_var_name="command")
        wire = spaic.Connection(
            source, cells, link_type="one_to_one", post_var_name="input", weight=weight, w_min=bounds[0], w_max=bounds[1]
        )
        learner = spaic.PlasticityLearner(wire, rule, **values)
    net.set_backend("event", dt=1.0)
    net.source(events(truth, "pre"))
    net.command(events(truth, "post"))
    net.run(rewards[0][0] if rewards else 5000.0)
    ends = [*(t for t, _ in rewards), 5000.0][1:]
    for (_, amount), end in zip(rewards, ends, strict=True):
        net.learner.reward(amount)
        net.run_continue(end - net._simulation.state.step * 1.0)
    return net.wire.weight.detach().numpy()


SCHEMES = {
    "stdp": "dw_all_to_all",
    "nearest_symmetric_stdp": "dw_nn_symmetric",
    "presynaptic_centred_stdp": "dw_nn_presynaptic_centred",
    "reduced_symmetric_stdp": "dw_nn_reduced_symmetric",
    "triplet_stdp": "dw_triplet_vc_all",
}


@pytest.mark.parametrize("rule", SCHEMES)
def test_pairs_and_triplets_are_double_sums(rule, truth, in_python):
    np.testing.assert_allclose(told(truth, rule), truth[SCHEMES[rule]], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "case, rule, factor", [("additive", "stdp", 1), ("additive_x10", "stdp", 10), ("multiplicative", "multiplicative_stdp", 1)]
)
def test_bounds_hold_at_every_event(case, rule, factor, truth, in_python):
    found = told(truth, rule, 0.5, (0.0, 1.0), A_plus=0.01 * factor, A_minus=0.0105 * factor)
    np.testing.assert_allclose(found, truth[f"w_{case}_clip01_final"], rtol=0, atol=1e-12)


def test_dopamine_is_integrated_exactly(truth, in_python):
    """The integral over five seconds of the product of two traces, which the time grid only approaches."""
    rewards = list(zip(truth["rstdp_reward_t"].tolist(), truth["rstdp_reward_amp"].tolist(), strict=True))
    np.testing.assert_allclose(told(truth, "rstdp", rewards=rewards), truth["rstdp_dw"], rtol=1e-10, atol=0)


# --- against the time grid


def network(rule, is_recurrent=True, link="full", seed=0, **values):
    """lif neurons fire when something arrives, so that grid and events have the same spikes; no input comes twice in a step."""
    rng = np.random.default_rng(seed)
    with spaic.Network(seed=seed) as net:
        source = spaic.Encoder(num=4, coding_method="mstb")
        cells = spaic.NeuronGroup(4, model="lif", tau_m=12.0, t_ref=1.0)
        options = {} if link == "full" else {"density": 0.7} if link == "sparse" else {}
        wire = spaic.Connection(source, cells, link_type=link, w_mean=0.6, w_std=0.2, delay=1.0, **options)
        learner = spaic.PlasticityLearner(wire, rule, **values)
        if is_recurrent:
            back = spaic.Connection(cells, cells, w_mean=0.2, w_std=0.1, delay=2.0)
            other = spaic.PlasticityLearner(back, "stdp", A_plus=0.03)
        watch = spaic.StateMonitor(wire, "weight")
    ticks = rng.permutation(4 * 230)[:40]
    net.source([[(ticks // 4 + 1) / 10, ticks % 4]])
    return net


def outcome(net, backend, pieces=(16.0, 8.0)):
    net.set_backend(backend)
    for n, T in enumerate(pieces):
        (net.run_continue if n else net.run)(T)
        if "on_reward" in net.learner.declaration.statements and n + 1 < len(pieces):
            net.learner.reward(0.7)
    traces = {s: net.learner.trace(net.wire, s) for s in net.learner.declaration.states}
    return net.wire.weight.detach().numpy(), net.watch.values, traces


AT_SPIKES = [n for n in rules if n in (*SCHEMES, "mstdpet", "vogels_stdp", "power_law_stdp", "weight_dependent_stdp", "post_pre_stdp")]


@pytest.mark.parametrize(
    "rule, link", [*((r, "full") for r in AT_SPIKES), *((r, k) for r in ("stdp", "mstdpet") for k in ("sparse", "one_to_one"))]
)
def test_what_happens_at_spikes_is_the_same_on_a_grid(rule, link, in_python):
    grid = outcome(network(rule, link=link), spaic.Torch_Backend(dt=0.1, dtype="float64", kernels="plain"))
    exact = outcome(network(rule, link=link), spaic.Event_Backend(dt=0.1))
    assert np.ptp(exact[1], axis=-1).max() > 1e-4
    np.testing.assert_allclose(exact[0], grid[0], rtol=0, atol=1e-10 * max(1.0, np.abs(grid[0]).max()))
    np.testing.assert_allclose(exact[1], grid[1], rtol=0, atol=1e-10 * max(1.0, np.abs(grid[1]).max()))
    for name, value in grid[2].items() if link != "sparse" else ():  # a grid has traces where there is no synapse too
        np.testing.assert_allclose(exact[2][name], value, rtol=0, atol=1e-10)


def test_several_rules_in_one_loop(in_python):
    """Two groups that feed back on each other, four links that learn by three rules, one of them rewarded."""

    def learned(backend):
        rng = np.random.default_rng(1)
        with spaic.Network(seed=1) as net:
            source = spaic.Encoder(num=5, coding_method="mstb")
            a = spaic.NeuronGroup(4, model="lif", tau_m=12.0, t_ref=1.0)
            b = spaic.NeuronGroup(3, model="lif", tau_m=8.0, t_ref=0.5)
            into = spaic.Connection(source, a, weight=rng.uniform(0.1, 0.5, (4, 5)), delay=1.0, w_min=0.0, w_max=0.6)
            on = spaic.Connection(a, b, weight=rng.uniform(0.2, 0.9, (3, 4)), delay=0.5)
            back = spaic.Connection(b, a, weight=rng.uniform(-0.3, 0.3, (4, 3)), delay=1.5)
            beside = spaic.Connection(source, b, weight=rng.uniform(0.0, 0.3, (3, 5)), delay=0.5)
            pairs = spaic.PlasticityLearner(into, "stdp")
            triplets = spaic.PlasticityLearner([on, back], "triplet_stdp", A3_plus=1e-4)
            rewarded = spaic.PlasticityLearner(beside, "mstdpet")
        ticks = rng.permutation(5 * 180)[:60]
        net.source([[(ticks // 5 + 1) / 10, ticks % 5]])
        net.set_backend(backend)
        net.run(10.0)
        net.rewarded.reward(0.5)
        net.run_continue(10.0)
        assert triplets.parent is pairs.parent is net
        return [getattr(net, name).weight.detach().numpy() for name in ("into", "on", "back", "beside")]

    grid = learned(spaic.Torch_Backend(dt=0.1, dtype="float64", kernels="plain"))
    for exact, other in zip(learned(spaic.Event_Backend(dt=0.1)), grid, strict=True):
        np.testing.assert_allclose(exact, other, rtol=0, atol=1e-12)


SHORT = [("stdp", dict(tau_plus=0.02)), ("presynaptic_centred_stdp", dict(tau_plus=0.05)), ("stdp", dict(tau_minus=1e-9))]


@pytest.mark.parametrize("rule, values", SHORT)
def test_traces_that_are_gone_soon(rule, values, in_python):
    """What is left of them over the run is no number that a computer has."""
    grid = outcome(network(rule, **values), spaic.Torch_Backend(dt=0.1, dtype="float64", kernels="plain"))
    exact = outcome(network(rule, **values), spaic.Event_Backend(dt=0.1))
    np.testing.assert_allclose(exact[0], grid[0], rtol=0, atol=1e-12)
    for name, value in grid[2].items():
        np.testing.assert_allclose(exact[2][name], value, rtol=0, atol=1e-12)


@pytest.mark.parametrize("rule", ["rstdp", "hebb", "homeostatic_scaling"])
def test_the_grid_converges_to_exact_integrals(rule, in_python):
    exact = outcome(network(rule, is_recurrent=False), spaic.Event_Backend(dt=0.1))[0]
    errors = []
    for dt in (0.1, 0.05):
        grid = outcome(network(rule, is_recurrent=False), spaic.Torch_Backend(dt=dt, dtype="float64", kernels="plain"))[0]
        errors.append(np.abs(grid - exact).max())
    assert 0 < errors[1] < 0.6 * errors[0]


def test_weights_that_decay_by_themselves(in_python):
    rule = spaic.Rule(
        pre="dx/dt = -x / tau", on_pre="x += 1", on_post="w += A * x", each_step="w -= dt * w / tau_w",
        parameters=dict(tau=20.0, tau_w=100.0, A=0.0), name="fading",
    )  # fmt: skip
    net = network(rule, is_recurrent=False)
    net.set_backend("event", dt=0.1)
    net.build()
    before = net.wire.weight.detach().numpy().copy()
    net.run(30.0)
    np.testing.assert_allclose(net.wire.weight.detach().numpy(), before * np.exp(-0.3), rtol=1e-13)


def test_pieces_are_one_run_and_eval_stops_learning(in_python):
    whole = outcome(network("stdp"), spaic.Event_Backend(dt=0.1), (24.0,))
    parts = outcome(network("stdp"), spaic.Event_Backend(dt=0.1), (7.3, 0.1, 10.6, 6.0))
    np.testing.assert_allclose(parts[0], whole[0], rtol=0, atol=1e-13)
    net = network("stdp")
    net.set_backend("event", dt=0.1)
    net.build()
    before = net.wire.weight.detach().numpy().copy()
    net.eval()
    net.run(60.0)
    assert np.array_equal(net.wire.weight.detach().numpy(), before) and len(net.program.spikes["cells"]) > 5


def test_compiled_loops_learn_the_same(in_python, monkeypatch):
    slow = outcome(network("stdp", is_recurrent=False), spaic.Event_Backend(dt=0.1))
    monkeypatch.undo()
    fast = outcome(network("stdp", is_recurrent=False), spaic.Event_Backend(dt=0.1))
    np.testing.assert_allclose(fast[0], slow[0], rtol=0, atol=1e-14)
    assert any("learns by stdp, at every spike" in line for line in network_lines("stdp"))


def network_lines(rule):
    net = network(rule, is_recurrent=False)
    net.set_backend("event", dt=0.1)
    net.build()
    return net.program.execution()


# --- what cannot be done

REFUSED = {
    "bcm": "integrator",
    "oja": "no closed form",
    "clopath": "reads V",
    "mstdp": "one-step map",
    "fede_stdp": "largest",
}


def test_every_rule_that_has_no_exact_form_is_refused_by_name():
    for rule, why in REFUSED.items():
        net = network(rule, is_recurrent=False)
        net.set_backend("event", dt=0.1)
        with pytest.raises(UnsupportedError, match=rf"(?s)wire: {rule}.*{why}"):
            net.build()


@pytest.mark.parametrize(
    "text, why",
    [
        (dict(on_pre="x += 1; w += dt * x"), "reads dt"),
        (dict(on_pre="x += 1; w += x", each_step="x += dt"), "only 'w"),
        (dict(on_pre="x += 1", each_step="w += dt * max(x, 0)"), "no product of states"),
        (dict(on_pre="x += 1", each_step="w += x"), "not proportional to dt"),
        (dict(on_pre="x += 1", each_step="w += dt * x * w**2"), "not linear in w"),
        (dict(on_pre="x += 1", end_step="w += x"), "end_step"),
        (dict(on_pre="x += 1; w += x", pre="dx/dt = (1 - x) / tau"), "no decay by itself"),
    ],
)
def test_rules_of_ones_own_that_have_no_exact_form(text, why):
    net = network(spaic.Rule(**{"pre": "dx/dt = -x / tau", **text}, parameters=dict(tau=20.0), name="mine"), is_recurrent=False)
    net.set_backend("event", dt=0.1)
    with pytest.raises(UnsupportedError, match=f"wire: mine.*{why}"):
        net.build()


def test_bounds_between_spikes_shared_weights_and_batches_are_refused(in_python):
    with spaic.Network() as net:
        source = spaic.Encoder(shape=(1, 4, 4), coding_method="mstb")
        cells = spaic.NeuronGroup(shape=(2, 3, 3), model="lif")
        wire = spaic.Connection(source, cells, link_type="conv", out_channels=2, kernel_size=2)
        learner = spaic.PlasticityLearner(wire, "stdp")
        bounded = spaic.Connection(cells, cells, weight=0.1, delay=1.0, w_max=1.0)
        other = spaic.PlasticityLearner(bounded, "homeostatic_scaling")
    net.set_backend("event", dt=0.1)
    late = network("stdp", is_recurrent=False)
    late.wire.delay = np.full((4, 4), 1.5)
    late.set_backend("event", dt=0.1)
    with pytest.raises(UnsupportedError, match=r"wire: stdp: .*one delay"):
        late.build()
    with pytest.raises(UnsupportedError, match=r"(?s)wire: its weights are shared.*bounded: homeostatic_scaling: .*bound"):
        net.build()
    net = network("stdp", is_recurrent=False, reduction="mean")
    net.set_backend("event", dt=0.1)
    net.source([[[1.0], [0]], [[2.0], [1]]])
    with pytest.raises(InputError, match="wire: 2 samples would change the same weights"):
        net.run(5.0)
    net.eval()
    net.run(5.0)


def test_no_gradient_passes_weights_that_change(in_python):
    import torch

    with spaic.Network() as net:
        source = spaic.Encoder(num=2, coding_method="sstb")
        cells = spaic.NeuronGroup(2, model="cuba")
        wire = spaic.Connection(source, cells, weight=5.0)
        learner = spaic.PlasticityLearner(wire, "stdp")
    net.set_backend("event", dt=0.1)
    net.source(torch.tensor([[1.0, 2.0]], dtype=torch.float64, requires_grad=True))
    net.run(20.0)
    with pytest.raises(UnsupportedError, match="wire: no gradient passes weights that a rule changes"):
        net.program.spikes["cells"].times.sum().backward()
