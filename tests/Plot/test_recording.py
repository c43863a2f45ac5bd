import numpy as np
import pytest

from spaic.errors import InputError, StateError
from spaic.Plot.recording import recorded
from spaic.Plot.thresholds import level


def test_a_monitor_brings_its_times_neurons_and_unit(world):
    record = recorded(world.membrane, "here", sample=1)
    np.testing.assert_array_equal(record.values, world.membrane.values[1].T)
    np.testing.assert_array_equal(record.times, np.arange(1.0, 21.0))
    assert (record.time_label, record.label) == ("time (ms)", "potential V (mV)")


def test_neurons_of_a_partial_monitor_keep_their_numbers(world):
    assert recorded(world.some, "here").neurons.tolist() == [4, 5]
    assert recorded(world.some, "here").times.tolist() == [2.0 * n for n in range(1, 11)]


def test_a_variable_without_unit_has_its_name_only(world):
    assert [recorded(m, "here").label for m in (world.simple, world.recovery, world.current)] == ["potential V", "U (mV/ms)", "current"]


def test_groups_with_a_shape_are_flattened():
    values = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)  # [batch, 3, 4, T]
    np.testing.assert_array_equal(recorded(values, "here", 1).values, values[1].reshape(12, 5).T)


def test_times_that_are_given_win(world):
    assert recorded(world.membrane, "here", times=np.arange(20)).times[0] == 0


@pytest.mark.parametrize("times", [[1.0, 1.0, 2.0], [3.0, 2.0, 1.0], [1.0, np.nan, 3.0]])
def test_times_that_do_not_rise_are_refused(times):
    with pytest.raises(InputError, match="here: times do not rise"):
        recorded(np.zeros((3, 2)), "here", times=times)


def test_a_monitor_without_recording_says_so(world):
    with pytest.raises(StateError, match="idle: nothing is recorded yet"):
        recorded(world.idle, "here")


def test_the_threshold_is_that_of_the_group(world):
    assert level(recorded(world.membrane, "here")) == 30.0
    assert level(recorded(world.simple, "here")) == 0.5


def test_a_threshold_that_changes_or_belongs_to_something_else_is_none(world):
    assert level(recorded(world.variable, "here")) is None  # V > theta, which adapts
    assert level(recorded(world.recovery, "here")) is None
    assert level(recorded(world.current, "here")) is None
    assert level(recorded(np.zeros((3, 2)), "here")) is None


@pytest.mark.parametrize(("given", "found"), [(np.full(3, 0.7), 0.7), (np.array([0.7, 0.8, 0.9]), None)])
def test_a_threshold_per_neuron_is_one_only_if_all_are_equal(given, found):
    import spaic

    with spaic.Network() as net:
        source = spaic.Encoder(num=2, coding_method="direct")
        group = spaic.NeuronGroup(3, model="lif", V_th=given)
        wire = spaic.Connection(source, group)
        monitor = spaic.StateMonitor(wire.post, "V")
    net.source(np.ones((1, 2)))
    net.run(1.0)
    assert level(recorded(monitor, "here")) == (pytest.approx(found) if found else None)


def test_a_trained_threshold_is_the_learned_one():
    import spaic

    with spaic.Network() as net:
        source = spaic.Encoder(num=2, coding_method="direct")
        group = spaic.NeuronGroup(3, model="lif", trainable=["V_th"])
        wire = spaic.Connection(source, group)
        count = spaic.Decoder(dec_target=group)
        monitor = spaic.StateMonitor(wire.post, "V")
        learner = spaic.SurrogateBP()
    assert {count.parent, learner.parent} == {net}
    net.source(np.ones((1, 2)))
    net.run(1.0)
    with_gradient = dict(net.named_parameters())["group.V_th"]
    with_gradient.data.fill_(0.25)
    assert level(recorded(monitor, "here")) == 0.25
