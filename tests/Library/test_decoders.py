"""Decoders: what every readout promises, then what each means."""

import itertools
import math

import pytest
import torch

from spaic.clock import Clock
from spaic.errors import DeclarationError, NetworkError
from spaic.Library.decoders import FirstSpike, MaxVoltage, SpikeCounts, SpikeRate, TimeSpikeCounts
from spaic.registry import decoders

CLOCK, STEPS, BATCH, NEURONS = Clock(0.5), 12, 3, 6


def record_for(decoder, dtype=torch.float64, shape=(NEURONS,)):
    values = torch.randn(STEPS, BATCH, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    record = (values > 0.8).to(dtype) if decoder.reads == "O" else values.to(dtype)
    record[:, 0] = 0  # a silent sample, where all voltages are equal
    return record


def decode(decoder, record, cuts=None):
    carry = None
    for start, stop in itertools.pairwise(cuts or [0, len(record)]):
        carry = decoder.fold(carry, record[start:stop], start, CLOCK)
    return decoder.finish(carry, len(record), CLOCK)


#: Those that add up or count, at least in single precision.
IN_SINGLE = ("spike_counts", "spike_rate", "first_spike", "mean_voltage", "voltage_sum", "time_spike_counts")


@pytest.mark.parametrize("name", list(decoders))
class TestEveryReadout:
    def test_shape_for_any_shape_of_node(self, name):
        decoder = decoders[name]()
        result = decode(decoder, record_for(decoder, shape=(2, 3)))
        assert decoder.reads in ("O", "V_before_reset")
        if name in ("null", "v_t"):
            assert result.shape == (STEPS, BATCH, 2, 3)
        else:
            assert torch.equal(result, decode(decoder, record_for(decoder).view(STEPS, BATCH, NEURONS)))
            assert result.shape == (BATCH, NEURONS)

    @pytest.mark.parametrize("cuts", [range(STEPS + 1), [0, 5, STEPS], [0, 1, 11, STEPS]])
    def test_chunks_do_not_matter(self, name, cuts):
        decoder = decoders[name]()
        record = record_for(decoder).requires_grad_()
        whole, cut = decode(decoder, record), decode(decoder, record, list(cuts))
        assert torch.equal(whole, cut)
        seed = torch.randn(whole.shape, dtype=whole.dtype, generator=torch.Generator().manual_seed(5))
        gradients = [torch.autograd.grad(result, record, seed)[0] for result in (whole, cut)]
        torch.testing.assert_close(*gradients)

    def test_gradient_is_that_of_finite_differences(self, name):
        decoder = decoders[name]()
        soft = torch.rand(5, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(4)).requires_grad_()
        assert torch.autograd.gradcheck(lambda record: decode(decoder, record, [0, 2, 5]), soft)

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
    def test_half_precision_is_added_up_in_single(self, name, dtype):
        decoder = decoders[name]()
        record = record_for(decoder, dtype)
        result = decode(decoder, record)
        assert result.dtype == (torch.float32 if name in IN_SINGLE else dtype)
        torch.testing.assert_close(result.double(), decode(decoder, record.double()))

    def test_bytes_are_spikes(self, name):
        decoder = decoders[name]()
        if decoder.reads == "O":
            record = record_for(decoder, torch.uint8)
            torch.testing.assert_close(decode(decoder, record).double(), decode(decoder, record.double()))


def test_counts():
    record = record_for(SpikeCounts())
    assert torch.equal(decode(SpikeCounts(), record), record.sum(0))
    assert torch.equal(decode(SpikeCounts(bias=1.0, scale=0.5), record), (record.sum(0) + 1) * 0.5)
    assert torch.equal(decode(SpikeCounts(pop_size=3), record), torch.stack([record[..., :3].sum((0, 2)), record[..., 3:].sum((0, 2))], 1))
    torch.testing.assert_close(decode(SpikeRate(pop_size=2), record), decode(SpikeCounts(pop_size=2), record) / STEPS)


def test_a_thousand_bytes_do_not_overflow():
    assert (decode(SpikeCounts(pop_size=2), torch.ones(1000, 1, 4, dtype=torch.uint8)) == 2000).all()


def test_populations_that_do_not_divide_are_refused():
    with pytest.raises(NetworkError, match="10 neurons cannot be split into populations of 3"):
        decode(SpikeCounts(pop_size=3), torch.zeros(4, 1, 10))


@pytest.mark.parametrize("fields", [{"pop_size": 0}, {"pop_size": 2.0}, {"bias": float("nan")}, {"scale": "2"}])
@pytest.mark.parametrize("kind", [SpikeCounts, SpikeRate])
def test_bad_parameters_are_refused(kind, fields):
    with pytest.raises(DeclarationError, match=rf"^spike_counts\.{next(iter(fields))}: "):
        kind(**fields)


def test_first_spike_times():
    record = torch.zeros(STEPS, 1, 4)
    record[0, 0, 0] = record[3, 0, 1] = record[7, 0, 1] = record[STEPS - 1, 0, 2] = 1
    assert decode(FirstSpike(), record).tolist() == [[0.5, 2.0, STEPS * 0.5, (STEPS + 1) * 0.5]]


def test_first_spike_gradient_counts_the_steps_it_decides():
    record = torch.zeros(STEPS, 1, 1, dtype=torch.float64)
    record[3] = record[7] = 1
    record.requires_grad_()
    decode(FirstSpike(), record).sum().backward()
    # An earlier spike would save the steps up to step 3; losing the one of step 3 would cost those up to step 7.
    assert record.grad.flatten().tolist() == [-0.5 * n for n in (3, 2, 1, 4)] + [0.0] * 8


def test_maximum_sends_its_gradient_to_the_first_of_equals():
    record = torch.zeros(STEPS, 1, 1, requires_grad=True)
    decode(MaxVoltage(), record, [0, 4, STEPS]).sum().backward()
    assert record.grad.flatten().tolist() == [1.0] + [0.0] * (STEPS - 1)


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("final_step_voltage", "final_voltage"),
        ("final_membrane_potential", "final_voltage"),
        ("maximal_membrane_potential", "max_voltage"),
        ("spike_rates", "spike_rate"),
    ],
)
def test_aliases(alias, name):
    assert decoders[alias] is decoders[name]


def test_voltages_are_read_as_they_are():
    record = record_for(MaxVoltage())
    assert torch.equal(decode(decoders["final_voltage"](), record), record[-1])
    assert torch.equal(decode(MaxVoltage(), record), record.amax(0))


def test_means_and_sums_of_voltages():
    record = record_for(MaxVoltage())
    torch.testing.assert_close(decode(decoders["mean_voltage"](), record), record.mean(0))
    torch.testing.assert_close(decode(decoders["voltage_sum"](), record), record.sum(0))
    assert torch.equal(decode(decoders["v_t"](), record, [0, 5, STEPS]), record)


def test_early_spikes_count_more():
    record = torch.zeros(STEPS, 1, 3, dtype=torch.float64)
    record[0, 0, 0] = record[6, 0, 1] = 1
    counts = decode(TimeSpikeCounts(amp=2.0, share=0.5), record)[0]
    torch.testing.assert_close(counts, torch.tensor([2.0, 2.0 * math.exp(-1), 0.0], dtype=torch.float64))


@pytest.mark.parametrize("fields", [{"amp": None}, {"share": 0.0}])
def test_bad_parameters_of_weighted_counts_are_refused(fields):
    with pytest.raises(DeclarationError, match=rf"^time_spike_counts\.{next(iter(fields))}: "):
        TimeSpikeCounts(**fields)
