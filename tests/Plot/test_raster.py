import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from spaic.errors import InputError
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
