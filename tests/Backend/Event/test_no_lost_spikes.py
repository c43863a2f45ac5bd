"""No spike is lost where a crossing meets an arriving event, and a grazing contact is decided by the membrane's maximum."""

import numpy as np
import pytest
from scipy.optimize import brentq

from spaic import events
from spaic.Backend.Event import motion
from spaic.errors import NumericalError

CASES = 10_000


def first_spikes(net, samples):
    found = net.infer_batch(samples)
    return np.array([s.times[0] if len(s) else np.inf for s in found]), np.array([len(s) for s in found])


def network(weights, threshold=0.15, tau=10.0):
    net = events.Network()
    net.add_layer(weights.shape[1], weights.shape[0], tau, threshold).weights = weights
    return net


@pytest.mark.parametrize("shift", [-1, 0, 1])
def test_a_crossing_in_the_instant_of_an_arrival_fires(shift):
    """An inhibitory input is put onto the crossing, or one unit in the last place beside it."""
    rng = np.random.default_rng(shift + 1)
    net = network(np.array([[1.0, 0.7, -0.4, -5.0]]))
    samples = [(rng.integers(0, 3, 6), rng.uniform(0, 30, 6)) for _ in range(CASES)]
    first, _ = first_spikes(net, samples)
    met = np.isfinite(first)
    assert met.sum() > CASES / 2
    when = first + shift * np.spacing(first)
    more = [(np.append(i, 3), np.append(t, x)) for (i, t), x, m in zip(samples, when, met, strict=True) if m]
    again, _ = first_spikes(net, more)
    lost = np.abs(again - first[met]) > 1e-9
    # one unit before the crossing the inhibition may come first: then there is none, by the order of time
    assert lost.sum() == 0 if shift >= 0 else (again[lost] > first[met][lost]).all()


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
    with pytest.raises(NumericalError, match=r"layer\[0\], sample 0: a burst without end, \d+ spikes"):
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
