"""Actions and rewards: what a run is worth."""

import math

import numpy as np
import pytest
import torch

import spaic
from spaic.clock import Clock
from spaic.errors import DeclarationError, InputError, NetworkError, StateError, UnsupportedError
from spaic.registry import actions, rewards
from spaic.seeds import Key

CLOCK, STEPS, MANY = Clock(0.5), 12, 4000


def chosen(name, record, number, run=1, **fields):
    """The actions for a record ``[T, B, N]``, taken in two pieces."""
    code = actions[name](**fields)
    carry = code.add(code.add(None, record[:5], 0, CLOCK), record[5:], 5, CLOCK)
    return code.chosen(carry, len(record), CLOCK, number, Key(0, "action", "action", run))


def spikes_of(*counts):
    """A record with these numbers of spikes, the same for many samples."""
    record = torch.zeros(STEPS, MANY, len(counts))
    for neuron, count in enumerate(counts):
        record[STEPS - int(count) :, :, neuron] = 1
    return record


def shares(found, number):
    return np.bincount(found.numpy(), minlength=number) / len(found)


def near(found, expected):
    """Whether frequencies are those of probabilities, within 4 standard deviations."""
    expected = np.asarray(expected)
    return (np.abs(found - expected) <= 4 * np.sqrt(expected * (1 - expected) / MANY) + 1e-12).all()


@pytest.mark.parametrize("name", list(actions))
class TestEveryAction:
    def test_a_whole_number_per_sample_the_same_again(self, name):
        record = torch.rand(STEPS, 7, 6, generator=torch.Generator().manual_seed(1)).round()
        found = chosen(name, record, 3)
        assert found.shape == (7,) and found.dtype == torch.int64 and ((found >= 0) & (found < 3)).all()
        assert torch.equal(found, chosen(name, record, 3))

    def test_silence_prefers_nothing(self, name):
        assert near(shares(chosen(name, spikes_of(0, 0, 0, 0), 4), 4), [0.25] * 4)


def test_most_spikes_and_equals():
    assert (chosen("highest_spikes_action", spikes_of(3, 5, 4), 3) == 1).all()
    assert near(shares(chosen("highest_spikes_action", spikes_of(3, 5, 6, 2, 2, 0), 3), 3), [0.5, 0.5, 0.0])


def test_exploration_falls_with_the_runs():
    for run in (1, 100, 100_000):
        epsilon = 0.05 + 0.85 * math.exp(-(run - 1) / 200)
        found = chosen("epsilon_greedy", spikes_of(1, 0), 2, run, epsilon=0.9, epsilon_end=0.05)
        assert near(shares(found, 2), [1 - epsilon / 2, epsilon / 2])


def test_shares_of_spikes():
    assert near(shares(chosen("pop_rate_action", spikes_of(1, 2, 6, 3), 2), 2), [0.25, 0.75])
    weights = np.exp(np.array([1.0, 2.0, 0.0]) / 0.5)
    assert near(shares(chosen("softmax_action", spikes_of(1, 2, 0), 3, temperature=0.5), 3), weights / weights.sum())


def test_the_first_to_fire_and_the_highest_voltage():
    assert (chosen("first_spike_action", spikes_of(3, 0, 1, 7), 2) == 1).all()
    voltage = torch.zeros(STEPS, MANY, 4)
    voltage[-1] = torch.tensor([0.9, 0.0, 0.5, 0.6])
    assert (chosen("highest_voltage_action", voltage, 2) == 1).all()  # 0.55 on average, above 0.45


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("highest_spikes", {"epsilon": 1.5}),
        ("highest_voltage", {"epsilon_end": -1}),
        ("highest_spikes", {"decay": 0}),
        ("softmax", {"temperature": 0}),
    ],
)
def test_bad_parameters_of_actions_are_refused(name, fields):
    with pytest.raises(DeclarationError, match=rf"\.{next(iter(fields))}: "):
        actions[name](**fields)


# --- rewards

#: Spikes of four neurons in five samples: two populations of two.
COUNTS = [[3, 0, 1, 1], [0, 1, 4, 0], [0, 0, 0, 0], [2, 2, 3, 1], [0, 0, 1, 0]]


def record_of(counts):
    record = torch.zeros(STEPS, len(counts), len(counts[0]), dtype=torch.uint8)
    for sample, row in enumerate(counts):
        for neuron, count in enumerate(row):
            record[:count, sample, neuron] = 1
    return record


def judged(name, label, counts=COUNTS, cuts=(0, 5, STEPS), **fields):
    code, record, carry = rewards[name](**fields), record_of(counts), None
    for start, stop in zip(cuts, cuts[1:], strict=False):
        carry = code.fold(carry, record[start:stop], start, CLOCK)
    return code.judged(carry, label, "reward")


def test_the_right_one_has_to_win_alone():
    assert judged("global_reward", [0, 1, 0, 1, 0], pop_size=2, reward_signal=2.0).tolist() == [2, 2, -1, -1, -1]
    found = judged("da_reward", [0, 1, 0, 1, 0], pop_size=2, punish_signal=-0.5)
    assert found.tolist() == [[1, 0], [0, 1], [0, 0], [0, 0], [0, -0.5]]


def test_one_output_for_yes():
    assert judged("xor_reward", [1, 0, 1, 0, 1], pop_size=4).tolist() == [1, -1, 0, -1, 1]


def test_the_error_of_a_classifier():
    found = judged("classify_reward", [0, 1, 0, 1, 1], pop_size=2)
    share = np.exp(np.array([[3, 2], [1, 4], [0, 0], [4, 4], [0, 1]], dtype=float))
    expected = np.eye(2)[[0, 1, 0, 1, 1]] - share / share.sum(1, keepdims=True)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("cuts", [(0, STEPS), (0, 1, 2, 7, STEPS), (0, 4, 8, STEPS)])
def test_windows_are_judged_by_their_own_spikes(cuts):
    counts = [[6, 0], [0, 12]]  # the first stops after six steps
    found = judged("global_reward", [0, 0], counts, cuts, dec_sample_step=4)
    assert found.tolist() == [[1, -1], [1, -1], [-1, -1]]


@pytest.mark.parametrize(
    ("label", "says"),
    [([0, 1], "2 labels and 5 samples"), ([0, 1, 2, 0, 0], "label 2 is outside 0 to 1"), ([0.5] * 5, "not whole"), ([-1] * 5, "label -1")],
)
def test_bad_labels_are_refused(label, says):
    with pytest.raises(InputError, match=f"^reward: .*{says}"):
        judged("global_reward", label, pop_size=2)


@pytest.mark.parametrize("fields", [{"reward_signal": None}, {"punish_signal": "x"}, {"pop_size": 0}, {"dec_sample_step": 0.5}])
def test_bad_parameters_of_rewards_are_refused(fields):
    with pytest.raises(DeclarationError, match=rf"\.{next(iter(fields))}: "):
        rewards["global_reward"](**fields)


# --- in a network


@pytest.fixture
def net():
    net = spaic.Network()
    net.input = spaic.Encoder(num=2, coding_method="null")
    net.cells = spaic.NeuronGroup(4, model="if")
    net.wire = spaic.Connection(net.input, net.cells, weight=np.array([[2.0, 0.0], [2.0, 0.0], [0.0, 2.0], [0.0, 2.0]]))
    net.action = spaic.Action(2, net.cells, coding_method="highest_spikes_action")
    net.reward = spaic.Reward(dec_target=net.cells, coding_method="global_reward", pop_size=2)
    net.given = spaic.Reward(coding_method="environment_reward")
    net.set_backend_dt(1.0)
    return net


SAMPLES = np.zeros((3, 4, 2))
SAMPLES[0, :2, 0] = SAMPLES[1, 1:3, 1] = SAMPLES[2, 3, 1] = 1.0


def test_a_network_acts_and_is_rewarded(net, tmp_path):
    net.input(SAMPLES)
    net.reward([0, 0, 1])
    net.given(0.25)
    net.run(4.0)
    for each in (net, _reloaded(net, tmp_path)):
        assert each.action.action.tolist() == [0, 1, 1]
        assert each.reward.reward.tolist() == [1, -1, 1] and float(each.given.reward) == 0.25
    net.input(SAMPLES[:1])
    net.reward(1)
    net.run(4.0)
    assert int(net.action.action) == 0 and net.reward.reward.tolist() == [-1]


def _reloaded(net, folder):
    net.save(folder / "net.spaic")
    again = spaic.load(folder / "net.spaic")
    again.input(SAMPLES)
    again.reward([0, 0, 1])
    again.given(0.25)
    again.run(4.0)
    return again


def test_nothing_is_there_before_it_can_be(net):
    with pytest.raises(StateError, match="action: there is no action yet"):
        _ = net.action.action
    net.input(SAMPLES)
    net.run(4.0)
    with pytest.raises(StateError, match=r"nothing says what was right; call net\.reward\(label\)"):
        _ = net.reward.reward
    net.reward([0, 0, 0])
    with pytest.raises(StateError, match="reward: there is no reward yet"):
        _ = net.reward.reward


@pytest.mark.parametrize(
    ("add", "error", "says"),
    [
        (lambda net: spaic.Action(3, net.cells, coding_method="pop_rate_action"), NetworkError, "4 neurons do not divide into 3 actions"),
        (lambda net: spaic.Reward(dec_target=net.cells, coding_method="xor_reward"), NetworkError, "there are 4; use global_reward"),
        (lambda net: spaic.Reward(dec_target=net.cells, coding_method="da_reward", pop_size=3), NetworkError, "populations of 3"),
        (lambda net: spaic.Action(2, coding_method="pop_rate_action"), DeclarationError, "the target is None"),
        (lambda net: spaic.Reward(coding_method="global_reward"), DeclarationError, "the target is None"),
        (lambda net: spaic.Reward(3, net.cells, coding_method="global_reward"), DeclarationError, "num is 3, the target has 4"),
        (lambda net: spaic.Action(0, net.cells, coding_method="pop_rate_action"), DeclarationError, "0 is not a positive"),
        (lambda net: spaic.Action(2, net.cells, coding_method="softmax", temprature=1), DeclarationError, "did you mean 'temperature'"),
        (lambda net: spaic.Action(2, net.cells), DeclarationError, "no coding_method"),
    ],
)
def test_what_cannot_be_read_is_refused(net, add, error, says):
    with pytest.raises(error, match=says):
        net.other = add(net)
        net.build()


@pytest.mark.filterwarnings("ignore:net.fit. all gradients")
def test_actions_leave_training_alone(net):
    net.output = spaic.Decoder(dec_target=net.cells)
    net.learner = spaic.STCA(net)
    net.optim = spaic.Adam(lr=0.01)
    loader = spaic.Dataloader(spaic.CustomDataset(SAMPLES, [0, 1, 2]), batch_size=3)
    assert len(net.fit(loader, epochs=1, run_time=4.0, progress=False).loss) == 1


def test_each_run_and_each_continuation_chooses_anew():
    with spaic.Network() as net:
        cells = spaic.NeuronGroup(2, model="lif")
        choice = spaic.Action(dec_target=cells, coding_method="random_action")
    net.set_backend("torch", dt=1.0)

    def course():
        net.run(1.0)
        found = [int(net.choice.action)]
        for _ in range(30):
            net.run_continue(1.0)
            found.append(int(net.choice.action))
        return found

    first = course()
    assert 5 < sum(first) < 26 and course() != first


class TestProbabilities:
    SCORES = torch.tensor([[1.0, 3.0, 0.5], [0.0, 0.0, 0.0]], dtype=torch.float64)

    @pytest.mark.parametrize("name", ["softmax_action", "softmax_voltage_action"])
    def test_they_are_those_of_the_choice(self, name):
        code = actions[name](temperature=0.7)
        weights = np.exp(self.SCORES.numpy() / 0.7)
        assert np.allclose(code.log_probabilities(self.SCORES).exp(), weights / weights.sum(1, keepdims=True))
        assert code.best(self.SCORES).tolist() == [1, 0]

    def test_others_have_none_with_a_gradient(self):
        with pytest.raises(UnsupportedError, match="HighestSpikes: its choices have no probabilities"):
            actions["highest_spikes"]().log_probabilities(self.SCORES)

    def test_the_first_to_fire_is_the_best(self):
        assert actions["first_spike_action"]().best(torch.tensor([[2.0, 1.0, 3.0]])).tolist() == [1]

    def test_voltages_count_at_the_end_and_on_average(self):
        voltage = torch.zeros(STEPS, MANY, 4)
        voltage[-1] = torch.tensor([1.0, 0.0, 0.2, 0.4])
        weights = np.exp(np.array([0.5, 0.3]) / 0.5)
        assert near(shares(chosen("softmax_voltage", voltage, 2, temperature=0.5), 2), weights / weights.sum())
