import numpy as np
import pytest

from spaic.errors import InputError
from spaic.Plot import kernels, receptive_fields


def parts(ax):
    """The sheet that is drawn, NaN between the images."""
    image = ax.images[0]
    sheet = np.ma.filled(image.get_array().astype(float), np.nan)
    return np.where(np.asarray(image.get_alpha()) > 0, sheet, np.nan)


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_each_row_of_the_weights_is_an_image():
    rows = np.arange(3 * 6.0).reshape(3, 6)
    ax = receptive_fields(rows, shape=(2, 3), columns=3)
    sheet = parts(ax)
    np.testing.assert_array_equal(sheet[:2, :3], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(sheet[:2, -3:], [[12, 13, 14], [15, 16, 17]])
    assert np.nansum(sheet) == rows.sum()
    assert texts(ax) == ["0", "1", "2"]


def test_the_shape_is_that_of_the_encoder_or_a_square(world):
    assert parts(receptive_fields(world.full, columns=6)).shape[0] == 4  # 16 pixels
    assert parts(receptive_fields(np.ones((1, 25)))).shape == (5, 5)


def test_channels_stand_side_by_side():
    ax = receptive_fields(np.arange(18.0)[None], shape=(2, 3, 3))
    np.testing.assert_array_equal(parts(ax), np.hstack([np.arange(9.0).reshape(3, 3), np.arange(9.0, 18.0).reshape(3, 3)]))
    assert "2 channels each" in ax.get_xlabel()


def test_the_first_64_neurons_are_drawn_unless_others_are_named():
    rows = np.arange(100.0)[:, None] * np.ones(4)
    ax = receptive_fields(rows)
    assert ax.get_xlabel() == "64 of 100 neurons"
    assert np.nanmax(parts(ax)) == 63
    assert texts(receptive_fields(rows, neurons=[70, -1])) == ["70", "99"]
    assert texts(receptive_fields(rows, neurons=7)) == ["7"]


def test_a_weight_monitor_is_drawn_at_its_end(world):
    assert np.nansum(parts(receptive_fields(world.weight))) == pytest.approx(world.weight.values[..., -1].sum(), rel=1e-4)


@pytest.mark.parametrize(
    ("weights", "options", "message"),
    [
        (np.ones((2, 5)), {}, r"5 inputs are no square image; give shape=\(height, width\)"),
        (np.ones((2, 6)), {"shape": (2, 2)}, r"the shape \(2, 2\) does not hold 6 inputs"),
        (np.ones((2, 6)), {"shape": (6,)}, r"the shape \(6,\) does not hold 6 inputs"),
        (np.ones((2, 4)), {"neurons": [2]}, "neuron 2 of 2; give one from 0 to 1"),
        (np.ones((2, 4)), {"neurons": []}, "no neurons are named"),
        (np.ones((2, 4)), {"columns": 0}, "0 columns"),
        (np.ones((2, 4)), {"columns": 1.5}, "1.5 columns"),
        (np.ones((0, 4)), {}, "a matrix is needed"),
        (np.ones((2, 1, 3, 3)), {}, "use spaic.Plot.kernels"),
    ],
)
def test_fields_that_cannot_be_drawn_are_named(weights, options, message):
    with pytest.raises(InputError, match=f"receptive_fields: .*{message}"):
        receptive_fields(weights, **options)


def test_kernels_stand_in_rows_of_outputs_and_columns_of_inputs(world):
    ax = kernels(world.conv)
    weight = world.net.state_dict()["conv.weight"].numpy()
    np.testing.assert_allclose(parts(ax)[:3, :3], weight[0, 0])
    np.testing.assert_allclose(parts(ax)[-3:, -3:], weight[2, 1])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0", "1", "2"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "1"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("input channel", "output channel")


def test_kernels_of_one_input_fill_a_grid():
    ax = kernels(np.ones((5, 1, 3, 3)))
    assert texts(ax) == ["0", "1", "2", "3", "4"]
    assert ax.get_xlabel() == "output channel"


def test_of_many_kernels_the_first_are_drawn_and_the_axes_say_so():
    ax = kernels(np.ones((40, 20, 3, 3)))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("input channel (16 of 20)", "output channel (16 of 40)")


def test_a_matrix_is_no_bank_of_kernels():
    with pytest.raises(InputError, match=r"kernels: the weights have the shape \[3, 4\]"):
        kernels(np.ones((3, 4)))
