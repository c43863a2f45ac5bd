"""MNIST by reward-modulated STDP with exact events: 784 inputs, 10 neurons, one pass over the 60,000 training images, no gradient.

The demonstration of EvSpikeSim (https://github.com/Florian-BACHO/EvSpikeSim) in spaic.events: the brighter a pixel, the earlier its only
spike; each neuron should fire 30 times for its own digit and 5 times for others. Compiled hooks follow what pairs of spikes make eligible
while a sample runs, and after it a reward, the number of spikes that are missing or too many, turns that into a change of the weights.

MNIST is looked for in $SPAIC_DATA/mnist and in ~/.cache/spaic/mnist; --download fetches it (12 MB).
Expect 90.0 and 89.3 % on the 10,000 test images (seeds 0, 1), after about a minute on one core.

Run: python examples/event_rstdp_mnist.py [--images 60000] [--download] [--seed 0]
"""

import argparse
import math
import sys

import numba
import numpy as np
from tqdm import tqdm

import spaic
from spaic import events

LATEST = 10.0  # ms: of an input spike, and the synaptic time constant
WANTED, OTHERS = 30, 5  # spikes


@numba.njit
def on_pre_synapse(weight, neuron, synapse):
    synapse[0] += 1.0


@numba.njit
def on_post_synapse(weights, neuron, synapses):
    for i in range(len(weights)):
        synapses[i, 1] += synapses[i, 0]


def spikes(image):
    """Pixels that are not black, and the times of their spikes."""
    seen = np.flatnonzero(image)
    return seen, (1.0 - image[seen].astype(np.float64)) * LATEST


def run(net, data, order, rate=0.0):
    """In percent, how many were right; they are learned at this rate."""
    layer, right = net.output_layer, 0
    bar = tqdm(order, "learning" if rate else "testing", disable=None)
    for n, k in enumerate(bar):
        image, label = data[k]
        net.infer(*spikes(image))
        counts = layer.spike_counts
        right += counts.argmax() == label
        if rate:
            missing = np.where(np.arange(10) == label, WANTED, OTHERS) - counts
            layer.weights += rate * missing[:, None] * layer.synaptic_traces[:, :, 1]
        if n % 1000 == 999:
            bar.set_postfix(accuracy=f"{right / (n + 1):.1%}")
    return 100.0 * right / len(order)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=60000, help="of the training images")
    parser.add_argument("--tested", type=int, default=10000, help="of the test images")
    parser.add_argument("--rate", type=float, default=3e-4, help="learning rate")
    parser.add_argument("--download", action="store_true", help="fetch MNIST if it is not there")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    try:
        train, test = (spaic.MNIST(is_train=part, download=options.download) for part in (True, False))
    except spaic.DataError as error:
        sys.exit(f"{error}\nOr run this script with --download.")
    traces = events.Plasticity((2 * LATEST, math.inf), on_pre_synapse=on_pre_synapse, on_post_synapse=on_post_synapse)
    net = events.Network(seed=options.seed)
    net.add_layer(784, 10, tau_s=LATEST, threshold=1.0, initializer=spaic.uniform(-1.0, 1.0), plasticity=traces)
    order = np.random.default_rng(options.seed).permutation(len(train))[: options.images]
    print(f"learning: accuracy {run(net, train, order, options.rate):.2f}%")
    print(f"exact events: test accuracy {run(net, test, range(min(options.tested, len(test)))):.2f}%")
