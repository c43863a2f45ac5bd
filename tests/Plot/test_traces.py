import numpy as np
import pytest
import torch
from matplotlib.text import Text

from spaic.errors import InputError
from spaic.Plot import traces

VALUES = np.arange(20.0).reshape(4, 5)  # [T, N]
TIMES = np.array([0.1, 0.2, 0.3, 0.4])


def drawn(ax):
    return {line.get_label(): line.get_xydata() for line in ax.lines}


def test_the_first_three_neurons_are_drawn_unless_others_are_named():
    assert list(drawn(traces(VALUES))) == ["neuron 0", "neuron 1", "neuron 2"]
    ax = traces(VALUES, TIMES, neurons=[4])
    np.testing.assert_array_equal(drawn(ax)["neuron 4"], np.stack([TIMES, VALUES[:, 4]], axis=1))


def test_the_threshold_is_a_level_line():
    ax = traces(VALUES, threshold=0.0)
    assert drawn(ax)["threshold"][:, 1].tolist() == [0.0, 0.0]


def test_marks_stand_above_the_traces_at_the_spikes():
    spikes = np.zeros_like(VALUES)
    spikes[2, 1] = 1
    marks = drawn(traces(VALUES, TIMES, neurons=[1], threshold=3.0, spikes=spikes))["_spikes 1"]
    assert marks[:, 0].tolist() == [0.3]
    assert marks[0, 1] > VALUES[:, 1].max()


def test_a_tensor_of_a_monitor_is_taken_as_batch_neuron_time():
    ax = traces(torch.tensor(VALUES.T[None], dtype=torch.bfloat16))
    np.testing.assert_array_equal(drawn(ax)["neuron 2"][:, 1], VALUES[:, 2])


def test_a_neuron_that_is_not_there_is_named():
    with pytest.raises(InputError, match="neuron 5 of 5"):
        traces(VALUES, neurons=[5])


def test_spikes_of_another_run_are_refused():
    with pytest.raises(InputError, match=r"spikes are \[3, 5\] and values \[4, 5\]"):
        traces(VALUES, spikes=np.zeros((3, 5)))


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_a_monitor_brings_times_unit_and_threshold(world):
    ax = traces(world.membrane, sample=1)
    lines = drawn(ax)
    np.testing.assert_allclose(lines["neuron 2"], np.stack([world.membrane.times, world.membrane.values[1, 2]], axis=1))
    assert lines["threshold"][:, 1].tolist() == [30.0, 30.0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (ms)", "potential V (mV)")
    assert legend(ax) == ["neuron 0", "neuron 1", "neuron 2", "threshold"]


def test_the_threshold_of_a_monitor_can_be_changed_and_left_out(world):
    assert drawn(traces(world.membrane, threshold=-40.0))["threshold"][0, 1] == -40.0
    assert "threshold" not in drawn(traces(world.membrane, threshold=None))
    assert "threshold" not in drawn(traces(world.recovery))


def test_spikes_of_a_monitor_are_marked_at_their_times(world):
    lines = drawn(traces(world.membrane, neurons=[5, 0], spikes=world.spikes))
    for neuron in (5, 0):
        fired = world.spikes.times[world.spikes.values[0, neuron] > 0]
        assert len(fired)
        assert lines[f"_spikes {neuron}"][:, 0].tolist() == fired.tolist()
        assert lines[f"_spikes {neuron}"][:, 1].min() > max(30.0, world.membrane.values[0, [0, 5]].max())


def test_a_partial_monitor_of_another_interval_takes_the_spikes_of_its_neurons(world):
    lines = drawn(traces(world.some, spikes=world.spikes))
    assert set(lines) == {"neuron 4", "neuron 5", "threshold", "_spikes 4", "_spikes 5"}
    assert lines["_spikes 5"][:, 0].tolist() == world.spikes.times[world.spikes.values[0, 5] > 0].tolist()
    assert lines["neuron 5"][:, 0].tolist() == world.some.times.tolist()


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ("some", {"neurons": [0]}, "neuron 0 of 2 that were recorded; give numbers from 4, 5"),
        ("membrane", {"neurons": [0], "spikes": "some_spikes"}, "traces: spikes: neuron 0 of 2 that were recorded"),
        ("simple", {"spikes": "spikes"}, "spikes are 'cells.O', values of 'plain'; give a SpikeMonitor of the same group"),
        ("membrane", {"spikes": "recovery"}, "spikes are 'cells.U', values of 'cells'"),
        ("membrane", {"threshold": "V_th"}, "the threshold is 'V_th'; give a number"),
        ("membrane", {"threshold": float("nan")}, "the threshold is nan"),
    ],
)
def test_what_does_not_belong_together_is_named(world, values, options, message):
    options = {k: getattr(world, v) if k == "spikes" else v for k, v in options.items()}
    with pytest.raises(InputError, match=message):
        traces(getattr(world, values), **options)


def test_values_that_are_not_finite_are_gaps():
    values = np.array([[0.0], [np.inf], [2.0], [np.nan]])
    ax = traces(values, spikes=np.ones((4, 1)), threshold=1.0)
    assert np.isnan(drawn(ax)["neuron 0"][:, 1]).tolist() == [False, True, False, True]
    assert np.isfinite(drawn(ax)["_spikes 0"]).all()
    assert [text.get_text() for text in traces(np.full((4, 1), np.nan)).texts] == ["no finite value"]


def test_a_long_trace_is_thinned_and_keeps_peaks_and_gaps():
    values = np.zeros((300_000, 1))
    values[123_456], values[234_567] = 5.0, -7.0
    values[50_000:60_000] = np.nan
    course = drawn(traces(values))["neuron 0"]
    assert len(course) <= 3 * 5_000
    assert (np.nanmin(course[:, 1]), np.nanmax(course[:, 1])) == (-7.0, 5.0)
    assert (np.diff(course[:, 0]) > 0).all()
    gap = course[np.isnan(course[:, 1]), 0]
    assert 50_000 <= gap.min() < 50_100 and 59_900 < gap.max() < 60_000


def test_nothing_recorded_and_a_single_sample_are_drawn():
    assert [text.get_text() for text in traces(np.zeros((0, 3))).texts] == ["nothing recorded"]
    assert traces(np.ones((1, 2))).lines[0].get_marker() == "."


def test_many_neurons_have_a_bar_in_place_of_a_legend():
    ax = traces(np.zeros((5, 40)), neurons=range(10, 40))
    assert ax.get_legend() is None
    bar = next(other for other in ax.figure.axes if other is not ax)
    assert [bar.get_ylabel(), bar.get_yticklabels()[0].get_text(), bar.get_yticklabels()[-1].get_text()] == ["neuron", "10", "39"]


def test_a_single_neuron_may_be_named_by_its_number():
    assert list(drawn(traces(VALUES, neurons=3))) == ["neuron 3"]


@pytest.mark.parametrize("columns", [1, 3, 8])
def test_the_legend_stands_between_axes_and_title(columns):
    ax = traces(np.zeros((5, 8)), neurons=range(columns), threshold=1.0, title="title")
    ax.figure.canvas.draw()
    box = ax.get_legend().get_window_extent()
    title = next(text for text in ax.findobj(Text) if text.get_text() == "title").get_window_extent()
    assert box.y0 >= ax.get_window_extent().y1 - 1
    assert title.y0 >= box.y1 - 3
    assert box.x1 <= ax.figure.bbox.x1
