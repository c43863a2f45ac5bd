"""PySNN's network with a cycle: modules of your own, one call per time step, a rule of local learning on every connection.

Six inputs, ten hidden neurons, one output that feeds back to them with what it sent in the last step. Spikes arrive with the traces of who
sent them, and FedeSTDP learns from these in every step. The first three inputs fire at 40 Hz, as if a Boolean were true; what the
network has never seen is the same on the other three.

Expect, after 2 s, weights of about 0.77 from the inputs that fired and 0.11 from the others, and 100 % of the output spikes for the input
that it knows, 33 to 58 % before (seeds 0, 1, 2). It takes 15 s on one core.

Run: python examples/pysnn_cyclic.py [--steps 2000] [--asked 1000] [--seed 0] [--figure pysnn_cyclic.png]
"""

import argparse

import torch
from torch import nn

import spaic
from spaic.Modules import Input, Linear, Neuron, RuleStepper, reset_state

DT = 1.0  # ms
CELL = dict(V_th=0.3, alpha_v=5.0, alpha_t=1.0, tau_v=5.0, tau_t=4.0, t_ref=5.0)


class Cyclic(nn.Module):
    """6 inputs -> 10 hidden -> 1 output -> back to the hidden ones."""

    def __init__(self):
        super().__init__()
        self.input = Input(6, DT, tau_t=CELL["tau_t"])
        self.mlp1_c = Linear(6, 10, DT, delay=3.0, weight=spaic.uniform(0.3, 0.7))
        self.neuron1 = Neuron("fede", 10, DT, trace="r", **CELL)
        self.mlp2_c = Linear(10, 1, DT, delay=3.0, weight=spaic.uniform(0.3, 0.7))
        self.neuron2 = Neuron("fede", 1, DT, trace="r", **CELL)
        self.rec_c = Linear(1, 10, DT, weight=spaic.uniform(0.0, 0.2))
        values = dict(lr=2e-3, keep=0.8, w_init=0.85)
        self.rules = nn.ModuleList(
            RuleStepper(connection, neuron, "fede_stdp", **values)
            for connection, neuron in ((self.mlp1_c, self.neuron1), (self.mlp2_c, self.neuron2))
        )

    def forward(self, x):
        """One step: spikes ``[batch, 6]`` to spikes ``[batch, 1]``."""
        into, back = self.mlp1_c(self.input(x)), self.rec_c(self.neuron2.last(len(x)))
        traces = [self.mlp1_c.trace_sum(), self.rec_c.trace_sum()]
        hidden = self.neuron1({"I": [into, back], "I_trace": traces})
        out = self.neuron2({"I": self.mlp2_c(hidden), "I_trace": self.mlp2_c.trace_sum()})
        if self.training:
            for rule in self.rules:
                rule.step()
        return out.spikes


def present(net, true_inputs, steps, rate=0.04):
    """Output spikes while some inputs fire at `rate` per ms, from rest."""
    reset_state(net)
    fires = torch.zeros(6)
    fires[true_inputs] = rate
    return sum(net(torch.bernoulli(fires[None])).sum().item() for _ in range(steps))


def answers(net, steps):
    """Share of the output spikes that goes to the input that is known."""
    net.eval()
    known, other = present(net, [0, 1, 2], steps), present(net, [3, 4, 5], steps)
    net.train()
    return known, other, known / max(1.0, known + other)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--asked", type=int, default=1000, help="steps for which each input is shown, before and after")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--figure", help="file for a picture of the weights, such as pysnn_cyclic.png")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    net = Cyclic()
    with torch.no_grad():
        print(
            "before: {:.0f} spikes for the first three inputs, {:.0f} for the others: {:.0%} for the first".format(
                *answers(net, options.asked)
            )
        )
        present(net, [0, 1, 2], options.steps)
        weight = net.mlp1_c.weight
        print(f"weights from inputs that fired {weight[:, :3].mean():.2f}, from the others {weight[:, 3:].mean():.2f}")
        print(
            "after: {:.0f} spikes for the first three inputs, {:.0f} for the others: {:.0%} for the first".format(
                *answers(net, options.asked)
            )
        )
    if options.figure:
        spaic.Plot.weight_map(weight, title="input to hidden").figure.savefig(options.figure)
