"""A spiking network balances a pole (CartPole-v1 of gymnasium), trained by policy gradient through its surrogate gradient.

The four numbers of an observation are currents into 64 spiking neurons for 8 ms; two leaky readouts decide by the softmax of their
potentials, a third one says how good the state is. Eight copies act at once; after 128 steps of each the weights follow the gradient of
proximal policy optimization. Training ends when the last 100 episodes brought 475 on average; episodes of the evaluation are others.
Expect a mean return of 500, 100 % of what is possible, over 100 episodes, after some 60,000 steps in about a minute on one core.

Run: python examples/cartpole_policy_gradient.py [--episodes 2000] [--seed 0] [--figure returns.png] [--checkpoint run.spaic]
"""

import argparse

import numpy as np

import spaic

LIMITS = np.array([2.4, 2.5, 0.21, 2.5])  # position, velocity, angle, its rate: about 1 at the edge of what is still balanced


def scaled(observation):
    return np.clip(observation / LIMITS, -2, 2)


class Net(spaic.Network):
    """4 currents -> 64 spiking neurons -> 2 readouts that choose, 1 that values."""

    def __init__(self, seed):
        super().__init__(seed=seed)
        self.state = spaic.Encoder(num=4, coding_method="direct")
        self.hidden = spaic.NeuronGroup(64, model="lif", tau_m=5.0)
        self.actor = spaic.NeuronGroup(2, model="nonspiking_lif", tau_m=10.0)
        self.critic = spaic.NeuronGroup(1, model="nonspiking_lif", tau_m=10.0)
        self.into = spaic.Connection(self.state, self.hidden, weight=spaic.normal(0.0, 0.7), bias=spaic.uniform(0.0, 0.3))
        self.to_actor = spaic.Connection(self.hidden, self.actor, weight=spaic.normal(0.0, 0.02))
        self.to_critic = spaic.Connection(self.hidden, self.critic, weight=spaic.normal(0.0, 0.02))
        self.choice = spaic.Action(dec_target=self.actor, coding_method="softmax_voltage_action", temperature=0.2)
        self.value = spaic.Decoder(dec_target=self.critic, coding_method="final_voltage")
        self.learner = spaic.SurrogateBP(optimizer=spaic.Adam(lr=0.003))
        self.set_backend("torch", dt=1.0)


def loop(seed):
    """The network in a closed loop with eight carts."""
    learner = spaic.PolicyGradient("value", horizon=128, epochs=6, minibatches=4, value_weight=1.0, value_unit=20.0)
    cart = spaic.GymEnvironment("CartPole-v1", transform=scaled)
    return spaic.RLPipeline(Net(seed), cart, time=8.0, copies=8, learner=learner)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=2000, help="at most")
    parser.add_argument("--test", type=int, default=100, help="episodes of the evaluation")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--figure", help="file for the learning curve, such as returns.png")
    parser.add_argument("--checkpoint", help="file to save to, and to go on from if it is there, such as run.spaic")
    options = parser.parse_args()

    pipeline = loop(options.seed)
    if options.checkpoint and spaic.IO.with_suffix(options.checkpoint).exists():
        pipeline.load(options.checkpoint)
    history = pipeline.train(options.episodes, early_stop=475.0, checkpoint=options.checkpoint)
    tested = pipeline.evaluate(options.test)
    print(f"{history.episodes} episodes, {pipeline.steps} steps: mean return {history.mean(100):.1f} over the last 100")
    print(f"evaluation: mean return {tested.mean():.1f} over {tested.episodes} other episodes, the least {min(tested.returns):.0f}")
    if options.figure:
        ax = spaic.Plot.returns(history, title="CartPole-v1, policy gradient")
        ax.figure.savefig(options.figure)
