"""The network of Diehl and Cook on MNIST: digits without labels, by spike-timing dependent plasticity, competition and adaptive thresholds.

Each image is shown for 350 ms and 150 ms of rest; where fewer than 5 spikes come, again at a higher rate. Then nothing learns any more:
what each neuron stands for is read from the last 10,000 training images, and the test images are classified by that.

MNIST is looked for in $SPAIC_DATA/mnist and in ~/.cache/spaic/mnist; --download fetches it (12 MB). With --save cook, weights, thresholds
and the state are written to cook-1000.spaic, cook-2000.spaic, ...; the last one is kept, and the same command goes on from there.
Expect more than 82 % with 100 neurons, and more than 88 % with 400.

Run: python examples/diehl_cook.py [--neurons 100] [--images 60000] [--seed 0] [--quick] [--save cook] [--figure cook.png]
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

import spaic
from spaic.Library import DiehlCook, LabelReadout

SHOWN, TRIAL = 350.0, 500.0  # ms
FEWEST, RATES = 5, np.arange(1.0, 6.5, 0.5, dtype=np.float32)  # spikes, and how many times the first rate until there are as many


def mnist(is_train, download, count):
    """Pixels in [0, 1], ``[count, 784]``, and labels."""
    data = spaic.MNIST(is_train=is_train, download=download)
    pixels, labels = zip(*(data[i] for i in range(min(count, len(data)))), strict=True)
    return np.stack(pixels).reshape(-1, 784), np.array(labels)


def network(neurons, seed):
    """The more neurons, the fewer spikes has each of them: what a spike changes grows with their number."""
    net = DiehlCook(neurons, inhibition=60.0, theta_plus=0.0025 * np.sqrt(neurons), shown=SHOWN, seed=seed)
    net.learner = spaic.PlasticityLearner(net.input_exc, "post_pre_stdp", nu_post=5e-4 * np.sqrt(neurons))
    net.set_backend("torch", dt=1.0)
    return net


def respond(net, image):
    """Spikes of each neuron, at the first rate at which there are enough, and the number of presentations that took."""
    for shown, rate in enumerate(RATES, 1):
        net.input(rate * image[None])
        net.run_continue(TRIAL)
        counts = net.output.predict[0].numpy()
        if counts.sum() >= FEWEST:
            break
    return counts.copy(), shown


def learn(net, pixels, save):
    """All images once, from where the last file of an earlier call ends."""
    files = sorted(Path().glob(f"{save}-*.spaic"), key=lambda file: int(file.stem.rpartition("-")[2])) if save else []
    if files:
        net.load(files[-1])
    start = int(files[-1].stem.rpartition("-")[2]) if files else 0
    bar = tqdm(range(start, len(pixels)), "learning", len(pixels), initial=start, mininterval=1.0)
    for i in bar:
        counts, shown = respond(net, pixels[i])
        if (i + 1) % 100 == 0:
            bar.set_postfix(spikes=int(counts.sum()), shown=shown, threshold=f"+{net.raised.mean():.1f} mV", refresh=False)
        if save and ((i + 1) % 1000 == 0 or i + 1 == len(pixels)):
            files.append(net.save(f"{save}-{i + 1}.spaic"))
            for old in files[:-1]:
                old.unlink(missing_ok=True)


def answers(net, pixels, what):
    """Spikes of each neuron for each image, ``[count, neurons]``."""
    return np.stack([respond(net, image)[0] for image in tqdm(pixels, what, mininterval=1.0)])


def draw(net, true, predicted, file):
    """What the neurons look for, and the confusion matrix."""
    file = Path(file)
    side = int(np.sqrt(net.exc.num))
    spaic.Plot.receptive_fields(net.input_exc, shape=(28, 28), neurons=range(side * side)).figure.savefig(file)
    counts = spaic.Plot.confusion_counts(true, predicted, classes=10)
    spaic.Plot.confusion_matrix(counts, title="MNIST, test images").figure.savefig(file.with_name(f"{file.stem}_confusion{file.suffix}"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--neurons", type=int, default=100)
    parser.add_argument("--images", type=int, default=60_000, help="to learn from")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="1000 images to learn from and 500 to test on, in 20 s")
    parser.add_argument("--download", action="store_true", help="fetch MNIST if it is not there")
    parser.add_argument("--save", help="beginning of the file names, such as cook")
    parser.add_argument("--figure", help="file for the receptive fields, such as cook.png; cook_confusion.png is written beside it")
    options = parser.parse_args()
    torch.set_num_threads(1)  # one image at a time leaves nothing to share
    try:
        pixels, labels = mnist(True, options.download, 1000 if options.quick else options.images)
        unseen, true = mnist(False, options.download, 500 if options.quick else 10_000)
    except spaic.DataError as error:
        sys.exit(f"{error}\nOr run this script with --download.")
    net = network(options.neurons, options.seed)
    with torch.no_grad():
        learn(net, pixels, options.save)
        fixed = net.fixed()
        fixed.set_backend("torch", dt=1.0)
        readout = LabelReadout(10)
        readout.observe(answers(fixed, pixels[-10_000:], "labelling"), labels[-10_000:])
        found = answers(fixed, unseen, "testing")
    for name, predicted in (("label", readout.by_label(found)), ("proportion", readout.by_proportion(found))):
        print(f"{options.neurons} neurons, {len(pixels)} images, by {name}: test accuracy {100 * (predicted == true).mean():.2f}%")
    if options.figure:
        draw(net, true, readout.by_proportion(found), options.figure)
