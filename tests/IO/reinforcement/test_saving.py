"""A closed loop that is saved goes on bit for bit."""

import signal

import numpy as np
import pytest
import torch

import spaic
from spaic.errors import DataError, StateError, UnsupportedError
from tests.contracts.uncompiled import in_python
from tests.IO.reinforcement.worlds import Signal, plastic_net, policy_net


@pytest.fixture(autouse=True)
def uncompiled(monkeypatch, tmp_path):
    in_python(monkeypatch, tmp_path)


def by_gradient(values=None, **options):
    learner = spaic.PolicyGradient(**{"value": "value", "horizon": 6, "epochs": 1, "minibatches": 2, **(values or {})})
    return spaic.RLPipeline(
        policy_net(hidden=4), Signal(), 2.0, copies=2, learner=learner, replay_memory=True, memory_capacity=9, **options
    )


def by_rewards(**options):
    return spaic.RLPipeline(plastic_net(), Signal(), 4.0, carry_on=True, learner=spaic.TemporalDifference(), reward_delay=1, **options)


def after(pipeline, steps):
    for _ in range(steps):
        pipeline.step()
    return pipeline


def same(one, other):
    """Nothing tells the two apart."""
    weights = zip(one.network.state_dict().items(), other.network.state_dict().items(), strict=True)
    assert all(a == b and torch.equal(v, w) for (a, v), (b, w) in weights)
    assert one.history == other.history and one.steps == other.steps
    assert np.array_equal(one.episodes.observations, other.episodes.observations)
    states = [str(pipeline.learner.state()) + str(pipeline.replay_memory and pipeline.replay_memory.state()) for pipeline in (one, other)]
    assert states[0] == states[1]


@pytest.mark.parametrize("make", [by_gradient, by_rewards])
def test_in_the_middle_of_an_episode(make, tmp_path):
    straight = after(make(), 17)
    after(make(), 8).save(tmp_path / "loop")
    resumed = make()
    resumed.load(tmp_path / "loop")
    assert resumed.steps == 8 * resumed.copies
    same(after(resumed, 9), straight)


def test_before_the_first_step(tmp_path):
    make = by_rewards
    make().save(tmp_path / "loop.spaic")
    resumed = make()
    resumed.load(tmp_path / "loop.spaic")
    same(after(resumed, 3), after(make(), 3))


def test_along_the_way_of_a_training(tmp_path):
    straight = by_rewards()
    straight.train(4, progress=False)
    stopped = by_rewards()
    stopped.train(4, progress=False, checkpoint=tmp_path / "run", callback=lambda pipeline: pipeline.steps == 12)
    resumed = by_rewards()
    resumed.load(tmp_path / "run")
    assert resumed.steps == 12
    resumed.train(4, progress=False, checkpoint=tmp_path / "run", every=1)
    same(resumed, straight)
    again = by_rewards()
    again.load(tmp_path / "run")
    assert again.history.episodes == 4


def test_ctrl_c_ends_the_step_and_saves(tmp_path):
    pipeline = by_rewards()
    with pytest.raises(KeyboardInterrupt):
        callback = lambda loop: loop.steps == 7 and signal.raise_signal(signal.SIGINT)  # noqa: E731
        pipeline.train(9, progress=False, checkpoint=tmp_path / "run", callback=callback)
    resumed = by_rewards()
    resumed.load(tmp_path / "run")
    assert resumed.steps == pipeline.steps == 7
    same(after(resumed, 5), after(pipeline, 5))


def test_a_world_with_randomness_of_its_own(tmp_path):
    class Restless(Signal):
        def reset(self, seed=None):
            return super().reset(None)

    make = lambda: spaic.RLPipeline(plastic_net(), Restless(), 4.0, learner=spaic.TemporalDifference())  # noqa: E731
    after(make(), 4).save(tmp_path / "loop")
    with pytest.raises((StateError, DataError), match="with the same seeds and actions it is not where it was"):
        for _ in range(8):  # by chance it may be there
            make().load(tmp_path / "loop")


@pytest.mark.parametrize(
    ("options", "text"),
    [({"seed": 5}, "seed was 0 there, here it is 5"), ({"copies": 1}, "copies was 2"), ({"action_repeat": 2}, "action_repeat was 1")],
)
def test_another_loop_is_refused(options, text, tmp_path):
    after(by_gradient(), 1).save(tmp_path / "loop")
    learner = spaic.PolicyGradient("value", horizon=6, epochs=1, minibatches=2)
    other = spaic.RLPipeline(policy_net(hidden=4), Signal(), 2.0, **{"copies": 2, "replay_memory": True, "learner": learner, **options})
    with pytest.raises(StateError, match=text):
        other.load(tmp_path / "loop")
    assert other.steps == 0


@pytest.mark.parametrize("name, value", [("horizon", 3), ("discount", 0.5), ("clip", None), ("minibatches", 1), ("value", None)])
def test_other_hyperparameters_are_refused(name, value, tmp_path):
    after(by_gradient(), 5).save(tmp_path / "loop")
    other = by_gradient({name: value})
    with pytest.raises(DataError, match=f"PolicyGradient.{name}: it was .* there, here it is {value}; declare the same"):
        other.load(tmp_path / "loop")
    assert other.steps == 0 and after(other, 9).learner.updates >= 1
    critic = spaic.TemporalDifference(lr=0.2)
    after(by_rewards(), 2).save(tmp_path / "other")
    with pytest.raises(DataError, match="TemporalDifference.lr: it was 0.1 there, here it is 0.2"):
        spaic.RLPipeline(plastic_net(), Signal(), 4.0, carry_on=True, learner=critic, reward_delay=1).load(tmp_path / "other")


class Other(Signal):
    """Shows the signs the other way round."""

    def _shown(self):
        return super()._shown()[::-1]


def fields_of(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


@pytest.mark.parametrize("other", ["environment", "hyperparameters", "network"])
def test_a_load_that_fails_changes_nothing(other, tmp_path):
    after(by_gradient(), 8).save(tmp_path / "loop")
    make = lambda: spaic.RLPipeline(  # noqa: E731
        policy_net(hidden=5 if other == "network" else 4),
        Other() if other == "environment" else Signal(),
        2.0,
        copies=2,
        learner=spaic.PolicyGradient("value", horizon=6, epochs=1, minibatches=2, trace=0.5 if other == "hyperparameters" else 0.95),
        replay_memory=spaic.ReplayMemory(9),
    )
    pipeline, straight = after(make(), 7), after(make(), 11)
    left, weights = pipeline.environment.left, fields_of(pipeline.network)
    with pytest.raises((DataError, StateError)):
        pipeline.load(tmp_path / "loop")
    assert pipeline.environment.left == left and all(torch.equal(weights[k], v) for k, v in fields_of(pipeline.network).items())
    same(after(pipeline, 4), straight)


def test_the_only_environment_of_its_kind_is_loaded(tmp_path):
    class Only(Signal):
        def another(self):
            raise UnsupportedError("only: there is one")

    make = lambda: spaic.RLPipeline(plastic_net(), Only(), 4.0, learner=spaic.TemporalDifference())  # noqa: E731
    straight = after(make(), 7)
    after(make(), 4).save(tmp_path / "loop")
    resumed = make()
    resumed.load(tmp_path / "loop")
    same(after(resumed, 3), straight)


def test_what_is_no_such_file(tmp_path):
    pipeline = by_rewards()
    with pytest.raises(DataError):
        pipeline.load(tmp_path / "nothing")
    pipeline.network.save(tmp_path / "net.spaic")
    with pytest.raises(DataError, match="no file of a closed loop"):
        pipeline.load(tmp_path / "net.spaic")
    with pytest.raises(DataError):
        spaic.load(pipeline.save(tmp_path / "loop.spaic"))
    with pytest.raises(DataError, match="no format"):
        pipeline.save(tmp_path / "loop.pt")


def test_other_learners_are_refused(tmp_path):
    after(by_rewards(), 1).save(tmp_path / "loop")
    other = spaic.RLPipeline(plastic_net(), Signal(), 4.0, carry_on=True, reward_delay=1)
    with pytest.raises(StateError, match="learner was 'TemporalDifference' there, here it is 'DirectReward'"):
        other.load(tmp_path / "loop")
