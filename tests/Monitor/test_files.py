"""The files of recordings: what they say, who may read and write them, and that nothing is destroyed unasked."""

import copy
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

import spaic
from spaic.Monitor import Recording
from tests.Network.builders import SAMPLES, layered

ROOT = Path(__file__).parents[2]


class TestFile:
    def test_what_it_says_about_itself(self, tmp_path):
        with spaic.Network() as net:
            cells = spaic.NeuronGroup(shape=(2, 3), model="hodgkin_huxley")
            net.clamp = spaic.Generator(dec_target=cells, coding_method="constant_current")
            net.layer = spaic.Assembly()
            net.layer.trace = spaic.StateMonitor(cells, "V", index=[1, 4], dt=0.5, file=tmp_path / "rec.h5")
        net.set_backend_dt(0.05)
        net.clamp(np.full((1, 2, 3), 10.0))
        net.run(2.0)
        recording = Recording(tmp_path / "rec.h5")
        assert recording.facts["spaic"] == spaic.__version__
        expected = {"kind": "state", "target": "cells", "variable": "V", "reads": "cells.V", "dt": 0.05, "every": 10, "unit": "mV",
                    "shape": (2, 3), "batch": 1, "index": (1, 4), "dtype": "float32"}  # fmt: skip
        facts = recording["layer.trace"].facts
        assert {k: facts[k] for k in expected} == expected and recording["layer.trace"].path == "layer.trace"
        assert recording["layer.trace"].between(1.0).facts == facts
        assert repr(recording).endswith("rec.h5: layer.trace>")

    def test_anybody_can_read_it(self, tmp_path):
        net = layered()
        net.trace = spaic.StateMonitor(net.hidden, "V", file=tmp_path / "rec.h5")
        net.run(10.0)
        net.trace.close()
        with h5py.File(tmp_path / "rec.h5", "r") as file:
            assert np.array_equal(np.moveaxis(file["trace/values"][:], 0, -1), net.trace.values)
            assert file["trace/steps"][:].tolist() == list(range(1, 11))

    def test_another_process_reads_along(self, tmp_path):
        net = layered()
        net.spikes = spaic.SpikeMonitor(net.hidden, file=tmp_path / "rec.h5")
        net.run(10.0)
        code = f"import spaic; print(spaic.Monitor.Recording({str(tmp_path / 'rec.h5')!r})['spikes'].spk_count.tolist())"
        net.run_continue(10.0)
        seen = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        assert seen.stdout.strip() == str(net.spikes.spk_count.tolist())
        net.run_continue(10.0)
        assert net.spikes.times[-1] == 30.0

    def test_a_recording_that_is_open_sees_what_follows(self, tmp_path):
        net = layered()
        net.trace = spaic.StateMonitor(net.hidden, "V", file=tmp_path / "rec.h5")
        net.run(5.0)
        recording = Recording(tmp_path / "rec.h5")
        window = recording["trace"].between(2.0, 4.0).values
        net.run_continue(5.0)
        assert np.array_equal(recording["trace"].values, net.trace.values) and recording["trace"].times[-1] == 10.0
        assert np.array_equal(window, net.trace.values[..., 2:4])

    def test_the_unknown_monitor(self, tmp_path):
        net = layered()
        net.trace = spaic.StateMonitor(net.hidden, "V", file=tmp_path / "rec.h5")
        net.run(5.0)
        with pytest.raises(spaic.UnknownName, match=r"rec.h5: no monitor 'trase' has written to it; did you mean 'trace'"):
            Recording(tmp_path / "rec.h5")["trase"]

    def test_a_path_does_not_follow_the_working_directory(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        net = layered()
        net.trace = spaic.StateMonitor(net.hidden, "V", file="rec.h5")
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        net.run(5.0)
        assert (tmp_path / "rec.h5").exists() and net.trace.values.shape == (4, 5, 5)


class TestNothingIsLostUnasked:
    @staticmethod
    def watched(file, **options):
        net = layered()
        net.trace = spaic.StateMonitor(net.hidden, "V", file=file, **options)
        return net

    def test_a_file_of_others(self, tmp_path):
        file = tmp_path / "rec.h5"
        first, second = self.watched(file), self.watched(file)
        first.run(10.0)
        second.voltage = spaic.StateMonitor(second.hidden, "V")
        with pytest.raises(spaic.DataError, match=r"trace: '.*rec.h5' is there already, and was not made by it; .* overwrite=True"):
            second.run(5.0)
        assert second.voltage.times.shape == (0,) and second._simulation.state is None  # refused before anything changed
        assert Recording(file)["trace"].times[-1] == 10.0
        third = self.watched(file, overwrite=True)
        third.run(7.0)
        third.run(6.0)  # its own file by now
        assert Recording(file)["trace"].times[-1] == 6.0
        with pytest.raises(spaic.DataError, match="trace: .* was moved, removed or replaced since the last run; call net.run"):
            first.run_continue(1.0)

    def test_its_own_file(self, tmp_path):
        net = self.watched(tmp_path / "rec.h5")
        for duration in (3.0, 4.0):
            net.run(duration)
            net.trace.close()
        net.run(2.0)
        assert net.trace.values.shape == (4, 5, 2)

    def test_a_monitor_that_is_gone(self, tmp_path):
        net = self.watched(tmp_path / "rec.h5")
        net.spikes = spaic.SpikeMonitor(net.hidden, file=tmp_path / "rec.h5")
        net.run(5.0)
        del net.spikes
        with pytest.raises(spaic.DataError, match="trace: .* also holds the recording of spikes; give another file"):
            net.run(5.0)
        net.run_continue(1.0)
        assert Recording(tmp_path / "rec.h5")["trace"].times[-1] == 6.0

    def test_a_monitor_that_comes_late(self, tmp_path):
        net = self.watched(tmp_path / "rec.h5")
        net.run(5.0)
        net.spikes = spaic.SpikeMonitor(net.hidden, file=tmp_path / "rec.h5")
        with pytest.raises(spaic.DataError, match="spikes: .* was begun without it in an earlier run; give it a file of its own"):
            net.run_continue(1.0)
        net.run(4.0)
        assert set(Recording(tmp_path / "rec.h5")) == {"spikes", "trace"}
        del net.spikes
        net.spikes = spaic.SpikeMonitor(net.hidden, file=tmp_path / "late.h5")
        net.run_continue(2.0)
        assert Recording(tmp_path / "late.h5")["spikes"].times.tolist() == [5.0, 6.0]

    def test_a_file_that_was_removed(self, tmp_path):
        net = self.watched(tmp_path / "rec.h5")
        net.run(5.0)
        (tmp_path / "rec.h5").unlink()
        with pytest.raises(spaic.DataError, match="trace: .* was moved, removed or replaced since the last run"):
            net.run_continue(1.0)
        net.run(2.0)
        assert Recording(tmp_path / "rec.h5")["trace"].times.tolist() == [1.0, 2.0]

    def test_a_copy_has_recorded_nothing(self, tmp_path):
        net = self.watched(tmp_path / "rec.h5")
        net.run(5.0)
        other = copy.deepcopy(net)
        with pytest.raises(spaic.StateError, match="nothing is recorded yet"):
            other.trace.values
        with pytest.raises(spaic.DataError, match="is there already, and was not made by it"):
            other.run(5.0)
        assert net.trace.values.shape == (4, 5, 5)

    def test_values_of_another_kind(self, tmp_path):
        """Spikes are bits in the file; values that follow would not fit."""
        net = spaic.Network()
        net.input = spaic.Encoder(num=6, coding_method="null")
        net.hidden = spaic.NeuronGroup(5, model="lif")
        net.link = spaic.Connection(net.input, net.hidden)
        net.received = spaic.StateMonitor(net.input, "O", file=tmp_path / "rec.h5")
        net.set_backend_dt(1.0)
        net.input((SAMPLES[:, None] > 0.5) * np.ones((3, 1)))
        net.run(3.0)
        net.input(SAMPLES[:, None] * np.ones((3, 1), np.float32))
        with pytest.raises(spaic.StateError, match="received: .* was begun with values of type uint8, now they are float32; call net.run"):
            net.run_continue(3.0)
        assert net.received.values.shape == (4, 6, 3)

    def test_samples_of_another_shape(self, tmp_path):
        for options in ({}, {"file": tmp_path / "rec.h5"}):
            net = layered()
            net.trace = spaic.StateMonitor(net.hidden, "V", **options)
            net.run(3.0)
            net.trace.index = [1]
            with pytest.raises(spaic.StateError, match=r"trace: its samples had the shape \(4, 5\) so far, now it would be \(4, 1\)"):
                net.run_continue(3.0)
            net.run(2.0)
            assert net.trace.values.shape == (4, 1, 2)


class TestOptions:
    def test_they_can_be_read_but_not_changed(self, tmp_path):
        monitor = spaic.StateMonitor(layered().hidden, "V", file=tmp_path / "rec.h5", overwrite=True)
        assert monitor.options == {"get_grad": False, "nbatch": False, "file": tmp_path / "rec.h5", "overwrite": True, "memory_limit": None}
        for name in ("file", "nbatch", "memory_limit", "overwrite"):
            with pytest.raises(spaic.DeclarationError, match=f"it has no attribute '{name}'; give parameters when it is made"):
                setattr(monitor, name, 1)


class TestBadFiles:
    @pytest.mark.parametrize("file", [3, "", b"rec.h5", True])
    def test_what_is_no_path(self, file):
        with pytest.raises(spaic.DeclarationError, match="StateMonitor: file .* is no path; give the path of an HDF5 file"):
            spaic.StateMonitor(layered().hidden, "V", file=file)

    @pytest.mark.parametrize("options", [{"overwrite": True}, {"file": "rec.h5", "memory_limit": 10}, {"file": "rec.h5", "nbatch": True}])
    def test_options_that_do_not_go_together(self, options):
        with pytest.raises(spaic.DeclarationError, match="SpikeMonitor: .*leave"):
            spaic.SpikeMonitor(layered().hidden, **options)

    def test_a_folder(self, tmp_path):
        net = TestNothingIsLostUnasked.watched(tmp_path, overwrite=True)
        with pytest.raises(spaic.DataError, match="trace: .* is a folder; give the path of a file"):
            net.run(5.0)
        with pytest.raises(spaic.DataError, match="it cannot be opened"):
            Recording(tmp_path)

    def test_a_folder_that_is_not_there(self, tmp_path):
        net = TestNothingIsLostUnasked.watched(tmp_path / "no" / "rec.h5")
        with pytest.raises(spaic.DataError, match="trace: .* cannot be written .*; choose a folder that is there"):
            net.run(5.0)
        with pytest.raises(spaic.DataError, match="it cannot be opened"):
            Recording(tmp_path / "no" / "rec.h5")

    @pytest.mark.parametrize("content", [b"", b"thesis", b"\x89HDF\r\n\x1a\n" + bytes(100)])
    def test_what_is_no_recording_is_not_overwritten(self, content, tmp_path):
        file = tmp_path / "thesis.txt"
        file.write_bytes(content)
        with pytest.raises(spaic.DataError, match="trace: .* is no recording, so it is not overwritten; remove it"):
            TestNothingIsLostUnasked.watched(file, overwrite=True).run(5.0)
        with pytest.raises(spaic.DataError, match="thesis.txt: it cannot be opened"):
            Recording(file)
        assert file.read_bytes() == content

    def test_hdf5_of_another_kind(self, tmp_path):
        with h5py.File(tmp_path / "other.h5", "w", libver="latest") as file:
            file["data"] = np.ones(3)
        with pytest.raises(spaic.DataError, match="other.h5: it is no recording; give a file that a monitor"):
            Recording(tmp_path / "other.h5")

    def test_a_format_of_later(self, tmp_path):
        net = TestNothingIsLostUnasked.watched(tmp_path / "rec.h5")
        net.run(2.0)
        net.trace.close()
        with h5py.File(tmp_path / "rec.h5", "r+") as file:
            file.attrs["format_version"] = 2
        with pytest.raises(spaic.DataError, match="rec.h5: its format has version 2, this spaic reads 1; use spaic"):
            Recording(tmp_path / "rec.h5")
