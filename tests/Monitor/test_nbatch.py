"""Recordings of earlier runs, as SPAIC's monitors keep them."""

import numpy as np
import pytest

import spaic
from tests.Network.builders import SAMPLES, layered


def runs(count, **options):
    """A network with monitors that keep runs, and the values of each run."""
    net = layered()
    net.trace = spaic.StateMonitor(net.hidden, "V", **options)
    net.spikes = spaic.SpikeMonitor(net.hidden, **options)
    net.weight = spaic.StateMonitor(net.link1, "weight", **options)
    seen = []
    for number in range(count):
        net.input(np.roll(SAMPLES, number, axis=0))
        net.run(10.0)
        seen.append(net.trace.values)
    return net, seen


class TestShapes:
    @pytest.mark.parametrize(("nbatch", "kept"), [(True, 4), (1, 2), (2, 3), (9, 4)])
    def test_how_many(self, nbatch, kept):
        net, seen = runs(4, nbatch=nbatch)
        assert net.trace.nbatch_values.shape == (kept, 5, 10, 4)  # runs, neurons, time, batch
        assert np.array_equal(net.trace.nbatch_values, np.stack([np.moveaxis(v, 0, -1) for v in seen[-kept:]]))
        assert net.trace.nbatch_times.shape == (kept, 10) and (net.trace.nbatch_times == net.trace.times).all()
        assert net.spikes.nbatch_values.shape == (kept, 5, 10, 4) and net.weight.nbatch_values.shape == (kept, 5, 6, 10)
        assert np.array_equal(net.trace.values, seen[-1])

    def test_a_run_that_is_continued_is_one_run(self):
        net, seen = runs(1, nbatch=True)
        net.run_continue(5.0)
        net.run(10.0)
        net.run_continue(5.0)
        assert net.trace.nbatch_values.shape == (2, 5, 15, 4) and np.array_equal(
            np.moveaxis(net.trace.nbatch_values[0], -1, 0)[..., :10], seen[0]
        )

    def test_clear_forgets_all(self):
        net, _ = runs(2, nbatch=True)
        net.trace.clear()
        with pytest.raises(spaic.StateError, match="trace: nothing is recorded yet"):
            net.trace.nbatch_values
        net.run(10.0)
        assert net.trace.nbatch_values.shape == (1, 5, 10, 4)

    def test_images(self):
        net = spaic.Network()
        net.maps = spaic.NeuronGroup(shape=(2, 3, 4), model="lif")
        net.trace = spaic.StateMonitor(net.maps, "V", nbatch=True)
        net.set_backend_dt(1.0)
        for _ in range(2):
            net.run(5.0)
        assert net.trace.nbatch_values.shape == (2, 2, 3, 4, 5, 1)


class TestMistakes:
    @pytest.mark.parametrize("nbatch", [False, 0])
    def test_off(self, nbatch):
        net, _ = runs(2, nbatch=nbatch)
        for read in ("nbatch_values", "nbatch_times"):
            with pytest.raises(spaic.StateError, match="trace: only the present run is kept; make the monitor with nbatch=True"):
                getattr(net.trace, read)

    @pytest.mark.parametrize("nbatch", [-1, 1.5, "all", None])
    def test_nonsense(self, nbatch):
        with pytest.raises(spaic.DeclarationError, match="StateMonitor: nbatch .* is not True, False or a number of runs to keep"):
            spaic.StateMonitor(layered().hidden, "V", nbatch=nbatch)

    def test_runs_that_differ(self):
        net, _ = runs(2, nbatch=True)
        net.run(7.0)
        with pytest.raises(spaic.StateError, match=r"trace: the runs have different shapes .*\[\(7, 4, 5\), \(10, 4, 5\)\]"):
            net.trace.nbatch_values

    def test_the_memory_limit_counts_them(self):
        net = layered()
        net.trace = spaic.StateMonitor(net.hidden, "V", nbatch=2, memory_limit=3 * 880)
        for _ in range(5):
            net.run(10.0)
        with pytest.raises(spaic.NetworkError, match="takes 2.73 kB .* after the 1.76 kB it has"):
            net.run(11.0)
