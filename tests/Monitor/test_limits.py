"""What a recording needs is known before the run, and refused beyond a limit before anything changes."""

import io
import os
import shutil

import numpy as np
import pytest

import spaic
from spaic.memory import available_memory, in_words
from spaic.Monitor import limits
from spaic.Monitor.limits import parse_size
from spaic.Monitor.needs import Need
from spaic.Network.simulation import Simulation
from tests.Network.builders import layered


def need_of(monitor, net, duration):
    """Bytes estimated for a run, and bytes taken by it."""
    plan = net._simulation._plan(net._simulation.graph.clock.steps(duration), False, [monitor])
    return monitor._need(plan).nbytes


class TestEstimate:
    @pytest.mark.parametrize(
        ("target", "variable", "options"),
        [("hidden", "V", {}), ("hidden", "V", {"index": [0, 3]}), ("hidden", "O", {"dt": 3.0}), ("link1", "weight", {}),
         ("link2", "current", {"dt": 7.0}), ("out", "V_before_reset", {"index": [1], "dt": 2.0})],
    )  # fmt: skip
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_it_is_what_is_taken(self, target, variable, options, dtype, tmp_path):
        net = layered(dtype)
        net.memory = spaic.StateMonitor(getattr(net, target), variable, **options)
        net.disk = spaic.StateMonitor(getattr(net, target), variable, **options, file=tmp_path / "rec.h5")
        net.build()
        for monitor in (net.memory, net.disk):
            estimated = need_of(monitor, net, 20.0)
            net.run(20.0)
            assert estimated == monitor._store.nbytes
        assert net.memory._store.nbytes == net.memory.values.nbytes + 8 * len(net.memory.times)

    def test_spikes_are_bits_on_disk(self, tmp_path):
        net = layered()
        net.spikes = spaic.SpikeMonitor(net.hidden, file=tmp_path / "rec.h5")
        net.build()
        assert need_of(net.spikes, net, 20.0) == 20 * (3 + 8)  # 4 x 5 bits in 3 bytes, and the step
        net.run(20.0)
        assert net.spikes._store.nbytes == 20 * (3 + 8)

    def test_inputs_take_no_more_than_estimated(self):
        net = layered()
        net.spikes = spaic.SpikeMonitor(net.input)
        net.run(20.0)
        assert net.spikes._store.nbytes <= need_of(net.spikes, net, 20.0)

    def test_the_array_is_made_once(self, monkeypatch):
        net = layered(learns=False)
        net.trace = spaic.StateMonitor(net.hidden, "V")
        monkeypatch.setattr(Simulation, "_piece", lambda self, batch: 3)
        net.run(20.0)
        assert net.trace.values.shape == (4, 5, 20) and np.shares_memory(net.trace.values, net.trace.values)

    def test_words(self):
        assert str(Need(1000, (4, 5), np.dtype("float32"))) == "1,000 samples of 20 values of 4 bytes"
        assert str(Need(10, (4, 5), np.dtype("float32"), True)) == "10 samples of 20 bits"
        assert [in_words(n) for n in (0, 12_345, 10**6, 2_500_000_000, 10**16)] == ["0 B", "12.3 kB", "1 MB", "2.5 GB", "1e+04 TB"]


class TestMemoryLimit:
    def test_before_anything_changes(self):
        net = layered()
        net.small = spaic.StateMonitor(net.hidden, "V")
        net.large = spaic.StateMonitor(net.hidden, "V", memory_limit="5 kB")
        net.run(50.0)
        before = net.small.values, net.output.predict, net._simulation.state, net._simulation.runs, dict(net._simulation.streams)
        with pytest.raises(
            spaic.NetworkError,
            match=r"large: recording 'hidden.V' takes 5.28 kB \(60 samples of 20 values of 4 bytes\), its memory_limit is 5 kB; "
            r"raise it, record to a file \(file=\) .*, fewer neurons \(index=\) or samples \(dt=\), or run for a shorter time",
        ):
            net.run(60.0)
        after = net.small.values, net.output.predict, net._simulation.state, net._simulation.runs, dict(net._simulation.streams)
        assert np.array_equal(before[0], after[0]) and all(a is b for a, b in zip(before[1:4], after[1:4], strict=True))
        assert before[4] == after[4]

    def test_continued_runs_add_up_and_new_ones_do_not(self):
        net = layered()
        net.trace = spaic.StateMonitor(net.hidden, "V", memory_limit=100 * (20 * 4 + 8))
        for _ in range(3):
            net.run(60.0)
        net.run_continue(40.0)
        with pytest.raises(spaic.NetworkError, match=r"takes 8.89 kB \(1 samples .* after the 8.8 kB it has\)"):
            net.run_continue(1.0)
        assert net.trace.times[-1] == 100.0
        net.run(100.0)

    @pytest.mark.parametrize("options", [{"index": [0]}, {"dt": 5.0}])
    def test_ways_out(self, options, tmp_path):
        net = layered()
        net.trace = spaic.StateMonitor(net.hidden, "V", memory_limit=3000, **options)
        net.file = spaic.StateMonitor(net.hidden, "V", file=tmp_path / "rec.h5")
        net.run(100.0)
        assert net.file.values.shape[-1] == 100

    def test_off_needs_nothing(self):
        net = layered()
        net.trace = spaic.StateMonitor(net.hidden, "V", memory_limit=100)
        net.trace.monitor_off()
        net.run(100.0)
        net.trace.monitor_on()
        with pytest.raises(spaic.NetworkError, match="its memory_limit is 100 B"):
            net.run_continue(100.0)

    @pytest.mark.parametrize("limit", ["much", "2 XB", "-1 GB", "", 0, -5, 0.5, True, float("nan"), float("inf"), "1e999", [1], "1.2.3 MB"])
    def test_nonsense(self, limit):
        with pytest.raises(spaic.DeclarationError, match="StateMonitor: memory_limit: .* is no amount of memory; give a number of bytes"):
            spaic.StateMonitor(layered().hidden, "V", memory_limit=limit)

    def test_sizes(self):
        known = {"2 GB": 2 * 10**9, "1.5kb": 1500, " 3 MiB ": 3 * 2**20, "7": 7, "1e3 B": 1000, 10: 10, 2.5e3: 2500, "1 TiB": 2**40}
        assert {text: parse_size(text, "limit") for text in known} == known


class TestAvailable:
    def test_half_of_it_for_all_recordings_together(self, monkeypatch):
        monkeypatch.setattr(limits, "available_memory", lambda: 26_400)
        net = layered()
        net.one = spaic.StateMonitor(net.hidden, "V")
        with pytest.raises(
            spaic.NetworkError, match=r"one: .* takes 13.3 kB .*, the limit is 13.2 kB, half of the memory available; set a"
        ):
            net.run(151.0)
        net.run(150.0)  # 13.2 kB
        net.run(300.0)  # 13.2 kB more than there are already
        net.one.clear()
        net.two = spaic.StateMonitor(net.hidden, "V_before_reset", index=[1])
        with pytest.raises(spaic.NetworkError, match=r"one: .* takes 13.2 kB .*, all 2 recordings 16.8 kB, the limit is 13.2 kB"):
            net.run(150.0)
        net.run(100.0)

    def test_a_limit_of_ones_own_stands_apart(self, monkeypatch):
        monkeypatch.setattr(limits, "available_memory", lambda: 10_000)
        net = layered()
        net.one = spaic.StateMonitor(net.hidden, "V", memory_limit=9_000)
        net.two = spaic.StateMonitor(net.hidden, "V_before_reset", index=[1])
        with pytest.raises(spaic.NetworkError, match="two: .* takes 2.4 kB .*, the limit is 600 B, half of the memory available"):
            net.run(100.0)
        net.run(50.0)

    def test_where_the_system_does_not_tell(self, monkeypatch):
        assert 10**8 < available_memory() < 10**14

        def opened(*args, **options):
            raise FileNotFoundError

        monkeypatch.setattr("builtins.open", opened)
        pages = available_memory()
        assert pages == pytest.approx(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), rel=0.2)
        monkeypatch.setattr("builtins.open", lambda *args, **options: io.StringIO("MemTotal: 5 kB\n"))
        assert available_memory() > 10**6
        monkeypatch.delattr(os, "sysconf")
        assert available_memory() == 4 * 2**30


class TestDisk:
    def test_free_space(self, tmp_path, monkeypatch):
        net = layered()
        net.trace = spaic.StateMonitor(net.hidden, "V", file=tmp_path / "rec.h5")
        net.spikes = spaic.SpikeMonitor(net.hidden, file=tmp_path / "spikes.h5")
        net.run(10.0)
        free = shutil.disk_usage(tmp_path)._replace(free=9_000)
        monkeypatch.setattr(limits.shutil, "disk_usage", lambda path: free)
        with pytest.raises(
            spaic.DataError,
            match=r"trace: recording 'hidden.V' takes 9.68 kB \(110 samples of 20 values of 4 bytes\), all 2 recordings .*, "
            r"9 kB are free on the disk of '.*rec.h5'; record to a file",
        ):
            net.run(110.0)
        assert net.trace.times[-1] == 10.0
        net.run(100.0)
        with pytest.raises(spaic.DataError, match="9 kB are free"):
            net.run_continue(105.0)
        net.run(110.0)  # it replaces what is there
