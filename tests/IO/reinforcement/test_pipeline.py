"""The closed loop: who gets what, when, and what is refused."""

import numpy as np
import pytest

import spaic
from spaic.errors import DeclarationError, InputError, NetworkError
from spaic.IO import Outcome
from spaic.Learning.reinforcement import DirectReward, RewardLearner
from spaic.Library.actions import HighestSpikes
from tests.contracts.uncompiled import in_python
from tests.IO.reinforcement.worlds import Dial, Endless, Signal, plastic_net


@pytest.fixture(autouse=True)
def uncompiled(monkeypatch, tmp_path):
    in_python(monkeypatch, tmp_path)


class Notes(RewardLearner):
    """Learns nothing and forgets nothing."""

    def __init__(self):
        self.seen = []

    def observe(self, experience):
        self.seen.append(experience)


def mirror(neurons=2, coding="highest_spikes_action", seed=0):
    """Does what it sees."""
    with spaic.Network(seed=seed) as net:
        state = spaic.Encoder(num=neurons, coding_method="direct")
        cells = spaic.NeuronGroup(neurons, model="lif")
        wire = spaic.Connection(state, cells, link_type="one_to_one", weight=2.0)
        choice = spaic.Action(dec_target=cells, coding_method=coding)
    net.set_backend("torch", dt=1.0)
    return net


def loop(net=None, environment=None, **options):
    return spaic.RLPipeline(net or mirror(), environment or Signal(), 2.0, **{"num_episodes": 4, **options})


class TestLoop:
    def test_what_is_seen_is_done(self):
        notes = Notes()
        pipeline = loop(learner=notes)
        history = pipeline.train(progress=False)
        assert history.returns == [5.0] * 4 and history.lengths == [5] * 4 and history.steps == [5, 10, 15, 20] and pipeline.steps == 20
        assert [int(e.done[0]) for e in notes.seen] == [0, 0, 0, 0, 1] * 4
        for before, after in zip(notes.seen, notes.seen[1:], strict=False):
            assert before.done[0] or np.array_equal(before.next_observation, after.observation)
        assert all(e.action[0] == e.observation[0].argmax() and e.terminated[0] == e.done[0] for e in notes.seen)

    def test_broken_off_is_not_ended(self):
        notes = Notes()
        loop(environment=Endless(), learner=notes).train(1, progress=False)
        assert [bool(e.truncated[0]) for e in notes.seen] == [False] * 4 + [True] and not any(e.terminated[0] for e in notes.seen)

    def test_copies_have_episodes_of_their_own(self):
        notes = Notes()
        pipeline = loop(copies=3, learner=notes)
        assert pipeline.train(6, progress=False).returns == [5.0] * 6 and pipeline.steps == 30
        assert notes.seen[0].observation.shape == (3, 2) and len({e.observation.tobytes() for e in notes.seen}) > 2

    def test_the_seed_decides(self):
        def signs(seed):
            notes = Notes()
            loop(learner=notes, seed=seed).train(progress=False)
            return [int(e.observation[0].argmax()) for e in notes.seen]

        assert signs(1) == signs(1) != signs(2)

    def test_step_by_step_as_in_spaic(self):
        pipeline = loop(replay_memory=True, memory_capacity=7)
        for _ in range(9):
            pipeline.update_step(pipeline.env_step())
        assert len(pipeline.replay_memory) == 7 and (pipeline.replay_memory.sample(7).reward == 1).all()
        assert pipeline.history.episodes == 1
        pipeline.reset_pipeline()
        assert len(pipeline.replay_memory) == 7
        assert pipeline.steps == pipeline.history.episodes == 0

    def test_actions_are_repeated(self):
        notes = Notes()
        loop(action_repeat=2, learner=notes).train(1, progress=False)
        assert len(notes.seen) == 3 and [float(e.reward[0]) for e in notes.seen][2] == 1.0

    def test_random_actions(self):
        notes = Notes()
        loop(probability_random_action=0.5, learner=notes).train(60, progress=False)
        share = np.mean([e.action[0] == e.observation[0].argmax() for e in notes.seen])
        assert abs(share - 0.75) < 4 * np.sqrt(0.75 * 0.25 / 300)

    def test_late_rewards(self):
        notes = Notes()
        loop(reward_delay=2, learner=notes).train(1, progress=False)
        assert [float(e.reward[0]) for e in notes.seen] == [0.0, 0.0, 1.0, 1.0, 3.0]

    def test_pictures_now_and_then(self):
        class Drawn(Signal):
            pictures = 0

            def render(self, mode=None):
                self.pictures += 1
                return self.pictures

        pipeline = loop(environment=Drawn(), render_interval=3)
        pipeline.train(2, progress=False)
        assert pipeline.frame == 3

    def test_continuous_actions_come_from_a_decoder(self):
        with spaic.Network() as net:
            state = spaic.Encoder(num=1, coding_method="direct")
            cells = spaic.NeuronGroup(1, model="nonspiking_if")
            wire = spaic.Connection(state, cells, link_type="one_to_one", weight=0.25)
            level = spaic.Decoder(dec_target=cells, coding_method="final_voltage")
        net.set_backend("torch", dt=1.0)
        dial = Dial()
        assert np.allclose(loop(net, dial).train(1, progress=False).returns, [0.0], atol=1e-6)
        loop(net, dial, probability_random_action=1.0).train(1, progress=False)
        assert -1 <= dial.given[0] <= 1 and abs(dial.given[0] - 0.5) > 1e-3

    def test_early_stop_callback_and_bar(self, capsys):
        assert loop().train(50, early_stop=5.0, window=3).episodes == 3
        assert "episodes" in capsys.readouterr().err
        assert loop().train(50, progress=False, callback=lambda pipeline: pipeline.steps >= 7).episodes == 1


class TestEvaluation:
    def test_it_changes_nothing(self):
        def course(evaluates):
            net = plastic_net()
            pipeline = spaic.RLPipeline(net, Signal(), 4.0, carry_on=True)
            for n in range(7):
                pipeline.step()
                if evaluates and n == 3:
                    assert pipeline.evaluate(2).episodes == 2
            return net.into.weight.clone(), net._simulation.runs, pipeline.history

        (weight, runs, history), (other, other_runs, other_history) = course(True), course(False)
        assert (weight == other).all() and runs == other_runs and history == other_history

    def test_its_episodes_are_others_and_its_actions_the_best(self):
        pipeline = loop(mirror(coding="softmax_action"))
        drawn, best = pipeline.evaluate(20, best=False), pipeline.evaluate(20)
        assert best.returns == [5.0] * 20 and drawn.mean() < 5.0
        assert pipeline.evaluate(20, best=False) == drawn and not pipeline.history.episodes

    def test_the_first_spike_speaks_for_an_action(self):
        assert loop(mirror(coding="first_spike_action")).evaluate(3).mean() == 5.0


class TestRewards:
    def test_they_go_to_a_reward_node_and_to_the_rules(self):
        net = plastic_net(reward=True)
        pipeline = spaic.RLPipeline(net, Signal(), 10.0)
        assert isinstance(pipeline.learner, DirectReward)
        given = []
        for _ in range(10):
            pipeline.step()
            given.append(float(net.judge.source[0]))
        assert set(given) <= {0.0, 1.0} and 1.0 in given and (net.into.weight != 0.4).any()

    def test_without_a_rule_that_uses_them(self):
        assert loop().learner is None
        with pytest.raises(NetworkError, match="no rule of the network uses a reward"):
            loop(learner=spaic.TemporalDifference())

    def test_a_reward_that_needs_labels(self):
        net = mirror()
        net.judge = spaic.Reward(dec_target=net.cells, coding_method="global_reward")
        with pytest.raises(NetworkError, match="'global_reward' judges by labels"):
            loop(net)


class Broken(Signal):
    """Says what no environment should say."""

    def __init__(self, shown=None, reward=1.0):
        self.shown, self.worth = shown, reward

    def step(self, action):
        return Outcome(np.eye(2)[0] if self.shown is None else self.shown, self.worth, False, {})

    def another(self):
        return Broken(self.shown, self.worth)


class TestRefused:
    @pytest.mark.parametrize(
        ("options", "text"),
        [
            ({"network": 3}, "3 is no network"),
            ({"environment": "CartPole-v1"}, "is no environment"),
            ({"learner": spaic.STCA()}, "no learner of rewards"),
            ({"time": 0.0}, "RLPipeline.time"),
            ({"num_episodes": 0}, "num_episodes"),
            ({"copies": 1.5}, "copies"),
            ({"action_repeat": 0}, "action_repeat"),
            ({"probability_random_action": 1.2}, "probability_random_action"),
            ({"render_interval": 0}, "render_interval"),
            ({"reward_delay": -1}, "reward_delay"),
            ({"replay_memory": 5}, "replay_memory"),
            ({"replay_memory": True, "memory_capacity": 0}, "capacity"),
            ({"carry_on": True, "copies": 2}, "one copy"),
            ({"seed": 0.5}, "no seed"),
        ],
    )
    def test_what_cannot_be_meant(self, options, text):
        with pytest.raises(DeclarationError, match=text):
            spaic.RLPipeline(**{"network": mirror(), "environment": Signal(), "time": 1.0, **options})

    def test_names_and_sizes_that_do_not_fit(self):
        with pytest.raises(TypeError, match="num_episode"):
            loop(num_episode=3)
        with pytest.raises(NetworkError, match="takes 3 values, an observation of signal has 2"):
            loop(mirror(3))
        with pytest.raises(NetworkError, match="did you mean 'choice'"):
            loop(action="choise")
        net = mirror()
        net.other = spaic.Action(dec_target=net.cells, coding_method="random_action")
        with pytest.raises(NetworkError, match="2 of Action .*say which one with action="):
            loop(net)
        assert isinstance(loop(net, action=net.choice).actor.code, HighestSpikes)
        net.other = spaic.Action(num=1, dec_target=net.cells, coding_method="random_action")
        with pytest.raises(NetworkError, match="gives 1, signal has 2 actions"):
            loop(net, action="other")
        with pytest.raises(NetworkError, match="has no Decoder"):
            loop(mirror(1), Dial())

    @pytest.mark.parametrize(
        ("broken", "text"),
        [
            (Broken(np.array([np.nan, 0.0])), "observation holds nan"),
            (Broken(np.zeros(3)), r"shape \(3,\), declared is \(2,\)"),
            (Broken("left"), "not an array of numbers"),
            (Broken(reward=np.inf), "reward is inf"),
        ],
    )
    def test_environments_that_break_their_word(self, broken, text):
        with pytest.raises(InputError, match=text):
            loop(environment=broken).train(progress=False)
