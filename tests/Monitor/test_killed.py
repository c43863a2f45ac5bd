"""A run that is killed, or whose disk is full, leaves a recording that can be read: what the whole run would have begun with."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import spaic
from spaic.Monitor import Recording
from spaic.Network.simulation import Simulation

ROOT = Path(__file__).parents[2]
PIECE = 53

CHILD = """
import sys
from tests.Monitor.test_killed import network
network(sys.argv[1]).run(1e5)
"""


def network(file=None):
    """A network whose membrane potentials and spikes are recorded, in pieces of 53 steps."""
    Simulation._piece = lambda self, batch: PIECE
    net = spaic.Network()
    net.source = spaic.Generator(num=200, coding_method="poisson_generator")
    net.cells = spaic.NeuronGroup(200, model="lif")
    net.wire = spaic.Connection(net.source, net.cells, link_type="one_to_one", weight=0.3)
    net.trace = spaic.StateMonitor(net.cells, "V", file=file)
    net.spikes = spaic.SpikeMonitor(net.cells, file=file)
    net.set_backend("torch", dt=0.1, dtype="float64")
    net.source(0.5)
    return net


def samples(file, name):
    try:
        return len(Recording(file)[name].times)
    except spaic.DataError:
        return 0  # there is no file yet


@pytest.fixture(autouse=True)
def _pieces_as_they_were(monkeypatch):
    monkeypatch.setattr(Simulation, "_piece", Simulation._piece)


@pytest.mark.parametrize("least", [1, 2000])
def test_kill(least, tmp_path):
    file = tmp_path / "rec.h5"
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(file)], cwd=ROOT)
    try:
        start = time.monotonic()
        while samples(file, "spikes") < least and child.poll() is None and time.monotonic() - start < 100:
            time.sleep(0.01)
    finally:
        child.kill()  # SIGKILL: no chance to write anything more
        child.wait()
    recording = Recording(file)
    counts = {name: len(series.times) for name, series in recording.items()}
    assert least <= counts["spikes"] <= counts["trace"] <= counts["spikes"] + PIECE
    assert all(n % PIECE == 0 for n in counts.values())
    net = network()
    net.run(0.1 * max(counts.values()))
    assert net.spikes.spk_count.any() or least == 1
    for name, memory in (("trace", net.trace), ("spikes", net.spikes)):
        prefix = memory.between(0.0, 0.1 * counts[name])
        assert np.array_equal(recording[name].times, prefix.times) and np.array_equal(recording[name].values, prefix.values)
    assert all(np.array_equal(a, b) for a, b in zip(recording["spikes"].spk_times, prefix.spk_times, strict=True))
    assert [p.name for p in tmp_path.iterdir()] == ["rec.h5"]
    again = network(file)
    with pytest.raises(spaic.DataError, match="is there already, and was not made by it"):
        again.run(1.0)


def test_a_full_disk(tmp_path):
    """Files of this process may not become larger than 1 MB for a while, which ends the run as a full disk does."""
    resource = pytest.importorskip("resource")
    net = network(tmp_path / "rec.h5")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))
        with pytest.raises(spaic.DataError, match=r"rec.h5: the recording cannot be written \(.*File too large.*\); free some disk space"):
            net.run(200.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    written = len(net.trace.times)
    assert 0 < written < 2000 and written % PIECE == 0
    memory = network()
    memory.run(0.1 * written)
    assert np.array_equal(net.trace.values, memory.trace.values)
    assert np.array_equal(Recording(tmp_path / "rec.h5")["trace"].values, memory.trace.values)
    net.run(5.0)
    assert net.trace.values.shape == (1, 200, 50)
