"""Runs: clean starts, continuation, two networks side by side, durations, rebuilding after an edit."""

import numpy as np
import pytest
import torch

import spaic
from spaic.registry import encoders
from tests.Network.builders import LABELS, SAMPLES, layered, looped

#: Codes whose input is made for the length of the run.
ONE_VOLLEY = {"latency", "null", "relative_latency", "uniform"}
#: Codes of other data than values.
EVENTS = {"mstb"}


def watched(code, monitor=True, **options):
    net = layered("float64", code=code, learns=False, **options)
    if monitor:
        net.voltage = spaic.StateMonitor(net.out, "V")
        net.received = spaic.StateMonitor(net.input, "O")
    return net


def source(code, steps):
    if code != "null":
        return SAMPLES
    return np.random.default_rng(1).random((4, steps, 6))


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


class TestTwoHalvesAreOneWhole:
    @pytest.mark.parametrize("code", sorted(set(encoders) - ONE_VOLLEY - EVENTS))
    def test_codes_that_go_on(self, code):
        whole, halves = watched(code), watched(code)
        whole.run(40.0)
        halves.run(17.0)
        first = halves.output.predict
        halves.run_continue(23.0)
        assert np.array_equal(halves.received.values, whole.received.values) and whole.received.values.any()
        close(halves.voltage.values, whole.voltage.values)
        assert torch.equal(first + halves.output.predict, whole.output.predict)

    def test_latency_sends_its_volley_once(self):
        net = watched("latency")
        net.run(20.0)
        volley = net.received.values
        net.run_continue(20.0)
        assert np.array_equal(net.received.values[..., :20], volley)
        assert (volley.sum(-1) == 1).all() and not net.received.values[..., 20:].any()

    def test_latency_with_the_window_of_the_first_half_is_the_same_whole(self):
        """max_scale puts the volley of the long run into the steps that the short run has."""
        halves, whole = watched("latency"), watched("latency", max_scale=20 / 40)
        whole.input(np.round(SAMPLES * 4) / 4)
        halves.input(np.round(SAMPLES * 4) / 4)
        whole.run(41.0)
        halves.run(21.0)
        halves.run_continue(20.0)
        assert np.array_equal(halves.received.values, whole.received.values)
        close(halves.voltage.values, whole.voltage.values)

    @pytest.mark.parametrize("code", sorted(ONE_VOLLEY))
    def test_new_data_start_with_the_second_half(self, code):
        net = watched(code)
        net.input(source(code, 20))
        net.run(20.0)
        first = net.received.values
        net.input(source(code, 20)[::-1].copy())
        net.run_continue(20.0)
        assert np.array_equal(net.received.values[..., :20], first)
        assert np.array_equal(net.received.values[..., 20:], first[::-1])

    def test_null_halves(self):
        data = source("null", 40)
        whole, halves = watched("null"), watched("null")
        whole.input(data)
        whole.run(40.0)
        halves.input(data[:, :15])
        halves.run(15.0)
        halves.input(data[:, 15:])
        halves.run_continue(25.0)
        close(halves.voltage.values, whole.voltage.values)

    @pytest.mark.parametrize(("code", "value"), [("poisson_generator", 0.3), ("constant_current", 1.5), ("sin", [2.0, 7.0]), ("ramp", 0.1)])
    def test_generators(self, code, value):
        def build():
            with spaic.Network() as net:
                cells = spaic.NeuronGroup(3, model="lif", tau_m=5.0)
                source = spaic.Generator(dec_target=cells, coding_method=code)
                voltage = spaic.StateMonitor(cells, "V")
            assert source.parent is voltage.parent is net
            net.set_backend_dt(1.0)
            net.source(value)
            return net

        whole, halves = build(), build()
        whole.run(30.0)
        halves.run(13.0)
        halves.run_continue(17.0)
        close(halves.voltage.values, whole.voltage.values)
        assert whole.voltage.values.any()

    def test_delays_loops_synapses_refractory_periods_and_noise(self):
        def traced():
            net = looped()
            net.voltage = spaic.StateMonitor(net.first, "V")
            net.current = spaic.StateMonitor(net.forth, "I_syn")
            net.noise = spaic.StateMonitor(net.second, "V")
            return net

        whole, parts = traced(), traced()
        whole.run(60.0)
        parts.run(1.0)
        for duration in (2.0, 20.0, 37.0):
            parts.run_continue(duration)
        for name in ("voltage", "current", "noise"):
            close(getattr(parts, name).values, getattr(whole, name).values)
        assert whole.current.values.any()

    @pytest.mark.parametrize("decoding", ["spike_counts", "first_spike", "final_voltage", "max_voltage"])
    def test_decoders_count_from_the_start_of_the_call(self, decoding):
        net, later = layered(decoding=decoding), layered()
        net.run(20.0)
        later.trace = spaic.StateMonitor(later.out, "V_before_reset")
        later.spikes = spaic.SpikeMonitor(later.out)
        later.run(20.0)
        net.run_continue(20.0)
        later.run_continue(20.0)
        trace, spikes = later.trace.values[..., 20:], later.spikes.values[..., 20:]
        expected = {
            "spike_counts": spikes.sum(-1),
            "first_spike": np.where(spikes.any(-1), spikes.argmax(-1) + 1, 21),
            "final_voltage": trace[..., -1],
            "max_voltage": trace.max(-1),
        }
        close(net.output.predict.detach(), expected[decoding])


class TestGradientAtTheSeam:
    def gradient(self, keep):
        """Of the end of the second half with respect to what only the first half saw."""
        net = layered("float64", code="null", decoding="final_voltage")
        early = torch.ones((4, 10, 6), dtype=torch.float64, requires_grad=True)
        net.input(early)
        net.run(10.0)
        net.input(torch.zeros((4, 5, 6), dtype=torch.float64))
        net.run_continue(5.0, keep_gradient=keep)
        net.output.predict.sum().backward()
        return early.grad

    def test_it_is_cut(self):
        assert self.gradient(False) is None

    def test_it_passes_if_asked(self):
        kept = self.gradient(True)
        net = layered("float64", code="null", decoding="final_voltage")
        whole = torch.cat([torch.ones((4, 10, 6)), torch.zeros((4, 5, 6))], 1).double().requires_grad_()
        net.input(whole)
        net.run(15.0)
        net.output.predict.sum().backward()
        assert kept.abs().sum() > 0
        torch.testing.assert_close(kept, whole.grad[:, :10], rtol=1e-12, atol=1e-15)

    def test_truncated_backward_in_every_piece(self):
        net = layered(code="poisson")
        net.run(10.0)
        for _ in range(3):
            net.output.predict.sum().backward()
            net.run_continue(10.0)
        net.output.predict.sum().backward()
        assert all(p.grad.abs().sum() > 0 for p in net.parameters())


class TestCleanStart:
    def test_a_run_does_not_depend_on_the_one_before(self):
        net, fresh = layered(code="direct"), layered(code="direct")
        net.input(SAMPLES[::-1] * 3)
        net.run(13.0)
        net.run_continue(4.0)
        net.input(SAMPLES)
        net.run(20.0)
        fresh.run(20.0)
        assert torch.equal(net.output.predict, fresh.output.predict) and fresh.output.predict.sum() > 0

    def test_the_batch_may_change_its_size(self):
        net = layered(code="direct")
        net.run(20.0)
        all_four = net.output.predict
        for i in range(4):
            net.input(SAMPLES[i : i + 1])
            net.run(20.0)
            assert torch.equal(net.output.predict, all_four[i : i + 1])

    def test_the_states_are_not_left_over_in_loops_and_synapses(self):
        net, fresh = looped(), looped()
        for element in (net, fresh):
            element.input.code = type(element.input.code)(unit_conversion=10.0)  # certain spikes: the same in every run
            element.second.parameters["sigma"] = 0.0
            element.input(np.ones((4, 6)))
            element.trace = spaic.StateMonitor(element.forth, "I_syn")
        for _ in range(3):
            net.run(25.0)
        fresh.run(25.0)
        assert np.array_equal(net.trace.values, fresh.trace.values) and fresh.trace.values.any()

    def test_random_input_is_new_in_every_run_and_the_same_in_every_session(self):
        def runs(session):
            found = []
            for _ in range(3):
                session.run(20.0)
                found.append(session.received.values)
            return found

        ours, theirs = runs(watched("poisson")), runs(watched("poisson"))
        assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
        assert not np.array_equal(ours[0], ours[1]) and not np.array_equal(ours[1], ours[2])

    def test_reset_makes_run_continue_start_anew(self):
        net, fresh = watched("direct"), watched("direct")
        net.run(7.0)
        net.reset()
        net.run_continue(10.0)
        fresh.run(10.0)
        assert np.array_equal(net.voltage.values, fresh.voltage.values)

    def test_run_continue_without_a_run_is_a_run(self):
        net, fresh = watched("poisson"), watched("poisson")
        net.run_continue(10.0)
        fresh.run(10.0)
        assert np.array_equal(net.voltage.values, fresh.voltage.values) and len(net.voltage.times) == 10


def test_two_networks_do_not_leak_into_each_other():
    alone = [watched("poisson"), watched("poisson", seed=5)]
    for net in alone:
        net.run(20.0)
        net.run_continue(20.0)
    a, b = watched("poisson"), watched("poisson", seed=5)
    a.run(20.0)
    b.run(20.0)
    a.run_continue(20.0)
    b.run_continue(20.0)
    for net, reference in zip((a, b), alone, strict=True):
        assert np.array_equal(net.voltage.values, reference.voltage.values)
    assert not np.array_equal(a.voltage.values, b.voltage.values)


def test_two_networks_may_share_a_backend_but_not_a_state():
    backend = spaic.Torch_Backend(dt=1.0)
    a, b, alone = watched("direct"), watched("direct", seed=5), watched("direct")
    a.set_backend(backend)
    b.set_backend(backend)
    a.run(10.0)
    b.run(10.0)
    a.run_continue(10.0)
    alone.set_backend("torch", dt=1.0)
    alone.run(20.0)
    close(a.voltage.values, alone.voltage.values)


class TestSeed:
    def test_it_changes_weights_and_input(self):
        one, other = watched("poisson", seed=1), watched("poisson", seed=2)
        again = watched("poisson", seed=1)
        for net in (one, other, again):
            net.run(10.0)
        assert np.array_equal(one.received.values, again.received.values) and not np.array_equal(one.received.values, other.received.values)
        assert not torch.equal(one.state_dict()["link1.weight"], other.state_dict()["link1.weight"])

    def test_set_random_seed(self):
        net = watched("poisson", seed=1)
        net.run(10.0)
        net.set_random_seed(2)
        other = watched("poisson", seed=2)
        net.run(10.0)
        other.run(10.0)
        assert np.array_equal(net.received.values, other.received.values)
        assert torch.equal(net.state_dict()["link1.weight"], other.state_dict()["link1.weight"])


class TestDuration:
    def test_set_runtime_is_for_runs_that_state_none(self):
        net = watched("direct")
        net.set_runtime(7.0)
        net.run()
        assert len(net.voltage.times) == 7
        net.run_continue()
        assert len(net.voltage.times) == 14
        net.run(3.0)
        assert len(net.voltage.times) == 3

    @pytest.mark.parametrize(("dt", "duration", "steps"), [(0.1, 2.1, 21), (0.001, 0.02, 20), (0.05, 0.15, 3), (0.1, 0.1 + 0.2, 3)])
    def test_rounding_errors_do_not_change_the_number_of_steps(self, dt, duration, steps):
        net = watched("direct")
        net.set_backend_dt(dt)
        net.run(duration)
        assert len(net.voltage.times) == steps

    def test_dt_may_be_changed_between_runs(self):
        net = watched("direct")
        net.run(10.0)
        net.set_backend_dt(0.5)
        net.run(10.0)
        assert net.dt == 0.5 and len(net.voltage.times) == 20 and net.voltage.times[0] == 0.5

    def test_dt_may_be_changed_on_the_backend(self):
        backend = spaic.Torch_Backend()
        net = watched("direct")
        net.set_backend(backend)
        net.run(10.0)
        backend.dt = 0.5
        net.run(10.0)
        assert net.dt == 0.5 and len(net.voltage.times) == 20


class TestRebuild:
    def test_weights_that_fit_are_kept(self):
        net = layered(learns=False)
        net.run(5.0)
        with torch.no_grad():
            for parameter in net.parameters():
                parameter.fill_(0.25)
        fresh = layered(seed=0, learns=False)
        net.extra = spaic.NeuronGroup(2, model="lif")
        net.link3 = spaic.Connection(net.hidden, net.extra)
        net.run(5.0)
        weights = net.state_dict()
        assert (weights["link1.weight"] == 0.25).all() and (weights["link2.weight"] == 0.25).all()
        fresh.extra = spaic.NeuronGroup(2, model="lif")
        fresh.link3 = spaic.Connection(fresh.hidden, fresh.extra)
        assert torch.equal(weights["link3.weight"], fresh.state_dict()["link3.weight"])

    def test_weights_that_do_not_fit_are_drawn(self):
        net = layered(learns=False)
        net.run(5.0)
        with torch.no_grad():
            for parameter in net.parameters():
                parameter.fill_(0.25)
        del net.output, net.link2, net.out
        net.out = spaic.NeuronGroup(7, model="lif")
        net.link2 = spaic.Connection(net.hidden, net.out)
        net.run(5.0)
        weights = net.state_dict()
        assert (weights["link1.weight"] == 0.25).all()
        assert weights["link2.weight"].shape == (7, 5) and len(weights["link2.weight"].unique()) == 35

    def test_another_number_type_keeps_the_weights(self):
        net = layered()
        single = net.state_dict()["link1.weight"].clone()
        net.set_backend("torch", dt=1.0, dtype="float64")
        assert net.state_dict()["link1.weight"].dtype == torch.float64
        assert torch.equal(net.state_dict()["link1.weight"].float(), single)

    @pytest.mark.parametrize("user_owned", [False, True])
    def test_an_edit_during_training_does_not_disturb_it(self, user_owned):
        """A monitor is added after two of four steps; momentum, schedule and weights go on."""

        def trained(edited):
            net = layered(code="direct")
            if user_owned:
                optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
            else:
                net.optim = spaic.Adam(lr=0.05, schedule="StepLR", maxstep=3)
            for step in range(4):
                if edited and step == 2:
                    net.trace = spaic.StateMonitor(net.out, "V")
                net.run(20.0)
                loss = torch.nn.functional.cross_entropy(net.output.predict, torch.as_tensor(LABELS))
                (optimizer.zero_grad if user_owned else net.learner.optim_zero_grad)()
                loss.backward()
                (optimizer.step if user_owned else net.learner.optim_step)()
            return net.state_dict()

        plain, edited = trained(False), trained(True)
        assert plain.keys() == edited.keys()
        for path in plain:
            assert torch.equal(plain[path], edited[path]), path

    def test_a_removed_element_is_gone(self):
        net = watched("direct")
        net.run(5.0)
        del net.voltage
        net.run(5.0)
        assert "voltage" not in net._members and all(p.reads != "out.V" for p in net.graph.probes)
        with pytest.raises(AttributeError):
            net.voltage


class TestReplacement:
    """What a rebuild takes from the declaration."""

    def test_a_new_element_under_an_old_name_starts_from_its_own_declaration(self):
        with spaic.Network() as net:
            source = spaic.Encoder(num=2, coding_method="direct")
            cells = spaic.NeuronGroup(2, model="lif", tau_m=20.0)
            wire = spaic.Connection(source, cells, link_type="one_to_one", weight=1.0)
            other = spaic.Connection(source, cells, link_type="one_to_one", weight=2.0)
        assert source and cells and wire and other
        net.build()
        with torch.no_grad():
            for parameter in net.parameters():
                parameter += 10.0
        net.wire = spaic.Connection(net.source, net.cells, link_type="one_to_one", weight=5.0)
        net.build()
        assert net.state_dict()["wire.weight"].tolist() == [5.0, 5.0] and net.state_dict()["other.weight"].tolist() == [12.0, 12.0]

    def test_a_replaced_group_has_its_new_parameters(self):
        net = spaic.Network()
        net.source = spaic.Generator(1, coding_method="constant_current")
        net.cells = spaic.NeuronGroup(1, model="lif", tau_m=20.0, V_th=100.0)
        net.wire = spaic.Connection(net.source, net.cells, post_var_name="I", weight=1.0)
        net.trace = spaic.StateMonitor(net.cells, "V")
        net.source(1.0)
        net.run(10.0)
        slow = net.trace.values[0, 0, -1]
        net.cells = spaic.NeuronGroup(1, model="lif", tau_m=5.0, V_th=100.0)
        net.wire = spaic.Connection(net.source, net.cells, post_var_name="I", weight=1.0)
        net.trace = spaic.StateMonitor(net.cells, "V")
        net.run(10.0)
        assert net.trace.values[0, 0, -1] > 1.5 * slow


class TestAtTheSeam:
    """What run_continue carries on with."""

    def test_a_monitor_added_in_between_does_not_start_the_run_anew(self):
        net, whole = watched("direct"), watched("direct")
        net.run(10.0)
        net.late = spaic.StateMonitor(net.out, "V")
        net.run_continue(10.0)
        whole.run(20.0)
        assert net.late.times[0] == 11.0
        close(net.late.values, whole.voltage.values[..., 10:])

    def test_new_data_bring_new_random_numbers(self):
        net = watched("poisson")
        net.input(SAMPLES)
        net.run(20.0)
        first = net.received.values.copy()
        net.input(SAMPLES)
        net.run_continue(20.0)
        assert not np.array_equal(net.received.values[..., 20:], first)

    def test_a_generator_set_anew_goes_on_from_there(self):
        net = spaic.Network()
        net.wave = spaic.Generator(1, coding_method="sin")
        net.seen = spaic.StateMonitor(net.wave, "O")
        net.set_backend_dt(1.0)
        net.wave([1.0, 8.0])
        net.run(3.0)
        net.wave([2.0, 8.0])
        net.run_continue(3.0)
        net.run_continue(3.0)
        assert np.allclose(net.seen.values[0, 0, 3:], 2.0 * np.sin(2 * np.pi * np.arange(6) / 8), atol=1e-6)

    def test_a_refused_run_leaves_the_recordings(self):
        net = watched("direct")
        net.run(10.0)
        with pytest.raises(spaic.DeclarationError):
            net.run(1.23)
        assert len(net.voltage.times) == 10


def test_loaded_parameters_are_checked_and_used():
    with spaic.Network() as net:
        drive = spaic.Generator(2, coding_method="constant_current")
        cells = spaic.NeuronGroup(2, model="lif", tau_m=np.full(2, 20.0), t_ref=np.zeros(2))
        wire = spaic.Connection(drive, cells, link_type="one_to_one", weight=3.0, post_var_name="I")
        spikes = spaic.SpikeMonitor(cells)
    assert drive and cells and wire
    net.set_backend_dt(1.0)
    net.drive(1.0)
    net.run(100.0)
    free = spikes.spk_count.sum()
    net.load_state_dict({**net.state_dict(), "cells.t_ref": torch.full((2,), 20.0)})
    net.run(100.0)
    assert spikes.spk_count.sum() < free / 2
    net.load_state_dict({**net.state_dict(), "cells.tau_m": torch.tensor([-5.0, 20.0])})
    with pytest.raises(spaic.DeclarationError, match=r"cells.tau_m: -5.0 ms is outside \(0, inf\)"):
        net.run(1.0)


def test_another_number_type_starts_a_new_run():
    net = watched("direct")
    net.run(5.0)
    net.set_backend("torch", dtype="float32")
    net.run_continue(5.0)
    assert net.voltage.times[0] == 1.0
    assert {str(a.dtype) for a in net._simulation.state.arrays.values()} == {"torch.float32"}


def test_what_is_a_function_and_no_method_is_pointed_out():
    with pytest.raises(AttributeError, match=r"Network has no member or attribute 'predict'; call spaic.predict\(net, loader\)"):
        spaic.Network().predict  # noqa: B018


def test_a_generator_without_a_value_is_told_how_to_get_one():
    with spaic.Network() as net:
        c = spaic.Generator(3, coding_method="cc_generator")
        cells = spaic.NeuronGroup(3, model="lif")
        wire = spaic.Connection(c, cells)
    assert c.parent is wire.parent is net
    with pytest.raises(spaic.InputError, match=r"c: expected a number or .*, got None; call it with one before the run, such as net.c\("):
        net.run(5.0)
