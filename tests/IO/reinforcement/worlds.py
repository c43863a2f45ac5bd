"""Small environments whose best return is known."""

import numpy as np

import spaic
from spaic.IO import Outcome


class Signal(spaic.BaseEnvironment):
    """Shows one of two signs for five steps; doing what it says is worth 1, anything else nothing."""

    name, shape, action_num, length = "signal", (2,), 2, 5

    def reset(self, seed=None):
        self.rng = np.random.default_rng(seed)
        self.left = self.length
        return self._shown()

    def _shown(self):
        self.sign = int(self.rng.integers(2))
        return np.eye(2)[self.sign]

    def step(self, action):
        reward = float(action == self.sign)
        self.left -= 1
        return Outcome(self._shown(), reward, self.left == 0, {})


class Endless(Signal):
    """Is broken off instead of coming to its end."""

    name = "endless"

    def step(self, action):
        observation, reward, done, _ = super().step(action)
        return Outcome(observation, reward, done, {"truncated": done})


class Dial(spaic.BaseEnvironment):
    """Wants a continuous action near 0.5; one step per episode."""

    name, shape, action_num = "dial", (1,), 1
    low, high = np.array([-1.0]), np.array([1.0])

    def reset(self, seed=None):
        return np.ones(1)

    def step(self, action):
        self.given = np.array(action)
        return Outcome(np.ones(1), -abs(float(action[0]) - 0.5), True, {})


def policy_net(seed=0, hidden=12, numbers=2, coding="softmax_voltage_action"):
    """A net that learns by policy gradient, uncompiled."""
    with spaic.Network(seed=seed) as net:
        state = spaic.Encoder(num=numbers, coding_method="direct")
        cells = spaic.NeuronGroup(hidden, model="lif", tau_m=5.0)
        actor = spaic.NeuronGroup(2, model="nonspiking_lif", tau_m=10.0)
        critic = spaic.NeuronGroup(1, model="nonspiking_lif", tau_m=10.0)
        into = spaic.Connection(state, cells, weight=spaic.normal(0.0, 0.7), bias=spaic.uniform(0.0, 0.3))
        to_actor = spaic.Connection(cells, actor, weight=spaic.normal(0.0, 0.05))
        to_critic = spaic.Connection(cells, critic, weight=spaic.normal(0.0, 0.05))
        choice = spaic.Action(dec_target=actor, coding_method=coding)
        value = spaic.Decoder(dec_target=critic, coding_method="final_voltage")
        learner = spaic.SurrogateBP(optimizer=spaic.Adam(lr=0.02))
    net.set_backend("torch", dt=1.0)
    return net


def plastic_net(seed=0, numbers=2, rule="mstdpet", reward=False, **values):
    """A net that learns by rewarded spike pairs: the neurons fire at random and inhibit each other."""
    with spaic.Network(seed=seed) as net:
        state = spaic.Encoder(num=numbers, coding_method="poisson", unit_conversion=0.5)
        actor = spaic.NeuronGroup(2, model="lif_escape", tau_m=5.0, Delta=0.2, rho_0=0.2)
        into = spaic.Connection(state, actor, weight=0.4, w_min=0.0, w_max=0.8)
        rivals = spaic.Connection(actor, actor, weight=-2.0 * (1 - np.eye(2)))
        choice = spaic.Action(dec_target=actor, coding_method="highest_spikes_action")
        learner = spaic.PlasticityLearner(into, rule, **{"lr": 0.1, "A_minus": 0.0, "tau_z": 20.0, **values})
        if reward:
            judge = spaic.Reward(coding_method="environment_reward")
    net.set_backend("torch", dt=1.0)
    return net
