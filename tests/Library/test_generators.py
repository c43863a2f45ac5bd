"""Generators: what every one promises, then what each means."""

import itertools
import math

import numpy as np
import pytest
import torch

from spaic.clock import Clock
from spaic.errors import DeclarationError, InputError
from spaic.Library.generators import ConstantCurrent, PoissonGenerator, Ramp, Sine
from spaic.registry import generators
from spaic.seeds import Key

CLOCK, STEPS = Clock(0.1), 50
KEY = Key(3, "drive", "spikes")
#: What those generators need that do not work from one number.
SOURCES = {"sin": [2.0, 1.5], "spike_list": ([0, 7, 7, 3], [0.05, 0.1, 2.0, 4.9]), "timed_array": np.arange(50) % 3, "random_spikes": 6.0}


@pytest.fixture(scope="module", autouse=True)
def file_of_values(tmp_path_factory):
    """The file that `from_file` reads in this module."""
    FIELDS["from_file"] = {"file": str(tmp_path_factory.mktemp("values") / "values.npy")}
    np.save(FIELDS["from_file"]["file"], np.arange(50.0) % 3)


FIELDS = {}


def stream_of(name, source=None, shape=(4, 2), batch=3, steps=STEPS, clock=CLOCK, key=KEY, **fields):
    source = SOURCES.get(name, 0.5) if source is None else source
    return generators[name](**{**FIELDS.get(name, {}), **fields}).generate(source, shape, batch, clock, steps, key, "cpu")


@pytest.mark.parametrize("name", list(generators))
class TestEveryGenerator:
    def test_shape_and_type(self, name):
        stream = stream_of(name)
        chunk = stream.chunk(0, STEPS)
        assert (stream.batch, stream.shape) == (3, (4, 2))
        assert chunk.shape == (STEPS, 3, 4, 2) and chunk.any()
        assert chunk.dtype == (torch.uint8 if stream.is_spiking else torch.float64)
        assert not stream.is_constant or (chunk == chunk[0]).all()

    @pytest.mark.parametrize("cuts", [range(STEPS + 1), [0, 1, 15, 16, 17, 33, STEPS]])
    def test_chunks_do_not_matter(self, name, cuts):
        stream = stream_of(name)
        parts = [stream.chunk(a, b) for a, b in itertools.pairwise(cuts)]
        assert torch.equal(torch.cat(parts), stream_of(name).chunk(0, STEPS))
        assert torch.equal(stream.chunk(3, 30), stream_of(name).chunk(3, 30))

    def test_silent_beyond_the_run(self, name):
        assert not stream_of(name).chunk(STEPS, STEPS + 3).any()

    def test_a_wrong_shape_is_refused(self, name):
        with pytest.raises(InputError, match="^drive: "):
            stream_of(name, np.ones((3, 5)))

    @pytest.mark.parametrize("bad", ["fast", object(), float("nan"), [1.0, float("inf")]])
    def test_a_bad_value_is_refused(self, name, bad):
        with pytest.raises(InputError, match="^drive: "):
            stream_of(name, bad, shape=(2,))


@pytest.mark.parametrize("source", [2, np.float32(2), [2.0, 2.0], np.full((3, 2), 2.0), torch.full((2,), 2.0), torch.full((3, 2), 2)])
def test_one_value_per_node_neuron_or_sample(source):
    assert (stream_of("constant_current", source, shape=(2,)).chunk(0, STEPS) == 2).all()


@pytest.mark.parametrize("dt", [0.1, 0.5])
def test_poisson_rate_depends_on_dt(dt):
    steps, rates = 16_000, torch.tensor([0.0, 0.1, 1.0])
    p = rates.double() * dt * 0.5
    counts = stream_of("poisson_generator", rates, (3,), 1, steps, Clock(dt), unit_conversion=0.5).chunk(0, steps).sum(0).double()
    assert ((counts - steps * p).abs() <= 5 * (steps * p * (1 - p)).sqrt()).all()


def test_poisson_samples_and_neurons_are_independent():
    spikes = stream_of("poisson_generator", 5.0, (40,), 2, 4000).chunk(0, 4000).double() - 0.5
    matrix = torch.corrcoef(spikes.flatten(1).T) - torch.eye(80)
    assert matrix.abs().max() < 6 / 4000**0.5


def test_poisson_window_and_negative_rates():
    spikes = stream_of("poisson_generator", 99.0, (1,), 1, start_time=1.0, end_time=1.4).chunk(0, STEPS)
    assert spikes.flatten().nonzero().flatten().tolist() == [10, 11, 12, 13]
    with pytest.raises(InputError, match=r"^drive: .*the smallest is -1"):
        stream_of("poisson_generator", -1.0)


def test_constant_current_passes_gradients():
    value = torch.tensor([1.0, 2.0], requires_grad=True)
    stream = stream_of("constant_current", value, (2,))
    assert stream.is_constant
    stream.chunk(0, STEPS).sum().backward()
    assert value.grad.tolist() == [3 * STEPS] * 2


@pytest.mark.parametrize("fields", [{}, {"amplitude": 2.0, "period": 1.5}])
def test_sin(fields):
    source = None if fields else [2.0, 1.5]
    values = Sine(**fields).generate(source, (2,), 3, CLOCK, STEPS, KEY, "cpu").chunk(0, STEPS)
    expected = 2.0 * torch.sin(2 * math.pi * torch.arange(STEPS, dtype=torch.float64) * 0.1 / 1.5)
    torch.testing.assert_close(values, expected.view(-1, 1, 1).expand(STEPS, 3, 2))


@pytest.mark.parametrize("source", [None, 2.0, [1.0], [1.0, 0.0], [1.0, 2.0, 3.0], [1.0, -2.0]])
def test_sin_needs_an_amplitude_and_a_period(source):
    with pytest.raises(InputError, match="^drive: sin needs"):
        Sine().generate(source, (2,), 3, CLOCK, STEPS, KEY, "cpu")


def test_sin_is_given_once():
    with pytest.raises(InputError, match="keep one of the two"):
        Sine(1.0, 2.0).generate([3.0, 4.0], (2,), 3, CLOCK, STEPS, KEY, "cpu")


def test_ramp():
    values = stream_of("ramp", [1.0, -2.0], (2,), 1, amp=0.5, base=3.0, end_time=4.0).chunk(0, STEPS)[:, 0]
    time = torch.arange(40, dtype=torch.float64) * 0.1
    torch.testing.assert_close(values[:40], torch.stack([0.5 * (time + 3), 0.5 * (3 - 2 * time)], 1))
    assert not values[40:].any()


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: PoissonGenerator(unit_conversion=-0.1), "poisson_generator.unit_conversion"),
        (lambda: Sine(amplitude="a"), "sin.amplitude"),
        (lambda: Sine(period=0.0), "sin.period"),
        (lambda: Ramp(amp=float("nan")), "ramp.amp"),
        (lambda: Ramp(base=None), "ramp.base"),
    ],
)
def test_bad_parameters_are_refused(make, field):
    with pytest.raises(DeclarationError, match=f"^{field}: "):
        make()


def test_aliases():
    assert generators["cc_generator"] is ConstantCurrent and generators["sin_generator"] is Sine
