"""Two spiking neurons learn to balance a pole (CartPole-v1 of gymnasium) by rewarded spike-timing-dependent plasticity.

The states of the cart are divided into 270 boxes, as by Barto, Sutton and Anderson (1983); the neuron of the box in which it is fires.
Two neurons that inhibit each other push left or right: the one that fires more within 20 ms, which is the time step of the cart. Pairs of
spikes leave an eligibility trace that outlasts several pushes, and dopamine, the error of a critic, makes it permanent. There is no
gradient.
Training ends when the last 100 episodes brought 475 on average; episodes of the evaluation are others. Expect a mean return of 488,
98 % of what is possible, over 100 episodes, after some 70,000 steps in about three minutes on one core.

Run: python examples/cartpole_rstdp.py [--episodes 400] [--seed 0] [--figure returns.png]
"""

import argparse

import numpy as np

import spaic

#: Borders between intervals of position (m), velocity (m/s), angle and its rate (degrees, per second).
BORDERS = [[-0.8, 0.8], [-0.5, 0.5], np.deg2rad([-6.0, -2.0, 0.0, 2.0, 6.0]), np.deg2rad([-50.0, -15.0, 15.0, 50.0])]
DISCOUNT = 0.95


class Net(spaic.Network):
    """270 boxes -> 2 rivals, with weights that a rewarded rule changes."""

    def __init__(self, seed, boxes):
        super().__init__(seed=seed)
        self.place = spaic.Encoder(num=boxes, coding_method="poisson", unit_conversion=0.8)
        self.push = spaic.NeuronGroup(2, model="lif_escape", tau_m=5.0, Delta=0.2, rho_0=0.2)
        self.into = spaic.Connection(self.place, self.push, weight=0.3, w_min=0.0, w_max=0.6)
        self.rivals = spaic.Connection(self.push, self.push, weight=-4.0 * (1 - np.eye(2)))
        self.choice = spaic.Action(dec_target=self.push, coding_method="highest_spikes_action")
        values = dict(lr=0.05, tau_z=100.0, tau_plus=5.0, A_minus=0.0)
        self.learner = spaic.PlasticityLearner(self.into, "mstdpet", reduction="mean", **values)
        self.set_backend("torch", dt=1.0)


def loop(seed):
    """The network in a closed loop with a cart."""
    boxes = spaic.IO.Boxes(BORDERS)
    cart = spaic.GymEnvironment("CartPole-v1", transform=boxes)
    # a critic that expects the best at first: only failure surprises
    critic = spaic.TemporalDifference(discount=DISCOUNT, trace=0.9, lr=0.2, initial=1 / (1 - DISCOUNT))
    return spaic.RLPipeline(Net(seed, boxes.num), cart, time=20.0, carry_on=True, learner=critic)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=400, help="at most")
    parser.add_argument("--test", type=int, default=100, help="episodes of the evaluation")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--figure", help="file for the learning curve, such as returns.png")
    options = parser.parse_args()

    pipeline = loop(options.seed)
    history = pipeline.train(options.episodes, early_stop=475.0)
    tested = pipeline.evaluate(options.test)
    print(f"{history.episodes} episodes, {pipeline.steps} steps: mean return {history.mean(100):.1f} over the last 100")
    print(f"evaluation: mean return {tested.mean():.1f} over {tested.episodes} other episodes, the least {min(tested.returns):.0f}")
    if options.figure:
        ax = spaic.Plot.returns(history, title="CartPole-v1, rewarded plasticity")
        ax.figure.savefig(options.figure)
