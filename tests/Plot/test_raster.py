import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from spaic.errors import InputError, StateError
from spaic.Plot import raster


def ticks(ax):
    """The (time, neuron) of every tick on `ax`."""
    (lines,) = ax.collections
    return sorted((segment[0, 0], segment[:, 1].mean()) for segment in lines.get_segments())


def test_a_tick_stands_at_the_time_and_neuron_of_each_spike():
    spikes = np.zeros((4, 3))
    spikes[1, 2] = spikes[3, 0] = 1
    ax = raster(spikes, times=[0.5, 1.0, 1.5, 2.0])
    assert ticks(ax) == [(1.0, 2.0), (2.0, 0.0)]
    assert ax.get_xlabel() == "time (ms)"
    assert ax.get_ylim() == (-0.5, 2.5)


def test_a_monitor_recording_shows_the_sample_asked_for():
    spikes = torch.zeros(2, 3, 4, requires_grad=True)  # [batch, N, T]
    with torch.no_grad():
        spikes[1, 2, 3] = 1
    assert ticks(raster(spikes, sample=1)) == [(3.0, 2.0)]
    assert raster(spikes, sample=0).collections[0].get_segments() == []


def test_it_draws_on_the_axes_it_is_given():
    ax = plt.figure().add_subplot()
    assert raster(np.eye(3), ax=ax) is ax


@pytest.mark.parametrize("shape", [(0, 3), (5, 0), (1, 1)])
def test_an_empty_or_silent_recording_is_an_empty_raster(shape):
    assert raster(np.zeros(shape)).collections[0].get_segments() == []


@pytest.mark.parametrize(
    ("spikes", "options", "message"),
    [
        (np.zeros(5), {}, r"raster: expected \[T, N\].*\[5\]"),
        (np.zeros((5, 3)), {"times": [1.0, 2.0]}, r"times has the shape \[2\] for 5 steps"),
        (np.zeros((2, 3, 5)), {"sample": 2}, "sample 2 of a batch of 2"),
    ],
)
def test_a_wrong_shape_is_named(spikes, options, message):
    with pytest.raises(InputError, match=message):
        raster(spikes, **options)


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_a_spike_monitor_brings_its_times_and_its_spikes(world):
    train = world.spikes.values[1]  # [neurons, T]
    ax = raster(world.spikes, sample=1)
    expected = sorted((float(world.spikes.times[step]), float(neuron)) for neuron, step in np.argwhere(train))
    assert expected
    np.testing.assert_allclose(ticks(ax), expected)
    assert ax.get_xlabel() == "time (ms)"


def test_rows_of_a_partial_monitor_are_named_after_their_neurons(world):
    ax = raster(world.some_spikes)
    ax.figure.canvas.draw()
    assert [label.get_text() for label in ax.get_yticklabels() if label.get_text()] == ["4", "5"]


def test_silence_and_nothing_recorded_are_told_apart():
    assert texts(raster(np.zeros((5, 3)))) == ["no spikes"]
    assert texts(raster(np.zeros((0, 3)))) == ["nothing recorded"]
    assert texts(raster(np.eye(3))) == []


def test_ticks_of_many_neurons_are_high_enough_to_be_seen():
    spikes = np.zeros((1000, 2000))
    spikes[500, 1000] = 1
    ax = raster(spikes)
    (segment,) = ax.collections[0].get_segments()
    pixels = np.diff(ax.transData.transform(segment)[:, 1])[0]
    assert pixels >= 2.0
    assert ax.collections[0].get_linewidths()[0] * ax.figure.dpi / 72 >= 1.0


@pytest.mark.parametrize("colour", ["#2563a8", "firebrick"])
def test_many_spikes_are_an_image_in_which_one_is_seen(colour):
    spikes = np.zeros((4000, 3000), dtype=bool)
    spikes[:200, :1000] = np.random.default_rng(0).random((200, 1000)) < 0.3
    spikes[3000, 2500] = True
    ax = raster(spikes, times=np.arange(4000) * 0.1, colour=colour)
    (image,) = ax.images
    shade = np.asarray(image.get_array())
    left, right, bottom, top = image.get_extent()
    row = int((2500 - bottom) / (top - bottom) * shade.shape[0])
    column = int((300.0 - left) / (right - left) * shade.shape[1])
    assert shade[row, column] >= 0.3
    assert np.count_nonzero(shade[shade.shape[0] // 2 :]) == 1
    assert shade.size <= 180_000


def test_spikes_that_are_not_finite_are_refused():
    spikes = np.zeros((4, 3))
    spikes[2, 1] = np.nan
    with pytest.raises(InputError, match="raster: neuron 1 holds nan in step 2"):
        raster(spikes)


def test_a_monitor_of_something_else_is_refused(world):
    with pytest.raises(InputError, match="records 'cells.V_before_reset', which is no spike train; use spaic.Plot.traces"):
        raster(world.membrane)


def test_a_monitor_without_recording_says_so(world):
    with pytest.raises(StateError, match="nothing is recorded yet"):
        raster(world.idle)


@pytest.mark.parametrize("sample", [1.0, True, "first", -3])
def test_a_sample_that_is_none_is_named(sample):
    with pytest.raises(InputError, match="of a batch of 2; give one from 0 to 1"):
        raster(np.zeros((2, 3, 5)), sample=sample)
