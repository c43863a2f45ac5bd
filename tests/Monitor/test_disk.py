"""Recordings in a file are read as from memory."""

import os

import numpy as np
import pytest
import torch

import spaic
from spaic.Monitor import Recording
from spaic.Monitor.disk import DiskStore
from spaic.Monitor.file import Layout
from spaic.Monitor.series import SpikeTrains
from spaic.Network.simulation import Simulation
from tests.Network.builders import layered, looped

STATE = ("values", "times", "time")
SPIKES = (*STATE, "spk_index", "spk_times", "spk_count", "spk_rate", "time_spk_rate", "time_pop_rate")

#: Name -> class, target, variable and options of monitors that are there twice, in memory and in a file.
WATCHED = {
    "pixels": (spaic.SpikeMonitor, "input", "O", {}),
    "analogue": (spaic.SpikeMonitor, "direct", "O", {}),
    "voltage": (spaic.StateMonitor, "maps", "V", {}),
    "before": (spaic.StateMonitor, "maps", "V_before_reset", {"index": [0, 17, -1], "dt": 1.5}),
    "emitted": (spaic.StateMonitor, "maps", "O", {}),
    "spikes": (spaic.SpikeMonitor, "maps", "O", {}),
    "few": (spaic.SpikeMonitor, "maps", "O", {"index": [31, 2, 5]}),
    "coarse": (spaic.SpikeMonitor, "out", "O", {"dt": 2.0}),
    "rare": (spaic.SpikeMonitor, "out", "O", {"dt": 500.0}),
    "kernel": (spaic.StateMonitor, "conv", "weight", {}),
    "bias": (spaic.StateMonitor, "conv", "bias", {}),
    "weight": (spaic.StateMonitor, "full", "weight", {"dt": 5.0}),
    "diagonal": (spaic.StateMonitor, "one", "weight", {}),
    "current": (spaic.StateMonitor, "full", "current", {}),
    "rise": (spaic.StateMonitor, "full", "R", {}),
}


def images(file, backend="torch", dtype="float32"):
    """A network with an image, a convolution, a synapse and a loop, and all of `WATCHED`."""
    net = spaic.Network()
    net.input = spaic.Encoder(shape=(1, 5, 5), coding_method="poisson")
    net.direct = spaic.Encoder(num=3, coding_method="direct")
    net.maps = spaic.NeuronGroup(shape=(2, 4, 4), model="lif")
    net.out = spaic.NeuronGroup(3, model="alif")
    net.conv = spaic.Connection(net.input, net.maps, link_type="conv", kernel_size=2, bias=True, w_mean=0.4)
    net.full = spaic.Connection(net.maps, net.out, syn_type="second_order", w_mean=0.1)
    net.drive = spaic.Connection(net.direct, net.out, w_mean=0.5)
    net.one = spaic.Connection(net.out, net.out, link_type="one_to_one")
    for name, (made, target, variable, options) in WATCHED.items():
        setattr(net, name, made(getattr(net, target), variable, **options))
        setattr(net, f"{name}_file", made(getattr(net, target), variable, **options, file=file))
    net.set_backend(backend, dt=0.5, dtype=dtype)
    data(net, 4)
    return net


def data(net, batch):
    rng = np.random.default_rng(batch)
    net.input(rng.random((batch, 1, 5, 5)))
    net.direct(rng.random((batch, 3)))


def same(one, other):
    if isinstance(one, list):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return one.dtype == other.dtype and one.shape == other.shape and np.array_equal(one, other)


def assert_equal(memory, disk):
    for name in SPIKES if isinstance(memory, SpikeTrains) else STATE:
        if name != "spk_rate" or len(memory.times):  # no time, no rate
            assert same(getattr(memory, name), getattr(disk, name)), name


def assert_all_equal(net, file):
    recording = Recording(file)
    assert set(recording) == {f"{name}_file" for name in WATCHED}
    for name in WATCHED:
        memory, disk = getattr(net, name), getattr(net, f"{name}_file")
        for other in (disk, recording[f"{name}_file"]):
            assert_equal(memory, other)
        for window in ((), (0.0, 7.0), (2.3,), (30.0, 1e9)) if name in ("voltage", "spikes") else ((2.0, 7.3),):
            assert_equal(memory.between(*window), disk.between(*window))


class TestAsInMemory:
    @pytest.mark.parametrize(
        ("backend", "dtype", "piece"), [("torch", "float32", 1000), ("torch", "float64", 7), ("reference", "float64", 3)]
    )
    def test_every_property_in_every_run(self, backend, dtype, piece, tmp_path, monkeypatch):
        monkeypatch.setattr(Simulation, "_piece", lambda self, batch: piece)
        file = tmp_path / "rec.h5"
        net = images(file, backend, dtype)
        net.run(10.0)
        assert net.spikes.spk_count.any() and net.spikes.values.dtype == dtype and net.rare.values.shape == (4, 3, 0)
        assert_all_equal(net, file)
        net.run_continue(3.0)
        net.run_continue(0.5)
        assert_all_equal(net, file)
        data(net, 2)  # another batch: another run
        net.run(4.0)
        assert net.voltage_file.values.shape == (2, 2, 4, 4, 8)
        assert_all_equal(net, file)
        net.voltage_file.close()
        assert_all_equal(net, file)
        net.run_continue(3.0)
        assert_all_equal(net, file)

    def test_tensors(self, tmp_path):
        net = images(tmp_path / "rec.h5")
        net.run(5.0)
        for name in ("voltage", "pixels"):
            memory, disk = (getattr(net, n).tensor_values for n in (name, f"{name}_file"))
            assert isinstance(disk, torch.Tensor) and disk.dtype == memory.dtype and torch.equal(memory, disk)

    def test_large_recordings_are_read_part_by_part(self, tmp_path, monkeypatch):
        monkeypatch.setattr("spaic.Monitor.store._BLOCK", 100)
        file = tmp_path / "rec.h5"
        net = images(file)
        net.run(20.0)
        store, seen = net.spikes_file._store, []
        whole = [getattr(net.spikes, name) for name in SPIKES]
        read = store.read
        monkeypatch.setattr(type(store), "read", lambda self, first, stop: (seen.append(stop - first), read(first, stop))[1])
        assert all(same(a, getattr(net.spikes_file, name)) for a, name in zip(whole[3:], SPIKES[3:], strict=True))
        assert max(seen) == 1 and len(seen) == 6 * 40

    def test_spikes_against_their_definition(self, tmp_path, monkeypatch):
        monkeypatch.setattr("spaic.Monitor.store._BLOCK", 7000)
        trains = np.random.default_rng(0).random((3000, 2, 5, 10)) < 0.1
        store = DiskStore(str(tmp_path / "rec.h5"))
        DiskStore.make({"m": (store, Layout((2, 5, 10), np.dtype("float32"), True, 3000))}, {})
        store.append(np.arange(1, 3001), trains.astype(np.float32))
        spikes = SpikeTrains("m", store, 0.1)
        for sample, train in enumerate(np.moveaxis(trains, 0, -1).reshape(2, 50, 3000)):
            neurons, steps = np.nonzero(train)
            assert np.array_equal(spikes.spk_index[sample], neurons) and np.array_equal(spikes.spk_times[sample], (steps + 1) * 0.1)
            assert np.array_equal(spikes.spk_count[sample], train.sum(1))

    def test_spikes_take_a_bit_each_and_a_chunk_at_least(self, tmp_path):
        file = tmp_path / "rec.h5"
        net = spaic.Network()
        net.cells = spaic.NeuronGroup(1000, model="lif")
        net.spikes = spaic.SpikeMonitor(net.cells, file=file)
        net.set_backend_dt(0.1)
        net.run(1000.0)
        steps = 10_000
        assert steps * (125 + 8) <= os.path.getsize(file) < 1.3 * steps * (125 + 8)

    def test_a_window(self, tmp_path):
        net = layered()
        net.memory = spaic.StateMonitor(net.hidden, "V", dt=2.0)
        net.disk = spaic.StateMonitor(net.hidden, "V", dt=2.0, file=tmp_path / "rec.h5")
        net.run(20.0)
        for monitor in (net.memory, net.disk):
            assert monitor.between(4.0, 10.0).times.tolist() == [6.0, 8.0, 10.0]  # (start, stop]
            assert np.array_equal(monitor.between(4.0, 10.0).values, monitor.values[..., 2:5])
            assert monitor.between(4.0).between(0.0, 9.0).times.tolist() == [6.0, 8.0]
            assert monitor.between(15.0, 15.5).values.shape == (4, 5, 0)
            for wrong in ((5.0, 4.0), (np.nan, 1.0), ("now", 1.0), (None,)):
                with pytest.raises(spaic.InputError, match="is no window of time; give start and stop in ms"):
                    monitor.between(*wrong)

    def test_windows_in_a_row_have_every_sample_once(self, tmp_path):
        net = layered(dt=0.1)
        net.disk = spaic.SpikeMonitor(net.hidden, file=tmp_path / "rec.h5")
        net.run(30.0)
        edges = np.arange(0.0, 30.1, 0.1)
        windows = [net.disk.between(*edge).values for edge in zip(edges[:-1], edges[1:], strict=True)]
        assert all(w.shape[-1] == 1 for w in windows) and np.array_equal(np.concatenate(windows, -1), net.disk.values)

    def test_off_on_and_clear(self, tmp_path):
        file = tmp_path / "rec.h5"
        net = layered()
        net.memory = spaic.SpikeMonitor(net.hidden)
        net.disk = spaic.SpikeMonitor(net.hidden, file=file)

        def both(call):
            for monitor in (net.memory, net.disk):
                getattr(monitor, call)()

        both("monitor_off")
        net.run(3.0)
        for monitor in (net.memory, net.disk):
            with pytest.raises(spaic.StateError, match=r": nothing is recorded yet; call net.run\(T\), and monitor_on\(\)"):
                monitor.values
            assert monitor.times.shape == (0,)
        assert not file.exists()
        both("monitor_on")
        net.run_continue(3.0)
        both("monitor_off")
        net.run_continue(3.0)
        both("monitor_on")
        net.run_continue(2.0)
        assert net.disk.times.tolist() == [4.0, 5.0, 6.0, 10.0, 11.0]
        assert_equal(net.memory, net.disk)
        both("clear")
        with pytest.raises(spaic.StateError, match="disk: nothing is recorded yet"):
            net.disk.spk_index
        assert Recording(file)["disk"].values.shape == (4, 5, 0)
        net.run_continue(2.0)
        assert net.disk.times.tolist() == [12.0, 13.0]
        for other in (net.disk, Recording(file)["disk"]):
            assert_equal(net.memory, other)

    def test_nobody_notices(self, tmp_path):
        outcomes = []
        for watched in (False, True):
            net = looped(learns=True)
            if watched:
                net.trace = spaic.StateMonitor(net.second, "V", file=tmp_path / "rec.h5")
                net.weight = spaic.StateMonitor(net.into, "weight", file=tmp_path / "rec.h5")
                net.spikes = spaic.SpikeMonitor(net.first, file=tmp_path / "other.h5")
            net.run(25.0)
            (net.output.predict**2).sum().backward()
            net.run_continue(10.0)
            outcomes.append([net.output.predict, *(p.grad for p in net.parameters() if p.requires_grad)])
        assert all(torch.equal(a, b) for a, b in zip(*outcomes, strict=True)) and all(a.any() for a in outcomes[0])
