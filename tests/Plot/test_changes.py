import numpy as np
import pytest

from spaic.errors import InputError
from spaic.Plot import weight_course, weight_histogram


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def counts(ax):
    """Heights of the bars of each filled histogram."""
    return [np.unique(patch.get_xy()[:, 1])[-1] for patch in ax.patches if patch.get_fill()]


def test_one_set_says_how_many_synapses_there_are(world):
    assert labels(weight_histogram(world.full))[0].startswith("96 synapses: ")
    assert labels(weight_histogram(world.sparse))[0].startswith("12 synapses: ")


def test_two_sets_share_their_bins():
    ax = weight_histogram([0.0, 0.0, 1.0], [1.0, 1.0, 1.0, 4.0], bins=4, names=("start", "end"))
    assert counts(ax) == [2, 3]
    assert labels(ax) == ["start: 0.333 ± 0.47", "end: 1.75 ± 1.3"]


def test_a_monitor_shows_its_first_and_its_last_sample(world):
    assert [text.split(":")[0] for text in labels(weight_histogram(world.weight))] == ["before", "after"]


def test_nothing_at_all_is_said_to_be_nothing():
    ax = weight_histogram(np.zeros((0, 4)))
    assert [text.get_text() for text in ax.texts] == ["no weights"]


@pytest.mark.parametrize("bins", [0, -1, 2.5, True, "auto"])
def test_a_number_of_bins_that_cannot_be_meant_is_named(bins):
    with pytest.raises(InputError, match="weight_histogram: .* bins"):
        weight_histogram([1.0], bins=bins)


def test_the_course_shows_the_median_and_the_synapses_named():
    weights = np.arange(2 * 3 * 4.0).reshape(2, 3, 4)  # [post, pre, T]
    ax = weight_course(weights, times=[1.0, 2.0, 3.0, 4.0], synapses=[(1, 2), (0, -1)])
    drawn = {line.get_label(): line.get_ydata() for line in ax.lines}
    np.testing.assert_array_equal(drawn["median"], np.median(weights.reshape(6, 4), axis=0))
    np.testing.assert_array_equal(drawn["1 ← 2"], weights[1, 2])
    np.testing.assert_array_equal(drawn["0 ← -1"], weights[0, 2])
    assert ax.get_xlabel() == "time (ms)"


def test_a_weight_monitor_brings_its_times(world):
    assert weight_course(world.weight).lines[0].get_xdata().tolist() == [5.0, 10.0, 15.0, 20.0]
    assert len(weight_course(world.sparse_weight).collections) == 2


def test_a_long_recording_is_thinned():
    assert len(weight_course(np.zeros((2, 2, 5000))).lines[0].get_xdata()) <= 500


@pytest.mark.parametrize(
    ("weights", "options", "message"),
    [
        (np.zeros((3, 4)), {}, r"the shape \[3, 4\] has no axis of time"),
        (np.zeros((3, 4, 5)), {"times": [1.0]}, r"times has the shape \[1\] for 5 steps"),
        (np.zeros((3, 4, 5)), {"synapses": [(3, 0)]}, "synapse 3 of 3"),
        (np.zeros((3, 4, 5)), {"synapses": [(1,)]}, r"\(1,\) names no synapse of weights \[3, 4\]; give \(post, pre\)"),
    ],
)
def test_a_course_that_cannot_be_drawn_is_named(weights, options, message):
    with pytest.raises(InputError, match=f"weight_course: .*{message}"):
        weight_course(weights, **options)


def test_a_connection_has_no_course(world):
    with pytest.raises(InputError, match="no axis of time"):
        weight_course(world.full)
