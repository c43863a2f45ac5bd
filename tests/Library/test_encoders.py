"""Encoders: what every code promises, then what each code means."""

import itertools

import pytest
import torch

import spaic
from spaic.clock import Clock
from spaic.errors import DeclarationError, InputError
from spaic.Library import streams
from spaic.Library.encoders import BernoulliEncoding, DirectEncoding, LatencyEncoding, NullEncoding, PhaseEncoding, PoissonEncoding
from spaic.registry import encoders
from spaic.seeds import Key

CLOCK, STEPS = Clock(0.1), 50
KEY = Key(3, "input", "spikes")


def source_for(name, dtype=torch.float32):
    if name == "mstb":
        return [[1.5, 0.1], [0, 7]], [[], []], [[4.95], [3]]
    shape = (3, STEPS, 4, 2) if name == "null" else (3, 4, 2)
    values = torch.rand(shape, generator=torch.Generator().manual_seed(1)).to(dtype)
    values.view(-1)[:2] = torch.tensor([0.0, 1.0])
    return values


def stream_of(name, **fields):
    return made(encoders[name](**fields), source_for(name))


def made(code, source):
    """The stream of a code, whether it takes values or lists of events."""
    if getattr(code, "takes_events", False):
        return code.stream((code.checked(source, (4, 2), "input"), (4, 2)), CLOCK, STEPS, KEY, "cpu", "float32")
    return code.encode(source, CLOCK, STEPS, KEY)


#: The codes that take values.
VALUES = sorted(set(encoders) - {"mstb"})


@pytest.mark.parametrize("name", list(encoders))
class TestEveryCode:
    def test_shape_and_type(self, name):
        stream = stream_of(name)
        chunk = stream.chunk(0, STEPS)
        assert (stream.batch, stream.shape) == (3, (4, 2))
        assert chunk.shape == (STEPS, 3, 4, 2)
        assert chunk.dtype == (torch.uint8 if stream.is_spiking else torch.float32)
        if stream.is_spiking:
            assert set(chunk.unique().tolist()) == {0, 1}
        if stream.is_constant:
            assert (chunk == chunk[0]).all()

    def test_asking_again_and_in_any_order_gives_the_same(self, name):
        stream = stream_of(name)
        late, early = stream.chunk(20, 40).clone(), stream.chunk(0, 20).clone()
        assert torch.equal(stream.chunk(0, 40), torch.cat([early, late]))
        assert torch.equal(stream_of(name).chunk(20, 40), late)

    @pytest.mark.parametrize("cuts", [range(STEPS + 1), [0, 1, 15, 16, 17, 33, STEPS], [0, 7, STEPS]])
    def test_chunks_do_not_matter(self, name, cuts):
        stream = stream_of(name)
        parts = [stream.chunk(a, b) for a, b in itertools.pairwise(cuts)]
        assert torch.equal(torch.cat(parts), stream_of(name).chunk(0, STEPS))

    def test_silent_beyond_the_run(self, name):
        chunk = stream_of(name).chunk(STEPS - 2, STEPS + 3)
        assert chunk.shape[0] == 5 and not chunk[2:].any() and chunk[:2].shape == (2, 3, 4, 2)
        assert not stream_of(name).chunk(STEPS + 5, STEPS + 9).any()

    def test_encodings_compare_by_value(self, name):
        assert encoders[name]() == encoders[name]() and hash(encoders[name]()) == hash(encoders[name]())


@pytest.mark.parametrize("name", VALUES)
class TestEveryCodeOfValues:
    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
    def test_every_float_type(self, name, dtype):
        stream = encoders[name]().encode(source_for(name, dtype), CLOCK, STEPS, KEY)
        assert stream.chunk(0, 3).dtype == (torch.uint8 if stream.is_spiking else dtype)

    def test_source_is_left_alone(self, name):
        source = source_for(name)
        before = source.clone()
        encoders[name]().encode(source, CLOCK, STEPS, KEY).chunk(0, STEPS)
        assert torch.equal(source, before)


@pytest.mark.parametrize("name", ["poisson", "bernoulli", "latency", "phase", "relative_latency"])
def test_negative_values_are_refused(name):
    with pytest.raises(InputError, match=r"^input: .*the smallest is -0\.25; "):
        encoders[name]().encode(torch.tensor([[0.5, -0.25]]), CLOCK, STEPS, KEY)


@pytest.mark.parametrize("name", ["bernoulli", "latency", "phase"])
def test_values_above_one_are_refused(name):
    with pytest.raises(InputError, match=r"^input: .*the largest is 255; "):
        encoders[name]().encode(torch.tensor([[0.5, 255.0]]), CLOCK, STEPS, KEY)


@pytest.mark.parametrize("name", sorted(set(VALUES) - {"null"}))
@pytest.mark.parametrize(
    "bad", [torch.tensor([[float("nan"), 0.0]]), torch.tensor([[float("inf")]]), torch.ones(1, 2, dtype=torch.int32), torch.ones(0, 2)]
)
def test_bad_data_is_refused(name, bad):
    with pytest.raises(InputError, match="^input: "):
        encoders[name]().encode(bad, CLOCK, STEPS, KEY)


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: PoissonEncoding(unit_conversion=-1), "poisson.unit_conversion"),
        (lambda: PoissonEncoding(unit_conversion="1"), "poisson.unit_conversion"),
        (lambda: BernoulliEncoding(max_prob=1.5), "bernoulli.max_prob"),
        (lambda: LatencyEncoding(max_scale=0.0), "latency.max_scale"),
        (lambda: LatencyEncoding(max_scale=True), "latency.max_scale"),
        (lambda: DirectEncoding(amp=float("inf")), "direct.amp"),
        (lambda: PhaseEncoding(phases=0), "phase.phases"),
        (lambda: PhaseEncoding(phases=8.0), "phase.phases"),
    ],
)
def test_bad_parameters_are_refused(make, field):
    with pytest.raises(DeclarationError, match=f"^{field}: "):
        make()


class TestRandomSpikes:
    steps = 16_000

    def spikes(self, encoding, value, clock=CLOCK, steps=None, key=KEY):
        steps = steps or self.steps
        return encoding.encode(torch.as_tensor(value), clock, steps, key).chunk(0, steps)

    @pytest.mark.parametrize("dt", [0.1, 0.5])
    @pytest.mark.parametrize("unit_conversion", [1.0, 0.2])
    def test_poisson_rate(self, dt, unit_conversion):
        x = torch.tensor([[0.0, 0.05, 0.3, 1.0]])
        p = x.double() * dt * unit_conversion
        counts = self.spikes(PoissonEncoding(unit_conversion), x, Clock(dt)).sum(0).double()
        assert ((counts - self.steps * p).abs() <= 5 * (self.steps * p * (1 - p)).sqrt()).all()

    def test_interval_variation_is_that_of_a_geometric_law(self):
        p, trains = 0.05, 200
        spikes = self.spikes(PoissonEncoding(), torch.full((1, trains), p / CLOCK.dt)).view(self.steps, trains)
        times = [train.nonzero().squeeze(1).double() for train in spikes.unbind(1)]
        intervals = torch.cat([t.diff() for t in times])
        cv = (intervals.std() / intervals.mean()).item()
        assert cv == pytest.approx((1 - p) ** 0.5, abs=5 * (2 / len(intervals)) ** 0.5)

    def test_neighbouring_steps_and_blocks_are_uncorrelated(self):
        spikes = self.spikes(BernoulliEncoding(), torch.full((1, 100), 0.5)).view(self.steps, 100).double() - 0.5
        for lag in (1, streams.BLOCK):
            correlation = 4 * (spikes[lag:] * spikes[:-lag]).mean()
            assert correlation.abs() < 5 / (self.steps * 100) ** 0.5

    def test_zero_never_and_one_always(self):
        spikes = self.spikes(BernoulliEncoding(), torch.tensor([[0.0] * 50, [1.0] * 50]))
        assert not spikes[:, 0].any() and spikes[:, 1].all()
        assert self.spikes(PoissonEncoding(unit_conversion=100.0), torch.ones(1, 3)).all()

    def test_bernoulli_does_not_depend_on_dt(self):
        x = torch.rand(2, 5)
        assert torch.equal(self.spikes(BernoulliEncoding(0.4), x, Clock(0.1)), self.spikes(BernoulliEncoding(0.4), x, Clock(1.0)))

    def test_keys_give_other_trains(self):
        x = torch.full((2, 20), 0.5)
        trains = [self.spikes(BernoulliEncoding(), x, steps=64, key=key) for key in (KEY, Key(4, "input", "spikes"), Key(3, "b", "spikes"))]
        trains.append(self.spikes(BernoulliEncoding(), x, steps=64, key=Key(3, "input", "spikes", run=1)))
        assert all(not torch.equal(a, b) for a, b in itertools.combinations(trains, 2))

    def test_longer_runs_begin_alike(self):
        x = torch.full((1, 20), 0.5)
        assert torch.equal(self.spikes(BernoulliEncoding(), x, steps=20), self.spikes(BernoulliEncoding(), x, steps=90)[:20])

    def test_window(self):
        encoding = PoissonEncoding(unit_conversion=10.0, start_time=1.0, end_time=2.5)
        spikes = self.spikes(encoding, torch.ones(1, 1), steps=STEPS).flatten()
        assert spikes.nonzero().flatten().tolist() == list(range(10, 25))
        assert self.spikes(PoissonEncoding(10.0, 1.0, 90.0), torch.ones(1, 1), steps=STEPS).sum() == 40
        assert not self.spikes(PoissonEncoding(10.0, 90.0), torch.ones(1, 1), steps=STEPS).any()

    @pytest.mark.parametrize(("start", "end"), [(0.05, None), (-1.0, None), (2.0, 1.0)])
    def test_bad_windows(self, start, end):
        with pytest.raises(DeclarationError, match=r"^poisson\.(start|end)_time: "):
            PoissonEncoding(start_time=start, end_time=end).encode(torch.ones(1, 1), CLOCK, STEPS, KEY)

    def test_no_global_random_state(self):
        torch.manual_seed(0)
        state = torch.get_rng_state()
        self.spikes(PoissonEncoding(), torch.ones(1, 4), steps=40)
        assert torch.equal(torch.get_rng_state(), state)

    @pytest.mark.parametrize("draw", [streams.draw_int32, streams.draw_int32_with_torch])
    def test_draws_are_uniform_and_pure(self, draw):
        size = 40_000
        first, again, other = (draw((size,), KEY, block, torch.device("cpu")) for block in (0, 0, 1))
        assert torch.equal(first, again) and not torch.equal(first, other)
        uniform = (first.double() / 2.0**32 + 0.5).sort().values
        distance = (uniform - (torch.arange(size) + 0.5) / size).abs().max().item()
        assert distance < 2.0 / size**0.5  # Kolmogorov-Smirnov, p < 0.001


class TestLatency:
    def steps_of(self, values, steps=11, **fields):
        chunk = LatencyEncoding(**fields).encode(torch.tensor(values), CLOCK, steps, KEY).chunk(0, steps)
        assert chunk.sum(0).max() <= 1
        return [[train.nonzero().item() if train.any() else None for train in sample.unbind(1)] for sample in chunk.unbind(1)]

    def test_larger_is_earlier_and_zero_is_silent(self):
        assert self.steps_of([[1.0, 0.75, 0.5, 0.01, 0.0]]) == [[0, 2, 5, 9, None]]

    def test_max_scale_shrinks_the_window(self):
        assert self.steps_of([[1.0, 0.5, 1e-9, 0.0]], max_scale=0.5) == [[0, 2, 4, None]]

    def test_normalised_per_sample(self):
        assert self.steps_of([[-2.0, 0.0, 2.0], [0.0, 127.5, 255.0], [7.0, 7.0, 7.0]], normalize=True) == [
            [None, 5, 0],
            [None, 5, 0],
            [None, None, None],
        ]

    def test_one_step(self):
        assert self.steps_of([[1.0, 0.3, 0.0]], steps=1) == [[0, 0, None]]

    def test_dtype_does_not_change_the_step(self):
        values = torch.arange(256) / 256
        trains = [LatencyEncoding().encode(values.to(d)[None], CLOCK, 300, KEY).chunk(0, 300) for d in (torch.float32, torch.float64)]
        assert torch.equal(*trains)


class TestPhase:
    def test_bits_of_the_value_highest_first(self):
        chunk = PhaseEncoding(4).encode(torch.tensor([[0.0, 0.5, 0.8125, 1.0]]), CLOCK, 10, KEY).chunk(0, 10)[:, 0]
        assert chunk[:4].T.tolist() == [[0, 0, 0, 0], [1, 0, 0, 0], [1, 1, 0, 1], [1, 1, 1, 1]]
        assert torch.equal(chunk[4:8], chunk[:4]) and torch.equal(chunk[8:], chunk[:2])

    @pytest.mark.parametrize("phases", [1, 8, 16])
    def test_weights_add_up_to_the_value(self, phases):
        values = torch.rand(2, 30, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        spikes = PhaseEncoding(phases).encode(values, CLOCK, phases, KEY).chunk(0, phases).double()
        weights = 2.0 ** -(1 + torch.arange(phases, dtype=torch.float64))
        error = values - torch.einsum("t,tbn->bn", weights, spikes)
        assert (error >= 0).all() and (error < 2.0**-phases).all()

    def test_bytes_of_an_image_are_their_own_code(self):
        values = torch.arange(256) / 255
        spikes = PhaseEncoding().encode(values[None], CLOCK, 8, KEY).chunk(0, 8)[:, 0].int()
        assert torch.equal((spikes * 2 ** torch.arange(7, -1, -1)[:, None]).sum(0), torch.arange(256))


class TestDirectAndNull:
    def test_direct_is_the_value_and_passes_gradients(self):
        source = torch.tensor([[1.0, -2.0]], requires_grad=True)
        stream = DirectEncoding(amp=3.0).encode(source, CLOCK, 5, KEY)
        assert stream.is_constant and not stream.is_spiking
        stream.chunk(0, 7).sum().backward()
        assert source.grad.tolist() == [[15.0, 15.0]]

    @pytest.mark.parametrize("alias", ["float", "constant_current", "Constant-Current"])
    def test_aliases(self, alias):
        assert encoders[alias] is DirectEncoding

    def test_null_is_time_first(self):
        source = torch.arange(12.0).view(2, 3, 2)
        stream = NullEncoding().encode(source, CLOCK, 3, KEY)
        assert not stream.is_spiking and torch.equal(stream.chunk(1, 3), source.movedim(1, 0)[1:])

    def test_null_tells_spikes(self):
        stream = NullEncoding().encode(torch.tensor([[[0, 1], [1, 1]]]), CLOCK, 2, KEY)
        assert stream.is_spiking and stream.chunk(0, 2).dtype == torch.uint8

    def test_null_keeps_gradients(self):
        source = torch.ones(1, 4, 2, requires_grad=True)
        stream = NullEncoding().encode(source, CLOCK, 4, KEY)
        stream.chunk(0, 6).sum().backward()
        assert not stream.is_spiking and (source.grad == 1).all()

    @pytest.mark.parametrize(("shape", "text"), [((2, 7, 3), "7 steps .* the run has 5; run for 0.7 ms"), ((7,), "batch, time")])
    def test_null_refuses_another_length(self, shape, text):
        with pytest.raises(InputError, match=f"^input: .*{text}"):
            NullEncoding().encode(torch.zeros(shape), CLOCK, 5, KEY)


def test_poisson_says_that_values_ask_for_more_than_a_step_has():
    with spaic.Network() as net:
        net.pixels = spaic.Encoder(2, coding_method="poisson")
    net.set_backend("torch", dt=1.0)
    net.pixels(torch.tensor([[255.0, 0.0]]))
    with pytest.warns(RuntimeWarning, match="pixels: its largest value of 255 asks for 255 spikes in each step of 1 ms"):
        net.run(3.0)
