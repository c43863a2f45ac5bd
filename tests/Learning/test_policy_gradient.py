"""Policy gradient: its advantage and gradient against their definitions, and that it learns."""

import numpy as np
import pytest
import torch

import spaic
from spaic.errors import DeclarationError, NetworkError, StateError
from spaic.Learning.policy_gradient import advantages
from spaic.Learning.reinforcement import DirectReward
from tests.IO.reinforcement.worlds import Dial, Signal, plastic_net, policy_net

RNG = np.random.default_rng(0)


def test_advantages_are_sums_over_what_comes_later():
    steps, copies, gamma, trace = 12, 3, 0.9, 0.7
    reward, value, following = RNG.normal(size=(3, steps, copies))
    terminated, truncated = RNG.random((2, steps, copies)) < 0.2
    found = advantages(reward, value, following, terminated, truncated, gamma, trace)
    over, error = terminated | truncated, reward + gamma * following - value
    for copy in range(copies):
        for step in range(steps):
            total = 0.0
            for later in range(step, steps):
                total += (gamma * trace) ** (later - step) * error[later, copy]
                if over[later, copy]:
                    break
            assert np.isclose(found[step, copy], total)


def test_with_a_trace_of_1_they_are_returns_minus_the_critic():
    reward, value = RNG.normal(size=(2, 5, 1))
    over = np.zeros((5, 1), dtype=bool)
    over[-1] = True
    following = np.concatenate([value[1:], [[0.0]]])
    found = advantages(reward, value, following, over, over & False, 0.8, 1.0)
    returns = [sum(0.8**k * reward[t + k, 0] for k in range(5 - t)) for t in range(5)]
    assert np.allclose(found[:, 0], np.array(returns) - value[:, 0])


class TestLoss:
    LOG = torch.tensor([[0.3, 0.7], [0.6, 0.4]], dtype=torch.float64).log()
    BATCH = {
        "action": torch.tensor([1, 0]),
        "gain": torch.tensor([1.0, -1.0], dtype=torch.float64),
        "goal": torch.tensor([3.0, 1.0], dtype=torch.float64),
    }

    def loss(self, before, **options):
        learner = spaic.PolicyGradient("value", **{"entropy": 0.0, "value_weight": 0.5, "value_unit": 2.0, **options})
        learner._critic = object()
        batch = {**self.BATCH, "log_probability": torch.tensor(before, dtype=torch.float64).log()}
        log = self.LOG.clone().requires_grad_()
        value = torch.tensor([2.0, 2.0], dtype=torch.float64)
        loss = learner._loss(log, value, batch)
        loss.backward()
        return float(loss.detach()), log.grad

    def test_terms(self):
        loss, gradient = self.loss([0.7, 0.6])
        assert np.isclose(loss, 0.5 * 0.25)  # advantages cancel, the critic is wrong by half a unit
        assert torch.allclose(gradient, torch.tensor([[0.0, -0.5], [0.5, 0.0]], dtype=torch.float64))

    def test_a_share_that_has_moved_far_has_no_gradient(self):
        _, gradient = self.loss([0.5, 0.6])  # 1.4 times as likely as before, and good
        assert gradient[0].tolist() == [0.0, 0.0] and gradient[1, 0] != 0
        _, gradient = self.loss([0.5, 0.6], clip=None)
        assert np.isclose(gradient[0, 1], -0.7)

    def test_indecision_is_worth_something(self):
        plain, valued = self.loss([0.7, 0.6])[0], self.loss([0.7, 0.6], entropy=0.1)[0]
        probability = self.LOG.exp().numpy()
        assert np.isclose(plain - valued, -0.1 * (probability * np.log(probability)).sum() / 2)


def test_it_learns():
    learner = spaic.PolicyGradient("value", horizon=8, discount=0.0, epochs=2, minibatches=2)
    pipeline = spaic.RLPipeline(policy_net(), Signal(), 4.0, copies=4, learner=learner)
    assert pipeline.evaluate(20, best=False).mean() < 3.5
    pipeline.train(90, progress=False)
    assert pipeline.evaluate(20, best=False).mean() > 4.5 and learner.updates == 14 and learner.facts["value_error"] < 0.5


def test_without_a_critic_and_with_spike_counts():
    net = policy_net()
    net.actor = spaic.NeuronGroup(2, model="lif", tau_m=10.0)
    net.to_actor = spaic.Connection(net.cells, net.actor, weight=0.2)
    net.choice = spaic.Action(dec_target=net.actor, coding_method="softmax_action")
    learner = spaic.PolicyGradient(horizon=4, epochs=1, minibatches=1, clip=None)
    pipeline = spaic.RLPipeline(net, Signal(), 4.0, copies=2, learner=learner)
    pipeline.network.build()
    before = net.to_actor.weight.detach().clone()
    for _ in range(4):
        pipeline.step()
    assert learner.updates == 1 and (net.to_actor.weight != before).any()


@pytest.mark.parametrize("horizon, copies, minibatches", [(4, 1, 2), (2, 3, 3), (5, 1, 2)])
def test_every_batch_teaches(horizon, copies, minibatches):
    """Without entropy and critic all that moves weights is the advantage, which a batch of one step would not have."""
    learner = spaic.PolicyGradient(horizon=horizon, epochs=1, minibatches=minibatches, entropy=0.0, clip=None)
    pipeline = spaic.RLPipeline(policy_net(), Signal(), 4.0, copies=copies, learner=learner)
    sizes = []
    learner._step = lambda batch: sizes.append(len(batch["gain"]))
    for _ in range(horizon):
        pipeline.step()
    assert len(sizes) == minibatches and min(sizes) >= 2 and sum(sizes) == horizon * copies


@pytest.mark.parametrize("horizon, copies, minibatches", [(4, 1, 4), (1, 1, 1), (1, 3, 2), (7, 1, 4)])
def test_batches_of_a_single_step_are_refused(horizon, copies, minibatches):
    learner = spaic.PolicyGradient(horizon=horizon, epochs=1, minibatches=minibatches)
    text = rf"PolicyGradient.minibatches: {horizon * copies} steps of all copies \(horizon {horizon}\) make no {minibatches} batches"
    with pytest.raises(NetworkError, match=text):
        spaic.RLPipeline(policy_net(), Signal(), 4.0, copies=copies, learner=learner)


def test_more_rows_than_the_horizon_are_learned_from():
    made = [spaic.PolicyGradient(horizon=horizon, epochs=1, minibatches=1) for horizon in (50, 4)]
    loops = [spaic.RLPipeline(policy_net(), Signal(), 4.0, learner=learner) for learner in made]
    for _ in range(8):
        loops[0].step()
    made[1].load_state({**made[0].state(), "settings": made[1].settings()})
    loops[1].step()
    assert made[1].updates == 1 and not made[1].state()["rows"]


class TestRefused:
    @pytest.mark.parametrize(
        ("options", "text"),
        [
            ({"value": 3}, "value: 3 is no decoder"),
            ({"horizon": 0}, "horizon"),
            ({"epochs": 1.5}, "epochs"),
            ({"minibatches": True}, "minibatches"),
            ({"discount": 1.1}, "discount"),
            ({"trace": float("nan")}, "trace"),
            ({"clip": -0.1}, "clip"),
            ({"entropy": "a"}, "entropy"),
            ({"value_unit": 0.0}, "value_unit"),
            ({"value_weight": None}, "value_weight"),
        ],
    )
    def test_what_cannot_be_meant(self, options, text):
        with pytest.raises(DeclarationError, match=text):
            spaic.PolicyGradient(**options)

    def test_networks_that_do_not_fit(self):
        with pytest.raises(DeclarationError, match="PolicyGradient: unknown keyword 'horizn'; did you mean 'horizon'"):
            spaic.PolicyGradient(horizn=3)
        for net, learner, text in (
            (policy_net(), spaic.PolicyGradient("valu"), "no decoder 'valu'"),
            (policy_net(coding="highest_voltage_action"), spaic.PolicyGradient(), "no probabilities with a gradient"),
        ):
            with pytest.raises(Exception, match=text):
                spaic.RLPipeline(net, Signal(), 1.0, learner=learner)
        with pytest.raises(NetworkError, match="value: 'value' is a decoder of another network"):
            spaic.RLPipeline(policy_net(), Signal(), 1.0, learner=spaic.PolicyGradient(policy_net().value))
        net = policy_net()
        assert spaic.RLPipeline(net, Signal(), 1.0, learner=spaic.PolicyGradient(net.value)).learner._critic is net.value
        net = policy_net()
        net.wide = spaic.Decoder(dec_target=net.actor)
        with pytest.raises(NetworkError, match="reads 2 neurons, the value of a state is one number"):
            spaic.RLPipeline(net, Signal(), 1.0, learner=spaic.PolicyGradient("wide"))
        with pytest.raises(NetworkError, match="carry_on=False"):
            spaic.RLPipeline(policy_net(), Signal(), 1.0, carry_on=True, learner=spaic.PolicyGradient())
        with pytest.raises(NetworkError, match="probability_random_action=0"):
            spaic.RLPipeline(policy_net(), Signal(), 1.0, probability_random_action=0.1, learner=spaic.PolicyGradient())
        net = policy_net()
        del net.learner
        with pytest.raises(NetworkError, match="no learner"):
            spaic.RLPipeline(net, Signal(), 1.0, learner=spaic.PolicyGradient())
        with spaic.Network() as net:
            state = spaic.Encoder(num=1, coding_method="direct")
            cells = spaic.NeuronGroup(1, model="nonspiking_if")
            wire = spaic.Connection(state, cells)
            level = spaic.Decoder(dec_target=cells, coding_method="final_voltage")
        with pytest.raises(NetworkError, match="'level' is no Action"):
            spaic.RLPipeline(net, Dial(), 1.0, learner=spaic.PolicyGradient())

    def test_states_of_others(self):
        own = spaic.PolicyGradient().state()
        for state in ({}, None, {**own, "rows": {"reward": np.zeros(2)}}, {**own, "rows": 3}, {**own, "settings": None}):
            with pytest.raises(StateError, match="resume with the same learner"):
                spaic.PolicyGradient().load_state(state)
        for updates in ("x", -1, None):
            with pytest.raises(StateError, match=f"number of updates is {updates!r}"):
                spaic.PolicyGradient().load_state({**own, "updates": updates})
        with pytest.raises(StateError, match="it has no state"):
            DirectReward().load_state({"weights": 1})
        with pytest.raises(StateError, match="nobody acts"):
            spaic.PolicyGradient()._agent()


class TestTemporalDifference:
    def test_the_critic_is_td_lambda(self, monkeypatch):
        from spaic.Learning import temporal_difference
        from spaic.Learning.reinforcement import Experience

        given = []
        monkeypatch.setattr(temporal_difference, "give", lambda net, reward: given.append(float(reward[0])))
        critic = spaic.TemporalDifference(discount=0.9, trace=0.5, lr=0.3, initial=1.0, limit=0.8)
        critic.agent = type("Agent", (), {"net": None})
        observed = RNG.random((9, 1, 3))
        rewards, ends = RNG.normal(size=8), np.array([0, 0, 1, 0, 0, 2, 0, 0])
        weights, trace = np.ones(3), np.zeros(3)
        for n in range(8):
            terminated, truncated = np.array([ends[n] == 1]), np.array([ends[n] == 2])
            critic.observe(Experience(observed[n], np.zeros(1, int), rewards[n : n + 1], observed[n + 1], terminated, truncated))
            now, following = observed[n, 0], observed[n + 1, 0]
            error = rewards[n] + 0.9 * (0.0 if ends[n] == 1 else weights @ following) - weights @ now
            trace = 0.45 * trace + now
            weights = weights + 0.3 * error * trace / (now @ now)
            trace = trace * (ends[n] == 0)
            assert np.isclose(given[-1], np.clip(error, -0.8, 0.8)) and np.isclose(critic.facts["dopamine"], error)
        assert np.allclose(critic.weights, weights) and np.allclose(critic.value(observed[0]), weights @ observed[0, 0])

    def test_it_learns_with_spikes(self, monkeypatch, tmp_path):
        from tests.contracts.uncompiled import in_python

        in_python(monkeypatch, tmp_path)
        pipeline = spaic.RLPipeline(plastic_net(), Signal(), 10.0, learner=spaic.TemporalDifference(discount=0.0, initial=0.5))
        assert pipeline.evaluate(10).mean() < 3.5
        pipeline.train(40, progress=False)
        assert pipeline.evaluate(10).mean() > 4.5
        weight = pipeline.network.into.weight
        assert weight[0, 0] > weight[1, 0] + 0.1 and weight[1, 1] > weight[0, 1] + 0.1

    def test_a_critic_moves_to_another_number_of_copies(self, monkeypatch):
        from spaic.Learning import temporal_difference
        from spaic.Learning.reinforcement import Experience

        monkeypatch.setattr(temporal_difference, "give", lambda net, reward: None)
        monkeypatch.setattr(temporal_difference, "rewarded", lambda net, where: [])
        critic = spaic.TemporalDifference()
        for copies in (2, 3, 1):
            before = None if critic.weights is None else critic.weights.copy()
            critic.start(type("Agent", (), {"net": None}))
            over = np.zeros(copies, dtype=bool)
            critic.observe(Experience(np.ones((copies, 4)), over, np.ones(copies), np.ones((copies, 4)), over, over))
            assert critic.error.shape == (copies,) and (critic.weights > (0 if before is None else before)).all()

    @pytest.mark.parametrize(
        ("options", "text"),
        [
            ({"features": 3}, "features: 3 cannot be called"),
            ({"discount": -0.1}, "discount"),
            ({"trace": 2}, "trace"),
            ({"lr": 0}, "lr"),
            ({"limit": 0}, "limit"),
            ({"initial": float("inf")}, "initial"),
        ],
    )
    def test_what_cannot_be_meant(self, options, text):
        with pytest.raises(DeclarationError, match=text):
            spaic.TemporalDifference(**options)

    def test_features_that_are_none(self):
        for features in (lambda x: x[0], lambda x: x * np.nan):
            with pytest.raises(ValueError, match=r"return finite values \[copies, features\]"):
                spaic.TemporalDifference(features).value(np.ones((2, 3)))

    @pytest.mark.parametrize(
        ("change", "text"),
        [
            ({"weights": "x"}, "weights is x, no finite array of 1 axes"),
            ({"weights": np.array([np.nan])}, "weights is"),
            ({"weights": [[1.0], [1.0, 2.0]]}, "weights is"),
            ({"weights": np.ones(2), "trace": np.ones(2)}, "trace is .* no finite array of 2 axes"),
            ({"weights": np.ones(2), "trace": np.ones((1, 3))}, "of different features"),
            ({"settings": 3}, "resume with the same learner"),
        ],
    )
    def test_states_of_no_critic(self, change, text):
        critic = spaic.TemporalDifference()
        with pytest.raises(StateError, match="resume with the same learner"):
            critic.load_state({"weights": None})
        with pytest.raises(StateError, match=text):
            critic.load_state({**critic.state(), **change})
        assert critic.weights is None
