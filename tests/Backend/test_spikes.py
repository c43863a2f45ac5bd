"""Spikes as bytes: counts, lists, delays, and the tensor that stands for them in autograd."""

import numpy as np
import pytest
import torch

from spaic.Backend.Torch.firing.bits import Bits
from spaic.Backend.Torch.firing.fired import Packed
from spaic.Backend.Torch.firing.spikes import Spikes, _listed, carrier, compact
from spaic.errors import InputError

SHAPES = [(1, 1, 1), (3, 2, 7), (5, 1, 8), (65, 1, 63), (4, 16, 64), (13, 5, 65), (2, 3, 2, 5), (30, 10, 130), (1, 1, 1000)]
RATES = [0.0, 0.003, 0.1, 0.5, 1.0]


def drawn(shape, rate, seed=0):
    return torch.from_numpy((np.random.default_rng(seed).random(shape) < rate).astype(np.uint8))


def lists_of(x):
    """By plain NumPy."""
    return np.r_[0, np.cumsum(x.sum(1, dtype=np.int64))], np.nonzero(x)[1]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("rate", RATES)
def test_counts_and_lists(shape, rate):
    values = drawn(shape, rate)
    spikes = Spikes(values)
    flat = values.reshape(shape[0] * shape[1], -1).numpy()
    assert spikes.count == flat.sum(dtype=np.int64)
    for found, wanted in ((spikes.rows(), lists_of(flat)), (spikes.columns(), lists_of(flat.T))):
        assert found[0].dtype == torch.int64 and found[1].dtype == torch.int32
        np.testing.assert_array_equal(found[0], wanted[0])
        np.testing.assert_array_equal(found[1], wanted[1])


def test_lists_are_those_of_torch_on_other_devices():
    flat = drawn((40, 77), 0.2)
    for x in (flat, flat.T):
        for found, wanted in zip(_listed(x), lists_of(x.numpy()), strict=True):
            np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("threads", [2, 3])
def test_lists_do_not_depend_on_threads(threads, one_thread_after):
    values = drawn((300, 10, 1000), 0.1)  # enough work for several pieces
    torch.set_num_threads(1)
    alone = (*Spikes(values).rows(), *Spikes(values).columns())
    torch.set_num_threads(threads)
    for one, several in zip(alone, (*Spikes(values).rows(), *Spikes(values).columns()), strict=True):
        assert torch.equal(one, several)


@pytest.fixture
def one_thread_after():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_bits_take_an_eighth():
    bits = Bits.of(drawn((640, 128), 0.3))
    assert bits.words.nbytes == 640 * 128 // 8
    assert bits.flipped.words.nbytes == 640 * 128 // 8


def test_bytes_need_not_be_contiguous():
    values = drawn((6, 5, 70), 0.3)
    turned = values.transpose(0, 1)
    assert torch.equal(Spikes(turned).rows()[1], Spikes(turned.contiguous()).rows()[1])


@pytest.mark.parametrize("value", [2, 128, 255])
@pytest.mark.parametrize("place", [0, 63, 64, 70])
def test_other_bytes_are_refused(value, place):
    values = drawn((3, 2, 71), 0.5)
    values[1, 1, place] = value
    with pytest.raises(InputError, match=f"a byte is {value}; give 0"):
        _ = Spikes(values).count


@pytest.mark.parametrize("values", [torch.zeros(3, 2, 4), torch.zeros(3, 2, dtype=torch.uint8)])
def test_what_are_no_bytes_over_time_is_refused(values):
    with pytest.raises(InputError, match="give torch.uint8"):
        Spikes(values)


def test_a_carrier_that_does_not_fit_is_refused():
    with pytest.raises(InputError, match=r"carrier of shape \(3, 2, 5\)"):
        Spikes(drawn((3, 2, 4), 0.5), torch.zeros(3, 2, 5))


def test_a_carrier_takes_no_memory_and_passes_a_dense_gradient():
    stand_in = carrier((50, 4, 9), torch.float64, "cpu").requires_grad_()
    assert stand_in.untyped_storage().nbytes() == 8
    values = drawn((50, 4, 9), 0.3)
    factors = torch.randn(50, 4, 9, dtype=torch.float64)
    floats = Spikes(values, stand_in).floats(torch.float64)
    assert torch.equal(floats, values.double())
    (floats * factors).sum().backward()
    assert torch.equal(stand_in.grad, factors)


def test_floats_without_a_carrier_have_no_gradient():
    assert not Spikes(drawn((2, 2, 2), 0.5)).floats(torch.float32).requires_grad


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bool, torch.uint8, torch.int64])
def test_compact(dtype):
    values = drawn((7, 3, 11), 0.4)
    assert torch.equal(compact(values.to(dtype)).bytes, values)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.uint8, torch.int16])
@pytest.mark.parametrize("place", [0, 4095, 4096, 9999])
def test_compact_looks_at_every_value(dtype, place):
    x = drawn((10, 5, 200), 0.4).to(dtype)
    assert torch.equal(compact(x.transpose(0, 1)).bytes, (x == 1).transpose(0, 1).to(torch.uint8))
    x.view(-1)[place] = 3
    with pytest.raises(InputError, match=rf"the value 3 at \[{place // 1000}, {place // 200 % 5}, {place % 200}\] is"):
        compact(x)


def test_compact_passes_its_gradient():
    x = drawn((7, 3, 11), 0.4).double().requires_grad_()
    factors = torch.randn(7, 3, 11, dtype=torch.float64)
    (compact(x).floats(torch.float64) * factors).sum().backward()
    assert torch.equal(x.grad, factors)


@pytest.mark.parametrize(("value", "said"), [(0.5, "0.5"), (-1.0, "-1"), (2.0, "2"), (float("nan"), "nan"), (float("inf"), "inf")])
def test_compact_refuses_other_values_by_name(value, said):
    x = drawn((7, 3, 11), 0.4).float()
    x[4, 1, 10] = value
    with pytest.raises(InputError, match=rf"^layer1\.O: the value {said} at \[4, 1, 10\] is no spike; give 0 and 1 only$"):
        compact(x, "layer1.O")


@pytest.mark.parametrize(("delay", "depth"), [(1, 1), (2, 5), (5, 5), (8, 9), (11, 11)])
@pytest.mark.parametrize("kind", [torch.uint8, torch.float64])
def test_delayed(delay, depth, kind):
    values, past = drawn((8, 2, 5), 0.5), drawn((depth, 2, 5), 0.5, seed=1)
    found = Spikes(values).delayed(past.to(kind), delay)
    assert torch.equal(found.bytes, torch.cat([past[depth - delay :], values])[:8])
    assert found.carrier is None


@pytest.mark.parametrize(("delay", "depth"), [(1, 1), (2, 5), (8, 9), (11, 11)])
@pytest.mark.parametrize("has_past", [False, True])
@pytest.mark.parametrize("has_now", [False, True])
def test_gradients_of_delayed_spikes(delay, depth, has_past, has_now):
    values, past = drawn((8, 2, 5), 0.5), drawn((depth, 2, 5), 0.5, seed=1).double().requires_grad_(has_past)
    stand_in = carrier((8, 2, 5), torch.float64, "cpu").requires_grad_() if has_now else None
    plain = values.double().requires_grad_(has_now)
    factors = torch.randn(8, 2, 5, dtype=torch.float64)
    delayed = Spikes(values, stand_in).delayed(past, delay)
    if not (has_past or has_now):
        assert delayed.carrier is None
        return
    (delayed.floats(torch.float64) * factors).sum().backward()
    found = past.grad
    past.grad = None
    (torch.cat([past[depth - delay :], plain])[:8] * factors).sum().backward()
    if has_past:
        assert torch.equal(found, past.grad)
    if has_now:
        assert torch.equal(stand_in.grad, plain.grad)


def test_no_delay_changes_nothing():
    spikes = Spikes(drawn((8, 2, 5), 0.5))
    assert spikes.delayed(torch.zeros(0, 2, 5), 0) is spikes


@pytest.mark.parametrize(("shape", "delay"), [((1, 2, 5), 2), ((3, 2, 4), 2), ((3, 1, 5), 2), ((3, 2, 5), -1)])
def test_a_past_that_does_not_fit_is_refused(shape, delay):
    with pytest.raises(InputError, match=f"delay {delay} with a past"):
        Spikes(drawn((8, 2, 5), 0.5)).delayed(torch.zeros(shape), delay)


LAYOUTS = {
    "as it is": lambda x: x,
    "by sample": lambda x: x.transpose(0, 1).contiguous().transpose(0, 1),
    "by neuron": lambda x: x.movedim(2, 0).contiguous().movedim(0, 2),
    "one step in two": lambda x: x.repeat_interleave(2, 0)[::2],
    "one sample for all": lambda x: x[:, :1].expand(x.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.uint8])
@pytest.mark.parametrize("shape", [(5, 3, 1), (1, 1, 64), (7, 2, 63), (3, 4, 5, 13), (2, 100, 130)])
def test_bits_of_numbers(shape, dtype, layout):
    values = LAYOUTS[layout]((torch.rand(shape, generator=torch.Generator().manual_seed(1)) < 0.3).to(dtype))
    bits, expected = Bits.of_numbers(values), values.to(torch.uint8)
    assert bits.count == expected.sum() and bits.size == expected[0, 0].numel()
    np.testing.assert_array_equal(bits.words, Bits.of(expected.flatten(2).flatten(0, 1)).words)
    np.testing.assert_array_equal(bits.bytes().view(shape), expected)
    packed = Packed(Bits.of_words(bits.words, bits.size), shape[1], shape[2:])
    assert (packed.steps, packed.count, packed.activity) == (shape[0], bits.count, pytest.approx(float(expected.float().mean())))
    assert torch.equal(packed.floats(torch.float64), expected.double())


@pytest.mark.parametrize("place", [(0, 0, 0), (0, 2, 129), (1, 0, 64), (4, 2, 129)])
@pytest.mark.parametrize("wrong", [0.5, -1.0, 2.0, float("nan"), float("inf")])
def test_other_numbers_are_no_bits(place, wrong):
    values = torch.zeros(5, 3, 130)
    values[place] = wrong
    assert Bits.of_numbers(values) is None
