"""Random input has the statistics it says."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from spaic.clock import Clock
from spaic.errors import DeclarationError, InputError
from spaic.Library.encoders import PoissonEncoding
from spaic.Library.exact_poisson import ExactPoisson
from spaic.Library.generators import PoissonGenerator
from spaic.Library.noise import OrnsteinUhlenbeck, WhiteNoiseCurrent
from spaic.seeds import Key

KEY = Key(3, "drive", "noise")


def made(code, value, neurons, steps, dt):
    return code.generate(value, (neurons,), 1, Clock(dt), steps, KEY, "cpu").chunk(0, steps)[:, 0]


#: A Poisson process of 100 Hz; dt is a thousandth of the mean interval.
RATE, DT, STEPS, NEURONS = 0.1, 0.01, 200_000, 20


@pytest.fixture(scope="module", params=["generator", "encoder"])
def spikes(request):
    if request.param == "generator":
        return made(PoissonGenerator(), RATE, NEURONS, STEPS, DT).numpy()
    return PoissonEncoding().encode(torch.full((1, NEURONS), RATE), Clock(DT), STEPS, KEY).chunk(0, STEPS)[:, 0].numpy()


@pytest.fixture(scope="module")
def intervals(spikes):
    return np.concatenate([np.diff(np.flatnonzero(train)) for train in spikes.T]) * DT


def exact(rate, duration, dt=1.0, **fields):
    source = torch.as_tensor(rate, dtype=torch.float32)
    return ExactPoisson(**fields).encode(source, Clock(dt), round(duration / dt), KEY)


@pytest.fixture(scope="module")
def times():
    """Of 2 x 10 trains, ``{(sample, neuron): times}``; the second sample has twice the rate of the first."""
    sample, neuron, time = exact([[0.1] * 10, [0.2] * 10], 20_000.0).exact
    return {(s, n): time[(sample == s) & (neuron == n)] for s in (0, 1) for n in range(10)}


class TestExactPoisson:
    """A process in continuous time, whose spikes fall into the steps that cover them."""

    def test_intervals_are_exponential_with_variation_1(self, times):
        for sample, rate in ((0, 0.1), (1, 0.2)):
            trains = [np.sort(t) for (s, _), t in times.items() if s == sample]
            intervals = np.concatenate([np.diff(t, prepend=0.0) for t in trains])
            assert abs(intervals.std() / intervals.mean() - 1) < 4 / math.sqrt(len(intervals))
            assert kstest(intervals, "expon", args=(0, 1 / rate)).pvalue > 1e-3

    def test_trains_are_independent(self, times):
        counts = np.stack([np.bincount((t // 20).astype(int), minlength=1000)[:1000] for t in times.values()])
        off = np.corrcoef(counts)[~np.eye(len(counts), dtype=bool)]
        assert np.abs(off).max() < 5 / math.sqrt(1000)

    @pytest.mark.parametrize("dt", [0.1, 1.0, 25.0])
    def test_a_step_has_the_spikes_that_it_covers(self, dt):
        stream = exact([[0.0, 0.1, 0.5]], 500.0, dt)
        found = stream.chunk(0, round(500 / dt))[:, 0].double().numpy()
        _, neuron, time = stream.exact
        edges = np.arange(round(500 / dt) + 1) * dt
        assert found.shape == (round(500 / dt), 3) and not found[:, 0].any()
        for n in range(3):
            assert (found[:, n] == np.histogram(time[neuron == n], edges)[0]).all()

    def test_a_longer_run_begins_alike_and_dt_changes_nothing(self):
        short, long = (exact([[0.2, 0.1]], duration).exact for duration in (100.0, 300.0))
        fine = exact([[0.2, 0.1]], 300.0, 0.1).exact[2]
        assert sorted(short[2]) == sorted(t for t in long[2] if t <= 100) and sorted(fine) == sorted(long[2])

    def test_the_factor_is_a_rate(self):
        assert len(exact([[0.2]], 2000.0, unit_conversion=0.0).exact[2]) == 0
        assert abs(len(exact([[0.5]], 2000.0, unit_conversion=2.0).exact[2]) - 2000) < 5 * math.sqrt(2000)
        with pytest.raises(DeclarationError, match=r"^exact_poisson.unit_conversion: -1"):
            ExactPoisson(unit_conversion=-1)
        with pytest.raises(InputError, match="^drive: exact_poisson needs values of at least 0, the smallest is -0.5"):
            exact([[-0.5]], 10.0)

    def test_more_spikes_than_fit_into_memory_are_refused(self):
        with pytest.raises(InputError, match=r"^drive: exact_poisson would send 1e\+16 spikes, which take 240,000,000,000,000,000 bytes"):
            exact([[1.0]], 10_000.0, unit_conversion=1e12)


class TestPoisson:
    """Independent exponential intervals, counts whose variance is their mean."""

    def test_the_rate_is_right(self, spikes):
        expected = RATE * DT * STEPS * NEURONS
        assert abs(spikes.sum() - expected) < 4 * math.sqrt(expected)

    def test_the_variation_of_intervals_is_1(self, intervals):
        cv = intervals.std() / intervals.mean()  # of the geometric intervals on a grid: sqrt(1 - p); its sd is below 1 / sqrt(n)
        assert abs(cv - math.sqrt(1 - RATE * DT)) < 4 / math.sqrt(len(intervals))

    def test_intervals_are_exponential(self, intervals):
        within = np.random.default_rng(0).random(len(intervals)) * DT  # a spike is anywhere in its step
        assert kstest(intervals - within, "expon", args=(0, 1 / RATE)).pvalue > 1e-3

    def test_intervals_are_independent(self, intervals):
        assert abs(np.corrcoef(intervals[:-1], intervals[1:])[0, 1]) < 4 / math.sqrt(len(intervals))

    @pytest.mark.parametrize("window", [1000, 10_000])  # 10 ms and 100 ms
    def test_the_fano_factor_is_1(self, spikes, window):
        counts = spikes.reshape(-1, window, NEURONS).sum(1).astype(float).reshape(-1)
        fano = counts.var(ddof=1) / counts.mean()
        sd = math.sqrt((2 + 1 / counts.mean()) / len(counts))  # of the variance of Poisson counts, relative to their mean
        assert abs(fano - (1 - RATE * DT)) < 4 * sd


@pytest.mark.parametrize("dt", [0.1, 0.5])
def test_white_noise_brings_the_same_variance_of_charge_whatever_dt(dt):
    noise = made(WhiteNoiseCurrent(sigma=2.0), 3.0, 200, round(500 / dt), dt)
    charge = (noise * dt).reshape(50, -1, 200).sum(1)  # of 10 ms each
    assert abs(charge.mean() - 30) < 4 * math.sqrt(40 / charge.numel())
    assert abs(charge.var() / 40 - 1) < 4 * math.sqrt(2 / charge.numel())
    assert abs(np.corrcoef(noise[:-1, 0], noise[1:, 0])[0, 1]) < 4 / math.sqrt(len(noise))


@pytest.mark.parametrize("dt", [0.1, 1.0])
def test_the_ornstein_uhlenbeck_process_is_stationary_and_forgets_with_tau(dt):
    values = made(OrnsteinUhlenbeck(sigma=0.5, tau=10.0), 2.0, 4000, 200, dt).numpy()
    for step in (0, 1, 31, 32, 33, 199):  # blocks of random numbers end at 32
        assert abs(values[step].mean() - 2.0) < 4 * 0.5 / math.sqrt(4000)
        assert abs(values[step].std() / 0.5 - 1) < 4 / math.sqrt(2 * 4000)
    for first, lag in ((0, 1), (10, 50), (31, 1), (60, 100)):
        expected = math.exp(-lag * dt / 10.0)
        found = np.corrcoef(values[first], values[first + lag])[0, 1]
        assert abs(found - expected) < 4 * (1 - expected**2) / math.sqrt(4000)


def test_late_steps_of_a_process_do_not_need_the_early_ones():
    stream = OrnsteinUhlenbeck().generate(0.0, (3,), 2, Clock(0.1), 500, KEY, "cpu")
    late = stream.chunk(320, 400)
    assert torch.equal(late, OrnsteinUhlenbeck().generate(0.0, (3,), 2, Clock(0.1), 500, KEY, "cpu").chunk(0, 500)[320:400])


def test_the_mean_carries_gradient():
    mean = torch.tensor([1.0, 2.0], requires_grad=True)
    made(WhiteNoiseCurrent(), mean, 2, 10, 0.1).sum().backward()
    assert mean.grad.tolist() == [10.0, 10.0]


@pytest.mark.parametrize(
    "make", [lambda: WhiteNoiseCurrent(sigma=-1), lambda: OrnsteinUhlenbeck(tau=0), lambda: OrnsteinUhlenbeck(sigma=None)]
)
def test_bad_parameters_are_refused(make):
    with pytest.raises(DeclarationError, match="^(white_noise|ornstein_uhlenbeck)\\."):
        make()
