"""Monitors: what they record, in which shape and at which times; and that nobody notices them."""

import numpy as np
import pytest
import torch

import spaic
from spaic.Network.simulation import Simulation
from spaic.registry import encoders, neurons
from tests.contracts.test_backends import ROUNDED
from tests.contracts.uncompiled import in_python
from tests.Monitor.driven import driven
from tests.Network.builders import EVENTS, SAMPLES, layered, looped


@pytest.fixture(scope="module")
def net():
    class Images(spaic.Network):
        def __init__(self):
            super().__init__()
            self.input = spaic.Encoder(shape=(1, 5, 5), coding_method="poisson")
            self.maps = spaic.NeuronGroup(shape=(2, 4, 4), model="lif")
            self.out = spaic.NeuronGroup(3, model="alif")
            self.conv = spaic.Connection(self.input, self.maps, link_type="conv", kernel_size=2, bias=True, w_mean=0.4)
            self.full = spaic.Connection(self.maps, self.out, syn_type="second_order", w_mean=0.1)
            self.one = spaic.Connection(self.out, self.out, link_type="one_to_one")
            self.pixels = spaic.StateMonitor(self.input, "O")
            self.voltage = spaic.StateMonitor(self.maps, "V")
            self.threshold = spaic.StateMonitor(self.out, "theta")
            self.kernel = spaic.StateMonitor(self.conv, "weight")
            self.bias = spaic.StateMonitor(self.conv, "bias")
            self.weight = spaic.StateMonitor(self.full, "weight")
            self.diagonal = spaic.StateMonitor(self.one, "weight")
            self.current = spaic.StateMonitor(self.full, "current")
            self.rise = spaic.StateMonitor(self.full, "R")
            self.some = spaic.StateMonitor(self.maps, "V", index=[0, 17, 31])
            self.spaic_index = spaic.StateMonitor(self.maps, "V", index=[[0, 17, 31]])
            self.spikes = spaic.SpikeMonitor(self.maps)
            self.few = spaic.SpikeMonitor(self.maps, index=[5, -1])

    net = Images()
    net.set_backend_dt(0.5)
    net.input(np.random.default_rng(0).random((4, 1, 5, 5)))
    net.run(10.0)
    return net


class TestShapes:
    @pytest.mark.parametrize(
        ("name", "shape"),
        [
            ("pixels", (4, 1, 5, 5, 20)), ("voltage", (4, 2, 4, 4, 20)), ("threshold", (4, 3, 20)), ("kernel", (2, 1, 2, 2, 20)),
            ("bias", (2, 20)), ("weight", (3, 32, 20)), ("diagonal", (3, 20)), ("current", (4, 3, 20)), ("rise", (4, 3, 20)),
            ("some", (4, 3, 20)), ("spikes", (4, 2, 4, 4, 20)), ("few", (4, 2, 20)),
        ],
    )  # fmt: skip
    def test_time_is_last(self, net, name, shape):
        monitor = getattr(net, name)
        assert isinstance(monitor.values, np.ndarray) and monitor.values.shape == shape
        assert monitor.times.shape == monitor.time.shape == (20,)

    def test_times_are_ms_at_the_end_of_the_step(self, net):
        np.testing.assert_allclose(net.voltage.times, np.arange(1, 21) * 0.5, rtol=1e-15)

    def test_an_index_counts_over_the_flattened_shape(self, net):
        flat = net.voltage.values.reshape(4, 32, 20)
        assert np.array_equal(net.some.values, flat[:, [0, 17, 31]]) and np.array_equal(net.spaic_index.values, net.some.values)
        assert np.array_equal(net.few.values, net.spikes.values.reshape(4, 32, 20)[:, [5, 31]])

    def test_tensor_values(self, net):
        assert isinstance(net.voltage.tensor_values, torch.Tensor) and np.array_equal(net.voltage.tensor_values.numpy(), net.voltage.values)

    def test_what_a_synapse_delivers(self, net):
        values = {name: getattr(net, name).values for name in ("weight", "current")}
        assert (values["weight"] == values["weight"][..., :1]).all()
        assert np.array_equal(values["weight"][..., 0], net.state_dict()["full.weight"].numpy())
        assert values["current"].any()

    def test_spikes_as_lists(self, net):
        trains = net.spikes.values.reshape(4, 32, 20)
        assert set(np.unique(trains)) == {0.0, 1.0}
        for sample in range(4):
            index, times = net.spikes.spk_index[sample], net.spikes.spk_times[sample]
            again = np.zeros((32, 20))
            again[index, np.rint(times / 0.5).astype(int) - 1] = 1
            assert np.array_equal(again, trains[sample])
            assert (np.diff(index) >= 0).all()  # neuron by neuron
            assert all((np.diff(times[index == i]) > 0).all() for i in np.unique(index))

    def test_counts_and_rates(self, net):
        trains = net.spikes.values.reshape(4, 32, 20)
        assert net.spikes.spk_count.dtype == np.int64 and np.array_equal(net.spikes.spk_count, trains.sum(-1))
        np.testing.assert_allclose(net.spikes.spk_rate, trains.sum(-1) / 0.010, rtol=1e-12)  # Hz: 10 ms
        np.testing.assert_allclose(net.spikes.time_spk_rate, trains.mean(0), rtol=1e-6)
        np.testing.assert_allclose(net.spikes.time_pop_rate, trains.mean(1), rtol=1e-6)


def test_the_voltage_before_and_after_the_reset():
    with spaic.Network() as net:
        cell = spaic.NeuronGroup(1, model="if")
        source = spaic.Encoder(num=1, coding_method="direct")
        wire = spaic.Connection(source, cell, weight=0.4, link_type="one_to_one")
        after = spaic.StateMonitor(cell, "V")
        before = spaic.StateMonitor(cell, "V_before_reset")
        spikes = spaic.StateMonitor(cell, "O")
        arriving = spaic.StateMonitor(wire, "current")
    net.set_backend("torch", dt=1.0, dtype="float64")
    net.source(np.ones((1, 1)))
    net.run(4.0)
    np.testing.assert_allclose(after.values[0, 0], [0.4, 0.8, 0.0, 0.4], rtol=1e-12)
    np.testing.assert_allclose(before.values[0, 0], [0.4, 0.8, 1.2, 0.4], rtol=1e-12)
    assert spikes.values[0, 0].tolist() == [0, 0, 1, 0] and (arriving.values == 0.4).all()


@pytest.mark.parametrize("code", sorted(set(encoders) - {"null"}))
def test_an_encoder_shows_what_it_sends(code):
    takes_events = getattr(encoders[code], "takes_events", False)
    net = layered(code=code, data=EVENTS if takes_events else SAMPLES)
    net.received = spaic.StateMonitor(net.input, "O")
    net.spikes = spaic.SpikeMonitor(net.input)
    net.run(20.0)
    assert net.received.values.shape == (4, 6, 20) and np.array_equal(net.received.values, net.spikes.values)
    if code == "direct":
        assert (net.received.values == SAMPLES[:, :, None]).all()
    elif code == "exact_poisson":  # several spikes may fall into one step
        assert set(np.unique(net.received.values)) >= {0, 1, 2} and (net.received.values % 1 == 0).all()
    else:
        assert set(np.unique(net.received.values)) == {0, 1}


class TestIntervals:
    def test_every_k_steps(self):
        net = layered()
        net.every = spaic.StateMonitor(net.hidden, "V")
        net.third = spaic.StateMonitor(net.hidden, "V", dt=3.0)
        net.run(20.0)
        assert net.third.times.tolist() == [3.0, 6.0, 9.0, 12.0, 15.0, 18.0]
        assert np.array_equal(net.third.values, net.every.values[..., 2::3])

    @pytest.mark.parametrize("intervals", [(3.0,), (2.0, 3.0), (3.0, 2.0, 3.0), (4.0, 2.0), (5.0, None), (None, 5.0, 2.0)])
    def test_any_combination_over_pieces(self, intervals):
        net = layered()
        net.full = spaic.StateMonitor(net.out, "V_before_reset")
        for i, interval in enumerate(intervals):
            setattr(net, f"m{i}", spaic.StateMonitor(net.hidden, "V", dt=interval))
        net.reference = spaic.StateMonitor(net.hidden, "V_before_reset")
        net.run(1.0)
        for duration in (4.0, 1.0, 7.0, 9.0):
            net.run_continue(duration)
        alone = layered()
        alone.trace = spaic.StateMonitor(alone.hidden, "V")
        alone.run(1.0)
        for duration in (4.0, 1.0, 7.0, 9.0):
            alone.run_continue(duration)
        for i, interval in enumerate(intervals):
            k = int(interval or 1)
            monitor = getattr(net, f"m{i}")
            assert monitor.times.tolist() == [float(t) for t in range(1, 23) if t % k == 0]
            assert np.array_equal(monitor.values, alone.trace.values[..., k - 1 :: k])

    def test_weights_every_k_steps(self):
        net = layered()
        net.weight = spaic.StateMonitor(net.link1, "weight", dt=5.0)
        net.run(20.0)
        assert net.weight.values.shape == (5, 6, 4) and net.weight.times.tolist() == [5.0, 10.0, 15.0, 20.0]

    def test_an_interval_that_is_not_on_the_grid(self):
        net = layered()
        net.wrong = spaic.StateMonitor(net.hidden, "V", dt=1.5)
        with pytest.raises(spaic.DeclarationError, match="wrong.dt: 1.5 ms is not a whole number of steps of 1 ms"):
            net.run(20.0)

    @pytest.mark.parametrize("decoding", ["spike_counts", "first_spike", "final_voltage", "max_voltage"])
    def test_a_coarse_monitor_does_not_thin_out_what_a_decoder_reads(self, decoding):
        plain, watched = layered(decoding=decoding), layered(decoding=decoding)
        watched.trace = spaic.StateMonitor(watched.out, watched.output.coding_var_name, dt=5.0)
        for net in (plain, watched):
            net.run(20.0)
        assert torch.equal(plain.output.predict, watched.output.predict)
        assert watched.trace.values.shape[-1] == 4


class TestNobodyNotices:
    @staticmethod
    def outcome(net, watched, steps=25):
        dt = net.graph.clock.dt
        if watched:
            for group in net.graph.populations:
                for variable in group.model.variables:
                    setattr(net, f"m_{group.name}_{variable}", spaic.StateMonitor(getattr(net, group.name), variable))
            for link in net.graph.links:
                for variable in ("weight", "current", *(link.synapse.model.variables if link.synapse else ())):
                    if not variable.endswith("_before_reset"):
                        setattr(net, f"m_{link.name}_{variable}", spaic.StateMonitor(getattr(net, link.name), variable))
            net.m_input = spaic.SpikeMonitor(net.input, index=[0])
        net.run(steps * dt)
        if net.output.predict.requires_grad:
            (net.output.predict**2).sum().backward()
        net.run_continue(10 * dt)
        first = net.output.predict
        with torch.no_grad():
            net.run(steps * dt)
        slopes = (torch.zeros_like(p) if p.grad is None else p.grad for p in net.parameters() if p.requires_grad)
        return [first.detach(), net.output.predict, *slopes]

    @pytest.mark.parametrize("model", sorted(neurons))
    def test_layers_of_every_model(self, model, monkeypatch, tmp_path):
        in_python(monkeypatch, tmp_path)
        plain, watched = (self.outcome(driven(model), w) for w in (False, True))
        assert all(torch.equal(a, b) for a, b in zip(plain, watched, strict=True)) and plain[0].any()
        assert model in ROUNDED or any(slope.any() for slope in plain[2:]), "a gradient of 0 compares nothing"

    def test_loops_synapses_delays_and_noise(self):
        plain, watched = (self.outcome(looped(learns=True), w) for w in (False, True))
        assert all(torch.equal(a, b) for a, b in zip(plain, watched, strict=True)) and all(a.any() for a in plain)

    def test_records_hold_no_graph_and_are_copies(self):
        net = layered()
        net.weight = spaic.StateMonitor(net.link2, "weight")
        net.voltage = spaic.StateMonitor(net.out, "V")
        net.run(10.0)
        recorded, kept = net.weight.values.copy(), net.voltage.tensor_values
        assert not kept.requires_grad
        with torch.no_grad():
            net.state_dict()["link2.weight"].add_(1.0)
        assert np.array_equal(net.weight.values, recorded)


@pytest.mark.parametrize("piece", [1, 7, 16])
class TestPieces:
    """A long run without gradient goes in pieces, here of so many steps."""

    def test_layers(self, piece, monkeypatch):
        found = []
        for steps in (1000, piece):
            monkeypatch.setattr(Simulation, "_piece", lambda self, batch, steps=steps: steps)
            for decoding in ("spike_counts", "first_spike", "final_voltage", "max_voltage"):
                for code in ("poisson", "latency", "phase", "direct"):
                    net = layered("float64", code=code, decoding=decoding)
                    net.voltage = spaic.StateMonitor(net.hidden, "V")
                    net.coarse = spaic.StateMonitor(net.out, "V", dt=3.0)
                    net.received = spaic.SpikeMonitor(net.input)
                    net.weight = spaic.StateMonitor(net.link1, "weight")
                    with torch.no_grad():
                        net.run(40.0)
                    monitors = (net.voltage, net.coarse, net.received, net.weight)
                    found.append([net.output.predict.numpy(), *(m.values for m in monitors), *(m.times for m in monitors)])
        half = len(found) // 2
        for whole, pieces in zip(found[:half], found[half:], strict=True):
            for a, b in zip(whole, pieces, strict=True):
                np.testing.assert_allclose(b, a, rtol=1e-12, atol=1e-12)

    def test_loops_delays_synapses_and_noise(self, piece, monkeypatch):
        found = []
        for steps in (1000, piece):
            monkeypatch.setattr(Simulation, "_piece", lambda self, batch, steps=steps: steps)
            net = looped()
            net.noise = spaic.StateMonitor(net.second, "V")
            net.current = spaic.StateMonitor(net.into, "current", dt=2.0)
            net.synapse = spaic.StateMonitor(net.forth, "I_syn")
            net.run(50.0)
            net.run_continue(30.0)
            found.append([net.output.predict.numpy(), net.noise.values, net.current.values, net.synapse.values, net.current.times])
        for whole, pieces in zip(*found, strict=True):
            assert whole.any()
            np.testing.assert_allclose(pieces, whole, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("neurons", "batch", "steps"), [(10, 1, 4096), (2000, 1, 2097), (784, 100, 64), (10**6, 1, 16), (10**7, 10, 1)])
def test_pieces_are_small_enough_for_the_memory_and_large_enough_for_the_clock(neurons, batch, steps):
    """About 2**22 values, or 64 steps where that is less and they have no more than 2**24 values; at most 4096 steps."""
    net = spaic.Network()
    net.cells = spaic.NeuronGroup(neurons, model="lif")
    net.set_backend("torch", dt=1.0)
    net.build()
    assert net._simulation._piece(batch) == steps


class TestSwitching:
    def test_run_starts_anew_and_run_continue_appends(self):
        net = layered()
        net.voltage = spaic.StateMonitor(net.hidden, "V")
        net.run(10.0)
        net.run_continue(5.0)
        np.testing.assert_allclose(net.voltage.times, np.arange(1, 16))
        net.run(3.0)
        assert net.voltage.values.shape == (4, 5, 3)

    def test_off_and_on(self):
        net = layered()
        net.voltage = spaic.StateMonitor(net.hidden, "V")
        net.full = spaic.StateMonitor(net.hidden, "V_before_reset")
        net.voltage.monitor_off()
        net.run(4.0)
        assert net.voltage.times.shape == (0,)
        with pytest.raises(spaic.StateError, match=r"voltage: nothing is recorded yet; call net.run\(T\), and monitor_on\(\)"):
            net.voltage.values
        net.voltage.monitor_on()
        net.run_continue(3.0)
        net.voltage.monitor_off()
        net.run_continue(2.0)
        assert net.voltage.times.tolist() == [5.0, 6.0, 7.0] and net.full.times.tolist() == list(range(1, 10))

    def test_clear(self):
        net = layered()
        net.voltage = spaic.StateMonitor(net.hidden, "V")
        net.run(4.0)
        net.voltage.clear()
        with pytest.raises(spaic.StateError, match="voltage: nothing is recorded yet"):
            net.voltage.values
        net.run_continue(2.0)
        assert net.voltage.times.tolist() == [5.0, 6.0]

    def test_before_any_run(self):
        net = layered()
        net.spikes = spaic.SpikeMonitor(net.out)
        for read in ("values", "spk_index", "spk_times", "spk_count", "spk_rate"):
            with pytest.raises(spaic.StateError, match="spikes: nothing is recorded yet"):
                getattr(net.spikes, read)


class TestMistakes:
    @pytest.mark.parametrize(
        ("target", "variable", "said"),
        [("hidden", "v", "'hidden' has no variable 'v'; did you mean 'V'"),
         ("link1", "wieght", "'link1' has no variable 'wieght'; did you mean 'weight'"),
         ("input", "V", "'input' has no variable 'V'; choose one of: O")],
    )  # fmt: skip
    def test_an_unknown_variable(self, target, variable, said):
        net = layered()
        net.wrong = spaic.StateMonitor(getattr(net, target), variable)
        with pytest.raises(spaic.GraphError, match=said):
            net.run(5.0)
        del net.wrong
        net.run(5.0)

    @pytest.mark.parametrize("index", [[5], [0, -6], 7])
    def test_a_neuron_that_is_not_there(self, index):
        net = layered()
        net.wrong = spaic.StateMonitor(net.hidden, "V", index=index)
        with pytest.raises(spaic.DeclarationError, match="wrong.index: .* outside of 'hidden' with 5 neurons; give indices from 0 to 4"):
            net.run(5.0)

    @pytest.mark.parametrize("index", ["all", [1.5], [True], []])
    def test_what_is_no_index(self, index):
        with pytest.raises(spaic.DeclarationError, match="monitor: index .*'full'"):
            spaic.StateMonitor(layered().hidden, "V", index=index)

    def test_an_index_into_a_connection(self):
        """The neuron index: neurons are postsynaptic for what a connection delivers."""
        net = layered()
        net.some = spaic.StateMonitor(net.link1, "current", index=[0, 4])
        net.all = spaic.StateMonitor(net.link1, "current")
        net.run(5.0)
        assert np.array_equal(net.some.values, net.all.values[:, [0, 4]])

    @pytest.mark.parametrize("file", [None, "rec.h5"])
    def test_an_index_into_weights(self, file, tmp_path):
        """Counted over the flattened weights, without a batch."""
        net = layered()
        net.some = spaic.StateMonitor(net.link1, "weight", index=[7, 0, -1], dt=2.0, file=file and tmp_path / file)
        net.all = spaic.StateMonitor(net.link1, "weight", dt=2.0)
        net.run(10.0)
        posts, pres, samples = net.all.values.shape
        assert samples == 5 and np.array_equal(net.some.values, net.all.values.reshape(posts * pres, 5)[[7, 0, -1]])
        net.wrong = spaic.StateMonitor(net.link1, "weight", index=[posts * pres])
        with pytest.raises(spaic.DeclarationError, match=rf"outside of 'link1.weight' with {posts * pres} values; give indices from 0 to"):
            net.run(2.0)

    def test_a_target_that_is_no_element(self):
        with pytest.raises(spaic.DeclarationError, match="StateMonitor: the target is 'hidden', not a part of a network"):
            spaic.StateMonitor("hidden", "V")

    def test_a_target_of_another_network(self):
        """It has the same path as a group of this network, which is not the one that is meant."""
        net, other = layered(), layered(seed=1)
        net.wrong = spaic.StateMonitor(other.hidden, "V")
        with pytest.raises(spaic.SpaicError, match="wrong"):
            net.run(5.0)

    def test_a_target_without_a_network(self):
        net = layered()
        net.wrong = spaic.StateMonitor(spaic.NeuronGroup(2, model="lif"), "V")
        with pytest.raises(spaic.SpaicError, match="wrong.*not in the network"):
            net.run(5.0)
