"""Models that count in steps, against recursions written down a second time; graded spikes; neurons that fire at random."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

import spaic
from spaic.Library import sliding_psn
from tests.oracles.cells import clamp

STEPS = 80


def driven(name, x, *variables, dt=1.0, port=None, **group):
    """Variables ``[steps]`` of one neuron that receives x; the spikes come first."""
    with spaic.Network() as net:
        source = spaic.Encoder(num=1, coding_method="null")
        cell = spaic.NeuronGroup(1, model=name, **group)
        net.wire = spaic.Connection(source, cell, weight=np.ones((1, 1)), post_var_name=port)
        spikes = spaic.SpikeMonitor(cell)
        monitors = [spaic.StateMonitor(cell, v) for v in variables]
    net.set_backend("reference", dt=dt)
    net.source(np.asarray(x, float).reshape(1, -1, 1))
    net.run(dt * len(x))
    return [np.asarray(m.values[0, 0], float) for m in (spikes, *monitors)]


@pytest.fixture
def x():
    return np.random.default_rng(1).random(STEPS)


def test_plif_lif_int_and_relay(x):
    """Recursions written down a second time: the same spikes."""
    v = u = 0.0
    expected = {"plif": [], "lif_int": []}
    for amount in x:
        v = v + (amount - v) / 2.0
        expected["plif"].append(v > 0.55)
        v = 0.0 if v > 0.55 else v
        u = 0.9 * u + amount
        expected["lif_int"].append(u >= 1.5)
        u = 0.0 if u >= 1.5 else u
    assert np.array_equal(driven("plif", x, V_th=0.55)[0], expected["plif"])
    assert np.array_equal(driven("lif_int", x, V_th=1.5, decay=0.9)[0], expected["lif_int"])
    spikes, passed = driven("relay", x, "G")
    assert np.array_equal(spikes, x > 0.5) and np.array_equal(passed, x)


def test_sliding_psn_is_a_convolution(x):
    """V is NumPy's convolution of the input with the weights."""
    weights = np.array([0.4, -0.3, 0.2, 0.7])
    spikes, v = driven("sliding_psn", x, "V", V_th=0.6, **{f"w_{i}": w for i, w in enumerate(weights)})
    expected = np.convolve(x, weights)[:STEPS]
    np.testing.assert_allclose(v, expected, atol=1e-14)
    assert np.array_equal(spikes, expected >= 0.6) and 5 < spikes.sum() < STEPS - 5


@pytest.mark.parametrize("order", [1, 3, 6])
def test_a_sliding_psn_of_any_order(x, order):
    weights = np.linspace(0.5, -0.4, order)
    given = {f"w_{i}": w for i, w in enumerate(weights)}
    _, v = driven(sliding_psn(order), x, "V", **given)
    np.testing.assert_allclose(v, np.convolve(x, weights)[:STEPS], atol=1e-14)


@pytest.mark.parametrize("order", [0, -1, 2.5, True, "4"])
def test_an_order_that_is_none_is_refused(order):
    with pytest.raises(spaic.DeclarationError, match=r"sliding_psn.order: .* is no number of inputs; give a whole number, at least 1"):
        sliding_psn(order)


def test_pclif_by_its_kernels(x):
    """V is the sum of what each input and each spike of its own contributes."""
    spikes, v = driven("pclif", 0.6 * x, "V_before_reset", tau_m=0.85, tau_s=0.5)
    n = np.arange(STEPS)
    for step in n:
        age = step - n[: step + 1]
        inputs = 0.6 * x[: step + 1] * (0.85 ** (age + 1) - 0.5 ** (age + 1))
        own = spikes[:step] * 0.85 ** (age[:-1] - 1.0)
        assert v[step] == pytest.approx(inputs.sum() - own.sum(), abs=1e-13)
    assert 3 < spikes.sum() < STEPS / 2 and np.array_equal(spikes, v > 1)


def test_traced_neurons_count_in_steps(x):
    """A trace is the sum of what is left of each spike."""
    spikes, r = driven("lif_linear_trace", x, "r", keep_t=0.7, alpha_t=2.0)
    expected = [2.0 * sum(spikes[k] * 0.7 ** (n - k) for k in range(n + 1)) for n in range(STEPS)]
    np.testing.assert_allclose(r, expected, atol=1e-13)
    assert spikes.sum() > 10


def darwin(x, tau_m=12.0, tau_s=8.0, bias=30, v_th=16384, is_adaptive=False):
    """In integers, as the chip computes; decays are multiples of 1/256."""
    keep_m, keep_s = int(256 * np.exp(-1 / tau_m) + 0.5), int(256 * np.exp(-1 / tau_s) + 0.5)
    v = current = 0
    threshold, spikes, potentials = float(v_th), [], []
    for amount in x:
        current = min(max((keep_s * current + 256 * int(amount) + 128) >> 8, -32768), 32768)
        v = min(max((keep_m * v + 256 * current + 256 * bias + 128) >> 8, -32768), 32768)
        threshold = 0.999 * threshold + int(0.001 * v_th + 0.5) if is_adaptive else v_th
        fired = v > threshold
        v = 0 if fired else v
        threshold += int(0.2 * v_th + 0.5) * fired
        spikes.append(fired)
        potentials.append(v)
    return np.array(spikes, float), np.array(potentials, float)


@pytest.mark.parametrize("name", ["darwin_clif", "darwin_alif"])
def test_darwin_neurons_are_integers(name, x):
    """The chip's arithmetic in Python integers: equal potentials and spikes."""
    amounts = np.floor(4000 * x - 1000)
    spikes, v = driven(name, amounts, "V", bias=30.0)
    expected = darwin(amounts, is_adaptive=name == "darwin_alif")
    assert spikes.sum() > 2
    assert np.array_equal(spikes, expected[0]) and np.array_equal(v, expected[1])


def test_darwin_random_adds_whole_numbers_of_uniform_distribution():
    """What is added is whole numbers of uniform distribution (Kolmogorov-Smirnov)."""
    steps, width = 400, 1000.0
    with spaic.Network() as net:
        cells = spaic.NeuronGroup(50, model="darwin_random", std=width, tau_m=5.0)
        v = spaic.StateMonitor(cells, "V")
    net.set_backend("reference", dt=1.0)
    net.run(float(steps))
    keep = np.floor(256 * np.exp(-1 / 5.0) + 0.5) / 256
    drawn = v.values[0][:, 1:] - keep * v.values[0][:, :-1]
    np.testing.assert_allclose(drawn, np.rint(drawn), atol=1e-9)
    assert kstest((drawn.ravel() + width / 2) / width, "uniform").pvalue > 1e-3  # one number in 1000 is not seen as a step


def test_graded_and_ternary_spikes_carry_their_number(x):
    """G is V before the reset, or its sign, where there is a spike."""
    spikes, g, before = driven("graded_lif", x, "G", "V_before_reset")
    assert np.array_equal(g, np.where(spikes > 0, before, 0.0)) and 5 < spikes.sum() < STEPS
    signed = np.where(np.arange(STEPS) % 20 < 10, x, -x)
    spikes, g, before = driven("ternary_lif", signed, "G", "V_before_reset")
    assert np.array_equal(g, np.where(spikes > 0, np.sign(before), 0.0))
    assert set(np.unique(g)) == {-1.0, 0.0, 1.0}


def test_a_link_carries_the_number_of_a_graded_spike():
    with spaic.Network() as net:
        source = spaic.Encoder(num=1, coding_method="null")
        sender, receiver = spaic.NeuronGroup(1, model="graded_lif"), spaic.NeuronGroup(1, model="nonspiking_if")
        net.inward = spaic.Connection(source, sender, weight=np.ones((1, 1)))
        net.onward = spaic.Connection(sender, receiver, weight=np.ones((1, 1)), pre_var_name="G")
        v = spaic.StateMonitor(receiver, "V")
    net.set_backend("reference", dt=1.0)
    net.source(np.array([[[1.75], [0.5], [3.5]]]))
    net.run(3.0)
    np.testing.assert_allclose(v.values[0, 0], [1.75, 1.75, 1.75 + 0.5 * np.exp(-1 / 20) + 3.5])


def test_a_field_divides_by_what_all_of_it_does():
    """By forward Euler, and with the sum of the step before: what SPAIC's cann_field computes."""
    field, k, rho, dt = np.array([0.4, -0.2, 1.5, 0.8]), 2.0, 0.3, 0.1
    with spaic.Network() as net:
        source = spaic.Encoder(num=4, coding_method="direct")
        cells = spaic.NeuronGroup(4, model="cann_field", k=k, rho=rho, integrator="euler")
        net.inward = spaic.Connection(source, cells, link_type="one_to_one", weight=np.ones(4), post_var_name="I_ext")
        net.total = spaic.Connection(cells, cells, weight=np.ones((4, 4)), pre_var_name="q", post_var_name="I_sum")
        net.around = spaic.Connection(cells, cells, weight=np.ones((4, 4)), pre_var_name="r", post_var_name="I")
        rates = spaic.StateMonitor(cells, "r")
    net.set_backend("reference", dt=dt)
    net.source(field[None])
    net.run(60 * dt)
    u, r, total = np.zeros(4), np.zeros(4), 0.0
    for n in range(60):
        u = u + dt * (rho * r.sum() + field - u)
        q = np.maximum(u, 0) ** 2
        r, total = q / (1 + k * total), q.sum()
        np.testing.assert_allclose(rates.values[0, :, n], r, rtol=1e-12)
    assert r.min() < r.max() / 2 and k * total > 0.1


@pytest.mark.parametrize("dt", [0.1, 1.0])
def test_escape_noise_fires_with_its_rate(dt):
    """Held at a potential, a neuron fires in a step with probability 1 - exp(-rho dt), whatever dt is."""
    potentials = np.repeat([0.7, 0.9, 1.0, 1.1], 50)
    steps = round(60 / dt)
    held = dict(model="lif_escape", V_rest=potentials, V_reset=potentials, tau_m=20.0)
    (times,) = clamp(np.zeros(200), dt, steps * dt, backend="torch", **held)
    counts = np.array([len(t) for t in times]).reshape(4, 50).sum(1)
    p = 1 - np.exp(-np.exp((np.array([0.7, 0.9, 1.0, 1.1]) - 1) / 0.1) * dt)
    n = 50 * steps
    assert np.all(np.abs(counts - n * p) < 4 * np.sqrt(n * p * (1 - p)))


@pytest.mark.parametrize("name, far", [("lif_escape", 1e3), ("gif", 1e6)])
def test_far_above_the_threshold_gradients_are_finite(name, far):
    """exp((V - V_th) / Delta) is infinite there."""
    with spaic.Network() as net:
        source = spaic.Encoder(num=1, coding_method="direct")
        cell = spaic.NeuronGroup(1, model=name)
        wire = spaic.Connection(source, cell, weight=np.array([[far]]), post_var_name="I")
        output = spaic.Decoder(dec_target=cell)
        learner = spaic.SurrogateBP()
    net.set_backend("torch", dt=1.0, kernels="plain")
    net.source(np.ones((1, 1)))
    net.run(10.0)
    output.predict.sum().backward()
    assert output.predict.item() > 0 and learner.parent is wire.parent is net
    assert all(np.isfinite(p.grad.numpy()).all() for p in net.parameters() if p.requires_grad)


def test_gif_adapts_and_fires_with_its_rate():
    """Without jumps and at rest the rate is that of its exponential; with them, intervals grow after an onset."""
    n, steps, dt = 100, 400, 0.5
    still = dict(q_1=0.0, q_2=0.0, h_1=0.0, h_2=0.0, V_reset=-46.0, E_L=-46.0, t_ref=0.0)
    (times,) = clamp(np.zeros(n), dt, steps * dt, backend="torch", model="gif", **still)
    p = 1 - np.exp(-np.exp(-1 / 2.0) * dt)
    count = sum(map(len, times))
    assert abs(count - n * steps * p) < 4 * np.sqrt(n * steps * p * (1 - p))
    (times,) = clamp(np.full(n, 200.0), dt, 500.0, backend="torch", model="gif")
    all_times = np.concatenate(times)
    assert (all_times < 100).sum() > 1.25 * ((all_times > 400) & (all_times <= 500)).sum() > 0
    assert min(np.diff(t).min() for t in times if len(t) > 1) >= 4.0 + dt - 1e-9  # t_ref
