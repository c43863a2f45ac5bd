"""What is rare but meant: groups without states, without links, without input; inputs of every type, on every backend."""

import numpy as np
import pytest
import torch

import spaic
from spaic import NeuronModel
from spaic.errors import NumericalError, UnsupportedError

BACKENDS = ("torch", "event", "reference")
STEPS = 4


def recorded(backend, model, variable, weight=None):
    """What a group does beside another one, in each of two samples, ``[batch, neurons, time]``."""
    with spaic.Network() as net:
        net.source = spaic.Encoder(num=3, coding_method="null")
        net.other = spaic.NeuronGroup(1, model="lif")
        net.wire = spaic.Connection(net.source, net.other)
        net.group = spaic.NeuronGroup(2, model=model)
        if weight is not None:
            net.drive = spaic.Connection(net.source, net.group, weight=weight)
        net.trace = spaic.StateMonitor(net.group, variable)
    net.set_backend(backend, dt=0.5)
    net.source(np.ones((2, STEPS, 3)))
    net.run(STEPS * 0.5)
    return np.asarray(net.trace.values)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("weight", "value"), [(None, 1.0), (0.5, 4.0)])
def test_a_group_needs_no_states(backend, weight, value):
    assert recorded(backend, NeuronModel("V = 2 * I + 1"), "V", weight).tolist() == np.full((2, 2, STEPS), value).tolist()


def test_exact_events_do_not_hang_on_a_neuron_that_is_always_above_its_threshold():
    with pytest.raises(
        NumericalError, match=r"group\[0\], sample 0: a burst without end, \d+ spikes, more than 1000 of them in one instant"
    ):
        recorded("event", NeuronModel("V = 2 * I", spike="V > 1"), "V", 0.5)


@pytest.mark.parametrize("backend", ("torch", "reference"))
def test_a_group_may_follow_the_time_alone(backend):
    assert recorded(backend, NeuronModel("V = 2 * t"), "V").tolist() == np.broadcast_to([1.0, 2.0, 3.0, 4.0], (2, 2, STEPS)).tolist()


def test_exact_events_have_no_values_of_the_time():
    with pytest.raises(UnsupportedError, match=r"group.V: it is not linear in the states"):
        recorded("event", NeuronModel("V = 2 * t"), "V")


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_network_may_be_one_group(backend):
    with spaic.Network() as net:
        net.group = spaic.NeuronGroup(2, model=NeuronModel("dV/dt = 1 - V", method="exact"))
        net.trace = spaic.StateMonitor(net.group, "V")
    net.set_backend(backend, dt=0.5)
    net.run(STEPS * 0.5)
    assert np.asarray(net.trace.values)[0] == pytest.approx(np.tile(1 - np.exp(-0.5 * np.arange(1, STEPS + 1)), (2, 1)), rel=1e-6)


def driven(backend, data):
    with spaic.Network() as net:
        net.source = spaic.Encoder(num=3, coding_method="null")
        net.group = spaic.NeuronGroup(2, model="cuba", V_th=100.0)
        net.wire = spaic.Connection(net.source, net.group, weight=0.5)
        net.trace = spaic.StateMonitor(net.group, "V")
    net.set_backend(backend, dt=0.5)
    net.source(data)
    net.run(STEPS * 0.5)
    return np.asarray(net.trace.values)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64, torch.uint8, torch.int32])
def test_inputs_of_every_type(backend, dtype):
    data = torch.tensor([2.0, 0.0, 3.0]).expand(2, STEPS, 3)
    assert driven(backend, data.to(dtype)) == pytest.approx(driven(backend, data.numpy().copy()), rel=1e-6)


def test_a_gradient_of_the_input_is_refused_where_there_is_none():
    data = torch.ones(2, STEPS, 3, requires_grad=True)
    with pytest.raises(UnsupportedError, match="source: the values of the input require a gradient"):
        driven("event", data)
    with torch.no_grad():
        assert driven("event", data).shape == (2, 2, STEPS)
    assert driven("reference", data).shape == (2, 2, STEPS)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("backend", ("torch", "reference"))
def test_what_a_condition_keeps_away_is_not_warned_of(backend):
    model = NeuronModel("dV/dt = where(V > 0.1, log(V), I)")
    assert np.isfinite(recorded(backend, model, "V", 0.2)).all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_parameter_of_single_neurons_that_divides_by_zero(backend):
    with spaic.Network() as net:
        net.group = spaic.NeuronGroup(2, model=NeuronModel("dV/dt = 1 - V / p", {"p": 1.0}), p=np.array([1.0, 0.0]))
        net.trace = spaic.StateMonitor(net.group, "V")
    net.set_backend(backend, dt=0.5)
    with pytest.raises(NumericalError, match="^group: "):
        net.run(STEPS * 0.5)
