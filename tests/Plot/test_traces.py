import numpy as np
import pytest
import torch

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
