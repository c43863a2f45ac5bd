"""Text with a unit means the same as the number, wherever a parameter has a unit; a wrong unit is answered by name."""

import numpy as np
import pytest

import spaic


def lif(num=2, **options):
    return spaic.NeuronGroup(num, model="lif", **options)


def net_of(**given):
    """A network in which all times are given as numbers or as text."""
    net = spaic.Network(seed=3)
    net.input = spaic.Generator(num=2, coding_method="square_pulse", start_time=given["start"], period=given["period"])
    net.cells = spaic.NeuronGroup(2, model="adex", tau_w=given["tau_w"], initial={"V": given["V"]})
    net.wire = spaic.Connection(
        net.input, net.cells, link_type="one_to_one", weight=900.0, delay=given["delay"], syn_type="first_order",
        syn_kwargs={"tau": given["tau"]}, post_var_name="I",
    )  # fmt: skip
    net.loop = spaic.Connection(net.cells, net.cells, weight=0.1, min_delay=given["delay"], max_delay=given["longest"])
    net.learner = spaic.PlasticityLearner(net.loop, "stdp", tau_plus=given["tau"])
    net.trace = spaic.StateMonitor(net.cells, "V", dt=given["every"])
    net.set_backend("torch", dt=given["dt"], kernels="plain")
    net.set_runtime(given["T"])
    net.input(1.0)
    return net


NUMBERS = dict(start=5.0, period=10.0, tau_w=100.0, V=-60.0, delay=1.0, longest=3.0, tau=5.0, every=2.0, dt=0.5, T=40.0)
TEXTS = dict(
    start="5 ms",
    period="0.01 s",
    tau_w="0.1 s",
    V="-60 mV",
    delay="1000 us",
    longest="3 ms",
    tau="5",
    every="2 ms",
    dt="500 us",
    T="0.04 s",
)


def test_text_means_what_the_number_means():
    found = []
    for given in (NUMBERS, TEXTS):
        net = net_of(**given)
        net.run()
        net.run_continue(given["T"])
        found.append((net.trace.values, net.trace.between(given["tau"], given["T"]).times))
    assert np.ptp(found[0][0]) > 1.0 and all(np.array_equal(a, b) for a, b in zip(*found, strict=True))


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: lif(tau_m="5 mV"), r"NeuronGroup\(lif\).tau_m: '5 mV' is not a quantity in ms"),
        (lambda: lif(initial={"V": "5 ms"}), r"NeuronGroup\(lif\).V: '5 ms' is not a pure number"),
        (lambda: spaic.Connection(lif(), lif(), delay="5 mV", name="wire"), r"wire: Connection\(full\).delay: '5 mV'"),
        (lambda: spaic.Connection(lif(), lif(), max_delay="3 Hz"), r"Connection\(full\).max_delay: '3 Hz' is not a quantity in ms"),
        (lambda: spaic.Connection(lif(), lif(), syn_type="first_order", syn_kwargs={"tau": "5 mV"}),
         r"Connection\(first_order\).tau: '5 mV' is not a quantity in ms"),
        (lambda: spaic.PlasticityLearner(rule="stdp", tau_plus="1 V"), r"PlasticityLearner\(stdp\).tau_plus: '1 V' is not"),
        (lambda: spaic.Encoder(2, coding_method="poisson", end_time="1 V"), r"Encoder\(poisson\).end_time: '1 V' is not a quantity in ms"),
        (lambda: spaic.Generator(2, coding_method="ramp", end_time="soon"), r"Generator\(ramp\).end_time: cannot read 'soon'"),
        (lambda: spaic.StateMonitor(lif(), "V", dt="1 V"), "StateMonitor.dt: '1 V' is not a quantity in ms"),
        (lambda: spaic.Torch_Backend(dt="1 V"), "Torch_Backend.dt: '1 V' is not a quantity in ms"),
        (lambda: spaic.Event_Backend(dt="1 V"), "Event_Backend.dt: '1 V' is not a quantity in ms"),
        (lambda: spaic.Network().set_runtime("1 V"), "net.set_runtime: '1 V' is not a quantity in ms"),
    ],
)  # fmt: skip
def test_another_unit_is_refused(made, said):
    with pytest.raises(spaic.DeclarationError, match=said):
        made()
