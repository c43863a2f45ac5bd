"""Shapes and fans of transforms, and values of their parameters."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from spaic.errors import DeclarationError, GraphError
from spaic.Graph.transforms import Conv2d, Dense, OneToOne, Pool2d, Scale
from spaic.Graph.values import Draw, as_value, materialise
from spaic.Library.initializers import normal
from spaic.seeds import Key


def test_dense():
    assert Dense(6, 4, 1.0).output_shape((2, 3), "k") == (4,)
    assert Dense(6, 4, 1.0, bias=0.0).parameters() == {"weight": (1.0, (4, 6)), "bias": (0.0, (4,))}
    assert Dense(6, 4, 1.0).fans() == (6, 4)


def test_the_fans_of_a_mask_count_its_synapses():
    mask = np.zeros((4, 6), bool)
    mask[:, :3] = True
    assert Dense(6, 4, 1.0, mask=mask).fans() == (3, 2)
    assert Dense(6, 4, 1.0, mask=np.zeros((4, 6), bool)).fans() == (1, 1)


def test_one_to_one_and_scale_keep_the_shape():
    assert OneToOne(6, 1.0).output_shape((2, 3), "k") == (2, 3)
    assert OneToOne(6, 1.0, 0.5).parameters() == {"weight": (1.0, (6,)), "bias": (0.5, (6,))}
    assert Scale(2.0).output_shape((5,), "k") == (5,) and Scale().parameters() == {}


@pytest.mark.parametrize("size", [(5, 5), (6, 9), (7, 4)])
@pytest.mark.parametrize(
    "kernel, stride, padding, dilation",
    [((3, 3), (1, 1), (0, 0), (1, 1)), ((2, 3), (2, 1), (1, 2), (1, 1)), ((2, 2), (3, 2), (1, 0), (2, 3))],
)
def test_windows_are_counted_as_torch_does(size, kernel, stride, padding, dilation):
    image = torch.zeros(1, 2, *size)
    expected = functional.conv2d(image, torch.zeros(4, 2, *kernel), None, stride, padding, dilation).shape[1:]
    assert Conv2d(2, 4, kernel, 1.0, None, stride, padding, dilation).output_shape((2, *size), "k") == tuple(expected)
    if all(2 * p <= k for p, k in zip(padding, kernel, strict=True)):
        expected = functional.avg_pool2d(image, kernel, stride, padding).shape[1:]
        assert Pool2d(kernel, stride, padding).output_shape((2, *size), "k") == tuple(expected)


def test_conv_parameters_and_fans():
    conv = Conv2d(4, 6, (3, 2), 1.0, 0.0, groups=2)
    assert conv.parameters() == {"weight": (1.0, (6, 2, 3, 2)), "bias": (0.0, (6,))}
    assert conv.fans() == (2 * 6, 3 * 6)


def test_windows_larger_than_the_image():
    with pytest.raises(GraphError, match=r"k: a window of \(5, 5\) does not fit into \(4, 4\)"):
        Conv2d(1, 1, (3, 3), 1.0, dilation=(2, 2)).output_shape((1, 4, 4), "k")
    with pytest.raises(GraphError, match="k: a window of"):
        Pool2d((5, 1), (1, 1)).output_shape((1, 4, 4), "k")


def test_channels_must_agree():
    with pytest.raises(GraphError, match=r"k: the source has 3 channels .*, the kernel takes 2"):
        Conv2d(2, 4, (1, 1), 1.0).output_shape((3, 4, 4), "k")


# --- values


class Wrong(Draw):
    def sample(self, rng, shape, fan_in, fan_out):
        return np.zeros(7)


def test_numbers_and_arrays_are_what_they_are():
    key = Key(0, "k", "weight")
    assert materialise(0.5, (2, 3), key).shape == ()
    given = np.arange(6.0).reshape(2, 3)
    assert np.array_equal(materialise(given, (2, 3), key), given)


def test_a_rule_draws_from_its_key_alone():
    draws = [
        materialise(normal(0.0, 1.0), (50,), key)
        for key in (Key(0, "k", "weight"), Key(0, "k", "weight"), Key(0, "l", "weight"), Key(1, "k", "weight"))
    ]
    assert np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2]) and not np.array_equal(draws[0], draws[3])


def test_a_rule_that_draws_another_shape_is_refused():
    with pytest.raises(DeclarationError, match=r"k\.weight: .* drew shape \(7,\), needed \(2,\)"):
        materialise(Wrong(), (2,), Key(0, "k", "weight"))


@pytest.mark.parametrize("value", [1, 1.5, np.float32(2), [1, 2], np.arange(3), torch.ones(2), torch.ones(2, requires_grad=True)])
def test_values_become_floats_or_arrays_that_do_not_change(value):
    found = as_value(value, "k.weight")
    if isinstance(found, float):
        assert found == value
    else:
        assert found.dtype == np.float64 and not found.flags.writeable
        assert found.tolist() == [float(v) for v in value]


def test_a_value_is_a_copy():
    given = np.ones(2)
    found = as_value(given, "k")
    given[0] = 5
    assert found.tolist() == [1, 1]


def test_a_rule_stays_a_rule():
    rule = normal(0.0, 1.0)
    assert as_value(rule, "k") is rule


@pytest.mark.parametrize("value", ["0.5 kg", {}, object(), [[1], [1, 2]], 1j])
def test_what_is_no_value(value):
    with pytest.raises(DeclarationError, match=r"k\.weight: expected a number, an array or an initializer"):
        as_value(value, "k.weight")


@pytest.mark.parametrize("value", [np.nan, np.inf, [1.0, -np.inf]])
def test_values_are_finite(value):
    with pytest.raises(DeclarationError, match=r"k\.weight: -?(nan|inf) is not finite"):
        as_value(value, "k.weight")
