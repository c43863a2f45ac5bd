"""``net.verify``: the table, its verdict and causes, the figure, and what it refuses."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import spaic
from spaic.errors import DeclarationError, NetworkError, UnknownName
from tests.Backend.Event.test_backend import network

#: Height of the response of a cuba neuron (tau_m 10 ms, tau_s 5 ms) to a weight of 1, at 10 ln 2 ms after the input.
PEAK = 0.25


def one_cell(weight, dt=1.0):
    """A neuron that one input reaches at 1 ms; its membrane is ``weight (x - x^2)`` with ``x = exp(-(t - 1) / 10)``."""
    with spaic.Network() as net:
        source = spaic.Encoder(num=1, coding_method="mstb")
        cell = spaic.NeuronGroup(1, model="cuba", tau_m=10.0, tau_s=5.0, t_ref=0.0)
        wire = spaic.Connection(source, cell, weight=np.array([[weight]]))
    net.source([[[1.0], [0]]])
    net.set_backend("torch", dt=dt, dtype="float64")
    return net


def first_time(weight):
    """When the membrane of `one_cell` reaches 1: the root of a quadratic equation."""
    return 1 - 10 * np.log((1 + np.sqrt(1 - 1 / (PEAK * weight))) / 2)


def test_the_table_and_the_verdict_of_runs_that_agree():
    net = network("cuba", is_recurrent=True)
    net.set_backend("torch", dt=0.01, dtype="float64")
    found = net.verify(8.0, backends=("reference", "torch", "event"), dt=(0.01,))
    assert found.agrees and not found.refused
    assert [c.execution.label for c in found.comparisons] == ["reference, dt 0.01", "torch, dt 0.01"]
    count = sum(len(t) for _, _, t in found.yardstick.spikes.values())
    assert count > 10
    lines = str(found).splitlines()
    assert lines[0].split() == ["run", "spikes", "missing", "worst/ms", "median/ms", "V", "before", "first", "divergence"]
    assert lines[1].split() == ["event", "*", str(count)]
    for line, c in zip(lines[2:4], found.comparisons, strict=True):
        assert line.startswith(c.execution.label) and line.split()[3:5] == [str(count), "0"] and line.endswith(" -")
        # every spike is late by less than a step and what the steps before it add up to, never early
        assert 0 < c.typical <= c.worst <= 2 * c.execution.dt
        assert c.before < 1e-12
    assert lines[-1] == "verdict: all runs agree: the same spikes, within what the time grid allows"


def test_what_is_measured_is_right():
    """One spike, whose exact time is known, and which a grid puts at the end of its step."""
    net, when = one_cell(5.0), first_time(5.0)
    found = net.verify(8.0, backends=("torch", "event"), dt=(1.0, 0.25, 0.0625))
    np.testing.assert_allclose(found.yardstick.spikes["cell"][2][0], when, rtol=1e-12)
    for c in found.comparisons:
        dt = c.execution.dt
        assert c.spikes == 1 and c.missing == 0
        assert c.worst == c.typical == pytest.approx(np.ceil(when / dt) * dt - when, abs=1e-12)
    assert found.yardstick.traces["cell"].shape == (8, 1, 1)


def test_spike_times_converge_with_first_order():
    net = network("cuba", is_recurrent=True)
    net.set_backend("torch", dt=0.01, dtype="float64")
    found = net.verify(8.0, backends=("torch", "event"), dt=[0.01 / 2**k for k in range(5)])
    assert found.agrees
    assert 0.8 < found.orders["torch"] < 1.2
    assert f"torch: spike times converge with order {found.orders['torch']:.2f} in dt" in str(found)


def test_a_membrane_that_touches_the_threshold_between_two_steps():
    net = one_cell((1 + 1e-5) / PEAK)
    found = net.verify(12.0, backends=("torch", "event"), dt=(1.0, 0.01))
    coarse, fine = found.comparisons
    assert coarse.missing == 1 and coarse.spikes == 0
    assert coarse.divergence.startswith("cell[0], sample 0, 7.") and "near-threshold" in coarse.divergence
    assert "which this grid misses" in coarse.divergence
    assert fine.missing == 0 and fine.spikes == 1
    assert not found.agrees and found.verdict.startswith("they agree at dt 0.01 ms; larger steps")


@pytest.mark.parametrize("case, seed, cause", [("resonator", 0, "(order: something arrives"), ("cuba", 3, "(time grid: the step moves")])
def test_other_causes_of_a_divergence(case, seed, cause):
    net = network(case, seed=seed)
    net.set_backend("torch", dt=0.01, dtype="float64")
    found = net.verify(18.0, backends=("torch", "event"), dt=(0.01,))
    (comparison,) = found.comparisons
    assert cause in comparison.divergence and comparison.divergence in str(found)
    assert found.verdict == f"they do not agree: {comparison.divergence}"


def test_a_spike_that_the_end_cuts_off_is_not_missing():
    """The exact run has it half a step before the end; what it adds on a grid is for the run after this one."""
    net = network("cuba")
    net.set_backend("torch", dt=0.01, dtype="float64")
    (comparison,) = net.verify(8.0, backends=("torch", "event"), dt=(0.01,)).comparisons
    exact, grid = 13, 12
    assert sum(len(t) for _, _, t in net.verify(8.0, backends=("event",)).yardstick.spikes.values()) == exact
    assert comparison.spikes == grid and comparison.missing == 0 and comparison.divergence == ""


def test_without_exact_events_the_finest_step_is_the_yardstick():
    net = one_cell(5.0)
    found = net.verify(8.0, backends="torch", dt=(1.0, 0.125, 0.5))
    assert found.yardstick.label == "torch, dt 0.125"
    assert [c.execution.dt for c in found.comparisons] == [1.0, 0.5]


def test_a_backend_that_cannot_run_the_network_is_named():
    with spaic.Network() as net:
        cell = spaic.NeuronGroup(2, model="izhikevich")
        clamp = spaic.Generator(dec_target=cell, coding_method="constant_current")
    net.set_backend("torch", dt=0.1, dtype="float64")
    net.clamp(8.0)
    found = net.verify(5.0, backends=("torch", "event"), dt=(0.1, 0.05))
    assert len(found.refused) == 1 and found.refused[0].startswith("event: ") and "not linear in V" in found.refused[0]
    assert found.refused[0].splitlines()[0] in str(found)
    with pytest.raises(NetworkError, match="no backend runs this network"):
        net.verify(5.0, backends=("event",))


def test_the_network_is_left_as_it_was():
    net = one_cell(5.0)
    trace = spaic.StateMonitor(net.cell, "V")
    net.trace = trace
    net.run(8.0)
    before = trace.values.copy()
    weight = net._simulation.store.tensors()["wire.weight"].clone()
    net.verify(8.0, dt=(1.0,))
    assert np.array_equal(trace.values, before) and bool((net._simulation.store.tensors()["wire.weight"] == weight).all())
    net.run(8.0)
    assert np.array_equal(trace.values, before)


def test_the_figure():
    net = one_cell(5.0)
    found = net.verify(8.0, backends=("torch", "event"), dt=(1.0, 0.5))
    figure = found.plot()
    left, right = figure.axes
    assert [line.get_label() for line in left.lines] == ["torch, dt 1", "torch, dt 0.5", "event"]
    for line, run in zip(left.lines, (*(c.execution for c in found.comparisons), found.yardstick), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), np.arange(1.0, 9.0))
        np.testing.assert_array_equal(line.get_ydata(), run.traces["cell"][:, 0, 0])
    (line,) = right.lines
    np.testing.assert_array_equal(line.get_xdata(), [1.0, 0.5])
    np.testing.assert_array_equal(line.get_ydata(), [c.typical for c in found.comparisons])
    assert right.get_xscale() == right.get_yscale() == "log"
    plt.close(figure)
    with pytest.raises(DeclarationError, match="unknown group 'sell'; did you mean 'cell'"):
        found.plot("sell")
    with pytest.raises(DeclarationError, match="cell has no neuron 1; give one from 0 to 0"):
        found.plot(neuron=1)


@pytest.mark.parametrize(
    "given, error, text",
    [
        (dict(backends=("nope",)), UnknownName, "unknown backend 'nope'"),
        (dict(backends=()), DeclarationError, "backends is empty"),
        (dict(dt=()), DeclarationError, "dt is empty"),
        (dict(dt=(0.3,)), DeclarationError, "dt 0.3 ms does not divide the network's 1 ms"),
        (dict(dt=(2.0,)), DeclarationError, "dt 2 ms does not divide"),
        (dict(dt=0.0), DeclarationError, "a time step must be positive"),
        (dict(dt=("a",)), DeclarationError, "dt: cannot read 'a' as a quantity; write for example '20 ms'"),
        (dict(dt=(float("nan"),)), DeclarationError, "a time step must be positive"),
        (dict(run_time=-1.0), DeclarationError, "net.verify: a duration must be finite"),
        (dict(run_time=0.5), DeclarationError, "net.verify: 0.5 ms is not a whole number of steps"),
        (dict(run_time=None), DeclarationError, "net.verify: no duration is given"),
    ],
)
def test_what_cannot_be_meant(given, error, text):
    with pytest.raises(error, match=text.replace("(", r"\(")):
        one_cell(5.0).verify(**{"run_time": 8.0, **given})
