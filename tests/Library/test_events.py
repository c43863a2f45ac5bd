"""Spikes given by their times, and values given over time."""

import numpy as np
import pytest
import torch

import spaic
from spaic.clock import Clock
from spaic.errors import DataError, DeclarationError, InputError
from spaic.Library.events import EventEncoding, SpikeList, SpikeTimeEncoding, steps_of
from spaic.Library.recorded import FromFile, RandomSpikeTrain, TimedArray
from spaic.Library.timing import RegularEncoding, RelativeLatency
from spaic.registry import generators
from spaic.seeds import Key

CLOCK, STEPS = Clock(0.1), 50
KEY = Key(3, "drive", "spikes")


def generated(code, source, shape=(3,), batch=1, steps=STEPS, clock=CLOCK):
    return code.generate(source, shape, batch, clock, steps, KEY, "cpu").chunk(0, steps)


def places(chunk):
    """Step, sample and neuron of every spike."""
    return [tuple(row) for row in chunk.nonzero().tolist()]


class TestSpikeList:
    def test_a_time_belongs_to_the_step_that_ends_with_it(self):
        assert steps_of(np.array([0.0, 0.05, 0.1, 0.1001, 0.3, 4.9999999999, 5.0]), CLOCK).tolist() == [0, 0, 0, 1, 2, 49, 49]
        grid = np.arange(1, 100_001)
        for dt in (0.1, 0.3, 0.7, 1 / 3):
            assert (steps_of(grid * dt, Clock(dt)) == grid - 1).all()
            assert (steps_of((grid * dt).astype(np.float32).astype(float), Clock(dt)) == grid - 1).all()

    def test_events_in_any_order(self):
        assert places(generated(SpikeList(), ([2, 0, 2], [5.0, 0.25, 0.1]))) == [(0, 0, 2), (2, 0, 0), (49, 0, 2)]

    def test_every_sample_gets_them(self):
        chunk = generated(SpikeList(), ([1], [0.2]), (2, 2), 3)
        assert chunk.shape == (STEPS, 3, 2, 2) and chunk.sum() == 3 and chunk[1, :, 0, 1].all()

    def test_spikes_that_fall_together_add_up_or_are_one(self):
        source = ([0, 0, 1], [0.11, 0.19, 0.2])
        assert generated(SpikeList(), source)[1].tolist() == [[2.0, 1.0, 0.0]]
        clipped = generated(SpikeList(clip=True), source)
        assert clipped.dtype == torch.uint8 and clipped[1].tolist() == [[1, 1, 0]]

    def test_what_a_monitor_gives_can_be_fed_in_again(self):
        with spaic.Network() as net:
            first = spaic.Encoder(num=4, coding_method="poisson")
            cells = spaic.NeuronGroup(3, model="lif")
            wire = spaic.Connection(first, cells, weight=np.full((3, 4), 0.6))
            sent, answer = spaic.SpikeMonitor(first), spaic.SpikeMonitor(cells)
        net.first(np.full((1, 4), 0.3))
        net.run(40.0)
        with spaic.Network() as again:
            copy = spaic.Generator(4, coding_method="spike_list")
            cells2 = spaic.NeuronGroup(3, model="lif")
            spaic.Connection(copy, cells2, weight=np.full((3, 4), 0.6), name="wire")
            answer2 = spaic.SpikeMonitor(cells2)
        again.copy((sent.spk_index[0], sent.spk_times[0]))
        again.run(15.0)
        again.run_continue(25.0)  # later spikes come when their time has come
        assert wire.path == "wire" and len(answer.spk_times[0]) > 10
        assert answer2.spk_times[0].tolist() == answer.spk_times[0].tolist()

    @pytest.mark.parametrize(
        ("source", "says"),
        [
            (([0], [1.0, 2.0]), "2 times and 1 neurons"),
            (([3], [1.0]), "neuron 3; give whole numbers from 0 to 2"),
            (([0.5], [1.0]), "neuron 0.5"),
            (([0], [-1.0]), "time -1 ms"),
            ((["a"], [1.0]), "two lists of numbers"),
            ([1, 2, 3], "the pair"),
            (None, "the pair"),
        ],
    )
    def test_bad_lists_are_refused(self, source, says):
        with pytest.raises(InputError, match=f"^drive: .*{says}"):
            generated(SpikeList(), source)

    def test_a_flag_is_a_truth_value(self):
        with pytest.raises(DeclarationError, match=r"^spike_list\.clip: "):
            SpikeList(clip=1)


class TestEvents:
    def net(self):
        net = spaic.Network()
        net.input = spaic.Encoder(shape=(2, 2), coding_method="mstb")
        net.cells = spaic.NeuronGroup(4, model="lif")
        net.wire = spaic.Connection(net.input, net.cells, link_type="one_to_one", weight=1.0)
        net.seen = spaic.StateMonitor(net.input, "O")
        return net

    def test_samples_of_different_lengths(self, tmp_path):
        net = self.net()
        net.input([[[0.1, 0.3], [0, 3]], [[], []], [[0.2, 0.2], [1, 1]]])
        net.run(0.5)
        values = net.seen.values  # [batch, 2, 2, time]
        assert places(torch.as_tensor(values)) == [(0, 0, 0, 0), (0, 1, 1, 2), (2, 0, 1, 1)] and values[2, 0, 1, 1] == 2
        net.save(tmp_path / "net.spaic")
        loaded = spaic.load(tmp_path / "net.spaic")
        loaded.run(0.5)
        assert (loaded.seen.values == values).all()

    def test_late_events_come_in_a_continued_run(self):
        net = self.net()
        net.input([[[0.1, 0.7], [0, 3]]])
        net.run(0.5)
        net.run_continue(0.5)
        assert places(torch.as_tensor(net.seen.values)) == [(0, 0, 0, 0), (0, 1, 1, 6)]

    @pytest.mark.parametrize(
        ("data", "says"),
        [
            ([[[0.1], [4]]], r"input\[0\]: .*neuron 4"),
            ([[[0.1], [0]], [[0.1]]], r"input\[1\]: a sample is a pair"),
            ([], "the batch is empty"),
            (5, "a list of events per sample"),
        ],
    )
    def test_bad_events_are_refused_where_they_are_given(self, data, says):
        with pytest.raises(InputError, match=says):
            self.net().input(data)

    def test_a_tensor_is_not_a_list_of_events(self):
        with pytest.raises(InputError, match="mstb encodes lists of events"):
            EventEncoding().encode(torch.ones(1, 2), CLOCK, STEPS, KEY)


def test_one_spike_time_per_neuron():
    values = torch.tensor([[0.1, 2.0, -1.0, 99.0]])
    assert places(SpikeTimeEncoding().encode(values, CLOCK, STEPS, KEY).chunk(0, STEPS)) == [(0, 0, 0), (19, 0, 1)]


def test_relative_latency():
    value = torch.tensor([[1.0, 0.5, 0.0], [0.3, 0.3, 0.3]], dtype=torch.float64)
    spikes = RelativeLatency(amp=2.0).encode(value, CLOCK, STEPS, KEY).chunk(0, STEPS)
    middle = int(49 * (np.exp(-1.0) - np.exp(-2.0)))
    assert places(spikes) == [(0, 0, 0), (0, 1, 0), (0, 1, 1), (0, 1, 2), (middle, 0, 1)]  # the smallest is in the last fifth
    assert RelativeLatency(amp=2.0, keep=1.0).encode(value, CLOCK, STEPS, KEY).chunk(0, STEPS)[:, 0, 2].sum() == 0


def test_regular_trains():
    value = torch.tensor([[1.0, 0.0, 0.5]], dtype=torch.float64)
    spikes = RegularEncoding(bias=0.25).encode(value, CLOCK, 100, KEY).chunk(0, 100)[:, 0]
    periods = [20, 100, 60]  # of 100 steps: 0.25 / 1.25, 1.25 / 1.25 and 0.75 / 1.25
    for neuron, period in enumerate(periods):
        assert spikes[:, neuron].nonzero().flatten().tolist() == list(range(period - 1, 100, period))


class TestRows:
    def test_shapes(self):
        rows = np.random.default_rng(0).random((STEPS, 2, 3))
        assert (generated(TimedArray(), rows[:, 0, 0], (3,), 2) == torch.from_numpy(rows[:, :1, :1])).all()
        assert (generated(TimedArray(), rows[:, 0], (3,), 2) == torch.from_numpy(rows[:, :1])).all()
        assert (generated(TimedArray(), rows, (3,), 2) == torch.from_numpy(rows)).all()

    def test_a_row_is_held_and_the_array_repeated(self):
        held = generated(TimedArray(interval=1.0), [1.0, 2.5], (1,))[:, 0, 0]
        assert held.tolist() == [1.0] * 10 + [2.5] * 10 + [0.0] * 30
        assert (
            generated(TimedArray(interval=1.0, repeat=True), [1.0, 2.5], (1,))[:, 0, 0].tolist()
            == ([1.0] * 10 + [2.5] * 10) * 2 + [1.0] * 10
        )

    @pytest.mark.parametrize("ending", [".npy", ".npz", ".csv", ".txt"])
    def test_files(self, ending, tmp_path):
        rows, file = np.random.default_rng(0).random((STEPS, 3)), tmp_path / f"rows{ending}"
        writers = {".npy": np.save, ".npz": np.savez, ".csv": lambda f, a: np.savetxt(f, a, delimiter=",")}
        writers.get(ending, np.savetxt)(file, rows)
        fields = {"delimiter": " "} if ending == ".txt" else {}
        assert np.allclose(generated(FromFile(file=file, **fields), 2.0)[:, 0], 2 * rows, rtol=1e-15)

    def test_a_named_array(self, tmp_path):
        np.savez(tmp_path / "two.npz", a=np.ones(5), b=np.full(5, 2.0))
        assert generated(FromFile(file=tmp_path / "two.npz", array="b"), None, (1,))[:5].unique().tolist() == [2.0]
        for name in (None, "c"):
            with pytest.raises(DataError, match="a, b; name one"):
                generated(FromFile(file=tmp_path / "two.npz", array=name), None)

    @pytest.mark.parametrize(
        ("name", "content", "says"),
        [
            ("missing.npy", None, "it cannot be read"),
            ("broken.npy", b"abc", "no array of numbers"),
            ("broken.npz", b"abc", "no array of numbers"),
            ("words.csv", b"a,b\n", "no array of numbers"),
            ("empty.csv", b"", "write numbers"),
            ("sound.wav", b"", "are not read"),
        ],
    )
    @pytest.mark.filterwarnings("ignore:loadtxt")
    def test_bad_files_are_refused(self, name, content, says, tmp_path):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=f"{name}: .*{says}"):
            generated(FromFile(file=tmp_path / name), None)

    def test_a_pickle_is_never_opened(self, tmp_path):
        np.save(tmp_path / "objects.npy", np.array([{}, []], dtype=object), allow_pickle=True)
        with pytest.raises(DataError, match="no array of numbers"):
            generated(FromFile(file=tmp_path / "objects.npy"), None)

    def test_no_file_at_all(self):
        with pytest.raises(DeclarationError, match="no file is given"):
            generated(FromFile(), None)
        with pytest.raises(DeclarationError, match="expected a path"):
            FromFile(file=3)

    @pytest.mark.parametrize("make", [lambda: TimedArray(interval=0.0), lambda: TimedArray(repeat=2), lambda: FromFile(interval="1")])
    def test_bad_parameters_are_refused(self, make):
        with pytest.raises(DeclarationError, match="expected|greater"):
            make()


class TestRandomSpikeTrain:
    def test_exactly_as_many_as_wanted_in_the_window(self):
        code = RandomSpikeTrain(start_time=1.0, end_time=3.0)
        spikes = generated(code, [0, 5, 20], (3,), 40)
        assert (spikes.sum(0) == torch.tensor([0, 5, 20])).all() and not spikes[:10].any() and not spikes[30:].any()
        assert spikes[:, :, 1].sum(1)[10:30].min() > 0  # no step is left out by 40 samples

    @pytest.mark.parametrize(("value", "says"), [(51, "at most 50"), (1.5, "1.5 is no number of spikes"), (-1, "at least 0")])
    def test_impossible_numbers_are_refused(self, value, says):
        with pytest.raises(InputError, match=says):
            generated(RandomSpikeTrain(), value)


def test_a_pulse_once_and_again():
    once = generated(generators["square_pulse"](1.0, 1.5), [3.0, -1.0], (2,))[:, 0]
    assert once[10:15].unique(dim=0).tolist() == [[3.0, -1.0]] and not once[:10].any() and not once[15:].any()
    again = generated(generators["pulse"](0.2, 0.5, 1.0), 2.0, (1,))[:, 0, 0]
    assert again.tolist() == ([0.0] * 2 + [2.0] * 3 + [0.0] * 5) * 5
    assert generated(generators["pulse"](0.2), 1.0, (1,))[:, 0, 0].tolist() == [0.0, 0.0] + [1.0] * 48


@pytest.mark.parametrize(
    "fields", [{"start_time": -1.0}, {"start_time": 2.0, "end_time": 1.0}, {"period": 0.0}, {"end_time": 2.0, "period": 1.0}]
)
def test_impossible_pulses_are_refused(fields):
    with pytest.raises(DeclarationError, match=r"^square_pulse\."):
        generators["square_pulse"](**fields)
