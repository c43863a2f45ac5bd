"""Products of spikes with matrices are those of dense torch, in value and gradient, however they are made."""

import numpy as np
import pytest
import torch

from spaic.Backend.Torch.firing.spikes import Spikes, carrier
from spaic.Backend.Torch.links.products import product, sparse_is_faster, weight_gradient
from spaic.errors import InputError, UnknownName

#: steps, batch, pre, post
SIZES = [
    (1, 1, 1, 1),
    (1, 1, 63, 7),
    (7, 1, 65, 1),
    (1, 9, 64, 65),
    (13, 5, 7, 63),
    (40, 30, 129, 100),
    (3, 2, 1500, 10),
    (33, 40, 20, 24),
]
RATES = [0.0, 0.002, 0.1, 0.6, 1.0]
WAYS = ["dense", "sparse", "auto"]
#: Relative to the largest sum of magnitudes.
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}


def drawn(shape, rate, seed=0):
    return torch.from_numpy((np.random.default_rng(seed).random(shape) < rate).astype(np.uint8))


def normal(*shape, dtype=torch.float64, seed=1):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape)).to(dtype)


def close(found, wanted, magnitude, dtype):
    assert found.dtype == dtype and found.shape == wanted.shape
    limit = TOLERANCE[dtype] * max(float(magnitude), 1e-300)
    assert float((found.double() - wanted).abs().max()) <= limit


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("size", SIZES)
def test_values_and_gradients_are_the_dense_ones(size, rate, how, dtype):
    steps, batch, pre, post = size
    values = drawn((steps, batch, pre), rate)
    weight, bias, above = normal(post, pre, dtype=dtype), normal(post, dtype=dtype), normal(steps, batch, post, dtype=dtype, seed=2)
    above64 = above.double()
    ours = [weight.clone().requires_grad_(), bias.clone().requires_grad_(), carrier((steps, batch, pre), dtype, "cpu").requires_grad_()]
    plain = [weight.double().clone().requires_grad_(), bias.double().clone().requires_grad_(), values.double().requires_grad_()]
    y, done = product(Spikes(values, ours[2]), ours[0], ours[1], how)
    wanted = plain[2] @ plain[0].T + plain[1]
    y.backward(above)
    wanted.backward(above64)
    assert done == how or how == "auto"
    close(y.detach(), wanted.detach(), (values.double() @ weight.double().abs().T + bias.double().abs()).max(), dtype)
    sums = [
        above64.flatten(0, 1).abs().T @ values.flatten(0, 1).double(),
        above64.abs().sum((0, 1)),
        above64.abs() @ weight.double().abs(),
    ]
    for found, other, magnitude in zip(ours, plain, sums, strict=True):
        close(found.grad, other.grad, magnitude.max(), dtype)
    if rate == 0:
        assert not ours[0].grad.any()


@pytest.mark.parametrize("how", ["dense", "sparse"])
@pytest.mark.parametrize(("rate", "pre"), [(0.1, 30), (0.5, 30), (0.3, 3)])
def test_gradcheck(how, rate, pre):
    spikes = Spikes(drawn((4, 3, pre), rate))
    weight, bias = normal(5, pre).requires_grad_(), normal(5).requires_grad_()
    torch.autograd.gradcheck(lambda w, b: product(spikes, w, b, how)[0], (weight, bias))


@pytest.mark.parametrize("how", ["dense", "sparse"])
@pytest.mark.parametrize("rate", [0.01, 0.3])
@pytest.mark.parametrize("layout", ["turned", "strided", "sliced", "expanded"])
def test_layouts_of_weights(how, rate, layout):
    values, above = drawn((10, 4, 37), rate), normal(10, 4, 21, seed=2)
    weight = {
        "turned": lambda: normal(37, 21).T,
        "strided": lambda: normal(42, 74)[::2, ::2],
        "sliced": lambda: normal(21, 50)[:, 5:42],
        "expanded": lambda: normal(1, 37).expand(21, 37),
    }[layout]()
    leaf = weight.detach().requires_grad_()
    y, _ = product(Spikes(values), leaf, None, how)
    y.backward(above)
    torch.testing.assert_close(y.detach(), values.double() @ weight.T, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(leaf.grad, above.flatten(0, 1).T @ values.flatten(0, 1).double(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rate", [0.005, 0.3])
def test_the_sparse_gradient_has_the_layout_of_the_weight(rate):
    spikes = Spikes(drawn((10, 4, 37), rate))
    above = normal(10, 4, 21)
    for weight in (normal(21, 37), normal(37, 21).T):
        assert weight_gradient(spikes, above, weight, "sparse").stride() == weight.stride()


@pytest.mark.parametrize("how", ["dense", "sparse"])
def test_a_mask_and_other_users_of_the_weight(how):
    values, mask = drawn((10, 4, 37), 0.3), drawn((21, 37), 0.5, seed=3)
    ours, plain = normal(21, 37).requires_grad_(), normal(21, 37).requires_grad_()
    (product(Spikes(values), ours * mask, None, how)[0].square().sum() + ours.square().sum()).backward()
    ((values.double() @ (plain * mask).T).square().sum() + plain.square().sum()).backward()
    torch.testing.assert_close(ours.grad, plain.grad, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("how", ["dense", "sparse"])
def test_samples_of_several_dimensions(how):
    values = drawn((6, 3, 2, 4, 5), 0.4)
    stand_in = carrier((6, 3, 2, 4, 5), torch.float64, "cpu").requires_grad_()
    weight = normal(9, 40)
    y, _ = product(Spikes(values, stand_in), weight, None, how)
    torch.testing.assert_close(y.detach(), values.flatten(2).double() @ weight.T, rtol=1e-12, atol=1e-12)
    above = normal(6, 3, 9, seed=5)
    y.backward(above)
    torch.testing.assert_close(stand_in.grad, (above @ weight).reshape(stand_in.shape), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("how", ["dense", "sparse"])
@pytest.mark.parametrize("rate", [0.004, 0.2])
def test_weight_gradient_alone(how, rate):
    values, above = drawn((12, 5, 80), rate), normal(12, 5, 33)
    found = weight_gradient(Spikes(values), above, normal(33, 80).requires_grad_(), how)
    torch.testing.assert_close(found, above.flatten(0, 1).T @ values.flatten(0, 1).double(), rtol=1e-12, atol=1e-12)
    assert not found.requires_grad


@pytest.mark.parametrize("rate", [0.0002, 0.2])
@pytest.mark.parametrize("is_turned", [False, True])
def test_sums_do_not_depend_on_threads(rate, is_turned):
    values, above = drawn((100, 20, 600), rate), normal(100, 20, 90, dtype=torch.float32)
    weight = normal(600, 90, dtype=torch.float32).T if is_turned else normal(90, 600, dtype=torch.float32)
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            leaf = weight.detach().requires_grad_()
            y, _ = product(Spikes(values), leaf, None, "sparse")
            y.backward(above)
            results.append((y.detach(), leaf.grad))
    finally:
        torch.set_num_threads(before)
    for others in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], others, strict=True))


@pytest.mark.parametrize(("how", "most"), [("sparse", 1 / 8), ("dense", 1.0)])
def test_between_the_passes_spikes_are_bits_or_bytes(how, most):
    """What lives on when the spikes themselves are gone."""
    spikes = Spikes(drawn((64, 10, 640), 0.1))
    y, _ = product(spikes, normal(8, 640).requires_grad_(), None, how)
    way = y.grad_fn.next_functions[0][0].way
    kept = way.bits.words if how == "sparse" else way.x.numpy()
    assert kept.nbytes == most * spikes.bytes.numel()
    assert not y.grad_fn.next_functions[0][0].saved_tensors


@pytest.mark.parametrize("how", ["dense", "sparse"])
def test_the_weight_may_change_before_the_way_back_unless_it_is_needed(how):
    values = drawn((6, 3, 20), 0.4)
    for needs in (False, True):
        weight = normal(5, 20).requires_grad_()
        stand_in = carrier((6, 3, 20), torch.float64, "cpu").requires_grad_(needs)
        y, _ = product(Spikes(values, stand_in), weight, None, how)
        with torch.no_grad():
            weight.add_(1.0)
        if needs:
            with pytest.raises(RuntimeError, match="modified by an inplace operation"):
                y.sum().backward()
        else:
            y.sum().backward()
            torch.testing.assert_close(weight.grad, values.flatten(0, 1).sum(0, dtype=torch.float64).expand(5, 20))


@pytest.mark.parametrize("how", ["dense", "sparse"])
def test_autocast_leaves_sums_as_they_are(how):
    values, weight = drawn((6, 3, 200), 0.4), normal(5, 200, dtype=torch.float32).requires_grad_()
    wanted, _ = product(Spikes(values), weight, None, how)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found, _ = product(Spikes(values), weight, None, how)
        found.sum().backward()
    assert torch.equal(found, wanted) and found.dtype == torch.float32
    assert torch.equal(weight.grad[0], values.flatten(0, 1).sum(0).float())


@pytest.mark.parametrize("how", ["dense", "sparse"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_other_types_are_multiplied_by_torch(how, dtype):
    values = drawn((6, 3, 16), 0.4)
    weight = torch.from_numpy(np.random.default_rng(0).integers(-3, 4, (5, 16))).to(dtype).requires_grad_()  # sums are exact
    y, done = product(Spikes(values), weight, torch.ones(5, dtype=dtype), how)
    y.sum().backward()
    assert done == how and y.dtype == dtype
    assert torch.equal(y.detach().float(), values.float() @ weight.detach().float().T + 1)
    assert torch.equal(weight.grad[0].float(), values.flatten(0, 1).sum(0).float())


def test_a_second_derivative_is_refused():
    weight = normal(5, 20).requires_grad_()
    y, _ = product(Spikes(drawn((6, 3, 20), 0.4)), weight, None, "sparse")
    (first,) = torch.autograd.grad(y.square().sum(), weight, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


def test_no_steps():
    weight, bias = normal(5, 20).requires_grad_(), normal(5).requires_grad_()
    for how in WAYS:
        y, _ = product(Spikes(torch.zeros(0, 3, 20, dtype=torch.uint8)), weight, bias, how)
        assert y.shape == (0, 3, 5)
        y.sum().backward()
    assert not weight.grad.any() and not bias.grad.any()


def test_the_choice():
    def chosen(rate, rows, pre, post, dtype=torch.float32):
        return sparse_is_faster(int(rate * rows * pre), rows, pre, post, dtype)

    assert all(chosen(0.1, 5000, *size) for size in ((784, 100), (784, 800), (784, 10), (100, 10), (1024, 1024)))
    assert not any(chosen(0.6, 5000, *size) for size in ((784, 100), (784, 800), (784, 10), (100, 10), (1024, 1024)))
    assert chosen(0.05, 1, 1024, 1024) and chosen(0.0, 1, 1, 1)
    spikes = Spikes(drawn((50, 20, 300), 0.1))
    assert product(spikes, normal(50, 300))[1] == ("sparse" if sparse_is_faster(spikes.count, 1000, 300, 50, torch.float64) else "dense")


@pytest.mark.parametrize("shape", [(5, 19), (20,), (5, 20, 1)])
def test_a_weight_that_does_not_fit_is_refused(shape):
    with pytest.raises(InputError, match="for 20 inputs"):
        product(Spikes(drawn((6, 3, 20), 0.4)), normal(*shape))


def test_an_unknown_way_is_refused():
    with pytest.raises(UnknownName, match="unknown way 'sparce'; did you mean 'sparse'"):
        product(Spikes(drawn((6, 3, 20), 0.4)), normal(5, 20), None, "sparce")
