"""MNIST with exact spike times: 784-350-10 neurons that fire as often as they like, trained by exact gradients, without a time step.

The brighter a pixel, the earlier its only spike, within 10 ms; the class is the output neuron that fires most often in 40 ms. The number of
spikes is piecewise constant: its gradient is taken as that of the times, a spike that comes 10 ms earlier counting for one more. Silent
neurons have no gradient: hidden neurons that are silent for nearly all images, and outputs that are silent for their own digit, get
stronger weights after each step.

MNIST is looked for in $SPAIC_DATA/mnist and in ~/.cache/spaic/mnist; --download fetches it (12 MB).
Expect 97.7 % of the 10,000 test images after 8 epochs (seed 0), in about one minute per epoch on one core.

Run: python examples/event_mnist.py [--epochs 8] [--images 60000] [--hidden 350] [--download] [--seed 0]
"""

import argparse
import sys

import numpy as np
import torch
from tqdm import tqdm

import spaic
from spaic import events

LATEST, END = 10.0, 40.0  # ms: of an input spike, of a run
BATCH = 50


def arrays(data, count):
    """Times of the spikes of all pixels, negative for black ones, which stay silent; labels."""
    images, labels = (np.stack(column) for column in zip(*(data[k] for k in range(count)), strict=True))
    return torch.from_numpy(np.where(images > 0, (1.0 - images) * LATEST, -1.0)).double(), torch.from_numpy(labels)


class Net(spaic.Network):
    """Pixels, hidden neurons and ten classes; the membranes have two exponentials, of 10 and 20 ms."""

    def __init__(self, hidden, seed):
        super().__init__(seed=seed)
        self.input = spaic.Encoder(num=784, coding_method="sstb")
        self.hidden = spaic.NeuronGroup(hidden, model=events.neuron, tau_s=10.0, V_th=1.0)
        self.out = spaic.NeuronGroup(10, model=events.neuron, tau_s=10.0, V_th=1.0)
        self.first = spaic.Connection(self.input, self.hidden, weight=spaic.normal(0.02, 0.3))
        self.second = spaic.Connection(self.hidden, self.out, weight=spaic.normal(3.5 / hidden, 0.1 * (350 / hidden) ** 0.5))
        self.learner = spaic.STCA()  # says that the weights are trained; its surrogate is for time grids only


def counts(net, times):
    """Spikes of the ten outputs, ``[batch, 10]``, with the gradient of their times."""
    net.input(times)
    net.run(END)
    return net.program.spikes["out"].soft_counts(unit=10.0)


def step(net, weights, optimizer, times, labels):
    """One step; how many were right."""
    found = counts(net, times)
    loss = torch.nn.functional.cross_entropy(found, labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        silent = torch.from_numpy((net.program.spikes["hidden"].counts() == 0).mean(axis=0))
        weights["first.weight"][silent > 0.95] += 0.002
        lost = (found == 0) & (torch.nn.functional.one_hot(labels, 10) > 0)
        weights["second.weight"] += 0.1 * lost.double().mean(0)[:, None]
    return int((found.argmax(dim=1) == labels).sum())


def accuracy(net, times, labels):
    """In percent."""
    with torch.no_grad():
        right = [(counts(net, t).argmax(dim=1) == y).sum() for t, y in zip(times.split(500), labels.split(500), strict=True)]
    return 100 * float(sum(right)) / len(labels)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--images", type=int, default=60000, help="of the training images")
    parser.add_argument("--tested", type=int, default=10000, help="of the test images")
    parser.add_argument("--hidden", type=int, default=350)
    parser.add_argument("--rate", type=float, default=0.004, help="learning rate, which falls to 0")
    parser.add_argument("--download", action="store_true", help="fetch MNIST if it is not there")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    try:
        train, test = (spaic.MNIST(is_train=part, download=options.download) for part in (True, False))
    except spaic.DataError as error:
        sys.exit(f"{error}\nOr run this script with --download.")
    times, labels = arrays(train, min(options.images, len(train)))
    unseen = arrays(test, min(options.tested, len(test)))
    torch.manual_seed(options.seed)
    net = Net(options.hidden, options.seed)
    net.set_backend(spaic.Event_Backend(dt=1.0, least_slope=0.02))
    net.build()
    weights = dict(net.named_parameters())
    optimizer = torch.optim.Adam(weights.values(), lr=options.rate)
    batches = -(-len(times) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.epochs * batches)
    for epoch in range(options.epochs):
        right = seen = 0
        bar = tqdm(torch.randperm(len(times)).split(BATCH), f"epoch {epoch + 1}/{options.epochs}", mininterval=1.0)
        for part in bar:
            right += step(net, weights, optimizer, times[part], labels[part])
            seen += len(part)
            schedule.step()
            bar.set_postfix(accuracy=f"{right / seen:.1%}", refresh=False)
        print(f"epoch {epoch + 1}: training accuracy {100 * right / seen:.2f}%, test accuracy {accuracy(net, *unseen):.2f}%", flush=True)
