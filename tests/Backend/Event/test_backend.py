"""Whole networks on exact events: agreement with the time grid, gradients, delays, refusals."""

import numpy as np
import pytest
import torch

import spaic
from spaic.errors import DeclarationError, GraphError, NumericalError, SpaicError, UnsupportedError

RESONATOR = spaic.NeuronModel(
    "dV/dt = -V / tau + omega * U\ndU/dt = -U / tau - omega * V",
    dict(tau=spaic.Parameter(15.0, "ms"), omega=spaic.Parameter(0.4, "1/ms")),
    receive="U += w", spike="V > 0.4", reset="V = 0; U = 0", name="resonator", method="exact",
)  # fmt: skip
#: Model, parameters, scale of the weights: one rate, two, repeated ones, complex ones, an adaptive threshold, a refractory period.
MODELS = {
    "lif": ("lif", dict(t_ref=0.7), 1.0),
    "cuba": ("cuba", dict(V_rest=0.1, t_ref=1.5), 6.0),
    "alpha": ("cuba", dict(tau_m=6.0, tau_s=6.0), 3.0),
    "alif": ("alif", {}, 1.0),
    "resonator": (RESONATOR, {}, 1.0),
}


def network(case, is_recurrent=False, seed=0):
    model, given, scale = MODELS[case]
    rng = np.random.default_rng(seed)
    with spaic.Network() as net:
        source = spaic.Encoder(num=6, coding_method="mstb")
        a = spaic.NeuronGroup(5, model=model, **given)
        b = spaic.NeuronGroup(3, model=model, **given)
        into = spaic.Connection(source, a, weight=rng.normal(0.2, 0.2, (5, 6)) * scale)
        on = spaic.Connection(a, b, weight=rng.normal(0.3, 0.2, (3, 5)) * scale, delay=rng.uniform(0.3, 2.0, (3, 5)).round(2))
        if is_recurrent:
            back = spaic.Connection(b, a, weight=rng.normal(0.1, 0.2, (5, 3)) * scale, delay=1.0)
            own = spaic.Connection(a, a, weight=rng.normal(0.0, 0.2, (5, 5)) * scale, delay=0.5)
        trace = spaic.StateMonitor(a, "V")
        count = spaic.Decoder(dec_target=b)
    net.source([[rng.uniform(0, 18, 40).round(2), rng.integers(0, 6, 40)] for _ in range(2)])
    return net


@pytest.mark.parametrize("case", MODELS)
@pytest.mark.parametrize("is_recurrent", [False, True])
def test_the_time_grid_converges_to_exact_events(case, is_recurrent):
    """Times on a grid of 0.01 ms, so that inputs and delays are exact on every grid; spikes of the finest are within two steps.

    With seed 0 an input comes in the step of a spike of the resonator; on a grid its jump is lost in the reset, as the next test shows.
    """
    net = network(case, is_recurrent, seed=1 if case == "resonator" else 0)
    net.set_backend("torch", dt=0.01, dtype="float64")
    found = net.verify(8.0, backends=("torch", "event"), dt=(0.01,))
    (comparison,) = found.comparisons
    assert comparison.spikes > 5
    assert comparison.before < 1e-12
    assert comparison.divergence == "" and comparison.missing == 0, str(found)
    assert found.agrees and "agree" in str(found)


def with_gradient(net, T=15.0):
    """A loss of the spike times of both groups, and the weights it depends on."""
    net.run(T)
    loss = 0.0
    for name in ("a", "b"):
        times = net.program.spikes[name].times
        loss = loss + (times * torch.linspace(0.5, 1.5, len(times), dtype=torch.float64)).sum()
    return loss, [len(net.program.spikes[n]) for n in ("a", "b")]


@pytest.mark.parametrize("case", ["cuba", "alpha", "resonator"])
@pytest.mark.parametrize("is_recurrent", [False, True])
def test_gradients_are_those_of_finite_differences(case, is_recurrent):
    net = network(case, is_recurrent, seed=2)
    net.set_backend("event", dt=0.5)
    net.run(15.0)
    weights = {k: v.requires_grad_(True) for k, v in net._simulation.store.tensors().items() if k.endswith("weight")}
    loss, counts = with_gradient(net)
    assert min(counts) > 0
    gradients = torch.autograd.grad(loss, list(weights.values()))
    rng, compared, h = np.random.default_rng(0), 0, 1e-6
    for weight, gradient in zip(weights.values(), gradients, strict=True):
        for _ in range(5):
            at = tuple(int(rng.integers(n)) for n in weight.shape)
            sides = []
            for step in (h, -h):
                with torch.no_grad():
                    weight[at] += step
                value, now = with_gradient(net)
                sides.append((float(value.detach()), now))
                with torch.no_grad():
                    weight[at] -= step
            if sides[0][1] == sides[1][1] == counts:
                compared += 1
                assert float(gradient[at]) == pytest.approx(
                    (sides[0][0] - sides[1][0]) / (2 * h), rel=1e-6, abs=1e-6 * float(gradient.abs().max())
                )
    assert compared > 8


@pytest.mark.parametrize("is_recurrent", [False, True])
def test_gradients_of_delays(is_recurrent):
    """Of a delay per synapse, between layers and within a loop, against central differences."""
    rng = np.random.default_rng(4)
    with spaic.Network() as net:
        source = spaic.Encoder(num=6, coding_method="mstb")
        a = spaic.NeuronGroup(5, model="cuba", t_ref=1.5)
        b = spaic.NeuronGroup(3, model="cuba", t_ref=0.0)
        into = spaic.Connection(source, a, weight=rng.normal(1.5, 1.2, (5, 6)))
        learned = dict(delay_trainable=True, max_delay=4.0)
        on = spaic.Connection(a, b, weight=rng.normal(2.5, 1.2, (3, 5)), delay=rng.uniform(0.3, 2.0, (3, 5)), **learned)
        if is_recurrent:
            back = spaic.Connection(b, a, weight=rng.normal(0.5, 1.0, (5, 3)), delay=rng.uniform(0.3, 2.0, (5, 3)), **learned)
    net.source([[rng.uniform(0, 18, 40), rng.integers(0, 6, 40)] for _ in range(2)])
    net.set_backend("event", dt=0.5)
    net.run(15.0)
    delays = [v.requires_grad_(True) for k, v in net._simulation.store.tensors().items() if k.endswith(".delay")]
    assert len(delays) == 1 + is_recurrent
    loss, counts = with_gradient(net)
    gradients, compared = torch.autograd.grad(loss, delays), 0
    for delay, gradient in zip(delays, gradients, strict=True):
        assert float(gradient.abs().max()) > 0
        for at in np.ndindex(*delay.shape):
            sides = []
            for step in (1e-6, -1e-6):
                with torch.no_grad():
                    delay[at] += step
                sides.append(with_gradient(net))
                with torch.no_grad():
                    delay[at] -= step
            if sides[0][1] == sides[1][1] == counts:
                compared += 1
                expected = float(sides[0][0].detach() - sides[1][0].detach()) / 2e-6
                assert float(gradient[at]) == pytest.approx(expected, rel=1e-6, abs=1e-6 * float(gradient.abs().max()))
    assert compared >= 15


def test_gradients_of_input_times():
    with spaic.Network() as net:
        source = spaic.Encoder(num=4, coding_method="sstb")
        cell = spaic.NeuronGroup(2, model="cuba", tau_m=10.0, tau_s=5.0)
        wire = spaic.Connection(source, cell, weight=np.array([[3.0, 2.0, -1.0, 2.5], [1.0, 4.0, 2.0, 0.5]]))
    net.set_backend("event", dt=0.5)
    times = torch.tensor([[0.0, 1.3, 2.7, 3.1]], dtype=torch.float64, requires_grad=True)

    def loss(given):
        net.source(given)
        net.run(20.0)
        return net.program.spikes["cell"].times.square().sum()

    (gradient,) = torch.autograd.grad(loss(times), times)
    for k in range(1, 4):
        step = torch.zeros_like(times)
        step[0, k] = 1e-6
        with torch.no_grad():
            expected = (loss(times + step) - loss(times - step)) / 2e-6
        assert float(gradient[0, k]) == pytest.approx(float(expected), rel=1e-6)


def test_a_run_in_pieces_is_one_run():
    """States, refractory periods and spikes under way are carried over."""
    for case in ("cuba", "lif"):
        net = network(case, is_recurrent=True)
        net.set_backend("event", dt=0.25)
        net.run(12.0)
        whole = [net.program.spikes[n].arrays(1) for n in ("a", "b")]
        net.run(4.0)
        parts = [[net.program.spikes[n].arrays(1)] for n in ("a", "b")]
        for length in (0.25, 5.5, 2.25):
            net.run_continue(length)
            for found, name in zip(parts, ("a", "b"), strict=True):
                found.append(net.program.spikes[name].arrays(1))
        for (who, when), found in zip(whole, parts, strict=True):
            assert len(who) > 3
            np.testing.assert_array_equal(np.concatenate([w for w, _ in found]), who)
            np.testing.assert_allclose(np.concatenate([t for _, t in found]), when, rtol=0, atol=1e-11)


def test_constant_currents_and_the_first_spike():
    """V = R I (1 - exp(-t / tau)) crosses at tau ln(R I / (R I - 1)); after each reset the same again."""
    with spaic.Network() as net:
        cell = spaic.NeuronGroup(1, model="lif", tau_m=10.0)
        clamp = spaic.Generator(dec_target=cell, coding_method="constant_current")
    net.set_backend("event", dt=0.1)
    net.clamp(2.0)
    net.run(30.0)
    np.testing.assert_allclose(net.program.spikes["cell"].arrays()[1], 10 * np.log(2.0) * np.arange(1, 5), rtol=1e-14)


def delayed(delay, t_ref=0.0):
    """Two lif neurons that fire at once when an input arrives, which leaves at 1 ms."""
    with spaic.Network() as net:
        source = spaic.Encoder(num=2, coding_method="mstb")
        cell = spaic.NeuronGroup(2, model="lif", t_ref=t_ref)
        wire = spaic.Connection(source, cell, weight=np.array([[2.0, 0.0], [0.0, 2.0]]), delay=delay)
    net.source([[[1.0, 1.0], [0, 1]]])
    return net


@pytest.mark.parametrize("delay", [0.37, np.array([[0.37, 0.0], [0.0, 0.37]])])
def test_delays_lie_where_they_are_stated(delay):
    """Off the grid of samples too, which the backends with time steps refuse."""
    net = delayed(delay)
    net.set_backend("event", dt=0.1)
    net.run(3.0)
    assert net.program.spikes["cell"].arrays()[1].tolist() == [1.0 + 0.37] * 2
    for backend in ("torch", "reference"):
        net = delayed(delay)
        net.set_backend(backend, dt=0.1)
        with pytest.raises(GraphError, match=r"wire\.delay: 0\.37 ms is not a whole number of steps of 0\.1 ms"):
            net.run(3.0)


def test_drawn_delays_and_refractory_periods_are_not_rounded():
    net = delayed(spaic.uniform(0.2, 0.9), t_ref=0.123)
    net.set_backend("event", dt=0.5)
    net.run(3.0)
    times = net.program.spikes["cell"].arrays()[1]
    assert len(times) == 2 and ((times > 1.2) & (times < 1.9)).all() and len(set(times)) == 2
    assert np.abs(times / 0.5 - np.rint(times / 0.5)).max() > 1e-3


@pytest.mark.parametrize("delay", [-0.5, float("nan"), np.full((2, 2), np.nan), np.full((2, 2), -0.1)])
def test_delays_that_cannot_be_meant(delay):
    with pytest.raises(SpaicError, match="delay"):
        net = delayed(delay)
        net.set_backend("event", dt=0.1)
        net.run(3.0)


def test_what_cannot_be_done_is_refused_all_at_once():
    with spaic.Network() as net:
        source = spaic.Encoder(num=2, coding_method="poisson")
        spiky = spaic.NeuronGroup(2, model="izhikevich")
        mapped = spaic.NeuronGroup(2, model="plif")
        fine = spaic.NeuronGroup(2, model="lif")
        wire = spaic.Connection(source, fine)
        current = spaic.Connection(fine, fine, post_var_name="I")
    net.set_backend("event")
    with pytest.raises(UnsupportedError) as error:
        net.build()
    text = str(error.value)
    for path, why in (("spiky", "not linear in V"), ("mapped", "one-step map"), ("current", "spikes, which have no duration")):
        assert any(line.strip().startswith(path) and why in line for line in text.splitlines()), text


def test_runaway_activity_is_stopped():
    with spaic.Network() as net:
        source = spaic.Encoder(num=1, coding_method="mstb")
        cell = spaic.NeuronGroup(1, model="lif")
        wire = spaic.Connection(source, cell, weight=np.array([[2.0]]))
        loop = spaic.Connection(cell, cell, weight=np.array([[2.0]]), delay=1e-6)
    net.set_backend(spaic.Event_Backend(most_spikes=1000))
    net.source([[[1.0], [0]]])
    with pytest.raises(NumericalError, match=r"cell\[0\], sample 0: activity without end, 1001 spikes, at 1\.00\d+ ms"):
        net.run(10.0)


@pytest.mark.parametrize(
    "option", [dict(dtype="float32"), dict(device="cuda"), dict(most_spikes=0), dict(count_unit=-1.0), dict(least_slope=0)]
)
def test_options_that_cannot_be_meant(option):
    with pytest.raises(DeclarationError):
        spaic.Event_Backend(**option)


def test_a_loop_and_a_layer_give_the_same():
    """A weight of 0 back makes an island of what is two layers otherwise."""
    found = []
    for is_island in (False, True):
        net = network("cuba")
        if is_island:
            net.back = spaic.Connection(net.b, net.a, weight=np.zeros((5, 3)), delay=1.0)
        net.set_backend("event", dt=0.5)
        net.run(15.0)
        assert ("queue" in " ".join(net.program.execution())) == is_island
        found.append([net.program.spikes[n].arrays(0) for n in ("a", "b")])
    for (who, when), (other, then) in zip(*found, strict=True):
        assert np.array_equal(who, other)
        np.testing.assert_allclose(when, then, rtol=0, atol=1e-11)


@pytest.mark.parametrize("model, scale", [("lif", 0.15), ("cuba", 0.8), ("alpha", 0.5)])
def test_many_neurons_side_by_side_are_as_each_by_itself(model, scale):
    """Groups that are not full, refractory neurons among others, samples that share weights: a loop has none of these."""
    neuron = MODELS[model][0], {**MODELS[model][1], "t_ref": 1.3}
    found = []
    for is_island in (False, True):
        rng = np.random.default_rng(5)
        with spaic.Network() as net:
            source = spaic.Encoder(num=20, coding_method="mstb")
            cells = spaic.NeuronGroup(61, model=neuron[0], **neuron[1])
            wire = spaic.Connection(source, cells, weight=rng.normal(0.5, 1.0, (61, 20)) * scale)
            trace = spaic.StateMonitor(cells, "V")
            if is_island:
                back = spaic.Connection(cells, cells, link_type="one_to_one", weight=0.0, delay=1.0)
        net.source([[rng.uniform(0, 25, 120), rng.integers(0, 20, 120)] for _ in range(3)])
        net.set_backend("event", dt=0.7)
        net.run(28.0)
        assert ("queue" in " ".join(net.program.execution())) == is_island
        found.append(([net.program.spikes["cells"].arrays(b) for b in range(3)], trace.values))
    (spikes, values), (others, other_values) = found
    assert min(len(who) for who, _ in spikes) > 150
    for (who, when), (other, then) in zip(spikes, others, strict=True):
        assert np.array_equal(who, other)
        np.testing.assert_allclose(when, then, rtol=0, atol=1e-11)
    np.testing.assert_allclose(values, other_values, rtol=0, atol=1e-9)
