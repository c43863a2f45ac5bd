"""The closed loop: who gets what, when, and what is refused."""

import numpy as np
import pytest

import spaic
from spaic.errors import DeclarationError, InputError, NetworkError, StateError, UnsupportedError
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
        assert not capsys.readouterr().err  # nobody sees it
        assert loop().train(50, early_stop=5.0, window=3, progress=True).episodes == 3
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

    def test_its_environments_are_made_as_the_first_was(self):
        class Paid(Signal):
            def __init__(self, worth):
                self.worth = worth

            def step(self, action):
                return super().step(action)._replace(reward=self.worth)

        pipeline = loop(environment=Paid(3.0), copies=2)
        assert pipeline.train(2, progress=False).returns == [15.0, 15.0] and pipeline.evaluate(2).returns == [15.0, 15.0]

    def test_environments_that_cannot_be_copied(self):
        held = Signal()
        held.notes = (number for number in range(3))
        with pytest.raises(UnsupportedError, match=r"signal: it cannot be copied \(TypeError.*write another\(\)"):
            loop(environment=held).evaluate(1)
        for made, what in ((Dial(), r"of shape \(1,\)"), (held, "the environment itself"), (None, "None of shape None")):
            held.another = lambda made=made: made
            with pytest.raises(DeclarationError, match=rf"signal: another\(\) returned .*{what}"):
                loop(environment=held).evaluate(1)
            with pytest.raises(DeclarationError, match=what):
                loop(environment=held, copies=2)

    def test_monitors_are_left_as_they_were(self, tmp_path):
        net = mirror()
        net.trace, net.spikes = spaic.StateMonitor(net.cells, "V", nbatch=True), spaic.SpikeMonitor(net.cells)
        net.written = spaic.StateMonitor(net.cells, "V", file=tmp_path / "rec.h5")
        pipeline = loop(net)
        pipeline.train(1, progress=False)
        watchers = (net.trace, net.spikes, net.written)
        before = [watcher.values.copy() for watcher in watchers]
        runs = net.trace.nbatch_values.copy()
        pipeline.evaluate(4)
        assert all(np.array_equal(old, watcher.values) for old, watcher in zip(before, watchers, strict=True))
        assert np.array_equal(net.trace.nbatch_values, runs) and before[0].shape == (1, 2, 2)
        pipeline.step()
        assert len(net.trace.nbatch_values) == len(runs) + 1 and (net.written.values == net.trace.values).all()

    @pytest.mark.parametrize("reduction", [None, "per_sample", "mean"])
    def test_noise_with_each_reduction(self, reduction):
        pipeline = spaic.RLPipeline(plastic_net(reduction=reduction), Signal(), 4.0)
        assert pipeline.evaluate(3).lengths == [5, 5, 5]

    @pytest.mark.parametrize("seed", ["abc", 1.5, True])
    def test_seeds_that_are_none(self, seed):
        with pytest.raises(DeclarationError, match=f"RLPipeline.evaluate.seed: {seed!r} is no seed"):
            loop().evaluate(1, seed=seed)

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

    def __init__(self, shown=None, reward=1.0, done=False, info=()):
        self.said = (np.eye(2)[0] if shown is None else shown, reward, done, {} if info == () else info)

    def step(self, action):
        return Outcome(*self.said)


class Gymnastic(Broken):
    """Gives what environments of gymnasium give."""

    def step(self, action):
        return np.eye(2)[0], 1.0, True, False, {}


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
        with pytest.raises(DeclarationError, match="RLPipeline: unknown keyword 'num_episode'; did you mean 'num_episodes'"):
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
            (Broken(reward="a"), "reward is 'a'; return one finite number"),
            (Broken(reward={}), "reward is {}"),
            (Broken(reward=[[1], [1, 2]]), "reward is "),
            (Broken(done=None), "done is None; give True or False"),
            (Broken(done="no"), "done is 'no'"),
            (Broken(info=None), "info is None; return a dict"),
            (Broken(info={"truncated": "no"}), "info.'truncated'. is 'no'"),
            (Broken(info={"raw_reward": "a"}), "reward is 'a'"),
            (Gymnastic(), r"signal: step\(\) returned 5 values; return spaic.IO.Outcome\(observation, reward, done, info\)"),
        ],
    )
    def test_environments_that_break_their_word(self, broken, text):
        with pytest.raises(InputError, match=text):
            loop(environment=broken).train(progress=False)

    @pytest.mark.parametrize(
        ("facts", "text"),
        [
            ({"shape": None}, "Shown.shape: it is not set"),
            ({"action_num": None}, "Shown.action_num: it is not set"),
            ({"shape": 2}, "Shown.shape: 2 is no shape"),
            ({"shape": (-2,)}, "Shown.shape"),
            ({"action_num": 1.5}, "Shown.action_num.*1.5"),
            ({"low": np.zeros(2)}, "Shown: low is .* and high None"),
            ({"low": np.zeros(3), "high": np.ones(3)}, "Shown: low is .*; give 2 bounds each"),
        ],
    )
    def test_environments_that_do_not_say_what_they_are(self, facts, text):
        body = {"reset": Signal.reset, "step": Signal.step, **{"shape": (2,), "action_num": 2, **facts}}
        made = type("Shown", (spaic.BaseEnvironment,), {name: value for name, value in body.items() if value is not None})()
        with pytest.raises(DeclarationError, match=text):
            loop(environment=made)

    @pytest.mark.parametrize(
        ("result", "text"),
        [
            (3, "the result is 3; give"),
            ((np.zeros((1, 2)), [1.0, 2.0], [True]), r"reward has shape \(2,\), needed \(1,\)"),
            ((np.zeros((1, 3)), [1.0], [True]), r"next_state has shape \(1, 3\), needed \(1, 2\)"),
            ((np.zeros((1, 2)), [np.nan], [False]), "reward is .nan.; give finite numbers"),
            ((np.zeros((1, 2)), ["a"], [False]), "reward is .'a'."),
            ((np.zeros((1, 2)), [1.0], [2]), "done is .2.0.; give True or False"),
        ],
    )
    def test_steps_that_are_none(self, result, text):
        notes = Notes()
        pipeline = loop(learner=notes)
        done = pipeline.env_step()
        with pytest.raises(InputError, match=f"RLPipeline.update_step: {text}"):
            pipeline.update_step(result)
        pipeline.update_step(done)
        assert len(notes.seen) == 1

    def test_a_step_is_learned_from_once(self):
        pipeline = loop(learner=Notes())
        for _ in range(2):
            with pytest.raises(StateError, match=r"RLPipeline.update_step: there is no step to learn from; call env_step\(\) first"):
                pipeline.update_step((np.zeros((1, 2)), [1.0], [True]))
            pipeline.step()

    def test_random_actions_need_bounds(self):
        class Open(Dial):
            low, high = np.array([-np.inf]), np.array([1.0])

        with spaic.Network() as net:
            state = spaic.Encoder(num=1, coding_method="direct")
            cells = spaic.NeuronGroup(1, model="nonspiking_if")
            wire = spaic.Connection(state, cells, weight=0.25)
            level = spaic.Decoder(dec_target=cells, coding_method="final_voltage")
        net.set_backend("torch", dt=1.0)
        assert len(loop(net, Open()).train(2, progress=False).returns) == 2
        with pytest.raises(DeclarationError, match="probability_random_action: actions of dial lie between .-inf. and .1.0."):
            loop(net, Open(), probability_random_action=0.5)
