"""Test accuracy of a recurrent network by backpropagation, e-prop and online training through time, at equal seeds.

The 8 rows of a digit (the ones that come with spaic) are shown one after the other, 4 ms each, to 100 adaptive neurons with recurrent
connections; a leaky readout is trained with the cross-entropy of its mean potential, for OTTT with that of the potential in each step. The
learning rate falls to 0 along a cosine: at a constant one, the accuracy of each learner moves by some points from epoch to epoch.

Run: python benchmarks/online_learning.py [--epochs 20] [--seeds 3] [--online]
"""

import argparse
import json
import time

import numpy as np
import torch
from torch.nn.functional import cross_entropy

import spaic

ROW = 4
TIME = 8.0 * ROW
LEARNERS = {
    "SurrogateBP": lambda: spaic.SurrogateBP(surrogate="triangular"),
    "EProp symmetric": lambda: spaic.EProp(),
    "EProp random": lambda: spaic.EProp(broadcast="random"),
    "OTTT": lambda: spaic.OTTT(surrogate="triangular"),
}


def network(learner, seed, updates):
    """8 inputs -> 100 neurons in a loop -> 10 leaky ones, to be trained by so many updates."""
    net = spaic.Network(seed=seed)
    net.rows = spaic.Encoder(num=8, coding_method="null")
    net.hidden = spaic.NeuronGroup(100, model="alif", tau_m=10.0)
    net.readout = spaic.NeuronGroup(10, model="nonspiking_lif", tau_m=20.0)
    net.into = spaic.Connection(net.rows, net.hidden, w_mean=0.0, w_std=1.0)
    net.loop = spaic.Connection(net.hidden, net.hidden, w_mean=0.0, w_std=0.1)
    net.onto = spaic.Connection(net.hidden, net.readout, w_mean=0.0, w_std=0.1)
    net.output = spaic.Decoder(dec_target=net.readout, coding_method="v_t")
    net.learner = learner()
    net.learner.set_optimizer(spaic.Adam(lr=0.02, schedule="CosineAnnealingLR", maxstep=updates))
    net.set_backend("torch", dt=1.0)
    net.set_runtime(TIME)
    return net


def digits(is_train):
    """Rows over time ``[n, T, 8]``, and labels."""
    images, labels = zip(*(spaic.Digits(is_train=is_train)[i] for i in range(len(spaic.Digits(is_train=is_train)))), strict=True)
    return np.repeat(np.asarray(images, dtype=np.float32).reshape(-1, 8, 8), ROW, axis=1), torch.tensor(np.asarray(labels, dtype=np.int64))


def train(net, data, labels, epochs, seed, is_online):
    """So many epochs, in batches of 50."""
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        for chosen in np.array_split(rng.permutation(len(data)), len(data) // 50):
            net.rows(data[chosen])
            net.learner.optim_zero_grad()
            aim = labels[chosen]
            if is_online:
                net.learner.learn(lambda values, step, aim=aim: cross_entropy(values, aim) / TIME)
            else:
                net.run()
                cross_entropy(net.output.predict.mean(0), aim).backward()
            net.learner.optim_step()


def accuracy(net, data, labels):
    """In percent."""
    with torch.no_grad():
        net.rows(data)
        net.run()
    return 100 * (net.output.predict.mean(0).argmax(1) == labels).double().mean().item()


def main() -> None:
    """Train with each learner and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--online", action="store_true", help="OTTT too, which takes much longer")
    options = parser.parse_args()
    data, labels = digits(True)
    test, answers = digits(False)
    for name, learner in LEARNERS.items():
        if name == "OTTT" and not options.online:
            continue
        found, start = [], time.perf_counter()
        for seed in range(options.seeds):
            net = network(learner, seed, options.epochs * (len(data) // 50))
            train(net, data, labels, options.epochs, seed, name == "OTTT")
            found.append(round(accuracy(net, test, answers), 2))
        took = (time.perf_counter() - start) / options.seeds
        print(
            json.dumps({"learner": name, "accuracy": found, "mean": round(float(np.mean(found)), 2), "seconds": round(took, 1)}), flush=True
        )


if __name__ == "__main__":
    main()
