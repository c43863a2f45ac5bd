"""No spike is lost where a crossing meets an arriving event, and a grazing contact is decided by the membrane's maximum."""

import numpy as np
import pytest
from scipy.optimize import brentq

import spaic
from spaic import events
from spaic.Backend.Event.compiled import motion
from spaic.Backend.Torch import exact
from spaic.errors import NumericalError
from tests.Backend.Event.test_backend import RESONATOR

CASES = 10_000


def first_spikes(net, samples):
    found = net.infer_batch(samples)
    return np.array([s.times[0] if len(s) else np.inf for s in found]), np.array([len(s) for s in found])


def network(weights, threshold=0.15, tau=10.0):
    net = events.Network()
    net.add_layer(weights.shape[1], weights.shape[0], tau, threshold).weights = weights
    return net


def with_one_more(samples, who, when, met):
    """The same samples, where one more input of neuron `who` comes at `when`, for those that have a spike."""
    return [(np.append(i, who), np.append(t, x)) for (i, t), x, m in zip(samples, when, met, strict=True) if m]


@pytest.mark.parametrize("shift", [-2, -1, 0, 1, 2])
def test_a_crossing_in_the_instant_of_an_arrival_fires(shift):
    """An inhibitory input is put onto the crossing, or some units in the last place beside it: the crossing comes first."""
    rng = np.random.default_rng(shift + 2)
    net = network(np.array([[1.0, 0.7, -0.4, -5.0]]))
    samples = [(rng.integers(0, 3, 6), rng.uniform(0, 30, 6)) for _ in range(CASES // 5)]
    first, _ = first_spikes(net, samples)
    met = np.isfinite(first)
    assert met.sum() > len(samples) / 2
    again, _ = first_spikes(net, with_one_more(samples, 3, first + shift * np.spacing(first), met))
    np.testing.assert_allclose(again, first[met], rtol=0, atol=1e-12)


def test_an_inhibitory_input_before_the_crossing_stops_it():
    """Beyond the width of an instant, the order is that of time."""
    rng = np.random.default_rng(9)
    net = network(np.array([[1.0, 0.7, -0.4, -5.0]]))
    samples = [(rng.integers(0, 3, 6), rng.uniform(0, 30, 6)) for _ in range(500)]
    first, _ = first_spikes(net, samples)
    met = np.isfinite(first)
    again, _ = first_spikes(net, with_one_more(samples, 3, first * (1 - 1e-9), met))
    assert (again > first[met] + 1e-3).all()


#: Ways to find a crossing: a quadratic equation, safe steps with two rates, with a repeated one, with complex ones.
KINDS = {
    "quadratic": ("cuba", dict(tau_m=10.0, tau_s=5.0), 4.3),
    "two rates": ("cuba", dict(tau_m=10.0, tau_s=3.0), 4.3),
    "alpha": ("cuba", dict(tau_m=6.0, tau_s=6.0), 3.0),
    "complex": (RESONATOR, {}, 0.6),
}


def backend_network(kind, is_island):
    """One neuron; a loop with a weight of 0 puts it into the queue of an island."""
    model, given, scale = KINDS[kind]
    with spaic.Network() as net:
        source = spaic.Encoder(num=4, coding_method="mstb")
        cell = spaic.NeuronGroup(1, model=model, **given)
        wire = spaic.Connection(source, cell, weight=scale * np.array([[1.0, 0.7, -0.4, -5.0]]))
        if is_island:
            loop = spaic.Connection(cell, cell, weight=np.zeros((1, 1)), delay=1.0)
    net.set_backend("event", dt=1.0)
    return net


def first_spikes_of(net, samples):
    net.source([[t, i] for i, t in samples])
    net.run(40.0)
    return exact.numpy_of(net.program.spikes["cell"].first_times(np.inf))[:, 0]


@pytest.mark.parametrize("is_island", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_no_way_to_find_a_crossing_loses_one(kind, is_island):
    """Layers and loops, closed forms and safe steps: 250 cases each on, before and after the instant of an inhibitory input."""
    rng = np.random.default_rng(5)
    net = backend_network(kind, is_island)
    samples = [(rng.integers(0, 3, 6), rng.uniform(0, 30, 6)) for _ in range(250)]
    first = first_spikes_of(net, samples)
    met = np.isfinite(first)
    assert met.sum() > 100
    for shift in (-1, 0, 1):
        again = first_spikes_of(net, with_one_more(samples, 3, first + shift * np.spacing(first), met))
        np.testing.assert_allclose(again, first[met], rtol=0, atol=1e-12)
    again = first_spikes_of(net, with_one_more(samples, 3, first * (1 - 1e-9), met))
    assert (again > first[met] + 1e-3).all()


def test_an_excitatory_input_on_the_crossing_changes_nothing_before_it():
    rng = np.random.default_rng(7)
    net = network(np.array([[1.0, 0.7, -0.4, 0.3]]))
    samples = [(rng.integers(0, 3, 6), rng.uniform(0, 30, 6)) for _ in range(2000)]
    first, count = first_spikes(net, samples)
    met = np.isfinite(first)
    more = [(np.append(i, 3), np.append(t, x)) for (i, t), x, m in zip(samples, first, met, strict=True) if m]
    again, counts = first_spikes(net, more)
    np.testing.assert_allclose(again, first[met], rtol=0, atol=1e-12)
    assert (counts >= count[met] - 1).all() and counts.sum() > count[met].sum()


def residual(t, weights, times, tau, threshold):
    s = np.maximum(t - times, 0.0)
    return float(np.sum(weights * (np.exp(-s / (2 * tau)) - np.exp(-s / tau)) * (t > times)) - threshold)


@pytest.mark.parametrize("margin, fires", [(1e-9, True), (-1e-9, False), (1e-13, True), (-1e-13, False)])
def test_a_grazing_contact_is_decided_by_the_maximum(margin, fires):
    """The membrane of one input of weight w peaks at exactly w / 4."""
    net = network(np.array([[1.0]]), threshold=0.25 * (1 - margin))
    spikes = net.infer([0], [3.0])
    assert len(spikes) == int(fires)
    if fires:
        peak = 3.0 + 20.0 * np.log(2.0)
        expected = brentq(residual, 3.0, peak, args=(np.ones(1), np.array([3.0]), 10.0, 0.25 * (1 - margin)), xtol=1e-14)
        assert spikes.times[0] == pytest.approx(expected, abs=1e-12 + 20 * np.sqrt(1e-15))


def test_a_burst_without_end_is_stopped(monkeypatch):
    net = network(np.array([[1e12]]), threshold=1e-3)
    net._limits = type(net._limits)(spikes=500)
    with pytest.raises(NumericalError, match=r"layer\[0\], sample 0: a burst without end, \d+ spikes, around"):
        net.infer([0], [0.0])


def test_safe_steps_agree_with_dense_sampling_for_any_rates():
    """The search in plain Python, over real, repeated and complex rates, against 20,000 samples of the residual."""
    rng = np.random.default_rng(3)
    times = np.linspace(0.0, 40.0, 20_001)
    found = 0
    for kind in ("real", "repeated", "complex") * 25:
        a, b = rng.uniform(0.05, 0.6, 2)
        T = {"real": [[-a, 0.0], [0.0, -b]], "repeated": [[-a, 0.5 * a], [0.0, -a]], "complex": [[-a, b], [-b, -a]]}[kind]
        T, size = np.array(T), np.array([1, 1] if kind == "real" else [2, 0])
        rows = np.zeros((3, 2))
        rows[0] = rng.normal(0, 1, 2)
        rows[1], rows[2] = rows[0] @ T, rows[0] @ T @ T
        y, z, level = rng.normal(0, 1, 2), np.empty(2), -rng.uniform(0.05, 0.4)
        if rows[0] @ y + level >= 0:
            continue
        s = motion.search(T, size, np.zeros(2), rows, level, True, y, 40.0, z, 1 / min(a, b))
        values = np.empty(len(times))
        for k, t in enumerate(times[::20]):
            motion.advance(T, size, y, t, False, z)
            values[k] = rows[0] @ z + level
        above = np.flatnonzero(values[: len(times[::20])] > 0)
        if s < 0:
            assert not len(above)
        else:
            found += 1
            motion.advance(T, size, y, s, False, z)
            assert abs(rows[0] @ z + level) < 1e-13
            assert not len(above) or s <= times[::20][above[0]]
    assert found > 5
